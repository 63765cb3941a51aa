package tasks

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"unicode/utf8"
)

// Limits of what a payload may carry, in bytes.
const (
	maxKey       = 1024 // S3's own limit of an object key
	maxReference = 256
	maxJob       = 128
)

// Validate checks every field; see [Task].
func (t Ingest) Validate() error {
	return named(t,
		checkBucket(t.Bucket),
		checkKey(t.Key),
		checkSourceVersion(t.SourceVersion),
		checkProfile(t.Profile),
		checkReference(t.Reference),
		checkLane(t.Lane))
}

// Validate checks every field; see [Task].
func (t TranscodeSubmit) Validate() error {
	return named(t, checkAsset(t.Asset), checkNumber("build", t.Build),
		checkProfile(t.Profile), checkReference(t.Reference), checkLane(t.Lane))
}

// Validate checks every field; see [Task].
func (t TranscodePoll) Validate() error {
	return named(t, checkAsset(t.Asset), checkNumber("build", t.Build),
		checkJob(t.Job), checkProfile(t.Profile), checkReference(t.Reference))
}

// Validate checks every field; see [Task].
func (t Publish) Validate() error {
	return named(t, checkAsset(t.Asset), checkNumber("build", t.Build),
		checkProfile(t.Profile), checkReference(t.Reference))
}

// Validate checks every field; see [Task].
func (t InvalidateOrRename) Validate() error {
	return named(t, checkAsset(t.Asset), checkNumber("seq", t.Seq),
		checkProfile(t.Profile), checkReference(t.Reference))
}

// named returns the first of errs under the kind of t.
func named(t Task, errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return fmt.Errorf("%s task: %w", t.Kind(), err)
		}
	}
	return nil
}

// checkBucket holds a name to the rules for general purpose buckets (Amazon S3
// User Guide, "General purpose bucket naming rules"), less those that only
// reserve prefixes and suffixes for AWS.
func checkBucket(s string) error {
	if s == "" {
		return errors.New("bucket: missing")
	}
	if len(s) < 3 || len(s) > 63 {
		return fmt.Errorf("bucket: %d characters, want 3 to 63", len(s))
	}
	for i := range len(s) {
		c := s[i]
		switch alnum := 'a' <= c && c <= 'z' || '0' <= c && c <= '9'; {
		case alnum:
		case c != '.' && c != '-':
			return fmt.Errorf("bucket: character %d is not a lower-case letter, a digit, a dot or a hyphen", i+1)
		case i == 0 || i == len(s)-1:
			return errors.New("bucket: begins or ends with a dot or a hyphen")
		}
	}
	if strings.Contains(s, "..") {
		return errors.New("bucket: two dots in a row")
	}
	if _, err := netip.ParseAddr(s); err == nil {
		return errors.New("bucket: is an IP address")
	}
	return nil
}

// checkKey takes whatever S3 takes as a key: control characters, "..", and a
// leading slash among it.
func checkKey(s string) error {
	switch {
	case s == "":
		return errors.New("key: missing")
	case len(s) > maxKey:
		return fmt.Errorf("key: %d bytes, want at most %d", len(s), maxKey)
	case !utf8.ValidString(s):
		return errors.New("key: not valid UTF-8")
	}
	return nil
}

func checkAsset(s string) error {
	switch {
	case s == "":
		return errors.New("asset: missing")
	case !IsAssetID(s):
		return fmt.Errorf("asset: not an asset ID, which is %d characters of base32", assetIDLen)
	}
	return nil
}

func checkNumber(field string, n int) error {
	if n < 1 {
		return fmt.Errorf("%s: %d, want 1 or more", field, n)
	}
	return nil
}

func checkSourceVersion(s string) error {
	if s != "" && (len(s) != hashLen || !isBase32(s)) {
		return fmt.Errorf("source version: not %d characters of base32", hashLen)
	}
	return nil
}

func checkJob(s string) error {
	if len(s) > maxJob {
		return fmt.Errorf("job: %d bytes, want at most %d", len(s), maxJob)
	}
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' {
			return fmt.Errorf("job: character %d is not printable ASCII", i+1)
		}
	}
	return nil
}

func checkProfile(s string) error {
	if s == "" {
		return nil
	}
	if len(s) != profileLen || strings.Trim(s, "0123456789abcdef") != "" {
		return fmt.Errorf("profile: not a digest of %d lower-case hexadecimal digits", profileLen)
	}
	return nil
}

func checkReference(s string) error {
	switch {
	case len(s) > maxReference:
		return fmt.Errorf("reference: %d bytes, want at most %d", len(s), maxReference)
	case !utf8.ValidString(s):
		return errors.New("reference: not valid UTF-8")
	}
	return nil
}

func checkLane(l Lane) error {
	if l != "" && l != Live && l != Bulk {
		return fmt.Errorf("lane: neither empty nor %q nor %q", Live, Bulk)
	}
	return nil
}
