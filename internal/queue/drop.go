package queue

import (
	"context"
	"errors"
	"fmt"

	"github.com/hibiken/asynq"
)

// Drop deletes a task that waits or was given up. One that is at work is left
// alone, and one that is not there is no error; so a repeat is harmless.
func (i *Inspector) Drop(ctx context.Context, ref TaskRef) error {
	if ctx.Err() != nil {
		return fmt.Errorf("delete task %s: %w", ref.ID, context.Cause(ctx))
	}
	err := i.asynq.DeleteTask(ref.Queue, ref.ID)
	if err == nil || errors.Is(err, asynq.ErrTaskNotFound) || errors.Is(err, asynq.ErrQueueNotFound) {
		return nil
	}
	if info, lerr := i.asynq.GetTaskInfo(ref.Queue, ref.ID); lerr == nil && info.State == asynq.TaskStateActive {
		return nil
	}
	return fmt.Errorf("delete task %s in redis %s: %w", ref.ID, i.where, err)
}
