package stage

import (
	"context"
	"fmt"
	"time"

	"github.com/vodfleet/vodfleet/internal/delivery"
	"github.com/vodfleet/vodfleet/internal/ledger"
	"github.com/vodfleet/vodfleet/internal/media"
	"github.com/vodfleet/vodfleet/internal/queue"
	"github.com/vodfleet/vodfleet/tasks"
	"go.uber.org/zap"
)

// Invalidate finishes a switch: the entries that it replaced are dropped from
// caches, and builds that are neither current nor previous are deleted after
// their grace. It takes removed assets away, too.
type Invalidate struct {
	Ledger       Book
	Caches       Caches
	Profiles     Profiles
	Distribution string // ID; empty: there is none, and nothing is cached
	ViewerURL    string // of the output, through the distribution
	Next         Queue
	Retire       *Retirement
	Origin       Mirror // nil: the distribution reads the output itself
	Log          *zap.Logger
}

// Mirror is the [Origin] as removals see it: it fails with a
// [*delivery.LeftError] while it has something left of a removed asset; see
// [delivery.Origin.Gone].
type Mirror interface {
	Gone(ctx context.Context, r *ledger.Record) error
}

// Caches forget the entries of many assets by one invalidation; see packages
// governor and invalidate.
type Caches interface {
	// Await reports whether the caches have forgotten these paths since the
	// entries of switch seq of an asset were written, and asks that they do. Who
	// waits is woken, and asks again. A repeat is harmless; now and then it is
	// needed, since what was asked may be lost.
	Await(ctx context.Context, asset string, seq int, paths []string) (gone bool, err error)
}

// How long a switch waits for its invalidation before it asks again by itself:
// as long as it has waited, within these. Of a whole library that is replaced,
// most have hours to wait.
const (
	parked     = 2 * time.Minute
	parkedLong = 15 * time.Minute
)

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
		if rec.Removed != nil {
			rec, err = i.remove(ctx, rec)
			break
		}
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
	told, err := i.dropEntries(ctx, rec)
	if err != nil {
		return nil, err
	}
	seq := rec.Seq // and no later one, which may have been written meanwhile
	rec, err = i.Ledger.UpdateFrom(ctx, rec, func(now time.Time, r *ledger.Record) error {
		return r.LiveBy(now, seq, told)
	})
	if err != nil {
		return nil, err
	}
	i.Log.Info("asset live", zap.String("asset", rec.Asset), zap.Int("seq", rec.LiveSeq))
	return rec, nil
}

// dropEntries has the caches forget the entries that the record's last switch
// replaced. It returns [queue.NotYet] until they have, and then what they were
// told.
func (i *Invalidate) dropEntries(ctx context.Context, rec *ledger.Record) (told string, err error) {
	switch {
	case rec.Seq <= 1:
		return "", nil // the first switch replaces nothing
	case i.Distribution == "":
		return "nothing is invalidated, for no distribution is configured", nil
	}
	stable, err := i.stable(ctx, rec)
	if err != nil {
		return "", err
	}
	paths := delivery.StalePaths(i.ViewerURL, rec.Asset, stable)
	if len(paths) == 0 {
		return "nothing is to be invalidated, for it has no stable entries", nil
	}
	gone, err := i.Caches.Await(ctx, rec.Asset, rec.Seq, paths)
	switch {
	case err != nil:
		return "", err
	case !gone:
		return "", queue.NotYet(min(max(i.Ledger.Now().Sub(rec.Switched), parked), parkedLong))
	}
	return "its stable entries are invalidated", nil
}

// stable are the outputs of the builds with stable entries that caches may hold:
// of the current one, and of those that were shown since the caches were last
// told.
func (i *Invalidate) stable(ctx context.Context, rec *ledger.Record) (all []*ledger.Outputs, err error) {
	for _, b := range rec.Builds {
		if b.Outputs == nil || b.Number != rec.Current && !b.Replaced.IsZero() {
			continue
		}
		p, err := i.Profiles.Profile(ctx, b.Revision.Profile)
		if err != nil {
			return nil, err
		}
		if p.Delivery == media.Stable {
			all = append(all, b.Outputs)
		}
	}
	return all, nil
}
