package reconcile

import (
	"context"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vodfleet/vodfleet/internal/cloud"
	"github.com/vodfleet/vodfleet/internal/cloud/memcloud"
	"github.com/vodfleet/vodfleet/internal/ledger"
	"github.com/vodfleet/vodfleet/tasks"
	"go.uber.org/zap"
)

type recorder struct {
	mu  sync.Mutex
	ids []string
}

func (r *recorder) Enqueue(_ context.Context, t tasks.Task) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ids = append(r.ids, t.ID())
	return nil
}

const (
	asset = "ABCDEFGHIJKLMNOPQRSTUVWXYA"
	grace = time.Hour
)

// failed leaves an asset with a build that failed after its intent, so that it
// may have files, and the entry that says when they go.
func failed(t *testing.T, book *ledger.Store) {
	t.Helper()
	rev := ledger.Revision{ID: "R", Source: "S", Profile: "P"}
	rec, err := book.Update(t.Context(), asset, func(now time.Time, r *ledger.Record) error {
		r.Location = cloud.Location{Bucket: "in", Key: "a.mp4"}
		b, err := r.Plan(now, ledger.Source{Version: "S"}, rev, func(int) (cloud.JobSpec, error) { return cloud.JobSpec{}, nil }, nil)
		if err != nil {
			return err
		}
		if err := r.Intend(now, b.Number, "token"); err != nil {
			return err
		}
		return r.FailBuild(now, b.Number, ledger.Failure{Class: ledger.BadSource, Message: "no video"})
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := book.Due(t.Context(), asset, rec.NextRetirement(grace)); err != nil {
		t.Fatal(err)
	}
}

func TestSweep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mem := memcloud.New(memcloud.Options{Buckets: []string{"ledger"}})
		book := ledger.New(mem.Store, cloud.Location{Bucket: "ledger"})
		failed(t, book)
		queue := new(recorder)
		d := &Due{Ledger: book, Queue: queue, Now: mem.Store.Now, Grace: grace, Log: zap.NewNop()}
		sweep := func() {
			t.Helper()
			if err := d.Sweep(t.Context()); err != nil {
				t.Fatal(err)
			}
		}

		sweep()
		if len(queue.ids) != 0 {
			t.Fatalf("before the grace is over: enqueued %q, want nothing", queue.ids)
		}
		time.Sleep(grace + time.Second)
		sweep()
		sweep() // the entry stays while the record says that there is something to do
		want := []string{"invalidate-or-rename:" + asset + ":1", "invalidate-or-rename:" + asset + ":1"}
		if !slices.Equal(queue.ids, want) {
			t.Fatalf("after the grace: enqueued %q, want %q", queue.ids, want)
		}
		for _, change := range []func(time.Time, *ledger.Record) error{
			func(now time.Time, r *ledger.Record) error { return r.Retiring(now, 1) },
			func(now time.Time, r *ledger.Record) error { return r.Retired(now, 1) },
		} {
			if _, err := book.Update(t.Context(), asset, change); err != nil {
				t.Fatal(err)
			}
		}
		sweep()
		for e := range book.DueBefore(t.Context(), mem.Store.Now()) {
			t.Errorf("entry %+v stays after the retirement", e)
		}
		if len(queue.ids) != 2 {
			t.Errorf("after the retirement: enqueued %q, want no more", queue.ids)
		}
	})
}

func TestSweepFollowsALongerGrace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mem := memcloud.New(memcloud.Options{Buckets: []string{"ledger"}})
		book := ledger.New(mem.Store, cloud.Location{Bucket: "ledger"})
		failed(t, book)
		queue := new(recorder)
		d := &Due{Ledger: book, Queue: queue, Now: mem.Store.Now, Grace: 3 * grace, Log: zap.NewNop()}

		time.Sleep(grace + time.Second)
		if err := d.Sweep(t.Context()); err != nil || len(queue.ids) != 0 {
			t.Fatalf("Sweep = %v, enqueued %q, want nothing yet", err, queue.ids)
		}
		time.Sleep(2 * grace)
		if err := d.Sweep(t.Context()); err != nil || len(queue.ids) != 1 {
			t.Errorf("Sweep = %v, enqueued %q, want one task", err, queue.ids)
		}
	})
}

// A process goes by its host's clock until the cloud has told it the time. An
// entry that was found too early stays.
func TestSweepWhenTheClockGoesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mem := memcloud.New(memcloud.Options{Buckets: []string{"ledger"}})
		book := ledger.New(mem.Store, cloud.Location{Bucket: "ledger"})
		failed(t, book)
		queue := new(recorder)
		fast := grace
		d := &Due{Ledger: book, Queue: queue, Grace: grace, Log: zap.NewNop(), Now: func() time.Time {
			now := mem.Store.Now().Add(fast)
			fast = 0
			return now
		}}
		if err := d.Sweep(t.Context()); err != nil || len(queue.ids) != 0 {
			t.Fatalf("Sweep = %v, enqueued %q, want nothing yet", err, queue.ids)
		}
		time.Sleep(grace)
		if err := d.Sweep(t.Context()); err != nil || len(queue.ids) != 1 {
			t.Errorf("Sweep = %v, enqueued %q, want one task", err, queue.ids)
		}
	})
}

// Entries that stay do not keep the ones after them from their turn, however
// many they are.
func TestSweepGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		for n := range 7 {
			rec := w.record(n, planned, intended, broken)
			if err := w.book.Due(t.Context(), rec.Asset, rec.NextRetirement(grace)); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(grace + time.Second)
		queue := new(recorder)
		d := &Due{Ledger: w.book, Queue: queue, Now: w.mem.Store.Now, Grace: grace, Log: zap.NewNop(), most: 3}
		for turn, want := range []int{3, 6, 7, 10} {
			if err := d.Sweep(t.Context()); err != nil || len(queue.ids) != want {
				t.Errorf("after sweep %d: %d looked at, %v, want %d", turn, len(queue.ids), err, want)
			}
		}
		slices.Sort(queue.ids)
		if n := len(slices.Compact(queue.ids)); n != 7 {
			t.Errorf("%d of 7 had their turn", n)
		}
	})
}

// Any number of workers sweep, one at a time.
func TestDueRunsUnderALease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		all := newLeases()
		before := w.calls()
		for _, name := range []string{"one", "two", "three"} {
			d := &Due{Ledger: w.book, Queue: new(recorder), Now: w.mem.Store.Now, Grace: grace, Lease: worker{all, name}, Log: zap.NewNop()}
			go func() { _ = d.Run(t.Context()) }()
		}
		time.Sleep(10*time.Minute + time.Second)
		if n := before()["Store.List"]; n != 11 {
			t.Errorf("%d sweeps in ten minutes, want 11", n)
		}
	})
}
