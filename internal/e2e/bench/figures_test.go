package bench

import (
	"bufio"
	"cmp"
	"fmt"
	"math"
	"net/http"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/vodfleet/vodfleet/internal/e2e/fleet"
	"github.com/vodfleet/vodfleet/internal/e2e/lcproc"
)

// figures are what a form has cost. Times are the cloud's.
type figures struct {
	form              string
	took              time.Duration // from the first row to the last publication
	create, get, list int           // calls
	throttled         int           // answers 429, of any call
	jobs              int
	lags              []time.Duration // of publications after their jobs' ends, ascending
	busy              float64         // share of the slots at work while jobs were still to be submitted; NaN: never full
	idle              map[string]int  // turns of tasks that came to nothing, by kind; nil: there are no tasks
}

// count takes the calls.
func (m *figures) count(calls lcproc.Counts) {
	m.create, m.get = calls.Of("mediaconvert.CreateJob"), calls.Of("mediaconvert.GetJob")
	m.list = calls.Of("mediaconvert.ListJobs") + calls.Of("mediaconvert.SearchJobs")
	for op, by := range calls {
		if strings.HasPrefix(op, "mediaconvert.") {
			m.throttled += by["429"]
		}
	}
}

// observe takes the jobs, and when each asset was published or seen to be ready.
func (m *figures) observe(jobs []lcproc.Job, published map[string]time.Time) {
	m.jobs = len(jobs)
	for _, j := range jobs {
		at, ok := published[j.UserMetadata["asset"]]
		if ok && j.Finished != nil {
			m.lags = append(m.lags, max(0, at.Sub(*j.Finished))) // times of objects have whole seconds
		}
	}
	slices.Sort(m.lags)
	m.busy = busy(jobs, *ratesSlots)
}

// busy is the share of the slots that were at work from the moment all of them
// first were until the last job was submitted.
func busy(jobs []lcproc.Job, slots int) float64 {
	type change struct {
		at time.Time
		by int
	}
	var all []change
	var last time.Time // submission
	for _, j := range jobs {
		if j.Started == nil || j.Finished == nil {
			continue
		}
		all = append(all, change{*j.Started, 1}, change{*j.Finished, -1})
		if j.Submitted.After(last) {
			last = j.Submitted
		}
	}
	slices.SortFunc(all, func(a, b change) int { return cmp.Or(a.at.Compare(b.at), a.by-b.by) })
	var full, before time.Time
	work, n := 0.0, 0
	for _, c := range all {
		if !full.IsZero() {
			if c.at.After(last) {
				c.at = last
			}
			work += float64(n) * c.at.Sub(before).Seconds()
		}
		n += c.by
		before = c.at
		if full.IsZero() && n >= slots {
			full = c.at
		}
		if !full.IsZero() && !c.at.Before(last) {
			break
		}
	}
	if full.IsZero() || !last.After(full) {
		return math.NaN()
	}
	return work / (float64(slots) * last.Sub(full).Seconds())
}

// lag returns the lag below which a share of the publications lies.
func (m *figures) lag(share float64) time.Duration {
	if len(m.lags) == 0 {
		return -1
	}
	return m.lags[min(len(m.lags)-1, int(share*float64(len(m.lags))))]
}

func (m *figures) reads() float64 { return float64(m.get+m.list) / m.took.Seconds() }

// judge holds a form of the fleet to what it has to reach.
func (m *figures) judge(t *testing.T) {
	n := float64(*ratesAssets)
	fails := func(what string, got, limit float64) {
		if !(got <= limit) {
			t.Errorf("%s: %s %.3f, want at most %.3f", m.form, what, got, limit)
		}
	}
	switch m.form {
	case "naive":
		return
	case "polls":
		fails("reads a second", m.reads(), 1)
		fails("publish lag p95 in seconds", m.lag(.95).Seconds(), 35)
	case "events":
		fails("GetJob an asset", float64(m.get)/n, 1.1)
		fails("ListJobs an asset", float64(m.list)/n, 0.2)
		fails("publish lag p95 in seconds", m.lag(.95).Seconds(), 5)
	}
	fails("CreateJob an asset", float64(m.create)/n, 1)
	fails("answers 429", float64(m.throttled), 0)
	fails("share of idle slots", 1-m.busy, 0.02)
	if m.create != *ratesAssets || m.jobs != *ratesAssets || len(m.lags) != *ratesAssets {
		t.Errorf("%s: %d calls of CreateJob made %d jobs for %d publications, want %d of each", m.form, m.create, m.jobs, len(m.lags), *ratesAssets)
	}
}

// table is the forms beside each other, in Markdown.
func table(all []figures) string {
	var b strings.Builder
	row := func(name string, value func(m *figures) string) {
		fmt.Fprintf(&b, "| %s |", name)
		for i := range all {
			fmt.Fprintf(&b, " %s |", value(&all[i]))
		}
		b.WriteByte('\n')
	}
	each := func(n func(*figures) int) func(*figures) string {
		return func(m *figures) string { return fmt.Sprintf("%.2f", float64(n(m))/float64(*ratesAssets)) }
	}
	names := map[string]string{"polls": "without events", "events": "with events", "naive": "each job polled every 15 s"}
	row("in the cloud's time", func(m *figures) string { return names[m.form] })
	b.WriteString("| --- |" + strings.Repeat(" --- |", len(all)) + "\n")
	row("CreateJob an asset", each(func(m *figures) int { return m.create }))
	row("GetJob an asset", each(func(m *figures) int { return m.get }))
	row("ListJobs an asset", each(func(m *figures) int { return m.list }))
	row("reads a second", func(m *figures) string { return fmt.Sprintf("%.2f", m.reads()) })
	row("answers 429", func(m *figures) string { return fmt.Sprint(m.throttled) })
	for _, share := range []float64{.5, .95, 1} {
		row("publish lag, "+map[float64]string{.5: "p50", .95: "p95", 1: "longest"}[share], func(m *figures) string { return m.lag(share).Round(100 * time.Millisecond).String() })
	}
	row("slots busy while work waits", func(m *figures) string {
		if math.IsNaN(m.busy) {
			return "never all"
		}
		return fmt.Sprintf("%.2f %%", 100*m.busy)
	})
	row("idle turns an asset", func(m *figures) string {
		if m.idle == nil {
			return "-"
		}
		total := 0
		var parts []string
		for _, kind := range []string{"ingest", "transcode-submit", "transcode-poll", "publish"} {
			total += m.idle[kind]
			parts = append(parts, fmt.Sprintf("%s %.2f", kind, float64(m.idle[kind])/float64(*ratesAssets)))
		}
		return fmt.Sprintf("%.2f (%s)", float64(total)/float64(*ratesAssets), strings.Join(parts, ", "))
	})
	row("all published after", func(m *figures) string { return m.took.Round(time.Second).String() })
	return b.String()
}

// document is what is kept of a run.
func document(table string) string {
	return fmt.Sprintf(`# Rates of MediaConvert

%d simulated assets, %d slots, jobs of %s, a quota of %d calls a second with a burst of %d of each API. Two workers
with the default settings, real Redis and the local cloud, its clock %g times as fast as the machine's (%d cores);
the fleet's rates are as many times higher and its intervals as many times shorter. All figures are in the cloud's time.
The third column is a poller for each job, which asks for it every 15 s by itself, with no retries in between.

%s
The publish lag is from the end of a job to the last of its asset's entry documents, whose times have whole seconds, or, in the third column, to the
answer that says that the job is complete. Slots count from when all of them were first at work until the last job was
submitted. Made by `+"`make bench-rates`"+`.
`, *ratesAssets, *ratesSlots, *ratesJobs, quota, burst, *ratesClock, runtime.NumCPU(), table)
}

// adminOf returns where a worker's administration answers.
func adminOf(t *testing.T, w *fleet.Process) string {
	t.Helper()
	for range 200 {
		if _, rest, ok := strings.Cut(w.Log(), `"admin":"`); ok {
			url, _, _ := strings.Cut(rest, `"`)
			return url
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatalf("a worker does not say where it is:\n%s", w.Log())
	return ""
}

// idleTurns reads how many runs of tasks came to nothing, by kind.
func idleTurns(t *testing.T, admins []string) map[string]int {
	t.Helper()
	turns := make(map[string]int)
	for _, admin := range admins {
		resp, err := http.Get(admin + "/metrics")
		if err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(resp.Body)
		for lines.Scan() {
			rest, ok := strings.CutPrefix(lines.Text(), `vodfleet_task_runs_total{kind="`)
			kind, rest, _ := strings.Cut(rest, `",outcome="`)
			outcome, value, _ := strings.Cut(rest, `"} `)
			if ok && (outcome == "waits" || outcome == "crowded") {
				n, err := strconv.Atoi(value)
				if err != nil {
					t.Fatal(err)
				}
				turns[kind] += n
			}
		}
		resp.Body.Close()
	}
	return turns
}
