package stage_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vodfleet/vodfleet/internal/cloud"
	"github.com/vodfleet/vodfleet/internal/cloud/memcloud"
	"github.com/vodfleet/vodfleet/internal/ledger"
	"github.com/vodfleet/vodfleet/internal/stage"
)

// heldUp has a run stand still between its intent and its request, while others
// go on, and die after it if lost says so. It returns how many jobs there are in
// the end.
func (w *world) heldUp(stall time.Duration, lost bool) int {
	w.t.Helper()
	task := w.planned()
	stalled := w.submitter()
	stalled.Next = &memQueue{}
	stalled.Transcoder = deaf{stalled.Transcoder, stall, lost}
	ended := make(chan error)
	go func() { ended <- stalled.Handle(context.Background(), task) }()
	time.Sleep(2 * time.Second)
	w.drain()
	<-ended
	w.drain()
	return len(w.mem.Transcoder.Jobs())
}

var long = memcloud.Options{Run: func(cloud.JobSpec) time.Duration { return 30 * time.Minute }}

// A run is held up between its intent and its request, for longer than the
// request is good, and for a little less. The other runs go on meanwhile. Only
// one job is ever made.
func TestHeldUpRequest(t *testing.T) {
	for _, stall := range []time.Duration{9 * time.Second, time.Minute, 4*time.Minute + 50*time.Second, 5*time.Minute + time.Second, 8 * time.Minute, time.Hour} {
		for _, lost := range []bool{false, true} {
			t.Run(fmt.Sprint(stall, ", its answer is lost: ", lost), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					w := newWorld(t, long)
					if jobs := w.heldUp(stall, lost); jobs != 1 {
						t.Errorf("%d jobs, want 1", jobs)
					}
					w.published(1, 1)
				})
			})
		}
	}
}

// Without any one of its parts the protocol makes two jobs of one build, and
// the test above would see it.
func TestHeldUpRequestUnguarded(t *testing.T) {
	for name, breaks := range map[string]func(w *world){
		"signed as of now":      func(w *world) { w.submit.Transcoder = ageless{w.mem.Transcoder} },
		"lists that hide jobs":  func(w *world) { w.submit.Transcoder = hidden{w.mem.Transcoder} },
		"a clock that is ahead": func(w *world) { w.submit.Ledger = hasty{w.book} },
	} {
		t.Run(name, func(t *testing.T) {
			most := 0
			for _, stall := range []time.Duration{4*time.Minute + 50*time.Second, time.Hour} {
				for _, lost := range []bool{false, true} {
					synctest.Test(t, func(t *testing.T) {
						w := newWorld(t, long)
						breaks(w)
						most = max(most, w.heldUp(stall, lost))
					})
				}
			}
			if most < 2 {
				t.Errorf("%d jobs at most: the test is blind", most)
			}
		})
	}
}

// ageless sends requests as of now.
type ageless struct{ cloud.Transcoder }

func (a ageless) Submit(ctx context.Context, r cloud.JobRequest) (cloud.Job, error) {
	r.At = time.Time{}
	return a.Transcoder.Submit(ctx, r)
}

// hidden shows no job in its lists.
type hidden struct{ cloud.Transcoder }

func (hidden) List(context.Context, cloud.JobQuery) (cloud.JobPage, error) {
	return cloud.JobPage{}, nil
}

// hasty is a ledger of a clock that is ahead of the cloud's.
type hasty struct{ stage.Book }

const haste = 4*time.Minute + 30*time.Second

func (h hasty) Now() time.Time { return h.Book.Now().Add(haste) }

func (h hasty) UpdateFrom(ctx context.Context, rec *ledger.Record, change func(time.Time, *ledger.Record) error) (*ledger.Record, error) {
	return h.Book.UpdateFrom(ctx, rec, func(now time.Time, r *ledger.Record) error {
		if b := r.Build(1); b != nil && b.State == ledger.Submitting {
			now = now.Add(haste)
		}
		return change(now, r)
	})
}

// deaf is a transcoder as a process has it that is stopped before its request
// for a job: its deadline goes by, and the request is sent all the same. Its
// answer may be lost.
type deaf struct {
	stage.Submitter
	stall time.Duration
	lost  bool
}

func (d deaf) Submit(ctx context.Context, r cloud.JobRequest) (cloud.Job, error) {
	time.Sleep(d.stall)
	job, err := d.Submitter.Submit(context.WithoutCancel(ctx), r)
	if d.lost {
		return cloud.Job{}, cloud.ErrUnavailable
	}
	return job, err
}
