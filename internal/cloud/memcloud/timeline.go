package memcloud

import (
	"container/heap"
	"time"

	"github.com/vodfleet/vodfleet/internal/cloud"
)

// timeline is a heap of what is to happen to jobs, the earliest first.
type timeline []event

type event struct {
	at  time.Time
	job *job
}

func (l timeline) Len() int           { return len(l) }
func (l timeline) Less(i, k int) bool { return l[i].at.Before(l[k].at) }
func (l timeline) Swap(i, k int)      { l[i], l[k] = l[k], l[i] }
func (l *timeline) Push(e any)        { *l = append(*l, e.(event)) }
func (l *timeline) Pop() any {
	last := len(*l) - 1
	e := (*l)[last]
	*l = (*l)[:last]
	return e
}

func (l *timeline) push(at time.Time, j *job) { heap.Push(l, event{at, j}) }

// first returns when the first event is due, in Unix nanoseconds, or 0.
func (l timeline) first() int64 {
	if len(l) == 0 {
		return 0
	}
	return l[0].at.UnixNano()
}

// advance moves the jobs that time has moved. It is called before every call
// of every port, so that the outputs of a job are there from its end on.
func (t *Transcoder) advance() {
	now := t.c.now()
	if next := t.next.Load(); next == 0 || now.UnixNano() < next {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.advanceTo(now)
}

// advanceTo is advance with t.mu held.
func (t *Transcoder) advanceTo(now time.Time) {
	for len(t.timeline) > 0 && !t.timeline[0].at.After(now) {
		e := heap.Pop(&t.timeline).(event)
		switch j := e.job; j.State {
		case cloud.JobSubmitted:
			j.Started = e.at
			t.move(j, cloud.JobProgressing, e.at)
			t.timeline.push(j.ends, j)
		case cloud.JobProgressing:
			t.end(j)
		}
	}
	t.next.Store(t.timeline.first())
}

func (t *Transcoder) move(j *job, to cloud.JobState, at time.Time) {
	t.states[j.State].Delete(j.number)
	t.states[to].Set(j.number, j)
	j.State, j.moved = to, at
	t.c.Events.happen(j.event())
}

// end completes or fails a job whose time has come.
func (t *Transcoder) end(j *job) {
	j.Finished = j.ends
	media, f := t.outcome(j)
	if f.code == 0 {
		f = t.c.Store.deliver(render(j.spec, media), j.ends)
	}
	if f.code != 0 {
		j.ErrorCode, j.Message = f.code, f.message
		t.move(j, cloud.JobFailed, j.ends)
		return
	}
	j.Percent, j.Duration = 100, media.Duration
	t.move(j, cloud.JobComplete, j.ends)
}
