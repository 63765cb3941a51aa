// Package config holds the settings that vodfleet's programs share: flags with
// the environment behind them, checked before anything is tried. Only main
// packages import it; other packages get what they need as arguments.
//
// The structs are kong's: embed them in a command's struct. Every AWS setting
// (credentials, region, endpoints, retries) is the AWS SDK's own and is not
// repeated here.
package config

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/vodfleet/vodfleet/internal/cloud"
)

// Redis says where the queue is.
type Redis struct {
	RedisURL string `secret:"url" name:"redis-url" env:"VODFLEET_REDIS_URL" default:"redis://127.0.0.1:6379/0" help:"Redis of the queue: redis://, rediss:// (TLS) with an optional user and password, or redis-sentinel://." placeholder:"URL"`
}

// Ledger says where the truth is.
type Ledger struct {
	Ledger Location `env:"VODFLEET_LEDGER" required:"" help:"Where the ledger is kept: s3://BUCKET/PREFIX, not served by the distribution." placeholder:"S3-URI"`
}

// Sources says which videos may be read.
type Sources struct {
	Sources []Source `env:"VODFLEET_SOURCES" required:"" help:"Buckets that videos may be read from, as BUCKET or BUCKET/PREFIX." placeholder:"BUCKET[/PREFIX],…"`
}

// Viewer says where viewers find streams.
type Viewer struct {
	Output       Location `env:"VODFLEET_OUTPUT" required:"" help:"Where streams are written: s3://BUCKET or s3://BUCKET/PREFIX, the distribution's origin." placeholder:"S3-URI"`
	ViewerURL    URL      `name:"viewer-url" env:"VODFLEET_VIEWER_URL" required:"" help:"URL under which viewers reach what is written to the output." placeholder:"URL"`
	Distribution string   `name:"distribution-id" env:"VODFLEET_DISTRIBUTION_ID" help:"CloudFront distribution before the output; empty for none." placeholder:"ID"`
}

// Profile names the profile of tasks that name none.
type Profile struct {
	Profile string `env:"VODFLEET_PROFILE" default:"default" help:"Profile: \"default\" (built in), the digest of a stored one, or, for the enqueuer, a YAML file." placeholder:"NAME"`
}

// Transcode says how jobs are paid for and put in line.
type Transcode struct {
	Role  string `name:"mediaconvert-role" env:"VODFLEET_MEDIACONVERT_ROLE" required:"" help:"ARN of the role that MediaConvert takes on." placeholder:"ARN"`
	Queue string `name:"mediaconvert-queue" env:"VODFLEET_MEDIACONVERT_QUEUE" help:"MediaConvert queue, name or ARN; empty for the account's default." placeholder:"QUEUE"`
}

// Grace says how long replaced files are kept.
type Grace struct {
	Grace time.Duration `env:"VODFLEET_GRACE" default:"24h" help:"How long the files of a build that is neither current nor previous are kept."`
}

// Location is an s3:// URI in a flag.
type Location struct{ cloud.Location }

// UnmarshalText implements [encoding.TextUnmarshaler].
func (l *Location) UnmarshalText(text []byte) error {
	at, err := cloud.ParseLocation(string(text))
	if err != nil {
		return err
	}
	at.Key = strings.Trim(at.Key, "/")
	if strings.Contains(at.Key, "//") {
		return fmt.Errorf("location %q: an empty path segment in the prefix", text)
	}
	l.Location = at
	return checkBucket(at.Bucket)
}

// Source is BUCKET or BUCKET/PREFIX in a flag. The prefix ends in a slash
// unless it is empty, so that "videos/in" does not allow "videos/inside".
type Source struct{ cloud.Location }

// UnmarshalText implements [encoding.TextUnmarshaler].
func (s *Source) UnmarshalText(text []byte) error {
	bucket, prefix, _ := strings.Cut(strings.TrimPrefix(strings.TrimSpace(string(text)), "s3://"), "/")
	if prefix != "" && !strings.HasSuffix(prefix, "/") {
		prefix += "/"
	}
	s.Location = cloud.Location{Bucket: bucket, Key: prefix}
	return checkBucket(bucket)
}

// URL is an absolute http or https URL in a flag, without a final slash.
type URL struct{ url.URL }

// UnmarshalText implements [encoding.TextUnmarshaler].
func (u *URL) UnmarshalText(text []byte) error {
	parsed, err := url.Parse(strings.TrimRight(string(text), "/"))
	if err != nil {
		return err
	}
	if parsed.User != nil {
		return fmt.Errorf("URL of %s: has a user or a password, which everybody would see", parsed.Host)
	}
	if parsed.Scheme != "http" && parsed.Scheme != "https" || parsed.Host == "" || parsed.RawQuery != "" || parsed.Fragment != "" {
		return fmt.Errorf("URL %q: want http(s)://HOST[/PATH]", text)
	}
	u.URL = *parsed
	return nil
}

// bucketName is what S3 allows in general purpose bucket names; see "Bucket
// naming rules" in the S3 user guide.
var bucketName = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`)

func checkBucket(name string) error {
	if !bucketName.MatchString(name) {
		return fmt.Errorf("bucket %q: want 3 to 63 lower-case letters, digits, dots and hyphens", name)
	}
	return nil
}

// Locations returns the sources as locations with prefixes.
func (s Sources) Locations() []cloud.Location {
	at := make([]cloud.Location, 0, len(s.Sources))
	for _, source := range s.Sources {
		at = append(at, source.Location)
	}
	return at
}

// Check refuses to have none: an empty variable is taken for a value.
func (s Sources) Check() error {
	if len(s.Sources) == 0 {
		return errors.New("sources: none; name the buckets that videos may be read from in --sources or VODFLEET_SOURCES")
	}
	return nil
}

// Allow reports whether a video may be read.
func (s Sources) Allow(at cloud.Location) bool {
	return slices.ContainsFunc(s.Locations(), func(l cloud.Location) bool { return l.Holds(at) })
}

// CheckApart refuses outputs or a ledger that would be read as sources, which
// would feed the fleet with its own work, and a ledger inside the output,
// which viewers could read.
func CheckApart(sources Sources, output, ledger Location) error {
	if err := sources.Check(); err != nil {
		return err
	}
	for _, s := range sources.Sources {
		if overlap(s.Location, output.Location) {
			return fmt.Errorf("sources %s and output %s overlap: streams would be taken for sources", s, output)
		}
		if overlap(s.Location, ledger.Location) {
			return fmt.Errorf("sources %s and ledger %s overlap: records would be taken for sources", s, ledger)
		}
	}
	if ledger.Bucket == output.Bucket && within(ledger.Key, output.Key) {
		return fmt.Errorf("ledger %s lies in the output %s: viewers could read it; use another bucket or prefix", ledger, output)
	}
	return nil
}

func overlap(a, b cloud.Location) bool {
	return a.Bucket == b.Bucket && (within(a.Key, b.Key) || within(b.Key, a.Key))
}

// within reports whether the prefix inner lies in the prefix outer.
func within(inner, outer string) bool {
	outer = strings.TrimSuffix(outer, "/")
	return outer == "" || strings.TrimSuffix(inner, "/") == outer || strings.HasPrefix(inner, outer+"/")
}
