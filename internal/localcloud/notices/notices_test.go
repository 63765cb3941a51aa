package notices

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vodfleet/vodfleet/internal/localcloud/mediaconvert"
	"github.com/vodfleet/vodfleet/internal/localcloud/mediaconvert/transcode"
	"github.com/vodfleet/vodfleet/internal/localcloud/objects"
)

// told decodes what was sent.
func told(t *testing.T, bodies []string) (all []map[string]any) {
	t.Helper()
	for _, b := range bodies {
		var v map[string]any
		if err := json.Unmarshal([]byte(b), &v); err != nil {
			t.Fatal(err)
		}
		all = append(all, v)
	}
	return all
}

var began = time.Date(2026, 11, 24, 10, 0, 0, 250e6, time.UTC)

// A job's life as EventBridge tells it: progress once in its interval, the
// input once, warnings before the end, and what was made.
func TestJobs(t *testing.T) {
	var sent []string
	j := NewJobs(func(body string) { sent = append(sent, body) })
	job := mediaconvert.Job{ID: "1-abc", Queue: "arn:q", Input: "s3://in/a b.mp4", UserMetadata: map[string]string{"asset": "a1"}, Phase: "PROBING"}
	tell := func(status string, after time.Duration, change func(*mediaconvert.Event)) {
		e := mediaconvert.Event{Status: status, Time: began.Add(after), Job: job, Interval: "SECONDS_10"}
		if change != nil {
			change(&e)
		}
		j.Tell(e)
	}
	tell("PROGRESSING", 0, nil)
	for s := range 25 { // percent by percent
		tell("STATUS_UPDATE", time.Duration(s)*time.Second, func(e *mediaconvert.Event) {
			e.Job.Percent = s
			if s > 3 {
				e.Job.Phase = "TRANSCODING"
			}
		})
	}
	tell("COMPLETE", 30*time.Second, func(e *mediaconvert.Event) {
		e.Job.Finished = &e.Time
		e.Result = &transcode.Result{
			Groups: []transcode.GroupResult{
				{Playlists: []string{"s3://o/v.mpd", "s3://o/v.m3u8"}, Outputs: []transcode.OutputResult{{Duration: 5 * time.Second, Width: 320, Height: 180}}},
				{Outputs: []transcode.OutputResult{{Files: []string{"s3://o/p.jpg"}}}},
			},
			Warnings: []transcode.Warning{{Code: 7, Message: "w"}, {Code: 7, Message: "w"}},
		}
	})
	var statuses []string
	for _, e := range told(t, sent) {
		detail := e["detail"].(map[string]any)
		statuses = append(statuses, detail["status"].(string))
		if e["source"] != "aws.mediaconvert" || e["detail-type"] != "MediaConvert Job State Change" || e["account"] != account || e["id"] == "" ||
			detail["jobId"] != "1-abc" || detail["queue"] != "arn:q" || detail["accountId"] != account || !reflect.DeepEqual(detail["userMetadata"], map[string]any{"asset": "a1"}) {
			t.Errorf("event %v", e)
		}
	}
	if want := []string{"PROGRESSING", "INPUT_INFORMATION", "STATUS_UPDATE", "STATUS_UPDATE", "NEW_WARNING", "COMPLETE"}; !slices.Equal(statuses, want) {
		t.Errorf("events of statuses %q, want %q", statuses, want)
	}
	events := told(t, sent)
	update := events[3]["detail"].(map[string]any)["jobProgress"].(map[string]any)
	if update["jobPercentComplete"] != 20.0 || update["currentPhase"] != "TRANSCODING" {
		t.Errorf("progress %v", update)
	}
	if w := events[4]["detail"].(map[string]any); w["warningCode"] != 7.0 || w["warningMessage"] != "w" {
		t.Errorf("warning %v", w)
	}
	end := events[5]["detail"].(map[string]any)
	groups := fmt.Sprint(end["outputGroupDetails"])
	if !strings.Contains(groups, "type:CMAF_GROUP") || !strings.Contains(groups, "type:FILE_GROUP") || !strings.Contains(groups, "outputFilePaths:[s3://o/p.jpg]") || !strings.Contains(groups, "durationInMs:5000") {
		t.Errorf("groups %s", groups)
	}
	if end["timestamp"] != float64(began.Add(30*time.Second).UnixMilli()) || events[5]["time"] != "2026-11-24T10:00:30Z" {
		t.Errorf("times %v and %v", end["timestamp"], events[5]["time"])
	}
	if len(j.work) != 0 {
		t.Errorf("%d jobs are remembered after their ends", len(j.work))
	}
}

func TestJobsThatFail(t *testing.T) {
	var sent []string
	j := NewJobs(func(body string) { sent = append(sent, body) })
	end := began
	j.Tell(mediaconvert.Event{Status: "ERROR", Time: end, Job: mediaconvert.Job{ID: "1-a", Finished: &end, ErrorCode: 1404, ErrorMessage: "gone"}})
	j.Tell(mediaconvert.Event{Status: "CANCELED", Time: end, Job: mediaconvert.Job{ID: "1-b", Finished: &end}})
	events := told(t, sent)
	if d := events[0]["detail"].(map[string]any); d["errorCode"] != 1404.0 || d["errorMessage"] != "gone" || d["status"] != "ERROR" {
		t.Errorf("a failure: %v", d)
	}
	if d := events[1]["detail"].(map[string]any); d["status"] != "CANCELED" || d["errorCode"] != nil {
		t.Errorf("a cancellation: %v", d)
	}
}

func TestUploads(t *testing.T) {
	var sent []string
	u := NewUploads("films", func(body string) { sent = append(sent, body) })
	u.Test(began)
	for range 2 { // at one moment
		u.Tell(objects.Created{Bucket: "films", Key: "a b+c/ü.mp4", Size: 7, ETag: "e1", VersionID: "v1", By: "Copy", Time: began})
	}
	events := told(t, sent)
	if events[0]["Event"] != "s3:TestEvent" || events[0]["Bucket"] != "films" || events[0]["Time"] != "2026-11-24T10:00:00.250Z" {
		t.Errorf("test %v", events[0])
	}
	var sequencers []string
	for _, e := range events[1:] {
		r := e["Records"].([]any)[0].(map[string]any)
		s3 := r["s3"].(map[string]any)
		o := s3["object"].(map[string]any)
		sequencers = append(sequencers, o["sequencer"].(string))
		delete(o, "sequencer")
		want := map[string]any{"key": "a+b%2Bc/%C3%BC.mp4", "size": 7.0, "eTag": "e1", "versionId": "v1"}
		if r["eventName"] != "ObjectCreated:Copy" || r["eventSource"] != "aws:s3" || r["eventTime"] != "2026-11-24T10:00:00.250Z" || !reflect.DeepEqual(o, want) || s3["bucket"].(map[string]any)["name"] != "films" {
			t.Errorf("notification %v", e)
		}
	}
	if len(sequencers[0]) != len(sequencers[1]) || sequencers[0] >= sequencers[1] {
		t.Errorf("sequencers %q do not grow", sequencers)
	}
}
