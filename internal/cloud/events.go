package cloud

import (
	"context"
	"time"
)

// Limits of one call of [Events], as SQS publishes them.
const (
	MaxEvents    = 10               // messages that one Receive may return
	MaxEventWait = 20 * time.Second // that one Receive may wait
)

// Events is a queue of what happened in the cloud: transcodes that went on, and
// objects that were uploaded. It promises little, as EventBridge and S3 over
// Amazon SQS do: an event comes at least once, in any order, soon or after
// hours, and now and then never. So events are a hint to look sooner; what they
// say is never the only reason to believe it.
//
// All methods are safe for concurrent use, by several processes too, and may
// fail with [ErrDenied], [ErrThrottled] or [ErrUnavailable]; a queue that is
// not there is [ErrNotFound], one whose name is none [ErrInvalid]. Nothing that
// somebody puts into the queue makes a method fail.
type Events interface {
	// Receive returns at most [MaxEvents] events, as soon as there is one, and
	// none, without an error, after wait; longer waits than [MaxEventWait] are
	// cut to it. What is not Done within the queue's visibility time is received
	// again, by whoever asks next. A context that ends in the wait is its error.
	Receive(ctx context.Context, wait time.Duration) ([]Event, error)

	// Done takes events out of the queue for good. A repeat is safe, and so is
	// a receipt that is too old or was given by another Receive of the event:
	// then the event may come again. It sends as many requests as it needs, and
	// joins what failed: those events come again. No receipts are no call.
	Done(ctx context.Context, receipts ...string) error
}

// Event is one message of the queue. Job or Uploads say what it is about, or
// Problem why that is not known; Uploads and a Problem together mean that the
// message had several records, not all of them good. None of the three is
// harmless and about nothing: S3's test of a new notification. Whoever receives
// an event calls Done once its consequences are safe, also for a Problem, which
// is logged before.
type Event struct {
	Receipt string    // for Done; another each time the event is received
	ID      string    // the sender's, equal in every copy of the event where it gave one; else the message's
	Account string    // 12 digits, of whom the event is about; empty where it does not say
	At      time.Time // when it happened by the sender's clock; zero where it does not say
	Job     *JobEvent
	Uploads []UploadEvent
	Problem string // why the message cannot be read or is not for us: malformed, foreign, of another account, too large
}

// JobEvent is a transcode that went on.
type JobEvent struct {
	ID       string
	State    JobState // that it reached or is in; empty where the event does not say or the word is unknown
	Status   string   // the service's own word: "STATUS_UPDATE", "NEW_WARNING", …
	Percent  int      // 0 to 100, where it says
	Message  string   // of a failure or a warning, in the service's words
	Metadata map[string]string
	Queue    string // as the service names it, an ARN

	ErrorCode int // of a failed job
}

// UploadEvent is an object that was written: put, copied, or completed of parts.
type UploadEvent struct {
	Location         // with the key as it is, decoded
	ETag      string // without quotes; as in [Object]
	Size      int64  // bytes
	VersionID string // empty where versioning is off
	Sequencer string // hexadecimal; of two events of one key the later one's is greater, once padded on the right with zeros
}
