package queue

import (
	"context"
	"fmt"

	"github.com/redis/go-redis/v9"
)

// aliveScript answers 1 if something will come of a task.
//
// KEYS: task, prefix of the queue's keys. ARGV: ID.
var aliveScript = redis.NewScript(`
if redis.call("TYPE", KEYS[1]).ok ~= "hash" then return 0 end
local state = redis.call("HGET", KEYS[1], "state")
if not state or redis.call("HEXISTS", KEYS[1], "msg") == 0 then return 0 end
if state == "pending" then return 1 end
if state == "scheduled" or state == "retry" then
	return redis.call("ZSCORE", KEYS[2] .. state, ARGV[1]) and 1 or 0
end
if state == "active" then
	return (redis.call("ZSCORE", KEYS[2] .. "lease", ARGV[1]) or redis.call("LPOS", KEYS[2] .. "active", ARGV[1])) and 1 or 0
end
return 0
`)

// Alive says of each task whether something will come of it: it waits, or is
// active. One that is archived, absent, without a record or in no list is not
// alive; [Client.Wake] makes it so. An active one without a lease is alive by
// [Inspector.RepairOrphans]. It costs a round trip for each 500.
func (i *Inspector) Alive(ctx context.Context, refs []TaskRef) ([]bool, error) {
	if err := aliveScript.Load(ctx, i.redis).Err(); err != nil {
		return nil, fmt.Errorf("look for %d tasks in redis %s: %w", len(refs), i.where, explain(err))
	}
	alive := make([]bool, 0, len(refs))
	for len(alive) < len(refs) {
		part := refs[len(alive):min(len(alive)+page, len(refs))]
		var all []*redis.Cmd
		_, err := i.redis.Pipelined(ctx, func(p redis.Pipeliner) error {
			for _, ref := range part {
				all = append(all, aliveScript.EvalSha(ctx, p, []string{ref.key(), ref.prefix()}, ref.ID))
			}
			return nil
		})
		if err != nil {
			return nil, fmt.Errorf("look for %d tasks in redis %s: %w", len(refs), i.where, explain(err))
		}
		for _, cmd := range all {
			n, _ := cmd.Int()
			alive = append(alive, n == 1)
		}
	}
	return alive, nil
}
