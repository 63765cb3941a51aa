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
	// Validate says what is wrong with the payload, naming the field.
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
