package governor

import (
	"context"
	"time"
)

// Hold takes the fleet-wide lease of that name for ttl, or, where this governor
// has it already, holds it on for ttl from now; it reports whether it did. A
// lease that runs out is anybody's, so its holder holds again in time, and what
// it does has to bear that two of them do it.
func (g *Governor) Hold(ctx context.Context, name string, ttl time.Duration) (bool, error) {
	return false, errUnbuilt
}

// Drop gives a lease back, if this governor has it. A repeat is harmless.
func (g *Governor) Drop(ctx context.Context, name string) error { return errUnbuilt }

// Epoch is the word that tells this Redis from one that lost everything; empty
// if it has none: then nothing is admitted.
func (g *Governor) Epoch(ctx context.Context) (string, error) { return "", errUnbuilt }

// SetEpoch says that the queue in this Redis is whole, by a word that is to be
// another for each loss. Submission opens by it.
func (g *Governor) SetEpoch(ctx context.Context, epoch string) error { return errUnbuilt }
