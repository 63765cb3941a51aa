package ledger

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"testing"
)

// looks is what a record of each state says of revision A.
var looks = map[string]struct {
	decision string // kind, build, state, failure's class
	open     bool
	status   string
	failed   Class
	attempts int
}{
	"nothing":                {"new 0  ", false, "new", "", 0},
	"source failed":          {"failed 0  bad-source", false, "failed", BadSource, 0},
	"source gone":            {"new 0  ", false, "failed", SourceGone, 0},
	"planned":                {"in-work 1 planned ", true, "planned", "", 0},
	"submitting":             {"in-work 1 submitting ", true, "submitting", "", 0},
	"transcoding":            {"in-work 1 transcoding ", true, "transcoding", "", 0},
	"transcoded":             {"in-work 1 transcoded ", true, "transcoded", "", 0},
	"current":                {"current 1 published ", false, "published", "", 0},
	"current, not live":      {"current 1 published ", true, "publishing", "", 0},
	"previous":               {"standing 1 published ", false, "published", "", 0},
	"standing":               {"standing 1 published ", false, "published", "", 0},
	"standing, wanted again": {"standing 1 published ", true, "publishing", "", 0},
	"previous, wanted again": {"standing 1 published ", true, "publishing", "", 0},
	"failed":                 {"failed 1 failed bad-source", false, "failed", BadSource, 1},
	"failed, gone":           {"new 0  ", false, "failed", SourceGone, 1},
	"failed unsubmitted":     {"failed 1 failed bad-source", false, "failed", BadSource, 1},
	"failed, others wanted":  {"failed 1 failed bad-source", true, "planned", "", 1},
	"superseded planned":     {"new 0  ", true, "superseded", "", 0},
	"superseded submitting":  {"new 0  ", true, "superseded", "", 0},
	"superseded transcoding": {"new 0  ", true, "superseded", "", 0},
	"superseded transcoded":  {"new 0  ", true, "superseded", "", 0},
	"superseded failed":      {"new 0  ", true, "superseded", "", 0},
	"retiring":               {"new 0  ", false, "published", "", 0},
	"retired":                {"new 0  ", false, "published", "", 0},
	"failed, retiring":       {"failed 1 retiring bad-source", false, "failed", BadSource, 1},
	"failed, retired":        {"failed 1 retired bad-source", false, "failed", BadSource, 1},

	"failed publish":                 {"failed 1 failed incomplete", false, "failed", Incomplete, 1},
	"failed publish again":           {"failed 1 failed incomplete", false, "failed", Incomplete, 1},
	"failed, redriven":               {"in-work 2 planned ", true, "planned", "", 0},
	"source failed, redriven":        {"new 0  ", true, "superseded", "", 0},
	"quarantined by another profile": {"failed 0  bad-source", false, "failed", BadSource, 0},
	"rolled back":                    {"current 1 published ", true, "publishing", "", 0},
	"rolled back, newer on its way":  {"current 1 published ", true, "planned", "", 0},
	"submitting, looked":             {"in-work 1 submitting ", true, "submitting", "", 0},
	"submitting, refused":            {"in-work 1 submitting ", true, "submitting", "", 0},
	"submitting, renewed":            {"in-work 1 submitting ", true, "submitting", "", 0},
	"superseded refused":             {"new 0  ", true, "superseded", "", 0},

	"removed":                   {"removed 0  ", true, "removing", "", 0},
	"removed, shut":             {"removed 0  ", true, "removing", "", 0},
	"removed, files gone":       {"removed 0  ", true, "removing", "", 0},
	"removed, done":             {"removed 0  ", false, "removed", "", 0},
	"removed, nothing known":    {"removed 0  ", false, "removed", "", 0},
	"removed while planned":     {"removed 0  ", false, "removed", "", 0},
	"removed while submitting":  {"removed 0  ", true, "removing", "", 0},
	"removed while transcoding": {"removed 0  ", true, "removing", "", 0},
	"removed, job over":         {"removed 0  ", true, "removing", "", 0},
	"removed when failed":       {"removed 0  ", true, "removing", "", 1},
	"removed while replaced":    {"removed 0  ", true, "removing", "", 0},
	"restored":                  {"new 0  ", true, "superseded", "", 0},
	"restored, planned":         {"in-work 2 planned ", true, "planned", "", 0},
	"restored and shown":        {"current 2 published ", false, "published", "", 0},
	"failed, restored":          {"new 0  ", true, "superseded", "", 0},
}

func TestLooks(t *testing.T) {
	for _, state := range slices.Sorted(maps.Keys(states)) {
		t.Run(state, func(t *testing.T) {
			want, ok := looks[state]
			if !ok {
				t.Fatal("the state is not in the table")
			}
			r := states[state](begin(t)).Record
			before := encode(t, r)

			d := r.Decide(revA)
			class := Class("")
			if d.Failure != nil {
				class = d.Failure.Class
			}
			if got := fmt.Sprintf("%s %d %s %s", d.Kind, d.Build, d.State, class); got != want.decision {
				t.Errorf("Decide says %q, want %q", got, want.decision)
			}
			if got := r.Open(); got != want.open {
				t.Errorf("Open says %t, want %t", got, want.open)
			}
			if got := r.Status(); got != want.status {
				t.Errorf("Status says %q, want %q", got, want.status)
			}
			class = ""
			if f := r.Failed(); f != nil {
				class = f.Class
			}
			if class != want.failed {
				t.Errorf("Failed says %q, want %q", class, want.failed)
			}
			if got := r.Attempts(revA); got != want.attempts {
				t.Errorf("Attempts says %d, want %d", got, want.attempts)
			}
			if got, want := r.Knows("A"), r.Wanted.ID != ""; got != want {
				t.Errorf("Knows A says %t, want %t", got, want)
			}
			if r.Knows("") || r.Knows("D") {
				t.Error("it knows what it has never seen")
			}
			if got := r.Decide(rev("D")); !reflect.DeepEqual(got, Decision{Kind: kindUnless(r, KindNew)}) {
				t.Errorf("Decide says %+v of a revision never seen", got)
			}
			was := r.Rejected
			r.Rejected = []string{"revA"}
			if got := r.Decide(revA); !reflect.DeepEqual(got, Decision{Kind: kindUnless(r, KindRejected)}) {
				t.Errorf("Decide says %+v of a rejected revision", got)
			}
			if r.Rejected = was; encode(t, r) != before {
				t.Error("looking changed the record")
			}
		})
	}
}

// kindUnless is k unless r is removed, which goes for every revision.
func kindUnless(r *Record, k Kind) Kind {
	if r.Removed != nil {
		return KindRemoved
	}
	return k
}

// TestTwoFailures: a failed build and a failed source of one revision each
// speak against another build, whichever came last.
func TestTwoFailures(t *testing.T) {
	for _, tt := range []struct {
		name          string
		build, source Failure
		want          Kind
		class         Class
	}{
		{"both stand", transient, badSource, KindFailed, BadSource},
		{"the build's stands", badSource, gone, KindFailed, BadSource},
		{"the source's stands", gone, badSource, KindFailed, BadSource},
		{"none stands", gone, gone, KindNew, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := begin(t).plan(revA).submit(1)
			h.do(h.FailBuild(h.now, 1, tt.build)).do(h.FailSource(h.now, src(revA), revA, tt.source))
			d := h.Decide(revA)
			if d.Kind != tt.want || tt.class != "" && d.Failure.Class != tt.class {
				t.Errorf("Decide says %+v, want %s, %s", d, tt.want, tt.class)
			}
		})
	}
}

// TestAttempts counts builds of the revision alone.
func TestAttempts(t *testing.T) {
	h := begin(t)
	h.plan(revA).submit(1).do(h.FailBuild(h.now, 1, transient))
	h.replan(1).submit(2).do(h.FailBuild(h.now, 2, transient))
	if d := h.Decide(revA); d.Build != 2 {
		t.Errorf("build %d speaks for its revision, want the latest", d.Build)
	}
	h.plan(revB).submit(3).do(h.FailBuild(h.now, 3, transient)).plan(revC)
	for r, want := range map[Revision]int{revA: 2, revB: 1, revC: 0} {
		if got := h.Attempts(r); got != want {
			t.Errorf("Attempts of %s is %d, want %d", r.ID, got, want)
		}
	}
}

// TestBackAndForth: content that comes back is switched to, not made again.
func TestBackAndForth(t *testing.T) {
	h := begin(t).plan(revA).publish(1).plan(revB).publish(2)
	d := h.Decide(revA)
	if d.Kind != KindStanding || d.Build != 1 {
		t.Fatalf("Decide says %+v, want build 1 to stand", d)
	}
	h.do(h.WantStanding(h.now, src(revA), revA, d.Build)).show(1)
	if got, want := gist(h.Record), "A1* published, B2- published; wants A, 3/3/3"; got != want {
		t.Errorf("the record is %q, want %q", got, want)
	}
	if !h.Switched.Equal(h.now.Add(-3 * grace / 24)) {
		t.Errorf("switched at %v, want three steps before %v", h.Switched, h.now)
	}
}
