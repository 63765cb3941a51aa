package ledger

import "slices"

// Open reports whether work is left: the wanted revision has come neither to
// viewers nor to a failure, its switch is not live yet, a job may be running
// for a superseded build, or a removal is not done. An asset has an open marker as long as this holds.
func (r *Record) Open() bool {
	if r.Seq != r.EntriesSeq || r.Seq != r.LiveSeq || len(r.Unresolved()) > 0 {
		return true
	}
	if r.Removed != nil {
		return r.Removing()
	}
	if r.Wanted.ID == "" || r.Failure != nil {
		return false
	}
	b := r.speaker(r.Wanted.ID)
	return b == nil || b.Number != r.Current && !b.failed()
}

// Failed returns why the wanted revision failed; nil if it has not, and of a
// removed asset.
func (r *Record) Failed() *Failure {
	if r.Removed != nil {
		return nil
	}
	if r.Failure != nil {
		return r.Failure
	}
	if b := r.speaker(r.Wanted.ID); b != nil && b.failed() {
		return b.Failure
	}
	return nil
}

// Status is where the wanted revision is, in one word for people: new,
// planned, submitting, transcoding, transcoded, publishing, published, failed,
// superseded when its source changed and has to be looked at again, or removing
// and then removed.
func (r *Record) Status() string {
	switch {
	case r.Removed != nil && r.Open():
		return "removing"
	case r.Removed != nil:
		return "removed"
	}
	if r.Wanted.ID == "" {
		return "new"
	}
	if r.Failed() != nil {
		return "failed"
	}
	b := r.speaker(r.Wanted.ID)
	switch {
	case b == nil:
		return "superseded"
	case b.State.unfinished():
		return string(b.State)
	case b.Number != r.Current || r.Seq != r.EntriesSeq:
		return "publishing"
	}
	return "published"
}

// Attempts counts the builds of a revision that failed since it was redriven,
// for a bound on rebuilds. Of very many the oldest are forgotten, once their files are gone.
func (r *Record) Attempts(rev Revision) int {
	n := 0
	for i := range r.Builds {
		if b := &r.Builds[i]; b.Revision.ID == rev.ID && r.counts(b) {
			n++
		}
	}
	return n
}

// Knows reports whether the record has come to terms with a source version: it
// is the wanted one, or there is a build of it.
func (r *Record) Knows(sourceVersion string) bool {
	if sourceVersion == "" {
		return false
	}
	return r.Wanted.Source == sourceVersion || slices.ContainsFunc(r.Builds, func(b Build) bool {
		return b.Revision.Source == sourceVersion
	})
}
