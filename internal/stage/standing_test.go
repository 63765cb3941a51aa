package stage_test

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vodfleet/vodfleet/internal/cloud"
	"github.com/vodfleet/vodfleet/internal/cloud/memcloud"
	"github.com/vodfleet/vodfleet/internal/ledger"
	"github.com/vodfleet/vodfleet/internal/queue"
	"github.com/vodfleet/vodfleet/tasks"
)

// A build that is wanted again and has lost files is a failure in the ledger,
// and viewers keep what they have.
func TestStandingBuildThatLostFiles(t *testing.T) {
	for _, live := range []bool{true, false} { // whether caches know of the switch before
		name := "the last switch is live"
		if !live {
			name = "the last switch is not live"
		}
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, memcloud.Options{Invalidation: time.Hour})
				w.become("one")
				w.upload("two")
				w.ask()
				for w.record().EntriesSeq != 2 {
					w.step()
				}
				if live {
					w.drain()
				}
				var keys []string
				for o, err := range w.mem.Store.List(t.Context(), output.Join("media/"+w.asset()+"/1/cmaf/"), "") {
					w.must(err)
					keys = append(keys, o.Key)
				}
				w.must(w.mem.Store.Delete(t.Context(), output.Bucket, keys[len(keys)-1]))

				w.become("one")

				r := w.record()
				if f := r.Failed(); f == nil || f.Class != ledger.Incomplete || f.Stage != "publish" || r.Open() {
					t.Errorf("failure %+v, open %v, want incomplete, in publish, and closed\n%s", f, r.Open(), history(r))
				}
				if r.Current != 2 || r.Seq != 2 || r.LiveSeq != 2 {
					t.Errorf("current %d, switch %d, live %d, want 2, 2, 2", r.Current, r.Seq, r.LiveSeq)
				}
				if got := w.mem.CDN.Invalidated(distribution); len(got) != 2 {
					t.Errorf("invalidated %q, want the two entries of switch 2", got)
				}
				w.age()
				if n := w.files(1); n != 0 {
					t.Errorf("%d files of the failed build are left after its grace", n)
				}
				w.become("three")
				w.published(3, 3)
			})
		})
	}
}

// What is in the way of the entries once the switch is made never ends the
// task: viewers would keep the build before for good.
func TestEntriesAreTriedForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, memcloud.Options{})
		w.become("one")
		w.upload("two")
		w.ask()
		w.until(2, ledger.Transcoded)
		w.mem.SetHooks(memcloud.Hooks{Before: func(op, at string) error {
			if op == "Store.Put" && at == output.Join("watch/"+w.asset()+"/playback.json").String() {
				return cloud.ErrDenied
			}
			return nil
		}})
		task, _ := w.queue.next()
		w.queue.failures[task] = 100
		if err, _ := w.run(task); err == nil || queue.IsVerdict(err) {
			t.Fatalf("Handle = %v, want a failure that is tried again", err)
		}
		w.mem.SetHooks(memcloud.Hooks{})
		w.drain()
		w.published(2, 2)
	})
}

// Two switches that become live together: the build of stable entries before
// them is in no cache any more, although neither of the two has such entries.
func TestStableEntriesTwoSwitchesAgo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, memcloud.Options{})
		w.become("one")
		versioned := w.profile("delivery: versioned\n")
		for i, body := range []string{"two", "three"} {
			w.upload(body)
			w.askFor(versioned)
			for w.record().EntriesSeq != i+2 {
				w.queue.tasks = slices.DeleteFunc(w.queue.tasks, func(t tasks.Task) bool { // that of the switch before is late
					return t.Kind() == tasks.KindInvalidateOrRename
				})
				w.step()
			}
		}
		w.drain()
		if r := w.record(); r.LiveSeq != 3 || r.Current != 3 {
			t.Fatalf("current %d, live %d, want 3 and 3", r.Current, r.LiveSeq)
		}
		if got := w.mem.CDN.Invalidated(distribution); len(got) != 2 {
			t.Errorf("invalidated %q, want the two entries of the first build", got)
		}
	})
}
