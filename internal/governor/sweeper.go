package governor

import (
	"context"
	"sync"
	"time"

	"github.com/vodfleet/vodfleet/internal/cloud"
	"go.uber.org/zap"
)

// Lister lists jobs; see [cloud.Transcoder]. It should be one that
// [Governor.Limit] returned.
type Lister interface {
	List(ctx context.Context, q cloud.JobQuery) (cloud.JobPage, error)
}

// Sweeper keeps the job board: it reads which jobs are running, for all of the
// fleet, and wakes the tasks that have something to do. Every worker has one;
// by a lease only one of them is at work.
type Sweeper struct {
	Governor *Governor
	Jobs     Lister

	// Every is the time from the begin of one sweep to the next; zero is 20
	// seconds. Sweeps of few pages come sooner, as often as half a request a
	// second allows, and those of very many later, so that they take about half
	// of the quota of ListJobs.
	Every time.Duration

	// Rare is the time between sweeps while events tell what happens; zero is
	// five minutes.
	Rare time.Duration

	// Wake runs the poll of a build now. It must not fail for a poll that is
	// running or gone.
	Wake func(ctx context.Context, job, asset string, build int) error

	// WakeSubmit runs the waiting transcode-submit of a build now, in the queue
	// of its lane ("live" or "bulk"). It must not fail for one that is running
	// or gone, and need not make one.
	WakeSubmit func(ctx context.Context, lane, asset string, build int) error

	// Seen, unless nil, is told of every listed job of the fleet that nobody
	// watches under its asset and build: the ledger may not know it.
	Seen func(ctx context.Context, job cloud.Job) error

	Log *zap.Logger
}

const (
	tickEvery  = time.Second      // at most, between looks at what is to be done
	leaseName  = "sweep"          // of those who are at work
	leaseTime  = 15 * time.Second // without a sign of life
	sweepLimit = 10 * time.Minute // of one sweep
	callLimit  = 64               // tasks called from one line in one tick
)

// Run sweeps and wakes until ctx ends, whose error it returns. What fails is
// logged and tried again.
func (s *Sweeper) Run(ctx context.Context) error {
	g := s.Governor
	defer func() { // the next one need not wait for the lease to run out
		dropping, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		_ = g.Drop(dropping, leaseName)
	}()
	// Sweeps wait for tokens, and nobody is to wait for a sweep. This runs
	// before the lease is dropped.
	var sweeps sync.WaitGroup
	defer sweeps.Wait()
	var swept chan error // of the sweep under way; nil: none is
	var quiet, lame pauses
	next := time.NewTimer(tickEvery)
	defer next.Stop()
	for {
		wait := tickEvery
		if !quiet.on() {
			due, err := s.tick(ctx)
			switch {
			case err != nil && ctx.Err() == nil:
				s.Log.Warn("nobody is called; tries again", zap.Error(err), zap.Duration("in", quiet.grow()))
			case err == nil:
				quiet.reset()
				if due > 0 {
					wait = min(wait, due)
				} else if swept == nil && !lame.on() {
					swept = make(chan error, 1)
					result := swept
					sweeps.Go(func() { result <- s.sweep(ctx, true) })
				}
			}
		}
		next.Reset(wait)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case err := <-swept:
			swept = nil
			switch {
			case err != nil && ctx.Err() == nil:
				s.Log.Warn("sweep of jobs was not whole; tries again", zap.Error(err), zap.Duration("in", lame.grow()))
			case err == nil:
				lame.reset()
			}
		case <-next.C:
		}
	}
}

// tick calls who is to be called, if this one has the lease, and returns when
// it is to sweep; without the lease, when to look for it again.
func (s *Sweeper) tick(ctx context.Context) (due time.Duration, err error) {
	mine, err := s.Governor.Hold(ctx, leaseName, leaseTime)
	if err != nil || !mine {
		return tickEvery, err
	}
	if err := s.checkServer(ctx); err != nil {
		return tickEvery, err
	}
	_, due, err = s.call(ctx)
	return due, err
}

// pauses grow while something fails, so that it does not fail each second.
type pauses struct {
	until time.Time
	d     time.Duration
}

func (p *pauses) on() bool { return time.Now().Before(p.until) }
func (p *pauses) reset()   { *p = pauses{} }

func (p *pauses) grow() time.Duration {
	p.d = min(max(2*p.d, time.Second), 30*time.Second)
	p.until = time.Now().Add(p.d)
	return p.d
}
