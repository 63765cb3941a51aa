package stage

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/vodfleet/vodfleet/internal/cloud"
	"github.com/vodfleet/vodfleet/internal/ledger"
	"github.com/vodfleet/vodfleet/internal/queue"
	"github.com/vodfleet/vodfleet/tasks"
	"go.uber.org/zap"
)

// Submit gives a build to the transcoder: an intent in the ledger, the job,
// the job in the ledger. Meeting an intent without a job, it looks for the job
// of that intent and adopts it before it asks for one.
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

// Handle submits one build. It returns a permanent error if the service will
// never take the job; the ledger knows by then.
func (s *Submit) Handle(ctx context.Context, t tasks.TranscodeSubmit) error {
	rec, err := s.Ledger.Get(ctx, t.Asset)
	if err != nil {
		return verdict(ctx, fmt.Errorf("submit asset %s: %w", t.Asset, err), nil)
	}
	b := rec.Build(t.Build)
	switch {
	case b == nil:
		return queue.Permanent(fmt.Errorf("submit asset %s: the ledger has no build %d", t.Asset, t.Build))
	case b.State != ledger.Planned && b.State != ledger.Submitting:
		return s.dropper().end(ctx, rec, t.Build)
	}
	rec, err = s.submit(ctx, rec, *b)
	if err == nil {
		return s.dropper().end(ctx, rec, t.Build) // superseded meanwhile: its job goes on the spot
	}
	if _, illegal := errors.AsType[*ledger.TransitionError](err); illegal || errors.Is(err, errStale) {
		return s.dropper().again(ctx, t.Asset, t.Build)
	}
	err = fmt.Errorf("submit asset %s build %d: %w", t.Asset, t.Build, err)
	fail := failBuild(ctx, s.Ledger, s.Retire, t.Asset, t.Build, tasks.KindTranscodeSubmit)
	refused := errors.Is(err, cloud.ErrInvalid) || errors.Is(err, cloud.ErrNotFound) && queue.Failures(ctx) >= maxMissing
	switch {
	case errors.Is(err, errGone):
		return end(err, fail, ledger.Failure{Class: ledger.SourceGone, Message: goneMessage})
	case refused:
		return end(err, fail, ledger.Failure{Class: ledger.Settings, Message: err.Error(), Attempts: queue.Failures(ctx) + 1})
	}
	return verdict(ctx, err, fail)
}

// errGone says that there is no source any more.
var errGone = errors.New("the source is gone")

const goneMessage = "the source is gone: it was deleted or renamed before it was transcoded; upload it again"

func (s *Submit) submit(ctx context.Context, rec *ledger.Record, b ledger.Build) (*ledger.Record, error) {
	if b.State == ledger.Submitting {
		job, found, err := s.finder().find(ctx, rec.Asset, b)
		if err != nil {
			return nil, err
		}
		if found {
			s.Log.Info("job adopted", zap.String("asset", rec.Asset), zap.String("job", job.ID), zap.Int("build", b.Number))
			return s.record(ctx, rec, b.Number, job)
		}
	}
	gone, err := look(ctx, s.Source, s.Ledger, s.Next, rec, b)
	if err != nil {
		return nil, err
	}
	if gone && b.State == ledger.Planned {
		return nil, errGone
	}
	profile, err := s.Profiles.Profile(ctx, b.Revision.Profile)
	if err != nil {
		return nil, err
	}
	token := intentToken(s.Fleet, rec.Asset, b.Number)
	if b.State == ledger.Planned {
		rec, err = s.Ledger.UpdateFrom(ctx, rec, func(now time.Time, r *ledger.Record) error {
			return r.Intend(now, b.Number, token)
		})
		if err != nil { // illegal: superseded, or taken by an overlapping run
			return nil, err
		}
	}
	request := cloud.JobRequest{
		Token: token,
		Metadata: map[string]string{
			metaFleet: s.Fleet, metaAsset: rec.Asset,
			metaBuild: strconv.Itoa(b.Number), metaRevision: b.Revision.ID,
		},
		Queue: s.Queue, Role: s.Role, Priority: profile.Priority, Spec: *b.Spec,
	}
	if profile.Queue != "" {
		request.Queue = profile.Queue
	}
	job, err := s.Transcoder.Submit(ctx, request)
	if err != nil {
		return nil, err
	}
	s.Log.Info("job submitted", zap.String("asset", rec.Asset), zap.String("job", job.ID), zap.Int("build", b.Number))
	return s.record(ctx, rec, b.Number, job)
}

// record notes the build's job. A build that was superseded meanwhile keeps
// its state. A job that the ledger does not take is one too many, made by a run
// that was held up until its token had expired: it is canceled on the spot.
func (s *Submit) record(ctx context.Context, rec *ledger.Record, build int, job cloud.Job) (*ledger.Record, error) {
	asset := rec.Asset
	rec, err := s.Ledger.UpdateFrom(ctx, rec, func(now time.Time, r *ledger.Record) error {
		return r.Submitted(now, build, job.ID)
	})
	if _, illegal := errors.AsType[*ledger.TransitionError](err); illegal {
		cerr := s.Transcoder.Cancel(ctx, job.ID)
		s.Log.Error("job is one too many and was to be canceled", zap.String("asset", asset), zap.String("job", job.ID), zap.Int("build", build), zap.Error(cerr))
	}
	return rec, err
}

func (s *Submit) finder() finder { return finder{s.Transcoder, s.Fleet} }

func (s *Submit) dropper() dropper {
	return dropper{s.finder(), s.Transcoder, s.Ledger, s.Retire, s.Next, s.Log}
}
