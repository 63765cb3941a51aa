package queue

import (
	"context"
	"errors"
	"time"
)

// Confirm returns nil once this many replicas of Redis hold everything that was
// enqueued before the call, by any client, and fails if they do not within
// timeout. With replicas 0 it does nothing. What was enqueued stays enqueued
// after an error; to enqueue it again is safe.
func (c *Client) Confirm(ctx context.Context, replicas int, timeout time.Duration) error {
	if replicas == 0 {
		return nil
	}
	return errors.ErrUnsupported
}
