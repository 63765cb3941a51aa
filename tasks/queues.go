package tasks

import (
	"time"

	"github.com/hibiken/asynq"
)

// Names of the queues. There is one a kind, so that asynqmon reads as a funnel
// and one stage can be paused alone; where work of a whole library would stand
// before a single video, there is a second one for the bulk lane.
const (
	QueueIngest              = "ingest"
	QueueBulkIngest          = "bulk-ingest"
	QueueTranscodeSubmit     = "transcode-submit"
	QueueBulkTranscodeSubmit = "bulk-transcode-submit"
	QueueTranscodePoll       = "transcode-poll"
	QueuePublish             = "publish"
	QueueInvalidateOrRename  = "invalidate-or-rename"
)

// MaxRetry is how many failures Asynq is told to bear: in effect any number.
// Asynq tests for exhaustion before it asks whether an error is a failure at
// all, so a small number would end a task that merely waits. When to give up is
// the handler's own decision.
const MaxRetry = 1_000_000

// Queues returns the names of all queues in the order of the funnel.
func Queues() []string {
	return []string{
		QueueIngest, QueueBulkIngest,
		QueueTranscodeSubmit, QueueBulkTranscodeSubmit,
		QueueTranscodePoll, QueuePublish, QueueInvalidateOrRename,
	}
}

// QueuesOf returns the queues that tasks of a kind go to, the live one first;
// none for an unknown kind.
func QueuesOf(kind string) []string {
	switch kind {
	case KindIngest:
		return []string{QueueIngest, QueueBulkIngest}
	case KindTranscodeSubmit:
		return []string{QueueTranscodeSubmit, QueueBulkTranscodeSubmit}
	case KindTranscodePoll:
		return []string{QueueTranscodePoll}
	case KindPublish:
		return []string{QueuePublish}
	case KindInvalidateOrRename:
		return []string{QueueInvalidateOrRename}
	}
	return nil
}

// Timeout returns how long one run of a task of a kind may take; zero for an
// unknown kind. What takes longer is tried again.
func Timeout(kind string) time.Duration {
	switch kind {
	case KindIngest:
		return 5 * time.Minute // a HEAD and a probe, which reads the source
	case KindTranscodeSubmit:
		return 2 * time.Minute
	case KindTranscodePoll:
		return time.Minute
	case KindPublish:
		return 15 * time.Minute // reads every manifest and lists every file
	case KindInvalidateOrRename:
		return 30 * time.Minute // deletes the files of old builds
	}
	return 0
}

// Queue is [QueueIngest], or [QueueBulkIngest] in the bulk lane.
func (t Ingest) Queue() string { return laned(t.Lane, QueueIngest, QueueBulkIngest) }

// Queue is [QueueTranscodeSubmit], or [QueueBulkTranscodeSubmit] in the bulk lane.
func (t TranscodeSubmit) Queue() string {
	return laned(t.Lane, QueueTranscodeSubmit, QueueBulkTranscodeSubmit)
}

// Queue is [QueueTranscodePoll].
func (TranscodePoll) Queue() string { return QueueTranscodePoll }

// Queue is [QueuePublish].
func (Publish) Queue() string { return QueuePublish }

// Queue is [QueueInvalidateOrRename].
func (InvalidateOrRename) Queue() string { return QueueInvalidateOrRename }

func laned(l Lane, live, bulk string) string {
	if l == Bulk {
		return bulk
	}
	return live
}

// asynqOptions is the one place that decides how Asynq treats a task. The
// unique key is the task ID and never Asynq's Unique, whose lock runs out while
// a task waits to be tried again. Nothing is retained after success, so that
// the ID is free for the next time.
func asynqOptions(t Task, id string) []asynq.Option {
	return []asynq.Option{
		asynq.TaskID(id),
		asynq.Queue(t.Queue()),
		asynq.MaxRetry(MaxRetry),
		asynq.Timeout(Timeout(t.Kind())),
		asynq.Retention(0),
	}
}
