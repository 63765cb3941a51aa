package queue

import (
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/vodfleet/vodfleet/tasks"
)

// outcome is how one run of a task ended.
type outcome string

const (
	done        outcome = "done"
	waits       outcome = "waits"       // NotYet
	failed      outcome = "failed"      // is retried
	panicked    outcome = "panicked"    // is retried
	givenUp     outcome = "given-up"    // Permanent
	unreadable  outcome = "unreadable"  // a broken payload; given up
	unknown     outcome = "unknown"     // a newer payload, or a kind without a handler; waits
	interrupted outcome = "interrupted" // the worker stops; runs again elsewhere
	crowded     outcome = "crowded"     // an earlier run goes on past its time, or another suspect is at work; waits
	late        outcome = "late"        // ended after Asynq had given the run up; its result is lost
)

// metrics are a server's numbers.
type metrics struct {
	runs     *prometheus.CounterVec
	duration *prometheus.HistogramVec
	running  *prometheus.GaugeVec
	lost     *prometheus.CounterVec
	offset   prometheus.Gauge
}

func newMetrics() metrics {
	return metrics{
		runs: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "vodfleet_task_runs_total",
			Help: "Runs of tasks by kind and by how they ended.",
		}, []string{"kind", "outcome"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "vodfleet_task_run_seconds",
			Help:    "How long runs of tasks took.",
			Buckets: []float64{.005, .02, .1, .5, 2, 10, 30, 120, 600},
		}, []string{"kind", "outcome"}),
		running: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "vodfleet_tasks_running",
			Help: "Handlers at work in this process, those past their time among them.",
		}, []string{"kind"}),
		lost: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "vodfleet_tasks_lost_workers_total",
			Help: "Tasks found by this process whose worker was lost; they run again.",
		}, []string{"kind"}),
		offset: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "vodfleet_clock_offset_seconds",
			Help: "How far this host's clock is ahead of Redis's, as last compared.",
		}),
	}
}

// kinds are the label values of "kind"; any other kind reads "unknown", so that
// foreign tasks cannot make metrics without end.
var kinds = []string{
	tasks.KindIngest, tasks.KindTranscodeSubmit, tasks.KindTranscodePoll,
	tasks.KindPublish, tasks.KindInvalidateOrRename,
}

func label(kind string) string {
	if slices.Contains(kinds, kind) {
		return kind
	}
	return "unknown"
}

func (m metrics) observe(kind string, o outcome, took time.Duration) {
	m.runs.WithLabelValues(label(kind), string(o)).Inc()
	m.duration.WithLabelValues(label(kind), string(o)).Observe(took.Seconds())
}

// Describe and Collect make a server a [prometheus.Collector] of the runs of
// its tasks.
func (s *Server) Describe(ch chan<- *prometheus.Desc) {
	s.metrics.runs.Describe(ch)
	s.metrics.duration.Describe(ch)
	s.metrics.running.Describe(ch)
	s.metrics.lost.Describe(ch)
	s.metrics.offset.Describe(ch)
}

// Collect is Describe's other half.
func (s *Server) Collect(ch chan<- prometheus.Metric) {
	s.metrics.runs.Collect(ch)
	s.metrics.duration.Collect(ch)
	s.metrics.running.Collect(ch)
	s.metrics.lost.Collect(ch)
	s.metrics.offset.Collect(ch)
}
