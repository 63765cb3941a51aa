// Package stage holds what the fleet does with a video: the five handlers,
// ingest, transcode-submit, transcode-poll, publish and invalidate-or-rename.
//
// Every handler reads the ledger first, does what the record says is still to
// be done, and hands on the task that [Next] derives from the record. A state
// that is already reached skips the effect, never the hand-on; so a repeat, a
// late run and an overlapping run are all harmless. Waiting, retries and wire
// formats belong to the queue; how things are stored or asked for, to the
// ports.
package stage

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/vodfleet/vodfleet/internal/cloud"
	"github.com/vodfleet/vodfleet/internal/ledger"
	"github.com/vodfleet/vodfleet/internal/queue"
	"github.com/vodfleet/vodfleet/tasks"
)

// Queue takes the tasks that stages hand on. A task that is already there is
// success.
type Queue interface {
	Enqueue(ctx context.Context, t tasks.Task) error
	EnqueueIn(ctx context.Context, t tasks.Task, delay time.Duration) error
}

// Waker is what a [Queue] may be besides: it sets a task going that waits, was
// given up, or is not there. Without it such a task starts in its own time.
type Waker interface {
	Wake(ctx context.Context, t tasks.Task) error
}

// Book is the ledger as stages need it; see [ledger.Store].
type Book interface {
	Get(ctx context.Context, asset string) (*ledger.Record, error)
	Update(ctx context.Context, asset string, change func(now time.Time, r *ledger.Record) error) (*ledger.Record, error)
	UpdateFrom(ctx context.Context, rec *ledger.Record, change func(now time.Time, r *ledger.Record) error) (*ledger.Record, error)
	Due(ctx context.Context, asset string, at time.Time) error
	Now() time.Time // the cloud's, never the host's
}

// Next is the first of [Tasks], or nil where there is nothing to do but to wait
// for new content.
func Next(r *ledger.Record) tasks.Task {
	if all := Tasks(r); len(all) > 0 {
		return all[0]
	}
	return nil
}

// Tasks are what bring an asset forward from where its record says it is: the
// task of the wanted revision, then that of the last switch, if viewers do not
// all have it yet, then those of superseded builds whose job may be running.
// None of them has to wait for another. A queue that was lost gets all of them.
func Tasks(r *ledger.Record) []tasks.Task {
	all := forward(r)
	for _, n := range r.Unresolved() {
		all = append(all, taskOf(r, r.Build(n)))
	}
	return all
}

// forward are the tasks of what viewers should get.
func forward(r *ledger.Record) []tasks.Task {
	var all []tasks.Task
	if r.Removed != nil {
		if r.Removing() {
			all = append(all, tasks.InvalidateOrRename{Asset: r.Asset, Seq: max(r.Seq, 1), Profile: r.Wanted.Profile, Reference: r.Reference})
		}
		return all
	}
	if b := wanted(r); b != nil && b.Number != r.Current {
		if t := taskOf(r, b); t != nil {
			all = append(all, t)
		}
	}
	if again := lookAgain(r); again != nil {
		all = append(all, again)
	}
	current := r.Build(r.Current)
	switch {
	case current == nil:
	case r.EntriesSeq < r.Seq:
		all = append(all, entriesOf(r))
	case r.LiveSeq < r.Seq:
		all = append(all, tasks.InvalidateOrRename{Asset: r.Asset, Seq: r.Seq, Profile: current.Revision.Profile, Reference: r.Reference})
	}
	return all
}

// taskOf is the task that brings a build forward, or resolves what it left open
// when it was superseded; nil where neither is to be done.
func taskOf(r *ledger.Record, b *ledger.Build) tasks.Task {
	switch {
	case b.State == ledger.Planned, b.State == ledger.Submitting, b.State == ledger.Superseded && b.Job == "":
		return tasks.TranscodeSubmit{Asset: r.Asset, Build: b.Number, Profile: b.Revision.Profile, Reference: r.Reference, Lane: tasks.Lane(r.Lane)}
	case b.State == ledger.Transcoding, b.State == ledger.Superseded:
		return tasks.TranscodePoll{Asset: r.Asset, Build: b.Number, Job: b.Job, Profile: b.Revision.Profile, Reference: r.Reference}
	case b.State == ledger.Transcoded, b.State == ledger.Published:
		return tasks.Publish{Asset: r.Asset, Build: b.Number, Profile: b.Revision.Profile, Reference: r.Reference}
	}
	return nil
}

// entriesOf is the task that writes the entries of the record's last switch.
func entriesOf(r *ledger.Record) tasks.Task {
	return tasks.Publish{Asset: r.Asset, Build: r.Current, Profile: r.Build(r.Current).Revision.Profile, Reference: r.Reference}
}

// lookAgain asks for the source to be looked at if all builds of the wanted
// revision were given up because its bytes are others by now; nil if not.
func lookAgain(r *ledger.Record) tasks.Task {
	if r.Wanted.ID == "" || r.Failed() != nil || r.Decide(r.Wanted).Kind != ledger.KindNew {
		return nil
	}
	return tasks.Ingest{
		Bucket: r.Location.Bucket, Key: r.Location.Key, SourceVersion: r.Wanted.Source, Profile: r.Wanted.Profile,
		Reference: r.Reference, Lane: tasks.Lane(r.Lane),
	}
}

// wanted is the newest build of the wanted revision that still counts.
func wanted(r *ledger.Record) *ledger.Build {
	for i := len(r.Builds) - 1; i >= 0; i-- {
		b := &r.Builds[i]
		if b.Revision.ID != r.Wanted.ID {
			continue
		}
		switch b.State {
		case ledger.Superseded, ledger.Retiring, ledger.Retired:
			continue
		}
		return b
	}
	return nil
}

// handOn enqueues the tasks that bring a record forward, if there are any.
func handOn(ctx context.Context, q Queue, r *ledger.Record) error {
	for _, next := range forward(r) {
		delay := time.Duration(0)
		if _, ok := next.(tasks.TranscodePoll); ok {
			delay = firstPoll
		}
		if err := q.EnqueueIn(ctx, next, delay); err != nil {
			return fmt.Errorf("hand asset %s on to %s: %w", r.Asset, next.Kind(), err)
		}
	}
	return nil
}

// wake hands t on to be run now, even where it is there already and waits.
func wake(ctx context.Context, q Queue, t tasks.Task) error {
	if w, ok := q.(Waker); ok {
		return w.Wake(ctx, t)
	}
	return q.Enqueue(ctx, t)
}

// leave is handOn for a task of a build, or of none (0). If that will never be shown, its files
// get their term first: whoever ended it may have died before it saw to that. So
// do those of other builds where nothing is handed on, as nobody else comes to
// see to them: the task of a superseded build may have been lost with Redis.
func leave(ctx context.Context, q Queue, retire *Retirement, rec *ledger.Record, build int) error {
	b := rec.Build(build)
	if ended := b != nil && (b.State == ledger.Failed || b.State == ledger.Superseded); ended || len(forward(rec)) == 0 {
		if err := retire.Schedule(ctx, rec); err != nil {
			return verdict(ctx, fmt.Errorf("leave asset %s build %d: %w", rec.Asset, build, err), nil)
		}
	}
	return handOn(ctx, q, rec)
}

// MaxFailures is how often a task may fail for reasons that may pass before
// its asset is given up. With the queue's back-off that is about four hours.
const MaxFailures = 30

// Waits that count as no failure.
const (
	throttleDelay = 15 * time.Second // after the cloud refused a call for being one too many, and did not say for how long
	quotaDelay    = time.Minute      // after it refused one for an account's limit
	newerDelay    = time.Minute      // for a worker that can read a newer record
)

// maxUnread is how often a record may be found corrupt, or missing, before the
// task ends: a quarter of an hour. Nothing is lost by it. The record is left as
// it is for a person, its marker stays, and the reconciler tells of it.
const maxUnread = 10

// verdict turns what a run ended with into what the queue shall do. Throttling
// waits without counting; a passing failure is retried until [MaxFailures];
// then giveUp records the failure, and only when it is recorded the task ends.
// Without giveUp there is nothing to record, and the task is tried for as long
// as it takes.
func verdict(ctx context.Context, err error, giveUp func(f ledger.Failure) error) error {
	switch {
	case err == nil, queue.IsVerdict(err):
		return err
	case errors.Is(err, cloud.ErrThrottled):
		return queue.NotYet(after(err, throttleDelay))
	case errors.Is(err, cloud.ErrQuota):
		return queue.NotYet(after(err, quotaDelay))
	case errors.Is(err, ledger.ErrNewer):
		return queue.NotYet(newerDelay)
	case errors.Is(err, ledger.ErrCorrupt):
		return unread(ctx, err)
	case giveUp == nil, queue.Failures(ctx) < MaxFailures:
		return err
	}
	f := ledger.Failure{Class: ledger.Transient, Message: err.Error(), Attempts: queue.Failures(ctx) + 1}
	if errors.Is(err, cloud.ErrDenied) {
		f.Class = ledger.Access
	}
	return end(err, giveUp, f)
}

// after is how long the cloud asks to wait, or d where it does not say.
func after(err error, d time.Duration) time.Duration {
	if e, ok := errors.AsType[*cloud.Error](err); ok && e.After > 0 {
		return e.After
	}
	return d
}

// unread is the verdict on an error of reading an asset's record.
func unread(ctx context.Context, err error) error {
	switch {
	case !unreadable(err):
		return verdict(ctx, err, nil)
	case queue.Failures(ctx) >= maxUnread:
		return queue.Permanent(err)
	}
	return err
}

// unreadable reports whether err is of a record that is missing or corrupt.
func unreadable(err error) bool {
	return errors.Is(err, cloud.ErrNotFound) || errors.Is(err, ledger.ErrCorrupt)
}

// end ends a task for good, once its failure is recorded.
func end(err error, record func(f ledger.Failure) error, f ledger.Failure) error {
	if rerr := record(f); rerr != nil {
		return fmt.Errorf("%w; and its failure cannot be recorded: %w", err, rerr)
	}
	return queue.Permanent(err)
}
