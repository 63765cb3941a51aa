// Package tasks is how other services ask vodfleet for streams: the typed
// payloads of the fleet's tasks, their IDs, and a client that enqueues them.
//
// A backend that has just stored a video needs three lines:
//
//	client, err := tasks.NewClient(asynq.RedisClientOpt{Addr: "localhost:6379"})
//	...
//	receipt, err := client.Enqueue(ctx, tasks.Ingest{Bucket: "library", Key: "2026/intro.mp4"})
//
// # Redis
//
// The client writes to the Redis that the fleet's workers read
// (VODFLEET_REDIS_URL there). [github.com/hibiken/asynq.ParseRedisURI] turns
// such a URL into the option that [NewClient] takes; for an ACL user fill in
// [github.com/hibiken/asynq.RedisClientOpt] yourself, as ParseRedisURI drops
// the user's name. One client serves a whole process and is safe for
// concurrent use.
//
// # What to say of a video
//
// Bucket and key are enough. Key is the object's key as it is: never
// URL-encoded, so a key out of an S3 event or an inventory report is decoded
// first. The source version may be left empty; the worker looks at the object
// itself in any case. Who has its ETag and size (from a PutObject answer, an
// event or a listing) sets it with [SourceVersion], and a repeat then meets the
// first task instead of making another cheap look. An empty profile means the
// fleet's default. Reference is the caller's own name of the video; it comes
// back in the ledger and in playback.json.
//
// # Lanes
//
// [Live] is for videos that somebody waits for, and is what an empty lane
// means. [Bulk] is for whole libraries; it yields to live work.
//
// # Repeats
//
// A repeat is always safe: after a time-out, a crash or a lost answer, enqueue
// again. [Receipt].New tells whether this call made the task. False is success
// too: the same task was there already and is waiting or at work. If the one
// that was there had been given up, it is set going again and Revived says so.
// Whatever the number of tasks, a source version is transcoded once per
// profile: the fleet's ledger sees to that, not Redis.
//
// # What this package leaves to others
//
// Running tasks is the fleet's own affair. Services enqueue [Ingest] and
// nothing else; the other payloads are what its stages hand on to one another,
// and are here because their wire format and their IDs are one contract.
package tasks

// Kinds of tasks: Asynq type names, and the names of the stages that run them.
const (
	KindIngest             = "ingest"
	KindTranscodeSubmit    = "transcode-submit"
	KindTranscodePoll      = "transcode-poll"
	KindPublish            = "publish"
	KindInvalidateOrRename = "invalidate-or-rename"
)

// Lane says how urgent an asset is. Ingest and transcode-submit have a queue a
// lane; later stages are quick and share one.
type Lane string

const (
	Live Lane = "live" // somebody waits
	Bulk Lane = "bulk" // a whole library; yields to live work
)

// Task is one of the five payloads of this package.
type Task interface {
	// Kind is the Asynq type of the task.
	Kind() string
	// ID is the task's unique key: Asynq refuses a second task of the same ID
	// in the same queue while the first is there.
	ID() string
	// Queue is the Asynq queue that the task goes to.
	Queue() string
	// Validate says what is wrong with the payload, naming the field and never
	// its content.
	Validate() error
}

// Ingest asks for one source video to be looked at and, if it is new or has
// changed, made into streams.
type Ingest struct {
	Bucket        string // of the source
	Key           string // of the source, as it is: never URL-encoded
	SourceVersion string // see [SourceVersion]; empty where the caller does not know it
	Profile       string // digest of the profile; empty for the fleet's default
	Reference     string // the caller's own, at most 256 bytes; kept in the ledger and in playback.json
	Lane          Lane   // empty is Live
}

// TranscodeSubmit asks for a build to be given to the transcoder.
type TranscodeSubmit struct {
	Asset     string
	Build     int
	Profile   string
	Reference string
	Lane      Lane
}

// TranscodePoll asks for the build's job to be looked at.
type TranscodePoll struct {
	Asset     string
	Build     int
	Job       string // the job's ID; empty where only the ledger knows it
	Profile   string
	Reference string
}

// Publish asks for a finished build to be verified and shown to viewers.
type Publish struct {
	Asset     string
	Build     int
	Profile   string
	Reference string
}

// InvalidateOrRename asks for what a switch has replaced to be dropped from
// caches and, after its grace, from storage.
type InvalidateOrRename struct {
	Asset     string
	Seq       int // the switch, counted from 1
	Profile   string
	Reference string
}
