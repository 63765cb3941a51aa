// Package calls keeps the record that tests judge the account's clients by:
// how often each operation of each service was called and how it was
// answered, and what in requests or answers broke the published model. It
// also holds the injected faults, since both sit at the same place: in front
// of a service's handler (see [Recorder.Wrap]). It leaves the wire format of
// refusals to the services and the showing of the record to package admin.
package calls

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/vodfleet/vodfleet/internal/localcloud/clock"
	"github.com/vodfleet/vodfleet/internal/localcloud/journal"
)

// maxViolations bounds how many different violations are kept; the counts of
// those kept go on.
const maxViolations = 1000

// Violation is one way in which a request or an answer broke its service's
// published model.
type Violation struct {
	Service   string    `json:"service"`
	Operation string    `json:"operation"`
	What      string    `json:"what"`
	Count     int       `json:"count"`
	First     time.Time `json:"first"` // in the cloud's time
}

// Recorder counts calls and injects faults. The record outlives the process;
// faults do not. It is safe for concurrent use.
type Recorder struct {
	clk    *clock.Clock
	chance func() float64 // in [0, 1)

	mu         sync.Mutex
	journal    *journal.Journal[entry]
	counts     map[string]map[string]int // by "service.Operation", then status
	violations map[[3]string]*Violation  // by service, operation, what
	order      []*Violation              // by first occurrence
	faults     []Fault
	err        error // the first that kept the record from being written
}

// New returns the recorder whose record lies in the file calls.jsonl of dir,
// which must exist. It continues the record that is there; a line cut short by
// a crash is left out, any other foreign line is an error.
func New(dir string, clk *clock.Clock) (*Recorder, error) {
	r := &Recorder{clk: clk, chance: rand.Float64}
	r.clear()
	j, err := journal.Open(filepath.Join(dir, "calls.jsonl"), maxLine, func(e entry) error {
		if err := e.check(); err != nil {
			return err
		}
		r.apply(e)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("record of calls: %w", err)
	}
	r.journal = j
	if err := j.Replace(r.entries()); err != nil {
		return nil, fmt.Errorf("record of calls: %w", err)
	}
	return r, nil
}

// Count notes one call of an operation that was answered with an HTTP status.
func (r *Recorder) Count(service, op string, status int) {
	r.note(entry{Op: service + "." + op, Status: strconv.Itoa(status), N: 1})
}

// Violation notes that a request was refused as invalid, or an answer given
// although invalid, by the published model of service. Of the same three
// words a repeat is counted, not listed again.
func (r *Recorder) Violation(service, op, what string) {
	r.note(entry{Violation: &Violation{service, op, what, 1, r.clk.Now()}})
}

// Counts returns the number of calls by "service.Operation" and HTTP status.
func (r *Recorder) Counts() map[string]map[string]int {
	r.mu.Lock()
	defer r.mu.Unlock()
	c := make(map[string]map[string]int, len(r.counts))
	for op, by := range r.counts {
		c[op] = maps.Clone(by)
	}
	return c
}

// Violations returns the violations noted, by first occurrence.
func (r *Recorder) Violations() []Violation {
	r.mu.Lock()
	defer r.mu.Unlock()
	v := make([]Violation, len(r.order))
	for i, each := range r.order {
		v[i] = *each
	}
	return v
}

// Reset forgets calls and violations. Faults stay.
func (r *Recorder) Reset() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.clear()
	return r.journal.Replace(nil)
}

// Err returns the first error that kept the record from being written.
func (r *Recorder) Err() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.err
}

// Close closes the record's file. Later calls are counted in memory only. It
// returns the first error that kept the record from being written.
func (r *Recorder) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.journal.Close(); r.err == nil {
		r.err = err
	}
	return r.err
}

// note applies e and writes it down. The record in memory is right even where
// the file cannot be written; Err and Close tell.
func (r *Recorder) note(e entry) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.apply(e) {
		return
	}
	err := r.journal.Append(e)
	if err == nil && r.journal.Lines > maxLines {
		err = r.journal.Replace(r.entries())
	}
	if err != nil && r.err == nil {
		r.err = fmt.Errorf("note call: %w", err)
	}
}

// apply adds e to the record and reports whether there was room for it.
func (r *Recorder) apply(e entry) bool {
	if v := e.Violation; v != nil {
		k := [3]string{v.Service, v.Operation, v.What}
		switch known := r.violations[k]; {
		case known != nil:
			known.Count += v.Count
		case len(r.order) == maxViolations:
			return false
		default:
			r.violations[k] = new(*v)
			r.order = append(r.order, r.violations[k])
		}
		return true
	}
	by := r.counts[e.Op]
	if by == nil {
		by = make(map[string]int)
		r.counts[e.Op] = by
	}
	by[e.Status] += e.N
	return true
}

// entries returns the record as the fewest entries that say it.
func (r *Recorder) entries() []entry {
	var es []entry
	for _, op := range slices.Sorted(maps.Keys(r.counts)) {
		for _, status := range slices.Sorted(maps.Keys(r.counts[op])) {
			es = append(es, entry{Op: op, Status: status, N: r.counts[op][status]})
		}
	}
	for _, v := range r.order {
		es = append(es, entry{Violation: v})
	}
	return es
}

func (r *Recorder) clear() {
	r.counts = make(map[string]map[string]int)
	r.violations = make(map[[3]string]*Violation)
	r.order = nil
}
