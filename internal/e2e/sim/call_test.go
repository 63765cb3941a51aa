package sim

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"testing/synctest"
	"time"

	"github.com/vodfleet/vodfleet/internal/cloud"
)

// harm is what goes wrong at a call of a port.
type harm int

const (
	none       harm = iota
	crash           // the process dies once the call has had its effect
	lost            // the effect is there, its answer is not
	refused         // no effect, and an error
	stall           // held up before the effect; the request is signed already
	stallAfter      // held up after the effect
	flush           // Redis is emptied after the effect
	overtake        // after the effect other content is uploaded and asked for
)

func (h harm) String() string {
	return [...]string{"none", "crash", "lost answer", "refused", "stall", "stall after", "flushall", "overtaken"}[h]
}

// fault is a harm with how long it lasts, where it lasts.
type fault struct {
	harm harm
	d    time.Duration
}

func (f fault) String() string {
	if f.d != 0 {
		return f.harm.String() + " " + f.d.String()
	}
	return f.harm.String()
}

// call is one call of a port, about to be made.
type call struct {
	n      int // counted over all ports and processes while faults are armed, from 1
	run    *run
	op, at string
}

func (c call) String() string {
	return fmt.Sprintf("call %d, %s %s of run %d (%s, its call %d)", c.n, c.op, c.at, c.run.id, c.run.name, c.run.calls)
}

// run is one process: it does one thing, such as a task, and may die of it.
// Only one call of one run is made at a time: each waits for its turn.
type run struct {
	w     *world
	id    int
	name  string
	entry *entry        // of the task that it runs; nil if it runs none
	skew  time.Duration // of its host's clock to the others'

	mu       sync.Mutex
	waiting  []waiter  // calls that wait for their turn
	wake     time.Time // of a stalled run; zero if it is not
	dead     bool
	answered bool // it knows the cloud's time
	calls    int
	noticed  bool // by an arranger

	over  bool
	err   error
	again bool          // the task has enqueued itself
	delay time.Duration // with this delay
}

// waiter is a call that waits for its turn.
type waiter struct {
	call string
	turn chan struct{}
}

// start begins a run of f. It does nothing until it is given its turn.
func (w *world) start(name string, e *entry, ctx context.Context, f func(*run, context.Context) error) *run {
	w.ids++
	r := &run{w: w, id: w.ids, name: name, entry: e}
	if w.skew != nil {
		r.skew = w.skew()
	}
	w.runs = append(w.runs, r)
	ctx = context.WithValue(ctx, runKey{}, r)
	go func() {
		defer func() { r.over = true }()
		r.park("start")
		r.err = f(r, ctx)
	}()
	return r
}

// park waits for the call's turn. In a dead process nothing goes on.
func (r *run) park(call string) {
	if r.dead {
		runtime.Goexit()
	}
	wait := waiter{call, make(chan struct{})}
	r.mu.Lock()
	r.waiting = append(r.waiting, wait)
	r.mu.Unlock()
	<-wait.turn
	if r.dead {
		runtime.Goexit()
	}
}

// next lets one waiting call go on: the first by name, as several began at once.
func (r *run) next() {
	r.mu.Lock()
	first := 0
	for i, w := range r.waiting {
		if w.call < r.waiting[first].call {
			first = i
		}
	}
	turn := r.waiting[first].turn
	r.waiting = slices.Delete(r.waiting, first, first+1)
	r.mu.Unlock()
	close(turn)
	synctest.Wait()
}

// kill ends the process.
func (r *run) kill() {
	r.dead = true
	for len(r.waiting) > 0 {
		r.next()
	}
}

// hold is park for a process that is stopped for d.
func (r *run) hold(d time.Duration) {
	r.wake = time.Now().Add(d)
	r.w.stalled(r)
	r.park("")
	r.wake = time.Time{}
}

// do makes one call of a port.
func do[T any](r *run, op, at string, f func() (T, error)) (T, error) {
	r.park(op + " " + at)
	r.calls++
	w := r.w
	var zero T
	var h fault
	if w.faults != nil {
		w.calls++
		c := call{w.calls, r, op, at}
		if h = w.faults(c); h.harm != none {
			w.harmed = append(w.harmed, h.String()+" at "+c.String())
		}
	}
	unavailable := &cloud.Error{Op: op, Object: at, Kind: cloud.ErrUnavailable, Message: h.harm.String()}
	switch h.harm {
	case refused:
		return zero, unavailable
	case stall:
		w.signed = &signed{r, h.d}
	}
	v, err := f()
	if s := w.signed; s != nil { // a call of no cloud
		w.signed = nil
		s.run.hold(s.d)
	}
	r.answered = true
	w.happened(op, at)
	switch h.harm {
	case crash:
		r.dead = true
		runtime.Goexit()
	case lost:
		return zero, unavailable
	case stallAfter:
		r.hold(h.d)
	case flush:
		w.flushall()
	case overtake:
		w.overtake()
	}
	return v, err
}

// signed is a request that is on its way for a while.
type signed struct {
	run *run
	d   time.Duration
}
