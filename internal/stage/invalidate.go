package stage

import (
	"context"
	"fmt"
	"time"

	"github.com/vodfleet/vodfleet/internal/ledger"
	"github.com/vodfleet/vodfleet/tasks"
	"go.uber.org/zap"
)

// Invalidate finishes a switch: what it replaced is dropped from caches, and
// builds that are neither current nor previous are deleted after their grace.
type Invalidate struct {
	Ledger Book
	Next   Queue
	Retire *Retirement
	Log    *zap.Logger
}

// Handle declares the record's last switch live and retires what is due. What
// is not due yet is marked to be looked at again; nothing waits in the queue
// for it. It goes by the record, not by the task's switch: a later switch whose
// task met this one in the queue is finished here too.
func (i *Invalidate) Handle(ctx context.Context, t tasks.InvalidateOrRename) error {
	rec, err := i.Ledger.Get(ctx, t.Asset)
	if err != nil {
		return verdict(ctx, fmt.Errorf("invalidate asset %s: %w", t.Asset, err), unrecorded)
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
		return verdict(ctx, fmt.Errorf("invalidate asset %s switch %d: %w", t.Asset, t.Seq, err), unrecorded)
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
