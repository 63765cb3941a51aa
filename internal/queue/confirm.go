package queue

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"
)

// ErrUnconfirmed says that too few replicas hold what was enqueued, or that the
// primary has changed since the last batch was confirmed, and may have lost it.
var ErrUnconfirmed = errors.New("not confirmed by replicas")

// confirmKey is the counter whose last write the replicas are asked for.
const confirmKey = "vodfleet:confirmed"

// Confirm returns nil once this many replicas of Redis hold everything that was
// enqueued before the call, by any client of the same primary. It fails with
// [ErrUnconfirmed] if they do not within timeout, and if the primary is another
// than at the last Confirm of this client: call it before the first batch too,
// so that a failover is seen in that one. What was enqueued stays enqueued after
// an error as far as Redis has it; to enqueue the batch again is safe. With
// replicas 0 it does nothing.
//
// It costs one write and two questions, on one connection, whatever the batch:
// https://redis.io/docs/latest/commands/wait/.
func (c *Client) Confirm(ctx context.Context, replicas int, timeout time.Duration) error {
	if replicas <= 0 {
		return nil
	}
	if timeout < time.Millisecond {
		return fmt.Errorf("confirm by %d replicas: time-out of %v, want a millisecond or more", replicas, timeout)
	}
	pool, ok := c.redis.(interface{ Conn() *redis.Conn })
	if !ok {
		return fmt.Errorf("confirm by %d replicas: %T cannot hold a connection", replicas, c.redis)
	}
	conn := pool.Conn()
	defer conn.Close()
	if err := conn.Incr(ctx, confirmKey).Err(); err != nil {
		return fmt.Errorf("confirm by %d replicas: %w", replicas, explain(err))
	}
	got, err := conn.Wait(ctx, replicas, timeout).Result()
	if err != nil {
		return fmt.Errorf("confirm by %d replicas: %w", replicas, err)
	}
	if got < int64(replicas) {
		return fmt.Errorf("confirm by %d replicas: %d have it after %v: %w", replicas, got, timeout, ErrUnconfirmed)
	}
	text, err := conn.Info(ctx, "replication").Result()
	if err != nil {
		return fmt.Errorf("confirm by %d replicas: read INFO: %w", replicas, err)
	}
	id := parseInfo(text)["master_replid"] // a new one by each failover
	c.mu.Lock()
	defer c.mu.Unlock()
	last := c.primary
	c.primary = id
	if last != "" && last != id {
		return fmt.Errorf("confirm by %d replicas: the primary has changed since the last batch: %w", replicas, ErrUnconfirmed)
	}
	return nil
}
