package governor

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"
)

// Hold takes the fleet-wide lease of that name for ttl, or, where this governor
// has it already, holds it on for ttl from now; it reports whether it did. A
// lease that runs out is anybody's, so its holder holds again in time, and what
// it does has to bear that two of them do it.
func (g *Governor) Hold(ctx context.Context, name string, ttl time.Duration) (bool, error) {
	n, err := scriptHold.Run(ctx, g.rdb, []string{keyLeases}, name, g.self, max(ms(ttl), 1)).Int()
	if err != nil {
		return false, fmt.Errorf("hold lease %s: %w", name, err)
	}
	return n == 1, nil
}

// Drop gives a lease back, if this governor has it. A repeat is harmless.
func (g *Governor) Drop(ctx context.Context, name string) error {
	if err := scriptHold.Run(ctx, g.rdb, []string{keyLeases}, name, g.self, 0).Err(); err != nil {
		return fmt.Errorf("drop lease %s: %w", name, err)
	}
	return nil
}

// Epoch is the word that tells this Redis from one that lost everything; empty
// if it has none: then nothing is admitted.
func (g *Governor) Epoch(ctx context.Context) (string, error) {
	epoch, err := g.rdb.Get(ctx, keyEpoch).Result()
	if err != nil && !errors.Is(err, redis.Nil) {
		return "", fmt.Errorf("read epoch: %w", err)
	}
	return epoch, nil
}

// SetEpoch says that the queue in this Redis is whole, by a word that is to be
// another for each loss. Submission opens by it.
func (g *Governor) SetEpoch(ctx context.Context, epoch string) error {
	if epoch == "" {
		return errors.New("set epoch: it is empty")
	}
	if err := g.rdb.Set(ctx, keyEpoch, epoch, 0).Err(); err != nil {
		return fmt.Errorf("set epoch %s: %w", epoch, err)
	}
	return nil
}
