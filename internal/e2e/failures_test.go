package e2e

import (
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"testing"
	"time"

	"github.com/vodfleet/vodfleet/internal/e2e/fleet"
	"github.com/vodfleet/vodfleet/internal/e2e/lcproc"
	"github.com/vodfleet/vodfleet/internal/ledger"
)

// failures is how many assets TestFailuresStay has fail; `make bench-failures`
// gives more of them than Asynq's archive holds.
var failures = flag.Int("failures", 200, "assets that TestFailuresStay has fail")

// failing are the error codes that jobs are given, and the classes that an
// operator knows them by.
var failing = map[int]ledger.Class{1010: ledger.BadSource, 1050: ledger.Capacity, 3408: ledger.Transient, 1401: ledger.Access}

// Failures of four classes, mixed, are counted class by class as the cloud's
// record of jobs has them, however many there are, and a redrive of one class
// sends exactly its assets again.
func TestFailuresStay(t *testing.T) {
	t.Parallel()
	n := *failures
	limit := time.Minute + time.Duration(n)*300*time.Millisecond
	f := fleet.Start(t, fleet.Options{
		Cloud: []string{"--simulate", "--job-time", "1s", "--api-rate=-1", "--api-burst=-1", "--slots=200"},
		Env: []string{
			"VODFLEET_API_RATE=10000", "VODFLEET_API_BURST=10000", fmt.Sprintf("VODFLEET_JOBS_IN_FLIGHT=%d", 2*n), "VODFLEET_LIVE_JOBS=-1",
			"VODFLEET_BOARD_INTERVAL=" + max(2*time.Second, time.Duration(n)*2*time.Millisecond).String(),
		},
	})
	f.Cloud.SetFaults(lcproc.Fault{API: "mediaconvert.CreateJob", Kind: "fail-job", Rate: 1, Codes: []int{1010, 1050, 3408, 1401}, Seed: 3})
	f.Cloud.SetLimits(lcproc.Limits{ConcurrentJobs: new(0)})
	began := time.Now()
	for i := range n {
		f.Upload(fmt.Sprintf("films/%05d.mp4", i), media(fmt.Sprint(i)))
	}
	f.Report()
	if out, code := f.Run("watch", "--once", fmt.Sprintf("--max-new=%d", n)); code != 0 {
		t.Fatalf("watch --once exits %d: %s", code, out)
	}
	f.Worker()
	f.Worker()
	// No job begins before all are there: a job that is denied access closes
	// the account's gate to those that are not.
	await(t, limit, "every asset has a job", func() bool { return len(f.Cloud.Jobs()) >= n })
	t.Logf("%d assets submitted after %v", n, time.Since(began).Round(time.Second))
	f.Cloud.SetLimits(lcproc.Limits{ConcurrentJobs: new(200)})
	opened := settle(t, f, limit)
	t.Logf("all failed after %v; gates were opened %d times", time.Since(began).Round(time.Second), opened)

	want, classOf := record(t, f)
	told := tellFailures(t, f)
	if told.Failed != n || !maps.Equal(told.Classes, want) {
		t.Errorf("failures tells of %d: %v, want %d: %v", told.Failed, told.Classes, n, want)
	}
	grouped := map[ledger.Class]int{}
	for _, c := range told.Causes {
		grouped[c.Class] += c.Assets
	}
	if len(told.Causes) != len(failing) || !maps.Equal(grouped, want) {
		t.Errorf("failures has %d causes of %v, want one of each class: %v", len(told.Causes), grouped, want)
	}

	f.Cloud.SetFaults()
	before := len(f.Cloud.Jobs())
	began = time.Now()
	out, code := f.Run("redrive", "--class", string(ledger.Capacity), "--output", "json")
	var redriven struct{ Sent int }
	if err := json.Unmarshal([]byte(out), &redriven); err != nil || code != 0 || redriven.Sent != want[ledger.Capacity] {
		t.Fatalf("redrive exits %d and sends %d of %d: %v\n%.2000s", code, redriven.Sent, want[ledger.Capacity], err, out)
	}
	settle(t, f, limit)
	jobs := f.Cloud.Jobs()[before:]
	again := map[string]int{}
	for _, j := range jobs {
		asset := j.UserMetadata["asset"]
		again[asset]++
		if classOf[asset] != ledger.Capacity || j.Status != "COMPLETE" {
			t.Errorf("job %s of asset %s, which had failed of %s, is %s", j.ID, asset, classOf[asset], j.Status)
		}
	}
	if len(jobs) != want[ledger.Capacity] || len(again) != len(jobs) {
		t.Errorf("the redrive made %d jobs of %d assets, want %d of each", len(jobs), len(again), want[ledger.Capacity])
	}
	t.Logf("%d assets sent again are published after %v", len(jobs), time.Since(began).Round(time.Second))
	delete(want, ledger.Capacity)
	if told := tellFailures(t, f); !maps.Equal(told.Classes, want) {
		t.Errorf("after the redrive failures tells of %v, want %v", told.Classes, want)
	}
}

// record counts the assets by what their last jobs failed of, by the cloud.
func record(t *testing.T, f *fleet.Fleet) (map[ledger.Class]int, map[string]ledger.Class) {
	t.Helper()
	classOf := map[string]ledger.Class{}
	for _, j := range f.Cloud.Jobs() {
		class, ok := failing[j.ErrorCode]
		if !ok || j.Status != "ERROR" {
			t.Errorf("job %s is %s with code %d", j.ID, j.Status, j.ErrorCode)
		}
		classOf[j.UserMetadata["asset"]] = class
	}
	counts := map[ledger.Class]int{}
	for _, class := range classOf {
		counts[class]++
	}
	if len(counts) != len(failing) {
		t.Fatalf("the jobs failed of %v, want %d classes", counts, len(failing))
	}
	return counts, classOf
}

// told is what `enqueuer failures` says.
type told struct {
	Failed  int
	Classes map[ledger.Class]int
	Causes  []struct {
		Class  ledger.Class
		Assets int
	}
}

func tellFailures(t *testing.T, f *fleet.Fleet) told {
	t.Helper()
	out, code := f.Run("failures", "--output", "json")
	var v told
	if err := json.Unmarshal([]byte(out), &v); err != nil || code != 0 {
		t.Fatalf("failures exits %d: %v\n%.2000s", code, err, out)
	}
	return v
}

// settle waits until no task is left to run, opening the gates that close as an
// operator does who knows why they did, and returns how many that were.
func settle(t *testing.T, f *fleet.Fleet, limit time.Duration) int {
	t.Helper()
	opened := 0
	await(t, limit, "no task is left", func() bool {
		out, code := f.Run("gates", "list", "--output", "json")
		var gates []struct{ Scope string }
		if err := json.Unmarshal([]byte(out), &gates); err != nil || code != 0 {
			t.Fatalf("gates exits %d: %v\n%s", code, err, out)
		}
		for _, g := range gates {
			opened++
			if out, code := f.Run("gates", "open", g.Scope); code != 0 {
				t.Fatalf("gates open %s exits %d: %s", g.Scope, code, out)
			}
		}
		all, err := f.Queue.Lengths(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		left := int64(0)
		for _, q := range all {
			left += q.Outstanding()
		}
		return left == 0
	})
	return opened
}

// await asks each second, for at most limit.
func await(t *testing.T, limit time.Duration, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(limit); !done(); time.Sleep(time.Second) {
		if time.Now().After(deadline) {
			t.Fatalf("after %v it is not so that %s", limit, what)
		}
	}
}
