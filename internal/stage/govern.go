package stage

import (
	"context"
	"time"

	"github.com/vodfleet/vodfleet/internal/ledger"
	"go.uber.org/zap"
)

// Governor shares out what the account allows among the whole fleet: requests a
// second, jobs in flight, jobs a day; and it closes gates. See package governor.
type Governor interface {
	// Admit asks for room for one build's job and a token to create it. With
	// wait > 0 there is none now: come again then; nothing is held but a place
	// in line under asset and build. With wait 0 the room is the build's until
	// Release. A repeat for the same build is harmless and takes no second
	// room, but does take a token.
	Admit(ctx context.Context, lane, profile, asset string, build int) (wait time.Duration, err error)

	// Release gives room, or the place in line, back. A repeat is harmless.
	Release(ctx context.Context, asset string, build int) error

	// Shut closes a gate for a time: scope is "account", "profile:DIGEST",
	// "stage:KIND" or "campaign:NAME". A repeat is harmless.
	Shut(ctx context.Context, scope, reason string, d time.Duration) error

	// Succeeded tells that the job of a build is complete: gates that were
	// closed because jobs failed, and that let this build through since, open
	// again. A repeat is harmless.
	Succeeded(ctx context.Context, profile, asset string, build int) error
}

// Board shows which jobs are running, so that not every build asks for its own
// job. See package governor.
type Board interface {
	// Watch has the board wake the poll of this build once its job is no longer
	// running. Fresh says that nobody watched it before. A repeat is harmless.
	Watch(ctx context.Context, job, asset string, build int) (fresh bool, err error)

	// Look reports whether the board saw the job running, recently enough to
	// trust it, and how far it was, in percent, where the service tells. A job
	// that is watched and younger than the next sweep counts as running. Again
	// is when to look again if nobody wakes the task before.
	Look(ctx context.Context, job string) (running bool, percent int, again time.Duration, err error)

	// Forget ends the watch. A repeat is harmless.
	Forget(ctx context.Context, job string) error
}

// Times for which gates close, and waits of those that were on their way.
const (
	accountGate = 5 * time.Minute  // nobody may be let in before somebody mends roles or policies
	profileGate = 10 * time.Minute // nor before somebody mends the profile
	shutDelay   = time.Minute
)

// room is what a build holds of what the fleet shares. Errors are logged: what
// is not given back is found by the sweep.
type room struct {
	governor Governor // may be nil
	board    Board    // may be nil
	log      *zap.Logger
}

// free gives back what a build holds, once its job has ended or none will be.
func (r room) free(ctx context.Context, asset string, build int, job string) {
	if r.governor != nil {
		r.warn(r.governor.Release(ctx, asset, build), "room of a build cannot be released", asset)
	}
	r.forget(ctx, asset, job)
}

// forget ends the watch of a job that no task asks for any more.
func (r room) forget(ctx context.Context, asset, job string) {
	if r.board != nil && job != "" {
		r.warn(r.board.Forget(ctx, job), "job cannot be taken off the board", asset)
	}
}

// freeEnded is free of a build that holds nothing any more as it stands in rec.
func (r room) freeEnded(ctx context.Context, rec *ledger.Record, build int) {
	b := rec.Build(build)
	switch {
	case b == nil:
		r.free(ctx, rec.Asset, build, "")
	case b.State != ledger.Planned && !open(b):
		r.free(ctx, rec.Asset, build, b.Job)
	}
}

// shut closes a gate. It reports whether there are gates.
func (r room) shut(ctx context.Context, scope, reason, asset string, d time.Duration) bool {
	if r.governor == nil {
		return false
	}
	shutGate(ctx, r.governor, r.log, scope, reason, asset, d)
	return true
}

// shutter closes gates; see [Governor].
type shutter interface {
	Shut(ctx context.Context, scope, reason string, d time.Duration) error
}

func shutGate(ctx context.Context, gates shutter, log *zap.Logger, scope, reason, asset string, d time.Duration) {
	log.Error("gate closes", zap.String("gate", scope), zap.String("reason", reason), zap.Duration("for", d), zap.String("asset", asset))
	if err := gates.Shut(ctx, scope, reason, d); err != nil {
		log.Warn("gate cannot be closed", zap.String("asset", asset), zap.Error(err))
	}
}

// succeeded tells of a job that is complete.
func (r room) succeeded(ctx context.Context, asset string, build int, profile string) {
	if r.governor != nil {
		r.warn(r.governor.Succeeded(ctx, profile, asset, build), "success of a job cannot be told", asset)
	}
}

func (r room) warn(err error, what, asset string) {
	if err != nil {
		r.log.Warn(what, zap.String("asset", asset), zap.Error(err))
	}
}
