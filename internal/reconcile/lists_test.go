package reconcile

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vodfleet/vodfleet/internal/cloud"
	"github.com/vodfleet/vodfleet/internal/cloud/memcloud"
	"github.com/vodfleet/vodfleet/internal/ledger"
)

// job submits a job for a build as a run of this or another fleet would, and
// returns its ID.
func (w *world) job(rec *ledger.Record, build int, change func(r *cloud.JobRequest)) string {
	w.Helper()
	spec := *rec.Builds[len(rec.Builds)-1].Spec
	if b := rec.Build(build); b != nil {
		spec = *b.Spec
	}
	spec.Groups[0].Outputs = []cloud.Output{{NameModifier: "_v", Video: &cloud.Video{Height: 720, MaxBitrate: 1e6, Quality: 7}}}
	spec.Groups[0].Segment, spec.Groups[0].Fragment = 6*time.Second, 2*time.Second
	w.mem.Store.Seed(cloud.Put{Location: rec.Location, Body: []byte("video")})
	r := cloud.JobRequest{
		Token: fmt.Sprint("token", len(w.mem.Transcoder.Jobs())), Role: "arn:aws:iam::111122223333:role/media", Spec: spec,
		Metadata: map[string]string{"fleet": "fleet", "asset": rec.Asset, "build": fmt.Sprint(build), "revision": "R"},
	}
	if change != nil {
		change(&r)
	}
	job, err := w.mem.Transcoder.Submit(w.Context(), r)
	if err != nil {
		w.Fatal(err)
	}
	return job.ID
}

// TestLists: what becomes of a job by what the ledger knows of it. Each case
// has a job that runs for an hour.
func TestLists(t *testing.T) {
	forged := func(name, value string) func(*cloud.JobRequest) {
		return func(r *cloud.JobRequest) { r.Metadata[name] = value }
	}
	_, other := video(2)
	for _, tt := range []struct {
		name  string
		steps []step
		build int
		job   func(*cloud.JobRequest)
		want  string // kinds
		state cloud.JobState
		after time.Duration // of the look
	}{
		{"of an intent, not noted", []step{planned, intended}, 1, nil, "adopted-job", cloud.JobProgressing, 0},
		{"of another job's build", []step{planned, intended, submitted}, 1, nil, "duplicate-job", cloud.JobCanceled, 0},
		{"of another job's build, complete", []step{planned, intended, submitted}, 1, nil, "paid-job", cloud.JobComplete, 90 * time.Minute},
		{"of another job's build, long complete", []step{planned, intended, submitted}, 1, nil, "", cloud.JobComplete, 4 * time.Hour},
		{"of a build that failed without it", []step{planned, intended, broken}, 1, nil, "duplicate-job", cloud.JobCanceled, 0},
		{"of another fleet", []step{planned, intended, submitted}, 1, forged("fleet", "theirs"), "", cloud.JobProgressing, 0},
		{"of no fleet", []step{planned, intended, submitted}, 1, func(r *cloud.JobRequest) { r.Metadata = nil }, "", cloud.JobProgressing, 0},
		{"of no asset", []step{planned, intended, submitted}, 1, forged("asset", "notes"), "unknown-job", cloud.JobProgressing, 0},
		{"of an asset that nobody knows", []step{planned, intended, submitted}, 1, forged("asset", other), "unknown-job", cloud.JobProgressing, 0},
		{"of no build", []step{planned, intended, submitted}, 1, forged("build", "one"), "unknown-job", cloud.JobProgressing, 0},
		{"of a build to come", []step{planned, intended, submitted}, 7, nil, "unknown-job", cloud.JobProgressing, 0},
		{"writing elsewhere", []step{planned, intended, submitted}, 1, func(r *cloud.JobRequest) {
			r.Spec.Groups = slices.Clone(r.Spec.Groups)
			r.Spec.Groups[0].Destination.Key = "theirs/video"
		}, "unknown-job", cloud.JobProgressing, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				w.mem = memcloud.New(memcloud.Options{Run: func(cloud.JobSpec) time.Duration { return time.Hour }})
				w.book = ledger.New(w.mem.Store, cloud.Location{Bucket: "ledger"})
				w.r.Ledger, w.r.Transcoder = w.book, w.mem.Transcoder
				rec := w.record(1, tt.steps...)
				id := w.job(rec, tt.build, tt.job)
				time.Sleep(tt.after + time.Minute)
				dry := kinds(w.run(true))
				if job, err := w.mem.Transcoder.Job(t.Context(), id); err != nil || job.State == cloud.JobCanceled {
					t.Errorf("a dry run leaves the job %s, %v", job.State, err)
				}
				got := kinds(w.run(false))
				job, err := w.mem.Transcoder.Job(t.Context(), id)
				if got != tt.want || dry != tt.want || err != nil || job.State != tt.state {
					t.Errorf("found %q, dry %q, job is %s, %v, want %q, %s", got, dry, job.State, err, tt.want, tt.state)
				}
			})
		})
	}
}

// kinds are the kinds of the jobs that a pass found.
func kinds(r Report) string {
	var all []string
	for _, f := range r.Findings {
		if f.Job != "" {
			all = append(all, string(f.Kind))
		}
	}
	return strings.Join(all, ", ")
}

// TestListsAreSeldom: passes look through the lists once an hour, each time back
// to the time before.
func TestListsAreSeldom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.r.Transcoder = w.mem.Transcoder
		rec := w.record(1, planned, intended, submitted)
		for range 100 { // of another fleet, and complete in ten seconds
			w.job(rec, 1, func(r *cloud.JobRequest) { r.Metadata["fleet"] = "theirs" })
			time.Sleep(2 * time.Minute)
		}
		for _, tt := range []struct {
			after time.Duration
			pages int
		}{
			{0, 4 + 4},            // 60 jobs of two hours, and the page after them
			{time.Minute, 0},      // too soon
			{59 * time.Minute, 5}, // none since
			{time.Hour, 5},
		} {
			time.Sleep(tt.after)
			cost := w.calls()
			r := w.run(false)
			if got := cost()["Transcoder.List"]; got != tt.pages {
				t.Errorf("%v later: %d pages, %d jobs, want %d pages", tt.after, got, r.Jobs, tt.pages)
			}
		}
	})
}

// A record that cannot be read keeps no other job from being looked at.
func TestListsCorruptRecord(t *testing.T) {
	w := newWorld(t)
	w.r.Transcoder = w.mem.Transcoder
	one, two := w.record(1, planned, intended, submitted), w.record(2, planned, intended, submitted)
	w.job(two, 1, nil)
	w.job(one, 1, nil)
	w.seed(1, "{")
	r := w.run(false)
	want := map[Kind]int{CorruptRecord: 2, DuplicateJob: 1, NoTask: 1} // the record by its marker and by its job
	if !maps.Equal(r.Found, want) {
		t.Errorf("found %v, want %v", r.Found, want)
	}
}

// TestSeen: what a sweep meets is counted with what passes find.
func TestSeen(t *testing.T) {
	w := newWorld(t)
	w.r.Transcoder = w.mem.Transcoder
	rec := w.record(1, planned, intended, submitted)
	id := w.job(rec, 1, nil)
	for range 2 {
		job, err := w.mem.Transcoder.Job(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		if err := w.r.Seen(t.Context(), job); err != nil {
			t.Fatal(err)
		}
	}
	got := gather(t, w.r)
	for name, want := range map[string]float64{
		"vodfleet_reconcile_found_total duplicate-job": 1, "vodfleet_reconcile_mended_total duplicate-job": 1,
		"vodfleet_reconcile_found_total ended-job": 1, "vodfleet_reconcile_mended_total ended-job": 0,
	} {
		if got[name] != want {
			t.Errorf("%s is %v, want %v", name, got[name], want)
		}
	}
}
