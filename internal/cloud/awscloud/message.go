package awscloud

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/vodfleet/vodfleet/internal/cloud"
)

// maxBody is the longest message that is looked at, in bytes: what SQS takes.
const maxBody = 1 << 20

// message is every kind of message that is known, one in another's place.
// Sources: "EventBridge events" of the MediaConvert user guide, "Event message
// structure" of the S3 user guide, for S3 itself and for EventBridge, and
// "Parsing Amazon SNS message formats" of the SNS guide.
type message struct {
	// Of EventBridge.
	ID         word            `json:"id"`
	DetailType word            `json:"detail-type"`
	Source     word            `json:"source"`
	Account    word            `json:"account"`
	Time       word            `json:"time"`
	Detail     json.RawMessage `json:"detail"`

	// Of S3.
	Records []json.RawMessage `json:"Records"`
	Event   word              `json:"Event"`

	// Of SNS.
	Type      word `json:"Type"`
	TopicARN  word `json:"TopicArn"`
	MessageID word `json:"MessageId"`
	Message   word `json:"Message"`
}

// read makes an event of a message, whatever its bytes.
func (e *events) read(id, receipt, body string) cloud.Event {
	event := cloud.Event{ID: id}
	if problem := readMessage(&event, body, true); problem != "" {
		event.Job, event.Problem = nil, problem
	}
	if e.account != "" && event.Account != "" && event.Account != e.account {
		event.Job, event.Uploads = nil, nil
		event.Problem = fmt.Sprintf("of account %s; the queue is account %s's", short(event.Account), e.account)
	}
	event.Receipt = receipt
	return event
}

// readMessage fills an event and says what is wrong with the message. SNS
// wraps a message once.
func readMessage(event *cloud.Event, body string, wrapped bool) (problem string) {
	if len(body) > maxBody {
		return fmt.Sprintf("%d bytes, longer than %d", len(body), maxBody)
	}
	var m message
	if err := json.Unmarshal([]byte(body), &m); err != nil {
		return "not an event in JSON: " + clean(err.Error())
	}
	switch {
	case m.Type == "Notification" && m.TopicARN != "" && wrapped:
		if m.MessageID != "" {
			event.ID = string(m.MessageID)
		}
		return readMessage(event, string(m.Message), false)
	case m.Type != "" && m.TopicARN != "":
		return "SNS's message of type " + short(string(m.Type))
	case m.Source != "" || m.DetailType != "":
		return readEventBridge(event, &m)
	case m.Event == "s3:TestEvent":
		event.At = timeOf(string(m.Time))
		return ""
	case m.Records != nil:
		return readRecords(event, m.Records)
	}
	return "neither an event of EventBridge nor a notification of S3"
}

func readEventBridge(event *cloud.Event, m *message) (problem string) {
	if m.ID != "" {
		event.ID = string(m.ID)
	}
	event.Account, event.At = string(m.Account), timeOf(string(m.Time))
	switch kind := [2]word{m.Source, m.DetailType}; kind {
	case [2]word{"aws.mediaconvert", "MediaConvert Job State Change"}:
		return readJob(event, m.Detail)
	case [2]word{"aws.s3", "Object Created"}:
		var d struct {
			Bucket struct{ Name word }
			Object object
		}
		if err := json.Unmarshal(m.Detail, &d); err != nil {
			return "details of an upload: " + clean(err.Error())
		}
		return addUpload(event, d.Bucket.Name, d.Object, string(d.Object.Key))
	}
	return fmt.Sprintf("%s of %s, which is not for us", short(string(m.DetailType)), short(string(m.Source)))
}

// states are the states that a job is in at an event of a status. NEW_WARNING
// and QUEUE_HOP do not say.
var states = map[word]cloud.JobState{
	"SUBMITTED": cloud.JobSubmitted, "INPUT_INFORMATION": cloud.JobProgressing, "PROGRESSING": cloud.JobProgressing,
	"STATUS_UPDATE": cloud.JobProgressing, "COMPLETE": cloud.JobComplete, "ERROR": cloud.JobFailed, "CANCELED": cloud.JobCanceled,
}

func readJob(event *cloud.Event, detail json.RawMessage) (problem string) {
	var d struct {
		AccountID      word            `json:"accountId"`
		Timestamp      word            `json:"timestamp"` // milliseconds
		JobID          word            `json:"jobId"`
		Status         word            `json:"status"`
		Queue          word            `json:"queue"`
		UserMetadata   json.RawMessage `json:"userMetadata"`
		ErrorCode      word            `json:"errorCode"`
		ErrorMessage   word            `json:"errorMessage"`
		WarningMessage word            `json:"warningMessage"`
		Percent        word            `json:"jobPercentComplete"`
		JobProgress    json.RawMessage `json:"jobProgress"`
	}
	if err := json.Unmarshal(detail, &d); err != nil {
		return "details of a job: " + clean(err.Error())
	}
	if d.JobID == "" || d.Status == "" || !printable(string(d.JobID)) || !printable(string(d.Status)) {
		return fmt.Sprintf("an event of status %s about job %s", short(string(d.Status)), short(string(d.JobID)))
	}
	if event.Account == "" {
		event.Account = string(d.AccountID)
	} else if d.AccountID != "" && string(d.AccountID) != event.Account {
		return fmt.Sprintf("of account %s about a job of account %s", short(event.Account), short(string(d.AccountID)))
	}
	if ms, err := strconv.ParseInt(string(d.Timestamp), 10, 64); err == nil && ms > 0 && ms < 1<<43 {
		event.At = time.UnixMilli(ms).UTC()
	}
	var progress struct {
		Percent word `json:"jobPercentComplete"`
	}
	if d.Percent == "" && json.Unmarshal(d.JobProgress, &progress) == nil {
		d.Percent = progress.Percent
	}
	job := &cloud.JobEvent{
		ID: string(d.JobID), State: states[d.Status], Status: string(d.Status), Queue: string(d.Queue),
		ErrorCode: d.ErrorCode.number(0, 1<<31-1), Message: clean(string(d.ErrorMessage + d.WarningMessage)), Metadata: map[string]string{},
		Percent: d.Percent.number(0, 100),
	}
	if job.State == cloud.JobComplete {
		job.Percent = 100
	}
	var metadata map[string]word
	if json.Unmarshal(d.UserMetadata, &metadata) == nil {
		for key, value := range metadata {
			job.Metadata[key] = string(value)
		}
	}
	event.Job = job
	return ""
}

// object is one in a notification: S3's members are in camel case, and those
// of S3 through EventBridge in lower case. Names are matched without regard to
// case.
type object struct {
	Key       word `json:"key"`
	Size      word `json:"size"`
	ETag      word `json:"etag"`
	Version   word `json:"version-id"`
	VersionID word `json:"versionId"`
	Sequencer word `json:"sequencer"`
}

// readRecords reads S3's own notification. What is wrong with some records is
// said beside the uploads of the others.
func readRecords(event *cloud.Event, records []json.RawMessage) (problem string) {
	var problems []string
	for _, text := range records {
		if p := readRecord(event, text); p != "" {
			problems = append(problems, p)
		}
	}
	if len(records) == 0 {
		return "a notification without a record"
	}
	if len(problems) > 3 {
		problems = append(problems[:3], fmt.Sprintf("and %d more", len(problems)-3))
	}
	return strings.Join(problems, "; ")
}

func readRecord(event *cloud.Event, text json.RawMessage) (problem string) {
	var r struct {
		EventSource word `json:"eventSource"`
		EventName   word `json:"eventName"`
		EventTime   word `json:"eventTime"`
		S3          struct {
			Bucket struct {
				Name word `json:"name"`
			} `json:"bucket"`
			Object object `json:"object"`
		} `json:"s3"`
	}
	if err := json.Unmarshal(text, &r); err != nil {
		return "a record: " + clean(err.Error())
	}
	if event.At.IsZero() {
		event.At = timeOf(string(r.EventTime))
	}
	name := strings.TrimPrefix(string(r.EventName), "s3:")
	if r.EventSource != "aws:s3" || !strings.HasPrefix(name, "ObjectCreated:") {
		return fmt.Sprintf("%s of %s about %s, which is not for us", short(name), short(string(r.EventSource)), short(string(r.S3.Object.Key)))
	}
	key, err := url.QueryUnescape(string(r.S3.Object.Key))
	if err != nil {
		return fmt.Sprintf("key %s: %v", short(string(r.S3.Object.Key)), err)
	}
	return addUpload(event, r.S3.Bucket.Name, r.S3.Object, key)
}

func addUpload(event *cloud.Event, bucket word, o object, key string) (problem string) {
	u := cloud.UploadEvent{
		Location: cloud.Location{Bucket: string(bucket), Key: key}, ETag: strings.Trim(string(o.ETag), `"`),
		VersionID: string(o.VersionID + o.Version), Sequencer: string(o.Sequencer),
	}
	size, err := strconv.ParseInt(string(o.Size), 10, 64)
	switch {
	case u.Location.Valid() != nil:
		return fmt.Sprintf("an upload of %s to bucket %s: %v", short(key), short(string(bucket)), u.Location.Valid())
	case err != nil || size < 0:
		return fmt.Sprintf("an upload of %s without a size", short(u.Location.String()))
	}
	u.Size = size
	event.Uploads = append(event.Uploads, u)
	return ""
}

// word is a string, or a number or boolean where one is written instead, as
// services change their minds; anything else is empty.
type word string

func (w *word) UnmarshalJSON(b []byte) error {
	switch {
	case b[0] == '"':
		return json.Unmarshal(b, (*string)(w))
	case b[0] == '{' || b[0] == '[' || string(b) == "null":
		*w = ""
	default:
		*w = word(b)
	}
	return nil
}

// number is a word's whole number within bounds; what is none, or is beyond
// them, is 0.
func (w word) number(least, most float64) int {
	n, err := strconv.ParseFloat(string(w), 64)
	if err != nil || !(n >= least && n <= most) {
		return 0
	}
	return int(n)
}

func timeOf(s string) time.Time {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return time.Time{}
	}
	return t.UTC()
}

// printable reports whether s may stand in names and logs as it is.
func printable(s string) bool {
	return len(s) <= 128 && strings.IndexFunc(s, func(r rune) bool { return r <= ' ' || r >= 0x7f }) < 0
}

// short quotes what somebody else wrote.
func short(s string) string {
	if len(s) > 100 {
		s = s[:100] + "…"
	}
	return strconv.Quote(s)
}
