package ledger

import (
	"fmt"
	"slices"
	"time"

	"github.com/vodfleet/vodfleet/internal/cloud"
)

// stagePublish is the stage of failures after a job was complete.
const stagePublish = "publish"

// maxRejected bounds the revisions that are remembered as rolled back from;
// the latest stay.
const maxRejected = 50

// Redrive takes up a wanted revision that failed, because somebody mended the
// cause and wants another try. It resumes at the stage that failed:
//
//   - A build whose job is complete, and which failed afterwards, is transcoded
//     again, and not paid for again. Should it fail once more, the next Redrive
//     makes a new build, unless only the distribution is to blame.
//   - After a job that failed there is a new build, planned; spec is asked for
//     its job, given the old build, as in [Record.Plan].
//   - A source that failed before it had a build, or whose build's files and
//     settings are gone, has to be looked at again: the record waits for an
//     ingest, and takes it for new.
//
// Failures before it count no more, neither for [Record.Attempts] nor against
// the source. It is refused unless the wanted revision has failed, so a repeat
// is refused too.
func (r *Record) Redrive(now time.Time, spec func(old Build, number int) (cloud.JobSpec, error)) error {
	const op = "redrive"
	if r.Removed != nil {
		return r.refuse(op, 0, nil, removedReason)
	}
	if r.Failed() == nil {
		return r.refuse(op, 0, nil, "its wanted revision has not failed")
	}
	b := r.speaker(r.Wanted.ID)
	switch {
	case b != nil && b.resumable() && r.Failure == nil:
		b.State, b.Failure, b.Resumed = Transcoded, nil, true
		r.Redriven = b.Number // those before it count no more
		r.note(now, "build %d: redriven, transcoded", b.Number)
		return nil
	case b != nil && b.Spec != nil:
		next, err := r.newBuild(now, b.Revision, func(n int) (cloud.JobSpec, error) { return spec(*b, n) }, b.Warnings)
		if err != nil {
			return err
		}
		r.Redriven = next.Number
		r.note(now, "redriven")
		r.add(now, next)
		return nil
	}
	r.Redriven = max(r.NextBuild, 1)
	r.Failure = nil
	r.note(now, "redriven: its source is to be looked at")
	return nil
}

// resumable reports whether a failed build's job is complete and its files may
// be whole by now. Those that the distribution alone keeps from viewers are, and
// are tried however often.
func (b *Build) resumable() bool {
	whole := b.State == Failed && b.Failure.Stage == stagePublish && b.Job != "" && !b.JobDone.IsZero() && b.Outputs == nil && b.Spec != nil
	return whole && (!b.Resumed || b.heldBack())
}

// heldBack reports whether a build is whole, and failed of the distribution.
func (b *Build) heldBack() bool { return b.Failure != nil && b.Failure.Class == Distribution }

// Rollback shows the previous build again, by a switch, and rejects the
// revision that it leaves, so that no report brings that back. Newer content
// that is on its way stays wanted and proceeds. It is refused if there is no
// previous build, or if that was rolled back from: so a repeat is refused. The
// way back is [Record.Accept].
func (r *Record) Rollback(now time.Time) error {
	const op = "roll back"
	left, b := r.Build(r.Current), r.Build(r.Previous)
	switch {
	case r.Removed != nil:
		return r.refuse(op, 0, nil, removedReason)
	case b == nil || left == nil:
		return r.refuse(op, r.Previous, nil, "it has no previous build")
	case b.State != Published:
		return r.refuse(op, b.Number, b, "")
	case slices.Contains(r.Rejected, b.Revision.ID):
		return r.refuse(op, b.Number, b, fmt.Sprintf("revision %s was rolled back from", b.Revision.ID))
	case left.Revision.ID == b.Revision.ID:
		return r.refuse(op, b.Number, b, "it is of the same revision")
	}
	r.Rejected = append(slices.Clone(r.Rejected), left.Revision.ID)
	if n := len(r.Rejected) - maxRejected; n > 0 {
		r.Rejected = slices.Delete(r.Rejected, 0, n)
	}
	if r.Wanted.ID == left.Revision.ID {
		r.Wanted, r.Failure = b.Revision, nil
	}
	b.Replaced = time.Time{}
	r.Previous, r.Current = left.Number, b.Number
	r.Seq++
	r.Switched = now
	r.note(now, "build %d: rolled back to, switch %d", b.Number, r.Seq)
	return nil
}

// Accept takes a revision for wanted content again after a [Record.Rollback]
// from it: the next look at its source proceeds. If it is not rejected, it is
// [ErrUnchanged].
func (r *Record) Accept(now time.Time, revision string) error {
	i := slices.Index(r.Rejected, revision)
	if i < 0 {
		return ErrUnchanged
	}
	r.Rejected = slices.Delete(slices.Clone(r.Rejected), i, i+1)
	r.note(now, "revision %s: accepted again", revision)
	return nil
}
