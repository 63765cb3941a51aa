package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/vodfleet/vodfleet/internal/run"
	"github.com/vodfleet/vodfleet/tasks"
)

// settings are a worker's, by their variables.
var settings = map[string]string{
	"VODFLEET_REDIS_URL": "redis://127.0.0.1:6379/0", "VODFLEET_LEDGER": "s3://ledger/fleet", "VODFLEET_SOURCES": "library",
	"VODFLEET_OUTPUT": "s3://streams", "VODFLEET_VIEWER_URL": "https://viewers.example", "VODFLEET_MEDIACONVERT_ROLE": "arn:aws:iam::111122223333:role/vod",
}

func TestParse(t *testing.T) {
	const digest = "0123456789abcdef0123456789abcdef"
	for _, tt := range []struct {
		name string
		args string // separated by spaces
		env  string // NAME=value
		want string // the sources, the profile, the queues and the grace; or
		err  string
	}{
		{"nothing but what is needed", "", "", "[s3://library/] default [] 24h0m0s", ""},
		{"sources with spaces and prefixes", "", "VODFLEET_SOURCES=library, other/in house,s3://third/a/", "[s3://library/ s3://other/in house/ s3://third/a/] default [] 24h0m0s", ""},
		{"a source with a comma", "", `VODFLEET_SOURCES=library/a\,b,other`, "[s3://library/a,b/ s3://other/] default [] 24h0m0s", ""},
		{"flags win", "--sources=flagged --grace=1h", "VODFLEET_GRACE=2h", "[s3://flagged/] default [] 1h0m0s", ""},
		{"a stored profile", "--profile=" + digest, "", "[s3://library/] " + digest + " [] 24h0m0s", ""},
		{"some queues", "--queues=publish,transcode-poll", "", "[s3://library/] default [publish transcode-poll] 24h0m0s", ""},
		{"no sources", "", "VODFLEET_SOURCES=", "", "sources: none"},
		{"a source that is none", "", "VODFLEET_SOURCES=library,Other", "", `bucket "Other"`},
		{"no role", "", "VODFLEET_MEDIACONVERT_ROLE=-", "", "missing flags: --mediaconvert-role"},
		{"a profile's file", "--profile=profile.yaml", "", "", `profile "profile.yaml": a worker takes "default" or a stored profile's digest; store a file with`},
		{"a digest in capitals", "--profile=" + strings.ToUpper(digest), "", "", "a worker takes"},
		{"part of a digest", "--profile=" + digest[1:], "", "", "a worker takes"},
		{"no concurrency", "--concurrency=0", "", "", "concurrency 0: want 1 to 1000"},
		{"too much of it", "--concurrency=1001", "", "", "concurrency 1001: want 1 to 1000"},
		{"an invalidation budget below none", "--invalidation-budget=-1", "", "", "invalidation-budget -1: want 0 or more"},
		{"a grace below none", "--grace=-1h", "", "", "grace -1h0m0s: want none or more"},
		{"no drain time-out", "--drain-timeout=0s", "", "", "drain-timeout 0s: want more than none"},
		{"an unknown queue", "--queues=publish,nothing", "", "", `queue "nothing"`},
		{"output in the sources", "", "VODFLEET_OUTPUT=s3://library/out", "", "overlap: streams would be taken for sources"},
		{"ledger in the sources", "", "VODFLEET_LEDGER=s3://library/ledger", "", "overlap: records would be taken for sources"},
		{"ledger in the output", "", "VODFLEET_LEDGER=s3://streams/ledger", "", "viewers could read it"},
		{"a viewer URL with a password", "", "VODFLEET_VIEWER_URL=https://me:secret@d1.example.net", "", "has a user or a password"},
		{"an argument", "publish", "", "", "unexpected argument publish"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for name, value := range settings {
				t.Setenv(name, value)
			}
			if name, value, ok := strings.Cut(tt.env, "="); ok && value != "-" {
				t.Setenv(name, value)
			} else if ok {
				unset(t, name)
			}
			f, err := parse(strings.Fields(tt.args), io.Discard)
			if tt.err != "" {
				e, ok := err.(*run.Error)
				if !ok || e.Code != run.Usage || !strings.Contains(err.Error(), tt.err) || !strings.HasSuffix(err.Error(), "; see worker --help") {
					t.Errorf("parse = %v, want a usage error: %s", err, tt.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got := told(f); got != tt.want {
				t.Errorf("parse = %s, want %s", got, tt.want)
			}
		})
	}
}

// Workers that share a ledger are one fleet, over all versions of this program:
// jobs carry its name.
func TestFleet(t *testing.T) {
	for name, value := range settings {
		t.Setenv(name, value)
	}
	for ledger, want := range map[string]string{
		"s3://ledger/fleet":  "0c0749d1b87e68b3",
		"s3://ledger/fleet/": "0c0749d1b87e68b3",
		"s3://ledger/other":  "af419080bd630e37",
		"s3://ledger":        "ec26e971e84a656f",
	} {
		f, err := parse([]string{"--ledger", ledger}, io.Discard)
		if err != nil {
			t.Fatal(err)
		}
		if got := f.Fleet(); got != want {
			t.Errorf("fleet of %s = %s, want %s", ledger, got, want)
		}
	}
}

func TestHelp(t *testing.T) {
	var b strings.Builder
	f, err := parse([]string{"--help"}, &b)
	if f != nil || err != nil {
		t.Errorf("parse = %v, %v, want neither", f, err)
	}
	for _, want := range append(tasks.Queues(), "Examples:", "Exit codes: 0 ", "VODFLEET_SOURCES", "--drain-timeout") {
		if !strings.Contains(b.String(), want) {
			t.Errorf("the help lacks %q:\n%s", want, &b)
		}
	}
}

func told(f *flags) string {
	return fmt.Sprint(f.Sources.Locations(), " ", f.Profile.Profile, " ", f.Queues, " ", f.Grace.Grace)
}

// unset removes a variable for the test.
func unset(t *testing.T, name string) {
	t.Helper()
	t.Setenv(name, "") // puts it back at the end
	if err := os.Unsetenv(name); err != nil {
		t.Fatal(err)
	}
}
