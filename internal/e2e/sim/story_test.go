package sim

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/vodfleet/vodfleet/internal/cloud"
	"github.com/vodfleet/vodfleet/internal/ledger"
)

// story is a piece of an asset's life: what is so before, what then happens
// while things go wrong, and how it ends whatever went wrong.
type story struct {
	name   string
	before func(w *world)
	then   func(w *world)
	paid   int           // completed jobs at the end, at most; 0: as many as there are revisions
	class  ledger.Class  // the end is a failure of this class; empty: published
	long   time.Duration // a job takes; 0 for ten seconds
	free   bool          // it may end otherwise
	gone   bool          // the end is a removal
}

var stories = []story{
	{name: "published", then: func(w *world) { w.become("one") }, paid: 1},
	{
		name:   "replaced",
		before: func(w *world) { w.become("one") },
		then:   func(w *world) { w.become("two") },
		paid:   2,
	},
	{
		name:   "replaced three times while caches are told",
		before: func(w *world) { w.become("one") },
		then: func(w *world) {
			for _, body := range []string{"two", "three", "four"} {
				w.upload(body)
				w.ask()
				w.pass(25 * time.Second)
			}
			w.drain()
		},
		paid: 4,
	},
	{
		name:   "there and back",
		before: func(w *world) { w.become("one"); w.become("two") },
		then:   func(w *world) { w.become("one") },
		paid:   2,
	},
	{
		name:   "retired",
		before: func(w *world) { w.become("one"); w.become("two"); w.become("three") },
		then:   func(w *world) { w.pass(grace + 20*time.Minute); w.drain() },
		paid:   3,
	},
	{
		name: "changed before it is submitted",
		before: func(w *world) {
			w.upload("one")
			w.ask()
			w.untilState(1, ledger.Planned)
			w.upload("two")
		},
		then: (*world).drain,
		paid: 2,
	},
	{
		name: "changed before it is published",
		before: func(w *world) {
			w.upload("one")
			w.ask()
			w.untilState(1, ledger.Transcoded)
			w.upload("two")
		},
		then: (*world).drain,
		paid: 2,
	},
	{
		name: "superseded while it is transcoded",
		before: func(w *world) {
			w.become("one")
			w.upload("two")
			w.ask()
			w.untilState(2, ledger.Transcoding)
		},
		then: func(w *world) { w.become("three") },
		paid: 3, long: 3 * time.Minute,
	},
	{
		name: "taken back while it is transcoded",
		before: func(w *world) {
			w.become("one")
			w.upload("two")
			w.ask()
			w.untilState(2, ledger.Transcoding)
		},
		then: func(w *world) { w.become("one") },
		paid: 2, long: 3 * time.Minute,
	},
	failing("a failure that passes", 3450, 1, ""),
	failing("a failure that passes three times", 3450, 3, ledger.Transient),
	failing("a bad source", 1030, 1, ledger.BadSource),
	failing("bad settings", 1040, 1, ledger.Settings),
	failing("no access", 1432, 1, ledger.Access),
	failing("too much for one job", 1050, 1, ledger.Capacity),
	{
		name: "canceled by somebody else",
		before: func(w *world) {
			w.upload("one")
			w.ask()
			w.untilState(1, ledger.Transcoding)
			_ = w.mem.Transcoder.Cancel(w.t.Context(), w.mem.Transcoder.Jobs()[0].ID)
		},
		then:  (*world).drain,
		class: ledger.Canceled, long: 3 * time.Minute,
	},
	{
		name: "failed and redriven",
		before: func(w *world) {
			w.mem.Transcoder.FailNext(1050, "of this story")
			w.become("one")
		},
		then: func(w *world) { w.redrive(); w.redrive() },
		paid: 1,
	},
	{
		name:   "rolled back",
		before: func(w *world) { w.become("one"); w.become("two") },
		then:   func(w *world) { w.rollback(); w.ask(); w.drain() },
		paid:   2,
	},
	{
		name:   "removed",
		before: func(w *world) { w.become("one"); w.become("two") },
		then:   func(w *world) { w.takeDown(); w.upload("three"); w.ask(); w.drain() },
		paid:   2, gone: true,
	},
	{
		name: "removed while it is transcoded",
		before: func(w *world) {
			w.become("one")
			w.upload("two")
			w.ask()
			w.untilState(2, ledger.Transcoding)
		},
		then: (*world).takeDown,
		paid: 2, long: 3 * time.Minute, gone: true,
	},
	{
		name: "removed before it is published",
		before: func(w *world) {
			w.upload("one")
			w.ask()
			w.untilState(1, ledger.Transcoded)
		},
		then: (*world).takeDown,
		paid: 1, gone: true,
	},
	{
		name:   "removed and restored",
		before: func(w *world) { w.become("one"); w.takeDown() },
		then:   func(w *world) { w.restore(); w.ask(); w.drain() },
		paid:   2,
	},
	{
		name:   "rolled back while its target is retired",
		before: func(w *world) { w.become("one"); w.become("two"); w.become("three"); w.pass(grace) },
		then:   func(w *world) { w.rollback(); w.drain() },
		paid:   3,
	},
	{
		name: "gone before it is submitted",
		before: func(w *world) {
			w.upload("one")
			w.ask()
			w.untilState(1, ledger.Planned)
			w.remove()
		},
		then:  (*world).drain,
		class: ledger.SourceGone,
	},
}

// failing is the story of an asset whose first jobs fail with a code.
func failing(name string, code, times int, class ledger.Class) story {
	return story{
		name: name,
		before: func(w *world) {
			for range times {
				w.mem.Transcoder.FailNext(code, "of this story")
			}
			w.upload("one")
			w.ask()
		},
		then: (*world).drain, paid: 1, class: class,
	}
}

// tell runs a story in which things go wrong, to its end.
func (s story) tell(t *testing.T, o options, arm func(w *world)) (v verdict, calls int, harmed []string) {
	synctest.Test(t, func(t *testing.T) {
		long := s.long
		if long == 0 {
			long = 10 * time.Second
		}
		o.Options.Run = func(cloud.JobSpec) time.Duration { return long }
		w := newWorld(t, o)
		defer w.close()
		if s.before != nil {
			s.before(w)
		}
		arm(w)
		s.then(w)
		v = w.finish()
		calls, harmed = w.calls, w.harmed
		if n := w.paidJobs(); s.paid != 0 && n > s.paid {
			v.paid = append(v.paid, "more jobs than the story has revisions")
		}
		if !s.free {
			v.lost = append(v.lost, s.ends(w)...)
		}
	})
	return v, calls, harmed
}

// ends compares the end of a story with how it should end.
func (s story) ends(w *world) (wrong []string) {
	r := w.record(source)
	if r == nil {
		return nil // which the world has said
	}
	f := r.Failed()
	switch {
	case s.gone && r.Status() != "removed":
		return []string{"not removed\n" + history(r)}
	case s.gone:
	case s.class == "" && (f != nil || r.Current == 0):
		return []string{"not published\n" + history(r)}
	case s.class != "" && (f == nil || f.Class != s.class):
		return []string{"not failed as " + string(s.class) + "\n" + history(r)}
	}
	return nil
}

func TestStoriesUndisturbed(t *testing.T) {
	for _, s := range stories {
		t.Run(s.name, func(t *testing.T) {
			v, calls, _ := s.tell(t, options{}, func(w *world) { w.faults = func(call) fault { return fault{} } })
			if !v.ok() || calls < 3 {
				t.Errorf("%d calls\n%s", calls, v)
			}
		})
	}
}
