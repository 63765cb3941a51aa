package tasks

import (
	"fmt"
	"strings"
	"testing"
)

func TestValidate(t *testing.T) {
	ingest := func(change func(*Ingest)) Task {
		t := Ingest{Bucket: "library", Key: "a.mp4"}
		change(&t)
		return t
	}
	bucket := func(s string) Task { return ingest(func(t *Ingest) { t.Bucket = s }) }
	key := func(s string) Task { return ingest(func(t *Ingest) { t.Key = s }) }
	for _, tt := range []struct {
		name string
		task Task
		want string
	}{
		{"smallest", ingest(func(*Ingest) {}), "<nil>"},
		{"bucket of 63", bucket(strings.Repeat("b", 63)), "<nil>"},
		{"bucket with dots", bucket("media.example.com"), "<nil>"},
		{"no bucket", bucket(""), "ingest task: bucket: missing"},
		{"short bucket", bucket("ab"), "ingest task: bucket: 2 characters, want 3 to 63"},
		{"long bucket", bucket(strings.Repeat("b", 64)), "ingest task: bucket: 64 characters, want 3 to 63"},
		{"upper case", bucket("Library"), "ingest task: bucket: character 1 is not a lower-case letter, a digit, a dot or a hyphen"},
		{"NUL", bucket("lib\x00"), "ingest task: bucket: character 4 is not a lower-case letter, a digit, a dot or a hyphen"},
		{"slash", bucket("lib/a"), "ingest task: bucket: character 4 is not a lower-case letter, a digit, a dot or a hyphen"},
		{"hyphen first", bucket("-lib"), "ingest task: bucket: begins or ends with a dot or a hyphen"},
		{"dot last", bucket("lib."), "ingest task: bucket: begins or ends with a dot or a hyphen"},
		{"two dots", bucket("li..b"), "ingest task: bucket: two dots in a row"},
		{"address", bucket("192.168.5.4"), "ingest task: bucket: is an IP address"},
		{"key of 1024", key(strings.Repeat("é", 512)), "<nil>"},
		{"odd key", key("/../\x00\x7f"), "<nil>"},
		{"no key", key(""), "ingest task: key: missing"},
		{"long key", key(strings.Repeat("é", 512) + "a"), "ingest task: key: 1025 bytes, want at most 1024"},
		{"key not UTF-8", key("a\xff"), "ingest task: key: not valid UTF-8"},
		{"source version", ingest(func(t *Ingest) { t.SourceVersion = SourceVersion("e", 1) }), "<nil>"},
		{"ETag as version", ingest(func(t *Ingest) { t.SourceVersion = "d41d8cd98f00b204" }), "ingest task: source version: not 16 characters of base32"},
		{"profile", ingest(func(t *Ingest) { t.Profile = profile }), "<nil>"},
		{"profile's name", ingest(func(t *Ingest) { t.Profile = "default" }), "ingest task: profile: not a digest of 32 lower-case hexadecimal digits"},
		{"upper-case profile", ingest(func(t *Ingest) { t.Profile = strings.ToUpper(profile) }), "ingest task: profile: not a digest of 32 lower-case hexadecimal digits"},
		{"reference of 256", ingest(func(t *Ingest) { t.Reference = strings.Repeat("r", 256) }), "<nil>"},
		{"long reference", ingest(func(t *Ingest) { t.Reference = strings.Repeat("r", 257) }), "ingest task: reference: 257 bytes, want at most 256"},
		{"reference not UTF-8", ingest(func(t *Ingest) { t.Reference = "\xff" }), "ingest task: reference: not valid UTF-8"},
		{"lane", ingest(func(t *Ingest) { t.Lane = "express" }), `ingest task: lane: neither empty nor "live" nor "bulk"`},
		{"submit", TranscodeSubmit{Asset: asset, Build: 1, Lane: Bulk}, "<nil>"},
		{"submit's lane", TranscodeSubmit{Asset: asset, Build: 1, Lane: "x"}, `transcode-submit task: lane: neither empty nor "live" nor "bulk"`},
		{"poll with a long job", TranscodePoll{Asset: asset, Build: 1, Job: strings.Repeat("1", 129)}, "transcode-poll task: job: 129 bytes, want at most 128"},
		{"poll with an odd job", TranscodePoll{Asset: asset, Build: 1, Job: "1 2"}, "transcode-poll task: job: character 2 is not printable ASCII"},
		{"poll without asset", TranscodePoll{Build: 1}, "transcode-poll task: asset: missing"},
		{"asset is a URL", Publish{Asset: "s3://library/a.mp4", Build: 1}, "publish task: asset: not an asset ID, which is 26 characters of base32"},
		{"build 0", Publish{Asset: asset}, "publish task: build: 0, want 1 or more"},
		{"seq -1", InvalidateOrRename{Asset: asset, Seq: -1}, "invalidate-or-rename task: seq: -1, want 1 or more"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := fmt.Sprint(tt.task.Validate()); got != tt.want {
				t.Errorf("Validate = %q, want %q", got, tt.want)
			}
		})
	}
}
