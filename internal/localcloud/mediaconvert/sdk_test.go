package mediaconvert

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/mediaconvert"
	"github.com/aws/aws-sdk-go-v2/service/mediaconvert/types"

	"github.com/vodfleet/vodfleet/internal/localcloud/calls"
)

func TestJobRunsToItsEnd(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		s := start(t, dir)
		defer s.stop()
		created, err := s.CreateJob(t.Context(), jobInput("clip.mp4"))
		if err != nil {
			t.Fatal(err)
		}
		id := created.Job.Id
		if created.Job.Status != types.JobStatusSubmitted || created.Job.Timing.SubmitTime == nil || *created.Job.Queue != arnPrefix+"queues/Default" {
			t.Errorf("created as %s, %+v, %s", created.Job.Status, created.Job.Timing, *created.Job.Queue)
		}
		time.Sleep(20 * time.Second)
		half, err := s.GetJob(t.Context(), &sdk.GetJobInput{Id: id})
		if err != nil {
			t.Fatal(err)
		}
		if half.Job.Status != types.JobStatusProgressing || half.Job.CurrentPhase != types.JobPhaseTranscoding || *half.Job.JobPercentComplete != 54 || half.Job.OutputGroupDetails != nil {
			t.Errorf("after 20 s: %s, %s, %d %%", half.Job.Status, half.Job.CurrentPhase, *half.Job.JobPercentComplete)
		}
		time.Sleep(11 * time.Second)
		got, err := s.GetJob(t.Context(), &sdk.GetJobInput{Id: id})
		if err != nil {
			t.Fatal(err)
		}
		j := got.Job
		if j.Status != types.JobStatusComplete || *j.JobPercentComplete != 100 || j.UserMetadata["asset"] != "a1" || j.Timing.FinishTime.Sub(*j.Timing.StartTime) != 30*time.Second {
			t.Errorf("after 31 s: %s, %v, %+v", j.Status, j.UserMetadata, j.Timing)
		}
		if d := j.OutputGroupDetails[0].OutputDetails; *d[0].DurationInMs != 10000 || *d[0].VideoDetails.WidthInPx != 1280 || d[1].VideoDetails != nil {
			t.Errorf("output details %+v", d)
		}
		if *j.Settings.Inputs[0].FileInput != "s3://vod-in/clip.mp4" {
			t.Errorf("settings %+v", j.Settings.Inputs)
		}
		for name, want := range map[string]string{
			"cmaf/video.m3u8": "video_720p.m3u8", "cmaf/video.mpd": "video_720p_$Number%09d$.cmfv", "cmaf/video_720p.m3u8": "video_720p_000000002.cmfv",
			"cmaf/video_720p_000000002.cmfv": "moof", "cmaf/video_audioinit.cmfa": "mp4a", "thumbs/poster.0000001.jpg": "JFIF"[:0],
		} {
			b, err := os.ReadFile(filepath.Join(string(s.objects), "vod-out/a1/1", name))
			if err != nil || !strings.Contains(string(b), want) {
				t.Errorf("%s has no %q: %v", name, want, err)
			}
		}
		if v := s.service.Jobs(); len(v) != 1 || v[0].Status != "COMPLETE" || v[0].Destinations[1] != "s3://vod-out/a1/1/thumbs/poster" || v[0].Runs != 1 {
			t.Errorf("operators see %+v", v)
		}
	})
}

func TestTokenHoldsForAMinute(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		s := start(t, dir)
		defer s.stop()
		create := func(key string) string {
			in := jobInput(key)
			in.ClientRequestToken = aws.String("t1")
			out, err := s.CreateJob(t.Context(), in)
			if err != nil {
				return code(err)
			}
			return *out.Job.Id
		}
		first := create("clip.mp4")
		time.Sleep(59 * time.Second)
		if again := create("clip.mp4"); again != first {
			t.Errorf("after 59 s: %s, want %s", again, first)
		}
		if other := create("other.mp4"); other != "ConflictException" {
			t.Errorf("another request with the token: %s, want ConflictException", other)
		}
		time.Sleep(time.Second)
		if later := create("clip.mp4"); later == first || strings.HasSuffix(later, "Exception") {
			t.Errorf("after 60 s: %s, want a new job", later)
		}
	})
}

func TestHowJobsFail(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		s := start(t, dir, unlimited)
		defer s.stop()
		put(t, s.objects, "empty.mp4", "")
		put(t, s.objects, "text.mp4", "this is no video")
		for _, tt := range []struct {
			name   string
			change func(*sdk.CreateJobInput)
			fault  int
			code   int
			text   string // in the message
		}{
			{"no object", func(in *sdk.CreateJobInput) { in.Settings.Inputs[0].FileInput = aws.String("s3://vod-in/gone.mp4") }, 0, 1404, "s3://vod-in/gone.mp4"},
			{"no bucket", func(in *sdk.CreateJobInput) { in.Settings.Inputs[0].FileInput = aws.String("s3://nowhere/clip.mp4") }, 0, 1404, "not found"},
			{"empty", func(in *sdk.CreateJobInput) { in.Settings.Inputs[0].FileInput = aws.String("s3://vod-in/empty.mp4") }, 0, 1010, "0 bytes"},
			{"no media", func(in *sdk.CreateJobInput) { in.Settings.Inputs[0].FileInput = aws.String("s3://vod-in/text.mp4") }, 0, 1010, "no parser found"},
			{"no output bucket", func(in *sdk.CreateJobInput) {
				in.Settings.OutputGroups[0].OutputGroupSettings.CmafGroupSettings.Destination = aws.String("s3://nowhere/a/b")
			}, 0, 3404, "NoSuchBucket"},
			{"fault", func(*sdk.CreateJobInput) {}, 1517, 1517, "failed"},
			{"fault without code", func(*sdk.CreateJobInput) {}, -1, 1999, "Unexpected"},
		} {
			if tt.fault != 0 {
				if err := s.calls.SetFaults([]calls.Fault{{Kind: calls.KindFailJob, Rate: 1, Code: max(tt.fault, 0), Times: 1}}); err != nil {
					t.Fatal(err)
				}
			}
			in := jobInput("clip.mp4")
			tt.change(in)
			out, err := s.CreateJob(t.Context(), in)
			if err != nil {
				t.Errorf("%s: %v", tt.name, err)
				continue
			}
			j := s.wait(t, *out.Job.Id)
			if j.Status != types.JobStatusError || int(*j.ErrorCode) != tt.code || !strings.Contains(*j.ErrorMessage, tt.text) {
				t.Errorf("%s: %s, %v %q, want %d with %q", tt.name, j.Status, aws.ToInt32(j.ErrorCode), aws.ToString(j.ErrorMessage), tt.code, tt.text)
			}
		}
	})
}

func TestCancel(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		s := start(t, dir, func(c *Config) { c.Slots = 1 })
		defer s.stop()
		var ids []*string
		for range 3 {
			out, err := s.CreateJob(t.Context(), jobInput("clip.mp4"))
			if err != nil {
				t.Fatal(err)
			}
			ids = append(ids, out.Job.Id)
		}
		time.Sleep(time.Second)
		for _, id := range ids[:2] { // one at work, one that waits
			for range 2 {
				if _, err := s.CancelJob(t.Context(), &sdk.CancelJobInput{Id: id}); err != nil {
					t.Errorf("cancel: %v", err)
				}
			}
		}
		if j := s.wait(t, *ids[2]); j.Status != types.JobStatusComplete {
			t.Errorf("the third is %s", j.Status)
		}
		if j := s.wait(t, *ids[0]); j.Status != types.JobStatusCanceled || j.Timing.FinishTime == nil {
			t.Errorf("the first is %s", j.Status)
		}
		if _, err := s.CancelJob(t.Context(), &sdk.CancelJobInput{Id: ids[2]}); code(err) != "ConflictException" {
			t.Errorf("cancel of a complete job: %v", err)
		}
		if _, err := s.CancelJob(t.Context(), &sdk.CancelJobInput{Id: aws.String("1-nobody")}); code(err) != "NotFoundException" {
			t.Errorf("cancel of no job: %v", err)
		}
	})
}

func TestPriorities(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		s := start(t, dir, func(c *Config) { c.Slots = 1 })
		defer s.stop()
		for n, priority := range []int32{0, 0, -5, 10} {
			in := jobInput("clip.mp4")
			in.Priority, in.UserMetadata = &priority, map[string]string{"n": fmt.Sprint(n)}
			if _, err := s.CreateJob(t.Context(), in); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
		}
		time.Sleep(3 * time.Minute)
		order := make(map[time.Time]string)
		var times []time.Time
		for _, j := range s.service.Jobs() {
			order[*j.Started] = j.UserMetadata["n"]
			times = append(times, *j.Started)
		}
		if got := order[times[0]] + order[times[3]] + order[times[1]] + order[times[2]]; got != "0312" || !times[3].Before(times[1]) || !times[1].Before(times[2]) {
			t.Errorf("order %s, at %v", got, times)
		}
	})
}

func TestRestart(t *testing.T) {
	dir := t.TempDir()
	var ids []string
	synctest.Test(t, func(t *testing.T) {
		s := start(t, dir, func(c *Config) { c.Slots = 1 })
		for n := range 3 {
			in := jobInput("clip.mp4")
			in.ClientRequestToken = aws.String(fmt.Sprint("token", n))
			out, err := s.CreateJob(t.Context(), in)
			if err != nil {
				t.Fatal(err)
			}
			ids = append(ids, *out.Job.Id)
		}
		if _, err := s.CreateQueue(t.Context(), &sdk.CreateQueueInput{Name: aws.String("bulk"), Tags: map[string]string{"a": "b"}}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(40 * time.Second) // the first is complete, the second at work
		s.stop()

		s = start(t, dir, func(c *Config) { c.Slots = 1 })
		defer s.stop()
		time.Sleep(time.Second)
		var states []string
		for _, j := range s.service.Jobs() {
			states = append(states, fmt.Sprint(j.Status, j.Runs))
		}
		if got := strings.Join(states, " "); got != "COMPLETE1 PROGRESSING2 SUBMITTED0" {
			t.Errorf("after the restart: %s", got)
		}
		in := jobInput("clip.mp4")
		in.ClientRequestToken = aws.String("token2")
		if out, err := s.CreateJob(t.Context(), in); err != nil || *out.Job.Id != ids[2] {
			t.Errorf("token after the restart: %v", err)
		}
		if q, err := s.GetQueue(t.Context(), &sdk.GetQueueInput{Name: aws.String("bulk")}); err != nil || *q.Queue.ConcurrentJobs != 200 {
			t.Errorf("queue after the restart: %v", err)
		}
		for _, id := range ids {
			if j := s.wait(t, id); j.Status != types.JobStatusComplete {
				t.Errorf("job %s is %s", id, j.Status)
			}
		}
	})
}

func TestHistoryEnds(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		s := start(t, dir)
		defer s.stop()
		out, err := s.CreateJob(t.Context(), jobInput("clip.mp4"))
		if err != nil {
			t.Fatal(err)
		}
		s.wait(t, *out.Job.Id)
		time.Sleep(history + time.Minute)
		if _, err := s.GetJob(t.Context(), &sdk.GetJobInput{Id: out.Job.Id}); code(err) != "NotFoundException" {
			t.Errorf("after three months: %v", err)
		}
		if left, _ := filepath.Glob(filepath.Join(dir, "mediaconvert/*/"+*out.Job.Id+"*")); left != nil {
			t.Errorf("files left: %v", left)
		}
	})
}
