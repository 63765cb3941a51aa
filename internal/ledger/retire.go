package ledger

import "time"

// Retirable lists the builds whose files may be deleted at now: those that
// nobody gets or may go back to, whose grace has passed, and those whose
// retirement was begun and not finished.
func (r *Record) Retirable(now time.Time, grace time.Duration) []int {
	var builds []int
	for i := range r.Builds {
		b := &r.Builds[i]
		if at, ok := r.retirement(b, grace); ok && !now.Before(at) {
			builds = append(builds, b.Number)
		}
	}
	return builds
}

// NextRetirement is when the next build is retirable, which may be in the
// past; zero if none will be without another change.
func (r *Record) NextRetirement(grace time.Duration) time.Time {
	var next time.Time
	for i := range r.Builds {
		if at, ok := r.retirement(&r.Builds[i], grace); ok && (next.IsZero() || at.Before(next)) {
			next = at
		}
	}
	return next
}

// Retiring forbids that a build is ever shown again, so that its files may be
// deleted. It is refused for the current build, the previous one, one to which
// a switch is due, one that is not live-replaced, and one whose job may still
// be writing. Whether its grace has passed is for [Record.Retirable]. A repeat
// is [ErrUnchanged].
func (r *Record) Retiring(now time.Time, build int) error {
	const op = "retire"
	b := r.Build(build)
	if b == nil {
		return r.refuse(op, build, nil, "")
	}
	if b.State == Retiring {
		return ErrUnchanged
	}
	if _, ok := r.retirement(b, 0); !ok {
		return r.refuse(op, build, b, r.keepReason(b))
	}
	b.State = Retiring
	r.note(now, "build %d: retiring", build)
	return nil
}

// Retired notes that a retiring build's files are gone. A repeat is
// [ErrUnchanged].
func (r *Record) Retired(now time.Time, build int) error {
	b := r.Build(build)
	switch {
	case b == nil || b.State != Retiring && b.State != Retired:
		return r.refuse("finish retirement of", build, b, "")
	case b.State == Retired:
		return ErrUnchanged
	}
	b.State = Retired
	b.Spec, b.Outputs, b.Warnings = nil, nil, nil
	r.note(now, "build %d: retired", build)
	r.prune()
	return nil
}

// retirement is when b may be retired; false if that is not a matter of time.
func (r *Record) retirement(b *Build, grace time.Duration) (time.Time, bool) {
	if r.Removed != nil {
		if r.EntriesSeq < r.Seq {
			return time.Time{}, false // entries may name its files
		}
		grace = 0
	}
	switch b.State {
	case Retiring:
		return b.since(), true // begun: nothing to wait for
	case Published:
		return b.Replaced.Add(grace), r.keepReason(b) == ""
	case Failed, Superseded:
		held := b.State == Failed && b.heldBack() && b.Revision.ID == r.Wanted.ID && r.Removed == nil
		return b.since().Add(grace), b.hasFiles() && b.resolved() && !held
	}
	return time.Time{}, false
}

// keepReason says why a build's files must stay; empty if they need not, or if
// its state says it.
func (r *Record) keepReason(b *Build) string {
	switch {
	case b.Number == r.Current:
		return "it is current"
	case b.Number == r.Previous:
		return "it is previous"
	case b.State == Published && b.Revision.ID == r.Wanted.ID && !r.shows(r.Wanted.ID):
		return "a switch to it is due"
	case b.State == Published && b.Replaced.IsZero():
		return "its replacement is not live"
	case b.State == Superseded && !b.resolved():
		return "its job may be running"
	}
	return ""
}

// since is when a build came to its end.
func (b *Build) since() time.Time {
	t := b.Replaced
	if b.JobDone.After(t) {
		t = b.JobDone
	}
	if b.Failure != nil && b.Failure.At.After(t) {
		t = b.Failure.At
	}
	return t
}

// hasFiles reports whether there may be files below the build's prefix: none
// are written before an intent.
func (b *Build) hasFiles() bool { return b.Intent != nil && b.State != Retired }

// shows reports whether the current build is of a revision.
func (r *Record) shows(revision string) bool {
	b := r.Build(r.Current)
	return b != nil && b.Revision.ID == revision
}
