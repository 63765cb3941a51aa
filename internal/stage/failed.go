package stage

import (
	"context"
	"fmt"
	"time"

	"github.com/vodfleet/vodfleet/internal/cloud"
	"github.com/vodfleet/vodfleet/internal/ledger"
	"github.com/vodfleet/vodfleet/internal/queue"
	"go.uber.org/zap"
)

// maxRebuilds is how many builds of one revision may fail for passing reasons
// before the asset is given up.
const maxRebuilds = 3

// failed records a job that ended without streams, and what follows from it: a
// new build for a passing reason, or without acceleration; a new look at a
// source that changed; or the asset's failure, and a gate that closes where it
// is not the asset's fault.
func (p *Poll) failed(ctx context.Context, rec *ledger.Record, b ledger.Build, job cloud.Job) (*ledger.Record, error) {
	f, follows := classify(job, b.Spec.Accelerate)
	if f.Class == ledger.BadSource || f.Class == ledger.SourceGone {
		// Bytes that changed while they were read explain many errors.
		gone, err := look(ctx, p.Source, p.Ledger, p.Next, rec, b)
		switch {
		case err != nil:
			return nil, err
		case gone:
			f.Class, f.Quarantine, f.Message = ledger.SourceGone, false, goneMessage
		case f.Class == ledger.SourceGone:
			f.Class = ledger.Access
			f.Message += "; the source is there, so the role may not read it"
		}
	}
	switch f.Class { // before it is recorded: a run that dies in between closes it again
	case ledger.Access:
		p.room().shut(ctx, "account", f.Message, rec.Asset, accountGate)
	case ledger.Settings:
		if follows == nothing {
			p.room().shut(ctx, "profile:"+b.Revision.Profile, f.Message, rec.Asset, profileGate)
		}
	}
	rec, rebuilt, err := p.note(ctx, rec, b, f, follows)
	switch {
	case err != nil:
		return nil, err
	case !rebuilt:
		if err := p.Retire.Schedule(ctx, rec); err != nil {
			return nil, err
		}
		return nil, queue.Permanent(fmt.Errorf("job %s of asset %s failed: %s", job.ID, rec.Asset, f.Message))
	}
	p.Log.Warn("job failed for a passing reason; built again", zap.String("asset", rec.Asset), zap.String("job", job.ID), zap.Int("code", job.ErrorCode))
	return rec, nil
}

// onlyBreakdowns reports whether no attempt at b's revision has failed of
// anything else: passing troubles of the service do not make a file poison.
func onlyBreakdowns(r *ledger.Record, b ledger.Build) bool {
	for _, o := range r.Builds {
		if o.Revision.ID == b.Revision.ID && o.Number >= r.Redriven && o.Failure != nil && o.Failure.Code != codeBreakdown {
			return false
		}
	}
	return true
}

// note writes the failure, and the new build if one follows.
func (p *Poll) note(ctx context.Context, rec *ledger.Record, b ledger.Build, f ledger.Failure, follows remedy) (_ *ledger.Record, rebuilt bool, err error) {
	lost := false
	rec, err = p.Ledger.UpdateFrom(ctx, rec, func(now time.Time, r *ledger.Record) error {
		g := f
		g.At = now
		g.Attempts = r.Attempts(b.Revision) + 1 // with this one
		rebuilt = follows == plain || follows == another && g.Attempts < maxRebuilds
		if !rebuilt && f.Code == codeBreakdown && onlyBreakdowns(r, b) {
			g.Class, g.Quarantine = ledger.BadSource, true // again and again
		}
		if err := r.FailBuild(now, b.Number, g); err != nil {
			lost = true
			return err
		}
		lost = false
		if !rebuilt {
			return nil
		}
		_, err := r.Replan(now, b.Number, func(build int) (cloud.JobSpec, error) {
			spec, err := moved(*b.Spec, r.Asset, b.Number, build)
			spec.Accelerate = spec.Accelerate && follows != plain
			return spec, err
		})
		return err
	})
	if err == nil && lost { // another run recorded it, and said what follows
		return nil, false, errStale
	}
	return rec, rebuilt, err
}
