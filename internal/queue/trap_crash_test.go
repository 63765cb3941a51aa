package queue

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hibiken/asynq"
	"github.com/vodfleet/vodfleet/tasks"
)

// The trap: a task whose worker died runs again when its lease has ended, and
// the crash is counted as a retry, as if the task had failed. Ours: it runs
// again, no failure is counted, and the crash is told apart.
func TestTrapCrash(t *testing.T) {
	f := newFixture(t)
	f.put(publish)
	f.lose(publish)
	retried := make(chan int, 1)
	stop := f.serve(publish.Queue(), asynq.Config{RetryDelayFunc: after(0)}, asynq.HandlerFunc(func(ctx context.Context, _ *asynq.Task) error {
		n, _ := asynq.GetRetryCount(ctx)
		retried <- n
		return nil
	}))
	if n := <-retried; n != 1 {
		t.Errorf("bare retry count is %d, want the crash to be counted", n)
	}
	f.untilState(publish, "")
	stop()

	f.enqueue(publish)
	f.lose(publish)
	s := f.server(nil, publish.Queue())
	got := make(chan string, 1)
	Handle(s, func(ctx context.Context, p tasks.Publish) error {
		info, err := f.inspect.Look(ctx, publish.Queue(), publish.ID())
		got <- fmt.Sprint(Failures(ctx), Crashes(ctx), info.Failures, info.Crashes, err)
		return nil
	})
	f.run(s)
	if got := <-got; got != "0 1 0 1 <nil>" {
		t.Errorf("failures and crashes to the handler and the inspector are %s, want 0 1 0 1 <nil>", got)
	}
	f.untilState(publish, "")
	if keys := f.keys("vodfleet:lost:*"); len(keys) != 0 {
		t.Errorf("%v are left after success", keys)
	}
	if n := f.logs.FilterMessage("task lost its worker and runs again").Len(); n != 1 {
		t.Errorf("the lost worker was logged %d times, want once", n)
	}
}

// Failures and crashes are counted apart, however they follow each other, and
// many recoverers that find the same crash count it once.
func TestCrashesAndFailures(t *testing.T) {
	f := newFixture(t)
	f.enqueue(publish)
	dies, diesBeside := error(nil), errors.New("the worker dies while the suspect waits for its turn")
	steps := []struct {
		result error
		want   string // of failures and crashes before
	}{
		{errPlain, "0 0"}, {dies, "1 0"}, {NotYet(time.Hour), "1 1"}, {diesBeside, "1 1"}, {dies, "1 1"},
		{errPlain, "1 2"}, {Permanent(errPlain), "2 2"},
	}
	for _, step := range steps {
		s := f.server(nil, publish.Queue())
		s.redis = f.raw
		if step.result == dies || step.result == diesBeside {
			f.lose(publish)
			info, _ := f.look.GetTaskInfo(publish.Queue(), publish.ID())
			r := &run{kind: info.Type, retried: info.Retried}
			if err := s.readLost(t.Context(), r, info.Payload); err != nil {
				t.Fatal(err)
			}
			if step.result == dies {
				if _, err := s.begin(t.Context(), r, info.Payload); err != nil {
					t.Fatal(err)
				}
			}
			for range 3 { // recoverers of other workers, a little earlier
				s.noteDied(info.Retried, asynq.NewTask(info.Type, info.Payload))
			}
			stop := f.serve(publish.Queue(), asynq.Config{RetryDelayFunc: after(time.Hour)}, fails(errPlain))
			f.untilState(publish, "retry")
			stop()
		} else {
			got := make(chan string, 1)
			Handle(s, func(ctx context.Context, _ tasks.Publish) error {
				got <- fmt.Sprint(Failures(ctx), " ", Crashes(ctx))
				return step.result
			})
			stop := f.run(s)
			if got := <-got; got != step.want {
				t.Errorf("before %v failures and crashes are %s, want %s", step.result, got, step.want)
			}
			f.untilState(publish, "retry", "archived")
			stop()
		}
		if f.state(publish) == "retry" {
			if err := f.look.RunTask(publish.Queue(), publish.ID()); err != nil {
				t.Fatal(err)
			}
		}
	}
	// What was given up has been judged: its crashes are not held against it.
	info, err := f.inspect.Look(t.Context(), publish.Queue(), publish.ID())
	if err != nil || info.State != "archived" || info.Failures != 2 || info.Crashes != 0 {
		t.Errorf("Look = %+v, %v", info, err)
	}
	if err := f.client.Wake(t.Context(), publish); err != nil {
		t.Fatal(err)
	}
	if info, err = f.inspect.Look(t.Context(), publish.Queue(), publish.ID()); err != nil || info.State != "pending" || info.Failures != 0 || info.LastErr != "" {
		t.Errorf("Look = %+v, %v, want it as new", info, err)
	}
	if keys := f.keys("vodfleet:lost:*"); len(keys) != 0 {
		t.Errorf("%v are left of a task that was revived", keys)
	}
}

// A process that lives has not died of its task, though it lost the lease while
// Redis was away or it stood still.
func TestStalledIsNoCrash(t *testing.T) {
	f := newFixture(t)
	s := f.server(nil, publish.Queue())
	s.redis = f.raw
	f.enqueue(publish)
	info, err := f.look.GetTaskInfo(publish.Queue(), publish.ID())
	if err != nil {
		t.Fatal(err)
	}
	task := asynq.NewTask(info.Type, info.Payload)
	s.noteDied(0, task)
	s.abandoned(t.Context(), task, asynq.ErrLeaseExpired)
	s.abandoned(t.Context(), task, context.DeadlineExceeded) // no lost lease
	f.redis.Kill()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := s.tellStalled(ctx); err == nil {
		t.Error("a Redis that is away took the note")
	}
	f.redis.Restart()
	f.until("Redis takes the note", func() bool { return s.tellStalled(t.Context()) == nil })
	r := &run{kind: info.Type, retried: 1}
	if err := s.readLost(t.Context(), r, info.Payload); err != nil || r.failures != 0 || r.crashes != 0 {
		t.Errorf("failures are %d and crashes %d, %v, want none", r.failures, r.crashes, err)
	}
	if len(s.stalled) != 0 {
		t.Errorf("%d notes are left", len(s.stalled))
	}
}

// A process runs one suspect at a time, and others beside it.
func TestSuspectsRunAlone(t *testing.T) {
	f := newFixture(t)
	s := f.server(nil, publish.Queue())
	var suspects, others counter
	hold := make(chan struct{})
	suspect := func(p tasks.Publish) bool { return p.Build <= 3 }
	Handle(s, func(ctx context.Context, p tasks.Publish) error {
		c := &others
		if suspect(p) {
			c = &suspects
			if Crashes(ctx) != 1 {
				return Permanent(errors.New("it was not told of its crash"))
			}
		}
		c.enter()
		defer c.leave()
		<-hold
		return nil
	})
	for n := 1; n <= 5; n++ {
		p := tasks.Publish{Asset: asset, Build: n}
		f.enqueue(p)
		if suspect(p) {
			f.lose(p)
		}
	}
	f.run(s)
	f.until("others run beside a suspect", func() bool { return others.overlap() == 2 && suspects.runs() == 1 })
	f.until("the other suspects wait", func() bool { return s.waits(crowded) >= 10 })
	close(hold)
	f.until("all are done", func() bool { return f.lengths(publish.Queue()).Outstanding() == 0 })
	if suspects.runs() != 3 || suspects.overlap() != 1 {
		t.Errorf("%d runs of suspects, %d at a time, want 3 and 1", suspects.runs(), suspects.overlap())
	}
	if l := f.lengths(publish.Queue()); l.Archived != 0 {
		t.Errorf("lengths are %+v", l)
	}
}

// The trap: what recovers the tasks of lost workers archives those whose
// retries are spent, and calls no ErrorHandler: nobody hears of it. Ours: the
// retries are endless, so it archives nothing, and each lost worker is logged.
func TestTrapRecoveryArchives(t *testing.T) {
	f := newFixture(t)
	f.put(publish, asynq.MaxRetry(0))
	f.lose(publish)
	heard := make(chan error, 10)
	stop := f.serve(publish.Queue(), asynq.Config{
		ErrorHandler: asynq.ErrorHandlerFunc(func(_ context.Context, _ *asynq.Task, err error) { heard <- err }),
	}, fails(nil))
	f.untilState(publish, "archived")
	stop()
	if len(heard) != 0 {
		t.Errorf("bare ErrorHandler heard %v, want nothing", <-heard)
	}

	f.enqueue(submit)
	f.lose(submit)
	s := f.server(nil, submit.Queue())
	Handle(s, func(context.Context, tasks.TranscodeSubmit) error { return nil })
	f.run(s)
	f.untilState(submit, "", "archived")
	logged := f.logs.FilterMessage("task lost its worker and runs again").All()
	if f.state(submit) != "" || len(logged) != 1 || logged[0].ContextMap()["task"] != submit.ID() || logged[0].ContextMap()["asset"] != asset {
		t.Errorf("task is %q, logged %v, want it done and logged", f.state(submit), logged)
	}
}

// The trap: when Redis refuses the acknowledgement of a task that has succeeded,
// the next attempts use a context that has ended: the task stays active and
// runs a second time. Ours cannot prevent it, which is why every handler's
// repeat is harmless; it is no failure of the task.
func TestTrapLostAcknowledgement(t *testing.T) {
	for _, ours := range []bool{false, true} {
		t.Run(fmt.Sprintf("ours %v", ours), func(t *testing.T) {
			f := newFixture(t)
			var c counter
			var failures []int
			handle := func(failed int) error {
				failures = append(failures, failed)
				if c.enter(); c.runs() == 1 { // Redis takes no writes, beginning now
					return f.raw.ConfigSet(t.Context(), "min-replicas-to-write", "1").Err()
				}
				return nil
			}
			start := func() func() {
				if !ours {
					return f.serve(publish.Queue(), asynq.Config{RetryDelayFunc: after(0)}, asynq.HandlerFunc(func(ctx context.Context, _ *asynq.Task) error {
						n, _ := asynq.GetRetryCount(ctx)
						return handle(n)
					}))
				}
				s := f.server(nil, publish.Queue())
				Handle(s, func(ctx context.Context, _ tasks.Publish) error { return handle(Failures(ctx)) })
				return f.run(s)
			}
			f.enqueue(publish)
			stop := start()
			f.until("it runs", func() bool { return c.runs() == 1 })
			f.until("the acknowledgement is refused", func() bool { return f.logged("Could not remove task") > 0 })
			if err := f.raw.ConfigSet(t.Context(), "min-replicas-to-write", "0").Err(); err != nil {
				t.Fatal(err)
			}
			stop()
			if got := f.state(publish); got != "active" {
				t.Fatalf("task is %q after a run that succeeded, want it active still", got)
			}
			f.expire(publish)
			start()
			f.until("it runs again", func() bool { return c.runs() == 2 })
			f.untilState(publish, "")
			want := "[0 0]"
			if !ours {
				want = "[0 1]"
			}
			if got := fmt.Sprint(failures); got != want {
				t.Errorf("failures before the runs were %s, want %s", got, want)
			}
		})
	}
}

// logged is how often Asynq's log, under our server or bare, has these words.
func (f *fixture) logged(words string) (n int) {
	for _, e := range f.logs.FilterMessage("asynq").All() {
		if detail, _ := e.ContextMap()["detail"].(string); strings.Contains(detail, words) {
			n++
		}
	}
	return n
}
