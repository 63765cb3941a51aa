package sigv4

import (
	"time"

	"github.com/vodfleet/vodfleet/internal/localcloud/clock"
)

// Age returns how long ago, in the cloud's time, a signature dated date was
// made; less than nought for one that is dated ahead.
//
// A client signs by the host's clock, to the second. Where the cloud's clock
// runs faster, that second is many of the cloud's, so the age is counted from
// its end. A date far ahead of what the host's clock can have shown comes
// from a client that has corrected its clock to the cloud's, and is taken as
// the cloud's time.
func Age(clk *clock.Clock, date time.Time) time.Duration {
	now := clk.Now()
	made := clk.FromHost(date)
	if made.Sub(now) > Window {
		return now.Sub(date)
	}
	if clk.Rate() > 1 && !made.After(now) {
		return max(0, now.Sub(clk.FromHost(date.Add(time.Second))))
	}
	return now.Sub(made)
}
