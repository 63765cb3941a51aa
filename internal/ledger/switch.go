package ledger

import (
	"fmt"
	"slices"
	"time"
)

// Switch shows a build to viewers: a transcoded one becomes published, or a
// published one is current again. What was current is previous; seq counts up.
// The build must be of the wanted revision, so that a late task cannot undo a
// newer switch. For the current build it is [ErrUnchanged].
func (r *Record) Switch(now time.Time, build int, out Outputs) error {
	const op = "switch to"
	b := r.Build(build)
	switch {
	case b == nil || b.State != Transcoded && b.State != Published:
		return r.refuse(op, build, b, "")
	case build == r.Current:
		return ErrUnchanged
	case b.Revision.ID != r.Wanted.ID:
		return r.refuse(op, build, b, "its revision is not wanted")
	}
	b.State = Published
	b.Outputs = &out
	b.Replaced = time.Time{}
	r.Previous, r.Current = r.Current, build
	r.Seq++
	r.Switched = now
	r.note(now, "build %d: current, switch %d", build, r.Seq)
	return nil
}

// FailSwitch ends a published build to which a switch is due, because its files
// are not whole any more: it becomes failed, and nobody can go back to it. It
// is refused for any other build, and so is a repeat.
func (r *Record) FailSwitch(now time.Time, build int, f Failure) error {
	const op = "fail the switch to"
	b := r.Build(build)
	switch {
	case b == nil || b.State != Published:
		return r.refuse(op, build, b, "")
	case !slices.Contains(Classes, f.Class):
		return r.refuse(op, build, b, fmt.Sprintf("a failure of class %q", f.Class))
	case build == r.Current || b.Revision.ID != r.Wanted.ID || r.shows(r.Wanted.ID):
		return r.refuse(op, build, b, "no switch to it is due")
	}
	b.State = Failed
	b.Failure = f.at(now)
	b.Replaced = time.Time{} // it ends now, by itself
	if r.Previous == build {
		r.Previous = 0
	}
	r.note(now, "build %d: %s: %s", build, f.Class, f.Message)
	return nil
}

// EntriesWritten notes that the entry documents show the switch seq, or a
// later one. A repeat is [ErrUnchanged].
func (r *Record) EntriesWritten(now time.Time, seq int) error {
	switch {
	case seq > r.Seq:
		return r.refuse("write entries of", 0, nil, fmt.Sprintf("switch %d is not made; the last is %d", seq, r.Seq))
	case seq <= r.EntriesSeq:
		return ErrUnchanged
	}
	r.EntriesSeq = seq
	r.shut(now)
	r.note(now, "switch %d: entries written", seq)
	return nil
}

// Live notes that caches show the switch seq, whose entries are written. Once
// that is the last switch, the grace of the builds before it begins. A repeat
// is [ErrUnchanged].
func (r *Record) Live(now time.Time, seq int) error {
	switch {
	case seq > r.EntriesSeq:
		return r.refuse("make live", 0, nil, fmt.Sprintf("entries of switch %d are not written; the last are of %d", seq, r.EntriesSeq))
	case seq <= r.LiveSeq:
		return ErrUnchanged
	}
	r.LiveSeq = seq
	r.note(now, "switch %d: live", seq)
	if seq < r.Seq {
		return nil
	}
	for i := range r.Builds {
		if b := &r.Builds[i]; b.State == Published && b.Number != r.Current && b.Replaced.IsZero() {
			b.Replaced = now
		}
	}
	return nil
}
