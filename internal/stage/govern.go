package stage

import (
	"context"
	"time"
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

	// Succeeded tells that a job of a profile is complete: gates that were
	// closed because jobs failed open again. A repeat is harmless.
	Succeeded(ctx context.Context, profile string) error
}

// Board shows which jobs are running, so that not every build asks for its own
// job. See package governor.
type Board interface {
	// Watch has the board wake the poll of this build once its job is no longer
	// running. A repeat is harmless.
	Watch(ctx context.Context, job, asset string, build int) error

	// Look reports whether the board saw the job running, recently enough to
	// trust it, and how far it was, in percent, where the service tells. A job
	// that is watched and younger than the next sweep counts as running. Again
	// is when to look again if nobody wakes the task before.
	Look(ctx context.Context, job string) (running bool, percent int, again time.Duration, err error)

	// Forget ends the watch. A repeat is harmless.
	Forget(ctx context.Context, job string) error
}
