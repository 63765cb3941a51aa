package cloud

import (
	"context"
	"time"
)

// JobState is the state of a transcode. A job only moves forward: submitted,
// progressing, then one of the three ends. A state that is none of these is the
// service's word for something newer, and no end.
type JobState string

const (
	JobSubmitted   JobState = "SUBMITTED"
	JobProgressing JobState = "PROGRESSING"
	JobComplete    JobState = "COMPLETE"
	JobFailed      JobState = "ERROR"
	JobCanceled    JobState = "CANCELED"
)

// JobStates lists the states in the order in which a job may move, which is
// the order to look for a job in: one that moves meanwhile is met later.
var JobStates = []JobState{JobSubmitted, JobProgressing, JobComplete, JobFailed, JobCanceled}

// Ended reports whether a job in this state moves no more.
func (s JobState) Ended() bool { return s == JobComplete || s == JobFailed || s == JobCanceled }

// Job is one transcode as the service tells it. It names no outputs: the
// service does not.
type Job struct {
	ID          string
	State       JobState
	Percent     int // 0 to 100, where the service tells
	Metadata    map[string]string
	Destination Location // of the first output group
	Queue       string
	Created     time.Time
	Started     time.Time     // zero until it has
	Finished    time.Time     // zero until it has
	ErrorCode   int           // of a failed job
	Message     string        // of a failed job, in the service's words
	Warnings    []string      // in the service's words
	Duration    time.Duration // of the longest output, where the service tells
}

// JobRequest asks for one transcode.
type JobRequest struct {
	Token    string            // 1 to 64 ASCII characters; see [Transcoder.Submit]
	Metadata map[string]string // at most 10 pairs; keys ≤ 128, values ≤ 256 of letters, digits, space and _.:/=+-@
	Queue    string            // name or ARN; empty for the account's default
	Role     string            // ARN of the role that reads and writes the buckets
	Priority int               // -50 to 50
	At       time.Time         // by the cloud's clock; the request is void from five minutes after it on; zero: now
	Spec     JobSpec
}

// JobPage is one page of a list of jobs.
type JobPage struct {
	Jobs []Job
	Next string // cursor of the next page; empty on the last
}

// JobQuery selects jobs to list.
type JobQuery struct {
	State  JobState // required
	Queue  string   // empty for every queue
	Oldest bool     // ascending by creation; else the newest first
	Cursor string   // from [JobPage.Next]
}

// Transcoder makes streams of videos, as AWS Elemental MediaConvert does. All
// methods are safe for concurrent use and may fail with [ErrDenied],
// [ErrThrottled] or [ErrUnavailable].
type Transcoder interface {
	// Submit starts a transcode and returns its job. It does not wait for it.
	// A repeat with the same token within one minute returns the first job;
	// later it starts, and bills, another: callers look for the job of their
	// intent first. It fails with [ErrInvalid] if the service will never take
	// the request, [ErrNotFound] for an unknown queue or template, [ErrQuota],
	// and [ErrConflict] if the token was used for another request. A request
	// that arrives later than five minutes after r.At is [ErrExpired], however
	// long it was held up on its way, and whatever the host's clock shows: it is
	// signed as of r.At (Signature Version 4 is good for five minutes). After
	// [ErrUnavailable] and the context's error the job may exist; after any
	// other error this call has made none.
	Submit(ctx context.Context, r JobRequest) (Job, error)

	// Job looks at one job. [ErrNotFound] means the service never knew it or
	// has forgotten it (after three months).
	Job(ctx context.Context, id string) (Job, error)

	// List returns one page, of at most 20, of the jobs in a state, by the time
	// of their creation. A job that was just created or just moved may be
	// missing for a moment. A cursor that no page gave is [ErrInvalid].
	List(ctx context.Context, q JobQuery) (JobPage, error)

	// Cancel stops a job that has not ended. A canceled job is not an error;
	// one that completed or failed is [ErrConflict]; a repeat is safe.
	Cancel(ctx context.Context, id string) error

	// Probe reads the tracks of a source. It fails with [ErrNotFound] if the
	// object is not there and [ErrInvalid] if it is not media.
	Probe(ctx context.Context, source Location) (Media, error)

	// Template reads a named job template: what its jobs produce, with no
	// destinations and no input. It fails with [ErrNotFound], and with
	// [ErrInvalid] if it uses an output that cannot be published.
	Template(ctx context.Context, name string) (JobSpec, error)
}
