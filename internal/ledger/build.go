package ledger

import (
	"fmt"
	"slices"
	"time"
)

// unfinished reports whether a build in this state is still on its way.
func (s State) unfinished() bool {
	switch s {
	case Planned, Submitting, Transcoding, Transcoded:
		return true
	}
	return false
}

// failed reports whether the build ended in a failure of its own, even if its
// files are gone since. A superseded build may carry a failure too: it says
// how its job ended, and nothing about the revision.
func (b *Build) failed() bool { return b.Failure != nil && b.Replaced.IsZero() }

// resolved reports whether no job of the build can be running any more.
func (b *Build) resolved() bool {
	return b.Intent == nil || b.Failure != nil || !b.JobDone.IsZero() || b.Intent.Refused && b.Job == ""
}

// Build returns the build of a number, nil if there is none (any more).
func (r *Record) Build(number int) *Build {
	for i := range r.Builds {
		if r.Builds[i].Number == number {
			return &r.Builds[i]
		}
	}
	return nil
}

// Intend writes the promise to create the build's one job: planned becomes
// submitting. It has no harmless repeat: whoever meets an intent must look for
// its job before asking for one, so a second Intend is refused; see
// [Record.Renew]. The token is 1
// to 64 ASCII characters, as [cloud.JobRequest] wants it.
func (r *Record) Intend(now time.Time, build int, token string) error {
	const op = "intend"
	b := r.Build(build)
	if b == nil || b.State != Planned {
		return r.refuse(op, build, b, "")
	}
	if !validToken(token) {
		return r.refuse(op, build, b, fmt.Sprintf("token %q: want 1 to 64 ASCII characters", token))
	}
	b.State = Submitting
	b.Intent = &Intent{Token: token, At: now}
	r.note(now, "build %d: submitting", build)
	return nil
}

func validToken(token string) bool {
	if len(token) < 1 || len(token) > 64 {
		return false
	}
	for i := range len(token) {
		if token[i] <= ' ' || token[i] > '~' {
			return false
		}
	}
	return true
}

// Submitted notes the build's job: submitting becomes transcoding. A
// superseded build keeps its state: its job is noted so that it can be
// canceled. A repeat with the same job is [ErrUnchanged]; another job is
// refused, and so is a job that another build has.
func (r *Record) Submitted(now time.Time, build int, job string) error {
	const op = "note job of"
	b := r.Build(build)
	if b == nil {
		return r.refuse(op, build, nil, "")
	}
	if job == "" {
		return r.refuse(op, build, b, "no job ID")
	}
	if b.Job == job {
		return ErrUnchanged
	}
	if b.Job != "" {
		return r.refuse(op, build, b, fmt.Sprintf("job %s: it has job %s", job, b.Job))
	}
	for i := range r.Builds {
		if r.Builds[i].Job == job {
			return r.refuse(op, build, b, fmt.Sprintf("job %s is of build %d", job, r.Builds[i].Number))
		}
	}
	switch {
	case b.State == Submitting:
		b.State = Transcoding
	case b.State == Superseded && !b.resolved():
	default:
		return r.refuse(op, build, b, "")
	}
	b.Job = job
	r.note(now, "build %d: job %s", build, job)
	return nil
}

// Completed notes that the build's job is complete: transcoding becomes
// transcoded. A superseded build keeps its state. A repeat is [ErrUnchanged].
func (r *Record) Completed(now time.Time, build int) error {
	const op = "complete"
	b := r.Build(build)
	if b == nil {
		return r.refuse(op, build, nil, "")
	}
	switch {
	case b.State == Transcoding:
		b.State = Transcoded
	case b.State == Transcoded, b.State == Published, b.State == Superseded && !b.JobDone.IsZero():
		return ErrUnchanged
	case b.State == Superseded && b.Job != "":
	default:
		return r.refuse(op, build, b, "")
	}
	b.JobDone = now
	r.note(now, "build %d: job complete", build)
	return nil
}

// FailBuild ends an unfinished build, for good. The caller knows that no job
// of it is running and that none will: a job that cannot be told from here is
// for the look-up that follows an intent. A superseded build with an
// unresolved intent or job keeps its state, and counts as resolved from now
// on. A repeat is [ErrUnchanged]; the first failure stays.
func (r *Record) FailBuild(now time.Time, build int, f Failure) error {
	const op = "fail"
	b := r.Build(build)
	if b == nil {
		return r.refuse(op, build, nil, "")
	}
	if !slices.Contains(Classes, f.Class) {
		return r.refuse(op, build, b, fmt.Sprintf("a failure of class %q", f.Class))
	}
	switch {
	case b.State.unfinished():
		b.State = Failed
	case b.State == Failed, b.State == Superseded && b.resolved():
		return ErrUnchanged
	case b.State == Superseded:
	default:
		return r.refuse(op, build, b, "")
	}
	b.Failure = f.at(now)
	if b.Job != "" && b.JobDone.IsZero() {
		b.JobDone = now
	}
	r.note(now, "build %d: %s: %s", build, f.Class, f.Message)
	return nil
}

// Supersede ends an unfinished build because other content is wanted. Its
// intent and job are kept: see [Record.Unresolved]. A repeat is [ErrUnchanged].
func (r *Record) Supersede(now time.Time, build int) error {
	b := r.Build(build)
	switch {
	case b == nil:
		return r.refuse("supersede", build, nil, "")
	case b.State == Superseded:
		return ErrUnchanged
	case !b.State.unfinished():
		return r.refuse("supersede", build, b, "")
	}
	r.supersede(now, b)
	return nil
}

func (r *Record) supersede(now time.Time, b *Build) {
	b.State = Superseded
	b.Replaced = now
	r.note(now, "build %d: superseded", b.Number)
}

// Unresolved lists the superseded builds whose job may be running for nobody:
// it has to be found, canceled, and its end noted with [Record.Completed] or
// [Record.FailBuild]. Until then the build's files stay.
func (r *Record) Unresolved() []int {
	var builds []int
	for i := range r.Builds {
		if b := &r.Builds[i]; b.State == Superseded && !b.resolved() {
			builds = append(builds, b.Number)
		}
	}
	return builds
}
