package e2e

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vodfleet/vodfleet/internal/e2e/fleet"
	"github.com/vodfleet/vodfleet/internal/e2e/lcproc"
	"github.com/vodfleet/vodfleet/internal/ledger"
	"github.com/vodfleet/vodfleet/tasks"
)

// published fails the test unless every asset ends so, once.
func published(t *testing.T, f *fleet.Fleet, limit time.Duration, assets []string) {
	t.Helper()
	for _, rec := range f.Await(limit, fleet.Ended, assets...) {
		if rec.Status() != "published" {
			t.Errorf("%s is %s: %+v", rec.Location, rec.Status(), rec.Failed())
		}
	}
	onceEach(t, f, len(assets))
}

// A Redis that is away at the start is waited for, or said; one that dies in
// the middle loses nothing.
func TestRedisOutage(t *testing.T) {
	t.Parallel()
	f := fleet.Start(t, fleet.Options{Cloud: quick})
	keys, assets := library(f, 8)
	f.Redis.Kill()
	f.Worker()
	if out, code := f.Run("add", "s3://library/"+keys[0]); code != 1 || !strings.Contains(out, f.Redis.Addr) || strings.Contains(out, "panic") {
		t.Errorf("add without Redis exits %d: %s\nwant 1 and the address %s", code, out, f.Redis.Addr)
	}
	f.Redis.Restart()
	add(t, f, keys...)
	awaitWork(t, f, assets)
	f.Redis.Kill()
	time.Sleep(2 * time.Second)
	f.Redis.Restart()
	// What a worker held when its answer was lost is done again once its lease has ended.
	published(t, f, recovery+10*time.Second, assets)
}

// awaitWork waits until one of the assets is being transcoded.
func awaitWork(t *testing.T, f *fleet.Fleet, assets []string) {
	t.Helper()
	deadline := time.Now().Add(time.Minute)
	for len(f.Cloud.Jobs()) == 0 {
		if time.Now().After(deadline) {
			t.Fatalf("no job after a minute for %d assets", len(assets))
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// The same for the cloud.
func TestCloudOutage(t *testing.T) {
	t.Parallel()
	// A request for a job that was cut off may have made one: it is certain six
	// of the cloud's minutes later that it did not.
	f := fleet.Start(t, fleet.Options{Cloud: append(slices.Clone(quick), "--clock-rate=20")})
	keys, assets := library(f, 8)
	f.Cloud.Kill()
	w := f.Worker()
	if out, code := f.Run("add", "s3://library/"+keys[0]); code != 1 || !strings.Contains(out, "add s3://library/"+keys[0]) {
		t.Errorf("add without the cloud exits %d: %s", code, out)
	}
	deadline := time.Now().Add(30 * time.Second)
	for !strings.Contains(w.Log(), "waiting for the ledger") {
		if time.Now().After(deadline) {
			t.Fatalf("the worker does not say that it waits:\n%s", w.Log())
		}
		time.Sleep(100 * time.Millisecond)
	}
	f.Cloud.Restart()
	add(t, f, keys...)
	awaitWork(t, f, assets)
	f.Cloud.Kill()
	time.Sleep(2 * time.Second)
	f.Cloud.Restart()
	published(t, f, 4*time.Minute, assets)
}

// A cloud that fails, throttles or loses answers at random costs time and no
// second job.
func TestFaultyCloud(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		faults []lcproc.Fault
	}{
		{"errors and throttles", []lcproc.Fault{
			{API: "*", Kind: "error", Rate: 0.07, Code: 500}, {API: "*", Kind: "error", Rate: 0.07, Code: 503}, {API: "*", Kind: "throttle", Rate: 0.07},
		}},
		{"lost answers", []lcproc.Fault{{API: "*", Kind: "lost-response", Rate: 0.1}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := fleet.Start(t, fleet.Options{Cloud: quick})
			keys, assets := library(f, 6)
			add(t, f, keys...)
			f.Cloud.SetFaults(tt.faults...)
			f.Worker()
			f.Worker()
			recs := f.Await(3*time.Minute, fleet.Ended, assets...)
			f.Cloud.SetFaults()
			for _, rec := range recs {
				if rec.Status() != "published" {
					t.Errorf("%s is %s: %+v", rec.Location, rec.Status(), rec.Failed())
				}
			}
			onceEach(t, f, len(assets))
			if calls := f.Cloud.Calls()["s3.GetObject"]; tt.name != "lost answers" && calls["500"]+calls["503"] == 0 {
				t.Errorf("no read failed: %v", calls)
			}
			if got := f.Cloud.Calls()["mediaconvert.CreateJob"]["201"]; tt.name != "lost answers" && got != len(assets) {
				t.Errorf("%d jobs created, want %d: one for each asset", got, len(assets))
			}
		})
	}
}

// A worker that is asked to stop gives back what it cannot finish in time, and
// nothing is lost or done twice.
func TestDrain(t *testing.T) {
	t.Parallel()
	f := fleet.Start(t, fleet.Options{Cloud: quick})
	keys, assets := library(f, 6)
	f.Cloud.SetFaults(lcproc.Fault{API: "mediaconvert.Probe", Kind: "latency", Rate: 1, LatencyMS: 10_000})
	w := f.Worker("--drain-timeout", "3s")
	add(t, f, keys...)
	awaitTasks(t, f, tasks.KindIngest, func(l lengths) bool { return l.active == int64(len(keys)) })
	begun := time.Now()
	w.Stop()
	if took := time.Since(begun); took > 10*time.Second {
		t.Errorf("the worker took %v to drain, want its 3s and a little", took)
	}
	if l := count(t, f, tasks.KindIngest); l.active != 0 || l.waiting != int64(len(keys)) {
		t.Errorf("after the stop %d tasks wait and %d are active, want all %d to wait", l.waiting, l.active, len(keys))
	}
	f.Cloud.SetFaults(lcproc.Fault{API: "mediaconvert.CreateJob", Kind: "latency", Rate: 1, LatencyMS: 1000})
	w = f.Worker()
	awaitTasks(t, f, tasks.KindTranscodeSubmit, func(l lengths) bool { return l.active > 0 })
	w.Stop() // it finishes what it has begun
	if l := count(t, f, tasks.KindTranscodeSubmit); l.active != 0 {
		t.Errorf("after the stop %d tasks are active", l.active)
	}
	f.Cloud.SetFaults()
	f.Worker()
	published(t, f, time.Minute, assets)
	for _, rec := range f.Await(time.Second, fleet.Ended, assets...) {
		if n := rec.Build(1); n == nil || n.State != ledger.Published {
			t.Errorf("%s: build 1 is %+v", rec.Location, n)
		}
	}
}
