package awscloud_test

import (
	"crypto/md5"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/vodfleet/vodfleet/internal/cloud"
)

const queueURL = "https://sqs.eu-central-1.amazonaws.com/222233334444/films"

// holds answers ReceiveMessage with messages.
func holds(bodies ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		var all []map[string]string
		for i, body := range bodies {
			sum := md5.Sum([]byte(body))
			all = append(all, map[string]string{
				"MessageId": fmt.Sprint("message-", i), "ReceiptHandle": fmt.Sprint("receipt-", i), "Body": body, "MD5OfBody": hex.EncodeToString(sum[:]),
			})
		}
		w.Header().Set("Content-Type", "application/x-amz-json-1.0")
		_ = json.NewEncoder(w).Encode(map[string]any{"Messages": all})
	}
}

// jobEvent is an event of EventBridge; detail is what is special about it.
func jobEvent(detail string) string {
	return `{"version":"0","id":"e-1","detail-type":"MediaConvert Job State Change","source":"aws.mediaconvert","account":"222233334444",` +
		`"time":"2026-11-24T10:00:00Z","region":"eu-central-1","resources":["arn:aws:mediaconvert:eu-central-1:222233334444:jobs/1790000000000-abc123"],` +
		`"detail":{"timestamp":1795514400250,"accountId":"222233334444","queue":"arn:aws:mediaconvert:eu-central-1:222233334444:queues/Default",` +
		`"jobId":"1790000000000-abc123","userMetadata":{"fleet":"f1","asset":"a1","build":"2"},` + detail + `}}`
}

// record is a notification of S3 about one object.
func record(name, key, rest string) string {
	return `{"Records":[{"eventVersion":"2.3","eventSource":"aws:s3","awsRegion":"eu-central-1","eventTime":"2026-11-24T10:00:01.500Z","eventName":"` + name + `",` +
		`"s3":{"s3SchemaVersion":"1.0","configurationId":"c","bucket":{"name":"films","arn":"arn:aws:s3:::films"},"object":{"key":"` + key + `"` + rest + `}}}]}`
}

func wrapped(body string) string {
	b, _ := json.Marshal(map[string]string{"Type": "Notification", "MessageId": "sns-1", "TopicArn": "arn:aws:sns:eu-central-1:222233334444:t", "Message": body})
	return string(b)
}

func TestReceive(t *testing.T) {
	at := time.UnixMilli(1795514400250).UTC()
	queue := "arn:aws:mediaconvert:eu-central-1:222233334444:queues/Default"
	metadata := map[string]string{"fleet": "f1", "asset": "a1", "build": "2"}
	job := func(status string, state cloud.JobState, change func(*cloud.JobEvent)) cloud.Event {
		j := &cloud.JobEvent{ID: "1790000000000-abc123", State: state, Status: status, Metadata: metadata, Queue: queue}
		if change != nil {
			change(j)
		}
		return cloud.Event{ID: "e-1", Account: "222233334444", At: at, Job: j}
	}
	upload := func(key string) cloud.UploadEvent {
		return cloud.UploadEvent{Location: cloud.Location{Bucket: "films", Key: key}, ETag: "e1", Size: 7, VersionID: "v1", Sequencer: "0A"}
	}
	seven := `,"size":7,"eTag":"e1","versionId":"v1","sequencer":"0A"`
	half := time.Date(2026, 11, 24, 10, 0, 1, 500e6, time.UTC)
	bridged := func(account string) string {
		return `{"version":"0","id":"e-2","detail-type":"Object Created","source":"aws.s3","account":"` + account + `","time":"2026-11-24T10:00:00Z",` +
			`"detail":{"version":"0","bucket":{"name":"films"},"object":{"key":"a+b %20.mp4","size":7,"etag":"e1","version-id":"v1","sequencer":"0A"},"reason":"PutObject"}}`
	}
	problem := func(id, text string) cloud.Event { return cloud.Event{ID: id, Problem: text} }
	for _, tt := range []struct {
		name string
		body string
		want cloud.Event // without its receipt
	}{
		{"a job begins", jobEvent(`"status":"PROGRESSING"`), job("PROGRESSING", cloud.JobProgressing, nil)},
		{"its input is known", jobEvent(`"status":"INPUT_INFORMATION","inputDetails":[{"id":1}]`), job("INPUT_INFORMATION", cloud.JobProgressing, nil)},
		{"it gets on", jobEvent(`"status":"STATUS_UPDATE","jobProgress":{"jobPercentComplete":43,"currentPhase":"TRANSCODING"}`), job("STATUS_UPDATE", cloud.JobProgressing, func(j *cloud.JobEvent) { j.Percent = 43 })},
		{"it gets on, told elsewhere and in words", jobEvent(`"status":"STATUS_UPDATE","jobPercentComplete":"43"`), job("STATUS_UPDATE", cloud.JobProgressing, func(j *cloud.JobEvent) { j.Percent = 43 })},
		{"it gets on beyond reason", jobEvent(`"status":"STATUS_UPDATE","jobProgress":{"jobPercentComplete":1e99}`), job("STATUS_UPDATE", cloud.JobProgressing, nil)},
		{"it is complete", jobEvent(`"status":"COMPLETE","outputGroupDetails":[]`), job("COMPLETE", cloud.JobComplete, func(j *cloud.JobEvent) { j.Percent = 100 })},
		{"it fails", jobEvent(`"status":"ERROR","errorCode":1404,"errorMessage":"no such input"`), job("ERROR", cloud.JobFailed, func(j *cloud.JobEvent) { j.ErrorCode, j.Message = 1404, "no such input" })},
		{"it fails with a code in words", jobEvent(`"status":"ERROR","errorCode":"1404"`), job("ERROR", cloud.JobFailed, func(j *cloud.JobEvent) { j.ErrorCode = 1404 })},
		{"it is canceled", jobEvent(`"status":"CANCELED"`), job("CANCELED", cloud.JobCanceled, nil)},
		{"a warning by a number", jobEvent(`"status":"NEW_WARNING","warningCode":230001,"warningMessage":"w"`), job("NEW_WARNING", "", func(j *cloud.JobEvent) { j.Message = "w" })},
		{"a warning by a string", jobEvent(`"status":"NEW_WARNING","warningCode":"000000","warningMessage":"w"`), job("NEW_WARNING", "", func(j *cloud.JobEvent) { j.Message = "w" })},
		{"it changes its queue", jobEvent(`"status":"QUEUE_HOP","previousQueue":"q"`), job("QUEUE_HOP", "", nil)},
		{"a status that is not known yet", jobEvent(`"status":"REFLECTING"`), job("REFLECTING", "", nil)},
		{"metadata of other kinds", jobEvent(`"status":"PROGRESSING","userMetadata":{"build":2,"asset":null,"x":{}}`), job("PROGRESSING", cloud.JobProgressing, func(j *cloud.JobEvent) {
			j.Metadata = map[string]string{"build": "2", "asset": "", "x": ""}
		})},
		{"by SNS", wrapped(jobEvent(`"status":"PROGRESSING"`)), job("PROGRESSING", cloud.JobProgressing, nil)},

		{"an upload", record("ObjectCreated:Put", "a%2Bb+%25%C3%BC/c.mp4", seven), cloud.Event{ID: "message-0", At: half, Uploads: []cloud.UploadEvent{upload("a+b %ü/c.mp4")}}},
		{"an upload of parts, by SNS", wrapped(record("ObjectCreated:CompleteMultipartUpload", "a.mp4", seven)), cloud.Event{ID: "sns-1", At: half, Uploads: []cloud.UploadEvent{upload("a.mp4")}}},
		{"an upload by EventBridge", bridged("222233334444"), cloud.Event{ID: "e-2", Account: "222233334444", At: time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC), Uploads: []cloud.UploadEvent{upload("a+b %20.mp4")}}},
		{"S3's test", `{"Service":"Amazon S3","Event":"s3:TestEvent","Time":"2026-11-24T10:00:01.500Z","Bucket":"films","RequestId":"R","HostId":"H"}`, cloud.Event{ID: "message-0", At: half}},

		{"a deletion", record("ObjectRemoved:Delete", "a.mp4", ""), cloud.Event{ID: "message-0", At: half, Problem: `"ObjectRemoved:Delete" of "aws:s3" about "a.mp4", which is not for us`}},
		{"one good record of two", strings.Replace(record("ObjectCreated:Put", "a.mp4", seven), `[{`, `["x",{`, 1), cloud.Event{
			ID: "message-0", At: half, Uploads: []cloud.UploadEvent{upload("a.mp4")}, Problem: "a record: json: cannot unmarshal string into Go value of type struct",
		}},
		{"a key that is not encoded", record("ObjectCreated:Put", "100%", seven), cloud.Event{ID: "message-0", At: half, Problem: `key "100%": invalid URL escape "%"`}},
		{"no key", record("ObjectCreated:Put", "", seven), cloud.Event{ID: "message-0", At: half, Problem: `an upload of "" to bucket "films": no key`}},
		{"no size", record("ObjectCreated:Put", "a.mp4", ""), cloud.Event{ID: "message-0", At: half, Problem: `an upload of "s3://films/a.mp4" without a size`}},
		{"no record", `{"Records":[]}`, problem("message-0", "a notification without a record")},
		{"another account's job", strings.ReplaceAll(jobEvent(`"status":"COMPLETE"`), "222233334444", "999900001111"), cloud.Event{ID: "e-1", Account: "999900001111", At: at, Problem: `of account "999900001111"; the queue is account 222233334444's`}},
		{"another account's upload", bridged("999900001111"), cloud.Event{ID: "e-2", Account: "999900001111", At: time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC), Problem: `of account "999900001111"; the queue is account 222233334444's`}},
		{"accounts that differ", strings.Replace(jobEvent(`"status":"COMPLETE"`), `"accountId":"222233334444"`, `"accountId":"999900001111"`, 1), cloud.Event{
			ID: "e-1", Account: "222233334444", At: time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC), Problem: `of account "222233334444" about a job of account "999900001111"`,
		}},
		{"a job without an ID", strings.Replace(jobEvent(`"status":"COMPLETE"`), `"jobId":"1790000000000-abc123",`, ``, 1), cloud.Event{
			ID: "e-1", Account: "222233334444", At: time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC), Problem: `an event of status "COMPLETE" about job ""`,
		}},
		{"another service's event", `{"id":"e-3","source":"aws.ec2","detail-type":"EC2 Instance State-change Notification","detail":{}}`, problem("e-3", `"EC2 Instance State-change Notification" of "aws.ec2", which is not for us`)},
		{"SNS asks for confirmation", `{"Type":"SubscriptionConfirmation","TopicArn":"arn:aws:sns:x","Token":"t"}`, problem("message-0", `SNS's message of type "SubscriptionConfirmation"`)},
		{"wrapped twice", wrapped(wrapped(jobEvent(`"status":"COMPLETE"`))), problem("sns-1", `SNS's message of type "Notification"`)},
		{"an object about nothing", `{"hello":"world"}`, problem("message-0", "neither an event of EventBridge nor a notification of S3")},
		{"no JSON", `hello`, problem("message-0", "not an event in JSON: invalid character 'h' looking for beginning of value")},
		{"too long", `"` + strings.Repeat("x", 1<<20) + `"`, problem("message-0", "1048578 bytes, longer than 1048576")},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, _ := account(t, holds(tt.body))
			events, err := c.Events(queueURL)
			if err != nil {
				t.Fatal(err)
			}
			got, err := events.Receive(t.Context(), time.Second)
			if err != nil || len(got) != 1 || got[0].Receipt != "receipt-0" {
				t.Fatalf("Receive = %+v, %v", got, err)
			}
			got[0].Receipt = ""
			if strings.HasPrefix(tt.want.Problem, "a record: ") && strings.HasPrefix(got[0].Problem, tt.want.Problem) {
				got[0].Problem = tt.want.Problem
			}
			if !reflect.DeepEqual(got[0], tt.want) {
				t.Errorf("event %+v\n job %+v\nwant  %+v\n job %+v", got[0], got[0].Job, tt.want, tt.want.Job)
			}
		})
	}
}

// The request asks for ten, waits as long as SQS can, and goes to the queue's
// region.
func TestReceiveRequest(t *testing.T) {
	for _, tt := range []struct {
		wait time.Duration
		want int
	}{{-time.Second, 0}, {0, 0}, {time.Millisecond, 1}, {3 * time.Second, 3}, {time.Hour, 20}} {
		c, f := account(t, holds())
		t.Setenv("AWS_ENDPOINT_URL_SQS", "")
		events, err := c.Events("https://sqs.eu-west-3.amazonaws.com/222233334444/films")
		if err != nil {
			t.Fatal(err)
		}
		if got, err := events.Receive(t.Context(), tt.wait); len(got) != 0 || err != nil {
			t.Errorf("Receive = %+v, %v", got, err)
		}
		var in struct {
			QueueUrl                             string
			MaxNumberOfMessages, WaitTimeSeconds int
		}
		r := f.last()
		if err := json.Unmarshal([]byte(r.body), &in); err != nil || in.MaxNumberOfMessages != 10 || in.WaitTimeSeconds != tt.want || !strings.HasSuffix(in.QueueUrl, "/films") {
			t.Errorf("wait %v: request %s, want ten and %d s", tt.wait, r.body, tt.want)
		}
		if r.URL.Host != "sqs.eu-west-3.amazonaws.com" || !strings.Contains(r.Header.Get("Authorization"), "/eu-west-3/sqs/") {
			t.Errorf("sent to %s, signed %s", r.URL.Host, r.Header.Get("Authorization"))
		}
	}
}

func TestDone(t *testing.T) {
	failed := func(code string, fault bool) string {
		return fmt.Sprintf(`{"Successful":[],"Failed":[{"Id":"0","Code":%q,"SenderFault":%v,"Message":"m"}]}`, code, fault)
	}
	for _, tt := range []struct {
		name   string
		status int
		answer string
		want   error
	}{
		{"done", 200, `{"Successful":[{"Id":"0"}],"Failed":[]}`, nil},
		{"too old", 200, failed("ReceiptHandleIsInvalid", true), nil},
		{"throttled", 200, failed("RequestThrottled", true), cloud.ErrThrottled},
		{"the service fails", 200, failed("InternalError", false), cloud.ErrUnavailable},
		{"our fault", 200, failed("Unheard", true), cloud.ErrInvalid},
		{"no queue", 400, `{"__type":"com.amazonaws.sqs#QueueDoesNotExist","message":"m"}`, cloud.ErrNotFound},
		{"denied", 403, `{"__type":"com.amazonaws.sqs#AccessDeniedException","message":"m"}`, cloud.ErrDenied},
		{"a key that is denied", 400, `{"__type":"com.amazonaws.sqs#KmsAccessDenied","message":"m"}`, cloud.ErrDenied},
		{"too many in flight", 400, `{"__type":"com.amazonaws.sqs#OverLimit","message":"m"}`, cloud.ErrQuota},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, f := account(t, says(tt.status, tt.answer))
			events, err := c.Events(queueURL)
			if err != nil {
				t.Fatal(err)
			}
			if err := events.Done(t.Context(), "r"); !errors.Is(err, tt.want) {
				t.Errorf("Done = %v, want %v", err, tt.want)
			}
			if err := events.Done(t.Context()); err != nil || f.count() != 1 {
				t.Errorf("Done of nothing = %v, after %d requests", err, f.count())
			}
		})
	}
}

func TestEventsRefuses(t *testing.T) {
	c, _ := account(t, says(500, ""))
	for _, url := range []string{
		"", "films", "arn:aws:sqs:eu-central-1:222233334444:films", "https://sqs.eu-central-1.amazonaws.com", "https://sqs.eu-central-1.amazonaws.com/222233334444",
		"ftp://host/222233334444/films", "https://host/222233334444/films/more", "https://user:secret@host/222233334444/films", "https://host/222233334444/films.fifo", "http://host/%zz",
	} {
		if e, err := c.Events(url); err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("Events(%q) = %v, %v", url, e, err)
		}
	}
}

// FuzzMessage: whatever somebody puts into the queue is one event, with a
// receipt, and about something at most.
func FuzzMessage(f *testing.F) {
	settings(f, "1")
	for _, seed := range []string{
		jobEvent(`"status":"COMPLETE"`), jobEvent(`"status":"ERROR","errorCode":[]`), record("ObjectCreated:Put", "a+b", `,"size":1`), wrapped(record("s3:ObjectCreated:Copy", "%", `,"size":"1"`)),
		`{"Records":null}`, `{"Records":[null,1,{}]}`, `{"Event":"s3:TestEvent","Time":7}`, `null`, `[]`, `{"detail":7,"source":"aws.mediaconvert","detail-type":"MediaConvert Job State Change"}`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, body string) {
		if encoded, err := json.Marshal(body); err != nil || !strings.Contains(string(encoded), `"`) {
			return
		}
		body = strings.ToValidUTF8(body, "")
		c, _ := opened(t, holds(body))
		events, err := c.Events(queueURL)
		if err != nil {
			t.Fatal(err)
		}
		got, err := events.Receive(t.Context(), 0)
		if err != nil || len(got) != 1 || got[0].Receipt == "" || got[0].ID == "" {
			t.Fatalf("%q: %+v, %v", body, got, err)
		}
		e := got[0]
		if e.Job != nil && (e.Uploads != nil || e.Problem != "" || e.Job.ID == "" || e.Job.Percent < 0 || e.Job.Percent > 100 || e.Job.ErrorCode < 0) {
			t.Errorf("%q: %+v of %+v", body, e, e.Job)
		}
		for _, u := range e.Uploads {
			if u.Location.Valid() != nil || u.Size < 0 {
				t.Errorf("%q: upload %+v", body, u)
			}
		}
		if len(e.Problem) > 2000 {
			t.Errorf("%q: a problem of %d bytes", body, len(e.Problem))
		}
	})
}
