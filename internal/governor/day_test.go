package governor

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/vodfleet/vodfleet/internal/cloud"
)

// today is how many jobs count for the day.
func (f *fixture) today() int {
	f.t.Helper()
	s, err := f.Stats(f.t.Context())
	if err != nil {
		f.t.Fatal(err)
	}
	return s.Today
}

// answering answers requests for jobs with err.
type answering struct {
	cloud.Transcoder
	err error
}

func (a answering) Submit(context.Context, cloud.JobRequest) (cloud.Job, error) {
	return cloud.Job{ID: "j1"}, a.err
}

// What is given back after a request that made a job, or may have, counts for
// the day; after a refusal it does not.
func TestPerDayCountsJobs(t *testing.T) {
	for _, tt := range []struct {
		name string
		err  error
		want int
	}{
		{"a job", nil, 1},
		{"no answer", errors.New("connection reset"), 1},
		{"unavailable", &cloud.Error{Kind: cloud.ErrUnavailable}, 1},
		{"throttled", &cloud.Error{Kind: cloud.ErrThrottled}, 0},
		{"denied", &cloud.Error{Kind: cloud.ErrDenied}, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := newFixture(t, Options{PerDay: 3, Rates: plenty})
			if got := f.admit("live", "a"); got != 0 || f.today() != 1 {
				t.Fatalf("waits %v, %d count", got, f.today())
			}
			request := cloud.JobRequest{Metadata: map[string]string{"fleet": "f1", "asset": "a", "build": "1"}}
			if _, err := f.Limit(answering{err: tt.err}).Submit(t.Context(), request); (err == nil) != (tt.err == nil) {
				t.Fatal(err)
			}
			f.release("a")
			if got := f.today(); got != tt.want {
				t.Errorf("%d count, want %d", got, tt.want)
			}
		})
	}
}

// An admission of which nothing came is given back by the sweep.
func TestPerDayForgottenAdmission(t *testing.T) {
	b := newBoard(t, Options{PerDay: 3, Rates: plenty})
	b.admit("live", "a")
	b.swept()
	b.pass(11 * time.Minute)
	b.swept()
	if got := b.today(); got != 0 {
		t.Errorf("%d count, want none", got)
	}
}

// Bulk leaves live its part of the day.
func TestPerDayReserve(t *testing.T) {
	f := newFixture(t, Options{InFlight: 100, Reserve: 20, PerDay: 50, Rates: plenty})
	admitted := func(lane string) (n int) {
		for i := range 60 {
			if f.admit(lane, fmt.Sprint(lane, i)) == 0 {
				n++
			}
		}
		return n
	}
	if bulk, live := admitted("bulk"), admitted("live"); bulk != 40 || live != 10 {
		t.Errorf("%d bulk and %d live jobs, want 40 and 10", bulk, live)
	}
}

// Who lost everything counts the jobs of the day anew, by the service's lists.
func TestPerDayAfterLoss(t *testing.T) {
	b := newBoard(t, Options{PerDay: 5, Rates: plenty})
	at := func(job string, state cloud.JobState, made time.Time) {
		b.list.put(job, "of-"+job, state)
		j := b.list.jobs[job]
		j.Created = made
		b.list.jobs[job] = j
	}
	noon := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	at("1", cloud.JobComplete, noon)
	at("2", cloud.JobFailed, noon)
	at("3", cloud.JobProgressing, noon)
	at("4", cloud.JobComplete, noon.Add(-24*time.Hour))
	at("5", cloud.JobSubmitted, noon.Add(-24*time.Hour))
	b.swept()
	if got := b.today(); got != 3 {
		t.Errorf("%d count, want the 3 of today", got)
	}
	b.list.reads()
	b.swept()
	if got := b.list.reads(); got != 2 {
		t.Errorf("%d pages were read by the next sweep, want 2", got)
	}
	if a, c, d := b.admit("live", "a"), b.admit("live", "c"), b.admit("live", "d"); a != 0 || c != 0 || d == 0 {
		t.Errorf("wait %v, %v and %v, want room for two", a, c, d)
	}
	b.list.fail(errors.New("away"))
	b.redis.FlushAll()
	if err := b.Sweep(t.Context()); err == nil {
		t.Error("no error where the day cannot be counted")
	}
}
