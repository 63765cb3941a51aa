package governor

import (
	"context"
	"fmt"
	"time"
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
