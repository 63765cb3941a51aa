package main

import (
	"io"
	"regexp"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
	"github.com/vodfleet/vodfleet/internal/cloud"
	"github.com/vodfleet/vodfleet/internal/cloud/memcloud"
	"github.com/vodfleet/vodfleet/internal/run"
	"github.com/vodfleet/vodfleet/tasks"
)

// Every command tells by examples how it is used, and its exit codes; every
// flag says what it is for.
func TestHelp(t *testing.T) {
	asked := false
	k, err := parser(io.Discard, &asked)
	if err != nil {
		t.Fatal(err)
	}
	settings(t, "redis://127.0.0.1:1/0")
	_ = kong.Visit(k.Model, func(node kong.Visitable, next kong.Next) error {
		if n, ok := node.(*kong.Node); ok && (n.Type == kong.CommandNode || n.Type == kong.ApplicationNode) {
			checkHelp(t, n)
		}
		return next(nil)
	})
}

func checkHelp(t *testing.T, n *kong.Node) {
	t.Helper()
	path := strings.Fields(strings.TrimPrefix(n.FullPath(), "enqueuer"))
	var b strings.Builder
	e := env{ctx: t.Context(), out: &b}
	if err := e.run(append(path, "--help")); err != nil {
		t.Errorf("%s --help = %v", n.FullPath(), err)
	}
	for _, want := range []string{"Examples:\n\n  ", "enqueuer " + strings.Join(path, " "), "Exit codes: 0 "} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("%s --help lacks %q:\n%s", n.FullPath(), want, &b)
		}
	}
	for _, f := range n.Flags {
		if f.Help == "" {
			t.Errorf("%s --%s has no help", n.FullPath(), f.Name)
		}
		for _, v := range f.Envs {
			if !strings.HasPrefix(v, "VODFLEET_") {
				t.Errorf("%s --%s is set by %s, want VODFLEET_*", n.FullPath(), f.Name, v)
			}
		}
	}
}

func TestUsage(t *testing.T) {
	settings(t, "redis://127.0.0.1:1/0")
	for _, tt := range []struct {
		name string
		args []string
		env  string // NAME=value
		code int
		says string
	}{
		{"no command is a question for help", nil, "", 0, ""},
		{"an unknown command", []string{"transcode"}, "", 2, "unexpected argument transcode"},
		{"an unknown flag", []string{"status", "--ful"}, "", 2, "unknown flag --ful"},
		{"an unknown output", []string{"status", "--output=xml"}, "", 2, "--output must be one of"},
		{"no ledger", []string{"status"}, "VODFLEET_LEDGER=", 2, "--ledger"},
		{"no sources", []string{"add", "s3://library/a"}, "VODFLEET_SOURCES=", 2, "VODFLEET_SOURCES"},
		{"a ledger that is no location", []string{"status"}, "VODFLEET_LEDGER=ledger/fleet", 2, `location "ledger/fleet": want s3://BUCKET/KEY`},
		{"a Redis URL of another kind", []string{"add", "s3://library/a"}, "VODFLEET_REDIS_URL=http://:secret@x", 2, "redis"},
		{"a group without a command", []string{"profile"}, "", 2, `expected one of "check", "put", "show"`},
		{"half of the credentials", []string{"dashboard", "--user=ops"}, "", 2, "give a user and a password, or neither"},
		{"a dashboard for everybody", []string{"dashboard", "--listen=:0"}, "", 2, "open to other machines"},
		{"an unknown log level", []string{"dashboard", "--log-level=loud"}, "", 2, "--log-level must be one of"},
		{"an asset that is none", []string{"explain", "films/one.mp4"}, "", 2, `asset "films/one.mp4": want an asset ID (26 characters) or s3://BUCKET/KEY`},
		{"a manifest that is none", []string{"scan", "--manifest=x"}, "", 2, `location "x": want s3://BUCKET/KEY`},
		{"scan of less than nothing", []string{"scan", "--manifest=s3://reports/m", "--max-new=-1"}, "", 2, "max-new -1"},
		{"a page of nothing", []string{"library", "--most=0"}, "", 2, "most 0"},
		{"health of no URL", []string{"health", "http://a b"}, "", 2, "invalid character"},
		{"health of nobody", []string{"health", "http://127.0.0.1:1/healthz"}, "", 1, "health: "},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if name, value, ok := strings.Cut(tt.env, "="); ok {
				t.Setenv(name, value)
			}
			s := stand{t: t, mem: memcloud.New(memcloud.Options{})}
			out, code, err := s.run(tt.args...)
			said := ""
			if err != nil {
				said = err.Error()
			}
			if code != tt.code || !strings.Contains(said, tt.says) || strings.Contains(said, "secret") {
				t.Errorf("%q exits %d: %s, want %d: %s\n%s", tt.args, code, said, tt.code, tt.says, out)
			}
		})
	}
}

func TestExitCodesAreDocumented(t *testing.T) {
	for _, code := range []string{"0", "1", "2", "3", "130"} {
		if !regexp.MustCompile(`[ ;]` + code + `[ ]`).MatchString(help) {
			t.Errorf("exit code %s is not in the help", code)
		}
	}
	if run.Unfinished != 3 || run.Interrupted != 130 {
		t.Error("exit codes are not as documented")
	}
}

func TestLocation(t *testing.T) {
	for _, tt := range []struct{ in, key, err string }{
		{"s3://library/a.mp4", "a.mp4", ""},
		{"s3://library/a b+c%20#?&'\"é.mp4", "a b+c%20#?&'\"é.mp4", ""},
		{"s3://library//a", "/a", ""},
		{"s3://library/../a", "../a", ""},
		{"s3://library/a/", "a/", ""},
		{"s3://library/a\nb", "a\nb", ""},
		{"s3://library/", "", `location "s3://library/": no key`},
		{"s3://", "", `location "s3://": no bucket`},
		{"S3://library/a", "", `location "S3://library/a": want s3://BUCKET/KEY`},
		{"https://library.s3.amazonaws.com/a", "", `location "https://library.s3.amazonaws.com/a": want s3://BUCKET/KEY`},
	} {
		got, err := location(tt.in)
		said := ""
		if err != nil {
			said = err.Error()
		}
		if got.Key != tt.key || said != tt.err {
			t.Errorf("location(%q) = %v, %v, want key %q, %s", tt.in, got, err, tt.key, tt.err)
		}
	}
}

func TestAsset(t *testing.T) {
	at := cloud.Location{Bucket: "library", Key: "a b.mp4"}
	id := tasks.AssetID(at.Bucket, at.Key)
	for in, want := range map[string]string{
		id: id, at.String(): id, strings.ToLower(id): "", id[1:]: "", id + "A": "", "s3://library": "", "": "", strings.Repeat("1", 26): "",
	} {
		if got, err := asset(in); got != want || (err == nil) != (want != "") || exit(err) != map[bool]int{true: 2}[err != nil] {
			t.Errorf("asset(%q) = %q, %v, want %q", in, got, err, want)
		}
	}
}

func TestPlain(t *testing.T) {
	for in, want := range map[string]string{
		"": "", `a "b" c\d é`: `a "b" c\d é`, "a\nb": `"a\nb"`, "\x1b[2Ja": `"\x1b[2Ja"`, "a\u202eb": `"a\u202eb"`, "\xff": `"\xff"`,
	} {
		if got := plain(in); got != want {
			t.Errorf("plain(%q) = %s, want %s", in, got, want)
		}
	}
}
