package sim

import (
	"context"
	"fmt"
	"iter"
	"time"

	"github.com/vodfleet/vodfleet/internal/queue"
	"github.com/vodfleet/vodfleet/internal/reconcile"
)

// inspector is what the queue tells one run of its tasks.
type inspector struct{ *run }

var _ reconcile.Tasks = inspector{}

func (i inspector) Tasks(context.Context) iter.Seq2[queue.Info, error] {
	return func(yield func(queue.Info, error) bool) {
		all, err := do(i.run, "Queue.Tasks", "", func() (all []queue.Info, _ error) {
			for _, e := range i.w.queue.live() {
				all = append(all, e.info())
			}
			return all, nil
		})
		if err != nil {
			yield(queue.Info{}, err)
			return
		}
		for _, info := range all {
			if !yield(info, nil) {
				return
			}
		}
	}
}

func (i inspector) Alive(_ context.Context, refs []queue.TaskRef) ([]bool, error) {
	return do(i.run, "Queue.Alive", "", func() (alive []bool, _ error) {
		for _, ref := range refs {
			e := i.w.queue.entries[place{ref.Queue, ref.ID}]
			alive = append(alive, e != nil && !e.archived)
		}
		return alive, nil
	})
}

func (i inspector) Look(_ context.Context, name, id string) (queue.Info, error) {
	return do(i.run, "Queue.Look", id, func() (queue.Info, error) {
		e := i.w.queue.entries[place{name, id}]
		if e == nil {
			return queue.Info{}, fmt.Errorf("look at task %s: %w", id, queue.ErrNoTask)
		}
		return e.info(), nil
	})
}

func (i inspector) Clear(_ context.Context, ref queue.TaskRef) (bool, error) {
	return do(i.run, "Queue.Clear", ref.ID, func() (bool, error) {
		p := place{ref.Queue, ref.ID}
		e := i.w.queue.entries[p]
		if e == nil || !e.archived {
			return false, nil
		}
		delete(i.w.queue.entries, p)
		return true, nil
	})
}

// Nothing in this queue is without a lease, or cannot be read.

func (inspector) RepairOrphans(context.Context, time.Duration, bool) (queue.Repair, error) {
	return queue.Repair{}, nil
}

func (inspector) RepairRecords(context.Context, bool, bool) (queue.Repair, error) {
	return queue.Repair{}, nil
}

func (e *entry) info() queue.Info {
	info := queue.Info{ID: e.id, Kind: e.task.Kind(), Queue: e.queue, Failures: e.failures, Crashes: e.crashes, Task: e.task, State: "pending"}
	switch {
	case e.archived:
		info.State = "archived"
	case e.active != nil:
		info.State = "active"
	case e.at.After(time.Now()):
		info.State = "scheduled"
	}
	if e.last != nil {
		info.LastErr = e.last.Error()
	}
	return info
}
