package queue

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/hibiken/asynq"
	"github.com/vodfleet/vodfleet/tasks"
)

// lenient is the bare configuration of one who thinks that IsFailure makes a
// wait free.
func lenient() asynq.Config {
	return asynq.Config{
		IsFailure:      func(err error) bool { return !errors.Is(err, errWait) },
		RetryDelayFunc: after(0),
	}
}

var errWait = errors.New("waits")

// The trap: whether retries are exhausted is asked before whether an error is a
// failure, so that a wait ends a task whose budget was spent, or was zero.
// Ours: the budget is endless, and giving up is the handler's.
func TestTrapWaitAfterExhaustion(t *testing.T) {
	for _, tt := range []struct {
		name  string
		retry int
		runs  []error // results of the runs
	}{
		{"spent by failures", 2, []error{errPlain, errPlain, errWait}},
		{"zero", 0, []error{errWait}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := newFixture(t)
			f.put(publish, asynq.MaxRetry(tt.retry))
			results := make(chan error, len(tt.runs))
			for _, err := range tt.runs {
				results <- err
			}
			f.serve(publish.Queue(), lenient(), asynq.HandlerFunc(func(context.Context, *asynq.Task) error { return <-results }))
			f.untilState(publish, "archived")
		})
	}

	t.Run("ours", func(t *testing.T) {
		f := newFixture(t)
		s := f.server(nil, publish.Queue())
		n := 0
		Handle(s, func(ctx context.Context, _ tasks.Publish) error {
			if n++; n <= 30 {
				return NotYet(0)
			}
			if Failures(ctx) != 0 {
				return Permanent(fmt.Errorf("%d waits were counted", Failures(ctx)))
			}
			return nil
		})
		f.run(s)
		f.enqueue(publish)
		f.untilState(publish, "", "archived")
		if f.state(publish) != "" {
			t.Error("a wait ended the task")
		}
	})
	t.Run("ours, after many failures", func(t *testing.T) {
		f := newFixture(t)
		f.enqueue(publish)
		stop := f.serve(publish.Queue(), asynq.Config{RetryDelayFunc: after(0)}, fails(errPlain)) // more than Asynq's own 25
		f.until("40 failures are counted", func() bool {
			info, err := f.look.GetTaskInfo(publish.Queue(), publish.ID())
			return err == nil && info.Retried >= 40
		})
		stop()
		s := f.server(nil, publish.Queue())
		before := make(chan int, 100)
		Handle(s, func(ctx context.Context, _ tasks.Publish) error {
			before <- Failures(ctx)
			return NotYet(time.Hour)
		})
		f.run(s)
		if n := <-before; n < 40 {
			t.Errorf("Failures = %d, want 40 or more", n)
		}
		f.untilState(publish, "retry", "archived")
		if got := f.state(publish); got != "retry" {
			t.Errorf("task is %s, want it to wait", got)
		}
	})
}

// The trap: what IsFailure excuses leaves the retry count where it is, so that
// a delay worked out from the count never grows, nor differs by reason. Ours:
// the verdict carries the delay.
func TestTrapDelayFromCount(t *testing.T) {
	f := newFixture(t)
	counts := make(chan int, 100)
	cfg := lenient()
	cfg.RetryDelayFunc = func(n int, _ error, _ *asynq.Task) time.Duration {
		select {
		case counts <- n:
		default:
		}
		return 0
	}
	f.put(publish)
	stop := f.serve(publish.Queue(), cfg, fails(errWait))
	for range 3 {
		if n := <-counts; n != 0 {
			t.Errorf("bare count is %d, want 0 for ever", n)
		}
	}
	stop()
	if err := f.look.DeleteTask(publish.Queue(), publish.ID()); err != nil {
		t.Fatal(err)
	}

	s := f.server(nil, publish.Queue())
	Handle(s, func(context.Context, tasks.Publish) error {
		return fmt.Errorf("publish: %w", NotYet(90*time.Second))
	})
	f.run(s)
	before := time.Now()
	f.enqueue(publish)
	f.untilState(publish, "retry")
	info, err := f.inspect.Look(t.Context(), publish.Queue(), publish.ID())
	if err != nil {
		t.Fatal(err)
	}
	if wait := info.NextRun.Sub(before); wait < 90*time.Second || wait > 95*time.Second {
		t.Errorf("next run after %v, want 90s and never earlier", wait)
	}
	if info.Failures != 0 || info.Wait != "publish: not yet; again in 1m30s" || info.LastErr != "" {
		t.Errorf("Look = %+v", info)
	}
}

// The trap: an error's text that is not UTF-8 cannot be written, so the task
// lies as active until its lease has ended, and the failure is not counted.
// Ours: the text is made writable.
func TestTrapErrorText(t *testing.T) {
	f := newFixture(t)
	odd := errors.New("read a\xff.mp4: gone")
	ran := make(chan struct{}, 1)
	f.put(publish)
	stop := f.serve(publish.Queue(), asynq.Config{RetryDelayFunc: after(time.Hour)}, asynq.HandlerFunc(func(context.Context, *asynq.Task) error {
		defer func() { ran <- struct{}{} }()
		return odd
	}))
	<-ran
	stop() // which waits for the run
	if got := f.state(publish); got != "active" {
		t.Errorf("bare task is %s, want it stuck as active", got)
	}

	s := f.server(nil, tasks.QueueTranscodeSubmit)
	Handle(s, func(context.Context, tasks.TranscodeSubmit) error { return odd })
	f.run(s)
	f.enqueue(submit)
	f.untilState(submit, "retry")
	info, err := f.inspect.Look(t.Context(), submit.Queue(), submit.ID())
	if err != nil || info.LastErr != "read a?.mp4: gone" || info.Failures != 1 {
		t.Errorf("Look = %+v, %v", info, err)
	}
}
