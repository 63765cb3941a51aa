package reconcile

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"math"
	"time"

	"go.uber.org/zap"
)

// Lease lets one process of the fleet do what one is enough for; see package
// governor.
type Lease interface {
	// Hold takes the lease of a name, or makes one's own last ttl from now. It
	// reports false while another process has it.
	Hold(ctx context.Context, name string, ttl time.Duration) (bool, error)

	// Drop gives one's own lease back. A repeat is harmless.
	Drop(ctx context.Context, name string) error
}

const (
	leaseTTL  = 30 * time.Second // how long after the death of its holder a lease is free
	tellEvery = 30 * time.Second // between two errors in the log, while turns are short and fail
)

// errLost is why the work under a lease that could not be made to last ends.
var errLost = errors.New("the lease was lost")

// lead calls f each time that every has passed, as long as this process has the
// lease of that name; nil: always. Only one process of a fleet so runs f. It
// returns when ctx ends. Errors are logged; the next turn tries again.
func lead(ctx context.Context, lease Lease, name string, every time.Duration, log *zap.Logger, f func(ctx context.Context) error) error {
	tick := time.NewTicker(every)
	defer tick.Stop()
	if lease != nil {
		defer func() {
			ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
			defer cancel()
			_ = lease.Drop(ctx, name) // else it ends by itself
		}()
	}
	var told time.Time
	for {
		if err := turn(ctx, lease, name, f); err != nil && ctx.Err() == nil && time.Since(told) >= tellEvery {
			log.Error(name, zap.Error(err))
			told = time.Now()
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}

// turn calls f once, if the lease is this process's, and ends its context if
// the lease is lost meanwhile.
func turn(ctx context.Context, lease Lease, name string, f func(ctx context.Context) error) error {
	if lease == nil {
		return f(ctx)
	}
	switch ours, err := lease.Hold(ctx, name, leaseTTL); {
	case err != nil:
		return fmt.Errorf("hold lease %s: %w", name, err)
	case !ours:
		return nil
	}
	ctx, cancel := context.WithCancelCause(ctx)
	kept := make(chan struct{})
	go func() {
		defer close(kept)
		cancel(keep(ctx, lease, name))
	}()
	err := f(ctx)
	cancel(nil)
	<-kept
	return err
}

// keep makes a lease last until ctx ends, or returns why it does not.
func keep(ctx context.Context, lease Lease, name string) error {
	tick := time.NewTicker(leaseTTL / 3)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		hold, cancel := context.WithTimeout(ctx, leaseTTL/3)
		ours, err := lease.Hold(hold, name, leaseTTL)
		cancel()
		if err != nil && ctx.Err() == nil {
			return fmt.Errorf("%w: %w", errLost, err)
		}
		if !ours && ctx.Err() == nil {
			return errLost
		}
	}
}

// lookEvery is how often Run looks whether Redis is still the one it knows.
const lookEvery = 2 * time.Second

// Run reconciles until ctx ends, if and as long as this process has the lease:
// at once when Redis has no epoch, and every r.Every. Errors are logged; the
// next turn tries again. A recovery costs a pass and the lists of jobs, so one
// that fails is tried again after growing times, at most r.Every.
func (r *Reconciler) Run(ctx context.Context) error {
	every := r.Every
	if every <= 0 {
		every = defaultEvery
	}
	var (
		last, next time.Time     // of a pass; of a recovery, after one that failed
		wait       time.Duration // from that to the next
	)
	return lead(ctx, r.Lease, "reconcile", min(every, lookEvery), r.Log, func(ctx context.Context) error {
		if time.Now().Before(next) {
			return nil
		}
		recovered, err := r.Recover(ctx)
		if err != nil {
			wait = min(max(2*wait, lookEvery), every)
			next = time.Now().Add(wait)
			return err
		}
		wait = 0
		if recovered {
			last = time.Now()
		}
		if !last.IsZero() && time.Since(last) < every {
			return nil
		}
		last = time.Now()
		_, err = r.Pass(ctx, false)
		return err
	})
}

// Recover builds the queue anew if Redis carries no epoch, because everything
// in it was lost or it is a new one: a pass over all open assets, the running
// jobs counted, and only then a new epoch, with which submission opens. It
// reports whether it did so. A repeat, and a second one beside it, is harmless.
func (r *Reconciler) Recover(ctx context.Context) (bool, error) {
	if r.Epoch == nil {
		return false, nil
	}
	epoch, err := r.Epoch.Epoch(ctx)
	if err != nil || epoch != "" {
		return false, err
	}
	r.Log.Warn("redis has no epoch: the queue is built from the ledger before anything is submitted")
	report, err := r.run(ctx, false, math.MaxInt, false)
	if err != nil {
		return false, fmt.Errorf("recover: %w", err)
	}
	if r.Sweep != nil {
		if err := r.Sweep(ctx); err != nil {
			return false, fmt.Errorf("recover: count the running jobs: %w", err)
		}
	}
	if report.Mended[NoTask] > 0 { // else it is a new one, and has lost nothing
		if err := r.Epoch.Missed(ctx); err != nil {
			return false, fmt.Errorf("recover: %w", err)
		}
	}
	epoch = rand.Text()
	if err := r.Epoch.SetEpoch(ctx, epoch); err != nil {
		return false, fmt.Errorf("recover: %w", err)
	}
	r.Log.Info("the queue is built; submission is open", zap.String("epoch", epoch),
		zap.Int("open", report.Open), zap.Int("enqueued", report.Mended[NoTask]), zap.Duration("took", report.Took))
	return true, nil
}
