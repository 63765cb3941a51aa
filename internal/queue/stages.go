package queue

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/vodfleet/vodfleet/tasks"
)

// Pause has no further task of a kind started, in any of its queues, until
// [Inspector.Resume]. Tasks at work end, and new ones may be enqueued. A repeat
// is harmless.
func (i *Inspector) Pause(ctx context.Context, kind string) error {
	return i.eachQueue(ctx, "pause", kind, func(p redis.Pipeliner, paused string) {
		p.SetNX(ctx, paused, time.Now().Unix(), 0) // as Asynq's own
	})
}

// Resume ends a [Inspector.Pause]. A repeat is harmless.
func (i *Inspector) Resume(ctx context.Context, kind string) error {
	return i.eachQueue(ctx, "resume", kind, func(p redis.Pipeliner, paused string) { p.Del(ctx, paused) })
}

func (i *Inspector) eachQueue(ctx context.Context, verb, kind string, do func(p redis.Pipeliner, paused string)) error {
	queues := tasks.QueuesOf(kind)
	if len(queues) == 0 {
		return fmt.Errorf("%s stage %q: want one of %s", verb, clean(kind, 64), strings.Join(kinds, ", "))
	}
	_, err := i.redis.TxPipelined(ctx, func(p redis.Pipeliner) error {
		for _, q := range queues {
			do(p, "asynq:{"+q+"}:paused")
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("%s stage %s in redis %s: %w", verb, kind, i.where, err)
	}
	return nil
}
