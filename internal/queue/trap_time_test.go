package queue

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hibiken/asynq"
	"github.com/vodfleet/vodfleet/tasks"
	"go.uber.org/zap"
)

// deaf is what a handler does that does not honour its context.
func deaf(c *counter, hold <-chan struct{}) {
	c.enter()
	<-hold
	c.leave()
}

// The trap: when a run is given up (its time is over, or an operator cancels
// it), its goroutine goes on while the task runs again: two runs of one task
// overlap, and more handlers work than Concurrency says. Ours: a task whose run
// has not ended waits for it, and so do others when every slot is really taken.
func TestTrapRunsOverlap(t *testing.T) {
	f := newFixture(t)
	cancel := func(c *counter, runs int) {
		t.Helper()
		f.until("it runs", func() bool { return c.runs() >= runs })
		f.until("it is cancelled", func() bool { // the subscription may not stand yet
			_ = f.look.CancelProcessing(publish.ID())
			return f.state(publish) != "active"
		})
	}
	var bare counter
	hold := make(chan struct{})
	f.put(publish)
	stop := f.serve(publish.Queue(), asynq.Config{Concurrency: 1, RetryDelayFunc: after(0)}, asynq.HandlerFunc(func(context.Context, *asynq.Task) error {
		deaf(&bare, hold)
		return nil
	}))
	cancelled := make(chan struct{})
	go func() {
		defer close(cancelled)
		for bare.overlap() < 2 {
			_ = f.look.CancelProcessing(publish.ID())
			time.Sleep(5 * time.Millisecond)
		}
	}()
	f.until("two bare runs overlap, with a concurrency of one", func() bool { return bare.overlap() == 2 })
	<-cancelled
	stop()
	close(hold)
	_ = f.look.DeleteTask(publish.Queue(), publish.ID())

	s := f.server(func(o *Options) { o.Concurrency = 1 }, publish.Queue())
	var ours counter
	hold = make(chan struct{})
	Handle(s, func(context.Context, tasks.Publish) error { deaf(&ours, hold); return nil })
	f.run(s)
	f.enqueue(publish)
	cancel(&ours, 1)
	if err := f.look.RunTask(publish.Queue(), publish.ID()); err != nil { // its back-off passes
		t.Fatal(err)
	}
	other := tasks.Publish{Asset: asset, Build: 2}
	f.enqueue(other)
	f.until("both wait", func() bool { return s.waits(crowded) >= 10 })
	if ours.runs() != 1 {
		t.Errorf("%d runs began while the first went on, want none", ours.runs()-1)
	}
	close(hold)
	f.until("both ran", func() bool { return ours.runs() == 3 && f.lengths(publish.Queue()).Outstanding() == 0 })
	if ours.overlap() != 1 {
		t.Errorf("%d runs overlapped", ours.overlap())
	}
	if n := f.logs.FilterMessage("task ended after its time; its result is lost").Len(); n != 1 {
		t.Errorf("%d late runs were logged, want 1", n)
	}
}

// With slots to spare, it is the task alone that waits for its last run.
func TestRunsOfOneTaskDoNotOverlap(t *testing.T) {
	f := newFixture(t)
	s := f.server(nil, publish.Queue())
	var one, two counter
	hold := make(chan struct{})
	other := tasks.Publish{Asset: asset, Build: 2}
	Handle(s, func(_ context.Context, p tasks.Publish) error {
		if p == other {
			two.enter()
			return nil
		}
		deaf(&one, hold)
		return nil
	})
	f.run(s)
	f.enqueue(publish)
	f.until("it runs", func() bool { return one.runs() == 1 })
	f.until("it is cancelled", func() bool {
		_ = f.look.CancelProcessing(publish.ID())
		return f.state(publish) != "active"
	})
	if err := f.look.RunTask(publish.Queue(), publish.ID()); err != nil {
		t.Fatal(err)
	}
	f.enqueue(other)
	f.until("it waits while another runs", func() bool { return s.waits(crowded) >= 5 && two.runs() == 1 })
	close(hold)
	f.until("both are done", func() bool { return f.lengths(publish.Queue()).Outstanding() == 0 })
	if one.runs() != 2 || one.overlap() != 1 {
		t.Errorf("%d runs, %d at a time, want 2 and 1", one.runs(), one.overlap())
	}
}

// waits is how many runs ended in an outcome.
func (s *Server) waits(o outcome) int {
	return int(counterValue(s.metrics.runs.WithLabelValues(tasks.KindPublish, string(o))))
}

// The trap: when a task's time is over Asynq drops the run at the same moment
// that the handler's context ends, so what the handler has to say (a verdict, a
// reason) is lost, and its last steps overlap the next run. Ours: the handler's
// context ends first.
func TestTrapTimeout(t *testing.T) {
	for _, tt := range []struct {
		timeout time.Duration
		want    time.Duration // until the handler's context ends
	}{
		{time.Minute, 55 * time.Second},
		{10 * time.Second, 9 * time.Second},
		{30 * time.Minute, 30*time.Minute - 5*time.Second},
	} {
		t.Run(tt.timeout.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, err := NewServer(Options{Redis: asynq.RedisClientOpt{}})
				if err != nil {
					t.Fatal(err)
				}
				ctx, cancel := context.WithTimeout(t.Context(), tt.timeout) // as Asynq's
				defer cancel()
				began := time.Now()
				hctx, leave := s.handlerContext(ctx)
				defer leave()
				<-hctx.Done()
				if got := time.Since(began); got != tt.want || ctx.Err() != nil {
					t.Errorf("handler's context ended after %v (Asynq's: %v), want %v", got, ctx.Err(), tt.want)
				}
				if !errors.Is(hctx.Err(), context.DeadlineExceeded) {
					t.Errorf("it ended with %v", hctx.Err())
				}
			})
		})
	}

	f := newFixture(t)
	listens := func(ctx context.Context) error {
		<-ctx.Done()
		time.Sleep(20 * time.Millisecond) // to leave in order
		return fmt.Errorf("read page 7: %w", ctx.Err())
	}
	soon := asynq.Timeout(2 * time.Second)
	f.put(submit, soon)
	f.serve(submit.Queue(), asynq.Config{RetryDelayFunc: after(time.Hour)}, asynq.HandlerFunc(func(ctx context.Context, _ *asynq.Task) error { return listens(ctx) }))
	s := f.server(nil, publish.Queue())
	Handle(s, func(ctx context.Context, _ tasks.Publish) error { return listens(ctx) })
	f.run(s)
	f.put(publish, soon)
	f.untilState(submit, "retry")
	f.untilState(publish, "retry")
	bare, _ := f.inspect.Look(t.Context(), submit.Queue(), submit.ID())
	ours, _ := f.inspect.Look(t.Context(), publish.Queue(), publish.ID())
	if bare.LastErr != "context deadline exceeded" {
		t.Errorf("bare task failed with %q, want the handler's words lost", bare.LastErr)
	}
	if ours.LastErr != "read page 7: context deadline exceeded" || ours.Failures != 1 {
		t.Errorf("task = %+v, want the handler's words and one failure", ours)
	}
}

// The trap: Asynq's shutdown waits 8 seconds unless told otherwise, then puts
// the task back into its queue while the handler is still at work, which hears
// of it only afterwards. Ours: handlers hear of it first, what they leave goes
// back uncounted, and those who need no more than the drain time-out finish.
func TestTrapShutdown(t *testing.T) {
	f := newFixture(t)
	ran, hears := make(chan string, 1), make(chan string, 1)
	f.put(submit)
	stop := f.serve(submit.Queue(), asynq.Config{ShutdownTimeout: 20 * time.Millisecond}, asynq.HandlerFunc(func(ctx context.Context, _ *asynq.Task) error {
		close(ran)
		<-ctx.Done()
		for f.state(submit) == "active" {
			time.Sleep(time.Millisecond)
		}
		hears <- f.state(submit)
		return nil
	}))
	<-ran
	stop()
	if got := <-hears; got != "pending" {
		t.Errorf("bare task was %s while its handler went on, want pending", got)
	}

	s := f.server(func(o *Options) { o.DrainTimeout = time.Second }, publish.Queue())
	began := make(chan struct{}, 2)
	other := tasks.Publish{Asset: asset, Build: 2}
	state := ""
	Handle(s, func(ctx context.Context, p tasks.Publish) error {
		began <- struct{}{}
		if p == other {
			time.Sleep(100 * time.Millisecond) // well within the time-out
			return ctx.Err()
		}
		<-ctx.Done()
		state = f.state(publish)
		return fmt.Errorf("copy: %w", context.Cause(ctx))
	})
	stop = f.run(s)
	f.enqueue(publish)
	f.enqueue(other)
	<-began
	<-began
	start := time.Now()
	stop()
	if took := time.Since(start); took > 3*time.Second {
		t.Errorf("stop took %v, want about the drain time-out", took)
	}
	if state != "active" {
		t.Errorf("task was %q when its handler heard, want active", state)
	}
	if got := f.state(other); got != "" {
		t.Errorf("the task that could finish is %q", got)
	}
	info, err := f.inspect.Look(t.Context(), publish.Queue(), publish.ID())
	if err != nil || info.State != "retry" || info.Failures != 0 || info.Wait != "not yet: the worker is stopping; again at once" || time.Until(info.NextRun) > 0 {
		t.Errorf("interrupted task is %+v, %v, want it ready and uncounted", info, err)
	}
}

func TestShutdownTimeout(t *testing.T) {
	for _, tt := range []struct{ drain, want time.Duration }{{0, 30 * time.Second}, {time.Minute, time.Minute}} {
		s, err := NewServer(Options{Redis: asynq.RedisClientOpt{}, DrainTimeout: tt.drain})
		if err != nil {
			t.Fatal(err)
		}
		if got := s.config().ShutdownTimeout; got != tt.want {
			t.Errorf("Asynq waits %v, want %v and never its own 8s", got, tt.want)
		}
	}
}

// A handler that hears nothing does not hold the stop up; its task goes back to
// its queue.
func TestShutdownDeafHandler(t *testing.T) {
	f := newFixture(t)
	s := f.server(func(o *Options) { o.DrainTimeout = 50 * time.Millisecond }, publish.Queue())
	var c counter
	hold := make(chan struct{})
	defer close(hold)
	Handle(s, func(context.Context, tasks.Publish) error { deaf(&c, hold); return nil })
	stop := f.run(s)
	f.enqueue(publish)
	f.until("it runs", func() bool { return c.runs() == 1 })
	stop()
	if got := f.state(publish); got != "pending" {
		t.Errorf("task is %s, want pending", got)
	}
	if n := f.logs.FilterMessage("handlers did not end in time").FilterField(zap.Int("handlers", 1)).Len(); n != 1 {
		t.Error("the handler that did not end was not logged")
	}
}

// The trap: what moves scheduled and retried tasks lives in the server, so that
// with none running nothing becomes pending: to scale by pending alone is to
// stay at zero. Ours: they count as outstanding, those that are late as overdue,
// and any server moves them.
func TestTrapNobodyForwards(t *testing.T) {
	f := newFixture(t)
	f.put(publish, asynq.ProcessIn(time.Hour))
	// The hour passes.
	key := "asynq:{" + publish.Queue() + "}:scheduled"
	f.raw.ZIncrBy(t.Context(), key, -7200, publish.ID())
	time.Sleep(50 * time.Millisecond)
	l := f.lengths(publish.Queue())
	if l.Pending != 0 || l.Scheduled != 1 {
		t.Errorf("lengths are %+v, want the task that is due to be scheduled still", l)
	}
	if l.Outstanding() != 1 || l.Overdue != 1 {
		t.Errorf("Outstanding = %d, Overdue = %d, want 1 and 1", l.Outstanding(), l.Overdue)
	}
	f.put(submit, asynq.ProcessIn(time.Minute)) // is not due
	if l := f.lengths(submit.Queue()); l.Overdue != 0 {
		t.Errorf("Overdue = %d of a task that is not due", l.Overdue)
	}
	s := f.server(nil, publish.Queue())
	Handle(s, func(context.Context, tasks.Publish) error { return nil })
	f.run(s)
	f.untilState(publish, "")
	if l := f.lengths(publish.Queue()); l.Overdue != 0 {
		t.Errorf("Overdue = %d under a server", l.Overdue)
	}
}

// The trap: a mux matches by prefix, so that another kind's payload reaches a
// handler. Ours: the kind is exact, and another one waits.
func TestTrapMuxPrefix(t *testing.T) {
	f := newFixture(t)
	foreign := func() error {
		_, err := f.bare.Enqueue(asynq.NewTask("publish-later", []byte("no JSON"), asynq.Queue(publish.Queue()), asynq.TaskID("foreign")))
		return err
	}
	if err := foreign(); err != nil {
		t.Fatal(err)
	}
	kinds := make(chan string, 1)
	mux := asynq.NewServeMux()
	mux.HandleFunc("publish", func(_ context.Context, task *asynq.Task) error { kinds <- task.Type(); return nil })
	stop := f.serve(publish.Queue(), asynq.Config{}, mux)
	if got := <-kinds; got != "publish-later" {
		t.Errorf("bare handler of publish got %q", got)
	}
	stop()

	if err := foreign(); err != nil {
		t.Fatal(err)
	}
	var c counter
	s := f.server(nil, publish.Queue())
	Handle(s, func(context.Context, tasks.Publish) error { c.enter(); return nil })
	f.run(s)
	f.until("it waits", func() bool { return f.lengths(publish.Queue()).Retry == 1 })
	info, err := f.inspect.Look(t.Context(), publish.Queue(), "foreign")
	if err != nil || info.Failures != 0 || c.runs() != 0 || info.Task != nil || time.Until(info.NextRun) < 50*time.Second {
		t.Errorf("foreign task is %+v, %v, after %d runs, want it to wait a minute", info, err, c.runs())
	}
}
