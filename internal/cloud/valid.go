package cloud

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// Limits of requests, as S3, MediaConvert and CloudFront publish them.
const (
	MaxKey          = 1024 // bytes of a key
	MaxToken        = 64   // characters of a job's token
	MaxJobMetadata  = 10   // pairs
	maxMetadata     = 2048 // bytes of an object's metadata, names and values
	MaxInvalidPaths = 3000 // paths of one invalidation
	maxPath         = 4000 // characters of an invalidation path
)

// Valid reports what is wrong with l as the name of one object: a key is 1 to
// 1,024 bytes of UTF-8.
func (l Location) Valid() error {
	switch {
	case l.Bucket == "":
		return errors.New("no bucket")
	case l.Key == "":
		return errors.New("no key")
	case len(l.Key) > MaxKey:
		return fmt.Errorf("a key of %d bytes, limit %d", len(l.Key), MaxKey)
	case !utf8.ValidString(l.Key):
		return errors.New("a key that is not UTF-8")
	}
	return nil
}

// Valid reports what is wrong with p, whatever is in the store.
func (p Put) Valid() error {
	if err := p.Location.Valid(); err != nil {
		return err
	}
	if p.If.Absent && p.If.ETag != "" {
		return errors.New("conditions that exclude each other")
	}
	size := 0
	for k, v := range p.Metadata {
		size += len(k) + len(v)
		if !metadataName(k) {
			return fmt.Errorf("metadata %q: want lower-case letters, digits and dashes", k)
		}
		if !printable(v) || strings.TrimSpace(v) != v {
			return fmt.Errorf("metadata %s: value %q: want printable ASCII with no space at its ends", k, v)
		}
	}
	if size > maxMetadata {
		return fmt.Errorf("metadata of %d bytes, limit %d", size, maxMetadata)
	}
	return nil
}

// Valid reports what is wrong with r, whatever the account holds.
func (r JobRequest) Valid() error {
	switch {
	case r.Token == "" || len(r.Token) > MaxToken || !printable(r.Token):
		return fmt.Errorf("token %q: want 1 to %d ASCII characters", r.Token, MaxToken)
	case r.Role == "":
		return errors.New("no role")
	case r.Priority < -50 || r.Priority > 50:
		return fmt.Errorf("priority %d: want -50 to 50", r.Priority)
	case len(r.Metadata) > MaxJobMetadata:
		return fmt.Errorf("%d pairs of metadata, limit %d", len(r.Metadata), MaxJobMetadata)
	}
	for k, v := range r.Metadata {
		if k == "" || len(k) > 128 || len(v) > 256 || strings.ContainsFunc(k+v, notUserMetadata) {
			return fmt.Errorf("metadata %q: %q: want at most 128 and 256 letters, digits, spaces and _.:/=+-@", k, v)
		}
	}
	return r.Spec.Valid()
}

// ValidPaths reports what is wrong with the paths of one invalidation.
func ValidPaths(paths []string) error {
	if len(paths) == 0 || len(paths) > MaxInvalidPaths {
		return fmt.Errorf("%d paths: want 1 to %d", len(paths), MaxInvalidPaths)
	}
	for _, p := range paths {
		star := strings.IndexByte(p, '*')
		switch {
		case !strings.HasPrefix(p, "/"):
			return fmt.Errorf("path %q: want a slash first", p)
		case len(p) > maxPath:
			return fmt.Errorf("path of %d characters, limit %d", len(p), maxPath)
		case star >= 0 && star != len(p)-1:
			return fmt.Errorf("path %q: want \"*\" only last", p)
		case !printable(p) || strings.ContainsAny(p, ` "<>\^{|}`+"`"):
			return fmt.Errorf("path %q: want it encoded for URLs", p)
		}
	}
	return nil
}

func metadataName(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '-')
	})
}

func notUserMetadata(r rune) bool {
	return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune(" _.:/=+-@", r))
}

// printable reports whether s holds only ASCII from space to tilde.
func printable(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' })
}
