package queues

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/vodfleet/vodfleet/internal/localcloud/journal"
)

// A message is hidden once it is received, comes again after its visibility
// time by another receipt, and is gone once it is deleted by the latest.
func TestReceiveAndDelete(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		s := start(t, dir)
		defer s.stop()
		s.send("one", "two")
		bodies, first := s.receive(10, 0)
		if !slices.Equal(bodies, []string{"one", "two"}) {
			t.Fatalf("received %q", bodies)
		}
		if again, _ := s.receive(10, 0); len(again) != 0 {
			t.Errorf("in flight, and received again: %q", again)
		}
		s.delete(first[1])
		time.Sleep(31 * time.Second)
		got, err := s.ReceiveMessage(t.Context(), &sdk.ReceiveMessageInput{QueueUrl: s.url, MessageSystemAttributeNames: []types.MessageSystemAttributeName{"All"}})
		if err != nil || len(got.Messages) != 1 || *got.Messages[0].Body != "one" || got.Messages[0].Attributes["ApproximateReceiveCount"] != "2" {
			t.Fatalf("received again %+v, %v; want the first for the second time", got, err)
		}
		s.delete(first[0]) // an old receipt deletes nothing
		time.Sleep(31 * time.Second)
		_, latest := s.receive(10, 0)
		if len(latest) != 1 {
			t.Fatalf("%d messages after an old receipt was deleted, want 1", len(latest))
		}
		s.delete(latest[0])
		s.delete(latest[0])
		time.Sleep(31 * time.Second)
		if left, _ := s.receive(10, 0); len(left) != 0 {
			t.Errorf("%q after all were deleted", left)
		}
	})
}

// A request waits for messages, on the host's clock, and answers as soon as
// there is one.
func TestLongPolling(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		s := start(t, dir)
		defer s.stop()
		begun := time.Now()
		if got, _ := s.receive(1, 20); len(got) != 0 || time.Since(begun) != 20*time.Second {
			t.Errorf("%q after %v, want none after 20 s", got, time.Since(begun))
		}
		begun = time.Now()
		go func() {
			time.Sleep(3 * time.Second)
			s.service.Send("q", "late")
		}()
		if got, _ := s.receive(1, 20); len(got) != 1 || time.Since(begun) != 3*time.Second {
			t.Errorf("%q after %v, want one after 3 s", got, time.Since(begun))
		}
		begun = time.Now() // it is visible again in 30 s
		s.receive(1, 20)
		if got, _ := s.receive(1, 20); len(got) != 1 || time.Since(begun).Round(time.Second) != 30*time.Second {
			t.Errorf("%q after %v, want it again after 30 s", got, time.Since(begun))
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := s.ReceiveMessage(ctx, &sdk.ReceiveMessageInput{QueueUrl: s.url, WaitTimeSeconds: 20}); err == nil {
			t.Error("a client that is gone gets an answer")
		}
	})
}

func TestVisibility(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		s := start(t, dir)
		defer s.stop()
		s.send("one")
		_, receipts := s.receive(1, 0)
		change := func(seconds int32) error {
			_, err := s.ChangeMessageVisibility(t.Context(), &sdk.ChangeMessageVisibilityInput{QueueUrl: s.url, ReceiptHandle: &receipts[0], VisibilityTimeout: seconds})
			return err
		}
		if err := change(100); err != nil {
			t.Fatal(err)
		}
		time.Sleep(99 * time.Second)
		if got, _ := s.receive(1, 0); len(got) != 0 {
			t.Error("visible before its time")
		}
		if err := change(0); err != nil {
			t.Fatal(err)
		}
		if got, _ := s.receive(1, 0); len(got) != 1 {
			t.Error("not visible at once")
		}
		if got := code(change(10)); got != "AWS.SimpleQueueService.MessageNotInflight" {
			t.Errorf("by an old receipt: %s", got)
		}
		if got := code(change(50_000)); got != "InvalidParameterValue" {
			t.Errorf("for too long: %s", got)
		}
	})
}

func TestBatches(t *testing.T) {
	s := start(t, t.TempDir())
	sent, err := s.SendMessageBatch(t.Context(), &sdk.SendMessageBatchInput{QueueUrl: s.url, Entries: []types.SendMessageBatchRequestEntry{
		{Id: aws.String("a"), MessageBody: aws.String("one"), MessageAttributes: map[string]types.MessageAttributeValue{
			"n": {DataType: aws.String("Number"), StringValue: aws.String("1")}, "b": {DataType: aws.String("Binary"), BinaryValue: []byte{1, 2}},
		}},
		{Id: aws.String("b"), MessageBody: aws.String("bad\x00")},
	}})
	if err != nil || len(sent.Successful) != 1 || len(sent.Failed) != 1 || *sent.Failed[0].Code != "InvalidMessageContents" || !sent.Failed[0].SenderFault {
		t.Fatalf("SendMessageBatch = %+v, %v", sent, err)
	}
	got, err := s.ReceiveMessage(t.Context(), &sdk.ReceiveMessageInput{QueueUrl: s.url, MessageAttributeNames: []string{"All"}})
	if err != nil || len(got.Messages) != 1 {
		t.Fatalf("ReceiveMessage = %+v, %v", got, err)
	}
	m := got.Messages[0]
	// Of the attributes by hand: length and name, length and type, 1 or 2, length and value, by name.
	const sum = "\x00\x00\x00\x01b\x00\x00\x00\x06Binary\x02\x00\x00\x00\x02\x01\x02\x00\x00\x00\x01n\x00\x00\x00\x06Number\x01\x00\x00\x00\x011"
	if *m.MD5OfMessageAttributes != sumOf(sum) || *sent.Successful[0].MD5OfMessageAttributes != sumOf(sum) || string(m.MessageAttributes["b"].BinaryValue) != "\x01\x02" {
		t.Errorf("attributes %+v of sum %s, want %s", m.MessageAttributes, *m.MD5OfMessageAttributes, sumOf(sum))
	}
	deleted, err := s.DeleteMessageBatch(t.Context(), &sdk.DeleteMessageBatchInput{QueueUrl: s.url, Entries: []types.DeleteMessageBatchRequestEntry{
		{Id: aws.String("a"), ReceiptHandle: m.ReceiptHandle}, {Id: aws.String("b"), ReceiptHandle: aws.String("none of ours")},
	}})
	if err != nil || len(deleted.Successful) != 1 || len(deleted.Failed) != 1 || *deleted.Failed[0].Code != "ReceiptHandleIsInvalid" {
		t.Errorf("DeleteMessageBatch = %+v, %v", deleted, err)
	}
	var eleven []types.SendMessageBatchRequestEntry
	for i := range 11 {
		eleven = append(eleven, types.SendMessageBatchRequestEntry{Id: aws.String(fmt.Sprint(i)), MessageBody: aws.String("x")})
	}
	for want, entries := range map[string][]types.SendMessageBatchRequestEntry{
		"AWS.SimpleQueueService.TooManyEntriesInBatchRequest": eleven,
		"AWS.SimpleQueueService.EmptyBatchRequest":            {},
		"AWS.SimpleQueueService.BatchEntryIdsNotDistinct":     {eleven[0], eleven[0]},
		"AWS.SimpleQueueService.InvalidBatchEntryId":          {{Id: aws.String("a b"), MessageBody: aws.String("x")}},
	} {
		if _, err := s.SendMessageBatch(t.Context(), &sdk.SendMessageBatchInput{QueueUrl: s.url, Entries: entries}); code(err) != want {
			t.Errorf("a wrong batch: %v, want %s", err, want)
		}
	}
}

func TestQueues(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		s := start(t, dir)
		made, err := s.CreateQueue(t.Context(), &sdk.CreateQueueInput{QueueName: aws.String("other"), Attributes: map[string]string{"VisibilityTimeout": "5", "Policy": `{"Version":"2012-10-17"}`}})
		if err != nil || *made.QueueUrl != "http://sqs.test/111122223333/other" {
			t.Fatalf("CreateQueue = %+v, %v", made, err)
		}
		if _, err := s.CreateQueue(t.Context(), &sdk.CreateQueueInput{QueueName: aws.String("other"), Attributes: map[string]string{"VisibilityTimeout": "6"}}); code(err) != "QueueAlreadyExists" {
			t.Errorf("another of the same name: %v", err)
		}
		if _, err := s.SetQueueAttributes(t.Context(), &sdk.SetQueueAttributesInput{QueueUrl: made.QueueUrl, Attributes: map[string]string{"DelaySeconds": "7"}}); err != nil {
			t.Error(err)
		}
		for want, attributes := range map[string]map[string]string{
			"InvalidAttributeValue": {"MessageRetentionPeriod": "1"}, "InvalidAttributeName": {"RedrivePolicy": "{}"},
		} {
			if _, err := s.SetQueueAttributes(t.Context(), &sdk.SetQueueAttributesInput{QueueUrl: made.QueueUrl, Attributes: attributes}); code(err) != want {
				t.Errorf("attributes %v: %v, want %s", attributes, err, want)
			}
		}
		if _, err := s.SendMessage(t.Context(), &sdk.SendMessageInput{QueueUrl: made.QueueUrl, MessageBody: aws.String("kept")}); err != nil {
			t.Error(err)
		}
		s.send("kept", "in flight")
		s.receive(1, 0)
		s.stop()

		s = start(t, dir) // over a restart
		defer s.stop()
		listed, err := s.ListQueues(t.Context(), &sdk.ListQueuesInput{})
		if err != nil || !slices.Equal(listed.QueueUrls, []string{*made.QueueUrl, *s.url}) {
			t.Errorf("ListQueues = %+v, %v", listed, err)
		}
		got, err := s.GetQueueAttributes(t.Context(), &sdk.GetQueueAttributesInput{QueueUrl: made.QueueUrl, AttributeNames: []types.QueueAttributeName{"All"}})
		if err != nil || got.Attributes["VisibilityTimeout"] != "5" || got.Attributes["DelaySeconds"] != "7" || got.Attributes["ApproximateNumberOfMessages"] != "1" ||
			got.Attributes["QueueArn"] != "arn:aws:sqs:us-east-1:111122223333:other" || got.Attributes["Policy"] != `{"Version":"2012-10-17"}` {
			t.Errorf("attributes after a restart %v, %v", got, err)
		}
		if bodies, _ := s.receive(10, 0); !slices.Equal(bodies, []string{"kept", "in flight"}) {
			t.Errorf("after a restart received %q, want both", bodies)
		}
		if _, err := s.PurgeQueue(t.Context(), &sdk.PurgeQueueInput{QueueUrl: s.url}); err != nil {
			t.Error(err)
		}
		if _, err := s.PurgeQueue(t.Context(), &sdk.PurgeQueueInput{QueueUrl: s.url}); code(err) != "AWS.SimpleQueueService.PurgeQueueInProgress" {
			t.Errorf("purged again: %v", err)
		}
		if _, err := s.DeleteQueue(t.Context(), &sdk.DeleteQueueInput{QueueUrl: made.QueueUrl}); err != nil {
			t.Error(err)
		}
		for what, err := range map[string]error{
			"GetQueueUrl": func() error {
				_, err := s.GetQueueUrl(t.Context(), &sdk.GetQueueUrlInput{QueueName: aws.String("other")})
				return err
			}(),
			"Receive": func() error {
				_, err := s.ReceiveMessage(t.Context(), &sdk.ReceiveMessageInput{QueueUrl: made.QueueUrl})
				return err
			}(),
		} {
			if code(err) != "AWS.SimpleQueueService.NonExistentQueue" {
				t.Errorf("%s of a deleted queue: %v", what, err)
			}
		}
		if _, err := s.TagQueue(t.Context(), &sdk.TagQueueInput{QueueUrl: s.url, Tags: map[string]string{"a": "b"}}); !strings.Contains(code(err), "UnsupportedOperation") {
			t.Errorf("what is not carried out: %v", err)
		}
		time.Sleep(4*24*time.Hour + time.Minute) // retention
		if got := s.service.Queues(); len(got) != 1 || got[0].Visible+got[0].InFlight+got[0].Delayed != 0 {
			t.Errorf("after the retention period %+v", got)
		}
	})
}

// Messages come twice, out of order and late, as they are asked to.
func TestAtLeastOnce(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		s := start(t, dir, func(c *Config) { c.Duplicate, c.Reorder, c.Lag = 0.3, 0.5, [2]time.Duration{0, 10 * time.Second} })
		defer s.stop()
		const n = 300
		for i := range n {
			s.service.Send("q", fmt.Sprint(i))
		}
		if q := s.service.Queues()[0]; q.Sent != n || q.Delayed < n/2 {
			t.Errorf("sent %d, delayed %d, want %d and most", q.Sent, q.Delayed, n)
		}
		seen := map[string]int{}
		var order []string
		for range 30 {
			for range 40 {
				bodies, receipts := s.receive(10, 0)
				order = append(order, bodies...)
				for i, b := range bodies {
					seen[b]++
					s.delete(receipts[i])
				}
			}
			time.Sleep(2 * time.Second)
		}
		twice := 0
		for _, times := range seen {
			twice += times - 1
		}
		if len(seen) != n || twice < n/10 || twice > n/2 {
			t.Errorf("%d of %d came, %d again; want all, and about a third twice", len(seen), n, twice)
		}
		if slices.IsSortedFunc(order, func(a, b string) int { return len(a) - len(b) }) {
			t.Error("they came in order")
		}
	})
}

// What there is no room for is refused, or lost and counted.
func TestFull(t *testing.T) {
	s := start(t, t.TempDir())
	s.service.count = maxMessages
	body := "one more"
	if _, err := s.SendMessage(t.Context(), &sdk.SendMessageInput{QueueUrl: s.url, MessageBody: &body}); code(err) != "ServiceUnavailable" {
		t.Errorf("SendMessage into full queues = %v", err)
	}
	s.service.Send("q", body)
	if q := s.service.Queues()[0]; q.Lost != 1 || q.Visible != 0 {
		t.Errorf("%+v, want one lost", q)
	}
	s.service.count = 0
}

func TestSigned(t *testing.T) {
	s := start(t, t.TempDir())
	_, err := s.ListQueues(t.Context(), &sdk.ListQueuesInput{}, func(o *sdk.Options) {
		o.Credentials = aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "localcloud", SecretAccessKey: "guess"}, nil
		})
	})
	if code(err) != "InvalidSignatureException" {
		t.Errorf("by a wrong key: %v", err)
	}
	if got := s.calls.Counts()["sqs.ListQueues"]["403"]; got != 1 {
		t.Errorf("calls %v, want one refused", s.calls.Counts())
	}
}

func FuzzReadJournal(f *testing.F) {
	f.Add(`{"queue":"q","settings":{"visibility":30}}` + "\n" + `{"queue":"q","put":{"number":1,"id":"a","body":"b"}}` + "\n" + `{"queue":"q","drop":[1,2]}` + "\n")
	f.Add(`{"queue":"q","gone":true}` + "\n{}\n")
	f.Fuzz(func(t *testing.T, text string) {
		s := &Service{queues: map[string]*queue{}}
		_ = journal.Read(strings.NewReader(text), maxLine, func(e entry) error {
			if err := e.check(); err != nil || e.Put != nil { // which needs a clock
				return err
			}
			s.apply(e)
			return nil
		})
	})
}

func FuzzQuery(f *testing.F) {
	f.Add("SendMessageBatch", "SendMessageBatchRequestEntry.1.Id=a&SendMessageBatchRequestEntry.1.MessageBody=b&Attribute.1.Name=x")
	f.Fuzz(func(t *testing.T, op, form string) {
		if _, err := fromQuery(op, form); err != nil && code(err) == "" {
			t.Error("an error of nothing")
		}
	})
}
