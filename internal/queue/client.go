package queue

import (
	"context"
	"time"

	"github.com/vodfleet/vodfleet/tasks"
)

// Client enqueues the tasks that handlers hand on. It is safe for concurrent
// use. It adds to [tasks.Client] what concerns the task that is running: its
// trace context is handed on with the new task, and a task that enqueues itself
// is run again.
type Client struct {
	tasks *tasks.Client
}

// NewClient returns a client over c, which stays the caller's to close.
func NewClient(c *tasks.Client) *Client { return &Client{c} }

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
	r := runOf(ctx)
	if r == nil {
		_, err := c.tasks.Enqueue(ctx, t, tasks.After(delay))
		return err
	}
	if r.queue == t.Queue() && r.id == t.ID() {
		r.runAgain(delay)
		return nil
	}
	_, err := c.tasks.Enqueue(ctx, t, append(r.traceOptions(), tasks.After(delay))...)
	return err
}
