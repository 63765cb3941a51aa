package stage_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vodfleet/vodfleet/internal/cloud"
	"github.com/vodfleet/vodfleet/internal/cloud/memcloud"
	"github.com/vodfleet/vodfleet/internal/ledger"
)

// A host whose clock is wrong looks at jobs as often as any other, and sees as
// soon that a build is superseded: a job's age is told by the cloud's clock.
func TestWrongHostClock(t *testing.T) {
	for _, skew := range []time.Duration{-time.Hour, 0, time.Hour} { // of the cloud's clock to the host's
		t.Run(skew.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, memcloud.Options{Skew: skew, Run: func(cloud.JobSpec) time.Duration { return time.Hour }})
				w.upload("one")
				w.ask()
				w.until(1, ledger.Transcoding)
				look, _ := w.queue.next()
				for _, tt := range []struct {
					age  time.Duration
					want string
				}{{0, "again in 2s"}, {50 * time.Second, "again in 10s"}, {10 * time.Minute, "again in 30s"}} {
					time.Sleep(time.Until(w.mem.Transcoder.Jobs()[0].Created.Add(tt.age - skew)))
					if err, _ := w.run(look); err == nil || !strings.Contains(err.Error(), tt.want) {
						t.Errorf("a look at a job of %v: %v, want %q", tt.age, err, tt.want)
					}
				}

				w.upload("two")
				w.ask()
				w.queue.rotate()
				w.step() // the ingestion of the new bytes
				if s := w.record().Build(1).State; s != ledger.Superseded {
					t.Fatalf("build 1 is %s, want superseded", s)
				}
				err, _ := w.run(look)
				w.must(err)
				if s := w.mem.Transcoder.Jobs()[0].State; s != cloud.JobCanceled {
					t.Errorf("the superseded build's job is %s, want canceled", s)
				}
			})
		})
	}
}
