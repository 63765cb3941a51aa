package reconcile

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vodfleet/vodfleet/internal/cloud"
	"github.com/vodfleet/vodfleet/internal/cloud/memcloud"
	"github.com/vodfleet/vodfleet/internal/ledger"
	"github.com/vodfleet/vodfleet/tasks"
)

// TestOpen: what a pass does with one asset, by where its record and its tasks
// are.
func TestOpen(t *testing.T) {
	_, id := video(1)
	var (
		submit = tasks.TranscodeSubmit{Asset: id, Build: 1}
		poll   = tasks.TranscodePoll{Asset: id, Build: 1}
	)
	for _, tt := range []struct {
		name  string
		make  func(w *world)
		want  string // findings: KIND TASK mended
		tasks string // enqueued
	}{
		{"nothing", func(w *world) {}, "", ""},
		{"planned, nobody is at it", func(w *world) { w.record(1, planned) },
			"no-task " + submit.ID() + " mended", submit.ID()},
		{"an intent, nobody is at it", func(w *world) { w.record(1, planned, intended) },
			"no-task " + submit.ID() + " mended", submit.ID()},
		{"a job, nobody is at it", func(w *world) { w.record(1, planned, intended, submitted) },
			"no-task " + poll.ID() + " mended", poll.ID()},
		{"transcoded, nobody is at it", func(w *world) { w.record(1, planned, intended, submitted, completed) },
			"no-task publish:" + id + ":1 mended", "publish:" + id + ":1"},
		{"switched, entries not written", func(w *world) { w.record(1, planned, intended, submitted, completed, switched) },
			"no-task publish:" + id + ":1 mended", "publish:" + id + ":1"},
		{"a live task", func(w *world) { w.record(1, planned); w.store.put(submit, "pending") }, "", ""},
		{"a live task of another stage, which hands on", func(w *world) {
			w.record(1, planned, intended, submitted)
			w.store.put(submit, "active")
		}, "", ""},
		{"a live ingest", func(w *world) {
			w.record(1, planned)
			w.store.put(tasks.Ingest{Bucket: "in", Key: "01.mp4", SourceVersion: "two"}, "scheduled")
		}, "", ""},
		{"a task that moved while the tasks were listed", func(w *world) {
			w.record(1, planned)
			w.store.put(submit, "active")
			w.store.hidden[refOf(submit)] = true
		}, "", ""},
		{"an archived task", func(w *world) { w.record(1, planned); w.store.put(submit, stateArchived) },
			"archived-task " + submit.ID() + " mended", submit.ID()},
		{"an unreadable task", func(w *world) { w.record(1, planned); w.store.put(submit, "unreadable") },
			"no-task " + submit.ID() + " mended, unreadable-task " + submit.ID() + " mended", submit.ID()},
		{"an archived task of a failed asset", func(w *world) {
			w.record(1, planned, intended, submitted, broken)
			w.store.put(poll, stateArchived)
		}, "", ""},
		{"a superseded build whose job runs for nobody", func(w *world) {
			w.record(1, planned, intended, submitted, plan("two"))
			w.store.put(tasks.TranscodeSubmit{Asset: id, Build: 2}, "unreadable")
		}, "no-task " + poll.ID() + " mended, no-task transcode-submit:" + id + ":2 mended, unreadable-task transcode-submit:" + id + ":2 mended",
			poll.ID() + ", transcode-submit:" + id + ":2"},
		{"a superseded build with an intent", func(w *world) {
			w.record(1, planned, intended, plan("two"))
		}, "no-task " + submit.ID() + " mended, no-task transcode-submit:" + id + ":2 mended", submit.ID() + ", transcode-submit:" + id + ":2"},
		{"published, and its marker went just after it was listed", func(w *world) {
			w.record(1, planned, intended, submitted, completed, switched, written, alive)
			w.marker(1, 1)
		}, "", ""},
		{"a corrupt record", func(w *world) { w.seed(1, "{"); w.marker(1, 1) }, "corrupt-record  left", ""},
		{"a record of another asset", func(w *world) { w.seed(1, `{"schema": 1, "asset": "AAAA"}`); w.marker(1, 1) }, "corrupt-record  left", ""},
		{"a newer record", func(w *world) { w.seed(1, `{"schema": 3, "asset": "`+id+`"}`); w.marker(1, 1) }, "newer-record  left", ""},
		{"a newer record that a task waits for", func(w *world) {
			w.seed(1, `{"schema": 3, "asset": "`+id+`"}`)
			w.marker(1, 1)
			w.store.put(submit, "scheduled")
		}, "newer-record  left", ""},
		{"a marker without a record", func(w *world) { w.marker(1, 1) }, "missing-record  left", ""},
		{"tasks without a record", func(w *world) { w.store.put(poll, "retry") }, "missing-record  left", ""},
		{"an ingest, which makes the record", func(w *world) {
			w.store.put(tasks.Ingest{Bucket: "in", Key: "01.mp4", SourceVersion: "one"}, "pending")
		}, "", ""},
		{"tasks that repeat what is done", func(w *world) {
			w.record(1, planned, intended, submitted, completed, switched, written, alive)
			w.store.put(poll, "pending")
		}, "", ""},
		{"an orphan", func(w *world) {
			w.store.orphans = append(w.store.orphans, refOf(submit))
		}, "orphaned-task " + submit.ID() + " mended", ""},
		{"a marker that is none", func(w *world) {
			w.mem.Store.Seed(cloud.Put{Location: cloud.Location{Bucket: "ledger", Key: "open/no/notes.1"}})
		}, "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			tt.make(w)
			dry := told(w.run(true))
			if len(w.store.took()) != 0 || strings.Contains(dry, "mended") {
				t.Errorf("a dry run mends: %s", dry)
			}
			got := told(w.run(false))
			if got != tt.want || dry != strings.ReplaceAll(tt.want, "mended", "left") {
				t.Errorf("found %q, dry %q, want %q", got, dry, tt.want)
			}
			if ids := strings.Join(w.store.took(), ", "); ids != tt.tasks {
				t.Errorf("enqueued %q, want %q", ids, tt.tasks)
			}
			if again := told(w.run(false)); strings.Contains(again, "no-task") || strings.Contains(again, "archived") {
				t.Errorf("found once more: %q", again)
			}
		})
	}
}

// told are the findings of a report, in one line.
func told(r Report) string {
	var all []string
	for _, f := range r.Findings {
		mended := "left"
		if f.Mended {
			mended = "mended"
		}
		all = append(all, fmt.Sprintf("%s %s %s", f.Kind, f.Task, mended))
	}
	return strings.Join(all, ", ")
}

// A marker that is stale for long goes.
func TestStaleMarker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.record(1, planned, intended, submitted, broken)
		w.marker(1, 7)
		if got := told(w.run(false)); got != "" {
			t.Errorf("found %q at once, want nothing: it may just have ended", got)
		}
		time.Sleep(finished)
		if got := told(w.run(true)); got != "stale-marker  left" {
			t.Errorf("a dry run found %q", got)
		}
		if got := told(w.run(false)); got != "stale-marker  mended" {
			t.Errorf("found %q", got)
		}
		if got := w.run(false); got.Open != 0 || len(got.Findings) != 0 {
			t.Errorf("found %+v after that, want nothing", got)
		}
	})
}

// TestCost: a pass costs a listing of the open markers, a read of each asset
// that is idle and a bounded number of others; the size of the ledger and the
// number of busy assets do not matter.
func TestCost(t *testing.T) {
	w := newWorld(t)
	const busy = 200
	for n := range 40 + busy {
		switch {
		case n < 30:
			w.record(n, planned, intended, submitted, completed, switched, written, alive)
		case n < 30+busy:
			rec := w.record(n, planned)
			w.store.put(tasks.TranscodeSubmit{Asset: rec.Asset, Build: 1}, "pending")
		default:
			w.record(n, planned)
		}
	}
	cost := w.calls()
	r := w.run(false)
	if want := map[string]int{"Store.List": 1, "Store.Get": 10 + maxSample}; !maps.Equal(cost(), want) || r.Read != 10+maxSample || r.Open != 10+busy || r.Tasks != busy {
		t.Errorf("calls %v, report %+v, want %v", cost(), r, want)
	}
	cost = w.calls()
	w.run(false)
	if want := map[string]int{"Store.List": 1, "Store.Get": maxSample}; !maps.Equal(cost(), want) {
		t.Errorf("the next pass calls %v, want %v", cost(), want)
	}
}

// TestSecondTask: an asset of whose two tasks one is lost gets it back, once its
// record has been as it is for a while.
func TestSecondTask(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		rec := w.record(1, planned, intended, submitted, plan("two"))
		w.store.put(tasks.TranscodeSubmit{Asset: rec.Asset, Build: 2}, "pending")
		if got := told(w.run(false)); got != "" {
			t.Errorf("found %q at once: the stages may be about to hand on", got)
		}
		time.Sleep(finished)
		if got, want := told(w.run(false)), "no-task transcode-poll:"+rec.Asset+":1 mended"; got != want {
			t.Errorf("found %q, want %q", got, want)
		}
		if got := told(w.run(false)); got != "" {
			t.Errorf("found %q once more", got)
		}
	})
}

// TestTurns: where a pass does not get to the end, the next one goes on there,
// also with assets that it cannot mend before those that it can.
func TestTurns(t *testing.T) {
	w := newWorld(t)
	for n := range 10 {
		w.seed(n, "{")
		w.marker(n, 1)
	}
	seen := map[string]int{}
	for range 5 {
		r, err := w.r.run(t.Context(), false, 3, false)
		if err != nil || r.Found[CorruptRecord] != 3 || !r.Cut {
			t.Fatalf("found %v, cut %v: %v, want 3 and more", r.Found, r.Cut, err)
		}
		for _, f := range r.Findings {
			seen[f.Asset]++
		}
	}
	for asset, n := range seen {
		if n < 1 || n > 2 {
			t.Errorf("asset %s was looked at %d times in one and a half rounds", asset, n)
		}
	}
	if len(seen) != 10 {
		t.Errorf("looked at %d assets of 10", len(seen))
	}
	if r := w.run(false); r.Found[CorruptRecord] != 10 || r.Cut {
		t.Errorf("a pass with room found %v, cut %v", r.Found, r.Cut)
	}
}

// TestLostHandOn: a stage that hands on meets a task of the same ID that is
// about to end, which counts as success, and then nothing is left. The next
// pass finds the asset.
func TestLostHandOn(t *testing.T) {
	w := newWorld(t)
	rec := w.record(1, planned, intended, submitted)
	poll := tasks.TranscodePoll{Asset: rec.Asset, Build: 1, Job: rec.Builds[0].Job}
	w.store.put(poll, "active") // a late run of an old task
	if err := w.store.Enqueue(t.Context(), poll); err != nil || len(w.store.took()) != 0 {
		t.Fatalf("Enqueue = %v, want a conflict that counts as success", err)
	}
	if got := told(w.run(false)); got != "" {
		t.Fatalf("found %q while the task is active", got)
	}
	delete(w.store.state, refOf(poll)) // it ends, and has handed nothing on
	if got, want := told(w.run(false)), "no-task "+poll.ID()+" mended"; got != want {
		t.Errorf("found %q, want %q", got, want)
	}
}

// One asset that cannot be read now keeps no other from its task, and the pass
// says so.
func TestOneFails(t *testing.T) {
	w := newWorld(t)
	var first string
	for n := range 40 {
		if rec := w.record(n, planned); first == "" || rec.Asset < first {
			first = rec.Asset
		}
	}
	w.mem.SetHooks(memcloud.Hooks{Before: func(op, at string) error {
		if op == "Store.Get" && strings.Contains(at, first) {
			return cloud.ErrUnavailable
		}
		return nil
	}})
	_, err := w.r.Pass(t.Context(), false)
	if !errors.Is(err, cloud.ErrUnavailable) || !strings.Contains(fmt.Sprint(err), first) || len(w.store.took()) != 39 {
		t.Errorf("Pass = %v, want unavailable, and 39 tasks", err)
	}
}

// Without a list of the tasks nothing looks idle.
func TestNoList(t *testing.T) {
	w := newWorld(t)
	w.record(1, planned)
	w.store.err = errors.New("no answer")
	if r, err := w.r.Pass(t.Context(), false); err == nil || r.Open != 0 || len(w.store.took()) != 0 {
		t.Errorf("Pass = %+v, %v, want an error and nothing done", r, err)
	}
}

// TestMany: many open assets after everything else was lost, each read once and
// several at a time.
func TestMany(t *testing.T) {
	w := newWorld(t)
	const n = 5000
	for i := range n {
		w.record(i, planned)
	}
	var atWork, most atomic.Int64
	w.mem.SetHooks(memcloud.Hooks{
		Before: func(op, _ string) error {
			for now := atWork.Add(1); ; {
				if was := most.Load(); now <= was || most.CompareAndSwap(was, now) {
					return nil
				}
			}
		},
		After: func(string, string) error { atWork.Add(-1); return nil },
	})
	cost := w.calls()
	r := w.run(false)
	if r.Mended[NoTask] != n || len(w.store.took()) != n || cost()["Store.Get"] != n || most.Load() > atOnce+1 {
		t.Errorf("mended %d, calls %v, %d at a time, want %d, one read each, at most %d", r.Mended[NoTask], cost(), most.Load(), n, atOnce)
	}
	if len(r.Findings) != maxFindings {
		t.Errorf("a report keeps %d findings, want %d", len(r.Findings), maxFindings)
	}
}

// A pass ends when it is told to.
func TestPassCanceled(t *testing.T) {
	w := newWorld(t)
	for n := range 100 {
		w.record(n, planned)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var reads atomic.Int64
	w.mem.SetHooks(memcloud.Hooks{Before: func(op, _ string) error {
		if op == "Store.Get" && reads.Add(1) == 5 {
			cancel()
		}
		return nil
	}})
	if _, err := w.r.Pass(ctx, false); !errors.Is(err, context.Canceled) || reads.Load() > 5+atOnce {
		t.Errorf("Pass = %v after %d reads", err, reads.Load())
	}
}

func TestKey(t *testing.T) {
	_, asset := video(1)
	k, ok := keyOf(asset)
	if !ok || k.String() != asset {
		t.Errorf("key of %s is %s, %v", asset, k, ok)
	}
	for _, bad := range []string{"", "notes", strings.ToLower(asset), asset + "A", asset[:25]} {
		if _, ok := keyOf(bad); ok {
			t.Errorf("%q has a key", bad)
		}
	}
	var ids []string
	for n := range 50 {
		_, id := video(n)
		ids = append(ids, id)
	}
	byKey := slices.Clone(ids)
	slices.SortFunc(byKey, func(a, b string) int { ka, _ := keyOf(a); kb, _ := keyOf(b); return ka.compare(kb) })
	if len(byKey) != len(ids) || byKey[0] == byKey[1] {
		t.Error("keys are not told apart")
	}
}

var _ Ledger = (*ledger.Store)(nil)
