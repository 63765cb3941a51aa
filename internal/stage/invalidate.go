package stage

import (
	"context"
	"crypto/sha256"
	"fmt"
	"strings"
	"time"

	"github.com/vodfleet/vodfleet/internal/cloud"
	"github.com/vodfleet/vodfleet/internal/delivery"
	"github.com/vodfleet/vodfleet/internal/ledger"
	"github.com/vodfleet/vodfleet/internal/media"
	"github.com/vodfleet/vodfleet/internal/queue"
	"github.com/vodfleet/vodfleet/tasks"
	"go.uber.org/zap"
)

// Invalidate finishes a switch: the entries that it replaced are dropped from
// caches, and builds that are neither current nor previous are deleted after
// their grace.
type Invalidate struct {
	Ledger       Book
	CDN          Invalidator
	Profiles     Profiles
	Distribution string // ID; empty: there is none, and nothing is cached
	ViewerURL    string // of the output, through the distribution
	Next         Queue
	Retire       *Retirement
	Log          *zap.Logger
}

// Invalidator drops cached paths; see [cloud.CDN].
type Invalidator interface {
	Invalidate(ctx context.Context, distribution, reference string, paths []string) (cloud.Invalidation, error)
}

// invalidationDelay is how long to wait between looks at an invalidation.
const invalidationDelay = 5 * time.Second

// Handle declares the record's last switch live and retires what is due. What
// is not due yet is marked to be looked at again; nothing waits in the queue
// for it. It goes by the record, not by the task's switch: a later switch whose
// task met this one in the queue is finished here too.
func (i *Invalidate) Handle(ctx context.Context, t tasks.InvalidateOrRename) error {
	if poisoned(ctx) {
		return rest(ctx, i.Log, t.Kind(), t.Asset)
	}
	rec, err := i.Ledger.Get(ctx, t.Asset)
	if err != nil {
		return unread(ctx, fmt.Errorf("invalidate asset %s: %w", t.Asset, err))
	}
	for range maxSwitches {
		if rec, err = i.live(ctx, rec); err != nil {
			break
		}
		if rec, err = i.Retire.Run(ctx, rec); err != nil || !waits(rec) {
			break
		}
	}
	if err != nil {
		return verdict(ctx, fmt.Errorf("invalidate asset %s switch %d: %w", t.Asset, t.Seq, err), nil)
	}
	return handOn(ctx, i.Next, rec)
}

// maxSwitches bounds the switches that one run finishes.
const maxSwitches = 5

// waits reports whether the record's last switch is written and not yet live.
func waits(r *ledger.Record) bool { return r.EntriesSeq == r.Seq && r.LiveSeq < r.Seq }

func (i *Invalidate) live(ctx context.Context, rec *ledger.Record) (*ledger.Record, error) {
	if !waits(rec) {
		return rec, nil
	}
	if err := i.dropEntries(ctx, rec); err != nil {
		return nil, err
	}
	rec, err := i.Ledger.UpdateFrom(ctx, rec, func(now time.Time, r *ledger.Record) error {
		if !waits(r) {
			return ledger.ErrUnchanged
		}
		return r.Live(now, r.Seq)
	})
	if err != nil {
		return nil, err
	}
	i.Log.Info("asset live", zap.String("asset", rec.Asset), zap.Int("seq", rec.LiveSeq))
	return rec, nil
}

// dropEntries has the caches forget the entries that the record's last switch
// replaced. It returns [queue.NotYet] until they have. Nothing has to be
// remembered meanwhile: the same reference means the same invalidation.
func (i *Invalidate) dropEntries(ctx context.Context, rec *ledger.Record) error {
	if rec.Seq <= 1 {
		return nil // the first switch replaces nothing
	}
	if i.Distribution == "" {
		i.Log.Debug("no distribution is configured: nothing to invalidate", zap.String("asset", rec.Asset))
		return nil
	}
	stable, err := i.stable(ctx, rec)
	if err != nil || !stable {
		return err
	}
	paths := delivery.EntryPaths(i.ViewerURL, rec.Asset)
	sum := sha256.Sum256([]byte(strings.Join(paths, "\n"))) // a reference is for one set of paths only
	reference := fmt.Sprintf("%s-%d-%x", rec.Asset, rec.Seq, sum[:4])
	inv, err := i.CDN.Invalidate(ctx, i.Distribution, reference, paths)
	switch {
	case err != nil:
		return err
	case !inv.Done:
		return queue.NotYet(invalidationDelay)
	}
	return nil
}

// stable reports whether one of the builds that were shown has, or had, stable
// entries. Several may have been since the caches were last told.
func (i *Invalidate) stable(ctx context.Context, rec *ledger.Record) (bool, error) {
	for _, b := range rec.Builds {
		if b.Outputs == nil {
			continue
		}
		p, err := i.Profiles.Profile(ctx, b.Revision.Profile)
		if err != nil || p.Delivery == media.Stable {
			return err == nil, err
		}
	}
	return false, nil
}
