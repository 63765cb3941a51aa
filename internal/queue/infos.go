package queue

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/vodfleet/vodfleet/tasks"
)

// infosScript reads the records of tasks that were found in a list ("pending",
// "active", "retry", "scheduled", "archived" or "lease"). It answers for each
// {how, record, score}: how is 0 for one that is not there any more, 1 for one
// with a record, 2 for one whose key is missing or is of another type. The score
// of an active task is that of its lease, -1 for none.
//
// KEYS: prefix of the queue's keys. ARGV: list, IDs.
var infosScript = redis.NewScript(`
local all = {}
for n = 2, #ARGV do
	local id, list = ARGV[n], ARGV[1]
	local key = KEYS[1] .. "t:" .. id
	local is = redis.call("TYPE", key).ok
	local msg, state, how, score = false, false, 1, "-1"
	if is == "hash" then
		msg, state = unpack(redis.call("HMGET", key, "msg", "state"))
	elseif is == "string" then
		msg = redis.call("GETRANGE", key, 0, 65535)
	end
	if is ~= "hash" or not msg then how = 2 end
	if list == "pending" then
		if how == 2 and not redis.call("LPOS", KEYS[1] .. list, id) then how = 0 end
	elseif list == "active" then
		local lease = redis.call("ZSCORE", KEYS[1] .. "lease", id)
		score = lease or score
		if not lease and not redis.call("LPOS", KEYS[1] .. list, id) then how = 0 end
	else
		score = redis.call("ZSCORE", KEYS[1] .. list, id)
		if not score then how, score = 0, "-1" end
	end
	if state and list ~= "lease" and state ~= list then how = 0 end
	all[#all + 1] = {how, msg or "", score}
end
return all
`)

// infos reads the tasks of one queue that were found in a list.
func (i *Inspector) infos(ctx context.Context, list string, refs []TaskRef) ([]Info, error) {
	if len(refs) == 0 {
		return nil, nil
	}
	args := []any{list}
	for _, ref := range refs {
		args = append(args, ref.ID)
	}
	all, err := infosScript.Run(ctx, i.redis, []string{refs[0].prefix()}, args...).Slice()
	if err != nil {
		return nil, explain(err)
	}
	if len(all) != len(refs) {
		return nil, fmt.Errorf("%d records of %d tasks", len(all), len(refs))
	}
	var infos []Info
	for n, ref := range refs {
		how, msg, score := scripted(all[n])
		if how == 0 {
			continue
		}
		info := Info{ID: ref.ID, Queue: ref.Queue, State: list}
		switch list {
		case "active":
			info.noLease = score < 0
			info.Orphaned = score < time.Now().Unix()
		case "scheduled", "retry":
			info.NextRun = time.Unix(score, 0)
		}
		r, err := readRecord(ref, []byte(msg))
		if how == 2 {
			err = errors.New("its key has no record")
		}
		if err != nil {
			info.Unreadable, info.LastErr, info.raw = true, clean(err.Error(), 200), msg
		} else {
			info.fill(r)
		}
		infos = append(infos, info)
	}
	return infos, i.takeLost(ctx, infos)
}

// scripted takes apart what infosScript answers for a task.
func scripted(answer any) (how int64, msg string, score int64) {
	three, _ := answer.([]any)
	if len(three) != 3 {
		return 0, "", 0
	}
	how, _ = three[0].(int64)
	msg, _ = three[1].(string)
	text, _ := three[2].(string)
	var f float64
	if _, err := fmt.Sscan(text, &f); err != nil {
		f = -1
	}
	return how, msg, int64(f)
}

// fill takes what a record tells.
func (info *Info) fill(r record) {
	info.Kind, info.Failures, info.LastRun = r.kind, r.retried, r.lastFailed
	wait := strings.HasPrefix(r.lastErr, waiting) || strings.Contains(r.lastErr, ": "+waiting)
	if wait && info.State != "archived" {
		info.Wait = r.lastErr
	} else {
		info.LastErr = r.lastErr
	}
	if task, err := tasks.Decode(r.kind, r.payload); err == nil {
		info.Task = task
	}
	if r.retried > 0 {
		info.lost = lostKey(r.kind, r.payload)
	}
}

// takeLost takes the lost runs out of what Asynq has counted.
func (i *Inspector) takeLost(ctx context.Context, infos []Info) error {
	notes := make(map[int]*redis.MapStringStringCmd)
	_, err := i.redis.Pipelined(ctx, func(p redis.Pipeliner) error {
		for n := range infos {
			if infos[n].lost != "" {
				notes[n] = p.HGetAll(ctx, infos[n].lost)
				infos[n].lost = ""
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("read lost runs: %w", err)
	}
	for n, note := range notes {
		lost, crashes := lostRuns(note.Val()).before(infos[n].Failures)
		infos[n].Failures -= lost
		infos[n].Crashes = crashes
	}
	return nil
}
