package stage

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/vodfleet/vodfleet/internal/cloud"
	"github.com/vodfleet/vodfleet/internal/ledger"
	"github.com/vodfleet/vodfleet/internal/media"
	"github.com/vodfleet/vodfleet/internal/queue"
	"github.com/vodfleet/vodfleet/tasks"
	"go.uber.org/zap"
)

// Ingest looks at a source and plans a build of it, if viewers do not have its
// content yet and none is on its way.
type Ingest struct {
	Ledger     Book
	Source     Head
	Transcoder Prober
	Profiles   Profiles
	Allowed    []cloud.Location // prefixes that sources may come from
	Output     cloud.Location   // where builds are written
	Next       Queue
	Retire     *Retirement
	Turns      Turns // nil: a source is probed as soon as there is a worker
	Log        *zap.Logger
}

// Turns puts those in line who will probe a source. Turn returns how long to
// wait, 0 if it is one's turn, and takes nothing: the probe does. A repeat keeps
// the place. See package governor.
type Turns interface {
	Turn(ctx context.Context, lane string, source cloud.Location) (time.Duration, error)
}

// Gates is what [Turns] may be besides: it keeps sources back from a profile by
// which nothing can be made, and is told of such profiles. See package governor.
type Gates interface {
	// Closed returns the first of scopes whose gate is closed, and for how long.
	Closed(ctx context.Context, scopes ...string) (scope string, wait time.Duration, err error)

	// Shut closes a gate; see [Governor].
	Shut(ctx context.Context, scope, reason string, d time.Duration) error
}

// Prober looks into sources and templates; see [cloud.Transcoder].
type Prober interface {
	Probe(ctx context.Context, source cloud.Location) (cloud.Media, error)
	Template(ctx context.Context, name string) (cloud.JobSpec, error)
}

// Profiles finds profiles by digest; the empty digest is the fleet's default.
type Profiles interface {
	Profile(ctx context.Context, digest string) (media.Profile, error)
}

// Handle plans at most one build. It returns a permanent error for a source
// that may not be read or cannot be transcoded; the latter is in the ledger by
// then. The source is looked at within the ledger's compare-and-swap, after the
// record was read, because a report or an older run may know older bytes.
func (i *Ingest) Handle(ctx context.Context, t tasks.Ingest) error {
	at := cloud.Location{Bucket: t.Bucket, Key: t.Key}
	if !slices.ContainsFunc(i.Allowed, func(l cloud.Location) bool { return l.Holds(at) }) {
		return queue.Permanent(fmt.Errorf("ingest %s: not among the allowed sources; add its bucket or prefix to VODFLEET_SOURCES", at))
	}
	asset := tasks.AssetID(t.Bucket, t.Key)
	profile, err := i.Profiles.Profile(ctx, t.Profile)
	digest := cmp.Or(t.Profile, profile.Digest())
	switch wait, err := i.closed(ctx, digest); {
	case err != nil:
		return verdict(ctx, fmt.Errorf("ingest %s: %w", at, err), nil)
	case wait > 0:
		return queue.NotYet(wait)
	}
	// Of no revision: the same source is looked at again once the profile is stored.
	none := ledger.Revision{ID: tasks.Revision(t.SourceVersion, ""), Source: t.SourceVersion, Profile: t.Profile}
	if errors.Is(err, cloud.ErrNotFound) {
		i.shut(ctx, digest, err.Error(), asset)
		return end(fmt.Errorf("ingest %s: %w", at, err), i.giveUp(ctx, at, t, none), ledger.Failure{Class: ledger.Settings, Message: err.Error()})
	}
	if err != nil {
		return verdict(ctx, fmt.Errorf("ingest %s: %w", at, err), i.giveUp(ctx, at, t, none))
	}
	if poisoned(ctx) {
		return i.poison(ctx, at, t, profile)
	}
	if i.Turns != nil { // before anything is read for nothing
		wait, err := i.Turns.Turn(ctx, string(cmp.Or(t.Lane, tasks.Live)), at)
		switch {
		case err != nil:
			return verdict(ctx, fmt.Errorf("ingest %s: %w", at, err), nil)
		case wait > 0:
			return queue.NotYet(wait)
		}
	}
	var refused error // recorded in the ledger, to be returned once it is
	rec, err := i.Ledger.Update(ctx, asset, func(now time.Time, r *ledger.Record) error {
		refused = nil
		r.Location = at
		return i.plan(ctx, now, r, t, profile, &refused)
	})
	switch {
	case err != nil:
		return verdict(ctx, fmt.Errorf("ingest %s: %w", at, err), i.giveUp(ctx, at, t, revision(ledger.Source{Version: t.SourceVersion}, profile)))
	case refused != nil:
		if f := rec.Failed(); f != nil && f.Class == ledger.Settings {
			i.shut(ctx, digest, f.Message, asset)
		}
		return queue.Permanent(fmt.Errorf("ingest %s: %w", at, refused))
	}
	for _, n := range rec.Unresolved() { // a job that runs for nobody any more costs money
		if err := wake(ctx, i.Next, taskOf(rec, rec.Build(n))); err != nil {
			return fmt.Errorf("ingest %s: wake the task of build %d: %w", at, n, err)
		}
	}
	if lookAgain(rec) != nil {
		return nil // it has just been looked at, and its bytes are not to be built
	}
	return leave(ctx, i.Next, i.Retire, rec, 0)
}

// closed returns how long the gate of a profile is closed; 0 if it is not, or
// if there are no gates.
func (i *Ingest) closed(ctx context.Context, profile string) (time.Duration, error) {
	gates, ok := i.Turns.(Gates)
	if !ok {
		return 0, nil
	}
	_, wait, err := gates.Closed(ctx, "profile:"+profile)
	if err != nil {
		return 0, fmt.Errorf("ask for the gate of profile %s: %w", profile, err)
	}
	return wait, nil
}

// shut closes the gate of a profile by which nothing can be made, so that it
// does not cost the whole library, one asset after the other.
func (i *Ingest) shut(ctx context.Context, profile, reason, asset string) {
	if gates, ok := i.Turns.(Gates); ok {
		shutGate(ctx, gates, i.Log, "profile:"+profile, reason, asset, profileGate)
	}
}

// poison puts the source, as it is now, into quarantine.
func (i *Ingest) poison(ctx context.Context, at cloud.Location, t tasks.Ingest, p media.Profile) error {
	src := ledger.Source{Version: t.SourceVersion}
	switch obj, err := i.Source.Head(ctx, at); {
	case err == nil:
		src = facts(obj)
	case !errors.Is(err, cloud.ErrNotFound):
		return verdict(ctx, fmt.Errorf("ingest %s: %w", at, err), nil)
	}
	return quarantine(ctx, fmt.Sprintf("ingest %s", at), i.giveUp(ctx, at, t, revision(src, p)))
}

// plan decides within one compare-and-swap what to do with the source as it is
// now. A refusal that is written to r is also set in refused.
func (i *Ingest) plan(ctx context.Context, now time.Time, r *ledger.Record, t tasks.Ingest, p media.Profile, refused *error) error {
	if r.Removed != nil { // whatever the source has by now
		i.Log.Info("asset is removed; skipped until restored", zap.String("asset", r.Asset))
		return ledger.ErrUnchanged
	}
	obj, err := i.Source.Head(ctx, r.Location)
	if errors.Is(err, cloud.ErrNotFound) {
		return i.gone(now, r, t, p, refused)
	}
	if err != nil {
		return err
	}
	src := facts(obj)
	rev := revision(src, p)
	switch d := r.Decide(rev); d.Kind {
	case ledger.KindInWork:
		return ledger.ErrUnchanged
	case ledger.KindCurrent, ledger.KindStanding:
		return r.WantStanding(now, src, rev, d.Build)
	case ledger.KindFailed:
		i.Log.Info("revision failed before; skipped until redriven", zap.String("asset", r.Asset), zap.String("revision", rev.ID))
		if r.Wanted.ID == rev.ID && r.Failed() == d.Failure {
			return ledger.ErrUnchanged
		}
		return r.FailSource(now, src, rev, *d.Failure) // it is what the source has again
	case ledger.KindRejected:
		i.Log.Info("revision was rolled back from; skipped", zap.String("asset", r.Asset), zap.String("revision", rev.ID))
		if b := r.Build(r.Current); b != nil { // whatever was wanted since is gone from the source, too
			return r.WantStanding(now, ledger.Source{Version: b.Revision.Source}, b.Revision, b.Number)
		}
		return ledger.ErrUnchanged
	}
	r.Reference, r.Lane = t.Reference, string(t.Lane)

	refuse := func(class ledger.Class, cause error) error {
		*refused = cause
		return r.FailSource(now, src, rev, ledger.Failure{Class: class, Message: cause.Error(), Stage: tasks.KindIngest, At: now})
	}
	switch {
	case obj.Size == 0:
		return refuse(ledger.BadSource, errors.New("the file is empty (0 bytes)"))
	case obj.Archived():
		return refuse(ledger.Archived, fmt.Errorf("the object is archived (%s): restore it, then add it again", obj.StorageClass))
	}
	probed, err := i.Transcoder.Probe(ctx, r.Location)
	switch {
	case errors.Is(err, cloud.ErrInvalid):
		return refuse(ledger.BadSource, fmt.Errorf("the file is not a video that can be read: %s", words(err)))
	case errors.Is(err, cloud.ErrNotFound):
		return queue.NotYet(time.Second) // it went between the two looks; look again
	case err != nil:
		return err
	case probed.ETag != "" && probed.ETag != obj.ETag:
		return queue.NotYet(time.Second) // it changed between the two looks
	}
	template, err := i.template(ctx, p)
	switch {
	case errors.Is(err, cloud.ErrInvalid), errors.Is(err, cloud.ErrNotFound) && queue.Failures(ctx) >= maxMissing:
		return refuse(ledger.Settings, err)
	case err != nil:
		return err
	}
	plan, err := p.Plan(probed)
	spec := func(build int) (cloud.JobSpec, error) {
		prefix := media.BuildPrefix(i.Output, r.Asset, build)
		if p.Template != "" {
			return p.TemplateSpec(template, plan, r.Location, prefix)
		}
		return p.Spec(plan, r.Location, prefix), nil
	}
	if err == nil {
		_, err = spec(1) // whether there can be one is the same for all builds
	}
	if _, ok := errors.AsType[*media.UnsupportedError](err); ok {
		return refuse(ledger.BadSource, err)
	} else if err != nil {
		return refuse(ledger.Settings, err)
	}
	b, err := r.Plan(now, src, rev, spec, plan.Warnings)
	if err != nil {
		return err
	}
	i.Log.Info("build planned", zap.String("asset", r.Asset), zap.String("revision", rev.ID), zap.Int("build", b.Number))
	return nil
}

// template returns the job template that the profile names, if it names one.
func (i *Ingest) template(ctx context.Context, p media.Profile) (cloud.JobSpec, error) {
	if p.Template == "" {
		return cloud.JobSpec{}, nil
	}
	t, err := i.Transcoder.Template(ctx, p.Template)
	if err != nil {
		return cloud.JobSpec{}, fmt.Errorf("job template %s: %w", p.Template, err)
	}
	return t, nil
}

// words are what the service said, without the wrapping of the call: people
// read them.
func words(err error) string {
	if e, ok := errors.AsType[*cloud.Error](err); ok && e.Message != "" {
		return e.Message
	}
	return err.Error()
}

// gone records that there is no source, unless viewers have its streams or a
// build of it is on its way: those stay until somebody removes them. Where other
// content was to take the place of the streams, it is that content that failed.
func (i *Ingest) gone(now time.Time, r *ledger.Record, t tasks.Ingest, p media.Profile, refused *error) error {
	src := ledger.Source{Version: t.SourceVersion}
	if src.Version == "" {
		src = r.Source
	}
	rev := revision(src, p)
	if r.Current != 0 && lookAgain(r) == nil || r.Decide(r.Wanted).Kind == ledger.KindInWork {
		i.Log.Warn("source is gone; its streams stay", zap.String("asset", r.Asset))
		return ledger.ErrUnchanged
	}
	*refused = errors.New(goneMessage)
	r.Reference, r.Lane = t.Reference, string(t.Lane)
	return r.FailSource(now, src, rev, ledger.Failure{Class: ledger.SourceGone, Message: goneMessage, Stage: tasks.KindIngest, At: now})
}

// giveUp records a source that could not be looked at, time and again, as a
// failure of a revision.
func (i *Ingest) giveUp(ctx context.Context, at cloud.Location, t tasks.Ingest, rev ledger.Revision) func(ledger.Failure) error {
	return func(f ledger.Failure) error {
		f.Stage = tasks.KindIngest
		_, err := i.Ledger.Update(ctx, tasks.AssetID(at.Bucket, at.Key), func(now time.Time, r *ledger.Record) error {
			if next := Next(r); next != nil && next.Kind() != tasks.KindIngest {
				return ledger.ErrUnchanged // another run got further
			}
			r.Location, r.Reference, r.Lane = at, t.Reference, string(t.Lane)
			f.At = now
			return r.FailSource(now, ledger.Source{Version: rev.Source}, rev, f)
		})
		return unlessIllegal(err)
	}
}

func revision(src ledger.Source, p media.Profile) ledger.Revision {
	digest := p.Digest()
	return ledger.Revision{ID: tasks.Revision(src.Version, digest), Source: src.Version, Profile: digest}
}
