package calls

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
)

// The kinds of fault.
const (
	KindThrottle     = "throttle"      // refused as too many requests
	KindError        = "error"         // refused with the status Code, 500 if that is 0
	KindLatency      = "latency"       // answered LatencyMS later
	KindLostResponse = "lost-response" // done, but the connection ends without an answer
	KindFailJob      = "fail-job"      // CreateJob succeeds, the job fails with the error Code
)

var kinds = []string{KindThrottle, KindError, KindLatency, KindLostResponse, KindFailJob}

// maxLatency bounds what a latency fault can hold a connection for.
const maxLatency = 10 * time.Minute

// Fault is a fault to be injected, as PUT /faults takes it.
type Fault struct {
	API       string  `json:"api"`                  // "service.Operation", "service", or "*" for all
	Kind      string  `json:"kind"`                 // one of the kinds
	Rate      float64 `json:"rate"`                 // share of the calls that it hits, above 0 and up to 1
	LatencyMS int     `json:"latency_ms,omitempty"` // of the host's time: a network does not follow the cloud's clock
	Code      int     `json:"code,omitempty"`       // HTTP status of an error, or the error code of a job
	Times     int     `json:"times,omitempty"`      // after so many hits it ends; 0: never
}

// validate says what is wrong with f.
func (f Fault) validate() error {
	switch {
	case !slices.Contains(kinds, f.Kind):
		return fmt.Errorf("unknown kind %q, want one of %s", f.Kind, strings.Join(kinds, ", "))
	case f.API == "" && f.Kind != KindFailJob:
		return fmt.Errorf("%s without an api", f.Kind)
	case math.IsNaN(f.Rate) || f.Rate <= 0 || f.Rate > 1:
		return fmt.Errorf("%s with rate %v, want above 0 and at most 1", f.Kind, f.Rate)
	case f.Times < 0:
		return fmt.Errorf("%s with times %d below 0", f.Kind, f.Times)
	case f.Kind == KindLatency && (f.LatencyMS <= 0 || f.LatencyMS > int(maxLatency.Milliseconds())):
		return fmt.Errorf("latency with latency_ms %d, want 1 to %d", f.LatencyMS, maxLatency.Milliseconds())
	case f.Kind != KindLatency && f.LatencyMS != 0:
		return fmt.Errorf("%s with a latency_ms", f.Kind)
	case f.Kind == KindError && f.Code != 0 && (f.Code < 400 || f.Code > 599):
		return fmt.Errorf("error with code %d, want an HTTP status from 400 to 599", f.Code)
	case f.Kind == KindFailJob && f.Code < 0:
		return fmt.Errorf("fail-job with code %d below 0", f.Code)
	case f.Code != 0 && f.Kind != KindError && f.Kind != KindFailJob:
		return fmt.Errorf("%s with a code", f.Kind)
	}
	return nil
}

func (f Fault) matches(service, op string) bool {
	return f.API == "*" || f.API == service || f.API == service+"."+op
}

// SetFaults replaces all faults. If one of them is not valid, none is
// replaced and the error names it.
func (r *Recorder) SetFaults(faults []Fault) error {
	for i, f := range faults {
		if err := f.validate(); err != nil {
			return fmt.Errorf("fault %d: %w", i, err)
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.faults = slices.Clone(faults)
	return nil
}

// Faults returns the faults that have not ended, with the hits they have left.
func (r *Recorder) Faults() []Fault {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]Fault{}, r.faults...)
}

// FailJob decides whether the job that is being created shall fail, and with
// which error code, 0 standing for the default.
func (r *Recorder) FailJob() (code int, ok bool) {
	hits := r.roll(func(f Fault) bool { return f.Kind == KindFailJob })
	if len(hits) == 0 {
		return 0, false
	}
	return hits[0].Code, true
}

// roll returns the faults of those eligible that hit this time, in order, and
// takes the hit from their number.
func (r *Recorder) roll(eligible func(Fault) bool) []Fault {
	r.mu.Lock()
	defer r.mu.Unlock()
	var hits []Fault
	var ended bool
	for i := range r.faults {
		f := &r.faults[i]
		if !eligible(*f) || r.chance() >= f.Rate {
			continue
		}
		hits = append(hits, *f)
		if f.Times > 0 {
			f.Times--
			if f.Times == 0 {
				f.Times, ended = -1, true
			}
		}
	}
	if ended {
		r.faults = slices.DeleteFunc(r.faults, func(f Fault) bool { return f.Times < 0 })
	}
	return hits
}
