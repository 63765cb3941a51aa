package stage

import (
	"context"
	"fmt"
	"time"

	"github.com/vodfleet/vodfleet/internal/cloud"
	"github.com/vodfleet/vodfleet/internal/ledger"
	"github.com/vodfleet/vodfleet/internal/media"
	"go.uber.org/zap"
)

// Retirement deletes the files of builds that nobody gets any more and nobody
// can go back to, once their grace has passed.
type Retirement struct {
	Ledger Book
	Files  Remover
	Output cloud.Location
	Grace  time.Duration
	Log    *zap.Logger
}

// Remover deletes what viewers get no more: a build's files, and the entries of
// an asset that was removed; see package delivery.
type Remover interface {
	Remove(ctx context.Context, prefix cloud.Location) error
	Withdraw(ctx context.Context, asset string, seq int) error
	Clear(ctx context.Context, asset string) error
}

// Schedule notes in the ledger when the record's next build is due, if any is.
// Nothing waits in the queue for it. A repeat is safe.
func (r *Retirement) Schedule(ctx context.Context, rec *ledger.Record) error {
	next := rec.NextRetirement(r.Grace)
	if next.IsZero() {
		return nil
	}
	if err := r.Ledger.Due(ctx, rec.Asset, next); err != nil {
		return fmt.Errorf("mark the next retirement: %w", err)
	}
	return nil
}

// Run deletes the files of the builds that are due and schedules the next.
// Each build is first swapped to retiring, which is illegal for one that
// viewers may get, so that no switch can meet half a build. It returns the
// record as it then is. A repeat goes on where a crash has stopped it.
func (r *Retirement) Run(ctx context.Context, rec *ledger.Record) (*ledger.Record, error) {
	if rec.NextRetirement(r.Grace).IsZero() {
		return rec, nil
	}
	var due []int
	rec, err := r.Ledger.UpdateFrom(ctx, rec, func(now time.Time, rec *ledger.Record) error {
		due = rec.Retirable(now, r.Grace)
		changed := false
		for _, n := range due {
			if rec.Build(n).State == ledger.Retiring {
				continue
			}
			if err := rec.Retiring(now, n); err != nil {
				return err
			}
			changed = true
		}
		if !changed {
			return ledger.ErrUnchanged
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	for _, n := range due {
		if err := r.Files.Remove(ctx, media.BuildPrefix(r.Output, rec.Asset, n)); err != nil {
			return nil, fmt.Errorf("delete build %d: %w", n, err)
		}
		done, err := r.Ledger.UpdateFrom(ctx, rec, func(now time.Time, rec *ledger.Record) error {
			return rec.Retired(now, n)
		})
		if unlessIllegal(err) != nil {
			return nil, err
		}
		if err == nil {
			rec = done
			r.Log.Info("build retired", zap.String("asset", rec.Asset), zap.Int("build", n))
		}
	}
	return rec, r.Schedule(ctx, rec)
}
