package cloudtest

import (
	"context"
	"errors"
	"maps"
	"testing"
	"time"

	"github.com/vodfleet/vodfleet/internal/cloud"
)

// Events checks a [cloud.Events] that gets the events of the cloud's own
// Transcoder, in [Cloud.Events]; they may come late, twice and in any order,
// but come. Checks may share one queue: each cares for its own job alone.
func Events(t *testing.T, run Run) {
	all(t, run, []check{
		{"a job's events", jobEvents},
		{"events of a job that fails", failedJobEvents},
		{"events of a job that is canceled", canceledJobEvents},
		{"what is not done comes again", eventsAgain},
		{"a wait without events", eventsWait},
		{"done is safe to repeat", eventsDoneAgain},
		{"a queue that is not there", noEvents},
		{"failures", eventsFail},
	})
}

// until receives events until want says that one is it, and is done with all
// but that one. It shows want every event that it is done with. It fails the test once a minute and twenty receives have passed.
func (c *Cloud) until(t *testing.T, what string, want func(cloud.Event) bool) cloud.Event {
	t.Helper()
	for range 60 {
		got, err := c.Events.Receive(t.Context(), time.Second)
		if err != nil || len(got) > cloud.MaxEvents {
			t.Fatalf("Receive = %d events, %v", len(got), err)
		}
		var found *cloud.Event
		var others []string
		for i, e := range got {
			if e.Receipt == "" || e.ID == "" {
				t.Errorf("event %+v without a receipt or an ID", e)
			}
			if want(e) && found == nil {
				found = &got[i]
			} else {
				others = append(others, e.Receipt)
			}
		}
		if err := c.Events.Done(t.Context(), others...); err != nil {
			t.Fatalf("Done = %v", err)
		}
		if found != nil {
			return *found
		}
		c.Sleep(time.Second)
	}
	t.Fatalf("no event of %s", what)
	return cloud.Event{}
}

// endOf returns the event of a job's end, which is not done. It shows look, if
// there is one, what was received until then.
func (c *Cloud) endOf(t *testing.T, job cloud.Job, look ...func(cloud.Event)) cloud.Event {
	t.Helper()
	e := c.until(t, "the end of job "+job.ID, func(e cloud.Event) bool {
		for _, f := range look {
			f(e)
		}
		return e.Job != nil && e.Job.ID == job.ID && e.Job.State.Ended()
	})
	if !maps.Equal(e.Job.Metadata, job.Metadata) || e.Job.Queue != job.Queue || e.Problem != "" || e.Uploads != nil || len(e.Account) != 12 || e.Job.Status == "" {
		t.Errorf("event %+v of job %+v, want it of %+v", e, e.Job, job)
	}
	if now := c.Store.Now(); !c.near(e.At, now) && e.At.Before(now.Add(-5*time.Minute)) || e.At.After(now.Add(max(c.Slack, 5*time.Second))) {
		t.Errorf("event at %v, and now is %v", e.At, now)
	}
	return e
}

func jobEvents(t *testing.T, c *Cloud) {
	job := c.submit(t, c.request("events", c.source(t, "in/v.mp4")))
	var progress bool
	look := func(e cloud.Event) {
		if e.Job == nil || e.Job.ID != job.ID || e.Job.State != cloud.JobProgressing {
			return
		}
		progress = true
		if e.Job.Percent < 0 || e.Job.Percent > 100 || e.Job.ErrorCode != 0 {
			t.Errorf("event of a job at work: %+v", e.Job)
		}
	}
	// Progress and end may come by one answer, and the end before the progress.
	e := c.endOf(t, job, look)
	if !progress {
		c.until(t, "progress of job "+job.ID, func(e cloud.Event) bool { look(e); return progress })
	}
	if e.Job.State != cloud.JobComplete || e.Job.Percent != 100 {
		t.Errorf("event of the end %+v, want it complete", e.Job)
	}
	if got, err := c.Transcoder.Job(t.Context(), job.ID); err != nil || got.State != cloud.JobComplete {
		t.Errorf("after the event Job = %+v, %v", got, err)
	}
	if err := c.Events.Done(t.Context(), e.Receipt); err != nil {
		t.Errorf("Done = %v", err)
	}
}

func failedJobEvents(t *testing.T, c *Cloud) {
	if c.FailJob == nil {
		t.Skip("the backend cannot be made to fail a job")
	}
	c.FailJob(1404)
	job := c.submit(t, c.request("events fail", c.source(t, "in/v.mp4")))
	e := c.endOf(t, job)
	if e.Job.State != cloud.JobFailed || e.Job.ErrorCode != 1404 || e.Job.Message == "" {
		t.Errorf("event %+v, want a failure of code 1404 in words", e.Job)
	}
}

func canceledJobEvents(t *testing.T, c *Cloud) {
	job := c.submit(t, c.request("events cancel", c.source(t, "in/v.mp4")))
	if err := c.Transcoder.Cancel(t.Context(), job.ID); err != nil {
		t.Fatal(err)
	}
	if e := c.endOf(t, job); e.Job.State != cloud.JobCanceled || e.Job.ErrorCode != 0 {
		t.Errorf("event %+v, want it canceled", e.Job)
	}
}

func eventsAgain(t *testing.T, c *Cloud) {
	job := c.submit(t, c.request("events again", c.source(t, "in/v.mp4")))
	first := c.endOf(t, job)
	for range 3 { // another copy of it is not what is meant here
		c.Sleep(time.Second)
		got, err := c.Events.Receive(t.Context(), 0)
		if err != nil {
			t.Fatalf("Receive = %v", err)
		}
		for _, e := range got {
			if err := c.Events.Done(t.Context(), e.Receipt); err != nil {
				t.Fatalf("Done = %v", err)
			}
		}
	}
	c.Sleep(c.Visibility + 10*time.Second)
	again := c.endOf(t, job)
	if again.ID != first.ID || again.Receipt == first.Receipt {
		t.Errorf("it comes again as %s by %s, was %s by %s: want the same by another receipt", again.ID, again.Receipt, first.ID, first.Receipt)
	}
	if err := c.Events.Done(t.Context(), again.Receipt, first.Receipt); err != nil {
		t.Errorf("Done = %v", err)
	}
}

func eventsWait(t *testing.T, c *Cloud) {
	for range 100 { // what other checks have left
		got, err := c.Events.Receive(t.Context(), 0)
		if err != nil {
			t.Fatalf("Receive = %v", err)
		}
		if len(got) == 0 {
			break
		}
	}
	got, err := c.Events.Receive(t.Context(), 2*time.Second)
	if err != nil || len(got) != 0 {
		t.Errorf("Receive of nothing = %d events, %v", len(got), err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if got, err := c.Events.Receive(ctx, time.Hour); len(got) != 0 || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Receive beyond its context = %d events, %v, want %v", len(got), err, context.DeadlineExceeded)
	}
}

func eventsDoneAgain(t *testing.T, c *Cloud) {
	job := c.submit(t, c.request("events done", c.source(t, "in/v.mp4")))
	e := c.endOf(t, job)
	for range 2 {
		if err := c.Events.Done(t.Context(), e.Receipt); err != nil {
			t.Errorf("Done = %v", err)
		}
	}
	var many []string
	for range 25 {
		many = append(many, e.Receipt)
	}
	if err := c.Events.Done(t.Context(), many...); err != nil {
		t.Errorf("Done of %d receipts = %v", len(many), err)
	}
	if err := c.Events.Done(t.Context()); err != nil {
		t.Errorf("Done of nothing = %v", err)
	}
}

func noEvents(t *testing.T, c *Cloud) {
	if c.NoEvents == nil {
		t.Skip("the backend has but one queue")
	}
	_, err := c.NoEvents.Receive(t.Context(), 0)
	wantKind(t, "Receive of no queue", err, cloud.ErrNotFound)
	wantKind(t, "Done of no queue", c.NoEvents.Done(t.Context(), "receipt"), cloud.ErrNotFound)
}

func eventsFail(t *testing.T, c *Cloud) {
	fails(t, c, map[string]func(context.Context) error{
		"Receive": func(ctx context.Context) error { _, err := c.Events.Receive(ctx, 0); return err },
		"Done":    func(ctx context.Context) error { return c.Events.Done(ctx, "receipt") },
	})
}
