package media

import (
	"errors"
	"fmt"
	"math"
	"net/url"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Bounds of what one manifest may make us read, hold or loop over. A day of
// two-second segments is 43,200 files in 3 MB a rendition.
const (
	MaxManifest = 16 << 20 // bytes
	maxFiles    = 500_000  // files that one manifest names
	maxURI      = 4096     // bytes; a key has at most 1,024, each up to three in a URI
	maxText     = 64 << 20 // bytes of the names that templates make
)

// ErrTooLarge is the cause of an error about a manifest beyond a bound.
var ErrTooLarge = errors.New("too large")

// Variant is one quality as a manifest declares it. What it does not tell is zero.
type Variant struct {
	Width, Height int    // pixels
	Bandwidth     int    // bits a second, peak
	Average       int    // bits a second
	Codecs        string // RFC 6381
	FrameRate     float64
}

// Ref is a file that a manifest names.
type Ref struct {
	URI      string // relative to the manifest's folder, not checked: see [Resolve]
	By       string // what names it: a tag or an element
	Range    Range
	Optional bool // rounding decides whether it is there: see [MPD]
}

// Range is a part of a file. The zero value is the whole file.
type Range struct {
	Offset, Length int64 // bytes
}

// End is the size that the file must have at least, 0 for a whole file.
func (r Range) End() int64 { return r.Offset + r.Length }

// URIError tells which URI of which manifest was refused and why.
type URIError struct {
	Manifest string // path within the build
	URI      string // cut after 200 bytes
	Why      string
}

func (e *URIError) Error() string {
	return fmt.Sprintf("%s: URI %q: %s", e.Manifest, e.URI, e.Why)
}

// Resolve returns the path within the build that uri, found in the manifest at
// the path manifest within the build, names: percent-decoded, as object keys
// are. A player would follow a URI anywhere; this follows none that is not
// below the build: an absolute, scheme-relative or root-relative one, one that
// climbs out by "..", or one whose meaning depends on who reads it (encoded
// dots and slashes, backslashes, spaces at the ends, queries, fragments,
// variables) is a [*URIError].
func Resolve(manifest, uri string) (string, error) {
	segments, err := splitURI(uri)
	if err != nil {
		return "", refuse(manifest, uri, err.Error())
	}
	path := strings.Split(manifest, "/")
	path = path[:len(path)-1]
	for i, s := range segments {
		switch last := i == len(segments)-1; {
		case s == "..":
			if len(path) == 0 {
				return "", refuse(manifest, uri, "leaves the build")
			}
			path = path[:len(path)-1]
			if last {
				return "", refuse(manifest, uri, "names a folder")
			}
		case s == "." || s == "" && last:
			if last {
				return "", refuse(manifest, uri, "names a folder")
			}
		default:
			path = append(path, s)
		}
	}
	return strings.Join(path, "/"), nil
}

func refuse(manifest, uri, why string) error {
	const shown = 200
	if len(uri) > shown {
		uri = uri[:shown]
	}
	return &URIError{Manifest: manifest, URI: uri, Why: why}
}

// splitURI returns the decoded path segments of a relative reference without
// query and fragment. "." and ".." are left in, and only ever mean themselves.
func splitURI(uri string) ([]string, error) {
	if err := checkRelative(uri); err != nil {
		return nil, err
	}
	segments := strings.Split(uri, "/")
	for i, s := range segments {
		d, err := url.PathUnescape(s)
		switch {
		case err != nil:
			return nil, errors.New("broken percent-encoding")
		case d != s && (d == "." || d == ".."):
			return nil, errors.New("encoded dot segment")
		case strings.ContainsAny(d, `/\`):
			return nil, errors.New("encoded slash")
		case !utf8.ValidString(d):
			return nil, errors.New("not UTF-8")
		case strings.ContainsFunc(d, unicode.IsControl):
			return nil, errors.New("control character")
		}
		segments[i] = d
	}
	return segments, nil
}

// checkRelative refuses what is not a plain relative path.
func checkRelative(uri string) error {
	switch {
	case uri == "":
		return errors.New("empty")
	case len(uri) > maxURI:
		return fmt.Errorf("longer than %d bytes", maxURI)
	case strings.ContainsAny(uri, `\`):
		return errors.New("backslash") // browsers read it as a slash
	case strings.Trim(uri, " ") != uri:
		return errors.New("space at an end") // browsers drop it: " //host" is another host
	case strings.HasPrefix(uri, "//"):
		return errors.New("another host")
	case strings.HasPrefix(uri, "/"):
		return errors.New("absolute path")
	case strings.ContainsRune(uri, '?'):
		return errors.New("query string")
	case strings.ContainsRune(uri, '#'):
		return errors.New("fragment")
	case strings.Contains(uri, "{$"):
		return errors.New("variable")
	}
	first, _, _ := strings.Cut(uri, "/")
	if strings.ContainsRune(first, ':') {
		return errors.New("absolute URI")
	}
	return nil
}

// EscapePath returns an object key, or a path of keys' segments, as it stands
// in a URL: every segment escaped, slashes kept. A plus is escaped too, since
// S3 reads a bare one as a space.
func EscapePath(key string) string {
	segments := strings.Split(key, "/")
	for i, s := range segments {
		segments[i] = strings.ReplaceAll(url.PathEscape(s), "+", "%2B")
	}
	return strings.Join(segments, "/")
}

// maxDuration is the longest a manifest may be.
const maxDuration = 1000 * time.Hour

// seconds turns a manifest's decimal seconds into a duration. It refuses what
// is negative, not a number, or longer than [maxDuration].
func seconds(s float64) (time.Duration, error) {
	if !(s >= 0 && s <= maxDuration.Seconds()) { // not a number is neither
		return 0, fmt.Errorf("a duration of %v s", s)
	}
	return time.Duration(math.Round(s * float64(time.Second))), nil
}
