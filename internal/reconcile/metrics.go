package reconcile

import (
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"
)

// metrics count what passes find, since the process started.
type metrics struct {
	found, mended *prometheus.CounterVec // by kind
	passes        *prometheus.CounterVec // by outcome
	open          prometheus.Gauge       // of the last pass
	seconds       prometheus.Gauge
}

func (r *Reconciler) meters() *metrics {
	r.once.Do(func() {
		m := metrics{
			found: prometheus.NewCounterVec(prometheus.CounterOpts{
				Name: "vodfleet_reconcile_found_total", Help: "What the reconciler found, by kind."}, []string{"kind"}),
			mended: prometheus.NewCounterVec(prometheus.CounterOpts{
				Name: "vodfleet_reconcile_mended_total", Help: "What the reconciler found and mended, by kind."}, []string{"kind"}),
			passes: prometheus.NewCounterVec(prometheus.CounterOpts{
				Name: "vodfleet_reconcile_passes_total", Help: "Passes of the reconciler, by outcome."}, []string{"outcome"}),
			open: prometheus.NewGauge(prometheus.GaugeOpts{
				Name: "vodfleet_reconcile_open_assets", Help: "Markers of open assets that the last pass of this process listed."}),
			seconds: prometheus.NewGauge(prometheus.GaugeOpts{
				Name: "vodfleet_reconcile_pass_seconds", Help: "How long the last pass of this process took."}),
		}
		for _, kind := range Kinds { // so that they are there before the first
			m.found.WithLabelValues(string(kind))
			m.mended.WithLabelValues(string(kind))
		}
		m.passes.WithLabelValues("done")
		m.passes.WithLabelValues("failed")
		r.metrics = m
	})
	return &r.metrics
}

func (m *metrics) all() []prometheus.Collector {
	return []prometheus.Collector{m.found, m.mended, m.passes, m.open, m.seconds}
}

// Describe and Collect make a reconciler a [prometheus.Collector] of what it
// found and mended.
func (r *Reconciler) Describe(ch chan<- *prometheus.Desc) {
	for _, c := range r.meters().all() {
		c.Describe(ch)
	}
}

// Collect implements [prometheus.Collector].
func (r *Reconciler) Collect(ch chan<- prometheus.Metric) {
	for _, c := range r.meters().all() {
		c.Collect(ch)
	}
}

// count counts and logs a pass that was made; a dry run is not counted.
func (r *Reconciler) count(report *Report, err error) {
	report.sort()
	defer r.tell(report)
	if report.DryRun {
		return
	}
	m := r.meters()
	outcome := "done"
	if err != nil {
		outcome = "failed"
	}
	m.passes.WithLabelValues(outcome).Inc()
	m.open.Set(float64(report.Open))
	m.seconds.Set(report.Took.Seconds())
	for kind, n := range report.Found {
		m.found.WithLabelValues(string(kind)).Add(float64(n))
	}
	for kind, n := range report.Mended {
		m.mended.WithLabelValues(string(kind)).Add(float64(n))
	}
}

// maxTold bounds the findings of one pass that are logged one by one.
const maxTold = 50

func (r *Reconciler) tell(report *Report) {
	found, mended := report.Total()
	if found == 0 {
		r.Log.Debug("reconciled", zap.Int("open", report.Open), zap.Int("tasks", report.Tasks), zap.Duration("took", report.Took))
		return
	}
	for _, f := range report.Findings[:min(len(report.Findings), maxTold)] {
		log := r.Log.Warn
		if f.Mended {
			log = r.Log.Info
		}
		log("reconcile: found", zap.String("kind", string(f.Kind)), zap.Bool("mended", f.Mended),
			zap.String("asset", f.Asset), zap.String("task", f.Task), zap.String("job", f.Job), zap.String("why", f.Why))
	}
	r.Log.Info("reconciled", zap.Int("found", found), zap.Int("mended", mended), zap.Any("kinds", report.Found),
		zap.Int("open", report.Open), zap.Int("tasks", report.Tasks), zap.Int("read", report.Read),
		zap.Bool("cut", report.Cut), zap.Bool("dry_run", report.DryRun), zap.Duration("took", report.Took))
}
