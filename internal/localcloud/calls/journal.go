package calls

import "errors"

const (
	maxLines = 100_000 // in the journal before it is written anew
	maxLine  = 64 << 10
)

// entry is one line of the journal: so many calls of an operation answered
// with a status, or a violation.
type entry struct {
	Op        string     `json:"op,omitempty"`
	Status    string     `json:"status,omitempty"`
	N         int        `json:"n,omitempty"`
	Violation *Violation `json:"violation,omitempty"`
}

// check refuses what is no call and no violation.
func (e entry) check() error {
	if e.Violation == nil && (e.Op == "" || e.N < 0) {
		return errors.New("no call")
	}
	return nil
}
