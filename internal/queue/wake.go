package queue

import (
	"context"

	"github.com/vodfleet/vodfleet/tasks"
)

// Wake has t run now: if it waits to be run later it is made ready, if it was
// given up it is set going again, and if it is nowhere it is enqueued. One that
// is at work is run once more when its run has ended, unless that run ends in
// success. A repeat is harmless; after an error it is safe, and needed.
func (c *Client) Wake(ctx context.Context, t tasks.Task) error {
	return c.Enqueue(ctx, t)
}
