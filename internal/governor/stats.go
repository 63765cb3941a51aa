package governor

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Stats are what the fleet shares, at one moment.
type Stats struct {
	InFlight map[string]int // rooms taken, by lane: "live" and "bulk"
	Waiting  map[string]int // builds in line, by lane
	Watched  int            // jobs
	Today    int            // jobs admitted since midnight UTC, where a day has a cap

	Swept  time.Duration // since the end of the last whole sweep; less than zero: there was none
	Events bool          // whether events are trusted to tell of jobs

	Tokens map[string]float64 // by method
	Rates  map[string]float64 // tokens a second by method, as slowed as they are
}

// Stats reads the numbers.
func (g *Governor) Stats(ctx context.Context) (Stats, error) {
	keys := []string{keyLiveRoom, keyBulkRoom, keyLiveLine, keyBulkLine, keyWatch, keyDayLive, keySweep, keyEvents, keyDayBulk}
	var args []any
	for _, method := range Methods() {
		r := g.share(method)
		keys = append(keys, keyBucket(method))
		args = append(args, float(r.PerSecond), r.Burst)
	}
	got, err := scriptStats.Run(ctx, g.rdb, keys, args...).StringSlice()
	if err == nil && len(got) != 8+2*len(Methods()) {
		err = errors.New("the script's answer has another form")
	}
	n := make([]float64, len(got))
	for i := range got {
		if err == nil {
			n[i], err = strconv.ParseFloat(got[i], 64)
		}
	}
	if err != nil {
		return Stats{}, fmt.Errorf("read the governor's numbers: %w", err)
	}
	s := Stats{
		InFlight: map[string]int{laneLive: int(n[0]), laneBulk: int(n[1])},
		Waiting:  map[string]int{laneLive: int(n[2]), laneBulk: int(n[3])},
		Watched:  int(n[4]), Today: int(n[5]),
		Swept: fromMS(int64(n[6])), Events: n[7] == 1,
		Tokens: make(map[string]float64), Rates: make(map[string]float64),
	}
	for i, method := range Methods() {
		s.Tokens[method], s.Rates[method] = n[8+2*i], n[9+2*i]
	}
	return s, nil
}

var (
	inFlightDesc = prometheus.NewDesc("vodfleet_jobs_in_flight", "Jobs that are admitted and have not ended, fleet-wide.", []string{"lane"}, nil)
	waitingDesc  = prometheus.NewDesc("vodfleet_submissions_waiting", "Builds in line for room or a token, fleet-wide.", []string{"lane"}, nil)
	watchedDesc  = prometheus.NewDesc("vodfleet_jobs_watched", "Jobs on the board whose polls wait, fleet-wide.", nil, nil)
	todayDesc    = prometheus.NewDesc("vodfleet_jobs_admitted_today", "Jobs admitted since midnight UTC, where a day has a cap.", nil, nil)
	sweptDesc    = prometheus.NewDesc("vodfleet_sweep_age_seconds", "Time since the job lists were last read whole.", nil, nil)
	eventsDesc   = prometheus.NewDesc("vodfleet_events_trusted", "1 while events are trusted to tell of jobs, so that lists are read rarely.", nil, nil)
	tokensDesc   = prometheus.NewDesc("vodfleet_tokens", "Requests that may be made at once, fleet-wide.", []string{"method"}, nil)
	rateDesc     = prometheus.NewDesc("vodfleet_token_rate", "Requests a second that may be made, fleet-wide; less after throttling.", []string{"method"}, nil)
	gateDesc     = prometheus.NewDesc("vodfleet_gate_closed", "1 for each closed gate.", []string{"scope"}, nil)
	upDesc       = prometheus.NewDesc("vodfleet_governor_up", "1 if Redis answered the governor.", nil, nil)
)

// scrapeTime bounds what a scrape waits for Redis.
const scrapeTime = 3 * time.Second

// Describe implements [prometheus.Collector].
func (g *Governor) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{inFlightDesc, waitingDesc, watchedDesc, todayDesc, sweptDesc, eventsDesc, tokensDesc, rateDesc, gateDesc, upDesc} {
		ch <- d
	}
}

// Collect implements [prometheus.Collector]: it asks Redis for what the whole
// fleet shares, so that every worker shows the same.
func (g *Governor) Collect(ch chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), scrapeTime)
	defer cancel()
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	s, err := g.Stats(ctx)
	gates, gerr := g.Gates(ctx)
	if err != nil || gerr != nil {
		gauge(upDesc, 0)
		return
	}
	gauge(upDesc, 1)
	for _, lane := range []string{laneLive, laneBulk} {
		gauge(inFlightDesc, float64(s.InFlight[lane]), lane)
		gauge(waitingDesc, float64(s.Waiting[lane]), lane)
	}
	gauge(watchedDesc, float64(s.Watched))
	gauge(todayDesc, float64(s.Today))
	if s.Swept >= 0 {
		gauge(sweptDesc, s.Swept.Seconds())
	}
	events := 0.0
	if s.Events {
		events = 1
	}
	gauge(eventsDesc, events)
	for _, method := range Methods() {
		gauge(tokensDesc, s.Tokens[method], method)
		gauge(rateDesc, s.Rates[method], method)
	}
	seen := make(map[string]bool)
	for _, one := range gates {
		if !seen[one.Scope] {
			seen[one.Scope] = true
			gauge(gateDesc, 1, one.Scope)
		}
	}
}
