package ledger

// Open reports whether work is left: the wanted revision has come neither to
// viewers nor to a failure, or its switch is not live yet. An asset has an
// open marker as long as this holds.
func (r *Record) Open() bool {
	if r.Seq != r.EntriesSeq || r.Seq != r.LiveSeq {
		return true
	}
	if r.Wanted.ID == "" || r.Failure != nil {
		return false
	}
	b := r.speaker(r.Wanted.ID)
	return b == nil || b.Number != r.Current && !b.failed()
}

// Failed returns why the wanted revision failed; nil if it has not.
func (r *Record) Failed() *Failure {
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
// or superseded when its source changed and has to be looked at again.
func (r *Record) Status() string {
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
