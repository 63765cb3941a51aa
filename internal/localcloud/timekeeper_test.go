package main

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/vodfleet/vodfleet/internal/localcloud/sigv4"
)

// A request that is signed as of a time of the cloud's expires by the cloud's
// clock from the first minute on, and one by the host's clock does not.
func TestFastCloudTellsDatesApart(t *testing.T) {
	for _, rate := range []float64{1, 2, 5, 60, 600} {
		dir := t.TempDir()
		synctest.Test(t, func(t *testing.T) {
			c, k, err := openClock(dir, rate)
			if err != nil {
				t.Fatal(err)
			}
			intent := c.Now()
			time.Sleep(c.Host(310 * time.Second))
			if got := sigv4.Age(c, intent.Truncate(time.Second)); got < 310*time.Second || got > 312*time.Second {
				t.Errorf("at rate %g a date of the cloud's is %v old, want 310s", rate, got)
			}
			if got := sigv4.Age(c, time.Now().UTC().Truncate(time.Second)); got < 0 || got >= time.Second {
				t.Errorf("at rate %g a date of the host's is %v old, want none", rate, got)
			}
			if err := k.save(); err != nil {
				t.Fatal(err)
			}
			again, _, err := openClock(dir, rate)
			if err != nil || again.Now().Sub(c.Now()) > time.Duration(2*rate)*time.Second {
				t.Errorf("at rate %g the clock goes from %v to %v over a restart: %v", rate, c.Now(), again.Now(), err)
			}
		})
	}
}
