package queue

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"
)

// DeadLetters is the key of the list of records that were moved aside, the
// newest first, each a [DeadLetter] in JSON.
const DeadLetters = "vodfleet:dead-letters"

const (
	maxDeadLetters = 1000     // that are kept
	maxDeadBytes   = 64 << 10 // of each that are kept
)

// DeadLetter is a record that Asynq could not decode.
type DeadLetter struct {
	Queue string    `json:"queue"`
	ID    string    `json:"id"`
	State string    `json:"state"` // or "lease"
	At    time.Time `json:"at"`    // when it was moved aside
	Why   string    `json:"why"`
	Bytes int       `json:"bytes"` // of the record
	Msg   string    `json:"msg"`   // the record's first 64 KiB, in hexadecimal
}

// asideScript moves a record aside, if it is still the one that was read, and
// answers 1 if it has. A task without a record has "" there.
//
// KEYS: task, prefix of the queue's keys, dead letters, orphans. ARGV: ID,
// record, member of orphans, dead letter, how many are kept.
var asideScript = redis.NewScript(`
local is = redis.call("TYPE", KEYS[1]).ok
local msg = ""
if is == "hash" then
	msg = redis.call("HGET", KEYS[1], "msg") or ""
elseif is == "string" then
	msg = redis.call("GETRANGE", KEYS[1], 0, 65535)
end
if msg ~= ARGV[2] then return 0 end
local there = redis.call("DEL", KEYS[1])
for _, list in ipairs({"pending", "active"}) do
	there = there + redis.call("LREM", KEYS[2] .. list, 0, ARGV[1])
end
for _, set in ipairs({"lease", "scheduled", "retry", "archived"}) do
	there = there + redis.call("ZREM", KEYS[2] .. set, ARGV[1])
end
if there == 0 then return 0 end
redis.call("ZREM", KEYS[4], ARGV[3])
redis.call("LPUSH", KEYS[3], ARGV[4])
redis.call("LTRIM", KEYS[3], 0, ARGV[5] - 1)
return 1
`)

// RepairRecords moves aside the records that Asynq cannot decode, in whatever
// state, and tasks without a record: one of the former, with a lease that has
// ended, keeps Asynq from recovering any task of any queue. Their bytes are
// kept; see [DeadLetters]. A dry run counts them and changes nothing. A repeat
// is harmless. It reads every record; with activeOnly those alone that can do
// harm now.
func (i *Inspector) RepairRecords(ctx context.Context, activeOnly, dryRun bool) (Repair, error) {
	var r Repair
	// By its lease a record does harm though it is in no list of active ones.
	lists := []string{"active", "lease", "pending", "retry", "scheduled", "archived"}
	if activeOnly {
		lists = lists[:2]
	}
	seen := make(map[TaskRef]bool) // both in active and in lease
	for info, err := range i.list(ctx, "repair records", lists...) {
		if err != nil {
			return r, err
		}
		ref := TaskRef{info.Queue, info.ID}
		if !info.Unreadable || seen[ref] {
			continue
		}
		r.found(ref)
		if seen[ref] = true; dryRun {
			continue
		}
		n, err := i.moveAside(ctx, info)
		if err != nil {
			return r, fmt.Errorf("repair record of task %s in redis %s: %w", clean(ref.ID, 200), i.where, explain(err))
		}
		r.Mended += n
	}
	return r, nil
}

func (i *Inspector) moveAside(ctx context.Context, info Info) (int, error) {
	ref := TaskRef{info.Queue, info.ID}
	letter, err := json.Marshal(DeadLetter{
		Queue: ref.Queue, ID: clean(ref.ID, 1<<10), State: info.State, At: time.Now().UTC().Truncate(time.Second), Why: info.LastErr,
		Bytes: len(info.raw), Msg: hex.EncodeToString([]byte(info.raw[:min(len(info.raw), maxDeadBytes)])),
	})
	if err != nil {
		return 0, err
	}
	keys := []string{ref.key(), ref.prefix(), DeadLetters, orphansKey}
	return asideScript.Run(ctx, i.redis, keys, ref.ID, info.raw, ref.Queue+"/"+ref.ID, letter, maxDeadLetters).Int()
}

// clearScript deletes an archived task. KEYS: task, archived. ARGV: ID.
var clearScript = redis.NewScript(`
if redis.call("HGET", KEYS[1], "state") ~= "archived" then return 0 end
redis.call("ZREM", KEYS[2], ARGV[1])
redis.call("DEL", KEYS[1])
return 1
`)

// Clear deletes an archived task, so that its ID is free, and says whether it
// was archived. A repeat is harmless.
func (i *Inspector) Clear(ctx context.Context, ref TaskRef) (bool, error) {
	n, err := clearScript.Run(ctx, i.redis, []string{ref.key(), ref.prefix() + "archived"}, ref.ID).Int()
	if err != nil {
		return false, fmt.Errorf("clear task %s in redis %s: %w", ref.ID, i.where, explain(err))
	}
	return n == 1, nil
}
