package stage_test

import (
	"flag"
	"fmt"
	"testing"
	"testing/synctest"

	"github.com/vodfleet/vodfleet/internal/cloud/memcloud"
	"github.com/vodfleet/vodfleet/internal/queue"
	"github.com/vodfleet/vodfleet/tasks"
)

// overlap is how two runs of one task meet: the first, whose worker is taken for
// dead, gets so far, the second so far, and then the first goes on for a while
// before the second does. The queue believes the second.
type overlap struct {
	run    int  // which run of a task of the story it is, from 1
	first  int  // port calls of the first run before the second begins
	second int  // port calls of the second before the first goes on
	more   int  // port calls of the first before it dies; forever: it does not
	late   bool // the first goes on only when the story has ended
}

const forever = 1 << 20

// pair has two runs take turns: only one of them is ever on its way.
type pair struct {
	w     *world
	o     overlap
	cur   int // whose turn it is; a third beyond them is the rest of the story
	calls [2]int
	over  [2]bool
	again [2]bool
	turn  [2]chan struct{}
	errs  [2]error
	died  [2]bool
	met   bool // the first run got so far
	back  bool // and so did the second
}

// call is what happens before a port call.
func (p *pair) call(string, string) error {
	me := p.cur
	if me > 1 {
		return nil
	}
	switch {
	case me == 0 && p.calls[0] == p.o.first:
		p.met = true
		p.pass(me)
	case me == 1 && p.calls[1] == p.o.second && !p.o.late:
		p.back = true
		p.pass(me)
	}
	if me == 0 && p.o.more != forever && p.calls[0] >= p.o.first+p.o.more {
		panic(errCrash)
	}
	p.calls[me]++
	return nil
}

// pass gives the turn away until it comes back.
func (p *pair) pass(me int) {
	other := 1 - me
	if p.over[other] {
		return
	}
	p.give(me, other)
	<-p.turn[me]
}

func (p *pair) give(me, other int) {
	p.again[me] = p.w.queue.again
	p.w.queue.again = p.again[other]
	p.cur = other
	p.turn[other] <- struct{}{}
}

// start runs t twice. It returns when the second run has ended and, unless it
// is late, the first too.
func (p *pair) start(t tasks.Task) (finish func()) {
	ctx := queue.WithFailures(p.w.t.Context(), p.w.queue.failures[t])
	p.w.queue.running = t
	ended := [2]chan struct{}{make(chan struct{}), make(chan struct{})}
	for me := range 2 {
		p.turn[me] = make(chan struct{}, 1)
		go func() {
			defer close(ended[me])
			<-p.turn[me]
			p.errs[me], p.died[me] = p.w.guard(func() error { return p.w.handle(ctx, t) })
			p.over[me], p.again[me] = true, p.w.queue.again
			if other := 1 - me; !p.over[other] && !(me == 1 && p.o.late) {
				p.give(me, other)
			}
		}()
	}
	p.cur = 0
	p.turn[0] <- struct{}{}
	<-ended[1]
	finish = func() {
		if p.o.late && !p.over[0] {
			p.w.queue.running = t
			p.cur = 0
			p.turn[0] <- struct{}{}
		}
		<-ended[0]
		p.cur, p.w.queue.running = 2, nil
	}
	if !p.o.late {
		finish()
	}
	p.cur, p.w.queue.running, p.w.queue.again = 2, nil, p.again[1]
	return finish
}

// begin has the queue meet an overlap from now on.
func (w *world) begin(o overlap) *pair {
	p := &pair{w: w, o: o, cur: 2}
	w.mem.SetHooks(memcloud.Hooks{Before: p.call})
	w.queue.before = func() { _ = p.call("", "") }
	runs := 0
	w.work = func(t tasks.Task) (error, bool) {
		if runs++; runs != o.run {
			return w.run(t)
		}
		w.idle = p.start(t)
		return p.errs[1], p.died[1]
	}
	return p
}

// stride thins the pairs of calls out; 1 tries them all, in a minute or so.
var stride = flag.Int("stride", 16, "of the pairs of port calls at which two runs meet, one in so many, or fewer")

// Two runs of each task of each story meet at pairs of port calls; the first of
// them dies at once, one call later, or not at all, or comes back when
// everything else has ended.
func TestOverlappingRuns(t *testing.T) {
	stride := *stride * sparse
	histories, step := 0, max(stride/4, 1)
	for _, s := range stories {
		t.Run(s.name, func(t *testing.T) {
			try := func(o overlap) (met, back bool) {
				synctest.Test(t, func(t *testing.T) {
					w := newWorld(t, memcloud.Options{})
					s.before(w)
					w.harmed = fmt.Sprintf("%+v", o)
					p := w.begin(o)
					s.then(w)
					w.age()
					w.mem.SetHooks(memcloud.Hooks{})
					if met, back = p.met, p.back; met {
						histories++
					}
					s.check(w)
				})
				return met, back
			}
			for run := 1; run <= 12 && !t.Failed(); run++ {
				for first := run % step; !t.Failed(); first += step {
					if met, _ := try(overlap{run, first, 0, forever, true}); !met {
						break
					}
					try(overlap{run, first, 0, 0, false})
					for second := first % stride; !t.Failed(); second += stride {
						try(overlap{run, first, second, 1, false})
						if _, back := try(overlap{run, first, second, forever, false}); !back {
							break
						}
					}
				}
			}
		})
	}
	t.Logf("%d histories", histories)
}
