package stage

import (
	"context"
	"time"

	"github.com/vodfleet/vodfleet/internal/cloud"
	"github.com/vodfleet/vodfleet/internal/ledger"
)

// Redrive takes up an asset whose wanted revision failed, at the stage that
// failed, and hands it on; see [ledger.Record.Redrive]. A task in the way that
// was given up is set going by q. An asset that has not failed is refused with
// a [*ledger.TransitionError], also where another call was faster; it is
// handed on all the same, as that call may have died before it did so.
func Redrive(ctx context.Context, book Book, q Queue, asset string) (*ledger.Record, error) {
	rec, err := book.Update(ctx, asset, func(now time.Time, r *ledger.Record) error {
		return r.Redrive(now, func(old ledger.Build, number int) (cloud.JobSpec, error) {
			return moved(*old.Spec, asset, old.Number, number)
		})
	})
	return order(ctx, book, q, asset, rec, err)
}

// Rollback shows viewers an asset's previous build again and hands the switch
// on; see [ledger.Record.Rollback]. Refusals are as those of [Redrive].
func Rollback(ctx context.Context, book Book, q Queue, asset string) (*ledger.Record, error) {
	rec, err := book.Update(ctx, asset, func(now time.Time, r *ledger.Record) error { return r.Rollback(now) })
	return order(ctx, book, q, asset, rec, err)
}

// order hands on what an operator ordered.
func order(ctx context.Context, book Book, q Queue, asset string, rec *ledger.Record, refused error) (*ledger.Record, error) {
	if unlessIllegal(refused) != nil {
		return nil, refused
	}
	if refused != nil {
		again, err := book.Get(ctx, asset)
		if err != nil {
			return nil, err
		}
		rec = again
	}
	if err := handOn(ctx, q, rec); err != nil {
		return nil, err
	}
	return rec, refused
}
