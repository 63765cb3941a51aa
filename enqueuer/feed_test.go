package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/vodfleet/vodfleet/internal/cloud"
	"github.com/vodfleet/vodfleet/internal/cloud/memcloud"
	"github.com/vodfleet/vodfleet/internal/config"
	"github.com/vodfleet/vodfleet/internal/ledger"
)

func (s *stand) redisConfig() config.Redis { return config.Redis{RedisURL: s.redis.URL()} }

// scan runs a scan and returns what it counted.
func (s *stand) scan(code int, manifest string, flags ...string) *counts {
	s.t.Helper()
	out := s.want(code, append([]string{"scan", "--output", "json", "--manifest", manifest}, flags...))
	c := newCounts(cloud.Location{})
	if err := json.Unmarshal([]byte(out), c); err != nil {
		s.t.Fatalf("scan says %s: %v", out, err)
	}
	checkSum(s.t, c)
	return c
}

// checkSum fails the test unless every row is in one count.
func checkSum(t testing.TB, c *counts) {
	t.Helper()
	if n := c.New + c.Changed + c.InWork + c.Unchanged + c.Left + sum(c.Skipped) + sum(c.Broken); n != c.Rows {
		t.Errorf("the counts add up to %d, want %d rows: %s", n, c.Rows, c)
	}
}

// Every row of a report is counted once, by what became of it.
func TestScanCounts(t *testing.T) {
	s := newStand(t)
	fresh, odd := s.upload("new.mp4", "1"), s.upload(`odd "100%" a+b#?&é.mov`, "2")
	changed := s.upload("changed.mp4", "before")
	s.publish(changed)
	changed = s.upload("changed.mp4", "after")
	back := s.upload("back.mp4", "A")
	s.publish(back)
	s.publish(s.upload("back.mp4", "B"))
	inWork, unchanged, failed := s.upload("work.mp4", "3"), s.upload("same.mp4", "4"), s.upload("failed.mp4", "5")
	s.plan(inWork)
	s.publish(unchanged)
	s.fail(failed)
	gone := s.upload("gone.mp4", "6")
	src, rev := revision(gone)
	s.change(gone, func(now time.Time, r *ledger.Record) error {
		return r.FailSource(now, src, rev, ledger.Failure{Class: ledger.SourceGone, Message: "gone", Stage: "ingest"})
	})
	rejected := s.upload("rejected.mp4", "bad")
	s.publish(s.upload("rejected.mp4", "good"))
	s.change(rejected, func(_ time.Time, r *ledger.Record) error {
		_, rev := revision(rejected)
		r.Rejected = append(r.Rejected, rev.ID)
		return nil
	})
	corrupt := s.upload("corrupt.mp4", "7")
	s.corrupt(corrupt)
	manifest := s.report("2026-11-22T01-00Z",
		row(fresh), strings.ReplaceAll(row(odd), odd.Key, "odd+%22100%25%22+a%2Bb%23%3F%26%C3%A9.mov"), row(changed), row(back), row(inWork), row(unchanged), row(failed), row(gone), row(rejected), row(corrupt),
		`"library","poster.jpg","7","e1"`, `"library","folder/","0","e1"`, `"library","in/raw.mp4","7","e1"`,
		`"library","%zz.mp4","7","e1"`, `"library","short"`, `"library","no-etag.mp4","7",""`)

	c := s.scan(3, manifest)

	if c.Rows != 16 || c.New < 2 {
		t.Errorf("scan = %s", c)
	}
	for _, tt := range []struct {
		name      string
		got, want int
	}{
		{"new", c.New, 4}, // two odd ones, and two of which no ledger knows
		{"changed", c.Changed, 3},
		{"in work", c.InWork, 1},
		{"unchanged", c.Unchanged, 1},
		{"left", c.Left, 0},
		{"enqueued", s.enqueued(), 8},
	} {
		if tt.got != tt.want {
			t.Errorf("%s: %d, want %d\n%s", tt.name, tt.got, tt.want, c)
		}
	}
	for reason, want := range map[string]int{"failed before; waits to be redriven or replaced": 1, "rolled back from": 1} {
		if c.Skipped[reason] != want {
			t.Errorf("skipped %d: %s, want %d\n%s", c.Skipped[reason], reason, want, c)
		}
	}
	if got := c.Broken["its record in the ledger cannot be read; see enqueuer explain"]; got != 1 {
		t.Errorf("%d broken records, want 1\n%s", got, c)
	}
	again := s.scan(3, manifest)
	again.Manifest = c.Manifest
	// The row without an ETag has no version to be known again by.
	if again.String() != c.String() || s.enqueued() != 8+1 {
		t.Errorf("a repeat counts\n%swant\n%sand enqueues up to %d, want 9", again, c, s.enqueued())
	}
}

// Beyond the limit nothing is transcoded, and what was left is told; a switch
// back to a build that is there costs nothing and takes no place.
func TestScanLimit(t *testing.T) {
	for _, tt := range []struct {
		limit, want, left, code int
	}{
		{0, 0, 5, 3},
		{2, 2, 3, 3},
		{5, 5, 0, 0},
		{1000, 5, 0, 0},
	} {
		t.Run(fmt.Sprint(tt.limit), func(t *testing.T) {
			s := newStand(t)
			back := s.upload("back.mp4", "A")
			s.publish(back)
			s.publish(s.upload("back.mp4", "B"))
			rows := []string{row(back)}
			for i := range 5 {
				rows = append(rows, row(s.upload(fmt.Sprint(i, ".mp4"), "x")))
			}
			c := s.scan(tt.code, s.report("2026-11-22T01-00Z", rows...), "--max-new", fmt.Sprint(tt.limit))
			if c.New != tt.want || c.Left != tt.left || c.Changed != 1 || (c.LeftFirst != "") != (tt.left > 0) {
				t.Errorf("--max-new %d: %s\nwant %d new, %d left", tt.limit, c, tt.want, tt.left)
			}
			if got := s.enqueued(); got != tt.want+1 {
				t.Errorf("%d tasks, want %d", got, tt.want+1)
			}
		})
	}
}

// Another profile transcodes nothing by itself: what is there, or on its way,
// stays. New content is made under it, and so is what failed under the other.
func TestScanOtherProfile(t *testing.T) {
	s := newStand(t)
	there, onTheWay, failed, changed := s.upload("there.mp4", "1"), s.upload("work.mp4", "2"), s.upload("failed.mp4", "3"), s.upload("changed.mp4", "4")
	s.publish(there)
	s.plan(onTheWay)
	s.fail(failed)
	s.publish(changed)
	changed = s.upload("changed.mp4", "5")
	profile := filepath.Join(t.TempDir(), "profile.yaml")
	if err := os.WriteFile(profile, []byte("delivery: versioned\n"), 0o600); err != nil {
		t.Fatal(err)
	}

	c := s.scan(0, s.report("2026-11-22T01-00Z", row(there), row(onTheWay), row(failed), row(changed), row(s.upload("new.mp4", "6"))), "--profile", profile)

	want := map[string]int{"made under another profile; add it to make it again": 2}
	if c.New != 1 || c.Changed != 2 || !maps.Equal(c.Skipped, want) || s.enqueued() != 3 {
		t.Errorf("scan = %s\nand %d tasks; want one new, two changed, 3 tasks, and skipped %v", c, s.enqueued(), want)
	}
}

func TestScanAllowed(t *testing.T) {
	s := newStand(t)
	t.Setenv("VODFLEET_SOURCES", "other, library/in house")
	manifest := s.report("2026-11-22T01-00Z", row(s.upload("in+house/a.mp4", "x")), row(s.upload("in housemate.mp4", "x")), row(s.upload("b.mp4", "x")))
	c := s.scan(0, manifest) // "+" in a report is a space
	if want := map[string]int{"not among the allowed sources": 2}; c.New != 1 || !maps.Equal(c.Skipped, want) {
		t.Errorf("scan = %s\nwant one new, and skipped %v", c, want)
	}
}

// The counts are right also where a report ends with an error.
func TestScanFails(t *testing.T) {
	const rows = 50
	for _, tt := range []struct {
		name string
		fail func(s *stand, cancel context.CancelFunc)
		want string
	}{
		{"the cloud does not answer", func(s *stand, _ context.CancelFunc) {
			var n atomic.Int32
			s.mem.SetHooks(memcloud.Hooks{Before: func(op, at string) error {
				if op == "Store.Get" && strings.HasPrefix(at, "s3://ledger/fleet/ledger/") {
					if n.Add(1) > 10 {
						return errors.New("the cloud is down")
					}
				}
				return nil
			}})
		}, "the cloud is down"},
		{"redis does not answer", func(s *stand, _ context.CancelFunc) { s.redis.Kill() }, "row "},
		{"interrupted", func(s *stand, cancel context.CancelFunc) {
			s.mem.SetHooks(memcloud.Hooks{Before: func(op, at string) error {
				if op == "Store.Get" && strings.HasPrefix(at, "s3://ledger/fleet/ledger/") {
					cancel()
				}
				return nil
			}})
		}, "context canceled"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newStand(t)
			var lines []string
			for i := range rows {
				lines = append(lines, row(s.upload(fmt.Sprint(i, ".mp4"), "x")))
			}
			manifest := s.report("2026-11-22T01-00Z", lines...)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			tt.fail(s, cancel)

			out, code, err := s.runIn(ctx, "scan", "--output", "json", "--manifest", manifest)

			if err == nil || !strings.Contains(err.Error(), tt.want) || code != 1 {
				t.Errorf("scan = %v, code %d, want %q, 1", err, code, tt.want)
			}
			c := newCounts(cloud.Location{})
			if err := json.Unmarshal([]byte(out), c); err != nil {
				t.Fatalf("scan says %s: %v", out, err)
			}
			checkSum(t, c)
			if c.Rows == rows {
				t.Errorf("all %d rows count as done", rows)
			}
		})
	}
}
