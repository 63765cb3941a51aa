package bench

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vodfleet/vodfleet/internal/cloud"
	"github.com/vodfleet/vodfleet/internal/e2e/fleet"
)

// What `make bench-rates` runs, and what it can be made smaller by.
var (
	ratesForms  = flag.String("rates", "", "forms to measure: some of polls,events,naive; none by default")
	ratesAssets = flag.Int("rates.assets", 2000, "simulated assets of each form")
	ratesSlots  = flag.Int("rates.slots", 200, "jobs at work at once")
	ratesJobs   = flag.String("rates.jobs", "2m-20m", "times of jobs, in the cloud's time")
	ratesClock  = flag.Float64("rates.clock", 10, "seconds of the cloud in one of the machine's")
	ratesOut    = flag.String("rates.out", "", "file to write the table to")
)

// The quota of each MediaConvert API, in the cloud's time.
const (
	quota = 2 // calls a second
	burst = 100
)

// board is the default of VODFLEET_BOARD_INTERVAL.
const board = 20 * time.Second

// TestRates measures, from outside, what a fleet asks of MediaConvert and how
// soon it publishes, beside the way in which each worker polls its own job. It
// takes long, and runs by hand alone.
func TestRates(t *testing.T) {
	if *ratesForms == "" {
		t.Skip("by hand: make bench-rates")
	}
	var all []figures
	for form := range strings.SplitSeq(*ratesForms, ",") {
		ok := t.Run(form, func(t *testing.T) {
			var m figures
			switch form {
			case "polls":
				m = ratesOfFleet(t, false)
			case "events":
				m = ratesOfFleet(t, true)
			case "naive":
				m = ratesOfNaive(t)
			default:
				t.Fatalf("no form %q", form)
			}
			m.form = form
			t.Logf("\n%s", table([]figures{m}))
			all = append(all, m)
			if *ratesAssets >= 2000 {
				m.judge(t)
			}
		})
		if !ok && len(all) == 0 {
			return
		}
	}
	text := table(all)
	t.Logf("\n%s", text)
	if *ratesOut == "" || t.Failed() {
		return
	}
	if err := os.WriteFile(*ratesOut, []byte(document(text)), 0o644); err != nil {
		t.Fatal(err)
	}
}

// simulated are the cloud's flags.
func simulated() []string {
	return []string{
		"--simulate", fmt.Sprintf("--slots=%d", *ratesSlots), fmt.Sprintf("--queue-jobs=%d", *ratesSlots), "--job-time=" + *ratesJobs,
		fmt.Sprintf("--api-rate=%d", quota), fmt.Sprintf("--api-burst=%d", burst), fmt.Sprintf("--clock-rate=%g", *ratesClock),
	}
}

// settings are the fleet's defaults in a cloud whose clock is fast: the rate is
// as many times higher and the interval as many times shorter.
func settings(events bool) []string {
	env := []string{
		fmt.Sprintf("VODFLEET_API_RATE=%g", quota**ratesClock), fmt.Sprintf("VODFLEET_API_BURST=%d", burst),
		"VODFLEET_BOARD_INTERVAL=" + time.Duration(float64(board) / *ratesClock).Round(time.Millisecond).String(),
	}
	if *ratesSlots != 200 {
		env = append(env, fmt.Sprintf("VODFLEET_JOBS_IN_FLIGHT=%d", *ratesSlots+*ratesSlots/4))
	}
	if !events {
		env = append(env, "VODFLEET_EVENTS_QUEUE_URL=")
	}
	return env
}

// ratesOfFleet measures the worker's binary.
func ratesOfFleet(t *testing.T, events bool) figures {
	f := fleet.Start(t, fleet.Options{Cloud: simulated(), Env: settings(events)})
	put(t, f, *ratesAssets)
	f.Report()
	workers := []*fleet.Process{f.Worker(), f.Worker()}
	admins := make([]string, len(workers))
	for i, w := range workers {
		admins[i] = adminOf(t, w)
	}
	f.Cloud.ResetCalls()
	began := f.Cloud.Now()
	if out, code := f.Run("watch", "--once", fmt.Sprintf("--max-new=%d", *ratesAssets)); code != 0 {
		t.Fatalf("watch --once exits %d: %s", code, out)
	}
	awaitEmpty(t, f)
	m := figures{took: f.Cloud.Now().Sub(began), idle: idleTurns(t, admins)}
	m.count(f.Cloud.Calls())
	m.observe(f.Cloud.Jobs(), publications(t, f))
	return m
}

// put uploads n videos, some at a time.
func put(t *testing.T, f *fleet.Fleet, n int) {
	t.Helper()
	var wg sync.WaitGroup
	errs := make([]error, 8)
	for w := range errs {
		wg.Go(func() {
			for i := w; i < n && errs[w] == nil; i += len(errs) {
				_, errs[w] = f.Store.Put(t.Context(), cloud.Put{
					Location: cloud.Location{Bucket: fleet.Library, Key: key(i)},
					Body:     fmt.Appendf(nil, "\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00mp42isom%d", i),
				})
			}
		})
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			t.Fatal(err)
		}
	}
}

// awaitEmpty waits until no task is left, asking Redis alone. The wait is
// bounded by thrice what the jobs take.
func awaitEmpty(t *testing.T, f *fleet.Fleet) {
	t.Helper()
	began := time.Now()
	limit := 3*expected() + 2*time.Minute
	for logged := began; ; time.Sleep(250 * time.Millisecond) {
		all, err := f.Queue.Lengths(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		left, lengths := int64(0), ""
		for _, q := range all {
			if n := q.Outstanding(); n > 0 {
				left += n
				lengths += fmt.Sprintf(" %s %d", q.Queue, n)
			}
		}
		if left == 0 {
			return
		}
		if time.Since(began) > limit {
			t.Fatalf("%d tasks are left after %v:%s", left, limit, lengths)
		}
		if time.Since(logged) > 15*time.Second {
			logged = time.Now()
			t.Logf("after %v:%s", time.Since(began).Round(time.Second), lengths)
		}
	}
}

// expected is about how long the jobs of a form take on this machine.
func expected() time.Duration {
	from, to, ranged := strings.Cut(*ratesJobs, "-")
	if !ranged {
		to = from
	}
	least, _ := time.ParseDuration(from) // the cloud refuses what is no time
	most, _ := time.ParseDuration(to)
	turns := float64(*ratesAssets)/float64(*ratesSlots)/2 + 1 // at the mean of both
	submitted := time.Duration(float64(*ratesAssets) / quota * float64(time.Second))
	return time.Duration(float64(max(time.Duration(turns*float64(least+most)), submitted)) / *ratesClock)
}

// publications returns when each asset's entries were written, by the cloud's
// clock.
func publications(t *testing.T, f *fleet.Fleet) map[string]time.Time {
	t.Helper()
	at := make(map[string]time.Time)
	for o, err := range f.Store.List(t.Context(), cloud.Location{Bucket: fleet.Streams, Key: "watch/"}, "") {
		if err != nil {
			t.Fatal(err)
		}
		parts := strings.Split(o.Key, "/")
		if asset := parts[1]; at[asset].Before(o.LastModified) {
			at[asset] = o.LastModified
		}
	}
	if len(at) != *ratesAssets {
		t.Errorf("%d assets are published, want %d", len(at), *ratesAssets)
	}
	return at
}
