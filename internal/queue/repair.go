package queue

import (
	"context"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"
)

// Repair says what a repair found and did.
type Repair struct {
	Found  int       `json:"found"`
	Mended int       `json:"mended"`           // 0 in a dry run
	Sample []TaskRef `json:"sample,omitempty"` // of those found, at most 10
}

func (r *Repair) found(ref TaskRef) {
	r.Found++
	if len(r.Sample) < 10 {
		r.Sample = append(r.Sample, ref)
	}
}

// orphansKey is a sorted set of the orphaned tasks, as QUEUE/ID, by when they
// were first seen.
const orphansKey = "vodfleet:orphans"

// orphanScript puts an active task without a lease back into its queue, if it
// was seen first a while ago. It answers 1 if it has.
//
// KEYS: task, prefix of the queue's keys, orphans. ARGV: ID, member of orphans,
// grace in seconds.
var orphanScript = redis.NewScript(`
local at = redis.call("LPOS", KEYS[2] .. "active", ARGV[1])
if not at or redis.call("ZSCORE", KEYS[2] .. "lease", ARGV[1]) or redis.call("HEXISTS", KEYS[1], "msg") == 0 then
	redis.call("ZREM", KEYS[3], ARGV[2])
	return 0
end
local now = redis.call("TIME")
redis.call("ZADD", KEYS[3], "NX", now[1], ARGV[2])
if redis.call("ZSCORE", KEYS[3], ARGV[2]) + ARGV[3] > tonumber(now[1]) then
	return 0
end
redis.call("ZREM", KEYS[3], ARGV[2])
redis.call("LREM", KEYS[2] .. "active", 0, ARGV[1])
redis.call("LPUSH", KEYS[2] .. "pending", ARGV[1])
redis.call("HSET", KEYS[1], "state", "pending", "pending_since", now[1] .. string.format("%06d", now[2]) .. "000")
return 1
`)

// RepairOrphans puts active tasks that have no lease back into their queues:
// Asynq recovers a task by its lease alone. A task is mended that has been seen
// without one for grace (to the second), counted from the first RepairOrphans
// that saw it, as its worker may be at work for all that. A dry run counts them
// and changes nothing. A repeat is harmless. Unreadable ones are left to
// [Inspector.RepairRecords].
func (i *Inspector) RepairOrphans(ctx context.Context, grace time.Duration, dryRun bool) (Repair, error) {
	var r Repair
	seconds := int64((max(grace, 0) + time.Second - 1) / time.Second)
	for info, err := range i.Orphans(ctx) {
		if err != nil {
			return r, fmt.Errorf("repair orphaned tasks: %w", err)
		}
		if info.Unreadable {
			continue
		}
		ref := TaskRef{info.Queue, info.ID}
		r.found(ref)
		if dryRun {
			continue
		}
		keys := []string{ref.key(), ref.prefix(), orphansKey}
		n, err := orphanScript.Run(ctx, i.redis, keys, ref.ID, ref.Queue+"/"+ref.ID, seconds).Int()
		if err != nil {
			return r, fmt.Errorf("repair orphaned task %s in redis %s: %w", ref.ID, i.where, explain(err))
		}
		r.Mended += n
	}
	if dryRun {
		return r, nil
	}
	// Those that were mended otherwise are not to be remembered for ever.
	old := time.Now().Add(-grace - 24*time.Hour).Unix()
	if err := i.redis.ZRemRangeByScore(ctx, orphansKey, "-inf", fmt.Sprint(old)).Err(); err != nil {
		return r, fmt.Errorf("repair orphaned tasks in redis %s: %w", i.where, explain(err))
	}
	return r, nil
}
