package sim

import (
	"fmt"
	"testing"
	"time"

	"github.com/vodfleet/vodfleet/tasks"
)

// partner is the second of two runs that meet.
type partner int

const (
	itself  partner = iota // the same task, whose worker was taken for dead
	earlier                // the task before it, run again because its end was not told
	newer                  // the ingestion of other content
	swept                  // the reconciler
	partners
)

func (p partner) String() string {
	return [...]string{"the same task", "the task before", "an ingest of other content", "the reconciler"}[p]
}

// meeting is how two runs of one asset meet: the first makes so many calls, the
// second so many, then the first goes on, for so many more or to its end, and
// then the second. Two changes of turn are the bound of these tests.
type meeting struct {
	plain  bool // without a governor and a job board
	run    int  // which run of a task of the story is the first, from 1
	with   partner
	first  int // calls
	second int
	more   int // calls of the first before it dies; toTheEnd: it does not
}

const toTheEnd = 1 << 20

func (m meeting) String() string {
	s := fmt.Sprintf("run %d and %s, turns after %d and %d calls", m.run, m.with, m.first, m.second)
	if m.more != toTheEnd {
		s += fmt.Sprintf(", the first dies %d later", m.more)
	}
	return s
}

// meet has two runs of a story meet. It returns whether there was such a
// meeting, and whether the second got as far as its turn.
func (m meeting) meet(t *testing.T, s story, tab *table) (met, back bool) {
	if m.with == newer {
		s.paid, s.free = 0, true
	}
	var a *arranger
	v, _, harmed := s.tell(t, options{plain: m.plain}, func(w *world) {
		a = &arranger{meeting: m, w: w}
		w.faults = func(call) fault { return fault{} }
		w.arrange = a.arrange
		w.harmed = append(w.harmed, m.String())
	})
	if !a.met {
		return false, false
	}
	if tab.add(formOf("two runs, "+m.with.String(), m.plain), v); !v.ok() {
		t.Errorf("%v\n%s", harmed, v)
	}
	return a.met, a.back
}

// arranger has the runs of a world take the turns of a meeting.
type arranger struct {
	meeting
	w         *world
	runs      int
	last      tasks.Task // of the run before
	before    tasks.Task // of the run before that
	a, b      *run
	met, back bool
}

// arrange says which of the ready runs goes on, or that others began or ended.
func (a *arranger) arrange(ready []*run) (chosen *run, again bool) {
	a.notice()
	switch {
	case a.a == nil, a.met && over(a.a) && over(a.b), !a.met && over(a.a):
		return one(ready), false
	case !a.met && a.a.calls < a.first:
		return among(ready, a.a), false
	case !a.met:
		a.met = true
		a.b = a.begin()
		return nil, true
	case over(a.a):
		return among(ready, a.b), false
	case over(a.b), a.b.calls >= a.second:
		a.back = a.back || !over(a.b)
		if a.more != toTheEnd && a.a.calls >= a.first+a.more {
			a.a.kill()
			return nil, true
		}
		return among(ready, a.a), false
	}
	return among(ready, a.b), false
}

// notice watches for the run that is to be the first.
func (a *arranger) notice() {
	if a.a != nil {
		return
	}
	for _, r := range a.w.runs {
		if r.entry == nil || r.noticed {
			continue
		}
		r.noticed = true
		a.before, a.last = a.last, r.entry.task
		if a.runs++; a.runs == a.run {
			a.a = r
		}
	}
}

// begin begins the second run; nil if there is none to begin.
func (a *arranger) begin() *run {
	w := a.w
	switch a.with {
	case itself:
		e := a.a.entry
		w.work(e) // whose lease is the second's now
		return e.active
	case earlier:
		if a.before == nil {
			return nil
		}
		t := a.before
		w.queue.add(t, t.ID(), 0)
		e := w.queue.entries[place{t.Queue(), t.ID()}]
		if e.active == nil {
			w.work(e)
		}
		return e.active
	case newer:
		w.overtake()
		for _, e := range w.queue.live() {
			if _, ok := e.task.(tasks.Ingest); ok && e.active == nil && !e.at.After(time.Now()) {
				w.work(e)
				return e.active
			}
		}
	case swept:
		for _, s := range w.sweeps {
			if s.name == "reconciler" && s.run == nil {
				w.sweep(s)
				return s.run
			}
		}
	}
	return nil
}

func over(r *run) bool { return r == nil || r.over || r.dead }

func one(ready []*run) *run {
	if len(ready) == 0 {
		return nil
	}
	return ready[0]
}

func among(ready []*run, want *run) *run {
	for _, r := range ready {
		if r == want {
			return r
		}
	}
	return nil
}

// maxRuns bounds the runs of a story of which each is the first once.
const maxRuns = 12

// Two runs meet at each pair of their calls, or at one in so many.
func testPairs(t *testing.T, tab *table) {
	strides := map[bool]int{true: 24} // by whether it is without a governor
	if *full {
		strides = map[bool]int{true: 1, false: 8}
	}
	for _, s := range stories {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			for plain, stride := range strides {
				for with := range partners {
					for run := 1; run <= maxRuns; run++ {
						meetAt(t, s, tab, meeting{plain: plain, run: run, with: with}, stride)
						if t.Failed() && *stop {
							return
						}
					}
				}
			}
		})
	}
}

// meetAt has the runs of m meet at pairs of calls, one in so many.
func meetAt(t *testing.T, s story, tab *table, m meeting, stride int) {
	step := max(stride/4, 1)
	at := func(first, second, more int) (met, back bool) {
		m.first, m.second, m.more = first, second, more
		return m.meet(t, s, tab)
	}
	for first := m.run % step; ; first += step {
		if met, _ := at(first, 0, 0); !met {
			return
		}
		for second := (first + m.run) % stride; ; second += stride {
			met, back := at(first, second, toTheEnd)
			if !met || !back || t.Failed() && *stop {
				break
			}
			at(first, second, 1)
		}
	}
}
