package cloud

import (
	"context"
	"time"
)

// Distribution is what a CDN tells of one distribution.
type Distribution struct {
	ID      string
	Domain  string
	Enabled bool
	ETag    string // of the configuration, for a change of it
}

// Invalidation is one request to drop cached paths.
type Invalidation struct {
	ID      string
	Done    bool // all edges have dropped the paths
	Created time.Time
}

// CDN delivers files to viewers and caches them, as Amazon CloudFront does.
// All methods are safe for concurrent use and may fail with [ErrDenied],
// [ErrThrottled] or [ErrUnavailable].
type CDN interface {
	Distributions

	// Distribution reads one distribution. It fails with [ErrNotFound].
	Distribution(ctx context.Context, id string) (Distribution, error)

	// Invalidate asks to drop paths, which begin with a slash, hold "*" only
	// as their last character, and are encoded for URLs. A repeat with the same
	// reference and the same paths returns the first invalidation; with other
	// paths it is [ErrInvalid], as are paths that [ValidPaths] refuses. Too many
	// in progress is [ErrQuota]; unknown distributions are [ErrNotFound].
	Invalidate(ctx context.Context, distribution, reference string, paths []string) (Invalidation, error)

	// Invalidation looks at one invalidation. It fails with [ErrNotFound].
	Invalidation(ctx context.Context, distribution, id string) (Invalidation, error)
}
