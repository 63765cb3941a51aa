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
	mirrorEvery  = 15 * time.Second // between two looks at files that are still to come
	mirrorGiveUp = time.Hour        // after they were made; later they count as missing
)

// mirrored is err, of the origin, or a wait if what it lacks may still come: it
// was made at a time.
func mirrored(now, made time.Time, err error) error {
	if _, ok := errors.AsType[*delivery.IncompleteError](err); ok && now.Sub(made) < mirrorGiveUp {
		return queue.NotYet(mirrorEvery)
	}
	return err
}
