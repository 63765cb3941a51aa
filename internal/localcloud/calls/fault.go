package calls

import (
	"crypto/sha256"
	"encoding/binary"
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
	KindFailJob      = "fail-job"      // CreateJob succeeds, the job fails with the error Code or one of Codes
	KindOddStatus    = "odd-status"    // answered with 200, with every job in a status that no model has
)

var kinds = []string{KindThrottle, KindError, KindLatency, KindLostResponse, KindFailJob, KindOddStatus}

// maxLatency bounds what a latency fault can hold a connection for.
const maxLatency = 10 * time.Minute

// Fault is a fault to be injected, as PUT /faults takes it.
type Fault struct {
	API       string  `json:"api"`                  // "service.Operation", "service", or "*" for all
	Kind      string  `json:"kind"`                 // one of the kinds
	Rate      float64 `json:"rate"`                 // share of the calls that it hits, above 0 and up to 1
	LatencyMS int     `json:"latency_ms,omitempty"` // of the host's time: a network does not follow the cloud's clock
	Code      int     `json:"code,omitempty"`       // HTTP status of an error, or the error code of a job
	Codes     []int   `json:"codes,omitempty"`      // error codes of jobs, each of which gets one of them; in place of Code
	Seed      uint64  `json:"seed,omitempty"`       // not 0: whether a job fails, and with which code, is decided by its input and the seed, not by chance
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
	case f.Kind != KindFailJob && (len(f.Codes) > 0 || f.Seed != 0):
		return fmt.Errorf("%s with codes or a seed", f.Kind)
	case len(f.Codes) > 0 && (f.Code != 0 || slices.Min(f.Codes) < 1):
		return fmt.Errorf("fail-job with codes %v, want them above 0 and no code beside them", f.Codes)
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

// FailJob decides whether the job of an input that is being created shall
// fail, and with which error code, 0 standing for the default. By a seed the
// same input always fares alike.
func (r *Recorder) FailJob(input string) (code int, ok bool) {
	hits := r.roll(func(f Fault) bool {
		share, _ := f.draw(input)
		return f.Kind == KindFailJob && (f.Seed == 0 || share < f.Rate)
	})
	if len(hits) == 0 {
		return 0, false
	}
	f := hits[0]
	if n := len(f.Codes); n > 0 {
		_, at := f.draw(input)
		if f.Seed == 0 {
			at = r.chance()
		}
		return f.Codes[int(at*float64(n))], true
	}
	return f.Code, true
}

// draw returns two numbers in [0, 1) that the seed and the input decide.
func (f Fault) draw(input string) (share, at float64) {
	sum := sha256.Sum256(append(binary.BigEndian.AppendUint64(nil, f.Seed), input...))
	unit := func(b []byte) float64 { return float64(binary.BigEndian.Uint64(b)>>11) / (1 << 53) }
	return unit(sum[:8]), unit(sum[8:16])
}

// OddStatus decides whether the jobs of an answer are to be in a status that
// no model has.
func (r *Recorder) OddStatus(service, op string) bool {
	return len(r.roll(func(f Fault) bool { return f.Kind == KindOddStatus && f.matches(service, op) })) > 0
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
		if !eligible(*f) || f.Seed == 0 && r.chance() >= f.Rate {
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
