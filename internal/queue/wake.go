package queue

import (
	"context"
	"errors"
	"fmt"

	"github.com/redis/go-redis/v9"
	"github.com/vodfleet/vodfleet/tasks"
)

// wokenKey is a sorted set of the tasks that were woken while at work, as
// QUEUE/ID, by the time of the last look at them.
const wokenKey = "vodfleet:woken"

// maxWoken bounds how many of them one look passes over.
const maxWoken = 500

// wakeScript makes a task ready and answers the state that it found it in;
// "absent" if there is none. A task that its own state's list does not hold is
// lost to Asynq, and made ready too.
//
// KEYS: task, prefix of the queue's keys, woken. ARGV: ID, member of woken.
var wakeScript = redis.NewScript(`
local state = redis.call("HGET", KEYS[1], "state")
if not state then
	if redis.call("EXISTS", KEYS[1]) == 1 then return "unreadable" end
	return "absent"
end
local now = redis.call("TIME")
if state == "scheduled" or state == "retry" then
	redis.call("ZREM", KEYS[2] .. state, ARGV[1])
elseif state == "active" then
	if redis.call("ZSCORE", KEYS[2] .. "lease", ARGV[1]) or redis.call("LPOS", KEYS[2] .. "active", ARGV[1]) then
		redis.call("ZADD", KEYS[3], now[1] .. string.format(".%06d", now[2]), ARGV[2])
		return state
	end
else
	return state
end
redis.call("LPUSH", KEYS[2] .. "pending", ARGV[1])
redis.call("HSET", KEYS[1], "state", "pending", "pending_since", now[1] .. string.format("%06d", now[2]) .. "000")
return state
`)

// wakeAttempts is how often Wake looks again at a task that comes and goes.
const wakeAttempts = 5

// Wake has t run now: if it waits to be run later it is made ready, if it was
// given up it is set going again with its failures forgotten, and if it is
// nowhere, or lost to Asynq, it is enqueued. One that is at work is run once
// more when its run has ended, unless that ends in success. A repeat is
// harmless; after an error it is safe, and needed.
//
// It costs one round trip, and another for a task that is absent or given up.
func (c *Client) Wake(ctx context.Context, t tasks.Task) error {
	if err := t.Validate(); err != nil {
		return fmt.Errorf("wake: %w", err)
	}
	ref := Ref(t)
	if r := runOf(ctx); r != nil && r.queue == ref.Queue && r.id == ref.ID {
		r.runAgain(0)
		return nil
	}
	for range wakeAttempts {
		ended, err := c.wake(ctx, t, ref)
		if err != nil {
			return fmt.Errorf("wake %s: %w", ref.ID, explain(err))
		}
		if ended {
			return nil
		}
	}
	return fmt.Errorf("wake %s: it comes and goes", ref.ID)
}

// Nudge has a task run now if it waits to be run later, and does nothing to one
// that does not: unlike [Client.Wake] it makes none. A repeat is harmless.
func (c *Client) Nudge(ctx context.Context, ref TaskRef) error {
	if _, err := c.rouse(ctx, ref); err != nil {
		return fmt.Errorf("nudge %s: %w", ref.ID, explain(err))
	}
	return nil
}

// rouse makes a waiting task ready and returns the state that it was in.
func (c *Client) rouse(ctx context.Context, ref TaskRef) (string, error) {
	return wakeScript.Run(ctx, c.redis, []string{ref.key(), ref.prefix(), wokenKey}, ref.ID, ref.Queue+"/"+ref.ID).Text()
}

func (c *Client) wake(ctx context.Context, t tasks.Task, ref TaskRef) (ended bool, err error) {
	state, err := c.rouse(ctx, ref)
	if err != nil {
		return false, err
	}
	switch state {
	case "absent":
		receipt, err := c.enqueue(ctx, t)
		return receipt.New || receipt.Revived, err
	case "archived":
		return revive(ctx, c.redis, ref)
	case "unreadable":
		return false, errors.New("its record cannot be read; `enqueuer reconcile` moves it aside")
	}
	return true, nil
}

// wokenScript makes those ready of the tasks that were woken at work whose run
// has ended, and turns the others to the end of the line.
//
// KEYS: woken. ARGV: how many.
var wokenScript = redis.NewScript(`
local now = redis.call("TIME")
local ready = 0
for _, member in ipairs(redis.call("ZRANGE", KEYS[1], 0, ARGV[1] - 1)) do
	local queue, id = string.match(member, "^([^/]*)/(.*)$")
	local prefix = "asynq:{" .. (queue or "") .. "}:"
	local key = prefix .. "t:" .. (id or "")
	local state = redis.call("HGET", key, "state")
	if state == "active" and (redis.call("ZSCORE", prefix .. "lease", id) or redis.call("LPOS", prefix .. "active", id)) then
		redis.call("ZADD", KEYS[1], now[1] .. string.format(".%06d", now[2]), member)
	else
		redis.call("ZREM", KEYS[1], member)
		if (state == "scheduled" or state == "retry") and redis.call("ZREM", prefix .. state, id) == 1 then
			redis.call("LPUSH", prefix .. "pending", id)
			redis.call("HSET", key, "state", "pending", "pending_since", now[1] .. string.format("%06d", now[2]) .. "000")
			ready = ready + 1
		end
	end
end
return ready
`)

// startWoken runs again what was woken while it was at work.
func startWoken(ctx context.Context, client redis.UniversalClient) error {
	if err := wokenScript.Run(ctx, client, []string{wokenKey}, maxWoken).Err(); err != nil {
		return fmt.Errorf("start woken tasks: %w", err)
	}
	return nil
}

// reviveScript sets an archived task going with a new record, if it is still
// the one that was read.
//
// KEYS: task, archived, pending, lost. ARGV: ID, the record read, the new one.
var reviveScript = redis.NewScript(`
if redis.call("HGET", KEYS[1], "state") ~= "archived" or redis.call("HGET", KEYS[1], "msg") ~= ARGV[2] then
	return 0
end
local now = redis.call("TIME")
redis.call("ZREM", KEYS[2], ARGV[1])
redis.call("LPUSH", KEYS[3], ARGV[1])
redis.call("HSET", KEYS[1], "msg", ARGV[3], "state", "pending", "pending_since", now[1] .. string.format("%06d", now[2]) .. "000")
redis.call("DEL", KEYS[4])
return 1
`)

// revive sets an archived task going with its failures and crashes forgotten,
// and says whether it was archived.
func revive(ctx context.Context, client redis.UniversalClient, ref TaskRef) (bool, error) {
	old, err := client.HGet(ctx, ref.key(), "msg").Result()
	if errors.Is(err, redis.Nil) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	r, err := readRecord(ref, []byte(old))
	if err != nil {
		return false, err
	}
	fresh, err := freshRecord([]byte(old))
	if err != nil {
		return false, err
	}
	keys := []string{ref.key(), ref.prefix() + "archived", ref.prefix() + "pending", lostKey(r.kind, r.payload)}
	return reviveScript.Run(ctx, client, keys, ref.ID, old, fresh).Bool()
}
