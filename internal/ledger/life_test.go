package ledger

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"
)

// life is one asset's, with each kind of marker coming and going. Each step is
// safe to repeat.
var life = []func(now time.Time, r *Record) error{
	func(now time.Time, r *Record) error {
		r.Location = source
		return r.FailSource(now, src(revA), revA, gone)
	},
	ingest(revA, 1),
	forward(1, Submitting), forward(1, Transcoding),
	func(now time.Time, r *Record) error {
		if b := r.Build(1); b.failed() {
			return ErrUnchanged
		}
		return r.FailBuild(now, 1, transient)
	},
	func(now time.Time, r *Record) error {
		if r.NextBuild > 2 {
			return ErrUnchanged
		}
		_, err := r.Replan(now, 1, spec)
		return err
	},
	forward(2, Submitting), forward(2, Transcoding), forward(2, Transcoded), forward(2, Published),
	func(now time.Time, r *Record) error { return r.EntriesWritten(now, 1) },
	func(now time.Time, r *Record) error { return r.Live(now, 1) },
	ingest(revB, 3),
	func(now time.Time, r *Record) error { return r.FailBuild(now, 3, badSource) },
	func(now time.Time, r *Record) error {
		if r.Failure != nil {
			return ErrUnchanged
		}
		return r.FailSource(now, src(revB), revB, gone)
	},
	func(now time.Time, r *Record) error { return r.WantStanding(now, src(revA), revA, 2) },
}

func ingest(rev Revision, build int) func(time.Time, *Record) error {
	return func(now time.Time, r *Record) error {
		if r.NextBuild > build {
			return ErrUnchanged
		}
		_, err := r.Plan(now, src(rev), rev, spec, nil)
		return err
	}
}

// forward brings a build to a state from the one before.
func forward(build int, to State) func(time.Time, *Record) error {
	order := []State{Planned, Submitting, Transcoding, Transcoded, Published}
	return func(now time.Time, r *Record) error {
		b := r.Build(build)
		if slices.Index(order, b.State) >= slices.Index(order, to) {
			return ErrUnchanged
		}
		switch to {
		case Submitting:
			return r.Intend(now, build, "token")
		case Transcoding:
			return r.Submitted(now, build, fmt.Sprintf("job-%d", build))
		case Transcoded:
			return r.Completed(now, build)
		}
		return r.Switch(now, build, outputs)
	}
}

// wanted are the markers that a record needs, without their numbers.
func wanted(r *Record) []string {
	var all []string
	if f := r.Failed(); f != nil {
		all = append(all, "failed/"+string(f.Class))
	}
	if r.Open() {
		all = append(all, "open")
	}
	return all
}

// there are the markers that are stored, without their numbers, as lists find them.
func there(t *testing.T, s *Store) []string {
	t.Helper()
	var all []string
	for m, err := range s.FailedMarkers(t.Context()) {
		if err != nil || m.Asset != asset {
			t.Errorf("failed markers: %+v, %v", m, err)
		}
		all = append(all, "failed/"+string(m.Class))
	}
	for a, err := range s.Open(t.Context()) {
		if err != nil || a != asset {
			t.Errorf("open markers: %s, %v", a, err)
		}
		all = append(all, "open")
	}
	return all
}

// live takes all steps from the first, as workers do that know nothing of what
// others did, until one fails. All of them have been done before n.
func live(ctx context.Context, s *Store, from int) (next int, err error) {
	for i := from; i < len(life); i++ {
		if _, err := s.Update(ctx, asset, life[i]); err != nil {
			return i, err
		}
	}
	return len(life), nil
}
