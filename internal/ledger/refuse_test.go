package ledger

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/vodfleet/vodfleet/internal/cloud"
)

// TestRefusals holds what people read when a record does not allow something.
func TestRefusals(t *testing.T) {
	const of = "asset " + asset
	broken := errors.New("no such rendition")
	for _, tt := range []struct {
		name  string
		state string
		try   func(r *Record, now time.Time) error
		want  string
	}{
		{"no such build", "planned", func(r *Record, now time.Time) error { return r.Intend(now, 7, "t") }, "intend " + of + " build 7: no such build"},
		{"second intent", "submitting", func(r *Record, now time.Time) error { return r.Intend(now, 1, "t") }, "intend " + of + " build 1: illegal while submitting"},
		{"no token", "planned", func(r *Record, now time.Time) error { return r.Intend(now, 1, "") }, "intend " + of + ` build 1: token "": want 1 to 64 ASCII characters`},
		{"token of a space", "planned", func(r *Record, now time.Time) error { return r.Intend(now, 1, "a b") }, "intend " + of + ` build 1: token "a b": want 1 to 64 ASCII characters`},
		{"no job", "submitting", func(r *Record, now time.Time) error { return r.Submitted(now, 1, "") }, "note job of " + of + " build 1: no job ID"},
		{"second job", "transcoding", func(r *Record, now time.Time) error { return r.Submitted(now, 1, "x") }, "note job of " + of + " build 1: job x: it has job job-1"},
		{"job of another build", "failed, others wanted", func(r *Record, now time.Time) error { return r.Submitted(now, 2, "job-1") }, "note job of " + of + " build 2: job job-1 is of build 1"},
		{"job without an intent", "planned", func(r *Record, now time.Time) error { return r.Submitted(now, 1, "x") }, "note job of " + of + " build 1: illegal while planned"},
		{"unknown class", "transcoding", func(r *Record, now time.Time) error { return r.FailBuild(now, 1, Failure{Class: "a/b"}) }, "fail " + of + ` build 1: a failure of class "a/b"`},
		{"no class", "nothing", func(r *Record, now time.Time) error { return r.FailSource(now, src(revA), revA, Failure{}) }, "fail source of " + of + `: a failure of class ""`},
		{"no revision", "nothing", func(r *Record, now time.Time) error { return r.FailSource(now, Source{}, Revision{}, gone) }, "fail source of " + of + ": no revision"},
		{"another source", "nothing", func(r *Record, now time.Time) error { return r.FailSource(now, src(revB), revA, gone) }, "fail source of " + of + ": revision revA is of source version A, not B"},
		{"source of a build", "transcoding", func(r *Record, now time.Time) error { return r.FailSource(now, src(revA), revA, gone) }, "fail source of " + of + " build 1: illegal while transcoding"},
		{"plan a second build", "transcoding", func(r *Record, now time.Time) error { _, err := r.Plan(now, src(revA), revA, spec, nil); return err }, "plan " + of + " build 1: revision revA is in-work"},
		{"plan what viewers have", "current", func(r *Record, now time.Time) error { _, err := r.Plan(now, src(revA), revA, spec, nil); return err }, "plan " + of + " build 1: revision revA is current"},
		{"plan what is there", "standing", func(r *Record, now time.Time) error { _, err := r.Plan(now, src(revA), revA, spec, nil); return err }, "plan " + of + " build 1: revision revA is standing"},
		{"plan what failed", "source failed", func(r *Record, now time.Time) error { _, err := r.Plan(now, src(revA), revA, spec, nil); return err }, "plan " + of + ": revision revA is failed"},
		{"plan what was rolled back from", "nothing", func(r *Record, now time.Time) error {
			r.Rejected = []string{"revA"}
			_, err := r.Plan(now, src(revA), revA, spec, nil)
			return err
		}, "plan " + of + ": revision revA is rejected"},
		{"want what was rolled back from", "previous", func(r *Record, now time.Time) error {
			r.Rejected = []string{"revA"}
			return r.WantStanding(now, src(revA), revA, 1)
		}, "want " + of + ": revision revA is rejected"},
		{"settings that cannot be", "nothing", func(r *Record, now time.Time) error {
			_, err := r.Plan(now, src(revA), revA, func(int) (cloud.JobSpec, error) { return cloud.JobSpec{}, broken }, nil)
			return err
		}, "plan " + of + " build 1: no such rendition"},
		{"replan what did not fail", "transcoding", func(r *Record, now time.Time) error { _, err := r.Replan(now, 1, spec); return err }, "replan " + of + " build 1: illegal while transcoding"},
		{"replan what nobody wants", "failed, others wanted", func(r *Record, now time.Time) error { _, err := r.Replan(now, 1, spec); return err }, "replan " + of + " build 1: its revision is not wanted"},
		{"replan twice", "failed", func(r *Record, now time.Time) error {
			if _, err := r.Replan(now, 1, spec); err != nil {
				return err
			}
			_, err := r.Replan(now, 1, spec)
			return err
		}, "replan " + of + " build 1: build 2 of its revision is planned"},
		{"want another revision", "previous", func(r *Record, now time.Time) error { return r.WantStanding(now, src(revA), revA, 2) }, "want " + of + " build 2: it is of revision revB, not revA"},
		{"switch to what nobody wants", "previous", func(r *Record, now time.Time) error { return r.Switch(now, 1, outputs) }, "switch to " + of + " build 1: its revision is not wanted"},
		{"switch to what is not ready", "transcoding", func(r *Record, now time.Time) error { return r.Switch(now, 1, outputs) }, "switch to " + of + " build 1: illegal while transcoding"},
		{"entries of no switch", "current", func(r *Record, now time.Time) error { return r.EntriesWritten(now, 2) }, "write entries of " + of + ": switch 2 is not made; the last is 1"},
		{"live without entries", "current, not live", func(r *Record, now time.Time) error { return r.Live(now, 1) }, "make live " + of + ": entries of switch 1 are not written; the last are of 0"},
		{"retire the current", "current", func(r *Record, now time.Time) error { return r.Retiring(now, 1) }, "retire " + of + " build 1: it is current"},
		{"retire the previous", "previous", func(r *Record, now time.Time) error { return r.Retiring(now, 1) }, "retire " + of + " build 1: it is previous"},
		{"retire what a job writes", "superseded transcoding", func(r *Record, now time.Time) error { return r.Retiring(now, 1) }, "retire " + of + " build 1: its job may be running"},
		{"retire what has no files", "failed unsubmitted", func(r *Record, now time.Time) error { return r.Retiring(now, 1) }, "retire " + of + " build 1: illegal while failed"},
		{"retire what is due", "standing", func(r *Record, now time.Time) error {
			if err := r.WantStanding(now, src(revA), revA, 1); err != nil {
				return err
			}
			return r.Retiring(now, 1)
		}, "retire " + of + " build 1: a switch to it is due"},
		{"retire before the next is live", "previous", func(r *Record, now time.Time) error {
			h := &history{t: t, Record: r, now: now}
			h.plan(revC).submit(3).do(h.Completed(now, 3)).do(h.Switch(now, 3, outputs)).do(h.EntriesWritten(now, 3))
			r.Build(1).Replaced = time.Time{}
			return r.Retiring(now, 1)
		}, "retire " + of + " build 1: its replacement is not live"},
		{"retired without retiring", "standing", func(r *Record, now time.Time) error { return r.Retired(now, 1) }, "finish retirement of " + of + " build 1: illegal while published"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := states[tt.state](begin(t))
			if got := fmt.Sprint(tt.try(h.Record, h.now)); got != tt.want {
				t.Errorf("error is %q\n      want %q", got, tt.want)
			}
		})
	}
}
