package governor

import (
	"context"
	"time"
)

// Watch has the sweeper wake the poll of this build once its job is no longer
// running, again at each sweep until [Governor.Forget]. A repeat is harmless.
func (g *Governor) Watch(ctx context.Context, job, asset string, build int) error { return errUnbuilt }

// Look reports whether the board saw the job running, recently enough to trust
// it, or expects the next sweep to; and how far it was, in percent, where the
// service tells. Again is when to look again if nobody wakes the task: some
// minutes for a job that was seen, until the next sweep is through for one that
// is too young. Not running means: ask for the job itself.
func (g *Governor) Look(ctx context.Context, job string) (running bool, percent int, again time.Duration, err error) {
	return false, 0, 0, errUnbuilt
}

// Forget ends the watch. A repeat is harmless.
func (g *Governor) Forget(ctx context.Context, job string) error { return errUnbuilt }
