package stage

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/vodfleet/vodfleet/internal/cloud"
	"github.com/vodfleet/vodfleet/internal/delivery"
	"github.com/vodfleet/vodfleet/internal/ledger"
	"github.com/vodfleet/vodfleet/internal/media"
	"github.com/vodfleet/vodfleet/internal/queue"
	"github.com/vodfleet/vodfleet/tasks"
	"go.uber.org/zap"
)

// Remove takes an asset from viewers, for a reason, and hands on what follows:
// its entries are shut, its files deleted, its caches told, and jobs that run
// for it canceled; see [ledger.Record.Remove]. At is its source, for an asset
// that the ledger does not know yet; without one that is [cloud.ErrNotFound]. A
// repeat is safe, and hands on once more.
func Remove(ctx context.Context, book Book, q Queue, asset string, at cloud.Location, reason string) (*ledger.Record, error) {
	rec, err := book.Update(ctx, asset, func(now time.Time, r *ledger.Record) error {
		if r.Location.Key == "" {
			if at.Key == "" {
				return fmt.Errorf("remove asset %s: the ledger does not know it: %w", asset, cloud.ErrNotFound)
			}
			r.Location = at
		}
		return r.Remove(now, reason)
	})
	rec, err = order(ctx, book, q, asset, rec, err)
	if err != nil {
		return rec, err
	}
	for _, n := range rec.Unresolved() { // a job that runs for nobody costs money
		if err := wake(ctx, q, taskOf(rec, rec.Build(n))); err != nil {
			return rec, fmt.Errorf("wake the task of asset %s build %d: %w", asset, n, err)
		}
	}
	return rec, nil
}

// Restore takes a removed asset back and has its source looked at; see
// [ledger.Record.Restore]. Refusals are as those of [Redrive].
func Restore(ctx context.Context, book Book, q Queue, asset string) (*ledger.Record, error) {
	rec, err := book.Update(ctx, asset, func(now time.Time, r *ledger.Record) error { return r.Restore(now) })
	rec, err = order(ctx, book, q, asset, rec, err)
	if err != nil || rec.Wanted.ID != "" {
		return rec, err
	}
	// It was removed before anything was known of it.
	t := tasks.Ingest{Bucket: rec.Location.Bucket, Key: rec.Location.Key, Reference: rec.Reference}
	if err := q.Enqueue(ctx, t); err != nil {
		return nil, fmt.Errorf("hand asset %s on to %s: %w", asset, t.Kind(), err)
	}
	return rec, nil
}

// Accept takes the revision that an asset was rolled back from last for wanted
// content again, and has the source looked at; see [ledger.Record.Accept]. It is
// refused with a [*ledger.TransitionError] if there is none.
func Accept(ctx context.Context, book Book, q Queue, asset string) (*ledger.Record, error) {
	profile := ""
	rec, err := book.Update(ctx, asset, func(now time.Time, r *ledger.Record) error {
		profile = ""
		for i := range r.Builds {
			if b := &r.Builds[i]; len(r.Rejected) > 0 && b.Revision.ID == r.Rejected[len(r.Rejected)-1] {
				profile = b.Revision.Profile
			}
		}
		return AcceptLast(now, r)
	})
	if err != nil {
		return nil, err
	}
	// Of no version: whatever the source has is looked at.
	t := tasks.Ingest{Bucket: rec.Location.Bucket, Key: rec.Location.Key, Profile: profile, Reference: rec.Reference}
	if err := q.Enqueue(ctx, t); err != nil {
		return nil, fmt.Errorf("hand asset %s on to %s: %w", asset, t.Kind(), err)
	}
	return rec, nil
}

// AcceptLast is [ledger.Record.Accept] of the revision that was rolled back from
// last, refused where there is none.
func AcceptLast(now time.Time, r *ledger.Record) error {
	if len(r.Rejected) == 0 {
		return &ledger.TransitionError{Op: "accept", Asset: r.Asset, Reason: "there is nothing that it was rolled back from"}
	}
	return r.Accept(now, r.Rejected[len(r.Rejected)-1])
}

// remove brings a removal forward as far as it goes now: entries are shut before
// files are deleted, and files, those of a mirror among them, before caches are
// told, which would take them in again. The entries themselves are deleted last;
// see [ledger.ShutFor].
func (i *Invalidate) remove(ctx context.Context, rec *ledger.Record) (_ *ledger.Record, err error) {
	if seq := rec.Seq; rec.EntriesSeq < seq {
		if err := i.Retire.Files.Withdraw(ctx, rec.Asset, seq); err != nil {
			return nil, err
		}
		rec, err = i.Ledger.UpdateFrom(ctx, rec, func(now time.Time, r *ledger.Record) error {
			return r.EntriesWritten(now, seq)
		})
		if err != nil {
			return nil, err
		}
		i.Log.Info("asset removed", zap.String("asset", rec.Asset), zap.Int("seq", seq))
	}
	if i.Origin != nil && i.Distribution != "" && rec.LiveSeq < rec.Seq {
		if rec, err = i.letGo(ctx, rec); err != nil {
			return nil, err
		}
	}
	if rec, err = i.Retire.Run(ctx, rec); err != nil {
		return nil, err
	}
	if rec.LiveSeq < rec.Seq {
		if rec, err = i.forget(ctx, rec); err != nil {
			return nil, err
		}
	}
	return i.clear(ctx, rec)
}

// letGo deletes the files that viewers could get, and waits until the origin has
// let go of the asset as well: caches would take in again from there what they
// were told to drop. After [mirrorGiveUp] it waits no longer. It comes before
// builds are retired, of which the record then tells no names.
func (i *Invalidate) letGo(ctx context.Context, rec *ledger.Record) (*ledger.Record, error) {
	for _, b := range rec.Builds {
		if b.State != ledger.Retiring || b.Outputs == nil {
			continue
		}
		if err := i.Retire.Files.Remove(ctx, media.BuildPrefix(i.Retire.Output, rec.Asset, b.Number)); err != nil {
			return nil, fmt.Errorf("delete build %d: %w", b.Number, err)
		}
	}
	err := i.Origin.Gone(ctx, rec)
	left, ok := errors.AsType[*delivery.LeftError](err)
	if !ok {
		return rec, err
	}
	waited := i.Ledger.Now().Sub(rec.Removed.Shut)
	what := fmt.Sprintf("switch %d: caches are told once the origin has let go of it, or after %v", rec.Seq, mirrorGiveUp)
	if waited >= mirrorGiveUp {
		what = fmt.Sprintf("switch %d: caches are told before the origin has let go of it, and may take it in again", rec.Seq)
	}
	rec, err = i.Ledger.UpdateFrom(ctx, rec, func(now time.Time, r *ledger.Record) error { return r.Waits(now, what, left.Error()) })
	if err != nil || waited >= mirrorGiveUp {
		return rec, err
	}
	return nil, queue.NotYet(min(max(waited/4, mirrorEvery), parked))
}

// forget has the caches drop all that was of the asset.
func (i *Invalidate) forget(ctx context.Context, rec *ledger.Record) (*ledger.Record, error) {
	told, seq := "nothing is invalidated, for no distribution is configured", rec.Seq
	if i.Distribution != "" {
		gone, err := i.Caches.Await(ctx, rec.Asset, seq, delivery.RemovedPaths(i.ViewerURL, rec.Asset))
		switch {
		case err != nil:
			return nil, err
		case !gone:
			return nil, queue.NotYet(parked)
		}
		told = "its entries and files are invalidated"
	}
	return i.Ledger.UpdateFrom(ctx, rec, func(now time.Time, r *ledger.Record) error { return r.LiveBy(now, seq, told) })
}

// clear deletes the entries of a removed asset when their time has come.
func (i *Invalidate) clear(ctx context.Context, rec *ledger.Record) (*ledger.Record, error) {
	if rec.Removed == nil || !rec.Removed.Gone.IsZero() {
		return rec, nil
	}
	if wait := rec.Removed.Shut.Add(ledger.ShutFor).Sub(i.Ledger.Now()); wait > 0 {
		return nil, queue.NotYet(wait)
	}
	if err := i.Retire.Files.Clear(ctx, rec.Asset); err != nil {
		return nil, err
	}
	rec, err := i.Ledger.UpdateFrom(ctx, rec, func(now time.Time, r *ledger.Record) error { return r.Cleared(now) })
	if _, early := errors.AsType[*ledger.TransitionError](err); early {
		return nil, queue.NotYet(time.Second) // one of the cloud's clocks is behind the other
	}
	return rec, err
}
