package storm

import (
	"strconv"
	"strings"
)

// leaseLost is what Asynq notes of a task whose worker was lost.
const leaseLost = "asynq: task lease expired"

// redisCall names a command of Redis by what it does to the queues, and tells
// the queue. Asynq's scripts are known by their keys. A name that is empty is
// of no interest.
func redisCall(args []string) (name, queue string) {
	if len(args) == 0 {
		return "", ""
	}
	switch strings.ToUpper(args[0]) {
	case "EVAL", "EVALSHA":
	case "FLUSHALL":
		return "redis.FLUSHALL", ""
	default:
		return "", ""
	}
	if len(args) < 4 {
		return "", ""
	}
	n, err := strconv.Atoi(args[2])
	if err != nil || n < 1 || n > len(args)-3 {
		return "", ""
	}
	keys, argv := args[3:3+n], args[3+n:]
	kinds := make(map[string]bool, n)
	for _, key := range keys {
		rest, ok := strings.CutPrefix(key, "asynq:{")
		if !ok {
			return "redis.script", "" // of the governor, the board or a lease
		}
		q, kind, _ := strings.Cut(rest, "}:")
		if queue == "" {
			queue = q
		}
		kind, _, _ = strings.Cut(kind, ":")
		kinds[kind] = true
	}
	switch has := func(k string) bool { return kinds[k] }; {
	case has("paused"):
		return "redis.dequeue", queue
	case has("active") && has("lease") && has("retry"):
		for _, a := range argv {
			if strings.Contains(a, leaseLost) {
				return "redis.redeliver", queue
			}
		}
		return "redis.retry", queue
	case has("active") && has("lease") && has("archived"):
		return "redis.archive", queue
	case has("active") && has("lease") && has("pending"):
		return "redis.requeue", queue
	case has("active") && has("lease"):
		return "redis.done", queue
	case has("t") && has("pending"):
		return "redis.enqueue", queue
	case has("t") && has("scheduled"):
		return "redis.schedule", queue
	}
	return "", ""
}
