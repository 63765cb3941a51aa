package sim

import (
	"context"
	"errors"
	"time"

	"github.com/vodfleet/vodfleet/internal/cloud"
	"github.com/vodfleet/vodfleet/internal/delivery"
	"github.com/vodfleet/vodfleet/internal/ledger"
	"github.com/vodfleet/vodfleet/internal/stage"
)

// safeguards says which one of a fleet is missing: the simulation has to see it.
type safeguards struct {
	blindPut     bool // the store ignores If-Match and If-None-Match
	hideJobs     bool // lists of jobs are empty
	noAdoption   bool // a submission does not look for the job of its intent
	noSecondHead bool // nobody looks at the source after ingest
	noVerify     bool // builds are shown unseen
	noSixMinutes bool // intents count as old at once
	noReconciler bool // nobody looks for assets without a task
	noEpoch      bool // submission is open whatever Redis lost
	stuckBoard   bool // every job is said to be running
	hastyLive    bool // switches are live before caches have dropped what they replaced
	noSweep      bool // nobody counts who is running, and nothing is given back by the stages
}

// finds is the transcoder as Submit sees it.
func (s safeguards) finds(t cloud.Transcoder, r *run) stage.Submitter {
	switch {
	case s.noAdoption:
		return lonely{t}
	case s.noSixMinutes:
		return prompt{t, r.w}
	}
	return t
}

// prompt asks as of now, where the ledger's clock is ahead.
type prompt struct {
	cloud.Transcoder
	w *world
}

func (p prompt) Submit(ctx context.Context, r cloud.JobRequest) (cloud.Job, error) {
	if now := p.w.mem.Store.Now(); r.At.After(now) {
		r.At = now
	}
	return p.Transcoder.Submit(ctx, r)
}

type lonely struct{ cloud.Transcoder }

func (lonely) List(context.Context, cloud.JobQuery) (cloud.JobPage, error) {
	return cloud.JobPage{}, nil
}

// head is the store as the stages after ingest look at the source.
func (s safeguards) head(st store, r *run) stage.Head {
	if s.noSecondHead {
		return remembered{r}
	}
	return st
}

// remembered answers with the source that the ledger knows.
type remembered struct{ *run }

func (h remembered) Head(_ context.Context, at cloud.Location) (cloud.Object, error) {
	rec := h.w.record(at)
	return cloud.Object{Location: at, ETag: rec.Source.ETag, Size: rec.Source.Size}, nil
}

// delivery is what Publish verifies and writes with.
func (s safeguards) delivery(f *delivery.Service) stage.Delivery {
	if s.noVerify {
		return trusting{f}
	}
	return f
}

type trusting struct{ *delivery.Service }

func (t trusting) Verify(ctx context.Context, prefix cloud.Location, spec cloud.JobSpec) (ledger.Outputs, error) {
	out, err := t.Service.Verify(ctx, prefix, spec)
	if _, ok := errors.AsType[*delivery.IncompleteError](err); ok {
		return ledger.Outputs{Packages: []ledger.Package{{Name: "cmaf", HLS: "cmaf/video.m3u8", DASH: "cmaf/video.mpd"}}}, nil
	}
	return out, err
}

// hasty is the ledger as Submit sees it.
func (s safeguards) hasty(b *ledger.Store) stage.Book {
	if s.noSixMinutes {
		return hasty{b}
	}
	return b
}

// hasty takes intents for old: those that it reads were written before they were.
type hasty struct{ *ledger.Store }

const ahead = 7 * time.Minute

func (h hasty) Now() time.Time { return h.Store.Now().Add(ahead) }

func (h hasty) UpdateFrom(ctx context.Context, rec *ledger.Record, change func(time.Time, *ledger.Record) error) (*ledger.Record, error) {
	return h.Store.UpdateFrom(ctx, rec, func(now time.Time, r *ledger.Record) error {
		for _, b := range r.Builds {
			if b.Intent != nil {
				now = now.Add(ahead)
				break
			}
		}
		return change(now, r)
	})
}
