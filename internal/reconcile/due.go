// Package reconcile finds what no task is waiting for and gives it one: for
// now, assets that are due to be looked at because a grace is over. It changes
// no record; what is to be done with an asset is for the stages.
package reconcile

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/vodfleet/vodfleet/internal/cloud"
	"github.com/vodfleet/vodfleet/internal/ledger"
	"github.com/vodfleet/vodfleet/tasks"
	"go.uber.org/zap"
)

// Due asks for the retirement of builds whose grace is over. Any number of
// processes may do it side by side: their tasks have the same IDs.
type Due struct {
	Ledger Ledger
	Queue  Queue
	Now    func() time.Time // the cloud's clock
	Grace  time.Duration
	Log    *zap.Logger
}

// Ledger is what Due needs of a [ledger.Store].
type Ledger interface {
	Get(ctx context.Context, asset string) (*ledger.Record, error)
	Due(ctx context.Context, asset string, at time.Time) error
	DueBefore(ctx context.Context, t time.Time) iter.Seq2[ledger.DueEntry, error]
	DoneDue(ctx context.Context, e ledger.DueEntry) error
}

// Queue takes tasks. One that is there already is success.
type Queue interface {
	Enqueue(ctx context.Context, t tasks.Task) error
}

// Bounds of how often Run sweeps, whatever the grace.
const (
	soonest = time.Second
	latest  = time.Minute
)

// maxSweep bounds the entries of one sweep; the next one goes on.
const maxSweep = 10_000

// Run sweeps until ctx ends: every quarter of the grace, and at least once a
// minute. A sweep costs one listing where nothing is due. Errors are logged;
// the next sweep tries again.
func (d *Due) Run(ctx context.Context) error {
	tick := time.NewTicker(min(max(d.Grace/4, soonest), latest))
	defer tick.Stop()
	for {
		if err := d.Sweep(ctx); err != nil && ctx.Err() == nil {
			d.Log.Error("sweep of due assets", zap.Error(err))
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}

// Sweep looks once at what is due. An entry stays until its asset's record says
// that nothing is due any more, so that a lost queue loses no retirement.
func (d *Due) Sweep(ctx context.Context) error {
	var errs []error
	n := 0
	for e, err := range d.Ledger.DueBefore(ctx, d.Now()) {
		if err != nil {
			return errors.Join(append(errs, err)...)
		}
		if err := d.look(ctx, e); err != nil && len(errs) < 10 {
			errs = append(errs, fmt.Errorf("asset %s: %w", e.Asset, err))
		}
		if n++; n == maxSweep {
			break
		}
	}
	return errors.Join(errs...)
}

func (d *Due) look(ctx context.Context, e ledger.DueEntry) error {
	rec, err := d.Ledger.Get(ctx, e.Asset)
	if errors.Is(err, cloud.ErrNotFound) {
		return d.Ledger.DoneDue(ctx, e)
	}
	if err != nil {
		return err
	}
	next := rec.NextRetirement(d.Grace)
	if !next.IsZero() && !next.After(d.Now()) {
		return d.Queue.Enqueue(ctx, tasks.InvalidateOrRename{
			Asset: rec.Asset, Seq: max(rec.Seq, 1), Profile: rec.Wanted.Profile, Reference: rec.Reference,
		})
	}
	if !next.IsZero() { // such as after a change of the grace
		if err := d.Ledger.Due(ctx, e.Asset, next); err != nil {
			return err
		}
	}
	return d.Ledger.DoneDue(ctx, e)
}
