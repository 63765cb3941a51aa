package main

import (
	"strings"
	"testing"
	"time"

	"github.com/vodfleet/vodfleet/internal/cloud"
	"github.com/vodfleet/vodfleet/internal/ledger"
	"github.com/vodfleet/vodfleet/tasks"
)

// TestRemove removes a published asset, one that waits and one never seen; what
// waits for nothing any more goes, reports pass them over, and one is taken back
// once its removal is done.
func TestRemove(t *testing.T) {
	s := newStand(t)
	shown, waits := s.upload("shown.mp4", "one"), s.upload("waits.mp4", "two")
	asset := s.publish(shown).Asset
	s.want(0, []string{"add", "s3://library/waits.mp4"})

	s.want(0, []string{"remove", "--dry-run", "s3://library/shown.mp4"}, "1 assets would be removed\n")
	s.want(1, []string{"remove", tasks.AssetID("library", "never.mp4")}, "the ledger does not know it")
	all := []string{"s3://library/shown.mp4", "s3://library/waits.mp4", "s3://library/never.mp4"}
	for range 2 {
		s.want(0, append([]string{"remove", "--reason", "rights ended"}, all...), "3 assets removed\n", "removing", "Smooth Streaming media cannot be invalidated")
	}
	s.mem.CDN.SetConfiguration(cloud.DistributionConfig{ID: "E1", Enabled: true, Behaviors: []cloud.Behavior{{Origin: "o", Cache: cloud.CachePolicy{ID: "C1", Name: "c", Max: 240 * time.Hour}}}})
	s.want(0, append([]string{"remove", "--distribution-id", "E1"}, all...), "what they hold of it for 10 days, the maximum TTL of default behaviour in distribution E1")
	s.want(0, append([]string{"remove", "--distribution-id", "E404"}, all...), "a year where enqueuer distribution made it", "E404", "not found")
	if got := strings.Join(s.waiting(), " "); got != "invalidate-or-rename:"+asset+":2" {
		t.Errorf("tasks %s wait", got)
	}
	s.want(0, []string{"explain", asset}, "removing", "rights ended", "until enqueuer restore")

	shown = s.upload("shown.mp4", "another")
	s.want(0, []string{"scan", "--manifest", s.report("2026-11-22T01-00Z", row(shown), row(waits))}, "removed; enqueuer restore takes it back")
	s.want(3, []string{"restore", "s3://library/shown.mp4"}, "its removal is not done yet")
	s.want(3, []string{"redrive", "s3://library/shown.mp4"})
	s.want(3, []string{"rollback", "s3://library/shown.mp4"}, "it is removed")
	s.change(shown, func(now time.Time, r *ledger.Record) error { return r.EntriesWritten(now, 2) })
	s.change(shown, func(now time.Time, r *ledger.Record) error { return r.Retired(now, 1) })
	s.change(shown, func(now time.Time, r *ledger.Record) error { return r.Live(now, 2) })
	s.change(shown, func(now time.Time, r *ledger.Record) error { return r.Cleared(now.Add(ledger.ShutFor)) })
	s.want(0, []string{"status", "--output", "json"}, `"removed": 3`)

	s.want(0, []string{"restore", "--dry-run", "s3://library/shown.mp4"}, "1 assets would be restored")
	s.want(0, []string{"restore", "s3://library/shown.mp4", "s3://library/never.mp4"}, "2 assets restored")
	s.want(3, []string{"restore", "s3://library/shown.mp4"}, "it is not removed")
	ingests := 0
	for _, id := range s.waiting() {
		if strings.HasPrefix(id, "ingest:"+asset) || strings.HasPrefix(id, "ingest:"+tasks.AssetID("library", "never.mp4")) {
			ingests++
		}
	}
	if ingests != 2 {
		t.Errorf("%d of the restored are looked at: %q", ingests, s.waiting())
	}
}

// TestRollback goes back, and takes that back.
func TestRollback(t *testing.T) {
	s := newStand(t)
	o := s.upload("film.mp4", "one")
	s.publish(o)
	s.want(3, []string{"rollback", "s3://library/film.mp4"}, "it has no previous build")
	o = s.upload("film.mp4", "two")
	asset := s.publish(o).Asset
	s.want(0, []string{"rollback", "--dry-run", "s3://library/film.mp4"}, "1 assets would be rolled back")
	s.want(0, []string{"rollback", "--output", "json", "s3://library/film.mp4"}, `"done": 1`)
	if rec, _ := s.book.Get(t.Context(), asset); rec == nil || rec.Current != 1 || len(rec.Rejected) != 1 {
		t.Errorf("the record is %+v", rec)
	}
	if got := strings.Join(s.waiting(), " "); got != "publish:"+asset+":1" {
		t.Errorf("tasks %s wait", got)
	}
	s.want(3, []string{"rollback", "s3://library/film.mp4"}, "was rolled back from")
	s.want(0, []string{"rollback", "--undo", "s3://library/film.mp4"}, "1 assets accepted again")
	s.want(3, []string{"rollback", "--undo", "s3://library/film.mp4"}, "there is nothing that it was rolled back from")
	s.want(1, []string{"rollback", "s3://library/unknown.mp4"}, "not found")
	s.want(2, []string{"rollback"})
}
