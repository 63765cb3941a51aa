package queue

import (
	"context"
	"fmt"
	"iter"

	"github.com/vodfleet/vodfleet/tasks"
)

const (
	page      = 500     // tasks in a round trip
	maxActive = 100_000 // active tasks of a queue that are looked at
)

// Tasks yields every task that is still to be done: pending, active, scheduled
// and in retry. It reads a page at a time, in memory that does not grow with the
// queue, except for the IDs of active tasks. One that stays in its state
// meanwhile is yielded once or, seldom, twice; one that moves may be missed, so
// ask [Inspector.Alive] before acting on an absence. A record that cannot be
// read is yielded with Unreadable set. An error ends it.
func (i *Inspector) Tasks(ctx context.Context) iter.Seq2[Info, error] {
	return i.list(ctx, "list tasks", "pending", "active", "retry", "scheduled")
}

// Archived yields the archived tasks, as Tasks does the others. Asynq forgets
// the oldest of them without a word: what counts is in the ledger.
func (i *Inspector) Archived(ctx context.Context) iter.Seq2[Info, error] {
	return i.list(ctx, "list archived tasks", "archived")
}

// Orphans yields the active tasks that have no lease, which Asynq never
// recovers, unreadable ones among them.
func (i *Inspector) Orphans(ctx context.Context) iter.Seq2[Info, error] {
	return func(yield func(Info, error) bool) {
		for info, err := range i.list(ctx, "list orphaned tasks", "active") {
			if (err != nil || info.noLease) && !yield(info, err) {
				return
			}
		}
	}
}

func (i *Inspector) list(ctx context.Context, doing string, states ...string) iter.Seq2[Info, error] {
	return func(yield func(Info, error) bool) {
		for _, q := range tasks.Queues() {
			for _, state := range states {
				for refs, err := range i.refs(ctx, q, state) {
					var infos []Info
					if err == nil {
						infos, err = i.infos(ctx, state, refs)
					}
					if err != nil {
						yield(Info{}, fmt.Errorf("%s in redis %s: %w", doing, i.where, err))
						return
					}
					for _, info := range infos {
						if !yield(info, nil) {
							return
						}
					}
				}
			}
		}
	}
}

// refs yields the names of a queue's tasks in a state, page by page.
func (i *Inspector) refs(ctx context.Context, queue, state string) iter.Seq2[[]TaskRef, error] {
	key := TaskRef{Queue: queue}.prefix() + state
	named := func(ids []string) []TaskRef {
		var refs []TaskRef
		for _, id := range ids {
			refs = append(refs, TaskRef{queue, id})
		}
		return refs
	}
	return func(yield func([]TaskRef, error) bool) {
		switch state {
		case "pending": // grows at its head: what was passed over comes again, what was not is not missed
			for from := int64(0); ; from += page {
				ids, err := i.redis.LRange(ctx, key, from, from+page-1).Result()
				if len(ids) == 0 && err == nil || !yield(named(ids), err) || err != nil {
					return
				}
			}
		case "active": // changes all over: taken at once
			ids, err := i.redis.LRange(ctx, key, 0, maxActive-1).Result()
			if err != nil {
				yield(nil, err)
				return
			}
			for len(ids) > 0 {
				n := min(page, len(ids))
				if !yield(named(ids[:n]), nil) {
					return
				}
				ids = ids[n:]
			}
		default:
			for cursor := uint64(0); ; {
				pairs, next, err := i.redis.ZScan(ctx, key, cursor, "", page).Result()
				var ids []string
				for n := 0; n+1 < len(pairs); n += 2 {
					ids = append(ids, pairs[n])
				}
				if !yield(named(ids), err) || err != nil || next == 0 {
					return
				}
				cursor = next
			}
		}
	}
}
