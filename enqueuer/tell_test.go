package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/vodfleet/vodfleet/internal/cloud"
	"github.com/vodfleet/vodfleet/internal/ledger"
	"github.com/vodfleet/vodfleet/internal/media"
	"github.com/vodfleet/vodfleet/tasks"
)

var update = flag.Bool("update", false, "write the golden files anew")

// golden compares what a command printed with testdata/NAME, times, the built-in
// profile and what is random in it aside.
func golden(t *testing.T, name, got string) {
	t.Helper()
	for _, passing := range []struct{ what, with string }{
		{`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z`, "TIME"},
		{`("nonce": )"[^"]*"`, `$1"NONCE"`},
		{`("nonces": \[)[^\]]*\]`, `$1]`},
		{`("profile": )"[0-9a-f]{32}"`, `$1"DIGEST"`}, // of the built-in one
		{`("id": )"[A-Z2-7]{16}"`, `$1"REVISION"`},
		{`redis 127\.0\.0\.1:\d+`, "redis HOST"},
	} {
		got = regexp.MustCompile(passing.what).ReplaceAllString(got, passing.with)
	}
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s: got\n%s\nwant\n%s", name, got, want)
	}
}

// library fills a stand with an asset in each state.
func library(t *testing.T) (s *stand, published, failed cloud.Object) {
	s = newStand(t)
	published, failed = s.upload("films/a b.mp4", "x"), s.upload("notes.mp4", "text")
	s.publish(published)
	s.fail(failed)
	s.plan(s.upload("work.mp4", "y"))
	s.want(0, []string{"add", "s3://library/work.mp4"})
	return s, published, failed
}

func TestStatus(t *testing.T) {
	s, _, _ := library(t)
	golden(t, "status.txt", s.want(0, []string{"status"}))
	golden(t, "status.json", s.want(0, []string{"status", "--output", "json"}))
	s.corrupt(s.upload("corrupt.mp4", "z"))
	golden(t, "status-full.txt", s.want(0, []string{"status", "--full"}))
}

func TestStatusWithoutRedis(t *testing.T) {
	s, _, _ := library(t)
	s.redis.Kill()
	s.want(1, []string{"status"}, "count tasks in redis 127.0.0.1:")
}

func TestExplain(t *testing.T) {
	s, published, failed := library(t)
	t.Setenv("VODFLEET_VIEWER_URL", "https://viewers.example")
	golden(t, "explain-published.txt", s.want(0, []string{"explain", published.Location.String()}))
	golden(t, "explain-published.json", s.want(0, []string{"explain", "--output", "json", tasks.AssetID(published.Bucket, published.Key)}))
	golden(t, "explain-failed.txt", s.want(0, []string{"explain", failed.Location.String()}))
	golden(t, "explain-work.txt", s.want(0, []string{"explain", "s3://library/work.mp4"}))
	s.upload("just.mp4", "x")
	s.want(0, []string{"add", "s3://library/just.mp4"})
	golden(t, "explain-enqueued.txt", s.want(0, []string{"explain", "s3://library/just.mp4"}))
	s.want(1, []string{"explain", "s3://library/nobody.mp4"}, "the ledger does not know it and no task is about it; add its source with `enqueuer add`")
	corrupt := s.upload("corrupt.mp4", "x")
	s.corrupt(corrupt)
	s.want(1, []string{"explain", corrupt.Location.String()}, "read record s3://ledger/fleet/ledger/", "corrupt")
	s.redis.Kill()
	s.want(0, []string{"explain", published.Location.String()}, "published", "not known: ")
}

// A profile whose builds have no stable entries is told by its own URLs.
func TestExplainDropped(t *testing.T) {
	s := newStand(t)
	o := s.upload("a.mp4", "x")
	s.plan(o)
	rec := s.change(o, func(now time.Time, r *ledger.Record) error { r.Reference = "order 7"; return nil })
	out := s.want(0, []string{"explain", rec.Asset}, "warning    a warning", "reference  order 7", "build 1    planned")
	if strings.Contains(out, "hls ") {
		t.Errorf("explain tells URLs of what is not published:\n%s", out)
	}
}

func TestProfile(t *testing.T) {
	s := newStand(t)
	dir := t.TempDir()
	write := func(name, text string) string {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	good := write("good.yaml", "packages: [cmaf, mp4]\n")
	bad := write("bad.yaml", "segment_length: 7\nwrong: 1\n")
	large := write("large.yaml", strings.Repeat("#\n", maxProfileFile))

	digest := strings.TrimSpace(s.want(0, []string{"profile", "check", good}))
	s.want(1, []string{"profile", "show", digest}, "profile "+digest+" is not stored: store it with `enqueuer profile put FILE`")
	s.want(1, []string{"scan", "--manifest=s3://reports/m", "--profile", digest}, "is not stored")
	s.want(0, []string{"profile", "put", good}, digest)
	shown := s.want(0, []string{"profile", "show", digest})
	if p, err := media.Parse([]byte(shown)); err != nil || p.Digest() != digest {
		t.Errorf("profile show says %s: %v, %s, want the profile %s", shown, err, p.Digest(), digest)
	}
	if got := s.want(0, []string{"profile", "show"}); got != string(media.Default().Canonical()) {
		t.Errorf("profile show says\n%s\nwant the built-in one", got)
	}
	for _, args := range [][]string{
		{"profile", "check", bad}, {"profile", "put", bad}, {"scan", "--manifest=s3://reports/m", "--profile", bad},
		{"watch", "--profile", bad},
	} {
		s.want(2, args, "bad.yaml", "wrong")
	}
	s.want(2, []string{"add", "s3://library/a.mp4", "--profile", bad}, "bad.yaml", "wrong")
	s.want(2, []string{"profile", "check", large}, "larger than 1048576 bytes")
	s.want(2, []string{"profile", "check", filepath.Join(dir, "none.yaml")}, "none.yaml")
	if err := os.Unsetenv("VODFLEET_LEDGER"); err != nil { // until the end of the test, which has set it
		t.Fatal(err)
	}
	s.want(2, []string{"profile", "show", digest}, "say where the ledger is")
}

// The page lists what there is, whatever one record is like.
func TestLibraryPage(t *testing.T) {
	s, _, _ := library(t)
	s.corrupt(s.upload("corrupt.mp4", "z"))
	s.want(0, []string{"library"})
	body, o, err := s.mem.Store.Get(t.Context(), cloud.Location{Bucket: "streams", Key: "library/library.json"}, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	var all []shown
	if err := json.Unmarshal(body, &all); err != nil {
		t.Fatal(err)
	}
	states := map[string]string{}
	for _, a := range all {
		states[a.State] = a.Reason
	}
	for state, reason := range map[string]string{"published": "", "planned": "", "failed": "bad source: not a video", "broken": "its record cannot be read; see enqueuer explain"} {
		if got, ok := states[state]; !ok || got != reason {
			t.Errorf("%s: %q, %v, want %q", state, got, ok, reason)
		}
	}
	if o.CacheControl != "no-cache" || len(all) != 4 {
		t.Errorf("%d assets, cached as %q, want 4, not at all", len(all), o.CacheControl)
	}
	page, o, err := s.mem.Store.Get(t.Context(), cloud.Location{Bucket: "streams", Key: "library/index.html"}, 1<<20)
	if err != nil || !bytes.Contains(page, []byte("<html")) || !strings.HasPrefix(o.ContentType, "text/html") {
		t.Errorf("the page is %s of %d bytes: %v", o.ContentType, len(page), err)
	}
}
