package ledger

import "slices"

// Kind says what a record knows of a revision.
type Kind string

const (
	KindNew      Kind = "new"      // nothing that helps: plan a build
	KindInWork   Kind = "in-work"  // a build is on its way: hand it on by its state
	KindCurrent  Kind = "current"  // viewers get it: hand on what its switch still lacks
	KindStanding Kind = "standing" // a build was published before and has its files: switch to it
	KindFailed   Kind = "failed"   // tried before, and to be left alone until redriven
	KindRejected Kind = "rejected" // an operator rolled back from it
	KindRemoved  Kind = "removed"  // an operator removed the asset, whatever its content
)

// Decision is what to do about a revision that a source now has.
type Decision struct {
	Kind    Kind
	Build   int      // the build that decides; 0 where none does
	State   State    // of that build
	Failure *Failure // of KindFailed
}

// Decide says what to do about rev. It changes nothing. A failure because the
// source was gone or archived does not stand: the caller has just seen it.
func (r *Record) Decide(rev Revision) Decision {
	switch {
	case r.Removed != nil:
		return Decision{Kind: KindRemoved}
	case slices.Contains(r.Rejected, rev.ID):
		return Decision{Kind: KindRejected}
	}
	b := r.speaker(rev.ID)
	switch {
	case b == nil || b.failed():
		return r.decideFailed(rev, b)
	case b.Number == r.Current:
		return Decision{Kind: KindCurrent, Build: b.Number, State: b.State}
	case b.State.unfinished():
		return Decision{Kind: KindInWork, Build: b.Number, State: b.State}
	default:
		return Decision{Kind: KindStanding, Build: b.Number, State: b.State}
	}
}

// decideFailed decides about a revision of which no build is there but, maybe,
// the failed b. Either failure speaks against another build: that of the
// source may be younger than that of b, or have come back with its revision.
func (r *Record) decideFailed(rev Revision, b *Build) Decision {
	switch {
	case r.Wanted.ID == rev.ID && r.Failure.stands():
		return Decision{Kind: KindFailed, Failure: r.Failure}
	case b != nil && b.Failure.stands():
		return Decision{Kind: KindFailed, Build: b.Number, State: b.State, Failure: b.Failure}
	}
	if f := r.quarantined(rev.Source); f != nil {
		return Decision{Kind: KindFailed, Failure: f}
	}
	return Decision{Kind: KindNew}
}

// quarantined returns why no profile is to try a source version; nil if it is
// not in quarantine.
func (r *Record) quarantined(source string) *Failure {
	if f := r.Failure; f != nil && f.Quarantine && r.Wanted.Source == source {
		return f
	}
	for i := range r.Builds {
		if b := &r.Builds[i]; b.Revision.Source == source && r.counts(b) && b.Failure.Quarantine {
			return b.Failure
		}
	}
	return nil
}

// counts reports whether b failed, and nobody ordered another try since.
func (r *Record) counts(b *Build) bool { return b.failed() && b.Number >= r.Redriven }

// stands reports whether f still speaks against a source that is there.
func (f *Failure) stands() bool {
	return f != nil && f.Class != SourceGone && f.Class != Archived
}

// speaker returns the build that decides about a revision: the current one,
// else one on its way, else one that was published and has its files, else the
// latest that failed and was not redriven. Superseded builds never speak: their
// job may have read the bytes of the revision that came after.
func (r *Record) speaker(revision string) *Build {
	if revision == "" {
		return nil
	}
	var best *Build
	rank := 0
	for i := range r.Builds {
		b := &r.Builds[i]
		if b.Revision.ID != revision {
			continue
		}
		n := 0
		switch {
		case b.Number == r.Current:
			n = 4
		case b.State.unfinished():
			n = 3
		case b.State == Published:
			n = 2
		case r.counts(b):
			n = 1
		}
		if n > 0 && n >= rank {
			best, rank = b, n
		}
	}
	return best
}
