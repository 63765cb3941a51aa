package queue

import (
	"context"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/hibiken/asynq"
	"github.com/vodfleet/vodfleet/tasks"
)

// run is one run of one task, as its handler's context carries it.
type run struct {
	queue, id, kind string
	retried         int // Asynq's count: failures and lost workers
	failures        int
	crashes         int
	lost            lostRuns // those that Redis has notes of
	headers         map[string]string

	mu    sync.Mutex
	again time.Duration // negative: the handler has not asked for another run
}

type runKey struct{}

// newRun reads what Asynq tells of the task.
func newRun(ctx context.Context, t *asynq.Task) *run {
	r := &run{kind: t.Type(), headers: t.Headers(), again: -1}
	r.queue, _ = asynq.GetQueueName(ctx)
	r.id, _ = asynq.GetTaskID(ctx)
	r.retried, _ = asynq.GetRetryCount(ctx)
	r.failures = r.retried
	return r
}

// runOf returns the run that ctx belongs to; nil outside a handler.
func runOf(ctx context.Context) *run {
	r, _ := ctx.Value(runKey{}).(*run)
	return r
}

// in returns the context of the run's handler.
func (r *run) in(ctx context.Context) context.Context {
	return WithCrashes(WithFailures(context.WithValue(ctx, runKey{}, r), r.failures), r.crashes)
}

// key is unique among all tasks: IDs are so in one queue only.
func (r *run) key() string { return r.queue + "/" + r.id }

// minAgain keeps a task that enqueues itself from running without a pause.
const minAgain = time.Second

func (r *run) runAgain(delay time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delay = max(delay, minAgain)
	if r.again < 0 || delay < r.again {
		r.again = delay
	}
}

// wanted is the verdict of a run that returned nil.
func (r *run) wanted() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.again < 0 {
		return nil
	}
	return notYetFor(r.again, "the task asked for another run")
}

// traceHeaders are the headers of W3C's Trace Context and Baggage, with the
// bytes that are handed on at most.
var traceHeaders = map[string]int{"traceparent": 128, "tracestate": 512, "baggage": 2 << 10}

// traceOptions hands the run's trace context on. What would make the new task
// invalid is left out: a trace is never worth a task.
func (r *run) traceOptions() []tasks.Option {
	var opts []tasks.Option
	for name, limit := range traceHeaders {
		if v := r.headers[name]; v != "" && len(v) <= limit && utf8.ValidString(v) {
			opts = append(opts, tasks.Header(name, v))
		}
	}
	return opts
}
