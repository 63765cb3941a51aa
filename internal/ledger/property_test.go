package ledger

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// next is which states may follow each, however many steps a build takes.
var next = map[State]string{
	"":          "planned",
	Planned:     "submitting failed superseded",
	Submitting:  "transcoding failed superseded",
	Transcoding: "transcoded failed superseded",
	Transcoded:  "published failed superseded",
	Published:   "retiring failed",
	Failed:      "retiring transcoded", // the latter by a redrive
	Superseded:  "retiring",
	Retiring:    "retired",
	Retired:     "",
}

// past is what was seen of a record.
type past struct {
	states  map[int]State
	jobs    map[int]string
	highest int // build number
	seq     int
	live    int
}

// look compares a record with its past, and remembers it.
func (p *past) look(t *rapid.T, r *Record) {
	if err := r.Check(); err != nil {
		t.Fatal(err)
	}
	if r.Seq < p.seq || r.Seq > p.seq+1 || r.LiveSeq < p.live {
		t.Fatalf("switches go from %d to %d, live ones from %d to %d", p.seq, r.Seq, p.live, r.LiveSeq)
	}
	p.seq, p.live = r.Seq, r.LiveSeq
	unfinished := 0
	for _, b := range r.Builds {
		was, known := p.states[b.Number]
		if !known && b.Number <= p.highest {
			t.Fatalf("build number %d is used again", b.Number)
		}
		p.highest = max(p.highest, b.Number)
		if b.State != was && !follows(was, b.State) {
			t.Fatalf("build %d goes from %q to %q", b.Number, was, b.State)
		}
		if job := p.jobs[b.Number]; job != "" && job != b.Job {
			t.Fatalf("build %d has job %s, and had %s", b.Number, b.Job, job)
		}
		p.states[b.Number], p.jobs[b.Number] = b.State, b.Job
		if b.State.unfinished() {
			unfinished++
		}
		shown := b.Number == r.Current || b.Number == r.Previous
		if shown && b.State != Published {
			t.Fatalf("build %d is shown and %s", b.Number, b.State)
		}
	}
	if r.Removed != nil && (unfinished > 0 || r.Failed() != nil || r.Decide(revA).Kind != KindRemoved) {
		t.Fatalf("removed, and %d builds are unfinished, failed with %v, revision A is %s", unfinished, r.Failed(), r.Decide(revA).Kind)
	}
	if r.schema() == 1 && r.Current == 0 && r.Seq > 0 {
		t.Fatal("an older worker may read a record without a current build after a switch")
	}
	if unfinished > 1 {
		t.Fatalf("%d builds are unfinished", unfinished)
	}
	if f, open := r.Failed(), r.Open(); f != nil && open && r.Seq == r.LiveSeq && len(r.Unresolved()) == 0 {
		t.Fatalf("failed with %s, and open", f.Class)
	}
}

func follows(was, is State) bool {
	return slices.Contains(strings.Fields(next[was]), string(is))
}

// TestRandomSteps takes any steps in any order, as many workers and repeats do.
func TestRandomSteps(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := &Record{Schema: 1, Asset: asset, Location: source}
		p := past{states: map[int]State{}, jobs: map[int]string{}}
		now := start
		revs := rapid.SampledFrom([]Revision{revA, revB, revC})
		failures := rapid.SampledFrom([]Failure{badSource, transient, gone})
		// Mostly the latest build, sometimes any, sometimes one that is not there.
		build := func(t *rapid.T) int {
			if rapid.IntRange(0, 3).Draw(t, "old") > 0 {
				return max(r.NextBuild-1, 1)
			}
			return rapid.IntRange(0, max(r.NextBuild, 1)).Draw(t, "build")
		}
		step := func(what string, transition func(t *rapid.T) error) func(*rapid.T) {
			return func(t *rapid.T) {
				now = now.Add(time.Duration(rapid.IntRange(0, 100).Draw(t, "minutes")) * time.Minute)
				before := mustEncode(t, r)
				err := transition(t)
				after := mustEncode(t, r)
				if _, refused := errors.AsType[*TransitionError](err); err != nil && !refused && !errors.Is(err, ErrUnchanged) {
					t.Fatalf("%s: %v", what, err)
				}
				if err != nil && before != after {
					t.Fatalf("%s: %v, and the record changed from\n%s to\n%s", what, err, before, after)
				}
				if err == nil && before == after {
					t.Fatalf("%s: made, and nothing changed", what)
				}
			}
		}
		// The steps of a build that goes well, as one: else few get far.
		forward := func(t *rapid.T) error {
			n := build(t)
			b := r.Build(n)
			if b == nil {
				return r.Intend(now, n, "t")
			}
			switch b.State {
			case Planned:
				return r.Intend(now, n, "t")
			case Submitting:
				return r.Submitted(now, n, fmt.Sprintf("job-%d", n))
			case Transcoding:
				return r.Completed(now, n)
			case Transcoded:
				return r.Switch(now, n, outputs)
			}
			if r.EntriesSeq < r.Seq {
				return r.EntriesWritten(now, r.Seq)
			}
			return r.Live(now, r.Seq)
		}
		ingest := func(t *rapid.T) error {
			rev := revs.Draw(t, "revision")
			switch d := r.Decide(rev); d.Kind {
			case KindStanding, KindCurrent:
				if _, err := r.Plan(now, src(rev), rev, spec, nil); err == nil {
					t.Fatalf("revision %s is built again, and build %d of it stands", rev.ID, d.Build)
				}
				return r.WantStanding(now, src(rev), rev, d.Build)
			default:
				_, err := r.Plan(now, src(rev), rev, spec, []string{"a track is dropped"})
				return err
			}
		}
		t.Repeat(map[string]func(*rapid.T){
			"":          func(t *rapid.T) { p.look(t, r) },
			"ingest":    step("ingest", ingest),
			"forward 1": step("forward", forward),
			"forward 2": step("forward", forward),
			"forward 3": step("forward", forward),
			"forward 4": step("forward", forward),
			"plan": step("plan", func(t *rapid.T) error {
				rev := revs.Draw(t, "revision")
				_, err := r.Plan(now, src(rev), rev, spec, nil)
				return err
			}),
			"replan": step("replan", func(t *rapid.T) error { _, err := r.Replan(now, build(t), spec); return err }),
			"want": step("want", func(t *rapid.T) error {
				rev := revs.Draw(t, "revision")
				return r.WantStanding(now, src(rev), rev, build(t))
			}),
			"fail source": step("fail source", func(t *rapid.T) error {
				rev := revs.Draw(t, "revision")
				return r.FailSource(now, src(rev), rev, failures.Draw(t, "failure"))
			}),
			"intend": step("intend", func(t *rapid.T) error { return r.Intend(now, build(t), "t") }),
			"submitted": step("submitted", func(t *rapid.T) error {
				return r.Submitted(now, build(t), fmt.Sprintf("job-%d", rapid.IntRange(1, 5).Draw(t, "job")))
			}),
			"completed": step("completed", func(t *rapid.T) error { return r.Completed(now, build(t)) }),
			"fail":      step("fail", func(t *rapid.T) error { return r.FailBuild(now, build(t), failures.Draw(t, "failure")) }),
			"looked": step("looked", func(t *rapid.T) error {
				return r.Looked(now, build(t), now.Add(-time.Duration(rapid.IntRange(0, 10).Draw(t, "ago"))*time.Minute))
			}),
			"refused": step("refused", func(t *rapid.T) error {
				n, at := build(t), start
				if b := r.Build(n); b != nil && b.Intent != nil && rapid.Bool().Draw(t, "its own") {
					at = b.Intent.At
				}
				return r.Refused(now, n, at, "throttled")
			}),
			"renew": step("renew", func(t *rapid.T) error {
				n := build(t)
				var was Intent
				if b := r.Build(n); b != nil && b.Intent != nil {
					was = *b.Intent
				}
				err := r.Renew(now, n, "t")
				if err == nil && !was.Refused && (now.Sub(was.At) < IntentGuard || was.Looked.Sub(was.At) < IntentGuard) {
					t.Fatalf("intent %+v is renewed at %v", was, now)
				}
				return err
			}),
			"redrive": step("redrive", func(t *rapid.T) error {
				err := r.Redrive(now, respec)
				if err == nil && (r.Failed() != nil || !r.Open() || r.Attempts(r.Wanted) != 0) {
					t.Fatalf("redriven, and %v, open %v, %d attempts", r.Failed(), r.Open(), r.Attempts(r.Wanted))
				}
				return err
			}),
			"rollback": step("rollback", func(t *rapid.T) error { return r.Rollback(now) }),
			"accept":   step("accept", func(t *rapid.T) error { return r.Accept(now, revs.Draw(t, "revision").ID) }),
			"remove": step("remove", func(t *rapid.T) error {
				if rapid.IntRange(0, 4).Draw(t, "remove") > 0 {
					return ErrUnchanged
				}
				return r.Remove(now, "rights")
			}),
			"removing": step("removing", func(t *rapid.T) error {
				switch {
				case !r.Removing():
					return ErrUnchanged
				case r.EntriesSeq < r.Seq:
					return r.EntriesWritten(now, r.Seq)
				case r.LiveSeq < r.Seq:
					return r.Live(now, r.Seq)
				case r.Removed.Gone.IsZero():
					now = now.Add(ShutFor)
					return r.Cleared(now)
				}
				n := r.Retirable(now, time.Hour)[0]
				if err := r.Retiring(now, n); !errors.Is(err, ErrUnchanged) {
					return err
				}
				return r.Retired(now, n)
			}),
			"cleared": step("cleared", func(t *rapid.T) error { return r.Cleared(now) }),
			"restore": step("restore", func(t *rapid.T) error {
				err := r.Restore(now)
				if err == nil && (r.Failed() != nil || r.Current != 0 || len(r.Retirable(now, 0)) > 0) {
					t.Fatalf("restored, and failed with %v, build %d is current, and %v are retirable", r.Failed(), r.Current, r.Retirable(now, 0))
				}
				return err
			}),
			"supersede":   step("supersede", func(t *rapid.T) error { return r.Supersede(now, build(t)) }),
			"switch":      step("switch", func(t *rapid.T) error { return r.Switch(now, build(t), outputs) }),
			"fail switch": step("fail switch", func(t *rapid.T) error { return r.FailSwitch(now, build(t), failures.Draw(t, "failure")) }),
			"entries":     step("entries", func(t *rapid.T) error { return r.EntriesWritten(now, rapid.IntRange(0, r.Seq+1).Draw(t, "seq")) }),
			"live":        step("live", func(t *rapid.T) error { return r.Live(now, rapid.IntRange(0, r.Seq+1).Draw(t, "seq")) }),
			"retire all": step("retire", func(t *rapid.T) error {
				due := r.Retirable(now, time.Hour)
				if len(due) == 0 {
					if at := r.NextRetirement(time.Hour); !at.IsZero() && !at.After(now) {
						t.Fatalf("nothing is retirable at %v, and was to be at %v", now, at)
					}
					return ErrUnchanged
				}
				switch err := r.Retiring(now, due[0]); {
				case errors.Is(err, ErrUnchanged):
					return r.Retired(now, due[0])
				case err != nil:
					t.Fatalf("build %d is retirable, and %v", due[0], err)
				}
				return nil
			}),
			"retiring": step("retiring", func(t *rapid.T) error { return r.Retiring(now, build(t)) }),
			"retired":  step("retired", func(t *rapid.T) error { return r.Retired(now, build(t)) }),
		})
	})
}

func mustEncode(t *rapid.T, r *Record) string {
	b, err := Encode(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
