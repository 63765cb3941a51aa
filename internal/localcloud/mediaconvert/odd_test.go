package mediaconvert

import (
	"testing"
	"testing/synctest"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/service/mediaconvert"
	"github.com/aws/aws-sdk-go-v2/service/mediaconvert/types"

	"github.com/vodfleet/vodfleet/internal/localcloud/calls"
)

// A status that no model has comes with 200, in answers about one job and in
// lists, and is no violation of ours.
func TestOddStatus(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		s := start(t, dir)
		defer s.stop()
		if err := s.calls.SetFaults([]calls.Fault{{API: "mediaconvert", Kind: calls.KindOddStatus, Rate: 1, Times: 3}}); err != nil {
			t.Fatal(err)
		}
		const odd = types.JobStatus("ON_HOLD")
		made, err := s.CreateJob(t.Context(), jobInput("clip.mp4"))
		if err != nil || made.Job.Status != odd {
			t.Fatalf("CreateJob: %v, %v, want %s", made, err, odd)
		}
		got, err := s.GetJob(t.Context(), &sdk.GetJobInput{Id: made.Job.Id})
		if err != nil || got.Job.Status != odd {
			t.Errorf("GetJob: %v, %v, want %s", got, err, odd)
		}
		list, err := s.ListJobs(t.Context(), &sdk.ListJobsInput{})
		if err != nil || len(list.Jobs) != 1 || list.Jobs[0].Status != odd {
			t.Errorf("ListJobs: %v, %v, want %s", list, err, odd)
		}
		if job := s.wait(t, *made.Job.Id); job.Status != types.JobStatusComplete {
			t.Errorf("once the fault has ended, the job is %s", job.Status)
		}
	})
}

func TestSetLimits(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		s := start(t, dir)
		defer s.stop()
		if err := s.service.SetLimits(Limits{ConcurrentJobs: new(0)}); err != nil {
			t.Fatal(err)
		}
		made, err := s.CreateJob(t.Context(), jobInput("clip.mp4"))
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour)
		q, err := s.GetQueue(t.Context(), &sdk.GetQueueInput{Name: new("Default")})
		if err != nil || *q.Queue.ConcurrentJobs != 0 || *q.Queue.SubmittedJobsCount != 1 {
			t.Errorf("GetQueue: %+v, %v, want a job that waits for none", q.Queue, err)
		}
		if err := s.service.SetLimits(Limits{Rate: new(0.0), Burst: new(0), ConcurrentJobs: new(200)}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour)
		if _, err := s.GetJob(t.Context(), &sdk.GetJobInput{Id: made.Job.Id}); code(err) != "TooManyRequestsException" {
			t.Errorf("GetJob without a quota: %v", err)
		}
		if err := s.service.SetLimits(Limits{Burst: new(100), Rate: new(2.0)}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		if job := s.wait(t, *made.Job.Id); job.Status != types.JobStatusComplete {
			t.Errorf("with quotas again the job is %s", job.Status)
		}
		if err := s.service.SetLimits(Limits{ConcurrentJobs: new(-1), Rate: new(9.0)}); err == nil || *s.service.Limits().Rate != 2 {
			t.Errorf("SetLimits to less than none: %v, and the rate is %v", err, *s.service.Limits().Rate)
		}
	})
}
