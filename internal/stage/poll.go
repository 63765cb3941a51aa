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
	Fleet      string
	Next       Queue
	Retire     *Retirement
	Governor   Governor // nil: nothing is governed
	Board      Board    // nil: every build asks for its own job
	Log        *zap.Logger

	denied denials
}

// Jobs looks at jobs; see [cloud.Transcoder].
type Jobs interface {
	Lister
	Canceler
	Job(ctx context.Context, id string) (cloud.Job, error)
}

// Handle looks once. It returns [queue.NotYet] while the job runs, and a
// permanent error once the job has failed for good; the ledger knows by then.
func (p *Poll) Handle(ctx context.Context, t tasks.TranscodePoll) error {
	if poisoned(ctx) {
		return p.poison(ctx, t)
	}
	seen, err := p.glance(ctx, t)
	if err != nil {
		return err
	}
	rec, err := p.Ledger.Get(ctx, t.Asset)
	if err != nil {
		return p.unread(ctx, t, fmt.Errorf("poll asset %s: %w", t.Asset, err))
	}
	b := rec.Build(t.Build)
	switch {
	case b == nil:
		p.room().free(ctx, t.Asset, t.Build, t.Job)
		return queue.Permanent(fmt.Errorf("poll asset %s: the ledger has no build %d", t.Asset, t.Build))
	case b.State != ledger.Transcoding:
		return p.dropper().end(ctx, rec, t.Build)
	case seen.running > 0 && b.Job == t.Job:
		return queue.NotYet(seen.running)
	}
	job := seen.job
	if job.ID != b.Job {
		if job, err = p.Transcoder.Job(ctx, b.Job); err != nil {
			return p.unseen(ctx, t, fmt.Errorf("poll asset %s job %s: %w", t.Asset, b.Job, err))
		}
		p.denied.allowed()
	}
	if !job.State.Ended() {
		return p.running(t, job)
	}
	return p.ended(ctx, t, rec, *b, job)
}

// ended records how the build's job ended, and hands on.
func (p *Poll) ended(ctx context.Context, t tasks.TranscodePoll, rec *ledger.Record, b ledger.Build, job cloud.Job) (err error) {
	if job.State == cloud.JobComplete {
		rec, err = p.Ledger.UpdateFrom(ctx, rec, func(now time.Time, r *ledger.Record) error {
			return r.Completed(now, t.Build)
		})
		if err == nil {
			p.room().succeeded(ctx, t.Asset, t.Build, b.Revision.Profile)
		}
	} else {
		rec, err = p.failed(ctx, rec, b, job)
	}
	switch _, illegal := errors.AsType[*ledger.TransitionError](err); {
	case errors.Is(err, errStale), illegal: // superseded, or another run was faster
		return p.dropper().again(ctx, t.Asset, t.Build)
	case queue.IsVerdict(err):
		p.room().free(ctx, t.Asset, t.Build, b.Job)
		return err
	case err != nil:
		return verdict(ctx, fmt.Errorf("poll asset %s job %s: %w", t.Asset, b.Job, err), nil)
	}
	p.room().free(ctx, t.Asset, t.Build, b.Job)
	return leave(ctx, p.Next, p.Retire, rec, t.Build)
}

// unseen is the verdict on an error of looking at a job. The job may run, or
// be complete: only one that the service does not know is given up.
func (p *Poll) unseen(ctx context.Context, t tasks.TranscodePoll, err error) error {
	switch {
	case errors.Is(err, cloud.ErrNotFound):
		return verdict(ctx, err, failBuild(ctx, p.Ledger, p.Retire, t.Asset, t.Build, tasks.KindTranscodePoll))
	case p.denied.account(t.Asset, err) && p.room().shut(ctx, "account", err.Error(), t.Asset, accountGate):
		return queue.NotYet(shutDelay)
	}
	return verdict(ctx, err, nil)
}

// unread is the verdict on an error of reading the record. A task that ends by
// it is not to be woken again and again: whoever mends the record has the sweep
// find its job.
func (p *Poll) unread(ctx context.Context, t tasks.TranscodePoll, err error) error {
	v := unread(ctx, err)
	if unreadable(err) && queue.IsVerdict(v) {
		p.room().forget(ctx, t.Asset, t.Job)
	}
	return v
}

// poison ends a task that costs its worker's life, and a job that runs for it.
func (p *Poll) poison(ctx context.Context, t tasks.TranscodePoll) error {
	if t.Job != "" {
		if err := p.Transcoder.Cancel(ctx, t.Job); err != nil && !errors.Is(err, cloud.ErrConflict) && !errors.Is(err, cloud.ErrNotFound) {
			return verdict(ctx, fmt.Errorf("poll asset %s job %s: %w", t.Asset, t.Job, err), nil)
		}
	}
	p.room().free(ctx, t.Asset, t.Build, t.Job)
	return quarantine(ctx, fmt.Sprintf("poll asset %s build %d", t.Asset, t.Build),
		failBuild(ctx, p.Ledger, p.Retire, t.Asset, t.Build, tasks.KindTranscodePoll))
}

// running is the verdict on a job that has not ended.
func (p *Poll) running(t tasks.TranscodePoll, job cloud.Job) error {
	fields := []zap.Field{zap.String("asset", t.Asset), zap.String("job", job.ID), zap.Int("percent", job.Percent)}
	if job.State != cloud.JobSubmitted && job.State != cloud.JobProgressing {
		p.Log.Warn("job is in a state that this version does not know; taken for running", append(fields, zap.String("state", string(job.State)))...)
	} else {
		p.Log.Debug("transcode running", fields...)
	}
	return queue.NotYet(pollDelay(p.Ledger.Now().Sub(job.Created)))
}

func (p *Poll) room() room { return room{p.Governor, p.Board, p.Log} }

func (p *Poll) dropper() dropper {
	return dropper{finder{p.Transcoder, p.Fleet}, p.Transcoder, p.Ledger, p.Retire, p.Next, p.room(), p.Log}
}

// firstPoll is how long after its submission a job is first looked at.
const firstPoll = 2 * time.Second

// youngJob is the age up to which a running job is looked at without the
// ledger. Later looks are rare, and have to see that the build is superseded.
const youngJob = time.Minute

// sight is what a look without the ledger saw.
type sight struct {
	job     cloud.Job     // the task's job; none where it was not asked for
	running time.Duration // the board says that it runs, and to look again after this; 0: it does not say so
}

// glance looks at the task's job without the ledger: while it runs and the look
// is one of many there is nothing to do but to wait, whatever the ledger says.
// A look that failed is met by the whole look too.
func (p *Poll) glance(ctx context.Context, t tasks.TranscodePoll) (sight, error) {
	switch {
	case t.Job == "":
		return sight{}, nil
	case p.Board != nil:
		return p.consult(ctx, t)
	}
	job, err := p.Transcoder.Job(ctx, t.Job)
	if err != nil {
		return sight{}, nil
	}
	if !job.State.Ended() && p.Ledger.Now().Sub(job.Created) <= youngJob {
		return sight{}, p.running(t, job)
	}
	return sight{job: job}, nil
}

// consult asks the board. A task that has just begun to watch does not read the
// record once more.
func (p *Poll) consult(ctx context.Context, t tasks.TranscodePoll) (sight, error) {
	fresh, err := p.Board.Watch(ctx, t.Job, t.Asset, t.Build)
	if err != nil {
		return sight{}, verdict(ctx, fmt.Errorf("poll asset %s job %s: %w", t.Asset, t.Job, err), nil)
	}
	running, percent, again, err := p.Board.Look(ctx, t.Job)
	switch {
	case err != nil:
		return sight{}, verdict(ctx, fmt.Errorf("poll asset %s job %s: %w", t.Asset, t.Job, err), nil)
	case !running:
		return sight{}, nil
	}
	p.Log.Debug("transcode running", zap.String("asset", t.Asset), zap.String("job", t.Job), zap.Int("percent", percent))
	if again = max(again, time.Second); fresh || again < youngJob {
		return sight{}, queue.NotYet(again)
	}
	return sight{running: again}, nil
}

// pollDelay is how long to wait before the next look at a job of this age:
// short for short jobs, so that a wait costs at most about a fifth of the
// job's time, and never more than half a minute.
func pollDelay(age time.Duration) time.Duration {
	return min(max(age/5, 2*time.Second), 30*time.Second)
}
