package stage_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vodfleet/vodfleet/internal/cloud"
	"github.com/vodfleet/vodfleet/internal/cloud/memcloud"
	"github.com/vodfleet/vodfleet/internal/ledger"
	"github.com/vodfleet/vodfleet/tasks"
)

// story is a piece of an asset's life: what is so before, what then happens to
// it, and how it ends, whatever dies meanwhile.
type story struct {
	name   string
	before func(w *world)
	then   func(w *world)
	build  int // that viewers get in the end
	seq    int // switches
	jobs   int // at most
	paid   int // of them complete, at most
	gone   []int
}

var stories = []story{
	{
		name:   "replaced",
		before: func(w *world) { w.become("one") },
		then:   func(w *world) { w.become("two") },
		build:  2, seq: 2, jobs: 2, paid: 2,
	},
	{
		name: "retired",
		before: func(w *world) {
			w.become("one")
			w.become("two")
			w.become("three")
		},
		then:  func(*world) {},
		build: 3, seq: 3, jobs: 3, paid: 3, gone: []int{1},
	},
	{
		name: "back to the first",
		before: func(w *world) {
			w.become("one")
			w.become("two")
		},
		then:  func(w *world) { w.become("one") },
		build: 1, seq: 3, jobs: 2, paid: 2,
	},
	{
		name: "changed before it is published",
		before: func(w *world) {
			w.upload("one")
			w.ask()
			w.until(1, ledger.Transcoded)
			w.upload("two")
		},
		then:  func(w *world) { w.drain() },
		build: 2, seq: 1, jobs: 2, paid: 2, gone: []int{1},
	},
	{
		name: "changed before it is submitted",
		before: func(w *world) {
			w.upload("one")
			w.ask()
			w.until(1, ledger.Planned)
			w.upload("two")
		},
		then:  func(w *world) { w.drain() },
		build: 2, seq: 1, jobs: 1, paid: 1,
	},
	{
		name: "changed while it is read",
		before: func(w *world) {
			w.upload("one")
			w.mem.Transcoder.FailNext(1030, "no video frames")
			w.ask()
			w.until(1, ledger.Transcoding)
			w.upload("two")
		},
		then:  func(w *world) { w.drain() },
		build: 2, seq: 1, jobs: 2, paid: 1, gone: []int{1},
	},
	{
		name: "other content reported while it is transcoded",
		before: func(w *world) {
			w.become("one")
			w.upload("two")
			w.ask()
			w.until(2, ledger.Transcoding)
		},
		then:  func(w *world) { w.become("three") },
		build: 3, seq: 2, jobs: 3, paid: 3, gone: []int{2},
	},
	{
		name: "taken back while it is transcoded",
		before: func(w *world) {
			w.become("one")
			w.upload("two")
			w.ask()
			w.until(2, ledger.Transcoding)
		},
		then:  func(w *world) { w.become("one") },
		build: 1, seq: 1, jobs: 2, paid: 2, gone: []int{2},
	},
	{
		name: "a failure that passes",
		before: func(w *world) {
			w.upload("one")
			w.mem.Transcoder.FailNext(3450, "try later")
			w.ask()
		},
		then:  func(w *world) { w.drain() },
		build: 2, seq: 1, jobs: 2, paid: 1, gone: []int{1},
	},
}

// In every story the process dies after each port call in turn, or that call's
// answer is lost. The end is the same. The race detector sees a part of them.
func TestStoriesSurvive(t *testing.T) {
	for _, s := range stories {
		for _, harm := range []string{"crash", "lost answer"} {
			t.Run(s.name+", "+harm, func(t *testing.T) {
				points := 0
				for n := 1; !t.Failed(); n += sparse {
					more := true
					synctest.Test(t, func(t *testing.T) {
						w := newWorld(t, memcloud.Options{})
						s.before(w)
						calls := 0
						w.mem.SetHooks(memcloud.Hooks{After: func(op, at string) error {
							if calls++; calls != n {
								return nil
							}
							w.harmed = fmt.Sprintf("%s at call %d, %s %s", harm, n, op, at)
							if harm == "crash" {
								panic(errCrash)
							}
							return cloud.ErrUnavailable
						}})
						s.then(w)
						w.age()
						w.mem.SetHooks(memcloud.Hooks{})
						if more = calls >= n; more {
							points++
						}
						s.check(w)
					})
					if !more {
						break
					}
				}
				if points*sparse < 5 && !t.Failed() {
					t.Errorf("%d points: the story has more calls than that", points)
				}
			})
		}
	}
}

// check compares the end with the story's.
func (s story) check(w *world) {
	w.t.Helper()
	fail := func(format string, args ...any) {
		w.t.Helper()
		w.t.Errorf("%s: %s\n%s", w.harmed, fmt.Sprintf(format, args...), history(w.record()))
	}
	r := w.record()
	if r.Current != s.build || r.Seq != s.seq || r.EntriesSeq != s.seq || r.LiveSeq != s.seq || r.Open() {
		fail("current %d, switches %d/%d/%d, open %v, want %d, %d and closed", r.Current, r.Seq, r.EntriesSeq, r.LiveSeq, r.Open(), s.build, s.seq)
		return
	}
	w.published(s.build, s.seq)
	jobs, paid := w.mem.Transcoder.Jobs(), 0
	for _, j := range jobs {
		if j.State == cloud.JobComplete {
			paid++
		}
	}
	if len(jobs) > s.jobs || paid > s.paid {
		fail("%d jobs, %d of them paid, want at most %d and %d", len(jobs), paid, s.jobs, s.paid)
	}
	for _, b := range s.gone {
		if n := w.files(b); n != 0 {
			fail("build %d has %d files long after its grace", b, n)
		}
	}
	if u := r.Unresolved(); len(u) != 0 {
		fail("builds %v may have a job that runs for nobody", u)
	}
	if w.files(r.Current) == 0 || r.Previous != 0 && w.files(r.Previous) == 0 {
		fail("a build that viewers get, or may get, has no files")
	}
	for e, err := range w.book.DueBefore(w.t.Context(), time.Now().Add(1000*time.Hour)) {
		fail("due entry is left: %v, %v", e, err)
	}
}

// become puts bytes at the source and brings them to viewers.
func (w *world) become(body string) {
	w.t.Helper()
	w.upload(body)
	w.ask()
	w.drain()
}

// until runs the queue until a build is in a state.
func (w *world) until(build int, state ledger.State) {
	w.t.Helper()
	for range maxRuns {
		if r := w.record0(); r != nil {
			if b := r.Build(build); b != nil && b.State == state {
				return
			}
		}
		w.step()
	}
	w.t.Fatalf("build %d never was %s", build, state)
}

// age lets graces pass, with what looks at due assets.
func (w *world) age() {
	w.t.Helper()
	for range 6 {
		time.Sleep(grace)
		_, _ = w.guard(w.sweep) // the next sweep tries again
		w.drain()
	}
}

// sweep gives what is due a task, as the reconciler does.
func (w *world) sweep() error {
	for e, err := range w.book.DueBefore(context.Background(), w.book.Now()) {
		if err != nil {
			return err
		}
		rec, err := w.book.Get(context.Background(), e.Asset)
		if err != nil {
			return err
		}
		next := rec.NextRetirement(grace)
		if next.IsZero() || next.After(w.book.Now()) {
			if !next.IsZero() {
				if err := w.book.Due(context.Background(), e.Asset, next); err != nil {
					return err
				}
			}
			if err := w.book.DoneDue(context.Background(), e); err != nil {
				return err
			}
			continue
		}
		if err := w.queue.Enqueue(context.Background(), tasks.InvalidateOrRename{Asset: rec.Asset, Seq: max(rec.Seq, 1)}); err != nil {
			return err
		}
	}
	return nil
}
