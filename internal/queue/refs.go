package queue

import "github.com/vodfleet/vodfleet/tasks"

// TaskRef names a task in Redis: IDs are unique in one queue only.
type TaskRef struct {
	Queue string `json:"queue"`
	ID    string `json:"id"`
}

// Ref is the name of t in Redis. An ingest of an unknown source version has
// another ID at every call, and so cannot be named by its payload.
func Ref(t tasks.Task) TaskRef { return TaskRef{t.Queue(), t.ID()} }

func (r TaskRef) prefix() string { return "asynq:{" + r.Queue + "}:" }
func (r TaskRef) key() string    { return r.prefix() + "t:" + r.ID }
