package stage

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/vodfleet/vodfleet/internal/cloud"
	"github.com/vodfleet/vodfleet/internal/ledger"
	"github.com/vodfleet/vodfleet/internal/media"
	"github.com/vodfleet/vodfleet/internal/queue"
	"github.com/vodfleet/vodfleet/tasks"
	"go.uber.org/zap"
)

// Submit gives a build to the transcoder: an intent in the ledger, the job,
// the job in the ledger. Meeting an intent without a job, it looks for the job
// of that intent and adopts it. Another request is made only once it is certain
// that nothing will come of the first, as of a new intent.
type Submit struct {
	Ledger     Book
	Source     Head
	Transcoder Submitter
	Profiles   Profiles
	Fleet      string // tells our jobs from other fleets' in the same account
	Role       string // ARN
	Queue      string // of tasks whose profile names none; empty for the account's default
	Next       Queue
	Retire     *Retirement
	Governor   Governor // nil: nothing is governed
	Log        *zap.Logger

	denied denials
}

// Submitter starts and finds jobs; see [cloud.Transcoder].
type Submitter interface {
	Lister
	Canceler
	Submit(ctx context.Context, r cloud.JobRequest) (cloud.Job, error)
}

// maxMissing is how often a queue, template or profile may be missing before
// that is a failure: somebody may be about to make it.
const maxMissing = 5

// maxUnanswered is how many requests for a build's job may in turn come to
// nothing without a yes or a no before that is a failure, which somebody sees:
// seven hours of them, as each is looked for.
const maxUnanswered = 60

// submitTime bounds the request for a job, from its intent on. The request is
// signed as of the intent, so one that outlives it is void anyway; see
// [ledger.IntentGuard].
const submitTime = 10 * time.Second

// livePriority is what somebody who waits is ahead of a whole library by, of
// MediaConvert's -50 to 50.
const (
	livePriority = 20
	maxPriority  = 50
)

// Handle submits one build. It returns [queue.NotYet] where there is no room for
// a job that is still to be made,
// or where an intent's job may yet come to be, and a permanent error if the
// service will never take the job; the ledger knows by then.
func (s *Submit) Handle(ctx context.Context, t tasks.TranscodeSubmit) error {
	fail := s.fail(ctx, t)
	wait, err := s.admit(ctx, t)
	switch {
	case err != nil:
		return err
	case wait > 0 && wait < patience:
		return queue.NotYet(wait)
	}
	rec, err := s.Ledger.Get(ctx, t.Asset)
	if err != nil {
		return unread(ctx, fmt.Errorf("submit asset %s: %w", t.Asset, err))
	}
	b := rec.Build(t.Build)
	switch {
	case b == nil:
		s.room().free(ctx, t.Asset, t.Build, "")
		return queue.Permanent(fmt.Errorf("submit asset %s: the ledger has no build %d", t.Asset, t.Build))
	case b.State != ledger.Planned && b.State != ledger.Submitting:
		return s.dropper().end(ctx, rec, t.Build)
	case poisoned(ctx) && !mayHaveJob(b):
		err = errPoison
	default:
		rec, err = s.submit(ctx, rec, *b, wait)
	}
	if errors.Is(err, errPoison) {
		return quarantine(ctx, fmt.Sprintf("submit asset %s build %d", t.Asset, t.Build), fail)
	}
	if err == nil {
		return s.dropper().end(ctx, rec, t.Build) // superseded meanwhile: its job goes on the spot
	}
	if _, illegal := errors.AsType[*ledger.TransitionError](err); illegal || errors.Is(err, errStale) {
		return s.dropper().again(ctx, t.Asset, t.Build)
	}
	if _, open := errors.AsType[openError](err); open || queue.IsVerdict(err) {
		return verdict(ctx, fmt.Errorf("submit asset %s build %d: %w", t.Asset, t.Build, err), nil)
	}
	return s.ended(ctx, t, fmt.Errorf("submit asset %s build %d: %w", t.Asset, t.Build, err), fail)
}

// patience is how long a build may be told to wait for room without a look at
// the ledger. One that is not to wait for it, as its job may run already, or run
// for nobody, waits no longer than that; and the thousands that do wait cost a
// read in a long while.
const patience = time.Minute

// admit asks for room, and returns how long to wait for it. No room is no
// failure.
func (s *Submit) admit(ctx context.Context, t tasks.TranscodeSubmit) (time.Duration, error) {
	if s.Governor == nil {
		return 0, nil
	}
	wait, err := s.Governor.Admit(ctx, string(cmp.Or(t.Lane, tasks.Live)), t.Profile, t.Asset, t.Build)
	if err != nil {
		return 0, verdict(ctx, fmt.Errorf("admit asset %s build %d: %w", t.Asset, t.Build, err), nil)
	}
	return wait, nil
}

// ended turns the error of a build that has no job, and will have none of what
// was asked, into the queue's verdict.
func (s *Submit) ended(ctx context.Context, t tasks.TranscodeSubmit, err error, fail func(ledger.Failure) error) error {
	_, denied := errors.AsType[deniedError](err)
	switch {
	case denied && queue.Failures(ctx) >= maxDenied:
		return end(err, fail, ledger.Failure{Class: ledger.Access, Message: err.Error(), Attempts: queue.Failures(ctx) + 1})
	case errors.Is(err, errGone):
		return end(err, fail, ledger.Failure{Class: ledger.SourceGone, Message: goneMessage})
	case errors.Is(err, cloud.ErrInvalid), errors.Is(err, cloud.ErrNotFound) && queue.Failures(ctx) >= maxMissing:
		s.room().shut(ctx, "profile:"+t.Profile, err.Error(), t.Asset, profileGate) // the profile's other assets would end likewise
		return end(err, fail, ledger.Failure{Class: ledger.Settings, Message: err.Error(), Attempts: queue.Failures(ctx) + 1})
	case errors.Is(err, errUnanswered):
		return end(err, fail, ledger.Failure{Class: ledger.Transient, Message: err.Error(), Attempts: maxUnanswered})
	case errors.Is(err, cloud.ErrExpired):
		return queue.NotYet(time.Second) // as of another intent
	}
	return verdict(ctx, err, fail)
}

// fail returns what records the build's failure and gives its room back.
func (s *Submit) fail(ctx context.Context, t tasks.TranscodeSubmit) func(ledger.Failure) error {
	record := failBuild(ctx, s.Ledger, s.Retire, t.Asset, t.Build, tasks.KindTranscodeSubmit)
	return func(f ledger.Failure) error {
		if err := record(f); err != nil {
			return err
		}
		s.room().free(ctx, t.Asset, t.Build, "")
		return nil
	}
}

// errPoison says that a build has cost too many workers, and has no job.
var errPoison = errors.New("its worker died time and again")

// mayHaveJob reports whether a job of b's intent may be there: it is looked for
// before b is given up, as nobody would wait for it any more.
func mayHaveJob(b *ledger.Build) bool {
	return b.State == ledger.Submitting && !(b.Intent.Refused && b.Intent.Renewals == 0)
}

// errGone says that there is no source any more.
var errGone = errors.New("the source is gone")

const goneMessage = "the source is gone: it was deleted or renamed before it was transcoded; upload it again"

// errUnanswered says that there is no job after [maxUnanswered] requests.
var errUnanswered = fmt.Errorf("the last %d requests for its job got neither a yes nor a no, and made none: workers' logs say what came of each (request for a job has no answer)", maxUnanswered)

// openError is an error after which a job of the build may be there and not be
// known: the build is tried until that is certain, however long it takes.
type openError struct{ error }

func (e openError) Unwrap() error { return e.error }

// submit finds the build's job, or makes it where wait, for room, is 0.
func (s *Submit) submit(ctx context.Context, rec *ledger.Record, b ledger.Build, wait time.Duration) (*ledger.Record, error) {
	// Nothing came of a first intent that was refused; there is nothing to find.
	if mayHaveJob(&b) {
		job, found, err := s.finder().resolve(ctx, s.Ledger, rec, b)
		switch {
		case found:
			s.Log.Info("job adopted", zap.String("asset", rec.Asset), zap.String("job", job.ID), zap.Int("build", b.Number))
			if job.State.Ended() { // it needs no room, and with room it would be taken for one that has just begun
				s.room().free(ctx, rec.Asset, b.Number, "")
			}
			return s.record(ctx, rec, b.Number, job)
		case queue.IsVerdict(err) && b.Intent.Refused: // and looked for it all the same
		case err != nil:
			return nil, openError{err}
		case poisoned(ctx):
			return nil, errPoison
		case !b.Intent.Refused && b.Intent.Unanswered+1 >= maxUnanswered:
			return nil, errUnanswered
		}
	}
	if wait > 0 {
		return nil, queue.NotYet(wait)
	}
	gone, err := look(ctx, s.Source, s.Ledger, s.Next, rec, b)
	switch {
	case err != nil:
		return nil, err
	case gone:
		return nil, errGone
	}
	profile, err := s.Profiles.Profile(ctx, b.Revision.Profile)
	if err != nil {
		return nil, err
	}
	token := intentToken(s.Fleet, rec.Asset, b.Number)
	var wrote time.Time
	rec, err = s.Ledger.UpdateFrom(ctx, rec, func(now time.Time, r *ledger.Record) error {
		is := r.Build(b.Number)
		wrote = now
		switch {
		case b.State == ledger.Planned:
			return r.Intend(now, b.Number, token)
		case is == nil || is.Intent == nil || !is.Intent.At.Equal(b.Intent.At):
			return errStale // what was looked for is another intent's by now
		}
		return r.Renew(now, b.Number, token)
	})
	if err != nil { // illegal: superseded, or taken by an overlapping run
		return nil, err
	}
	is := rec.Build(b.Number)
	if is == nil || is.State != ledger.Submitting || !is.Intent.At.Equal(wrote) {
		return nil, errStale // the answer to the write was lost, and others have been at it since
	}
	return s.request(ctx, rec, is, profile)
}

// request asks for the job of the intent that this run has just written.
func (s *Submit) request(ctx context.Context, rec *ledger.Record, b *ledger.Build, p media.Profile) (*ledger.Record, error) {
	request := cloud.JobRequest{
		Token: b.Intent.Token, At: b.Intent.At,
		Metadata: map[string]string{
			metaFleet: s.Fleet, metaAsset: rec.Asset,
			metaBuild: strconv.Itoa(b.Number), metaRevision: b.Revision.ID,
		},
		Queue: s.Queue, Role: s.Role, Priority: priority(p.Priority, tasks.Lane(rec.Lane)), Spec: *b.Spec,
	}
	if p.Queue != "" {
		request.Queue = p.Queue
	}
	bounded, cancel := context.WithTimeout(ctx, submitTime)
	defer cancel()
	job, err := s.Transcoder.Submit(bounded, request)
	if err != nil {
		return nil, s.refused(ctx, rec, b, err)
	}
	s.denied.allowed()
	s.Log.Info("job submitted", zap.String("asset", rec.Asset), zap.String("job", job.ID), zap.Int("build", b.Number))
	return s.record(ctx, rec, b.Number, job)
}

// refused judges the error of a request. Where the service said no, the ledger
// learns that nothing will come of the intent; otherwise its job may be there,
// and is looked for.
func (s *Submit) refused(ctx context.Context, rec *ledger.Record, b *ledger.Build, err error) error {
	said := cloud.Unsent(err)
	for _, kind := range []error{cloud.ErrThrottled, cloud.ErrQuota, cloud.ErrDenied, cloud.ErrInvalid, cloud.ErrNotFound, cloud.ErrExpired} {
		said = said || errors.Is(err, kind)
	}
	if !said {
		s.Log.Warn("request for a job has no answer; the job is looked for", zap.String("asset", rec.Asset), zap.Int("build", b.Number), zap.Error(err))
		return queue.NotYet(lostDelay)
	}
	_, uerr := s.Ledger.UpdateFrom(ctx, rec, func(now time.Time, r *ledger.Record) error {
		return r.Refused(now, b.Number, b.Intent.At, err.Error())
	})
	switch {
	case unlessIllegal(uerr) != nil:
		return openError{fmt.Errorf("%w; and that cannot be noted: %w", err, uerr)}
	case uerr != nil:
		return errStale
	}
	s.room().free(ctx, rec.Asset, b.Number, "")
	if s.denied.account(rec.Asset, err) {
		s.room().shut(ctx, "account", err.Error(), rec.Asset, accountGate)
	}
	if errors.Is(err, cloud.ErrDenied) && !cloud.BadCredentials(err) {
		return deniedError{err}
	}
	return err
}

// priority is a job's in its queue, from the profile's own.
func priority(own int, lane tasks.Lane) int {
	if lane == tasks.Bulk {
		return min(own, maxPriority-1)
	}
	return min(own+livePriority, maxPriority)
}

// record notes the build's job. A build that was superseded meanwhile keeps
// its state. A job that the ledger does not take is one too many, made by a run
// that was held up beyond every guard: it is canceled on the spot, and by
// [Stray] should this run die before.
func (s *Submit) record(ctx context.Context, rec *ledger.Record, build int, job cloud.Job) (*ledger.Record, error) {
	asset := rec.Asset
	rec, err := s.Ledger.UpdateFrom(ctx, rec, func(now time.Time, r *ledger.Record) error {
		return r.Submitted(now, build, job.ID)
	})
	if _, illegal := errors.AsType[*ledger.TransitionError](err); illegal {
		cerr := s.Transcoder.Cancel(ctx, job.ID)
		s.Log.Error("job is one too many and was to be canceled", zap.String("asset", asset), zap.String("job", job.ID), zap.Int("build", build), zap.Error(cerr))
		return nil, err
	}
	if err != nil {
		return nil, openError{err}
	}
	return rec, nil
}

func (s *Submit) finder() finder { return finder{s.Transcoder, s.Fleet} }

func (s *Submit) room() room { return room{governor: s.Governor, log: s.Log} }

func (s *Submit) dropper() dropper {
	return dropper{s.finder(), s.Transcoder, s.Ledger, s.Retire, s.Next, s.room(), s.Log}
}
