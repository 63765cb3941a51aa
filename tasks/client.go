package tasks

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"github.com/hibiken/asynq"
)

// Limits of what [Header] may add.
const (
	maxHeaders     = 16
	maxHeaderBytes = 4 << 10 // names and values together
)

// attempts is how often Enqueue looks again at a task that comes and goes.
const attempts = 5

// Client enqueues tasks. It is safe for concurrent use.
type Client struct {
	redis     asynq.RedisConnOpt // always answers the one connection pool
	asynq     atomic.Pointer[asynq.Client]
	inspector *asynq.Inspector
}

// Receipt says what became of an enqueued task.
type Receipt struct {
	ID    string
	Queue string
	// New says that this call made the task. It may be false for one that this
	// call did make: when an answer of Redis is lost, the question is repeated.
	New bool
	// Revived says that the task had been given up (archived) and has been set
	// going again, with the payload and the count of failures that it had.
	Revived bool
}

// NewClient returns a client of the fleet's Redis. It does not connect; the
// first call does. The caller closes it.
func NewClient(redis asynq.RedisConnOpt) (c *Client, err error) {
	if redis == nil {
		return nil, errors.New("new task client: no redis option")
	}
	defer func() { // asynq panics about options that make something else
		if p := recover(); p != nil {
			c, err = nil, fmt.Errorf("new task client: %v", p)
		}
	}()
	c = &Client{redis: pool{redis.MakeRedisClient()}}
	c.asynq.Store(asynq.NewClient(c.redis))
	c.inspector = asynq.NewInspector(c.redis)
	return c, nil
}

// pool lets Asynq's client and inspector share connections.
type pool struct{ client any }

func (p pool) MakeRedisClient() any { return p.client }

// Redis returns the option by which Asynq's own types share the client's
// connections, for what they can do beyond enqueueing. Close ends those too.
func (c *Client) Redis() asynq.RedisConnOpt { return c.redis }

// Close closes the connections. It is called once, when no call is under way.
func (c *Client) Close() error {
	if err := c.asynq.Load().Close(); err != nil {
		return fmt.Errorf("close task client: %w", err)
	}
	return nil
}

// Ping says whether Redis answers, within the time-outs of the option that the
// client was made with.
func (c *Client) Ping() error {
	if err := c.asynq.Load().Ping(); err != nil {
		return fmt.Errorf("ping redis: %w", err)
	}
	return nil
}

// Enqueue puts t into its queue, unless it is there already, and says which;
// see [Receipt]. An error means that it is not known to be there: enqueue it
// again, which is always safe. An invalid task is refused before Redis is asked.
func (c *Client) Enqueue(ctx context.Context, t Task, opts ...Option) (Receipt, error) {
	payload, err := Encode(t)
	if err != nil {
		return Receipt{}, fmt.Errorf("enqueue: %w", err)
	}
	var o options
	for _, opt := range opts {
		opt(&o)
	}
	r := Receipt{ID: t.ID(), Queue: t.Queue()} // the ID once: it may be random
	if err := o.check(); err != nil {
		return Receipt{}, fmt.Errorf("enqueue %s: %w", r.ID, err)
	}
	task := asynq.NewTaskWithHeaders(t.Kind(), payload, o.headers, append(asynqOptions(t, r.ID), o.asynq()...)...)

	for range attempts {
		if ctx.Err() != nil {
			return Receipt{}, fmt.Errorf("enqueue %s: %w", r.ID, context.Cause(ctx))
		}
		_, err = c.asynq.Load().EnqueueContext(ctx, task)
		if err == nil {
			r.New = true
			return r, nil
		}
		if !errors.Is(err, asynq.ErrTaskIDConflict) {
			break
		}
		var there bool
		if there, r.Revived, err = c.look(r.Queue, r.ID); there {
			return r, nil
		}
		if !errors.Is(err, errGone) {
			break
		}
	}
	if ctx.Err() != nil {
		err = context.Cause(ctx) // asynq keeps only the text of it
	}
	return Receipt{}, fmt.Errorf("enqueue %s: %w", r.ID, err)
}

// errGone says that the task which was in the way has moved on meanwhile.
var errGone = errors.New("the task in the way came and went")

// look finds what is in the way of a task. A task that waits or is at work is
// as good as a new one; an archived one would hide that its work is dead, so it
// is set going again.
func (c *Client) look(queue, id string) (there, revived bool, err error) {
	info, err := c.inspector.GetTaskInfo(queue, id)
	switch {
	case errors.Is(err, asynq.ErrTaskNotFound):
		return false, false, errGone
	case errors.Is(err, asynq.ErrQueueNotFound):
		// Redis was emptied. Asynq's client lists a queue once in its life, so
		// a new one has to do it again before the task can be looked at.
		c.asynq.Store(asynq.NewClient(c.redis))
		return false, false, errGone
	case err != nil:
		return false, false, fmt.Errorf("look at the task in the way: %w", err)
	case info.State != asynq.TaskStateArchived:
		return true, false, nil
	}
	switch err := c.inspector.RunTask(queue, id); {
	case err == nil:
		return true, true, nil
	case errors.Is(err, asynq.ErrTaskNotFound):
		return false, false, errGone
	default: // somebody else was quicker, or Redis is away: the next look tells
		return false, false, fmt.Errorf("%w: revive: %w", errGone, err)
	}
}

// Option changes how a task is enqueued.
type Option func(*options)

type options struct {
	after   time.Duration
	headers map[string]string
}

// After delays the task: it does not start before d has passed, and at most a
// second or two later. A task that is there already is not moved.
func After(d time.Duration) Option {
	return func(o *options) { o.after = d }
}

// Header adds a header to the task, such as the W3C trace context's
// "traceparent": at most 16 of them, 4 KiB in all, valid UTF-8. A task that is
// there already keeps its own.
func Header(name, value string) Option {
	return func(o *options) {
		if o.headers == nil {
			o.headers = make(map[string]string)
		}
		o.headers[name] = value
	}
}

func (o *options) check() error {
	if len(o.headers) > maxHeaders {
		return fmt.Errorf("%d headers, want at most %d", len(o.headers), maxHeaders)
	}
	size := 0
	for name, value := range o.headers {
		size += len(name) + len(value)
		if name == "" || !utf8.ValidString(name) || !utf8.ValidString(value) {
			return errors.New("a header has no name or is not valid UTF-8")
		}
	}
	if size > maxHeaderBytes {
		return fmt.Errorf("headers of %d bytes, want at most %d", size, maxHeaderBytes)
	}
	return nil
}

// asynq returns the options that differ from those of the task's kind.
func (o *options) asynq() []asynq.Option {
	if o.after <= 0 {
		return nil
	}
	// Asynq keeps whole seconds and cuts off the rest, which would be early.
	at := time.Now().Add(o.after + time.Second - time.Nanosecond)
	return []asynq.Option{asynq.ProcessAt(at)}
}
