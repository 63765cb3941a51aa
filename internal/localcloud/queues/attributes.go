package queues

import (
	"crypto/md5"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"hash"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/vodfleet/vodfleet/internal/localcloud/sigv4"
)

// attribute is a message's attribute.
type attribute struct {
	DataType    string
	StringValue string `json:",omitempty"`
	BinaryValue []byte `json:",omitempty"`
}

func sumOf(s string) string {
	sum := md5.Sum([]byte(s))
	return hex.EncodeToString(sum[:])
}

// sumOfAttributes is the MD5 that SDKs compare ("Calculating the MD5 message
// digest for message attributes", SQS developer guide); empty for none.
func sumOfAttributes(all map[string]attribute) string {
	if len(all) == 0 {
		return ""
	}
	h := md5.New()
	for _, name := range slices.Sorted(maps.Keys(all)) {
		a := all[name]
		part(h, []byte(name))
		part(h, []byte(a.DataType))
		if strings.HasPrefix(a.DataType, "Binary") {
			h.Write([]byte{2})
			part(h, a.BinaryValue)
		} else {
			h.Write([]byte{1})
			part(h, []byte(a.StringValue))
		}
	}
	return hex.EncodeToString(h.Sum(nil))
}

func part(h hash.Hash, b []byte) {
	var n [4]byte
	binary.BigEndian.PutUint32(n[:], uint32(len(b)))
	h.Write(n[:])
	h.Write(b)
}

// set changes settings as SetQueueAttributes and CreateQueue ask.
func (set *settings) set(attributes map[string]string) error {
	for name, value := range attributes {
		least, most := 0, 0
		var to *int
		switch name {
		case "VisibilityTimeout":
			to, most = &set.Visibility, maxVisibility
		case "DelaySeconds":
			to, most = &set.Delay, maxDelay
		case "ReceiveMessageWaitTimeSeconds":
			to, most = &set.Wait, maxWait
		case "MessageRetentionPeriod":
			to, least, most = &set.Retention, minRetention, maxRetention
		case "MaximumMessageSize":
			to, least, most = &set.Size, minSize, maxSize
		case "Policy":
			if value != "" && !json.Valid([]byte(value)) {
				return refuse("InvalidAttributeValue", "Invalid value for the parameter Policy.")
			}
			set.Policy = value
			continue
		case "SqsManagedSseEnabled":
			if value != "true" && value != "false" {
				return refuse("InvalidAttributeValue", "Invalid value for the parameter %s.", name)
			}
			continue // what is at rest here is for whoever has the folder
		default:
			return refuse("InvalidAttributeName", "The local cloud does not carry out the attribute %s.", name)
		}
		n, err := strconv.Atoi(value)
		if err != nil || n < least || n > most {
			return refuse("InvalidAttributeValue", "Invalid value for the parameter %s.", name)
		}
		*to = n
	}
	return nil
}

// attributes are a queue's, all of them, at a time.
func (q *queue) attributes(now time.Time) map[string]string {
	q.settle(now)
	number := strconv.Itoa
	all := map[string]string{
		"VisibilityTimeout": number(q.Visibility), "DelaySeconds": number(q.Delay), "ReceiveMessageWaitTimeSeconds": number(q.Wait),
		"MessageRetentionPeriod": number(q.Retention), "MaximumMessageSize": number(q.Size), "SqsManagedSseEnabled": "true",
		"CreatedTimestamp": number(int(q.Created.Unix())), "LastModifiedTimestamp": number(int(q.Modified.Unix())), "QueueArn": arn(q.Name),
		"ApproximateNumberOfMessages": number(len(q.ready)), "ApproximateNumberOfMessagesNotVisible": number(q.inFlight),
		"ApproximateNumberOfMessagesDelayed": number(len(q.byNumber) - len(q.ready) - q.inFlight),
	}
	if q.Policy != "" {
		all["Policy"] = q.Policy
	}
	return all
}

func arn(queue string) string { return "arn:aws:sqs:" + sigv4.Region + ":" + Account + ":" + queue }

// system are a message's own attributes.
func (m *message) system() map[string]string {
	all := map[string]string{
		"SenderId": Account, "SentTimestamp": milliseconds(m.Sent),
		"ApproximateReceiveCount": strconv.Itoa(m.receives), "ApproximateFirstReceiveTimestamp": milliseconds(m.first),
	}
	if m.Trace != "" {
		all["AWSTraceHeader"] = m.Trace
	}
	return all
}

func milliseconds(t time.Time) string { return strconv.FormatInt(t.UnixMilli(), 10) }

// chosen returns the attributes that are asked for by name, or "All".
func chosen(all map[string]string, names ...string) map[string]string {
	if slices.Contains(names, "All") {
		return all
	}
	some := make(map[string]string)
	for _, name := range names {
		if value, ok := all[name]; ok {
			some[name] = value
		}
	}
	return some
}
