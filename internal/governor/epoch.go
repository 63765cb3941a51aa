package governor

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"
)

// rebuildTime is how long a rebuild may take after which it counts for nothing.
const rebuildTime = 24 * time.Hour

// errRebuild says that what was rebuilt may not be there any more.
var errRebuild = errors.New("redis lost its keys once more meanwhile, or somebody else began to rebuild: not whole, again")

// Epoch is the word that tells this Redis from one that lost everything; empty
// if it has none: then nothing is admitted. Where it finds none it takes note
// that a rebuild begins now.
//
// A Redis that was emptied, or is a new one, has no epoch. One that was put back
// to an older snapshot has the epoch of then, which is not seen: that it lacks
// tasks the reconciler's next pass mends, and that its rooms and watches are old
// the next sweep does; until then it may admit more jobs than there is room for,
// and none twice, since that is for the ledger to say.
func (g *Governor) Epoch(ctx context.Context) (string, error) {
	epoch, err := g.rdb.Get(ctx, keyEpoch).Result()
	if err == nil || !errors.Is(err, redis.Nil) {
		return epoch, wrapEpoch(err)
	}
	word := rand.Text()
	if err := g.rdb.Set(ctx, keyRebuild, word, rebuildTime).Err(); err != nil {
		return "", wrapEpoch(err)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.rebuild = word
	return "", nil
}

func wrapEpoch(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("read epoch: %w", err)
}

// SetEpoch says that the queue in this Redis is whole, by a word that is to be
// another for each loss. Submission opens by it. After an [Governor.Epoch] that
// found none it fails if Redis lost its keys since, for what was rebuilt is not
// there then; an epoch that somebody else set meanwhile stays.
func (g *Governor) SetEpoch(ctx context.Context, epoch string) error {
	if epoch == "" {
		return errors.New("set epoch: it is empty")
	}
	g.mu.Lock()
	word := g.rebuild
	g.mu.Unlock()
	there, err := scriptEpoch.Run(ctx, g.rdb, []string{keyEpoch, keyRebuild}, epoch, word).Bool()
	if err == nil && !there {
		err = errRebuild
	}
	if err != nil {
		return fmt.Errorf("set epoch %s: %w", epoch, err)
	}
	return nil
}
