package governor

import (
	"context"
	"time"
)

// What the stages ask for, in their own words: they do not import this package,
// nor it them.
type (
	stageGovernor interface {
		Admit(ctx context.Context, lane, profile, asset string, build int) (wait time.Duration, err error)
		Release(ctx context.Context, asset string, build int) error
		Shut(ctx context.Context, scope, reason string, d time.Duration) error
		Succeeded(ctx context.Context, profile, asset string, build int) error
	}
	stageBoard interface {
		Watch(ctx context.Context, job, asset string, build int) (fresh bool, err error)
		Look(ctx context.Context, job string) (running bool, percent int, again time.Duration, err error)
		Forget(ctx context.Context, job string) error
	}
)

var (
	_ stageGovernor = (*Governor)(nil)
	_ stageBoard    = (*Governor)(nil)
)
