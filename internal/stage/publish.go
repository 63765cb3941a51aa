package stage

import (
	"context"
	"errors"
	"fmt"
	"path"
	"time"

	"github.com/vodfleet/vodfleet/internal/cloud"
	"github.com/vodfleet/vodfleet/internal/delivery"
	"github.com/vodfleet/vodfleet/internal/ledger"
	"github.com/vodfleet/vodfleet/internal/media"
	"github.com/vodfleet/vodfleet/internal/queue"
	"github.com/vodfleet/vodfleet/tasks"
	"go.uber.org/zap"
)

// Publish verifies a transcoded build and shows it to viewers: the switch in
// the ledger first, then the entry documents that follow from it. A crash
// between the two repeats the rendering.
type Publish struct {
	Ledger   Book
	Source   Head
	Delivery Delivery
	Profiles Profiles
	Output   cloud.Location
	Next     Queue
	Retire   *Retirement
	Origin   Origin // nil: the distribution reads the output itself
	Smooth   Smooth // nil: there is no distribution that would have to be asked
	Log      *zap.Logger
}

// Delivery verifies builds and writes what viewers read; see package delivery.
type Delivery interface {
	Verify(ctx context.Context, prefix cloud.Location, spec cloud.JobSpec) (ledger.Outputs, error)
	Write(ctx context.Context, r *ledger.Record, stable bool) error
}

// maxIncomplete is how often a complete job's outputs may be found wanting
// before the build has failed: storage may show them late.
const maxIncomplete = 5

// Handle publishes one build. It returns a permanent error if the job's files
// are not what the job should have made, or the distribution is not one that
// could play them; the ledger knows by then.
func (p *Publish) Handle(ctx context.Context, t tasks.Publish) error {
	rec, err := p.Ledger.Get(ctx, t.Asset)
	if err != nil {
		return unread(ctx, fmt.Errorf("publish asset %s: %w", t.Asset, err))
	}
	b := rec.Build(t.Build)
	if b == nil {
		return queue.Permanent(fmt.Errorf("publish asset %s: the ledger has no build %d", t.Asset, t.Build))
	}
	if poisoned(ctx) {
		if rec.Current == b.Number && rec.EntriesSeq < rec.Seq {
			return rest(ctx, p.Log, t.Kind(), t.Asset)
		}
		return quarantine(ctx, fmt.Sprintf("publish asset %s build %d", t.Asset, t.Build),
			failBuild(ctx, p.Ledger, p.Retire, t.Asset, t.Build, tasks.KindPublish))
	}
	if b.State == ledger.Transcoded || b.State == ledger.Published && rec.Current != b.Number && b.Revision.ID == rec.Wanted.ID {
		if rec, err = p.show(ctx, rec, *b); err != nil {
			return p.ended(ctx, t, err)
		}
	}
	if seq := rec.Seq; rec.EntriesSeq < seq && rec.Removed == nil {
		if rec, err = p.entries(ctx, rec); err != nil {
			// The switch is made: there is no way but on.
			return verdict(ctx, fmt.Errorf("publish asset %s switch %d: %w", t.Asset, seq, err), nil)
		}
	}
	return leave(ctx, p.Next, p.Retire, rec, t.Build)
}

// show verifies b and makes it current.
func (p *Publish) show(ctx context.Context, rec *ledger.Record, b ledger.Build) (*ledger.Record, error) {
	// A source that is gone is published all the same: its streams are paid for.
	if _, err := look(ctx, p.Source, p.Ledger, p.Next, rec, b); err != nil {
		return nil, err
	}
	prefix := media.BuildPrefix(p.Output, rec.Asset, b.Number)
	if err := p.arrived(ctx, prefix, b.JobDone); err != nil { // before what is dearer, however often this waits
		return nil, err
	}
	outputs, err := p.Delivery.Verify(ctx, prefix, *b.Spec)
	if err != nil {
		return nil, err
	}
	if outputs.Thumbnails != "" { // the one file that verification itself writes
		if err := p.arrived(ctx, prefix.Join(path.Dir(outputs.Thumbnails)+"/"), b.JobDone); err != nil {
			return nil, err
		}
	}
	if err := p.playable(ctx, rec.Asset, b.Number, outputs); err != nil {
		return nil, err
	}
	rec, err = p.Ledger.UpdateFrom(ctx, rec, func(now time.Time, r *ledger.Record) error {
		return r.Switch(now, b.Number, outputs)
	})
	if _, ok := errors.AsType[*ledger.TransitionError](err); ok {
		return nil, errStale
	}
	if err == nil {
		p.Log.Info("build published", zap.String("asset", rec.Asset), zap.String("revision", b.Revision.ID), zap.Int("build", b.Number), zap.Int("seq", rec.Seq))
	}
	return rec, err
}

// entries writes the documents that viewers start from, as the ledger has them.
func (p *Publish) entries(ctx context.Context, rec *ledger.Record) (*ledger.Record, error) {
	profile, err := p.Profiles.Profile(ctx, rec.Build(rec.Current).Revision.Profile)
	if err != nil {
		return nil, err
	}
	if err := p.Delivery.Write(ctx, rec, profile.Delivery == media.Stable); err != nil {
		return nil, err
	}
	if p.Origin != nil {
		if err := p.Origin.Shows(ctx, rec.Asset); err != nil {
			return nil, mirrored(p.Ledger.Now(), rec.Switched, err)
		}
	}
	seq := rec.Seq
	return p.Ledger.UpdateFrom(ctx, rec, func(now time.Time, r *ledger.Record) error {
		if err := r.EntriesWritten(now, seq); err != nil || seq > 1 {
			return err
		}
		return r.Live(now, seq) // nothing was replaced: no cache has anything older
	})
}

// ended turns the error of a build that is not shown into the queue's verdict.
func (p *Publish) ended(ctx context.Context, t tasks.Publish, err error) error {
	if errors.Is(err, errStale) {
		rec, err := p.Ledger.Get(ctx, t.Asset)
		if err != nil {
			return unread(ctx, fmt.Errorf("read asset %s again: %w", t.Asset, err))
		}
		return leave(ctx, p.Next, p.Retire, rec, t.Build)
	}
	fail := failBuild(ctx, p.Ledger, p.Retire, t.Asset, t.Build, tasks.KindPublish)
	wrapped := fmt.Errorf("publish asset %s build %d: %w", t.Asset, t.Build, err)
	if refused(err) {
		return end(wrapped, fail, ledger.Failure{Class: ledger.Distribution, Message: err.Error(), Attempts: queue.Failures(ctx) + 1})
	}
	if _, ok := errors.AsType[*delivery.IncompleteError](err); ok && queue.Failures(ctx) >= maxIncomplete {
		return end(wrapped, fail, ledger.Failure{Class: ledger.Incomplete, Message: err.Error(), Attempts: queue.Failures(ctx) + 1})
	}
	return verdict(ctx, wrapped, fail)
}
