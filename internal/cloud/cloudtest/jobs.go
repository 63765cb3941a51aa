package cloudtest

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/vodfleet/vodfleet/internal/cloud"
)

const jobPage = 20 // jobs of one page, at most

// jobs lists all jobs in a state whose metadata say that they are a check's.
func (c *Cloud) jobs(t *testing.T, q cloud.JobQuery, check string) []cloud.Job {
	t.Helper()
	var found []cloud.Job
	var last cloud.Job
	for range 1000 {
		page, err := c.Transcoder.List(t.Context(), q)
		if err != nil {
			t.Fatalf("List(%+v) = %v", q, err)
		}
		if len(page.Jobs) > jobPage {
			t.Errorf("List gives a page of %d jobs, want at most %d", len(page.Jobs), jobPage)
		}
		for _, job := range page.Jobs {
			if job.State != q.State {
				t.Errorf("List(%+v) has %+v", q, job)
			}
			if last.ID != "" && (q.Oldest && job.Created.Before(last.Created) || !q.Oldest && job.Created.After(last.Created)) {
				t.Errorf("List(%+v) has %s of %v behind %s of %v", q, job.ID, job.Created, last.ID, last.Created)
			}
			if last = job; job.Metadata["check"] == check {
				found = append(found, job)
			}
		}
		if q.Cursor = page.Next; q.Cursor == "" {
			return found
		}
	}
	t.Fatalf("List(%+v) does not end", q)
	return nil
}

// settled waits until lists have caught up.
func (c *Cloud) settled(t *testing.T, q cloud.JobQuery, check string, want int) []cloud.Job {
	t.Helper()
	var found []cloud.Job
	for range 60 {
		if found = c.jobs(t, q, check); len(found) == want {
			return found
		}
		c.Sleep(time.Second)
	}
	t.Fatalf("List(%+v) has %d jobs, want %d", q, len(found), want)
	return nil
}

func lists(t *testing.T, c *Cloud) {
	r := c.request("lists", c.source(t, "in/v.mp4"))
	done := c.ended(t, c.submit(t, r).ID)
	r.Token, r.Queue = "token-lists2", c.Queue
	canceled := c.submit(t, r)
	if err := c.Transcoder.Cancel(t.Context(), canceled.ID); err != nil {
		t.Fatalf("Cancel = %v", err)
	}
	got := c.settled(t, cloud.JobQuery{State: cloud.JobComplete}, "lists", 1)[0]
	if got.ID != done.ID || !got.Created.Equal(done.Created) || got.Destination != done.Destination || !maps.Equal(got.Metadata, done.Metadata) || got.Percent != 100 {
		t.Errorf("List has %+v, want what Job tells, %+v", got, done)
	}
	if got := c.settled(t, cloud.JobQuery{State: cloud.JobCanceled}, "lists", 1); got[0].ID != canceled.ID {
		t.Errorf("List has %+v canceled, want %s", got, canceled.ID)
	}
	for _, tt := range []struct {
		state cloud.JobState
		queue string
		want  int
	}{
		{cloud.JobComplete, c.Queue, 0}, {cloud.JobCanceled, c.Queue, 1}, {cloud.JobCanceled, canceled.Queue, 1}, {cloud.JobCanceled, done.Queue, 0},
		{cloud.JobComplete, done.Queue, 1}, {cloud.JobFailed, "", 0},
	} {
		c.settled(t, cloud.JobQuery{State: tt.state, Queue: tt.queue}, "lists", tt.want)
	}
}

func jobPages(t *testing.T, c *Cloud) {
	const n = 2*jobPage + 5
	source := c.source(t, "in/v.mp4")
	want := map[string]bool{}
	for i := range n {
		r := c.request("pages", source)
		r.Token = fmt.Sprint("token-pages-", i)
		for g := range r.Spec.Groups {
			r.Spec.Groups[g].Destination = c.at(fmt.Sprintf("out/pages%d/%d/video", i, g))
		}
		want[c.submit(t, r).ID] = true
		c.Sleep(10 * time.Millisecond)
	}
	if len(want) != n {
		t.Fatalf("%d jobs of %d submitted", len(want), n)
	}
	for id := range want {
		if job := c.ended(t, id); job.State != cloud.JobComplete {
			t.Fatalf("job %+v, want it complete", job)
		}
	}
	down := c.settled(t, cloud.JobQuery{State: cloud.JobComplete}, "pages", n)
	up := c.settled(t, cloud.JobQuery{State: cloud.JobComplete, Oldest: true}, "pages", n)
	for _, found := range [][]cloud.Job{down, up} {
		seen := map[string]bool{}
		for _, job := range found {
			seen[job.ID] = true
		}
		if !maps.Equal(seen, want) {
			t.Errorf("List has %d jobs, %d different ones, want the %d submitted", len(found), len(seen), n)
		}
	}
	slices.Reverse(up)
	if !slices.EqualFunc(down, up, func(a, b cloud.Job) bool { return a.Created.Equal(b.Created) }) {
		t.Error("one order is not the other's reverse")
	}
}

func invalidLists(t *testing.T, c *Cloud) {
	_, err := c.Transcoder.List(t.Context(), cloud.JobQuery{State: cloud.JobComplete, Cursor: "no page gave this"})
	wantKind(t, "List from a cursor that no page gave", err, cloud.ErrInvalid)
	_, err = c.Transcoder.List(t.Context(), cloud.JobQuery{State: "RUNNING"})
	wantKind(t, "List of no state", err, cloud.ErrInvalid)
	_, err = c.Transcoder.List(t.Context(), cloud.JobQuery{})
	wantKind(t, "List of every state", err, cloud.ErrInvalid)
}

func cancels(t *testing.T, c *Cloud) {
	job := c.submit(t, c.request("cancel", c.source(t, "in/v.mp4")))
	for range 2 { // a repeat is safe
		if err := c.Transcoder.Cancel(t.Context(), job.ID); err != nil {
			t.Errorf("Cancel = %v", err)
		}
	}
	if got := c.ended(t, job.ID); got.State != cloud.JobCanceled {
		t.Errorf("Job = %+v, want it canceled", got)
	}
	c.Sleep(time.Minute)
	if got := c.ended(t, job.ID); got.State != cloud.JobCanceled {
		t.Errorf("Job = %+v a minute later, want it canceled", got)
	}
}

func cancelEnded(t *testing.T, c *Cloud) {
	job := c.ended(t, c.submit(t, c.request("ended", c.source(t, "in/v.mp4"))).ID)
	wantKind(t, "Cancel of a completed job", c.Transcoder.Cancel(t.Context(), job.ID), cloud.ErrConflict)
	job = c.ended(t, c.submit(t, c.request("ended too", c.at("in/none.mp4"))).ID)
	if job.State != cloud.JobFailed {
		t.Fatalf("job %+v, want it failed", job)
	}
	wantKind(t, "Cancel of a failed job", c.Transcoder.Cancel(t.Context(), job.ID), cloud.ErrConflict)
	if got := c.ended(t, job.ID); got.State != cloud.JobFailed {
		t.Errorf("Job = %+v after a refused Cancel", got)
	}
}
