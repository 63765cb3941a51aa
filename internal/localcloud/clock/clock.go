// Package clock is the local cloud's clock: jobs, quotas, tokens, signatures
// and the Date of every answer go by it. It may run faster than the host's, so
// that hours of a cloud pass in seconds of a test. It leaves to its users what
// the time means to them.
package clock

import (
	"context"
	"fmt"
	"math"
	"time"
)

// Clock is a clock that began with the host's time and runs at a constant
// rate from there. It goes by the host's monotonic clock, so steps of the
// host's wall clock do not show. It is safe for concurrent use once SetBase
// has been called, or never is.
type Clock struct {
	rate  float64
	start time.Time // of the host, with its monotonic reading
	base  time.Time // of the cloud at start, UTC
}

// New returns a clock that shows the host's time now and runs rate times as
// fast. A rate that is not a positive finite number is taken as 1.
func New(rate float64) *Clock {
	if !(rate > 0) || math.IsInf(rate, 0) {
		rate = 1
	}
	now := time.Now()
	return &Clock{rate: rate, start: now, base: now.Round(0).UTC()}
}

// SetBase moves the clock forward to t, if it is behind: time in the cloud
// never runs backwards, not over a restart at another rate either. It must be
// called before the clock is shared.
func (c *Clock) SetBase(t time.Time) {
	if t.After(c.Now()) {
		c.start, c.base = time.Now(), t.Round(0).UTC()
	}
}

// Rate returns how many seconds of the cloud pass in one of the host.
func (c *Clock) Rate() float64 { return c.rate }

// Now returns the cloud's time, in UTC and without a monotonic reading.
func (c *Clock) Now() time.Time { return c.FromHost(time.Now()) }

// FromHost returns the cloud's time at the instant t of the host. Without a
// monotonic reading in t, the host's wall clock decides.
func (c *Clock) FromHost(t time.Time) time.Time {
	return c.base.Add(scale(t.Sub(c.start), c.rate))
}

// Host returns how long d of the cloud's time takes on the host.
func (c *Clock) Host(d time.Duration) time.Duration { return scale(d, 1/c.rate) }

// Sleep waits for d of the cloud's time. It fails only with the cause of ctx's
// end, at once if ctx has ended already.
func (c *Clock) Sleep(ctx context.Context, d time.Duration) error {
	if ctx.Err() == nil && d > 0 {
		t := time.NewTimer(c.Host(d))
		defer t.Stop()
		select {
		case <-t.C:
			return nil
		case <-ctx.Done():
		}
	}
	if ctx.Err() != nil {
		return fmt.Errorf("sleep %v: %w", d, context.Cause(ctx))
	}
	return nil
}

// scale multiplies d, saturating instead of wrapping.
func scale(d time.Duration, by float64) time.Duration {
	if by == 1 {
		return d
	}
	switch f := float64(d) * by; {
	case f >= math.MaxInt64:
		return math.MaxInt64
	case f <= math.MinInt64:
		return math.MinInt64
	default:
		return time.Duration(math.Round(f))
	}
}
