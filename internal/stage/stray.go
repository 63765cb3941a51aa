package stage

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/vodfleet/vodfleet/internal/cloud"
	"github.com/vodfleet/vodfleet/internal/ledger"
	"github.com/vodfleet/vodfleet/tasks"
	"go.uber.org/zap"
)

// Stray judges a job that somebody saw in a list and that no poll waits for:
// the one that a run made and did not live to note, one too many made by a run
// that was held up beyond every guard, or one that nobody wants any more.
// Jobs of other fleets are never touched, and of an asset that the ledger does
// not know nothing is done but to tell.
type Stray struct {
	Ledger   Getter
	Canceler Canceler
	Next     Queue
	Fleet    string
	Found    func(f Finding, job cloud.Job) // is told of every job of the fleet; nil: nobody is
	Log      *zap.Logger
}

// Getter reads the ledger; see [ledger.Store].
type Getter interface {
	Get(ctx context.Context, asset string) (*ledger.Record, error)
}

// Finding is what a job of our fleet turned out to be.
type Finding string

const (
	JobKnown     Finding = "known"     // the ledger has it, and its task was set going where it is still open
	JobAdopted   Finding = "adopted"   // of an intent without a job: the task that adopts it was set going
	JobDuplicate Finding = "duplicate" // one too many, or of a build that has ended: canceled
	JobPaid      Finding = "paid"      // one too many, and complete: it cannot be canceled any more
	JobEnded     Finding = "ended"     // one too many, and failed or canceled: it costs nothing
	JobUnknown   Finding = "unknown"   // the ledger knows no such asset or build, or it writes elsewhere: left alone
)

// Handle judges one job as it was listed. A repeat is harmless. It fails where
// the ledger cannot be read for certain, and nothing is done then.
func (s *Stray) Handle(ctx context.Context, job cloud.Job) error {
	if job.Metadata[metaFleet] != s.Fleet {
		return nil
	}
	finding, err := s.judge(ctx, job)
	if err != nil {
		return fmt.Errorf("judge job %s of asset %s: %w", job.ID, job.Metadata[metaAsset], err)
	}
	log := s.Log.With(zap.String("asset", job.Metadata[metaAsset]), zap.String("job", job.ID), zap.String("build", job.Metadata[metaBuild]), zap.String("state", string(job.State)))
	switch finding {
	case JobAdopted:
		log.Info("job of an open intent found; it will be adopted")
	case JobDuplicate:
		log.Error("job is one too many; canceled")
	case JobPaid:
		log.Error("job is one too many, and complete: it is paid for")
	case JobEnded:
		log.Warn("job was one too many; it has ended and costs nothing")
	case JobUnknown:
		log.Warn("job of this fleet that the ledger does not know; left alone")
	}
	if s.Found != nil {
		s.Found(finding, job)
	}
	return nil
}

func (s *Stray) judge(ctx context.Context, job cloud.Job) (Finding, error) {
	asset := job.Metadata[metaAsset]
	number, err := strconv.Atoi(job.Metadata[metaBuild])
	if err != nil || !tasks.IsAssetID(asset) {
		return JobUnknown, nil
	}
	rec, err := s.Ledger.Get(ctx, asset)
	if errors.Is(err, cloud.ErrNotFound) {
		return JobUnknown, nil
	}
	if err != nil {
		return "", err
	}
	b := rec.Build(number)
	switch {
	case b == nil || b.State == ledger.Planned || !(finder{fleet: s.Fleet}).ours(job, asset, *b):
		return JobUnknown, nil
	case b.Job == job.ID:
		if t := taskOf(rec, b); t != nil && b.JobDone.IsZero() {
			return JobKnown, s.Next.Enqueue(ctx, t)
		}
		return JobKnown, nil
	case b.Job == "" && open(b):
		return JobAdopted, wake(ctx, s.Next, taskOf(rec, b))
	}
	switch job.State {
	case cloud.JobComplete:
		return JobPaid, nil
	case cloud.JobFailed, cloud.JobCanceled:
		return JobEnded, nil
	}
	switch err := s.Canceler.Cancel(ctx, job.ID); {
	case errors.Is(err, cloud.ErrConflict):
		return JobPaid, nil // it ended meanwhile, and nobody can have it failed
	case err != nil && !errors.Is(err, cloud.ErrNotFound):
		return "", err
	}
	return JobDuplicate, nil
}

// open reports whether a build's job may be running or about to.
func open(b *ledger.Build) bool {
	switch b.State {
	case ledger.Submitting, ledger.Transcoding:
		return true
	case ledger.Superseded:
		return b.Intent != nil && !b.Intent.Refused && b.Failure == nil && b.JobDone.IsZero()
	}
	return false
}
