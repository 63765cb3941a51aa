package governor

import (
	"context"
	"errors"
	"time"

	"github.com/vodfleet/vodfleet/internal/cloud"
	"go.uber.org/zap"
)

var errUnbuilt = errors.New("not built")

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

	// Every is the longest time from the begin of one sweep to the next while
	// jobs are in flight; zero is 25 seconds. Sweeps of few pages come sooner,
	// as often as half a request a second allows.
	Every time.Duration

	// Rare is the time between sweeps while events tell what happens; zero is
	// five minutes.
	Rare time.Duration

	// Wake runs the poll of a build now. It must not fail for a poll that is
	// running or gone.
	Wake func(ctx context.Context, asset string, build int) error

	// WakeSubmit runs the waiting transcode-submit of a build now, in the queue
	// of its lane ("live" or "bulk"). It must not fail for one that is running
	// or gone, and need not make one.
	WakeSubmit func(ctx context.Context, lane, asset string, build int) error

	// Seen, unless nil, is told of every listed job of the fleet that nobody
	// watches under its asset and build: the ledger may not know it.
	Seen func(ctx context.Context, job cloud.Job) error

	Log *zap.Logger
}

// Run sweeps and wakes until ctx ends, whose error it returns. What fails is
// logged and tried again.
func (s *Sweeper) Run(ctx context.Context) error { return errUnbuilt }

// Sweep reads the lists once, whoever has the lease.
func (s *Sweeper) Sweep(ctx context.Context) error { return errUnbuilt }

// Call wakes the tasks at the head of the lines for which there is room and a
// token now, once each, and returns how many. Run does it each second.
func (s *Sweeper) Call(ctx context.Context) (int, error) { return 0, errUnbuilt }

// Listen notes and wakes by events until ctx ends, whose error it returns. An
// event is done with once its poll was woken. Uploads are left in the queue.
func (s *Sweeper) Listen(ctx context.Context, events cloud.Events) error { return errUnbuilt }
