package invalidate

import (
	"sync"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/vodfleet/vodfleet/internal/governor"
)

// metrics tell what this process asked for, and, while it has the lease, what
// the fleet waits for.
type metrics struct {
	batches *prometheus.CounterVec // by outcome
	paths   prometheus.Counter

	mu      sync.Mutex
	leads   bool
	flying  load
	waiting int
	oldest  float64 // seconds
	month   int
	budget  int // 0: any number
}

var (
	flyingDesc  = prometheus.NewDesc("vodfleet_invalidation_in_progress", "Paths and wildcards of the fleet's invalidations in progress, as their lease's holder knows them.", []string{"kind"}, nil)
	waitingDesc = prometheus.NewDesc("vodfleet_invalidation_waiting_assets", "Replaced and removed assets that wait to be put into an invalidation.", nil, nil)
	oldestDesc  = prometheus.NewDesc("vodfleet_invalidation_oldest_seconds", "How long the first of them has waited.", nil, nil)
	monthDesc   = prometheus.NewDesc("vodfleet_invalidation_month_paths", "Paths that the fleet invalidated in this month of UTC.", nil, nil)
	budgetDesc  = prometheus.NewDesc("vodfleet_invalidation_budget_paths", "Paths that it may invalidate in this month; absent for any number.", nil, nil)
)

func (b *Batcher) meters() *metrics {
	b.once.Do(func() {
		m := &b.metrics
		m.batches = prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "vodfleet_invalidation_batches_total", Help: "Invalidations of this process that ended, by outcome."}, []string{"outcome"})
		m.paths = prometheus.NewCounter(prometheus.CounterOpts{
			Name: "vodfleet_invalidation_paths_total", Help: "Paths that this process put into invalidations."})
		m.batches.WithLabelValues("completed") // so that they are there before the first
		m.batches.WithLabelValues("refused")
	})
	return &b.metrics
}

// saw notes who waits.
func (m *metrics) saw(line governor.StaleLine) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.waiting, m.oldest = line.Count+line.WildCount, 0
	for _, all := range [][]governor.Stale{line.First, line.Wild} {
		if len(all) > 0 {
			m.oldest = max(m.oldest, line.Now.Sub(all[0].Since).Seconds())
		}
	}
}

// count notes where things stand.
func (b *Batcher) count() {
	m := b.meters()
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.leads = b.known; !m.leads {
		return
	}
	now := b.Store.Now()
	m.flying, m.month, m.budget = b.inFlight(), b.used(now), b.Budget
	if m.budget > 0 {
		m.budget += b.granted(now)
	}
}

// Describe implements [prometheus.Collector].
func (b *Batcher) Describe(ch chan<- *prometheus.Desc) {
	m := b.meters()
	m.batches.Describe(ch)
	m.paths.Describe(ch)
	for _, d := range []*prometheus.Desc{flyingDesc, waitingDesc, oldestDesc, monthDesc, budgetDesc} {
		ch <- d
	}
}

// Collect implements [prometheus.Collector]. What the fleet waits for is told by
// who has the lease alone.
func (b *Batcher) Collect(ch chan<- prometheus.Metric) {
	m := b.meters()
	m.batches.Collect(ch)
	m.paths.Collect(ch)
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.leads {
		return
	}
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	gauge(flyingDesc, float64(m.flying.paths), "path")
	gauge(flyingDesc, float64(m.flying.wildcards), "wildcard")
	gauge(waitingDesc, float64(m.waiting))
	gauge(oldestDesc, m.oldest)
	gauge(monthDesc, float64(m.month))
	if m.budget > 0 {
		gauge(budgetDesc, float64(m.budget))
	}
}
