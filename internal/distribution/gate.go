package distribution

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/vodfleet/vodfleet/internal/cloud"
)

// Reader reads how a distribution is set up; see [cloud.Distributions].
type Reader interface {
	Configuration(ctx context.Context, id string) (cloud.DistributionConfig, error)
}

// Times that a [Gate] goes by what it has read.
const (
	keepFor   = time.Minute     // it lets through
	refuseFor = 5 * time.Second // it holds back: somebody may just have mended it
)

// Gate tells whether Smooth packages may be published through a distribution,
// and reads that seldom. It is safe for concurrent use.
type Gate struct {
	cdn Reader
	id  string
	d   Delivery

	turn chan struct{} // holds the fields below
	read cloud.DistributionConfig
	at   time.Time // zero: not read yet
}

// NewGate returns the gate of the distribution with that ID.
func NewGate(cdn Reader, id string, d Delivery) *Gate {
	return &Gate{cdn: cdn, id: id, d: d, turn: make(chan struct{}, 1)}
}

// MayPublishSmooth is [MayPublishSmooth] of the distribution as it was within
// the last minute, or the last seconds where that is a [*Refusal]. A
// distribution that is not there is refused too. One that cannot be read is the
// port's error: nothing is known then.
func (g *Gate) MayPublishSmooth(ctx context.Context, path string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case g.turn <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-g.turn }()
	age := time.Since(g.at)
	known := !g.at.IsZero() && age < keepFor
	if known {
		err := MayPublishSmooth(g.read, g.d, path)
		if err == nil || age < refuseFor {
			return err
		}
	}
	c, err := g.cdn.Configuration(ctx, g.id)
	if errors.Is(err, cloud.ErrNotFound) {
		return &Refusal{g.id, []Finding{{
			Check: "distribution", Severity: Broken, Text: "there is no such distribution in this account",
			Fix: "set VODFLEET_DISTRIBUTION_ID to one that is there, or to nothing",
		}}}
	}
	if err != nil {
		return fmt.Errorf("may Smooth be published: %w", err)
	}
	g.read, g.at = c, time.Now()
	return MayPublishSmooth(c, g.d, path)
}
