package ledger

import (
	"errors"
	"fmt"
)

var (
	// ErrUnchanged is what a change returns to [Store.Update] when there is
	// nothing to write, and what a transition returns when it was made before.
	ErrUnchanged = errors.New("unchanged")

	// ErrCorrupt means that a stored record cannot be read. It is never
	// overwritten: a person has to look at it (the bucket keeps versions).
	ErrCorrupt = errors.New("corrupt record")

	// ErrNewer means that a record was written by a newer vodfleet, whose
	// schema this one does not know. It is never overwritten: the work waits
	// for a worker of that version.
	ErrNewer = errors.New("record of a newer schema")
)

// TransitionError says that a record does not allow a transition. The record
// is as it was before.
type TransitionError struct {
	Op     string // "switch"
	Asset  string
	Build  int    // 0 where it is about no build
	State  State  // of the build; empty where there is none
	Reason string // why not, where the state does not say it
}

func (e *TransitionError) Error() string {
	s := fmt.Sprintf("%s asset %s", e.Op, e.Asset)
	if e.Build != 0 {
		s += fmt.Sprintf(" build %d", e.Build)
	}
	switch {
	case e.Reason != "":
		return s + ": " + e.Reason
	case e.State != "":
		return s + ": illegal while " + string(e.State)
	default:
		return s + ": no such build"
	}
}

// refuse returns the error of an illegal transition of b, which may be nil.
func (r *Record) refuse(op string, number int, b *Build, reason string) error {
	e := &TransitionError{Op: op, Asset: r.Asset, Build: number, Reason: reason}
	if b != nil {
		e.State = b.State
	}
	return e
}
