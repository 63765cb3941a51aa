package reconcile

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
	"sync"
	"time"

	"github.com/vodfleet/vodfleet/internal/cloud"
	"github.com/vodfleet/vodfleet/internal/ledger"
	"github.com/vodfleet/vodfleet/tasks"
	"go.uber.org/zap"
)

// Due asks for the retirement of builds whose grace is over. Two of them side
// by side do no harm: their tasks have the same IDs.
type Due struct {
	Ledger Dates
	Queue  Queue
	Now    func() time.Time // the cloud's clock
	Grace  time.Duration
	Lease  Lease // nil: there is nobody else
	Log    *zap.Logger

	most  int             // entries of one sweep; 0: maxSweep
	mu    sync.Mutex      // held during a sweep
	after ledger.DueEntry // the sweep before stopped at it; zero: it got to the end
}

// Dates is what Due needs of a [ledger.Store].
type Dates interface {
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

// Run sweeps until ctx ends, as long as this process has the lease: every
// quarter of the grace, and at least once a minute. A sweep costs one listing
// where nothing is due. Errors are logged; the next sweep tries again.
func (d *Due) Run(ctx context.Context) error {
	return lead(ctx, d.Lease, "due", min(max(d.Grace/4, soonest), latest), d.Log, d.Sweep)
}

// Sweep looks at what is due, from where the sweep before stopped. An entry
// stays until its asset's record says that nothing is due any more, so that a
// lost queue loses no retirement.
func (d *Due) Sweep(ctx context.Context) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	most := cmp.Or(d.most, maxSweep)
	var entries []ledger.DueEntry
	for e, err := range d.Ledger.DueBefore(ctx, d.Now()) {
		if err != nil {
			return errors.Join(err, each(ctx, entries, d.look))
		}
		if compareDue(e, d.after) <= 0 {
			continue
		}
		if entries = append(entries, e); len(entries) == most {
			break
		}
	}
	d.after = ledger.DueEntry{}
	if len(entries) == most {
		d.after = entries[most-1]
	}
	return each(ctx, entries, d.look)
}

// compareDue orders entries as the ledger lists them.
func compareDue(a, b ledger.DueEntry) int {
	return cmp.Or(
		a.At.Truncate(time.Hour).Compare(b.At.Truncate(time.Hour)),
		strings.Compare(a.Asset, b.Asset),
		a.At.Compare(b.At),
	)
}

func (d *Due) look(ctx context.Context, e ledger.DueEntry) error {
	if err := d.see(ctx, e); err != nil {
		return fmt.Errorf("asset %s: %w", e.Asset, err)
	}
	return nil
}

func (d *Due) see(ctx context.Context, e ledger.DueEntry) error {
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
		if !next.After(e.At) {
			return nil // this is its entry: the clock went back since the entries were listed
		}
		if err := d.Ledger.Due(ctx, e.Asset, next); err != nil {
			return err
		}
	}
	return d.Ledger.DoneDue(ctx, e)
}
