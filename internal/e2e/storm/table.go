package storm

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Result is what a storm comes to.
type Result struct {
	Plan    Plan
	Verdict *Verdict
	Took    time.Duration // of all sessions together
	Settled time.Duration
	Entries []Entry
}

// Result sums the journal up.
func (s *Storm) Result(v *Verdict, settled time.Duration) *Result {
	r := &Result{Plan: s.Plan, Verdict: v, Settled: settled, Entries: s.Journal.Entries()}
	first, last := make(map[int]time.Time), make(map[int]time.Time)
	for _, e := range r.Entries {
		if _, ok := first[e.Session]; !ok {
			first[e.Session] = e.At
		}
		last[e.Session] = e.At
	}
	last[s.Journal.session] = time.Now()
	for session := range first {
		r.Took += last[session].Sub(first[session])
	}
	return r
}

// String is the result as Markdown.
func (r *Result) String() string {
	var b strings.Builder
	f := total(r.Entries)
	row := func(what string, value any) { fmt.Fprintf(&b, "| %s | %v |\n", what, value) }
	fmt.Fprintf(&b, "| what | figure |\n| --- | --- |\n")
	row("seed", r.Plan.Seed)
	row("cloud's clock", fmt.Sprintf("%d times as fast", r.Plan.Rate))
	row("workers", r.Plan.Workers)
	row("time in all", r.Took.Round(time.Second))
	row("sessions", sessions(r.Entries))
	kills, chosen, points := steps(r.Entries, stepKill)
	row("workers killed (kill -9)", fmt.Sprintf("%d, %d of them at a chosen call", kills, chosen))
	flushes, chosen, _ := steps(r.Entries, stepFlush)
	row("FLUSHALL", fmt.Sprintf("%d, %d of them at a chosen call", flushes, chosen))
	redis, _, _ := steps(r.Entries, stepRedis)
	row("Redis killed (kill -9, AOF) and started again", redis)
	stalls, chosen, _ := steps(r.Entries, stepStall)
	row("workers stopped (SIGSTOP) and continued", fmt.Sprintf("%d for %v, %d of them in a chosen call", stalls, r.Plan.Stall, chosen))
	row("programs that ended by themselves", count(r.Entries, "exit"))
	row("calls", fmt.Sprintf("%d: %d of Redis that change queues, %d of S3, MediaConvert and CloudFront", f.Calls, ofRedis(f), f.Calls-ofRedis(f)))
	row("answers lost, their effect done", fmt.Sprintf("%d of HTTP, %d of Redis", f.Lost, f.LostRedis))
	row("refused", fmt.Sprintf("%d as too many, %d with a 5xx", f.Throttled, f.Failed))
	row("tasks that Asynq took back from lost workers", f.Redelivered)
	row("entries looked at during the storm", f.Looks)
	if v := r.Verdict; v != nil {
		row("assets", fmt.Sprintf("%d: %d published, %d failed%s", v.Assets, v.Published, sum(v.Failed), list(v.Failed)))
		row("jobs", fmt.Sprintf("%d%s", sum(v.Jobs), list(v.Jobs)))
		row("files that entries name, looked for", v.Files)
		row("**revisions paid for twice**", fmt.Sprintf("%d by a stall that outlived every guard", len(v.Explained)))
		row("**violations** (lost, paid twice, half visible, left in work)", len(v.Violations))
	}
	row("**time to converge**, after the last fault", r.Settled.Round(time.Second))
	if len(points) > 0 {
		fmt.Fprintf(&b, "\n| killed | times |\n| --- | --- |\n")
		for _, p := range slices.Sorted(maps.Keys(points)) {
			fmt.Fprintf(&b, "| %s | %d |\n", p, points[p])
		}
	}
	if v := r.Verdict; v != nil {
		for _, e := range v.Explained {
			fmt.Fprintf(&b, "\nPaid twice, by a stall:\n\n```\n%s\n```\n", e)
		}
		for i, e := range v.Violations {
			if i == maxTold {
				fmt.Fprintf(&b, "\nand %d more violations\n", len(v.Violations)-maxTold)
				break
			}
			fmt.Fprintf(&b, "\nVIOLATION: %s\n", e)
		}
	}
	return b.String()
}

// steps counts the steps of a kind, those at a chosen call, and at which.
func steps(entries []Entry, kind string) (n, chosen int, points map[string]int) {
	points = make(map[string]int)
	for _, e := range entries {
		if e.What != kind {
			continue
		}
		n++
		at := "at random"
		if e.Point != nil {
			chosen++
			at = e.Point.String()
		}
		points[at]++
	}
	return n, chosen, points
}

func count(entries []Entry, what string) int {
	n := 0
	for _, e := range entries {
		if e.What == what {
			n++
		}
	}
	return n
}

func sessions(entries []Entry) int {
	n := 0
	for _, e := range entries {
		n = max(n, e.Session)
	}
	return n
}

func ofRedis(f *Figures) int64 {
	n := int64(0)
	for name, calls := range f.Names {
		if strings.HasPrefix(name, "redis.") {
			n += calls
		}
	}
	return n
}

func sum(m map[string]int) int {
	n := 0
	for _, x := range m {
		n += x
	}
	return n
}

func list(m map[string]int) string {
	if len(m) == 0 {
		return ""
	}
	var parts []string
	for _, k := range slices.SortedFunc(maps.Keys(m), cmp.Compare) {
		parts = append(parts, fmt.Sprintf("%d %s", m[k], k))
	}
	return " (" + strings.Join(parts, ", ") + ")"
}
