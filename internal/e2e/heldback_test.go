package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/vodfleet/vodfleet/internal/e2e/fleet"
	"github.com/vodfleet/vodfleet/internal/ledger"
)

// TestSmoothIsHeldBack publishes Smooth through a distribution that could not
// play it: nothing is shown, the failure says what to do, and once that is done
// the same build is published, paid for once.
func TestSmoothIsHeldBack(t *testing.T) {
	t.Parallel()
	f := fleet.Start(t, fleet.Options{Cloud: []string{"--simulate", "--clock-rate=20", "--api-rate=-1", "--api-burst=-1"}})
	f.Worker()
	profile := filepath.Join(t.TempDir(), "profile.yaml")
	if err := os.WriteFile(profile, []byte("packages: [cmaf, smooth]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	asset := f.Upload("film.mp4", shortClip(t))
	run := func(code int, words string, args ...string) {
		t.Helper()
		if out, got := f.Run(args...); got != code || !strings.Contains(out, words) {
			t.Fatalf("enqueuer %s exits with %d, want %d and %q:\n%s", strings.Join(args, " "), got, code, words, out)
		}
	}
	run(0, "", "add", "--profile", profile, "s3://"+fleet.Library+"/film.mp4")
	f.Await(2*time.Minute, func(r *ledger.Record) bool { return r.Failed() != nil }, asset)
	run(0, "SmoothStreaming is off", "failures", "--class", "distribution")
	run(0, "is changed", "distribution", "apply", "--yes", "--distribution-id", f.Cloud.Distribution)
	run(0, "1 go on at publish", "redrive", "--class", "distribution")
	rec := f.Await(2*time.Minute, func(r *ledger.Record) bool { return r.Current == 1 && r.LiveSeq == 1 }, asset)[0]
	if n := f.Cloud.Calls().Of("mediaconvert.CreateJob"); n != 1 || rec.Failed() != nil || len(rec.Builds) != 1 {
		t.Errorf("%d jobs, %d builds, failed of %v; want one of one", n, len(rec.Builds), rec.Failed())
	}
}
