package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/vodfleet/vodfleet/internal/e2e/fleet"
	"github.com/vodfleet/vodfleet/internal/e2e/lcproc"
)

// Whatever somebody puts into the queue of events, broken or false, no asset
// suffers: an event is a hint to look, and what cannot be read is told and ends.
func TestBadEvents(t *testing.T) {
	t.Parallel()
	f := fleet.Start(t, fleet.Options{Cloud: []string{
		"--simulate", "--job-time", "8s-10s", "--api-rate=-1", "--api-burst=-1", "--sqs-duplicates=0.3", "--sqs-reorder=0.5",
	}})
	keys, assets := library(f, 4)
	workers := []*fleet.Process{f.Worker(), f.Worker()}
	add(t, f, keys...)
	await(t, time.Minute, "every asset has a job", func() bool { return len(f.Cloud.Jobs()) == len(keys) })
	queue := eventsOf(t, f)
	jobs := f.Cloud.Jobs()
	for i, j := range jobs {
		queue.send(jobEvent("111122223333", j, []string{"ERROR", "COMPLETE", "CANCELED", "PROGRESSING"}[i], 1010))
	}
	swapped := jobs[0]
	swapped.UserMetadata = jobs[1].UserMetadata
	nobody := swapped
	nobody.ID, nobody.UserMetadata = "1700000000000-abcdef", maps.Clone(jobs[2].UserMetadata)
	nobody.UserMetadata["asset"] = "../../etc/passwd"
	queue.send(
		jobEvent("111122223333", jobs[0], "COMPLETE", 0), jobEvent("111122223333", jobs[0], "COMPLETE", 0), jobEvent("111122223333", jobs[0], "HALTED", 0),
		jobEvent("999988887777", jobs[1], "ERROR", 1401), jobEvent("111122223333", swapped, "ERROR", 1020), jobEvent("111122223333", nobody, "COMPLETE", 0),
		"hello", "{", "[]", "null", `{"detail-type":"MediaConvert Job State Change","source":"aws.mediaconvert","account":"111122223333","detail":7}`,
		`{"source":"aws.ec2","detail-type":"EC2 Instance State-change Notification","account":"111122223333","detail":{"state":"running"}}`,
		`{"detail":`+strings.Repeat("[", 10_000)+strings.Repeat("]", 10_000)+`}`, strings.Repeat("x", 200_000),
	)
	published(t, f, 2*time.Minute, assets)
	for _, j := range f.Cloud.Jobs() {
		queue.send(jobEvent("111122223333", j, "PROGRESSING", 0), jobEvent("111122223333", j, "ERROR", 1999)) // late and false
	}
	await(t, 2*time.Minute, "the queue of events is empty", queue.empty)
	published(t, f, 2*time.Minute, assets)
	log := workers[0].Log() + workers[1].Log()
	if strings.Contains(log, "panic") || strings.Count(log, "event is of no use") < 5 {
		t.Errorf("the workers do not tell of events of no use, or panicked:\n%s", log)
	}
}

// jobEvent is a change of a job as EventBridge sends it.
func jobEvent(account string, j lcproc.Job, status string, code int) string {
	detail := map[string]any{
		"timestamp": time.Now().UnixMilli(), "accountId": account, "queue": j.Queue, "jobId": j.ID, "status": status, "userMetadata": j.UserMetadata,
	}
	if code != 0 {
		detail["errorCode"], detail["errorMessage"] = code, "so it says"
	}
	text, err := json.Marshal(map[string]any{
		"version": "0", "id": fmt.Sprintf("%s-%s-%d", j.ID, status, code), "detail-type": "MediaConvert Job State Change", "source": "aws.mediaconvert",
		"account": account, "time": time.Now().UTC().Format(time.RFC3339), "region": "us-east-1", "resources": []string{}, "detail": detail,
	})
	if err != nil {
		panic(err)
	}
	return string(text)
}

// events is the queue of events, as somebody else in the account has it.
type events struct {
	t   *testing.T
	api *sqs.Client
	url string
}

func eventsOf(t *testing.T, f *fleet.Fleet) *events {
	t.Helper()
	var creds aws.Credentials
	for _, v := range f.Cloud.Env() {
		switch name, value, _ := strings.Cut(v, "="); name {
		case "AWS_ACCESS_KEY_ID":
			creds.AccessKeyID = value
		case "AWS_SECRET_ACCESS_KEY":
			creds.SecretAccessKey = value
		}
	}
	return &events{t, sqs.New(sqs.Options{
		Region: "us-east-1", BaseEndpoint: &f.Cloud.SQS,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) { return creds, nil }),
	}), f.Cloud.EventsQueue}
}

func (e *events) send(bodies ...string) {
	e.t.Helper()
	for _, body := range bodies {
		if _, err := e.api.SendMessage(e.t.Context(), &sqs.SendMessageInput{QueueUrl: &e.url, MessageBody: &body}); err != nil {
			e.t.Fatalf("send %.100q: %v", body, err)
		}
	}
}

// empty reports whether nothing is left, not even with a reader.
func (e *events) empty() bool {
	got, err := e.api.GetQueueAttributes(e.t.Context(), &sqs.GetQueueAttributesInput{QueueUrl: &e.url, AttributeNames: []types.QueueAttributeName{"All"}})
	if err != nil {
		e.t.Fatal(err)
	}
	a := got.Attributes
	return a["ApproximateNumberOfMessages"] == "0" && a["ApproximateNumberOfMessagesNotVisible"] == "0"
}
