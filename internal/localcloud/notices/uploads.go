package notices

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/vodfleet/vodfleet/internal/localcloud/objects"
	"github.com/vodfleet/vodfleet/internal/localcloud/sigv4"
)

// configuration is the ID of the bucket's notification.
const configuration = "uploads"

// Uploads makes S3's notifications of new objects of one bucket ("Event message
// structure", S3 user guide). It is safe for concurrent use.
type Uploads struct {
	bucket string
	send   func(body string)

	mu   sync.Mutex
	last int64 // sequencer
}

// NewUploads returns the maker of notifications of one bucket.
func NewUploads(bucket string, send func(body string)) *Uploads {
	return &Uploads{bucket: bucket, send: send}
}

// Test sends what S3 sends when a notification has been configured.
func (u *Uploads) Test(now time.Time) {
	body, _ := json.Marshal(doc{ // it is plain data
		"Service": "Amazon S3", "Event": "s3:TestEvent", "Time": stamp(now), "Bucket": u.bucket,
		"RequestId": requestID(), "HostId": uuid.NewString(),
	})
	u.send(string(body))
}

// Tell makes the notification of one object.
func (u *Uploads) Tell(c objects.Created) {
	object := doc{
		"key": encode(c.Key), "size": c.Size, "eTag": c.ETag, "sequencer": u.sequencer(c.Time),
	}
	if c.VersionID != "" {
		object["versionId"] = c.VersionID
	}
	body, _ := json.Marshal(doc{"Records": []any{doc{
		"eventVersion": "2.1", "eventSource": "aws:s3", "awsRegion": sigv4.Region, "eventTime": stamp(c.Time), "eventName": "ObjectCreated:" + c.By,
		"userIdentity":      doc{"principalId": "AWS:" + account},
		"requestParameters": doc{"sourceIPAddress": "127.0.0.1"},
		"responseElements":  doc{"x-amz-request-id": requestID(), "x-amz-id-2": uuid.NewString()},
		"s3": doc{
			"s3SchemaVersion": "1.0", "configurationId": configuration,
			"bucket": doc{"name": c.Bucket, "ownerIdentity": doc{"principalId": account}, "arn": "arn:aws:s3:::" + c.Bucket},
			"object": object,
		},
	}}})
	u.send(string(body))
}

// sequencer grows with each object, over restarts too: by the cloud's clock,
// which never runs backwards.
func (u *Uploads) sequencer(now time.Time) string {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.last = max(u.last+1, now.UnixNano())
	return fmt.Sprintf("%018X", u.last)
}

// encode is a key as notifications have it: as of a form, but for the slash.
func encode(key string) string { return strings.ReplaceAll(url.QueryEscape(key), "%2F", "/") }

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

func requestID() string {
	return strings.ToUpper(strings.ReplaceAll(uuid.NewString(), "-", ""))[:16]
}
