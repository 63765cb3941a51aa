package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/vodfleet/vodfleet/internal/cloud"
	"github.com/vodfleet/vodfleet/internal/ledger"
	"github.com/vodfleet/vodfleet/tasks"
)

// TestPattern: messages of one cause come to one text, whatever the names in
// them; messages of different causes stay apart.
func TestPattern(t *testing.T) {
	key := "films/a (1) b\"c.mp4"
	rec := &ledger.Record{Asset: tasks.AssetID("library", key), Location: cloud.Location{Bucket: "library", Key: key}}
	for _, tt := range []struct{ in, want string }{
		{"", ""},
		{"no video track", "no video track"},
		{"probe s3://library/" + key + ": invalid", "probe URI: invalid"},
		{`probe "s3://library/films/a (1) b\"c.mp4": invalid`, `probe "…": invalid`},
		{"probe s3://library/films/two.mp4: invalid", "probe URI: invalid"},
		{"open " + key + ": denied", "open KEY: denied"},
		{`open a (1) b"c.mp4: denied`, "open FILE: denied"},
		{"open other.MOV: denied", "open FILE: denied"},
		{"job 1795309200000-ab12cd of asset " + rec.Asset + " failed", "job JOB of asset ASSET failed"},
		{"asset " + tasks.AssetID("library", "x") + " build 12", "asset ASSET build N"},
		{"denied (request ID: 4F5NZ2Q8T1B0R7XK)", "denied (request ID: ID)"},
		{"denied (request 0b5e6f1a-1111-4222-8333-abcdefabcdef)", "denied (request ID)"},
		{"role arn:aws:iam::111122223333:role/media is denied", "role arn:aws:iam::ID:role/media is denied"},
		{"gave up after 30 attempts, 4.5 s each", "gave up after N attempts, N s each"},
		{"GET https://s3.example/a?X=1: 503", "GET URI: N"},
		{"hls/video_720p.m3u8: its segment video_720p_00012.ts is missing", "FILE: its segment FILE is missing"},
		{"profile 0123456789abcdef0123456789abcdef is not stored", "profile ID is not stored"},
		{"line\n one\t two", "line one two"},
		{"H264 in MP4, AAC", "HN in MPN, AAC"},
		{"access denied", "access denied"},
		{"SignatureDoesNotMatch", "SignatureDoesNotMatch"},
	} {
		if got := pattern(rec, tt.in); got != tt.want {
			t.Errorf("pattern(%q) = %q, want %q", tt.in, got, tt.want)
		}
	}
	if got := pattern(rec, strings.Repeat("é ", 500)); len(got) > maxPattern+len("…") || !strings.HasSuffix(got, "…") {
		t.Errorf("a long message comes to %d bytes: %q", len(got), got)
	}
}

// A source with a name of a letter or two leaves the words of messages alone.
func TestPatternShortName(t *testing.T) {
	rec := &ledger.Record{Asset: "A", Location: cloud.Location{Bucket: "b", Key: "e"}}
	if got := pattern(rec, "the job was denied"); got != "the job was denied" {
		t.Errorf("pattern = %q", got)
	}
}

func TestCauses(t *testing.T) {
	var c causes
	at := time.Date(2026, 11, 22, 19, 0, 0, 0, time.UTC)
	for i := range 10 {
		rec := &ledger.Record{Asset: fmt.Sprintf("A%d", 9-i), Location: cloud.Location{Bucket: "library", Key: fmt.Sprintf("video-%d.mp4", i)}}
		code := 1010
		if i == 3 {
			code = 1020
		}
		c.add(rec, &ledger.Failure{Class: ledger.BadSource, Code: code, Message: fmt.Sprintf("video-%d.mp4: no video in track %d", i, i), At: at.Add(time.Duration(i%4) * time.Hour)})
	}
	all := c.list()
	if len(all) != 2 || all[0].Assets != 9 || all[1].Assets != 1 || all[0].Code != 1010 {
		t.Fatalf("causes are %+v", all)
	}
	want := cause{ledger.BadSource, 1010, "", "KEY: no video in track N", 9, at, at.Add(3 * time.Hour), "A0", "s3://library/video-9.mp4", "video-9.mp4: no video in track 9"}
	if *all[0] != want {
		t.Errorf("the first is\n%+v, want\n%+v", *all[0], want)
	}
}

// However many different causes there are, they are counted.
func TestCausesAreBounded(t *testing.T) {
	var c causes
	word := func(i int) string {
		return strings.Map(func(r rune) rune { return 'a' + (r - '0') }, fmt.Sprintf("%04d", i))
	}
	for i := range 2000 {
		c.add(&ledger.Record{Asset: "A"}, &ledger.Failure{Class: ledger.Access, Message: word(i)})
	}
	all := c.list()
	n := 0
	for _, g := range all {
		n += g.Assets
	}
	if n != 2000 || len(all) != maxCauses+1 || all[0].Cause != "other causes" || all[0].Assets != 2000-maxCauses {
		t.Errorf("%d assets in %d causes, the largest %+v", n, len(all), *all[0])
	}
}
