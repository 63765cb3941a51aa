package queue

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/hibiken/asynq"
)

// Back-off of failures. Thirty in a row take about four hours.
const (
	firstDelay = 2 * time.Second
	maxDelay   = 10 * time.Minute // before jitter
	jitter     = 0.2              // of the delay, to both sides
)

// maxWait bounds what [NotYet] may ask for.
const maxWait = 30 * 24 * time.Hour

// waiting begins the text of every [NotYet], by which an [Inspector] tells a
// wait from a failure.
const waiting = "not yet"

// notYet is the verdict that a task has to wait.
type notYet struct {
	after time.Duration
	why   string // may be empty
	rests bool   // see [Rest]
}

func (n *notYet) Error() string {
	text := waiting
	if n.why != "" {
		text += ": " + n.why
	}
	if n.after == 0 {
		return text + "; again at once"
	}
	return text + "; again in " + n.after.String()
}

// NotYet is the verdict that the task is run again once d has passed. It is not
// a failure: it is not counted, and no number of them ends a task. Redis keeps
// whole seconds, so the task starts up to a second later than d and never
// earlier. A negative d is none; more than 30 days are 30 days.
func NotYet(d time.Duration) error { return notYetFor(d, "") }

func notYetFor(d time.Duration, why string) error {
	return &notYet{after: min(max(d, 0), maxWait), why: why}
}

// Rest is [NotYet] for a task that has cost too many workers: once d has passed
// it has a crash less to its name, so that it is tried once more. One that kills
// its worker again has its crash back, and rests again.
func Rest(d time.Duration) error {
	return &notYet{after: min(max(d, 0), maxWait), why: "it rests", rests: true}
}

// Rests reports whether err is, or wraps, what [Rest] returned.
func Rests(err error) bool {
	n, ok := errors.AsType[*notYet](err)
	return ok && n.rests
}

// Permanent is the verdict that no retry mends err: the task goes to Asynq's
// archive, which is a display that forgets; what must be remembered is in the
// ledger by then. The result wraps err.
func Permanent(err error) error {
	if err == nil {
		err = errors.New("no reason given")
	}
	return fmt.Errorf("%w: %w", err, asynq.SkipRetry)
}

// IsVerdict reports whether err is, or wraps, what [NotYet] or [Permanent]
// returned: the queue shall do as it says. Any other error is a failure, which
// is counted and retried after a growing delay.
func IsVerdict(err error) bool {
	_, waits := errors.AsType[*notYet](err)
	return waits || errors.Is(err, asynq.SkipRetry)
}

type failuresKey struct{}

// WithFailures returns a context in which [Failures] is n: for tests of
// handlers.
func WithFailures(ctx context.Context, n int) context.Context {
	return context.WithValue(ctx, failuresKey{}, n)
}

// Failures is how often the running task has failed before this run, waits and
// lost workers not counted; 0 outside a handler.
func Failures(ctx context.Context) int {
	n, _ := ctx.Value(failuresKey{}).(int)
	return n
}

// isFailure is Asynq's question whether to count err. A lost worker is counted,
// and noted beside the count, out of which it is taken again; see [lostKey].
func isFailure(err error) bool {
	_, waits := errors.AsType[*notYet](err)
	return err != nil && !waits
}

// isLost says that Asynq's recoverer found a task whose lease had ended.
func isLost(err error) bool { return errors.Is(err, asynq.ErrLeaseExpired) }

// retryDelay is how long a task waits that ended with err after a number of
// earlier failures. roll, from 0 to below 1, places it within the jitter.
//
// A wait does not raise Asynq's count, so its delay cannot be worked out from
// the count: the verdict carries it. A task whose worker was lost has waited for
// its lease to end, and starts at once.
func retryDelay(failures int, err error, roll float64) time.Duration {
	if n, ok := errors.AsType[*notYet](err); ok {
		return n.after
	}
	if isLost(err) {
		return 0
	}
	d := maxDelay
	if failures = max(failures, 0); failures < 16 {
		d = min(firstDelay<<failures, maxDelay)
	}
	return time.Duration(float64(d) * (1 - jitter + 2*jitter*roll))
}

// asynqDelay is [retryDelay] in Asynq's form. Asynq cuts a time to whole
// seconds, which would be early.
func asynqDelay(failures int, err error, _ *asynq.Task) time.Duration {
	d := retryDelay(failures, err, rand.Float64())
	if d > 0 {
		d += time.Second - time.Nanosecond
	}
	return d
}

// maxErrorText is how much of an error's text Redis keeps of a task, in bytes.
const maxErrorText = 2 << 10

// told is an error as Redis takes it. Asynq cannot write a text that is not
// UTF-8, and would leave the task to lie as active until its lease has ended.
type told struct {
	text string
	err  error
}

func (t *told) Error() string { return t.text }
func (t *told) Unwrap() error { return t.err }

func forRedis(err error) error {
	if err == nil {
		return nil
	}
	return &told{clean(err.Error(), maxErrorText), err}
}

// clean returns s as valid UTF-8 of at most n bytes.
func clean(s string, n int) string {
	if len(s) > n {
		s = s[:n]
	}
	return strings.ToValidUTF8(s, "?")
}
