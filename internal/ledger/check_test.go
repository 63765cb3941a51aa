package ledger

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// TestCheck breaks records in one way each.
func TestCheck(t *testing.T) {
	for _, tt := range []struct {
		state string
		harm  func(r *Record)
		want  string
	}{
		{"nothing", func(r *Record) { r.Asset = "a/b" }, `asset "a/b" is no asset ID`},
		{"nothing", func(r *Record) { r.Location.Key = "" }, "no source: s3://library/"},
		{"nothing", func(r *Record) { r.Location.Key = "\xff" }, `source "s3://library/\xff" is not UTF-8`},
		{"nothing", func(r *Record) { r.Reference = "\xff" }, `reference "\xff" is not UTF-8`},
		{"nothing", func(r *Record) { r.Reference = strings.Repeat("x", 257) }, "reference of 257 bytes, limit 256"},
		{"nothing", func(r *Record) { r.History = make([]Event, 51) }, "51 lines of history, limit 50"},
		{"nothing", func(r *Record) { r.Nonces = make([]string, 17) }, "17 nonces, limit 16"},
		{"nothing", func(r *Record) { r.Marks.Open = 1 }, "markers 1 and 0, the last is 0"},
		{"nothing", func(r *Record) { r.Failure = &gone }, "no wanted revision"},
		{"nothing", func(r *Record) { r.Seq = 1 }, "no current build after 1 switches"},
		{"source failed", func(r *Record) { r.Failure.Class = "" }, "a failure without a class"},
		{"planned", func(r *Record) { r.Failure = &gone }, "the wanted revision has failed, and its build 1 is planned"},
		{"planned", func(r *Record) { r.Wanted = revB }, "build 1 is planned, but revision revB is wanted"},
		{"planned", func(r *Record) { r.NextBuild = 1 }, "next build 1, but build 1 is there"},
		{"planned", func(r *Record) { r.Builds = append(r.Builds, r.Builds[0]) }, "build 1 follows build 1"},
		{"planned", func(r *Record) { b := r.Builds[0]; b.Number = 2; r.Builds = append(r.Builds, b) }, "builds 1 and 2 are both unfinished"},
		{"planned", func(r *Record) { r.Builds[0].Revision.ID = "" }, "build 1 (planned): no revision"},
		{"planned", func(r *Record) { r.Builds[0].Spec = nil }, "build 1 (planned): no job spec"},
		{"planned", func(r *Record) { r.Builds[0].Intent = new(Intent) }, "build 1 (planned): an intent"},
		{"planned", func(r *Record) { r.Builds[0].Job = "j" }, "build 1 (planned): a job without an intent"},
		{"planned", func(r *Record) { r.Builds[0].Failure = &gone }, "build 1 (planned): a failure"},
		{"planned", func(r *Record) { r.Builds[0].State = "lost" }, "build 1 (lost): unknown state"},
		{"planned", func(r *Record) { r.Current, r.Seq = 1, 1 }, "build 1 is shown and planned"},
		{"submitting", func(r *Record) { r.Builds[0].Intent = nil }, "build 1 (submitting): want an intent and no job"},
		{"transcoding", func(r *Record) { r.Builds[0].JobDone = start }, "build 1 (transcoding): want a running job"},
		{"transcoded", func(r *Record) { r.Builds[0].JobDone = time.Time{} }, "build 1 (transcoded): want a job that ended"},
		{"current", func(r *Record) { r.Builds[0].Outputs = nil }, "build 1 (published): no outputs"},
		{"current", func(r *Record) { r.Previous = 1 }, "build 1 is current and previous"},
		{"current", func(r *Record) { r.Previous = 9 }, "build 9 is shown and not there"},
		{"current", func(r *Record) { r.Seq = 0 }, "build 1 is current without a switch"},
		{"current", func(r *Record) { r.LiveSeq = 2 }, "want live switch 2 ≤ entries' switch 1 ≤ switch 1"},
		{"current", func(r *Record) { r.EntriesSeq = 2 }, "want live switch 1 ≤ entries' switch 2 ≤ switch 1"},
		{"failed", func(r *Record) { r.Builds[0].Failure = nil }, "build 1 (failed): no failure of its own"},
		{"superseded planned", func(r *Record) { r.Builds[0].Replaced = time.Time{} }, "build 1 (superseded): no time of its replacement"},
		{"previous", func(r *Record) { r.Builds[1].Job = "job-1" }, "builds 1 and 2 have the same job job-1"},
	} {
		t.Run(tt.state+"/"+tt.want, func(t *testing.T) {
			r := states[tt.state](begin(t)).Record
			if err := r.Check(); err != nil {
				t.Fatalf("before: %v", err)
			}
			tt.harm(r)
			if got, want := fmt.Sprint(r.Check()), "check record of asset "+r.Asset+": "+tt.want; got != want {
				t.Errorf("Check: %s\n want %s", got, want)
			}
		})
	}
}
