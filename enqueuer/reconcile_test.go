package main

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/vodfleet/vodfleet/internal/cloud"
	"github.com/vodfleet/vodfleet/internal/ledger"
	"github.com/vodfleet/vodfleet/internal/reconcile"
	"github.com/vodfleet/vodfleet/tasks"
)

// raw returns a client of the stand's Redis.
func (s *stand) raw() *redis.Client {
	client := redis.NewClient(&redis.Options{Addr: s.redis.Addr})
	s.t.Cleanup(func() { _ = client.Close() })
	return client
}

// enqueue puts a task into its queue, as a stage does.
func (s *stand) enqueue(t tasks.Task) {
	s.t.Helper()
	client, err := openQueue(s.redisConfig())
	if err != nil {
		s.t.Fatal(err)
	}
	defer client.Close()
	if _, err := client.Enqueue(s.t.Context(), t); err != nil {
		s.t.Fatal(err)
	}
}

// TestReconcile: after a loss of everything in Redis, and with each kind of
// damage, one pass mends what can be mended and tells of the rest.
func TestReconcile(t *testing.T) {
	s := newStand(t)
	s.want(0, []string{"reconcile"}, "0 open assets", "nothing to mend")

	idle, archived, poisoned := s.plan(s.upload("idle.mp4", "1")), s.plan(s.upload("archived.mp4", "2")), s.plan(s.upload("poisoned.mp4", "3"))
	busy := s.plan(s.upload("busy.mp4", "4"))
	corrupt, newer := s.upload("corrupt.mp4", "5"), s.upload("newer.mp4", "6")
	s.plan(corrupt)
	s.corrupt(corrupt)
	s.plan(newer)
	asset := tasks.AssetID("library", "newer.mp4")
	s.put("ledger", "fleet/ledger/"+asset[:2]+"/"+asset+".json", fmt.Appendf(nil, `{"schema": %d, "asset": %q}`, ledger.Schema+1, asset))
	gone := tasks.AssetID("library", "gone.mp4")
	submit := func(asset string) tasks.TranscodeSubmit { return tasks.TranscodeSubmit{Asset: asset, Build: 1} }
	s.archive(submit(archived.Asset))
	s.enqueue(submit(busy.Asset))
	s.enqueue(submit(poisoned.Asset))
	s.enqueue(tasks.TranscodePoll{Asset: gone, Build: 1})
	if err := s.raw().HSet(t.Context(), "asynq:{transcode-submit}:t:"+submit(poisoned.Asset).ID(), "msg", "poison").Err(); err != nil {
		t.Fatal(err)
	}

	want := map[reconcile.Kind]int{
		reconcile.NoTask: 2, reconcile.ArchivedTask: 1, reconcile.UnreadableTask: 1,
		reconcile.CorruptRecord: 1, reconcile.NewerRecord: 1, reconcile.MissingRecord: 1,
	}
	pass := func(code int, args ...string) (r reconcile.Report) {
		t.Helper()
		out := s.want(code, append([]string{"reconcile", "--output=json"}, args...))
		if err := json.NewDecoder(strings.NewReader(out)).Decode(&r); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		return r
	}
	before := s.waiting()
	dry := pass(3, "--dry-run")
	if after := s.waiting(); !maps.Equal(dry.Found, want) || !dry.DryRun || !slices.Equal(before, after) {
		t.Errorf("a dry run found %v, want %v; tasks %q, then %q", dry.Found, want, before, after)
	}
	r := pass(3)
	if _, mended := r.Total(); !maps.Equal(r.Found, want) || mended != 4 {
		t.Errorf("found %v, mended %v, want %v, mended 4", r.Found, r.Mended, want)
	}
	wantIDs := []string{"transcode-poll:" + gone + ":1"}
	for _, rec := range []*ledger.Record{idle, archived, poisoned, busy} {
		wantIDs = append(wantIDs, submit(rec.Asset).ID())
	}
	slices.Sort(wantIDs)
	if got := s.waiting(); !slices.Equal(got, wantIDs) {
		t.Errorf("tasks are\n%q, want\n%q", got, wantIDs)
	}
	if err := s.raw().FlushAll(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	out := s.want(3, []string{"reconcile"}, "6 open assets, 0 live tasks", "no-task             4       4", "corrupt-record      1       0", "newer-record        1       0",
		"no-task  "+idle.Asset+"  "+submit(idle.Asset).ID()+"  s3://library/idle.mp4", "1 found and left")
	if strings.Contains(out, "missing") {
		t.Errorf("tells of a missing record without its tasks:\n%s", out)
	}
	if got := s.waiting(); len(got) != 4 {
		t.Errorf("tasks after the loss are %q", got)
	}
	s.redis.Kill()
	s.want(1, []string{"reconcile"}, "redis 127.0.0.1:")
}

// TestReconcileJobs: jobs that the ledger does not know are told, those that are
// one too many are canceled; all of it within the fleet's rates.
func TestReconcileJobs(t *testing.T) {
	s := newStand(t)
	o := s.upload("a.mp4", "x")
	spec := cloud.JobSpec{Input: o.Location, Groups: []cloud.OutputGroup{{
		Package: "mp4", Kind: cloud.GroupFile, Destination: cloud.Location{Bucket: "streams", Key: "media/v"},
		Outputs: []cloud.Output{{Video: &cloud.Video{Height: 720, MaxBitrate: 1e6, Quality: 7}}},
	}}}
	src, rev := revision(o)
	rec := s.change(o, func(now time.Time, r *ledger.Record) error {
		_, err := r.Plan(now, src, rev, func(int) (cloud.JobSpec, error) { return spec, nil }, nil)
		return err
	})
	job := func(asset string) cloud.Job {
		t.Helper()
		j, err := s.mem.Transcoder.Submit(t.Context(), cloud.JobRequest{
			Token: "token" + asset, Role: "arn:aws:iam::111122223333:role/media",
			Metadata: map[string]string{"fleet": "0c0749d1b87e68b3", "asset": asset, "build": "1"},
			Spec:     spec,
		})
		if err != nil {
			t.Fatal(err)
		}
		return j
	}
	for _, step := range []func(now time.Time, r *ledger.Record) error{
		func(now time.Time, r *ledger.Record) error { return r.Intend(now, 1, "token") },
		func(now time.Time, r *ledger.Record) error { return r.Submitted(now, 1, "another") },
	} {
		s.change(o, step)
	}
	s.enqueue(tasks.TranscodePoll{Asset: rec.Asset, Build: 1})
	tooMany, unknown := job(rec.Asset), job(tasks.AssetID("library", "nobody.mp4"))
	s.want(0, []string{"reconcile", "--no-jobs"}, "0 jobs listed", "nothing to mend")
	s.want(3, []string{"reconcile", "--dry-run"}, "duplicate-job      1                 0", "unknown-job        1                 0")
	s.want(3, []string{"reconcile"}, "duplicate-job      1       1", "unknown-job        1       0", "unknown-job  "+tasks.AssetID("library", "nobody.mp4")+"  "+unknown.ID)
	for id, want := range map[string]cloud.JobState{tooMany.ID: cloud.JobCanceled, unknown.ID: cloud.JobProgressing} {
		if j, err := s.mem.Transcoder.Job(context.Background(), id); err != nil || j.State != want {
			t.Errorf("job %s is %s, %v, want %s", id, j.State, err, want)
		}
	}
}
