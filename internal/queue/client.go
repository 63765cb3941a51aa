package queue

import (
	"context"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/vodfleet/vodfleet/tasks"
)

// Client enqueues the tasks that handlers hand on, and wakes those that wait.
// It is safe for concurrent use. It adds to [tasks.Client] what concerns the
// task that is running: its trace context is handed on with the new task, and a
// task that enqueues itself is run again.
type Client struct {
	tasks *tasks.Client
	redis redis.UniversalClient

	mu      sync.Mutex
	primary string // by which the last batch was confirmed; see Confirm
}

// NewClient returns a client over c, which stays the caller's to close.
func NewClient(c *tasks.Client) *Client {
	client, _ := c.Redis().MakeRedisClient().(redis.UniversalClient) // or c would not have been made
	return &Client{tasks: c, redis: client}
}

// Enqueue puts t into its queue. That it is there already is success; one that
// had been given up is set going again. An error means that it is not known to
// be there, and a repeat is safe.
//
// A handler that enqueues its own task cannot make a second one of that ID, and
// "there already" would be the end of it: so the running task is run again
// after it has returned nil.
func (c *Client) Enqueue(ctx context.Context, t tasks.Task) error {
	return c.EnqueueIn(ctx, t, 0)
}

// EnqueueIn is Enqueue for a task that shall not start before delay has passed.
// One that is there already is not moved.
func (c *Client) EnqueueIn(ctx context.Context, t tasks.Task, delay time.Duration) error {
	if r := runOf(ctx); r != nil && r.queue == t.Queue() && r.id == t.ID() {
		r.runAgain(delay)
		return nil
	}
	_, err := c.enqueue(ctx, t, tasks.After(delay))
	return err
}

func (c *Client) enqueue(ctx context.Context, t tasks.Task, opts ...tasks.Option) (tasks.Receipt, error) {
	if r := runOf(ctx); r != nil {
		opts = append(r.traceOptions(), opts...)
	}
	receipt, err := c.tasks.Enqueue(ctx, t, opts...)
	return receipt, explain(err)
}
