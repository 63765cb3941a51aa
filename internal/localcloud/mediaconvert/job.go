package mediaconvert

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/vodfleet/vodfleet/internal/localcloud/mediaconvert/transcode"
)

// The states of a job.
const (
	statusSubmitted   = "SUBMITTED"
	statusProgressing = "PROGRESSING"
	statusComplete    = "COMPLETE"
	statusCanceled    = "CANCELED"
	statusError       = "ERROR"
)

// history is how long the service knows a job.
const history = 90 * 24 * time.Hour

// job is a job with its state; its settings lie in a file of their own.
type job struct {
	ID           string            `json:"id"`
	Seq          int64             `json:"seq"`   // order of creation
	Queue        string            `json:"queue"` // name
	Template     string            `json:"template,omitempty"`
	Priority     int               `json:"priority"`
	Role         string            `json:"role"`
	Token        string            `json:"token,omitempty"`
	Hash         string            `json:"hash,omitempty"` // of the request, with a token
	Metadata     map[string]string `json:"metadata,omitempty"`
	Tags         map[string]string `json:"tags,omitempty"`
	Billing      string            `json:"billing,omitempty"`
	Interval     string            `json:"interval,omitempty"`
	Acceleration string            `json:"acceleration,omitempty"`
	Input        string            `json:"input"`
	Destinations []string          `json:"destinations"`

	Status       string            `json:"status"`
	Phase        string            `json:"phase,omitempty"`
	Percent      int               `json:"percent,omitempty"`
	Created      time.Time         `json:"created"`
	Started      time.Time         `json:"started,omitzero"`
	Finished     time.Time         `json:"finished,omitzero"`
	ErrorCode    int               `json:"errorCode,omitempty"`
	ErrorMessage string            `json:"errorMessage,omitempty"`
	Fault        *int              `json:"fault,omitempty"` // the error code that a fault has chosen
	Runs         int               `json:"runs,omitempty"`
	Result       *transcode.Result `json:"result,omitempty"`

	cancel context.CancelCauseFunc // while at work
}

func (j *job) ended() bool { return j.Status != statusSubmitted && j.Status != statusProgressing }

func (j *job) arn() string { return arnPrefix + "jobs/" + j.ID }

// statusAt is the status at an earlier time; "" before the job was there.
func (j *job) statusAt(t time.Time) string {
	switch {
	case t.Before(j.Created):
		return ""
	case !j.Finished.IsZero() && !t.Before(j.Finished):
		return j.Status
	case !j.Started.IsZero() && !t.Before(j.Started):
		return statusProgressing
	}
	return statusSubmitted
}

// newID names a job as the service does: milliseconds since 1970 and six
// letters or digits.
func newID(now time.Time) string {
	const alphabet = "abcdefghijklmnopqrstuvwxyz0123456789"
	var tail [6]byte
	for i := range tail {
		tail[i] = alphabet[rand.IntN(len(alphabet))]
	}
	return fmt.Sprintf("%013d-%s", now.UnixMilli(), tail[:])
}

// view is the job as the API shows it in a state.
func (j *job) view(status string, settings json.RawMessage) doc {
	timing := doc{"submitTime": j.Created.Unix()}
	d := doc{
		"id": j.ID, "arn": j.arn(), "createdAt": j.Created.Unix(), "queue": arnPrefix + "queues/" + j.Queue, "role": j.Role,
		"settings": settings, "status": status, "priority": j.Priority, "timing": timing,
		"userMetadata": orEmpty(j.Metadata), "billingTagsSource": cmp.Or(j.Billing, "JOB"), "statusUpdateInterval": cmp.Or(j.Interval, "SECONDS_60"),
		"accelerationSettings": doc{"mode": cmp.Or(j.Acceleration, "DISABLED")}, "accelerationStatus": j.accelerated(status),
		"hopDestinations": []any{}, "queueTransitions": []any{}, "retryCount": 0, "messages": doc{"info": []any{}, "warning": []any{}},
	}
	if j.Template != "" {
		d["jobTemplate"] = j.Template
	}
	if j.Token != "" {
		d["clientRequestToken"] = j.Token
	}
	if status == statusSubmitted {
		return d
	}
	if !j.Started.IsZero() {
		timing["startTime"] = j.Started.Unix()
	}
	if status == statusProgressing {
		d["currentPhase"], d["jobPercentComplete"] = cmp.Or(j.Phase, string(transcode.Probing)), j.Percent
		return d
	}
	timing["finishTime"] = j.Finished.Unix()
	if j.Phase != "" && status != statusCanceled {
		d["currentPhase"] = j.Phase
	}
	switch status {
	case statusComplete:
		d["jobPercentComplete"] = 100
	case statusError:
		d["errorCode"], d["errorMessage"] = j.ErrorCode, j.ErrorMessage
	}
	j.viewResult(d)
	return d
}

// viewResult adds what the job has made: durations and sizes, no paths.
func (j *job) viewResult(d doc) {
	if j.Result == nil {
		return
	}
	groups := []any{}
	for _, g := range j.Result.Groups {
		outputs := []any{}
		for _, o := range g.Outputs {
			out := doc{"durationInMs": o.Duration.Milliseconds()}
			if o.Width > 0 {
				out["videoDetails"] = doc{"widthInPx": o.Width, "heightInPx": o.Height}
			}
			outputs = append(outputs, out)
		}
		groups = append(groups, doc{"outputDetails": outputs})
	}
	d["outputGroupDetails"] = groups
	var words, warnings []any
	counts := make(map[int]int)
	for _, w := range j.Result.Warnings {
		if counts[w.Code] == 0 {
			words = append(words, w.Message)
		}
		counts[w.Code]++
	}
	for code, n := range counts {
		warnings = append(warnings, doc{"code": code, "count": n})
	}
	if len(warnings) > 0 {
		d["warnings"], d["messages"] = warnings, doc{"info": []any{}, "warning": words}
	}
}

func (j *job) accelerated(status string) string {
	switch {
	case j.Acceleration == "" || j.Acceleration == "DISABLED":
		return "NOT_APPLICABLE"
	case status == statusComplete:
		return "ACCELERATED"
	}
	return "IN_PROGRESS"
}

func orEmpty(m map[string]string) map[string]string {
	if m == nil {
		return map[string]string{}
	}
	return m
}

// operatorView is the job as an operator sees it.
func (j *job) operatorView() Job {
	v := Job{
		ID: j.ID, Status: j.Status, Phase: j.Phase, Percent: j.Percent, Queue: arnPrefix + "queues/" + j.Queue, Priority: j.Priority, Token: j.Token,
		UserMetadata: j.Metadata, Input: j.Input, Destinations: j.Destinations, Submitted: j.Created,
		ErrorCode: j.ErrorCode, ErrorMessage: j.ErrorMessage, Runs: j.Runs,
	}
	if !j.Started.IsZero() {
		v.Started = new(j.Started)
	}
	if !j.Finished.IsZero() {
		v.Finished = new(j.Finished)
	}
	return v
}
