package queue

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

var (
	lengthDesc  = prometheus.NewDesc("vodfleet_queue_tasks", "Tasks in the queue, by state.", []string{"queue", "state"}, nil)
	overdueDesc = prometheus.NewDesc("vodfleet_queue_overdue_tasks", "Tasks whose time came more than a minute ago and that no worker forwards: none serves the queue.", []string{"queue"}, nil)
	pausedDesc  = prometheus.NewDesc("vodfleet_queue_paused", "1 while no task of the queue is started.", []string{"queue"}, nil)
	upDesc      = prometheus.NewDesc("vodfleet_redis_up", "1 if Redis answered when it was asked for the queues.", nil, nil)
)

// scrapeTimeout bounds how long a scrape waits for Redis.
const scrapeTimeout = 2 * time.Second

// Describe and Collect make an inspector a [prometheus.Collector] of the queues'
// lengths. They are the same from every process, so one of a fleet is enough.
func (i *Inspector) Describe(ch chan<- *prometheus.Desc) {
	ch <- lengthDesc
	ch <- overdueDesc
	ch <- pausedDesc
	ch <- upDesc
}

// Collect asks Redis for the lengths. If it does not answer, the lengths are
// missing and vodfleet_redis_up is 0; the rest of the scrape is not harmed.
func (i *Inspector) Collect(ch chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), scrapeTimeout)
	defer cancel()
	lengths, err := i.Lengths(ctx)
	gauge := func(d *prometheus.Desc, v int64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, float64(v), labels...)
	}
	if err != nil {
		gauge(upDesc, 0)
		return
	}
	gauge(upDesc, 1)
	for _, l := range lengths {
		gauge(lengthDesc, l.Pending, l.Queue, "pending")
		gauge(lengthDesc, l.Active, l.Queue, "active")
		gauge(lengthDesc, l.Scheduled, l.Queue, "scheduled")
		gauge(lengthDesc, l.Retry, l.Queue, "retry")
		gauge(lengthDesc, l.Archived, l.Queue, "archived")
		gauge(overdueDesc, l.Overdue, l.Queue)
		paused := int64(0)
		if l.Paused {
			paused = 1
		}
		gauge(pausedDesc, paused, l.Queue)
	}
}
