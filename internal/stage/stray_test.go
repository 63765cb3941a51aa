package stage_test

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vodfleet/vodfleet/internal/cloud"
	"github.com/vodfleet/vodfleet/internal/cloud/memcloud"
	"github.com/vodfleet/vodfleet/internal/ledger"
	"github.com/vodfleet/vodfleet/internal/stage"
	"github.com/vodfleet/vodfleet/tasks"
	"go.uber.org/zap"
)

// Jobs that no poll waits for, by what the ledger says of their build.
func TestStray(t *testing.T) {
	const job = "1-stray"
	intend := func(w *world) {
		w.planned()
		w.dieAt("Transcoder.Submit")
		t, _ := w.queue.next()
		w.run(t)
		w.queue.tasks = nil
	}
	running := func(w *world) {
		w.planned()
		w.until(1, ledger.Transcoding)
		w.queue.tasks = nil
	}
	supersede := func(w *world) {
		_, err := w.book.Update(w.t.Context(), w.asset(), func(now time.Time, r *ledger.Record) error { return r.Supersede(now, 1) })
		w.must(err)
	}
	for _, tt := range []struct {
		name     string
		before   func(w *world)
		job      func(w *world, j *cloud.Job)
		state    cloud.JobState
		want     stage.Finding
		canceled bool
		next     string // task that is set going
	}{
		{"its answer was lost", intend, nil, cloud.JobSubmitted, stage.JobAdopted, false, "transcode-submit"},
		{"its answer was lost, and it is complete", intend, nil, cloud.JobComplete, stage.JobAdopted, false, "transcode-submit"},
		{"of a superseded intent", func(w *world) { intend(w); supersede(w) }, nil, cloud.JobProgressing, stage.JobAdopted, false, "transcode-submit"},
		{"known, and its poll is lost", running, func(w *world, j *cloud.Job) { j.ID = w.record().Build(1).Job }, cloud.JobProgressing, stage.JobKnown, false, "transcode-poll"},
		{"known, of a superseded build", func(w *world) { running(w); supersede(w) }, func(w *world, j *cloud.Job) { j.ID = w.record().Build(1).Job }, cloud.JobProgressing, stage.JobKnown, false, "transcode-poll"},
		{"known, and over", func(w *world) { running(w); w.must(w.queue.Enqueue(w.t.Context(), stage.Next(w.record()))); w.drain() },
			func(w *world, j *cloud.Job) { j.ID = w.record().Build(1).Job }, cloud.JobProgressing, stage.JobKnown, false, ""},
		{"one too many", running, nil, cloud.JobSubmitted, stage.JobDuplicate, true, ""},
		{"one too many, at work", running, nil, cloud.JobProgressing, stage.JobDuplicate, true, ""},
		{"one too many, in a state to come", running, nil, "PAUSED", stage.JobDuplicate, true, ""},
		{"one too many, complete", running, nil, cloud.JobComplete, stage.JobPaid, false, ""},
		{"one too many, failed", running, nil, cloud.JobFailed, stage.JobEnded, false, ""},
		{"of a build that has ended without a job", func(w *world) {
			w.planned()
			w.must(w.mem.Store.Delete(w.t.Context(), source.Bucket, source.Key))
			w.drain()
		}, nil, cloud.JobProgressing, stage.JobDuplicate, true, ""},
		{"of a build without an intent", func(w *world) { w.planned(); w.queue.tasks = nil }, nil, cloud.JobProgressing, stage.JobUnknown, false, ""},
		{"that writes elsewhere", running, func(_ *world, j *cloud.Job) { j.Destination.Key += "x" }, cloud.JobProgressing, stage.JobUnknown, false, ""},
		{"of a build to come", running, func(_ *world, j *cloud.Job) { j.Metadata["build"] = "7" }, cloud.JobProgressing, stage.JobUnknown, false, ""},
		{"of no build", running, func(_ *world, j *cloud.Job) { j.Metadata["build"] = "x" }, cloud.JobProgressing, stage.JobUnknown, false, ""},
		{"of no asset", running, func(_ *world, j *cloud.Job) { j.Metadata["asset"] = "../x" }, cloud.JobProgressing, stage.JobUnknown, false, ""},
		{"of an asset that is not known", running, func(_ *world, j *cloud.Job) { j.Metadata["asset"] = tasks.AssetID("b", "k") }, cloud.JobProgressing, stage.JobUnknown, false, ""},
		{"of another fleet", running, func(_ *world, j *cloud.Job) { j.Metadata["fleet"] = "other" }, cloud.JobProgressing, "", false, ""},
		{"without metadata", running, func(_ *world, j *cloud.Job) { j.Metadata = nil }, cloud.JobProgressing, "", false, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, memcloud.Options{})
				tt.before(w)
				w.mem.SetHooks(memcloud.Hooks{})
				spec := w.record().Build(1).Spec
				j := cloud.Job{
					ID: job, State: tt.state, Destination: spec.Groups[0].Destination,
					Metadata: map[string]string{"fleet": "test", "asset": w.asset(), "build": "1"},
				}
				if tt.job != nil {
					tt.job(w, &j)
				}
				var found stage.Finding
				canceled := ""
				s := stage.Stray{
					Ledger: w.book, Next: w.queue, Fleet: "test", Log: zap.NewNop(),
					Canceler: cancels(func(id string) error { canceled = id; return nil }),
					Found:    func(f stage.Finding, _ cloud.Job) { found = f },
				}
				w.must(s.Handle(t.Context(), j))
				if found != tt.want || (canceled == j.ID) != tt.canceled {
					t.Errorf("found %q, canceled %q, want %q and %v", found, canceled, tt.want, tt.canceled)
				}
				next := ""
				if len(w.queue.tasks) > 0 {
					next = w.queue.tasks[0].Kind()
				}
				if next != tt.next {
					t.Errorf("set going %q, want %q", next, tt.next)
				}
			})
		})
	}
}

// A ledger that cannot be read, or a cancel that fails, is for the next sweep.
func TestStrayInDoubt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, memcloud.Options{})
		w.planned()
		w.until(1, ledger.Transcoding)
		j := cloud.Job{
			ID: "1-stray", State: cloud.JobProgressing, Destination: w.record().Build(1).Spec.Groups[0].Destination,
			Metadata: map[string]string{"fleet": "test", "asset": w.asset(), "build": "1"},
		}
		var answer error
		var found []stage.Finding
		s := stage.Stray{
			Ledger: w.book, Next: w.queue, Fleet: "test", Log: zap.NewNop(), Found: func(f stage.Finding, _ cloud.Job) { found = append(found, f) },
			Canceler: cancels(func(string) error { return answer }),
		}
		answer = cloud.ErrThrottled
		if err := s.Handle(t.Context(), j); !errors.Is(err, cloud.ErrThrottled) {
			t.Errorf("Handle = %v, want the error of the cancel", err)
		}
		answer = cloud.ErrConflict
		w.must(s.Handle(t.Context(), j))
		answer = nil
		w.mem.SetHooks(memcloud.Hooks{Before: func(op, _ string) error { return cloud.ErrUnavailable }})
		if err := s.Handle(t.Context(), j); !errors.Is(err, cloud.ErrUnavailable) {
			t.Errorf("Handle = %v, want the error of the ledger", err)
		}
		if fmt.Sprint(found) != "[paid]" {
			t.Errorf("found %v, want only the one that has ended meanwhile, as paid", found)
		}
	})
}

// A run makes a job after every guard and dies before it can cancel it: the
// next sweep does.
func TestStrayAfterAStall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, long)
		task := w.planned()
		stalled := w.submitter()
		stalled.Next = &memQueue{}
		stalled.Transcoder = deaf{ageless{w.mem.Transcoder}, 10 * time.Minute, true}
		ended := make(chan error)
		go func() { ended <- stalled.Handle(t.Context(), task) }()
		time.Sleep(2 * time.Second)
		w.until(1, ledger.Transcoding)
		<-ended
		time.Sleep(30 * time.Second)
		s := stage.Stray{Ledger: w.book, Canceler: w.mem.Transcoder, Next: w.queue, Fleet: "test", Log: zap.NewNop()}
		for _, j := range w.mem.Transcoder.Jobs() {
			w.must(s.Handle(t.Context(), j))
		}
		w.drain()
		w.published(1, 1)
		jobs := w.mem.Transcoder.Jobs()
		if len(jobs) != 2 || jobs[0].State != cloud.JobComplete || jobs[1].State != cloud.JobCanceled {
			t.Errorf("jobs %+v, want the ledger's complete and the other canceled", jobs)
		}
	})
}
