// Package invalidate has the caches forget the entries of many replaced assets
// by one invalidation.
//
// Switches wait in the governor's line until one worker of the fleet, by lease,
// makes a batch of them: it writes the batch beside the ledger, asks for the
// invalidation under a reference that is a hash of the batch, and tells the
// tasks once it is complete. The line may be lost at any time, as the tasks put
// themselves in it again; a batch may not, and nothing but its completion says
// that a switch is through. A batch holds switches whose entries were written
// before it was: one that comes later, of the same asset too, needs another.
//
// When an asset is live is for package stage, what the line is for package
// governor.
package invalidate

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/vodfleet/vodfleet/internal/cloud"
	"github.com/vodfleet/vodfleet/internal/governor"
	"go.uber.org/zap"
)

// Line is where switches wait, and the lease of who makes batches of them; see
// [governor.Governor].
type Line interface {
	Hold(ctx context.Context, name string, ttl time.Duration) (bool, error)
	Drop(ctx context.Context, name string) error
	Stale(ctx context.Context, most int) (governor.StaleLine, error)
	Sent(ctx context.Context, all []governor.Stale) error
	Gone(ctx context.Context, all []governor.Stale) error
}

// Gates hold new batches back; see [governor.Governor].
type Gates interface {
	Gates(ctx context.Context) ([]governor.Gate, error)
	ShutBy(ctx context.Context, scope, reason, by string, d time.Duration) error
	Open(ctx context.Context, scope string) (bool, error)
	Asked(ctx context.Context) (string, error)
	Ask(ctx context.Context, what string) error
}

// Batcher makes the batches. One in each worker runs; by lease one of them is
// at work. What two of them do at a time is harmless.
type Batcher struct {
	Line         Line
	Gates        Gates // nil: there are none
	CDN          cloud.CDN
	Store        cloud.Store
	Root         cloud.Location // of the ledger
	Distribution string
	Budget       int // paths a month; 0: any number

	// Wake has the task of a switch run now, if it is there and waits.
	Wake func(ctx context.Context, asset string, seq int) error
	Log  *zap.Logger

	once    sync.Once
	metrics metrics
	state
}

// state is what one that makes batches knows. It is read from the shelf by who
// comes to the lease anew, or was overtaken.
type state struct {
	known  bool
	held   time.Time          // when the lease was last taken or held on
	flying []*flight          // under way, the oldest first
	gone   []*flight          // complete for less than [governor.GoneFor]
	within map[string][]place // by asset: where it is in both
	last   batch              // the last one written that can be read; without one the zero value
	number int                // of the last one
	pruned time.Time
	most   int // members of a batch, after one was refused; 0: any number
}

// flight is a batch that is under way, or complete.
type flight struct {
	*batch
	reference string
	id        string    // of the invalidation, once it is known
	complete  bool      // the service said so
	next      time.Time // when to ask the service
	pause     pause     // before the service is asked again after a failure
	done      time.Time // when its members had been told
}

// place is where a switch is.
type place struct {
	*flight
	seq int
}

const (
	lease     = "invalidations"
	leaseTime = 30 * time.Second
	turnEvery = 2 * time.Second
	lookEvery = 5 * time.Second // between looks at one invalidation
	tellEvery = 30 * time.Second
)

// Run makes batches until ctx ends, whose error it returns, as long as this one
// has the lease. What fails is logged and tried again.
func (b *Batcher) Run(ctx context.Context) error {
	defer func() { // the next one need not wait for the lease to run out
		dropping, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		_ = b.Line.Drop(dropping, lease)
	}()
	var told time.Time
	for {
		if err := b.Turn(ctx); err != nil && ctx.Err() == nil && time.Since(told) >= tellEvery {
			told = time.Now()
			b.Log.Warn("invalidations wait", zap.Error(err))
		}
		timer := time.NewTimer(turnEvery)
		select {
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		case <-timer.C:
		}
	}
}

// Turn does what is due now, if this one has the lease: it looks at what is
// under way, and asks for a batch of those in line if they need not wait for
// others. It is not for concurrent use. A repeat is harmless, and after an
// error, or a crash, goes on from where it was.
func (b *Batcher) Turn(ctx context.Context) error {
	mine, err := b.Line.Hold(ctx, lease, leaseTime)
	if err != nil || !mine {
		b.forget()
		return err
	}
	if time.Since(b.held) >= leaseTime {
		b.forget() // somebody else may have had it
	}
	b.held = time.Now()
	if err := b.learn(ctx); err != nil {
		b.forget()
		return errors.Join(err, b.Line.Drop(ctx, lease)) // another one may be able to
	}
	b.meters()
	err = errors.Join(b.look(ctx), b.next(ctx))
	b.count()
	return err
}

// Idle reports whether nothing is known to be left to do but to look at the
// line from time to time.
func (b *Batcher) Idle() bool { return b.known && len(b.flying) == 0 }

func (b *Batcher) forget() {
	b.state = state{most: b.most}
	b.count()
}

// pruneEvery is the time between two looks at whether old batches can go.
const pruneEvery = time.Hour

// learn reads what was done before, unless that is known.
func (b *Batcher) learn(ctx context.Context) error {
	if b.known && time.Since(b.pruned) < pruneEvery {
		return nil
	}
	s := b.shelf()
	f, err := s.list(ctx)
	if err != nil {
		return err
	}
	now := b.Store.Now()
	if !b.known {
		if err := b.read(ctx, f, now); err != nil {
			return err
		}
		b.known = true
	}
	b.pruned = time.Now()
	if err := s.prune(ctx, f, now); err != nil {
		b.Log.Warn("old invalidations stay", zap.Error(err))
	}
	return nil
}

func (b *Batcher) shelf() shelf { return shelf{b.Store, b.Root} }

// read takes up the batches that are under way, those that were complete a
// while ago, and the last one.
func (b *Batcher) read(ctx context.Context, f found, now time.Time) error {
	b.number = f.last
	b.within = map[string][]place{}
	for _, n := range slices.Backward(slices.Sorted(maps.Keys(f.asked))) {
		e, ended := f.ended[n]
		recent := ended && !e.refused && now.Sub(e.at) < governor.GoneFor
		if ended && !recent && b.last.Number != 0 {
			continue
		}
		got, err := b.shelf().get(ctx, n)
		if _, corrupt := errors.AsType[*corruptError](err); corrupt {
			b.Log.Error("an invalidation cannot be read; its assets are invalidated again", zap.Error(err))
			if !ended {
				if err := b.shelf().end(ctx, n, refused); err != nil {
					return err
				}
			}
			continue
		}
		if err != nil {
			return err
		}
		if b.last.Number == 0 {
			b.last = *got.batch
			b.last.Members = nil
		}
		switch {
		case !ended:
			b.flying = append([]*flight{got}, b.flying...)
			b.index(got)
		case recent:
			got.done = time.Now().Add(e.at.Sub(now))
			b.gone = append([]*flight{got}, b.gone...)
			b.index(got)
		}
	}
	return nil
}

func (b *Batcher) index(f *flight) {
	for _, m := range f.Members {
		b.within[m.Asset] = append(b.within[m.Asset], place{f, m.Seq})
	}
}

// find returns the batch that holds a switch, or a later one of the asset: one
// that is complete, if any is; nil if none does.
func (b *Batcher) find(asset string, seq int) (f *flight) {
	for _, p := range b.within[asset] {
		if p.seq >= seq && (f == nil || !p.done.IsZero()) {
			f = p.flight
		}
	}
	return f
}

// inFlight is what the distribution has in progress of ours.
func (b *Batcher) inFlight() (l load) {
	for _, f := range b.flying {
		if f.Distribution == b.Distribution {
			l = l.add(f.load())
		}
	}
	return l
}

// outlive forgets what was complete long ago.
func (b *Batcher) outlive() {
	n := 0
	for ; n < len(b.gone) && time.Since(b.gone[n].done) >= governor.GoneFor; n++ {
		b.unindex(b.gone[n])
	}
	b.gone = b.gone[n:]
}

func (b *Batcher) unindex(f *flight) {
	for _, m := range f.Members {
		left := slices.DeleteFunc(b.within[m.Asset], func(p place) bool { return p.flight == f })
		if b.within[m.Asset] = left; len(left) == 0 {
			delete(b.within, m.Asset)
		}
	}
}
