package sim

import (
	"cmp"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/hibiken/asynq"
	"github.com/vodfleet/vodfleet/internal/queue"
	"github.com/vodfleet/vodfleet/tasks"
)

// memQueue keeps tasks as Asynq does: each ID once in a queue, for as long as
// its task is pending, active, scheduled, in retry or archived.
type memQueue struct {
	entries map[place]*entry
	added   int
}

type place struct{ queue, id string }

// entry is one task that is there.
type entry struct {
	place
	task     tasks.Task
	order    int
	at       time.Time // when it may start
	active   *run      // the run that holds its lease
	archived bool
	woken    bool // while at work: it is run once more
	failures int
	crashes  int
	last     error
}

func (q *memQueue) add(t tasks.Task, id string, delay time.Duration) {
	p := place{t.Queue(), id}
	if e := q.entries[p]; e != nil {
		if e.archived { // it would hide that its work is dead
			e.archived, e.at = false, time.Now()
		}
		return
	}
	q.added++
	at := time.Now()
	if delay > 0 {
		at = at.Add(delay + time.Second - time.Nanosecond).Truncate(time.Second)
	}
	q.entries[p] = &entry{place: p, task: t, order: q.added, at: at}
}

// wake lets a task that waits start now.
func (q *memQueue) wake(t tasks.Task, id string) {
	if e := q.entries[place{t.Queue(), id}]; e != nil && !e.archived {
		e.rouse()
		return
	}
	q.add(t, id, 0)
}

// rouse lets a task start now, or once more when it has run.
func (e *entry) rouse() {
	if e.active != nil {
		e.woken = true
		return
	}
	e.at = time.Now()
}

// live are the tasks that are not archived, by when they may start.
func (q *memQueue) live() []*entry {
	var all []*entry
	for _, e := range q.entries {
		if !e.archived {
			all = append(all, e)
		}
	}
	slices.SortFunc(all, func(a, b *entry) int { return cmp.Or(a.at.Compare(b.at), a.order-b.order) })
	return all
}

// Redelivery after a lost worker takes one to two and a half minutes: the
// lease, the allowed skew of clocks, the recoverer's and the forwarder's ticks.
const (
	redeliverSoonest = 60 * time.Second
	redeliverLatest  = 150 * time.Second
	lease            = 30 * time.Second // a process that stops for less keeps its tasks
	lostAck          = 120 * time.Second
)

// stalled gives a stopped run's task to others, once its lease has ended.
func (w *world) stalled(r *run) {
	if e := r.entry; e != nil && e.active == r && time.Until(r.wake) > lease {
		w.after(w.redelivery(), func() {
			if e.active == r && w.queue.entries[e.place] == e {
				e.active, e.at = nil, time.Now()
				e.crashes++
			}
		})
	}
	for _, s := range w.sweeps {
		if s.run == r && time.Until(r.wake) > otherLease {
			w.beside = nil // another process is at hand
			w.after(otherLease+time.Second, func() {
				if s.run == r {
					s.run = nil
				}
			})
		}
	}
}

// ended settles the task of a run that has ended.
func (w *world) ended(r *run) {
	e := r.entry
	if e == nil || e.active != r || w.queue.entries[e.place] != e {
		return // others have it, or nobody knows it any more
	}
	now := time.Now()
	e.active, e.last = nil, r.err
	wait, waits := notYet(r.err)
	switch {
	case r.dead:
		e.crashes++
		e.at = now.Add(w.redelivery())
	case r.err == nil && r.again:
		e.crashes = 0
		e.at = now.Add(r.delay + time.Second)
	case r.err == nil && w.losesAck != nil && w.losesAck():
		w.harmed = append(w.harmed, "acknowledgement lost of "+r.name)
		e.at = now.Add(lostAck)
	case r.err == nil:
		delete(w.queue.entries, e.place)
	case errors.Is(r.err, asynq.SkipRetry):
		e.archived = true
	case waits:
		if queue.Rests(r.err) {
			e.crashes--
		}
		e.at = now.Add(wait + time.Second)
	default:
		e.at = now.Add(min(2*time.Second<<min(e.failures, 12), 10*time.Minute))
		e.failures++
	}
	if e.woken && !r.dead && !e.archived && (r.err != nil || r.again) { // who succeeded is gone
		e.at = now.Add(time.Second)
	}
	e.woken = false
}

// notYet reads how long a verdict wants its task to wait.
func notYet(err error) (time.Duration, bool) {
	if err == nil || !queue.IsVerdict(err) || errors.Is(err, asynq.SkipRetry) {
		return 0, false
	}
	text := err.Error()
	i := strings.LastIndex(text, "again in ")
	if i < 0 {
		return 0, true
	}
	d, perr := time.ParseDuration(text[i+len("again in "):])
	if perr != nil {
		panic("no wait in " + text)
	}
	return d, true
}

// flushall empties Redis. What is at work goes on.
func (w *world) flushall() {
	for _, e := range w.queue.entries {
		if t, ok := e.task.(tasks.Ingest); ok && !e.archived {
			w.unseen[t] = true // the next report brings it back
		}
	}
	clear(w.queue.entries)
	w.line.clear()
	if w.shared != nil {
		w.shared.mini.FlushAll()
		w.shared.stats = nil
		w.sooner("reconciler", 2*time.Second)
	}
}
