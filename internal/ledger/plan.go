package ledger

import (
	"fmt"
	"slices"
	"time"

	"github.com/vodfleet/vodfleet/internal/cloud"
)

// Plan makes rev the wanted revision and adds a build of it, planned. Spec is
// asked for the job of the build's number, and may be asked again when the
// write is repeated. Unfinished builds of other revisions are superseded. It
// is refused unless [Record.Decide] says [KindNew], so a repeat is refused too.
func (r *Record) Plan(now time.Time, src Source, rev Revision, spec func(build int) (cloud.JobSpec, error), warnings []string) (Build, error) {
	const op = "plan"
	if err := r.want(op, src, rev); err != nil {
		return Build{}, err
	}
	if d := r.Decide(rev); d.Kind != KindNew {
		return Build{}, r.refuse(op, d.Build, r.Build(d.Build), fmt.Sprintf("revision %s is %s", rev.ID, d.Kind))
	}
	b, err := r.newBuild(now, rev, spec, warnings)
	if err != nil {
		return Build{}, err
	}
	r.setWanted(now, src, rev, nil)
	r.add(now, b)
	return b, nil
}

// Replan adds a new build of the wanted revision after one of it has failed,
// because the failure may pass or an operator wants it. It is refused for any
// other build, and once the revision has an unfinished or published build.
func (r *Record) Replan(now time.Time, build int, spec func(build int) (cloud.JobSpec, error)) (Build, error) {
	const op = "replan"
	old := r.Build(build)
	switch {
	case r.Removed != nil:
		return Build{}, r.refuse(op, build, old, removedReason)
	case old == nil || !old.failed():
		return Build{}, r.refuse(op, build, old, "")
	case old.Revision.ID != r.Wanted.ID:
		return Build{}, r.refuse(op, build, old, "its revision is not wanted")
	}
	if b := r.speaker(r.Wanted.ID); b != nil && !b.failed() {
		return Build{}, r.refuse(op, build, old, fmt.Sprintf("build %d of its revision is %s", b.Number, b.State))
	}
	b, err := r.newBuild(now, old.Revision, spec, old.Warnings)
	if err != nil {
		return Build{}, err
	}
	r.add(now, b)
	return b, nil
}

// WantStanding makes rev the wanted revision although it needs no new build:
// build is published and has its files. A switch to it is due unless it is
// the current one. Unfinished builds of other revisions are superseded. If all
// of this is so already, it returns [ErrUnchanged].
func (r *Record) WantStanding(now time.Time, src Source, rev Revision, build int) error {
	const op = "want"
	if err := r.want(op, src, rev); err != nil {
		return err
	}
	b := r.Build(build)
	switch {
	case b == nil || b.State != Published:
		return r.refuse(op, build, b, "")
	case b.Revision.ID != rev.ID:
		return r.refuse(op, build, b, fmt.Sprintf("it is of revision %s, not %s", b.Revision.ID, rev.ID))
	}
	if r.Wanted.ID == rev.ID && r.Failure == nil {
		return ErrUnchanged
	}
	r.setWanted(now, src, rev, nil)
	r.note(now, "build %d: wanted again", build)
	return nil
}

// FailSource makes rev the wanted revision and notes why it gets no build. It
// is refused when the revision has an unfinished, published or current build.
// A repeat with the same class and message is [ErrUnchanged].
func (r *Record) FailSource(now time.Time, src Source, rev Revision, f Failure) error {
	const op = "fail source of"
	if err := r.want(op, src, rev); err != nil {
		return err
	}
	if !slices.Contains(Classes, f.Class) {
		return r.refuse(op, 0, nil, fmt.Sprintf("a failure of class %q", f.Class))
	}
	if b := r.speaker(rev.ID); b != nil && !b.failed() {
		return r.refuse(op, b.Number, b, "")
	}
	failure := f.at(now)
	if old := r.Failure; r.Wanted.ID == rev.ID && old != nil && old.Class == failure.Class && old.Message == failure.Message {
		return ErrUnchanged
	}
	r.setWanted(now, src, rev, failure)
	r.note(now, "source: %s: %s", failure.Class, failure.Message)
	return nil
}

// want checks the arguments of a change of the wanted revision.
func (r *Record) want(op string, src Source, rev Revision) error {
	switch {
	case r.Removed != nil:
		return r.refuse(op, 0, nil, removedReason)
	case rev.ID == "":
		return r.refuse(op, 0, nil, "no revision")
	case rev.Source != src.Version:
		return r.refuse(op, 0, nil, fmt.Sprintf("revision %s is of source version %s, not %s", rev.ID, rev.Source, src.Version))
	case slices.Contains(r.Rejected, rev.ID):
		return r.refuse(op, 0, nil, fmt.Sprintf("revision %s is %s", rev.ID, KindRejected))
	}
	return nil
}

func (r *Record) setWanted(now time.Time, src Source, rev Revision, f *Failure) {
	for i := range r.Builds {
		if b := &r.Builds[i]; b.State.unfinished() && b.Revision.ID != rev.ID {
			r.supersede(now, b)
		}
	}
	r.Source, r.Wanted, r.Failure = src, rev, f
}

// newBuild makes the next build without adding it.
func (r *Record) newBuild(now time.Time, rev Revision, spec func(int) (cloud.JobSpec, error), warnings []string) (Build, error) {
	b := Build{Number: max(r.NextBuild, 1), Revision: rev, State: Planned, Created: now, Warnings: clipAll(warnings)}
	s, err := spec(b.Number)
	if err != nil {
		return Build{}, fmt.Errorf("plan asset %s build %d: %w", r.Asset, b.Number, err)
	}
	b.Spec = &s
	return b, nil
}

func (r *Record) add(now time.Time, b Build) {
	r.Failure = nil
	r.Builds = append(r.Builds, b)
	r.NextBuild = b.Number + 1
	r.note(now, "build %d: planned", b.Number)
	r.prune()
}
