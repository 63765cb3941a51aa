package queue

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/hibiken/asynq"
	"github.com/vodfleet/vodfleet/tasks"
)

// The trap: leases are written by one host's clock and ended by another's, so
// that a task of a host a minute slow runs a second time while it is at work.
// Ours: such a host does not serve, and says why, until its clock is set.
func TestTrapClockSkew(t *testing.T) {
	f := newFixture(t)
	var bare counter
	hold := make(chan struct{})
	h := asynq.HandlerFunc(func(context.Context, *asynq.Task) error { deaf(&bare, hold); return nil })
	f.put(publish)
	f.serve("publish", asynq.Config{RetryDelayFunc: after(0)}, h)
	f.until("it runs", func() bool { return bare.runs() == 1 })
	f.raw.ZIncrBy(t.Context(), "asynq:{publish}:lease", -60, publish.ID()) // as the slow clock would have it
	f.serve("publish", asynq.Config{RetryDelayFunc: after(0)}, h)
	f.until("two runs overlap", func() bool { return bare.overlap() == 2 })
	close(hold)

	s := f.server(nil, submit.Queue())
	s.awaiting = 10 * time.Millisecond
	slow := make(chan time.Duration, 1)
	slow <- -time.Minute
	s.now = func() time.Time {
		off := <-slow
		slow <- off
		return time.Now().Add(off)
	}
	var ours counter
	Handle(s, func(context.Context, tasks.TranscodeSubmit) error { ours.enter(); return nil })
	f.run(s)
	f.enqueue(submit)
	f.until("it waits", func() bool { return f.logs.FilterMessage("waiting for redis").Len() == 1 })
	said := fmt.Sprint(f.logs.FilterMessage("waiting for redis").All()[0].ContextMap()["error"])
	if want := "this host's clock is 1m0s behind redis's, want at most 20s: set the one that is wrong: chronyc makestep: clocks differ"; said != want {
		t.Errorf("it says %q, want %q", said, want)
	}
	if n := counterValue(s.metrics.offset); n > -59 || n < -61 || ours.runs() != 0 {
		t.Errorf("offset is %v after %d runs, want -60 and none", n, ours.runs())
	}
	select {
	case <-s.Ready():
		t.Error("it is ready while its clock is wrong")
	default:
	}
	<-slow
	slow <- 0
	f.until("it serves", func() bool { return ours.runs() == 1 })
	<-s.Ready()
}

func TestCheckClock(t *testing.T) {
	f := newFixture(t)
	s := f.server(nil, "publish")
	for _, tt := range []struct {
		offset time.Duration
		want   string
	}{
		{0, "<nil>"},
		{19 * time.Second, "<nil>"},
		{-19 * time.Second, "<nil>"},
		{61 * time.Second, "this host's clock is 1m1s ahead of redis's, want at most 20s: set the one that is wrong: chronyc makestep: clocks differ"},
	} {
		s.now = func() time.Time { return time.Now().Add(tt.offset) }
		if err := s.checkClock(t.Context(), f.raw); fmt.Sprint(err) != tt.want {
			t.Errorf("checkClock at %v = %v, want %s", tt.offset, err, tt.want)
		}
	}
}
