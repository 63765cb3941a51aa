package memcloud_test

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vodfleet/vodfleet/internal/cloud"
	"github.com/vodfleet/vodfleet/internal/cloud/memcloud"
)

// TestTimeline looks at one job from its submission to its end.
func TestTimeline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const lag = 3 * time.Second
		c := seeded(memcloud.Options{
			Skew: time.Hour, Wait: 10 * time.Second, ListLag: lag, Run: func(cloud.JobSpec) time.Duration { return 40 * time.Second },
		})
		job, err := c.Transcoder.Submit(t.Context(), jobOf("t"))
		if err != nil {
			t.Fatal(err)
		}
		at := func(s int) time.Time { return job.Created.Add(time.Duration(s) * time.Second) }
		for _, tt := range []struct {
			second  int
			state   cloud.JobState
			percent int
			listed  cloud.JobState // in whose list it is; empty for none
		}{
			{0, cloud.JobSubmitted, 0, ""}, {2, cloud.JobSubmitted, 0, ""}, {3, cloud.JobSubmitted, 0, cloud.JobSubmitted}, {9, cloud.JobSubmitted, 0, cloud.JobSubmitted},
			{10, cloud.JobProgressing, 0, ""}, {13, cloud.JobProgressing, 7, cloud.JobProgressing}, {30, cloud.JobProgressing, 50, cloud.JobProgressing},
			{49, cloud.JobProgressing, 97, cloud.JobProgressing}, {50, cloud.JobComplete, 100, ""}, {52, cloud.JobComplete, 100, ""}, {53, cloud.JobComplete, 100, cloud.JobComplete},
			{3600, cloud.JobComplete, 100, cloud.JobComplete},
		} {
			time.Sleep(at(tt.second).Sub(c.Store.Now()))
			got, err := c.Transcoder.Job(t.Context(), job.ID)
			if err != nil || got.State != tt.state || got.Percent != tt.percent {
				t.Errorf("after %ds: %+v, %v; want %s at %d%%", tt.second, got, err, tt.state, tt.percent)
			}
			if tt.state == cloud.JobComplete && (!got.Started.Equal(at(10)) || !got.Finished.Equal(at(50))) {
				t.Errorf("after %ds: started %v, finished %v", tt.second, got.Started, got.Finished)
			}
			for _, state := range cloud.JobStates {
				page, err := c.Transcoder.List(t.Context(), cloud.JobQuery{State: state})
				if err != nil || (len(page.Jobs) == 1) != (state == tt.listed) {
					t.Errorf("after %ds: List of %s has %d jobs, %v", tt.second, state, len(page.Jobs), err)
				}
			}
			o, err := c.Store.Head(t.Context(), cloud.Location{Bucket: "b", Key: "out/t.mp4"})
			if (err == nil) != (tt.state == cloud.JobComplete) || err == nil && !o.LastModified.Equal(at(50).Truncate(time.Second)) {
				t.Errorf("after %ds: the output is of %v, %v", tt.second, o.LastModified, err)
			}
		}
	})
}

// TestOutputsAreThereFromTheEndOn looks at the store alone.
func TestOutputsAreThereFromTheEndOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := seeded(memcloud.Options{})
		for i := range 3 { // at the same time
			if _, err := c.Transcoder.Submit(t.Context(), jobOf(fmt.Sprint(i))); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(10 * time.Second)
		for i := range 3 {
			if _, err := c.Store.Head(t.Context(), cloud.Location{Bucket: "b", Key: fmt.Sprintf("out/%d.mp4", i)}); err != nil {
				t.Error(err)
			}
		}
	})
}

// TestEnds is of jobs that do not complete.
func TestEnds(t *testing.T) {
	for _, tt := range []struct {
		name  string
		spoil func(c *memcloud.Cloud) // before the job
		while func(t *testing.T, c *memcloud.Cloud)
		state cloud.JobState
		code  int
		text  string
	}{
		{"good", nil, nil, cloud.JobComplete, 0, ""},
		{"made to fail", func(c *memcloud.Cloud) { c.Transcoder.FailNext(1999, "by order") }, nil, cloud.JobFailed, 1999, "by order"},
		{"failed by a rule", func(c *memcloud.Cloud) {
			c.Transcoder.SetFail(func(r cloud.JobRequest) (int, string) { return len(r.Token), "by rule" })
		}, nil, cloud.JobFailed, 1, "by rule"},
		{"let be by a rule", func(c *memcloud.Cloud) {
			c.Transcoder.SetFail(func(cloud.JobRequest) (int, string) { return 0, "" })
		}, nil, cloud.JobComplete, 0, ""},
		{"no media", func(c *memcloud.Cloud) { c.Transcoder.SetMedia(object, cloud.Media{}, cloud.ErrInvalid) }, nil, cloud.JobFailed, 1010, "the input is not media"},
		{"no media by a rule", func(c *memcloud.Cloud) {
			c.Transcoder.SetProbe(func(cloud.Location) (cloud.Media, error) { return cloud.Media{}, cloud.ErrInvalid })
		}, nil, cloud.JobFailed, 1010, "the input is not media"},
		{"a breakdown", func(c *memcloud.Cloud) { c.Transcoder.SetMedia(object, cloud.Media{}, errHook) }, nil, cloud.JobFailed, 1999, "Transcoder.run s3://b/k: out of order"},
		{"source deleted while it waits", nil, func(t *testing.T, c *memcloud.Cloud) {
			if err := c.Store.Delete(t.Context(), "b", "k"); err != nil {
				t.Error(err)
			}
		}, cloud.JobFailed, 1404, "the input is not there"},
		{"canceled", nil, func(t *testing.T, c *memcloud.Cloud) {
			if err := c.Transcoder.Cancel(t.Context(), c.Transcoder.Jobs()[0].ID); err != nil {
				t.Error(err)
			}
		}, cloud.JobCanceled, 0, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := seeded(memcloud.Options{})
				if tt.spoil != nil {
					tt.spoil(c)
				}
				if _, err := c.Transcoder.Submit(t.Context(), jobOf("t")); err != nil {
					t.Fatal(err)
				}
				time.Sleep(time.Second)
				if tt.while != nil {
					tt.while(t, c)
				}
				time.Sleep(time.Minute)
				jobs := c.Transcoder.Jobs()
				if len(jobs) != 1 || jobs[0].State != tt.state || jobs[0].ErrorCode != tt.code || jobs[0].Message != tt.text || jobs[0].Finished.IsZero() {
					t.Errorf("jobs %+v, want one %s with %d: %s", jobs, tt.state, tt.code, tt.text)
				}
				_, err := c.Store.Head(t.Context(), cloud.Location{Bucket: "b", Key: "out/t.mp4"})
				if (err == nil) != (tt.state == cloud.JobComplete) {
					t.Errorf("the output: %v", err)
				}
			})
		})
	}
}

// TestFailNextIsOnce gives the next jobs an end each, and no more.
func TestFailNextIsOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := seeded(memcloud.Options{})
		c.Transcoder.FailNext(1050, "")
		c.Transcoder.FailNext(1060, "")
		for i := range 3 {
			if _, err := c.Transcoder.Submit(t.Context(), jobOf(fmt.Sprint(i))); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(time.Minute)
		var codes []int
		for _, job := range c.Transcoder.Jobs() {
			codes = append(codes, job.ErrorCode)
		}
		if got := fmt.Sprint(codes); got != "[1050 1060 0]" {
			t.Errorf("codes %s, want [1050 1060 0]", got)
		}
	})
}

// TestRequestsAreKept shows that what was asked for is not what the caller
// still holds.
func TestRequestsAreKept(t *testing.T) {
	c := seeded(memcloud.Options{})
	r := jobOf("t")
	r.Metadata = map[string]string{"asset": "a1"}
	job, err := c.Transcoder.Submit(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	r.Metadata["asset"], r.Spec.Groups[0].Outputs[0].Video.Height, job.Metadata["asset"] = "a2", 1, "a3"
	kept, ok := c.Transcoder.Request(job.ID)
	if !ok || kept.Metadata["asset"] != "a1" || kept.Spec.Groups[0].Outputs[0].Video.Height != 720 {
		t.Errorf("Request = %+v, %v", kept, ok)
	}
	if _, ok := c.Transcoder.Request("none"); ok {
		t.Error("there is a request of no job")
	}
}

// TestBuckets is of clouds with and without a list of them.
func TestBuckets(t *testing.T) {
	at := cloud.Location{Bucket: "new", Key: "k"}
	c := memcloud.New(memcloud.Options{})
	if _, err := c.Store.Head(t.Context(), at); !errors.Is(err, cloud.ErrNotFound) {
		t.Errorf("Head = %v", err)
	}
	if o, err := c.Store.Put(t.Context(), cloud.Put{Location: at}); err != nil || o.VersionID != "" {
		t.Errorf("Put into a new bucket = %#v, %v", o, err)
	}
	c = memcloud.New(memcloud.Options{Buckets: []string{"other"}, Versioning: true})
	if _, err := c.Store.Put(t.Context(), cloud.Put{Location: at}); !errors.Is(err, cloud.ErrNotFound) {
		t.Errorf("Put into a bucket that is not there = %v", err)
	}
	c.Store.AddBucket("new")
	seen := map[string]bool{}
	for range 3 {
		o, err := c.Store.Put(t.Context(), cloud.Put{Location: at})
		if err != nil || o.VersionID == "" || seen[o.VersionID] {
			t.Errorf("Put = %#v, %v; want a new version", o, err)
		}
		seen[o.VersionID] = true
	}
}
