package mediaconvert

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/mediaconvert"
	"github.com/aws/aws-sdk-go-v2/service/mediaconvert/types"
)

// numbers joins the numbers that jobs carry.
func numbers(jobs []types.Job) string {
	var b strings.Builder
	for _, j := range jobs {
		b.WriteString(j.UserMetadata["n"] + " ")
	}
	return strings.TrimSpace(b.String())
}

func TestLists(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		s := start(t, dir, unlimited, func(c *Config) { c.Slots = 1 })
		defer s.stop()
		if _, err := s.CreateQueue(t.Context(), &sdk.CreateQueueInput{Name: aws.String("bulk"), Status: types.QueueStatusPaused}); err != nil {
			t.Fatal(err)
		}
		for n := range 23 {
			in := jobInput("clip.mp4")
			in.UserMetadata = map[string]string{"n": fmt.Sprint(n)}
			if n%2 == 1 {
				in.Queue = aws.String(arnPrefix + "queues/bulk")
			}
			if _, err := s.CreateJob(t.Context(), in); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
		}
		time.Sleep(31 * time.Second) // job 0 is complete, job 2 at work
		for _, tt := range []struct {
			name string
			in   sdk.ListJobsInput
			want string
			more string // the second page
		}{
			{"newest first", sdk.ListJobsInput{}, "22 21 20 19 18 17 16 15 14 13 12 11 10 9 8 7 6 5 4 3", "2 1 0"},
			{"oldest first", sdk.ListJobsInput{Order: types.OrderAscending, MaxResults: aws.Int32(3)}, "0 1 2", "3 4 5"},
			{"a queue", sdk.ListJobsInput{Queue: aws.String("bulk"), MaxResults: aws.Int32(10)}, "21 19 17 15 13 11 9 7 5 3", "1"},
			{"at work", sdk.ListJobsInput{Status: types.JobStatusProgressing}, "2", ""},
			{"complete", sdk.ListJobsInput{Status: types.JobStatusComplete, Order: types.OrderAscending}, "0", ""},
			{"submitted", sdk.ListJobsInput{Status: types.JobStatusSubmitted, Queue: aws.String("Default"), Order: types.OrderAscending}, "4 6 8 10 12 14 16 18 20 22", ""},
			{"failed", sdk.ListJobsInput{Status: types.JobStatusError}, "", ""},
		} {
			got, err := s.ListJobs(t.Context(), &tt.in)
			if err != nil || numbers(got.Jobs) != tt.want || (got.NextToken != nil) != (tt.more != "") {
				t.Errorf("%s: %q, %v; want %q", tt.name, numbers(got.Jobs), err, tt.want)
				continue
			}
			if tt.more == "" {
				continue
			}
			tt.in.NextToken = got.NextToken
			if got, err = s.ListJobs(t.Context(), &tt.in); err != nil || numbers(got.Jobs) != tt.more {
				t.Errorf("%s, second page: %q, %v; want %q", tt.name, numbers(got.Jobs), err, tt.more)
			}
			tt.in.Status = types.JobStatusCanceled
			if _, err := s.ListJobs(t.Context(), &tt.in); code(err) != "BadRequestException" {
				t.Errorf("%s, its token with another query: %v", tt.name, err)
			}
		}
		found, err := s.SearchJobs(t.Context(), &sdk.SearchJobsInput{InputFile: aws.String("vod-in/clip"), Status: types.JobStatusProgressing})
		if err != nil || numbers(found.Jobs) != "2" {
			t.Errorf("search: %v", err)
		}
		q, err := s.GetQueue(t.Context(), &sdk.GetQueueInput{Name: aws.String("Default")})
		if err != nil || *q.Queue.SubmittedJobsCount != 10 || *q.Queue.ProgressingJobsCount != 1 {
			t.Errorf("queue: %+v, %v", q.Queue, err)
		}
	})
}

func TestListsLag(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		s := start(t, dir, func(c *Config) { c.ListLag = 5 * time.Second })
		defer s.stop()
		if _, err := s.CreateJob(t.Context(), jobInput("clip.mp4")); err != nil {
			t.Fatal(err)
		}
		var seen []string
		for range 8 {
			got, err := s.ListJobs(t.Context(), &sdk.ListJobsInput{})
			if err != nil {
				t.Fatal(err)
			}
			word := "-"
			if len(got.Jobs) > 0 {
				word = string(got.Jobs[0].Status[:1])
			}
			seen = append(seen, word)
			time.Sleep(5*time.Second + time.Millisecond)
		}
		if got := strings.Join(seen, ""); got != "-PPPPPPC" {
			t.Errorf("seen %s, want -PPPPPPC", got)
		}
	})
}

func TestQuotas(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		s := start(t, dir, func(c *Config) {
			c.Quotas = Quotas{Burst: 5, Rates: map[string]float64{"GetQueue": 10}, ConcurrentJobs: 2, Queues: 2, Templates: 1}
		})
		defer s.stop()
		list := func() string {
			_, err := s.ListQueues(t.Context(), &sdk.ListQueuesInput{})
			return code(err)
		}
		for n := range 5 {
			if got := list(); got != "<nil>" {
				t.Errorf("call %d: %s", n, got)
			}
		}
		if got := list(); got != "TooManyRequestsException" {
			t.Errorf("call beyond the burst: %s", got)
		}
		if _, err := s.GetQueue(t.Context(), &sdk.GetQueueInput{Name: aws.String("Default")}); err != nil {
			t.Errorf("another method: %v", err)
		}
		time.Sleep(500 * time.Millisecond)
		if got := list() + list(); got != "<nil>TooManyRequestsException" {
			t.Errorf("two calls after half a second: %s", got)
		}
		if _, err := s.CreateQueue(t.Context(), &sdk.CreateQueueInput{Name: aws.String("two")}); err != nil {
			t.Error(err)
		}
		if _, err := s.CreateQueue(t.Context(), &sdk.CreateQueueInput{Name: aws.String("three")}); code(err) != "ServiceQuotaExceededException" {
			t.Errorf("queue beyond the quota: %v", err)
		}
		for range 4 {
			if _, err := s.CreateJob(t.Context(), jobInput("clip.mp4")); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(time.Second)
		q, err := s.GetQueue(t.Context(), &sdk.GetQueueInput{Name: aws.String("Default")})
		if err != nil || *q.Queue.ProgressingJobsCount != 2 || *q.Queue.SubmittedJobsCount != 2 {
			t.Errorf("queue with 4 jobs: %+v, %v", q, err)
		}
	})
}
