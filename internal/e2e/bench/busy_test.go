package bench

import (
	"math"
	"testing"
	"time"

	"github.com/vodfleet/vodfleet/internal/e2e/lcproc"
)

func TestBusy(t *testing.T) {
	at := func(s int) time.Time { return time.Date(2026, 8, 1, 0, 0, s, 0, time.UTC) }
	job := func(submitted, started, finished int) lcproc.Job {
		return lcproc.Job{Submitted: at(submitted), Started: new(at(started)), Finished: new(at(finished))}
	}
	for _, tt := range []struct {
		name  string
		slots int
		jobs  []lcproc.Job
		want  float64
	}{
		{"none", 1, nil, math.NaN()},
		{"never full", 2, []lcproc.Job{job(0, 0, 10), job(20, 20, 30)}, math.NaN()},
		{"always", 1, []lcproc.Job{job(0, 0, 10), job(5, 10, 20), job(15, 20, 30)}, 1},
		{"a gap of a second in ten", 1, []lcproc.Job{job(0, 0, 9), job(10, 10, 20)}, 0.9},
		{"half of them", 2, []lcproc.Job{job(0, 0, 10), job(0, 0, 20), job(20, 20, 30)}, 0.75},
		{"before all are at work does not count", 2, []lcproc.Job{job(0, 0, 100), job(50, 50, 100), job(90, 100, 110)}, 1},
		{"after the last submission neither", 1, []lcproc.Job{job(0, 0, 10), job(10, 10, 20), job(11, 30, 40)}, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := busy(tt.jobs, tt.slots)
			if math.Abs(got-tt.want) > 1e-9 || math.IsNaN(got) != math.IsNaN(tt.want) {
				t.Errorf("busy = %v, want %v", got, tt.want)
			}
		})
	}
}
