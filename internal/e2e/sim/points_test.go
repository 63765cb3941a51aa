package sim

import (
	"testing"
	"time"

	"github.com/vodfleet/vodfleet/internal/cloud/memcloud"
)

// point is a harm that is done at every call of every story, one at a time.
type point struct {
	fault
	stride int // of the calls, one in so many in the short form
	deaf   bool
	lag    time.Duration
	skew   time.Duration

	governed bool
}

var points = []point{
	{fault: fault{harm: crash}, stride: 6, governed: true},
	{fault: fault{harm: lost}, stride: 12, governed: true},
	{fault: fault{harm: flush}, stride: 12, governed: true},
	{fault: fault{stall, 4 * time.Minute}, stride: 40, deaf: true, governed: true},
	{fault: fault{stallAfter, 20 * time.Minute}, stride: 40, deaf: true, governed: true},

	// Without a governor and a job board.
	{fault: fault{harm: crash}, stride: 3},
	{fault: fault{harm: crash}, stride: 12, lag: 5 * time.Second},
	{fault: fault{harm: crash}, stride: 12, lag: 30 * time.Second},
	{fault: fault{harm: crash}, stride: 12, skew: time.Minute},
	{fault: fault{harm: crash}, stride: 12, skew: -time.Minute},
	{fault: fault{harm: lost}, stride: 3},
	{fault: fault{harm: lost}, stride: 12, lag: 30 * time.Second},
	{fault: fault{harm: refused}, stride: 8},
	{fault: fault{harm: flush}, stride: 8},
	{fault: fault{harm: overtake}, stride: 8},
	{fault: fault{stall, 70 * time.Second}, stride: 12, deaf: true},
	{fault: fault{stall, 4 * time.Minute}, stride: 12, deaf: true},
	{fault: fault{stall, 6 * time.Minute}, stride: 12, deaf: true},
	{fault: fault{stall, 20 * time.Minute}, stride: 12, deaf: true},
	{fault: fault{stallAfter, 70 * time.Second}, stride: 12, deaf: true},
	{fault: fault{stallAfter, 6 * time.Minute}, stride: 12, deaf: true},
	{fault: fault{stallAfter, 20 * time.Minute}, stride: 12, deaf: true},
	{fault: fault{stall, 6 * time.Minute}, stride: 12},
	{fault: fault{stallAfter, 20 * time.Minute}, stride: 12},
}

func (p point) String() string {
	s := p.fault.String()
	if p.deaf {
		s += ", deaf"
	}
	if p.lag != 0 {
		s += ", list lag " + p.lag.String()
	}
	if p.skew != 0 {
		s += ", clocks apart by " + p.skew.String()
	}
	return formOf(s, !p.governed)
}

// every tells a story once for each of its calls at which the point's harm is
// done, or for some of them.
func (p point) every(t *testing.T, s story, tab *table) {
	if p.harm == overtake { // it ends otherwise
		s.paid, s.free = 0, true
	}
	step := p.stride
	if *full {
		step = 1
	}
	o := options{Options: memcloud.Options{ListLag: p.lag, Skew: p.skew}, plain: !p.governed}
	for n := 1 + len(s.name)%step; ; n += step {
		v, calls, harmed := s.tell(t, o, func(w *world) {
			w.deaf = p.deaf
			w.faults = func(c call) fault {
				if c.n == n {
					return p.fault
				}
				return fault{}
			}
		})
		if calls < n {
			return
		}
		if tab.add(p.String(), v); !v.ok() {
			t.Errorf("%v\n%s", harmed, v)
			if *stop {
				return
			}
		}
	}
}

// Something goes wrong at each call of each story.
func testPoints(t *testing.T, tab *table) {
	for _, p := range points {
		t.Run(p.String(), func(t *testing.T) {
			t.Parallel()
			for _, s := range stories {
				t.Run(s.name, func(t *testing.T) { p.every(t, s, tab) })
			}
		})
	}
}
