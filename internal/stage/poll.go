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
	"go.uber.org/zap"
)

// Poll looks at a build's job until it has ended. It never sleeps: waiting
// belongs to the queue.
type Poll struct {
	Ledger     Book
	Source     Head
	Transcoder Jobs
	Output     cloud.Location
	Fleet      string
	Next       Queue
	Retire     *Retirement
	Governor   Governor // nil: nothing is governed
	Board      Board    // nil: every build asks for its own job
	Log        *zap.Logger
}

// Jobs looks at jobs; see [cloud.Transcoder].
type Jobs interface {
	Lister
	Canceler
	Job(ctx context.Context, id string) (cloud.Job, error)
}

// maxRebuilds is how many builds of one revision may fail for passing reasons
// before the asset is given up.
const maxRebuilds = 3

// Handle looks once. It returns [queue.NotYet] while the job runs, and a
// permanent error once the job has failed for good; the ledger knows by then.
func (p *Poll) Handle(ctx context.Context, t tasks.TranscodePoll) error {
	job, err := p.glance(ctx, t)
	if err != nil {
		return err
	}
	rec, err := p.Ledger.Get(ctx, t.Asset)
	if err != nil {
		return verdict(ctx, fmt.Errorf("poll asset %s: %w", t.Asset, err), nil)
	}
	b := rec.Build(t.Build)
	switch {
	case b == nil:
		return queue.Permanent(fmt.Errorf("poll asset %s: the ledger has no build %d", t.Asset, t.Build))
	case b.State != ledger.Transcoding:
		return p.dropper().end(ctx, rec, t.Build)
	}
	if job.ID != b.Job {
		job, err = p.Transcoder.Job(ctx, b.Job)
	}
	if err != nil {
		return verdict(ctx, fmt.Errorf("poll asset %s job %s: %w", t.Asset, b.Job, err),
			failBuild(ctx, p.Ledger, p.Retire, t.Asset, t.Build, tasks.KindTranscodePoll))
	}
	if !job.State.Ended() {
		p.Log.Debug("transcode running", zap.String("asset", t.Asset), zap.String("job", job.ID), zap.Int("percent", job.Percent))
		return queue.NotYet(pollDelay(p.Ledger.Now().Sub(job.Created)))
	}
	if job.State == cloud.JobComplete {
		rec, err = p.Ledger.UpdateFrom(ctx, rec, func(now time.Time, r *ledger.Record) error {
			return r.Completed(now, t.Build)
		})
	} else {
		rec, err = p.failed(ctx, rec, *b, job)
	}
	switch _, illegal := errors.AsType[*ledger.TransitionError](err); {
	case errors.Is(err, errStale), illegal: // superseded, or another run was faster
		return p.dropper().again(ctx, t.Asset, t.Build)
	case queue.IsVerdict(err):
		return err
	case err != nil:
		return verdict(ctx, fmt.Errorf("poll asset %s job %s: %w", t.Asset, b.Job, err), nil)
	}
	return leave(ctx, p.Next, p.Retire, rec, t.Build)
}

func (p *Poll) dropper() dropper {
	return dropper{finder{p.Transcoder, p.Fleet}, p.Transcoder, p.Ledger, p.Retire, p.Next, p.Log}
}

// failed records a job that ended without streams, and what follows from it: a
// new build for a passing reason, a new look at a source that changed, or the
// asset's failure.
func (p *Poll) failed(ctx context.Context, rec *ledger.Record, b ledger.Build, job cloud.Job) (*ledger.Record, error) {
	f, again := classify(job)
	if f.Class == ledger.BadSource || f.Class == ledger.SourceGone {
		// Bytes that changed while they were read explain many errors.
		gone, err := look(ctx, p.Source, p.Ledger, p.Next, rec, b)
		switch {
		case err != nil:
			return nil, err
		case gone:
			f.Class, f.Message = ledger.SourceGone, goneMessage
		case f.Class == ledger.SourceGone:
			f.Class = ledger.Access
			f.Message += "; the source is there, so the role may not read it"
		}
	}
	rebuilt, lost := false, false
	rec, err := p.Ledger.UpdateFrom(ctx, rec, func(now time.Time, r *ledger.Record) error {
		f.At = now
		f.Attempts = r.Attempts(b.Revision) + 1 // with this one
		if err := r.FailBuild(now, b.Number, f); err != nil {
			lost = true
			return err
		}
		lost = false
		rebuilt = again && f.Attempts < maxRebuilds
		if !rebuilt {
			return nil
		}
		_, err := r.Replan(now, b.Number, func(build int) (cloud.JobSpec, error) {
			return moved(*b.Spec, r.Asset, b.Number, build)
		})
		return err
	})
	switch {
	case err != nil:
		return nil, err
	case lost: // another run recorded it, and said what follows
		return nil, errStale
	case !rebuilt:
		if err := p.Retire.Schedule(ctx, rec); err != nil {
			return nil, err
		}
		return nil, queue.Permanent(fmt.Errorf("job %s of asset %s failed: %s", job.ID, rec.Asset, f.Message))
	}
	p.Log.Warn("job failed for a passing reason; built again", zap.String("asset", rec.Asset), zap.String("job", job.ID), zap.Int("code", job.ErrorCode))
	return rec, nil
}

// firstPoll is how long after its submission a job is first looked at.
const firstPoll = 2 * time.Second

// youngJob is the age up to which a running job is looked at without the
// ledger. Later looks are rare, and have to see that the build is superseded.
const youngJob = time.Minute

// glance looks at the task's job without the ledger: while it runs and is young
// there is nothing to do but to wait, whatever the ledger says. Otherwise it
// returns the job, or none where the look failed: the whole look meets that too.
func (p *Poll) glance(ctx context.Context, t tasks.TranscodePoll) (cloud.Job, error) {
	if t.Job == "" {
		return cloud.Job{}, nil
	}
	job, err := p.Transcoder.Job(ctx, t.Job)
	if err != nil {
		return cloud.Job{}, nil
	}
	if age := p.Ledger.Now().Sub(job.Created); !job.State.Ended() && age <= youngJob {
		return job, queue.NotYet(pollDelay(age))
	}
	return job, nil
}

// pollDelay is how long to wait before the next look at a job of this age:
// short for short jobs, so that a wait costs at most about a fifth of the
// job's time, and never more than half a minute.
func pollDelay(age time.Duration) time.Duration {
	return min(max(age/5, 2*time.Second), 30*time.Second)
}
