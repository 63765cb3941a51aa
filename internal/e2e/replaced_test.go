package e2e

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vodfleet/vodfleet/internal/cloud"
	"github.com/vodfleet/vodfleet/internal/e2e/fleet"
	"github.com/vodfleet/vodfleet/internal/ledger"
	"github.com/vodfleet/vodfleet/tasks"
	"golang.org/x/sync/errgroup"
)

// What `make bench-replace` runs at length.
var (
	replacedAssets = flag.Int("replaced", 40, "simulated assets that are replaced all at once")
	replacedTime   = flag.Duration("replaced.invalidation", 5*time.Second, "time that an invalidation takes")
	replacedWorker = flag.Int("replaced.workers", 1, "workers")
)

// replacedClock is how many times faster the cloud's clock is.
const replacedClock = 10

// A whole library is replaced. A few invalidations do for all of it, no more
// paths are in progress than a distribution may have, nobody is live before
// their invalidation is complete, or for much longer; one asset alone goes on
// within a minute; and under delivery: versioned nothing is invalidated.
func TestReplacedLibrary(t *testing.T) {
	t.Parallel()
	n := *replacedAssets
	f := fleet.Start(t, fleet.Options{
		Cloud: []string{
			"--simulate", "--job-time=5s", "--slots=1000", "--queue-jobs=1000", "--api-rate=200", "--api-burst=1000",
			fmt.Sprintf("--clock-rate=%d", replacedClock), "--invalidate-time=" + (*replacedTime * replacedClock).String(),
		},
		Env: []string{
			fmt.Sprintf("VODFLEET_API_RATE=%d", 200*replacedClock), "VODFLEET_API_BURST=1000", "VODFLEET_JOBS_IN_FLIGHT=1200",
			"VODFLEET_BOARD_INTERVAL=2s", "VODFLEET_INVALIDATION_BUDGET=0",
		},
	})
	for range *replacedWorker {
		f.Worker()
	}
	stable := uploadMany(t, f, "stable", "one", n)
	versioned := uploadMany(t, f, "versioned", "one", max(n/10, 3))
	profile := filepath.Join(t.TempDir(), "versioned.yaml")
	if err := os.WriteFile(profile, []byte("delivery: versioned\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	addMany(t, f, "stable", n)
	addMany(t, f, "versioned", len(versioned), "--profile", profile)
	limit := time.Minute + time.Duration(n)*200*time.Millisecond
	f.Await(limit, atSwitch(1), append(stable, versioned...)...)
	if a := f.Cloud.Invalidations(); a.Total.Batches != 0 {
		t.Errorf("%+v invalidated for first publications, want nothing", a.Total)
	}

	uploadMany(t, f, "versioned", "two", len(versioned))
	addMany(t, f, "versioned", len(versioned), "--profile", profile)
	f.Await(limit, atSwitch(2), versioned...)
	if a := f.Cloud.Invalidations(); a.Total.Batches != 0 {
		t.Errorf("%+v invalidated under delivery: versioned, want nothing", a.Total)
	}

	// Switches come as fast as workers write them: none before all are transcoded.
	control(t, f, "pause", tasks.KindPublish)
	uploadMany(t, f, "stable", "two", n)
	addMany(t, f, "stable", n)
	f.Await(limit, transcoded, stable...)
	control(t, f, "resume", tasks.KindPublish)
	recs := f.Await(limit+10*time.Minute, atSwitch(2), stable...)
	a := f.Cloud.Invalidations()
	t.Logf("%d assets replaced within %v: %d invalidations of %d paths, %d in progress at most, %d refused; live %v after their switch at most",
		n, spread(recs), a.Total.Batches, a.Total.Paths, a.Highest.Paths, a.Refused, worst(t, recs, 2))
	if a.Total.Batches > 6 || a.Total.Paths != 2*n || a.Total.Wildcards != 0 || a.Highest.Paths > 3000 || a.Refused != 0 {
		t.Errorf("invalidations: %+v, %+v at most, %d refused; want at most 6, two paths an asset, 3000 in progress, none refused", a.Total, a.Highest, a.Refused)
	}
	if got, want := worst(t, recs, 2), 5*time.Minute+*replacedTime; got > want {
		t.Errorf("live %v after its switch, want %v", got, want)
	}

	uploadMany(t, f, "stable", "three", 1)
	addMany(t, f, "stable", 1)
	recs = f.Await(2*time.Minute+*replacedTime, atSwitch(3), stable[0])
	if got, want := worst(t, recs, 3), time.Minute+*replacedTime; got > want {
		t.Errorf("one asset alone is live %v after its switch, want %v", got, want)
	}
	for _, v := range f.Cloud.Violations() {
		t.Errorf("%s.%s broke the published model %d times: %s", v.Service, v.Operation, v.Count, v.What)
	}
}

// atSwitch reports whether a switch is live and nothing is left to do.
func atSwitch(seq int) func(*ledger.Record) bool {
	return func(r *ledger.Record) bool { return r.LiveSeq == seq && !r.Open() }
}

// transcoded reports whether what is wanted of an asset waits to be published.
func transcoded(r *ledger.Record) bool {
	return len(r.Builds) > 0 && r.Builds[len(r.Builds)-1].State == ledger.Transcoded
}

// control runs a command about a stage.
func control(t *testing.T, f *fleet.Fleet, verb, stage string) {
	t.Helper()
	if out, code := f.Run(verb, stage); code != 0 {
		t.Fatalf("%s %s exits %d: %s", verb, stage, code, out)
	}
}

// spread is the time from the first switch to the last, by this machine's clock.
func spread(recs []*ledger.Record) time.Duration {
	bySwitch := func(a, b *ledger.Record) int { return a.Switched.Compare(b.Switched) }
	first, last := slices.MinFunc(recs, bySwitch), slices.MaxFunc(recs, bySwitch)
	return (last.Switched.Sub(first.Switched) / replacedClock).Round(time.Second / 10)
}

// worst is the longest time from a switch until it was live, by this machine's
// clock. None may be shorter than an invalidation takes.
func worst(t *testing.T, recs []*ledger.Record, seq int) (longest time.Duration) {
	t.Helper()
	for _, r := range recs {
		for _, e := range r.History {
			if !strings.HasPrefix(e.What, fmt.Sprintf("switch %d: live", seq)) {
				continue
			}
			d := e.At.Sub(r.Switched) / replacedClock
			longest = max(longest, d)
			if d < *replacedTime {
				t.Errorf("asset %s is live %v after its switch, sooner than an invalidation is complete", r.Asset, d)
			}
		}
	}
	return longest.Round(time.Second / 10)
}

func manyKey(folder string, i int) string { return fmt.Sprintf("%s/%05d.mp4", folder, i) }

// uploadMany uploads n simulated videos and returns their assets.
func uploadMany(t *testing.T, f *fleet.Fleet, folder, content string, n int) []string {
	t.Helper()
	ids := make([]string, n)
	var g errgroup.Group
	g.SetLimit(8)
	var mu sync.Mutex
	for i := range n {
		g.Go(func() error {
			key := manyKey(folder, i)
			body := fmt.Appendf(nil, "\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00mp42isom%d %s", i, content)
			_, err := f.Store.Put(t.Context(), cloud.Put{Location: cloud.Location{Bucket: fleet.Library, Key: key}, Body: body})
			mu.Lock()
			defer mu.Unlock()
			ids[i] = tasks.AssetID(fleet.Library, key)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
	return ids
}

// addMany enqueues them.
func addMany(t *testing.T, f *fleet.Fleet, folder string, n int, flags ...string) {
	t.Helper()
	const atOnce = 500
	for from := 0; from < n; from += atOnce {
		args := append([]string{"add"}, flags...)
		for i := from; i < min(from+atOnce, n); i++ {
			args = append(args, "s3://"+fleet.Library+"/"+manyKey(folder, i))
		}
		if out, code := f.Run(args...); code != 0 {
			t.Fatalf("add exits %d: %s", code, out)
		}
	}
}
