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

// fails is a bare handler that ends every run with err.
func fails(err error) asynq.Handler {
	return asynq.HandlerFunc(func(context.Context, *asynq.Task) error { return err })
}

// after is a bare RetryDelayFunc.
func after(d time.Duration) asynq.RetryDelayFunc {
	return func(int, error, *asynq.Task) time.Duration { return d }
}

// bring puts the task of publish into a state by bare Asynq alone.
func (f *fixture) bring(state string) {
	f.Helper()
	switch state {
	case "pending":
		f.put(publish)
	case "scheduled":
		f.put(publish, asynq.ProcessIn(time.Hour))
	case "active":
		f.put(publish)
		hold := make(chan struct{})
		f.serve(publish.Queue(), asynq.Config{}, asynq.HandlerFunc(func(context.Context, *asynq.Task) error { <-hold; return nil }))
		f.Cleanup(func() { close(hold) })
	case "retry":
		f.put(publish)
		defer f.serve(publish.Queue(), asynq.Config{RetryDelayFunc: after(time.Hour)}, fails(errPlain))()
	case "archived":
		f.put(publish)
		defer f.serve(publish.Queue(), asynq.Config{}, fails(asynq.SkipRetry))()
	}
	f.untilState(publish, state)
}

// The trap: an ID is taken for as long as its task exists, in whatever state,
// and to enqueue it again is an error. Ours: there already is success.
func TestTrapIDTaken(t *testing.T) {
	for _, tt := range []struct{ state, after string }{
		{"pending", "pending"},
		{"scheduled", "scheduled"},
		{"active", "active"},
		{"retry", "retry"},
		{"archived", "pending"}, // see TestTrapArchivedInTheWay
	} {
		t.Run(tt.state, func(t *testing.T) {
			f := newFixture(t)
			f.bring(tt.state)
			if err := f.tryPut(publish); !errors.Is(err, asynq.ErrTaskIDConflict) {
				t.Errorf("bare Enqueue = %v, want a conflict", err)
			}
			if err := f.client.Enqueue(t.Context(), publish); err != nil {
				t.Errorf("Enqueue = %v, want success", err)
			}
			if got := f.state(publish); got != tt.after {
				t.Errorf("task is %s, want %s", got, tt.after)
			}
		})
	}
}

// The trap: IDs are unique per queue, so the lanes do not see each other. Ours:
// it is so by design, and the ledger deduplicates; after success an ID is free.
func TestTrapIDPerQueue(t *testing.T) {
	f := newFixture(t)
	bulk := submit
	bulk.Lane = tasks.Bulk
	f.enqueue(submit)
	f.enqueue(bulk)
	if a, b := f.state(submit), f.state(bulk); a != "pending" || b != "pending" {
		t.Errorf("tasks are %q and %q, want both pending", a, b)
	}
	var c counter
	s := f.server(nil, tasks.QueueTranscodeSubmit)
	Handle(s, func(context.Context, tasks.TranscodeSubmit) error { c.enter(); return nil })
	f.run(s)
	f.untilState(submit, "")
	f.enqueue(submit)
	f.until("a second run", func() bool { return c.runs() == 2 })
}

// The trap: the lock of Unique is not renewed while its task waits to be tried
// again, and then a duplicate gets in. Ours: the ID holds as long as the task.
func TestTrapUniqueLockExpires(t *testing.T) {
	f := newFixture(t)
	unique := func() error {
		_, err := f.bare.Enqueue(asynq.NewTask("work", nil, asynq.Queue("bare"), asynq.Unique(time.Second)))
		return err
	}
	if err := unique(); err != nil {
		t.Fatal(err)
	}
	defer f.serve("bare", asynq.Config{RetryDelayFunc: after(time.Hour)}, fails(errPlain))()
	length := func() int64 { return f.raw.ZCard(context.Background(), "asynq:{bare}:retry").Val() }
	f.until("the first waits", func() bool { return length() == 1 })
	if err := unique(); !errors.Is(err, asynq.ErrDuplicateTask) {
		t.Fatalf("bare Enqueue = %v, want a duplicate", err)
	}
	for _, lock := range f.keys("asynq:{bare}:unique:*") { // the second passes
		f.raw.PExpire(t.Context(), lock, time.Millisecond)
	}
	f.until("the lock has gone", func() bool { return len(f.keys("asynq:{bare}:unique:*")) == 0 })
	if err := unique(); err != nil {
		t.Fatalf("bare Enqueue = %v, want the duplicate to get in", err)
	}
	f.until("two of the same wait", func() bool { return length() == 2 })

	f.bring("retry")
	f.enqueue(publish)
	if l := f.lengths(publish.Queue()); l.Outstanding() != 1 || f.state(publish) != "retry" {
		t.Errorf("lengths are %+v, want the one task in retry", l)
	}
	if locks := f.keys("asynq:*:unique:*"); len(locks) != 1 { // bare Asynq's second
		t.Errorf("locks are %v", locks)
	}
}

// The trap: Unique together with an ID that is taken leaks the lock, which then
// refuses work that nobody is doing. Ours: there are no locks.
func TestTrapUniqueLockLeaks(t *testing.T) {
	f := newFixture(t)
	put := func(id string, opts ...asynq.Option) error {
		_, err := f.bare.Enqueue(asynq.NewTask("work", []byte(id), append(opts, asynq.Queue("bare"), asynq.TaskID("a"))...))
		return err
	}
	if err := put("1"); err != nil {
		t.Fatal(err)
	}
	if err := put("2", asynq.Unique(time.Hour)); !errors.Is(err, asynq.ErrTaskIDConflict) {
		t.Fatalf("bare Enqueue = %v, want a conflict", err)
	}
	if err := f.look.DeleteTask("bare", "a"); err != nil {
		t.Fatal(err)
	}
	if err := put("2", asynq.Unique(time.Hour)); !errors.Is(err, asynq.ErrDuplicateTask) {
		t.Errorf("bare Enqueue = %v, want the leaked lock in the way", err)
	}

	for range 2 {
		f.enqueue(publish)
	}
	if err := f.look.DeleteTask(publish.Queue(), publish.ID()); err != nil {
		t.Fatal(err)
	}
	f.enqueue(publish)
	if got := f.state(publish); got != "pending" {
		t.Errorf("task is %q, want pending", got)
	}
}

// The trap: a conflict taken for success hides that the task in the way has
// been archived, and its work is dead. Ours: it is set going again.
func TestTrapArchivedInTheWay(t *testing.T) {
	f := newFixture(t)
	f.bring("archived")
	if err := f.tryPut(publish); !errors.Is(err, asynq.ErrTaskIDConflict) {
		t.Errorf("bare Enqueue = %v, want the same conflict as with a living task", err)
	}
	stop := f.serve(publish.Queue(), asynq.Config{}, fails(nil))
	if info, err := f.look.GetTaskInfo(publish.Queue(), publish.ID()); err != nil || info.State != asynq.TaskStateArchived {
		t.Errorf("task is %+v, %v, want it dead under a running server", info, err)
	}
	stop()

	var c counter
	s := f.server(nil, publish.Queue())
	Handle(s, func(context.Context, tasks.Publish) error { c.enter(); return nil })
	f.run(s)
	f.enqueue(publish)
	f.until("it runs", func() bool { return c.runs() == 1 })
	f.untilState(publish, "")
}

// The trap: a handler cannot enqueue its own ID; taken for success, that is the
// end of the work. Ours: it runs again.
func TestTrapOwnID(t *testing.T) {
	f := newFixture(t)
	conflict := make(chan error, 1)
	f.put(publish)
	stop := f.serve(publish.Queue(), asynq.Config{}, asynq.HandlerFunc(func(context.Context, *asynq.Task) error {
		conflict <- f.tryPut(publish)
		return nil
	}))
	if err := <-conflict; !errors.Is(err, asynq.ErrTaskIDConflict) {
		t.Errorf("bare Enqueue = %v, want a conflict", err)
	}
	f.untilState(publish, "") // nothing is left of it
	stop()

	s := f.server(nil, publish.Queue())
	var failures []int
	Handle(s, func(ctx context.Context, p tasks.Publish) error {
		failures = append(failures, Failures(ctx))
		if len(failures) > 1 {
			return nil
		}
		return f.client.EnqueueIn(ctx, p, time.Minute)
	})
	f.run(s)
	before := time.Now()
	f.enqueue(publish)
	f.untilState(publish, "retry")
	info, err := f.inspect.Look(t.Context(), publish.Queue(), publish.ID())
	if wait := info.NextRun.Sub(before); err != nil || wait < time.Minute || wait > 63*time.Second {
		t.Errorf("next run after %v, %v, want a minute", wait, err)
	}
	if err := f.look.RunTask(publish.Queue(), publish.ID()); err != nil { // the minute passes
		t.Fatal(err)
	}
	f.untilState(publish, "")
	if got := fmt.Sprint(failures); got != "[0 0]" {
		t.Errorf("failures before each run were %v, want [0 0]", got)
	}
}

func (f *fixture) keys(pattern string) []string {
	f.Helper()
	keys, err := f.raw.Keys(f.Context(), pattern).Result()
	if err != nil {
		f.Error(err)
	}
	return keys
}

func (f *fixture) lengths(queue string) Lengths {
	f.Helper()
	all, err := f.inspect.Lengths(f.Context())
	if err != nil {
		f.Fatal(err)
	}
	for _, l := range all {
		if l.Queue == queue {
			return l
		}
	}
	f.Fatalf("no lengths of %s", queue)
	return Lengths{}
}
