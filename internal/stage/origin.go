package stage

import (
	"context"
	"errors"
	"time"

	"github.com/vodfleet/vodfleet/internal/cloud"
	"github.com/vodfleet/vodfleet/internal/delivery"
	"github.com/vodfleet/vodfleet/internal/queue"
)

// Origin is a server of one's own that mirrors the output for the distribution;
// see [delivery.Origin].
type Origin interface {
	Arrived(ctx context.Context, prefix cloud.Location) error
	Shows(ctx context.Context, asset string) error
}

const (
	mirrorEvery  = 5 * time.Second // between two looks at files that are still to come, at first
	mirrorSlow   = 2 * time.Minute // and at last
	mirrorGiveUp = time.Hour       // after they were made; later they count as missing
)

// arrived looks for what lies below a prefix at the origin, if there is one.
// It waits for what may still come: it was made at a time.
func (p *Publish) arrived(ctx context.Context, prefix cloud.Location, made time.Time) error {
	if p.Origin == nil {
		return nil
	}
	return mirrored(p.Ledger.Now(), made, p.Origin.Arrived(ctx, prefix))
}

// mirrored is err, of the origin, or a wait if what it lacks may still come: it
// was made at a time.
func mirrored(now, made time.Time, err error) error {
	if _, ok := errors.AsType[*delivery.IncompleteError](err); ok && now.Sub(made) < mirrorGiveUp {
		return queue.NotYet(min(max(now.Sub(made)/4, mirrorEvery), mirrorSlow))
	}
	return err
}
