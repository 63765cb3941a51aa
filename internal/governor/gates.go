package governor

import (
	"context"
	"time"
)

// Gate is a closed gate: nothing of its scope is submitted.
type Gate struct {
	Scope  string // "account", "profile:DIGEST", "stage:KIND" or "campaign:NAME"
	Reason string
	By     string    // who closed it by hand; empty if the fleet did
	Since  time.Time // when it was first closed
	Until  time.Time // when one probe may go through, or, closed by hand, when it opens; zero: when somebody opens it
	Shuts  int       // how often it was closed since then
	Probes int       // that went through since it was last closed
}

// Shut closes a gate for d because of what happened. Then one job is let
// through as a probe, and another after each further d, until one succeeds (see
// [Governor.Succeeded]) or somebody opens the gate. A repeat is harmless: it
// notes the newer reason, and the time runs anew. It fails for a scope of
// another form, and for d below one second or above a week it takes those.
func (g *Governor) Shut(ctx context.Context, scope, reason string, d time.Duration) error {
	return errUnbuilt
}

// ShutBy closes a gate by hand: for d no probe goes through and no success
// opens it, then it is open. With d zero it stays closed until somebody opens
// it. By must not be empty.
func (g *Governor) ShutBy(ctx context.Context, scope, reason, by string, d time.Duration) error {
	return errUnbuilt
}

// Open opens a gate, whoever closed it, and reports whether it was closed.
func (g *Governor) Open(ctx context.Context, scope string) (bool, error) { return false, errUnbuilt }

// Gates lists the closed gates, by scope.
func (g *Governor) Gates(ctx context.Context) ([]Gate, error) { return nil, errUnbuilt }

// Closed returns the first of scopes whose gate is closed and lets no probe
// through at this moment, and how long that is so; "" if there is none. It
// takes no probe. Campaigns and stages other than transcode-submit, whose gates
// [Governor.Admit] does not look at, ask for theirs by it.
func (g *Governor) Closed(ctx context.Context, scopes ...string) (scope string, wait time.Duration, err error) {
	return "", 0, errUnbuilt
}

// Succeeded tells that a job of a profile is complete: the gates of the
// account, the profile and the submission that the fleet closed, and that let a
// probe through since, open.
func (g *Governor) Succeeded(ctx context.Context, profile string) error { return errUnbuilt }
