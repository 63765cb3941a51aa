package ledger

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestClip(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{"", ""},
		{"12345678", "12345678"},
		{"123456789", "12345…"},
		{"1234éééé", "1234…"}, // no half of a character
		{"a\xffb", "a�b"},
	} {
		if got := clip(tt.in, 8); got != tt.want || !utf8.ValidString(got) || len(got) > 8 {
			t.Errorf("clip(%q, 8) = %q, want %q", tt.in, got, tt.want)
		}
	}
}

// TestLongLives: an asset that is replaced, fails and is built again for years
// keeps a record of one size, and what matters.
func TestLongLives(t *testing.T) {
	h := begin(t)
	long := Failure{Class: BadSource, Message: strings.Repeat("\x00", 5000), Stage: "ingest"}
	for i := range 200 {
		r := rev(fmt.Sprint(i))
		warnings := slices.Repeat([]string{strings.Repeat("w", 1000)}, 50)
		b, err := h.Plan(h.now, src(r), r, spec, warnings)
		h.do(err)
		if b.Number != i+1 {
			t.Fatalf("build %d has number %d", i+1, b.Number)
		}
		if i%2 == 0 {
			h.publish(b.Number)
		} else {
			h.submit(b.Number).do(h.FailBuild(h.now, b.Number, long))
		}
		h.now = h.now.Add(2 * grace)
		for _, n := range h.Retirable(h.now, grace) {
			h.retiring(n).do(h.Retired(h.now, n))
		}
		if err := h.Check(); err != nil {
			t.Fatal(err)
		}
		if n := len(encode(t, h.Record)); n > 200<<10 {
			t.Fatalf("after %d builds the record has %d bytes", i+1, n)
		}
	}
	if len(h.Builds) > keptBuilds+3 {
		t.Errorf("%d builds are kept", len(h.Builds))
	}
	if h.Current != 199 || h.Previous != 197 || h.Build(199) == nil || h.Build(197) == nil {
		t.Errorf("current is %d and previous %d, want 199 and 197, both kept", h.Current, h.Previous)
	}
	if f := h.Failed(); f == nil || len(f.Message) > maxMessage {
		t.Errorf("the last failure is not kept, or not clipped: %v", f)
	}
	if got := h.Build(199).Warnings; len(got) != maxWarnings || got[maxWarnings-1] != "31 more warnings" {
		t.Errorf("%d warnings, the last %q", len(got), got[len(got)-1])
	}
	if len(h.History) != keptEvents || h.History[keptEvents-1].What != "build 200: retired" {
		t.Errorf("%d lines of history, the last %q", len(h.History), h.History[len(h.History)-1].What)
	}
}

// TestPruneKeepsWhatSpeaks: the failed build of the wanted revision outlives
// younger ones, for it counts.
func TestPruneKeepsWhatSpeaks(t *testing.T) {
	h := begin(t).plan(revA).submit(1)
	h.do(h.FailBuild(h.now, 1, badSource))
	const last = 30
	for n := 2; n <= last; n++ {
		h.plan(rev(fmt.Sprint(n))).submit(n).do(h.FailBuild(h.now, n, badSource))
	}
	h.do(h.FailSource(h.now, src(revA), revA, gone))
	for n := 1; n <= last; n++ {
		h.retiring(n).do(h.Retired(h.now, n))
	}
	if h.Build(1) == nil || h.Attempts(revA) != 1 {
		t.Error("the build that speaks for the wanted revision was dropped")
	}
	if len(h.Builds) != keptBuilds+1 || h.Build(last) == nil || h.NextBuild != last+1 {
		t.Errorf("%d builds are kept, the next is %d; want %d, %d", len(h.Builds), h.NextBuild, keptBuilds+1, last+1)
	}
}
