package awscloud

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/vodfleet/vodfleet/internal/cloud"
)

// queueCodes are what SQS's own error codes mean, in the words of its JSON and
// of its query protocol. Source: "Common errors" and the operations' errors of
// the SQS API reference.
var queueCodes = map[string]error{
	"QueueDoesNotExist":                       cloud.ErrNotFound,
	"AWS.SimpleQueueService.NonExistentQueue": cloud.ErrNotFound,
	"QueueDeletedRecently":                    cloud.ErrNotFound,
	"OverLimit":                               cloud.ErrQuota, // too many messages in flight
	"KmsThrottled":                            cloud.ErrThrottled,
	"KMS.ThrottlingException":                 cloud.ErrThrottled,
	"KmsAccessDenied":                         cloud.ErrDenied,
	"KMS.AccessDeniedException":               cloud.ErrDenied,
	"KmsDisabled":                             cloud.ErrDenied,
	"KmsInvalidState":                         cloud.ErrDenied,
	"KmsNotFound":                             cloud.ErrDenied,
	"AWS.SimpleQueueService.BatchEntryIdsNotDistinct": cloud.ErrInvalid,
}

// events is a queue of SQS.
type events struct {
	api     *sqs.Client
	url     string
	account string // whose the queue is; empty if its URL does not say
}

// Events returns the queue of events at an SQS queue's URL, as CreateQueue and
// GetQueueUrl give it: https://sqs.REGION.amazonaws.com/ACCOUNT/NAME. It makes
// no call, and fails if the URL is none of a queue. The region is the URL's;
// the endpoint, if AWS_ENDPOINT_URL_SQS or AWS_ENDPOINT_URL is set, is that.
func (c *Cloud) Events(queueURL string) (cloud.Events, error) {
	u, err := url.Parse(queueURL)
	if err != nil {
		return nil, fmt.Errorf("queue %.200q: %w", queueURL, errors.Unwrap(err))
	}
	account, name, ok := strings.Cut(strings.TrimPrefix(u.Path, "/"), "/")
	if u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil || !ok || account == "" || name == "" || strings.Contains(name, "/") {
		return nil, fmt.Errorf("queue %.200q: want https://sqs.REGION.amazonaws.com/ACCOUNT/NAME", u.Redacted())
	}
	if strings.HasSuffix(name, ".fifo") {
		return nil, fmt.Errorf("queue %.200q: a FIFO queue; EventBridge and S3 here need a standard one", queueURL)
	}
	e := &events{url: queueURL, account: account}
	if !isAccount(account) {
		e.account = ""
	}
	e.api = sqs.NewFromConfig(c.config, func(o *sqs.Options) {
		if region, ok := regionOf(u.Hostname()); ok {
			o.Region = region
		}
	})
	return e, nil
}

// regionOf is the region in an SQS endpoint's host name.
func regionOf(host string) (string, bool) {
	rest, ok := strings.CutPrefix(host, "sqs.")
	region, domain, _ := strings.Cut(rest, ".")
	return region, ok && region != "" && strings.HasPrefix(domain, "amazonaws.com")
}

func isAccount(s string) bool {
	return len(s) == 12 && strings.Trim(s, "0123456789") == ""
}

// Receive implements [cloud.Events].
func (e *events) Receive(ctx context.Context, wait time.Duration) ([]cloud.Event, error) {
	wait = min(max(wait, 0), cloud.MaxEventWait)
	out, err := queueCall(ctx, "ReceiveMessage", e.url, func(ctx context.Context) (*sqs.ReceiveMessageOutput, error) {
		return e.api.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{
			QueueUrl: &e.url, MaxNumberOfMessages: cloud.MaxEvents, WaitTimeSeconds: int32((wait + time.Second - 1) / time.Second),
		})
	})
	if err != nil {
		return nil, err
	}
	all := make([]cloud.Event, 0, len(out.Messages))
	for _, m := range out.Messages {
		all = append(all, e.read(aws.ToString(m.MessageId), aws.ToString(m.ReceiptHandle), aws.ToString(m.Body)))
	}
	return all, nil
}

// deletable is how many messages one request may delete.
const deletable = 10

// Done implements [cloud.Events].
func (e *events) Done(ctx context.Context, receipts ...string) error {
	var failed []error
	for len(receipts) > 0 {
		n := min(len(receipts), deletable)
		failed = append(failed, e.delete(ctx, receipts[:n]))
		receipts = receipts[n:]
	}
	return errors.Join(failed...)
}

func (e *events) delete(ctx context.Context, receipts []string) error {
	const op = "DeleteMessageBatch"
	in := &sqs.DeleteMessageBatchInput{QueueUrl: &e.url}
	for i := range receipts {
		in.Entries = append(in.Entries, types.DeleteMessageBatchRequestEntry{Id: aws.String(strconv.Itoa(i)), ReceiptHandle: &receipts[i]})
	}
	out, err := queueCall(ctx, op, e.url, func(ctx context.Context) (*sqs.DeleteMessageBatchOutput, error) {
		return e.api.DeleteMessageBatch(ctx, in)
	})
	if err != nil {
		return err
	}
	var failed []error
	for _, f := range out.Failed {
		code := aws.ToString(f.Code)
		if code == "ReceiptHandleIsInvalid" || code == "InvalidParameterValue" {
			continue // too old: the event may come again, as the port says
		}
		kind, ok := queueCodes[code]
		switch {
		case ok:
		case f.SenderFault:
			kind = cloud.ErrInvalid
		default:
			kind = cloud.ErrUnavailable
		}
		if known, ok := codes[code]; ok {
			kind = known
		}
		failed = append(failed, &cloud.Error{Op: op, Object: "queue " + e.url, Kind: kind, Code: code, Message: clean(aws.ToString(f.Message))})
	}
	return errors.Join(failed...)
}

// queueCall is [call] with SQS's codes.
func queueCall[T any](ctx context.Context, op, queue string, do func(context.Context) (T, error)) (T, error) {
	v, err := call(ctx, callTime, op, "queue "+queue, do)
	if e, ok := errors.AsType[*cloud.Error](err); ok {
		if kind, ok := queueCodes[e.Code]; ok {
			e.Kind = kind
		}
	}
	return v, err
}
