package invalidate

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/vodfleet/vodfleet/internal/cloud"
	"github.com/vodfleet/vodfleet/internal/governor"
	"go.uber.org/zap"
)

// look looks at what is under way. The first that fails ends it, since the
// service may be down; the next turn goes on with the others.
func (b *Batcher) look(ctx context.Context) error {
	for _, f := range slices.Clone(b.flying) {
		if err := b.advance(ctx, f); err != nil {
			return fmt.Errorf("invalidation %d of distribution %s: %w", f.Number, f.Distribution, err)
		}
	}
	return nil
}

// advance brings one batch as far as it gets now: it is asked for, and looked at
// until it is complete, and then its members are told. Only when all are is it
// noted as done: a crash before repeats the telling.
func (b *Batcher) advance(ctx context.Context, f *flight) error {
	if !f.complete {
		if time.Now().Before(f.next) {
			return nil
		}
		inv, err := b.ask(ctx, f)
		switch {
		case errors.Is(err, cloud.ErrInvalid), err != nil && b.lost(f, err):
			return b.refuse(ctx, f, err)
		case err != nil:
			f.next = time.Now().Add(f.pause.grow(err))
			return err
		}
		f.pause = 0
		f.id, f.complete, f.next = inv.ID, inv.Done, time.Now().Add(lookEvery)
	}
	if !f.complete {
		return nil
	}
	if err := b.tell(ctx, f.stale()); err != nil {
		return err
	}
	if err := b.shelf().end(ctx, f.Number, done); err != nil {
		return err
	}
	f.done = time.Now()
	b.land(f)
	b.gone = append(b.gone, f)
	b.most = 0
	b.metrics.batches.WithLabelValues("completed").Inc()
	b.Log.Info("invalidation complete", zap.Int("batch", f.Number), zap.String("invalidation", f.id), zap.Int("assets", len(f.Members)),
		zap.Duration("took", f.done.Sub(f.Created).Round(time.Second)))
	return nil
}

// lost reports whether err says that a batch is of a distribution that the fleet
// left, and that is gone or no longer ours to ask.
func (b *Batcher) lost(f *flight, err error) bool {
	return f.Distribution != b.Distribution &&
		(errors.Is(err, cloud.ErrNotFound) || errors.Is(err, cloud.ErrDenied) && !cloud.BadCredentials(err))
}

// ask asks for an invalidation, or, of one that is known, how far it is.
func (b *Batcher) ask(ctx context.Context, f *flight) (cloud.Invalidation, error) {
	if f.id != "" {
		inv, err := b.CDN.Invalidation(ctx, f.Distribution, f.id)
		if !errors.Is(err, cloud.ErrNotFound) {
			return inv, err
		}
		f.id = ""
	}
	return b.CDN.Invalidate(ctx, f.Distribution, f.reference, f.paths())
}

// tell has the tasks of switches go on. One that is not woken comes by itself.
func (b *Batcher) tell(ctx context.Context, all []governor.Stale) error {
	if len(all) == 0 {
		return nil
	}
	if err := b.Line.Gone(ctx, all); err != nil {
		return err
	}
	var missed error
	for _, s := range all {
		if err := b.Wake(ctx, s.Asset, s.Seq); err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			missed = err
		}
	}
	if missed != nil {
		b.Log.Warn("tasks of a complete invalidation are not woken; they come by themselves", zap.Error(missed))
	}
	return nil
}

// refuse gives up a batch that the service will never take. Its members come
// again after [governor.SentFor], and if it was for their paths in smaller
// batches, so that one bad path does not hold all others for ever.
func (b *Batcher) refuse(ctx context.Context, f *flight, why error) error {
	if err := b.shelf().end(ctx, f.Number, refused); err != nil {
		return errors.Join(why, err)
	}
	b.land(f)
	b.unindex(f)
	if errors.Is(why, cloud.ErrInvalid) {
		b.most = max(len(f.Members)/2, 1)
	}
	b.metrics.batches.WithLabelValues("refused").Inc()
	b.Log.Error("invalidation refused; its assets come again", zap.Int("batch", f.Number), zap.Int("assets", len(f.Members)), zap.Error(why))
	return nil
}

// land takes a batch out of those under way.
func (b *Batcher) land(f *flight) {
	b.flying = slices.DeleteFunc(b.flying, func(other *flight) bool { return other == f })
}

// next makes the next batch, if it is time, and asks for it.
func (b *Batcher) next(ctx context.Context) error {
	b.outlive()
	line, err := b.Line.Stale(ctx, maxPaths)
	if err != nil {
		return err
	}
	first, err := b.sift(ctx, line.First)
	if err != nil {
		return err
	}
	wild, err := b.sift(ctx, line.Wild)
	if err != nil {
		return err
	}
	line.Count -= len(line.First) - len(first)
	line.WildCount -= len(line.Wild) - len(wild)
	line.First, line.Wild = first, wild
	b.metrics.saw(line)
	for _, f := range b.flying { // what the service has not taken yet comes first
		switch {
		case f.id != "" || f.Distribution != b.Distribution:
		case f.load().wildcards > 0: // of which others may have all in progress
			line.Wild = nil
		default:
			line.First = nil
		}
	}
	if len(line.First)+len(line.Wild) == 0 {
		return nil
	}
	members, granted, err := b.choose(ctx, line)
	if err != nil || len(members) == 0 {
		return err
	}
	f, err := b.write(ctx, members, granted)
	if err != nil {
		return err
	}
	if err := b.Line.Sent(ctx, f.stale()); err != nil { // else the next turn does it
		b.Log.Warn("assets of a batch are still in line", zap.Error(err))
	}
	if err := b.advance(ctx, f); err != nil {
		return fmt.Errorf("invalidation %d of distribution %s: %w", f.Number, f.Distribution, err)
	}
	return nil
}

// sift takes out of the line, and returns the others of all, who is in a batch
// already: their tasks lost their word with Redis, or waited for long. What is
// no switch at all is taken out too.
func (b *Batcher) sift(ctx context.Context, all []governor.Stale) (left []governor.Stale, err error) {
	var sent, gone []governor.Stale
	for _, s := range all {
		f := b.find(s.Asset, s.Seq)
		err := member{s.Asset, s.Seq, s.Paths}.check()
		switch {
		case err != nil:
			b.Log.Error("no invalidation can be asked for", zap.String("asset", s.Asset), zap.Error(err))
			sent = append(sent, s)
		case f == nil:
			left = append(left, s)
		case f.done.IsZero():
			sent = append(sent, s)
		default:
			gone = append(gone, s)
		}
	}
	if len(sent) > 0 {
		if err := b.Line.Sent(ctx, sent); err != nil {
			return nil, err
		}
	}
	return left, b.tell(ctx, gone)
}

// write stores the next batch. One of that number may be there: another worker
// had the lease meanwhile, or the answer was lost. Then all is read again.
func (b *Batcher) write(ctx context.Context, members []member, granted int) (*flight, error) {
	now := b.Store.Now().UTC()
	next := &batch{
		Schema: schema, Number: b.number + 1, Distribution: b.Distribution, Created: now,
		MonthPaths: b.used(now), Granted: granted, Members: members,
	}
	cost := next.load().all()
	next.MonthPaths += cost
	f, err := b.shelf().put(ctx, next)
	if err != nil {
		b.known = false
		if errors.Is(err, cloud.ErrPrecondition) || errors.Is(err, cloud.ErrConflict) {
			b.Log.Info("invalidations are read again: another worker wrote one", zap.Error(err))
		}
		return nil, err
	}
	b.flying = append(b.flying, f)
	b.index(f)
	b.number, b.last = next.Number, *next
	b.last.Members = nil
	b.metrics.paths.Add(float64(cost))
	b.Log.Info("invalidation asked for", zap.Int("batch", f.Number), zap.Int("assets", len(members)), zap.Int("paths", cost),
		zap.Int("month_paths", next.MonthPaths))
	return f, nil
}

// pause is a wait that grows with every failure in a row.
type pause time.Duration

const (
	firstPause = 5 * time.Second
	longPause  = 2 * time.Minute
)

// grow returns the next wait, at least as long as the service asks for.
func (p *pause) grow(err error) time.Duration {
	*p = min(max(2**p, pause(firstPause)), pause(longPause))
	d := time.Duration(*p)
	if e, ok := errors.AsType[*cloud.Error](err); ok && e.After > d {
		d = min(e.After, 10*longPause)
	}
	return d
}
