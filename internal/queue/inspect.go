package queue

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"
	"github.com/vodfleet/vodfleet/tasks"
)

// Inspector reads what Redis holds of the fleet's tasks, for people, dashboards
// and the reconciler, and mends what Asynq leaves. It is safe for concurrent use.
type Inspector struct {
	redis redis.UniversalClient
	asynq *asynq.Inspector
	where string
}

// ErrNoTask says that a task is not, or no longer, in its queue: done, deleted,
// forgotten by the archive, or never enqueued.
var ErrNoTask = errors.New("no such task")

// NewInspector returns an inspector of the fleet's Redis. It does not connect;
// the first call does. The caller closes it.
func NewInspector(opt asynq.RedisConnOpt) (*Inspector, error) {
	client, err := Dial(opt)
	if err != nil {
		return nil, fmt.Errorf("new queue inspector: %w", err)
	}
	return &Inspector{client, asynq.NewInspectorFromRedisClient(client), Where(opt)}, nil
}

// Close closes the connections.
func (i *Inspector) Close() error { return i.redis.Close() }

// Ping says whether Redis answers, for readiness.
func (i *Inspector) Ping(ctx context.Context) error {
	if err := i.redis.Ping(ctx).Err(); err != nil {
		return fmt.Errorf("ping redis %s: %w", i.where, err)
	}
	return nil
}

// Lengths are the numbers of tasks in a queue, by state.
type Lengths struct {
	Queue     string `json:"queue"`
	Pending   int64  `json:"pending"`
	Active    int64  `json:"active"`
	Scheduled int64  `json:"scheduled"`
	Retry     int64  `json:"retry"` // after a failure or a wait
	Archived  int64  `json:"archived"`
	// Overdue are those of Scheduled and Retry whose time came more than a minute
	// ago. What moves them lives in the server, so any number says that no worker
	// serves the queue, whatever else the lengths look like.
	Overdue int64 `json:"overdue,omitempty"`
	Paused  bool  `json:"paused"` // no task is started
}

// overdue is how late a task is that nobody forwards; clocks may differ by some
// of it.
const overdue = time.Minute

// Outstanding is how many tasks are still to be done.
func (l Lengths) Outstanding() int64 { return l.Pending + l.Active + l.Scheduled + l.Retry }

// Lengths counts the tasks of every queue of [tasks.Queues], in its order. It
// costs one round trip of quick commands, whatever the lengths: Asynq's
// own GetQueueInfo measures memory, which does not.
func (i *Inspector) Lengths(ctx context.Context) ([]Lengths, error) {
	type counts struct {
		pending, active, scheduled, retry, archived, paused, lateScheduled, lateRetry *redis.IntCmd
	}
	late := strconv.FormatInt(time.Now().Add(-overdue).Unix(), 10)
	var all []counts
	_, err := i.redis.Pipelined(ctx, func(p redis.Pipeliner) error {
		for _, q := range tasks.Queues() {
			key := "asynq:{" + q + "}:"
			all = append(all, counts{
				p.LLen(ctx, key+"pending"), p.LLen(ctx, key+"active"), p.ZCard(ctx, key+"scheduled"),
				p.ZCard(ctx, key+"retry"), p.ZCard(ctx, key+"archived"), p.Exists(ctx, key+"paused"),
				p.ZCount(ctx, key+"scheduled", "-inf", late), p.ZCount(ctx, key+"retry", "-inf", late),
			})
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("count tasks in redis %s: %w", i.where, err)
	}
	var lengths []Lengths
	for n, q := range tasks.Queues() {
		c := all[n]
		lengths = append(lengths, Lengths{
			Queue: q, Pending: c.pending.Val(), Active: c.active.Val(), Scheduled: c.scheduled.Val(), Retry: c.retry.Val(),
			Archived: c.archived.Val(), Overdue: c.lateScheduled.Val() + c.lateRetry.Val(), Paused: c.paused.Val() > 0,
		})
	}
	return lengths, nil
}

// Info is where a task is.
type Info struct {
	ID       string    `json:"id"`
	Kind     string    `json:"kind"`
	Queue    string    `json:"queue"`
	State    string    `json:"state"`              // pending, active, scheduled, retry or archived
	Failures int       `json:"failures"`           // so far, waits not counted
	Wait     string    `json:"wait,omitempty"`     // why it waits, if its last run was no failure
	LastErr  string    `json:"last_err,omitempty"` // of its last run, if that failed
	LastRun  time.Time `json:"last_run,omitzero"`  // end of the last run that was no success
	NextRun  time.Time `json:"next_run,omitzero"`  // of a scheduled or retried task
	Orphaned bool      `json:"orphaned,omitempty"` // active, while its worker is lost
	Crashes  int       `json:"crashes,omitempty"`  // workers that it lost; see [Crashes]
	// Unreadable says that Asynq cannot decode the record; of all else only ID,
	// Queue and State are known.
	Unreadable bool       `json:"unreadable,omitempty"`
	Task       tasks.Task `json:"-"` // nil if this version cannot read it

	noLease bool   // active without a lease
	lost    string // where its lost runs are noted, until they are read
	raw     string // the record, if it is unreadable
}

// Look returns where one task is. It fails with [ErrNoTask] if it is nowhere.
func (i *Inspector) Look(ctx context.Context, queue, id string) (Info, error) {
	if ctx.Err() != nil {
		return Info{}, fmt.Errorf("look at task %s: %w", id, context.Cause(ctx))
	}
	t, err := i.asynq.GetTaskInfo(queue, id)
	switch {
	case errors.Is(err, asynq.ErrTaskNotFound), errors.Is(err, asynq.ErrQueueNotFound):
		return Info{}, fmt.Errorf("look at task %s: %w", id, ErrNoTask)
	case err != nil:
		return Info{}, fmt.Errorf("look at task %s in redis %s: %w", id, i.where, err)
	}
	info := Info{ID: t.ID, Queue: t.Queue, State: t.State.String()}
	info.fill(record{kind: t.Type, payload: t.Payload, retried: t.Retried, lastErr: t.LastErr, lastFailed: t.LastFailedAt})
	if t.State == asynq.TaskStateScheduled || t.State == asynq.TaskStateRetry {
		info.NextRun = t.NextProcessAt
	}
	if t.State == asynq.TaskStateActive {
		lease, err := i.redis.ZScore(ctx, "asynq:{"+queue+"}:lease", id).Result()
		info.Orphaned = errors.Is(err, redis.Nil) || err == nil && lease < float64(time.Now().Unix())
	}
	one := []Info{info}
	if info.lost != "" {
		if err := i.takeLost(ctx, one); err != nil {
			return Info{}, fmt.Errorf("look at task %s in redis %s: %w", id, i.where, err)
		}
	}
	return one[0], nil
}

// Find returns the tasks of an asset, in the order of the funnel; none is no
// error. Tasks cannot be looked up by their asset, so it passes over every key
// of Redis: about half a second per million, for a person's question and not
// for a loop.
func (i *Inspector) Find(ctx context.Context, asset string) ([]Info, error) {
	if !tasks.IsAssetID(asset) {
		return nil, errors.New("find tasks: not an asset ID")
	}
	type place struct{ queue, id string }
	found := make(map[place]bool)
	for cursor := uint64(0); ; {
		keys, next, err := i.redis.Scan(ctx, cursor, "asynq:{*}:t:*:"+asset+":*", 5000).Result()
		if err != nil {
			return nil, fmt.Errorf("find tasks of asset %s in redis %s: %w", asset, i.where, err)
		}
		for _, key := range keys {
			queue, id, ok := strings.Cut(strings.TrimPrefix(key, "asynq:{"), "}:t:")
			if ok && len(found) < maxFound {
				found[place{queue, id}] = true
			}
		}
		if cursor = next; cursor == 0 {
			break
		}
	}
	var infos []Info
	for p := range found {
		info, err := i.Look(ctx, p.queue, p.id)
		if err != nil && !errors.Is(err, ErrNoTask) {
			return infos, err
		}
		if err == nil {
			infos = append(infos, info)
		}
	}
	slices.SortFunc(infos, func(a, b Info) int {
		funnel := tasks.Queues()
		if n := slices.Index(funnel, a.Queue) - slices.Index(funnel, b.Queue); n != 0 {
			return n
		}
		return strings.Compare(a.ID, b.ID)
	})
	return infos, nil
}

// maxFound bounds the tasks that Find returns; an asset has a few.
const maxFound = 1000
