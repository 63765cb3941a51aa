package inventory

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/vodfleet/vodfleet/internal/cloud"
)

// Row is what a report says of one object, or of one version of it.
type Row struct {
	Line         int // in its data file, from 1
	Bucket       string
	Key          string // decoded
	VersionID    string // empty for the null version, and where versioning is off
	ETag         string
	StorageClass string
	Size         int64 // bytes; -1 where the report does not say
	OldVersion   bool
	DeleteMarker bool

	file int
}

// RowError says that one row cannot be read. The rows after it can.
type RowError struct {
	File cloud.Location
	Line int

	fault fault
}

// fault is what is wrong with a row.
type fault struct {
	reason string // of few kinds
	detail string // may be empty
}

func (e *RowError) Error() string {
	s := fmt.Sprintf("row %d of %s: %s", e.Line, e.File, e.fault.reason)
	if e.fault.detail != "" {
		s += ": " + e.fault.detail
	}
	return s
}

// Reason says what is wrong in words that are the same for the same kind of
// fault, so that they can be counted.
func (e *RowError) Reason() string { return e.fault.reason }

// parse reads one line of CSV; an empty reason means that it could. Fields is
// room for at least c.count fields.
func (c *columns) parse(line string, fields []string) (Row, fault) {
	if reason := split(line, fields[:c.count]); reason != "" {
		return Row{}, fault{reason: reason}
	}
	row := Row{
		Bucket:       fields[c.bucket],
		VersionID:    field(fields, c.version),
		ETag:         field(fields, c.etag),
		StorageClass: field(fields, c.class),
	}
	var f fault
	if row.Key, f = key(fields[c.key]); f.reason != "" {
		return Row{}, f
	}
	if row.Bucket == "" {
		return Row{}, fault{reason: "no bucket"}
	}
	var ok bool
	if row.Size, ok = size(field(fields, c.size)); !ok {
		return Row{}, fault{"size is not a number of bytes", fmt.Sprintf("%.40q", fields[c.size])}
	}
	latest, ok := boolean(field(fields, c.latest), true)
	if !ok {
		return Row{}, fault{"IsLatest is neither true nor false", fmt.Sprintf("%.40q", fields[c.latest])}
	}
	row.OldVersion = !latest
	if row.DeleteMarker, ok = boolean(field(fields, c.marker), false); !ok {
		return Row{}, fault{"IsDeleteMarker is neither true nor false", fmt.Sprintf("%.40q", fields[c.marker])}
	}
	return row, fault{}
}

// field returns the field at a place, empty if the report does not have it.
func field(fields []string, place int) string {
	if place < 0 {
		return ""
	}
	return fields[place]
}

// key decodes a key: in CSV it is URL-encoded, with a plus for a space. What
// comes out is a key as S3 takes it; it is not cleaned.
func key(s string) (string, fault) {
	if strings.IndexByte(s, '%') >= 0 || strings.IndexByte(s, '+') >= 0 {
		decoded, err := url.QueryUnescape(s)
		if err != nil {
			return "", fault{"key is not URL-encoded", err.Error()}
		}
		s = decoded
	}
	switch {
	case s == "":
		return "", fault{reason: "no key"}
	case len(s) > cloud.MaxKey:
		return "", fault{fmt.Sprintf("key is longer than %d bytes", cloud.MaxKey), fmt.Sprintf("%d", len(s))}
	case !utf8.ValidString(s):
		return "", fault{reason: "key is not UTF-8"}
	}
	return s, fault{}
}

// size reads a number of bytes. It is empty for delete markers.
func size(s string) (int64, bool) {
	if s == "" {
		return -1, true
	}
	n, err := strconv.ParseInt(s, 10, 64)
	return n, err == nil && n >= 0
}

func boolean(s string, absent bool) (value, ok bool) {
	switch {
	case s == "":
		return absent, true
	case strings.EqualFold(s, "true"):
		return true, true
	case strings.EqualFold(s, "false"):
		return false, true
	}
	return false, false
}
