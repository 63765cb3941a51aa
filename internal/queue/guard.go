package queue

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"
)

// errUnfit is no passing state of a Redis.
var errUnfit = errors.New("not fit for the queue")

// errLoading is a passing state: while Redis reads its append-only file it says
// that it has none, and no snapshot was made since its start (loadAppendOnlyFiles
// in Redis's aof.c turns aof_state off for that time).
var errLoading = errors.New("it is loading its data from disk")

// unfit says what is wrong with a Redis and what mends it.
type unfit struct{ what, mend string }

func (u unfit) Error() string       { return u.what + ": " + u.mend }
func (u unfit) Is(other error) bool { return other == errUnfit }

// minRedis is the oldest Redis that can hold the queue: Asynq archives a task by
// ZRANGE with BYSCORE.
const minRedis = "6.2"

// checkRedis says what makes a Redis unfit to hold the queue, all of it. It
// reads INFO, and CONFIG where that is allowed; a service that tells neither
// one nor the other of a thing has it taken for good.
func checkRedis(ctx context.Context, client redis.UniversalClient, allowVolatile bool) error {
	text, err := client.Info(ctx).Result()
	if err != nil {
		return fmt.Errorf("read INFO: %w", err)
	}
	info := parseInfo(text)
	save, err := client.ConfigGet(ctx, "save").Result()
	if e := redis.Error(nil); err != nil && !errors.As(err, &e) {
		return fmt.Errorf("read CONFIG: %w", err)
	}
	if schedule, told := save["save"]; err == nil && told {
		info["save"] = schedule
	}
	return fit(info, allowVolatile)
}

// parseInfo reads the lines NAME:VALUE of INFO.
func parseInfo(text string) map[string]string {
	info := make(map[string]string)
	for line := range strings.Lines(text) {
		if name, value, found := strings.Cut(strings.TrimSpace(line), ":"); found {
			info[name] = clean(value, 200)
		}
	}
	return info
}

// fit judges what a Redis tells of itself, with CONFIG's "save" where it does.
func fit(info map[string]string, allowVolatile bool) error {
	if info["loading"] == "1" {
		return errLoading
	}
	var errs unfits
	if v := info["redis_version"]; v != "" && olderThan(v, minRedis) {
		errs = append(errs, unfit{
			"its version is " + v + ", and Asynq archives tasks by a command of Redis " + minRedis,
			"upgrade it (apt-get install redis-server, or an image such as redis:7-alpine)",
		})
	}
	if role := info["role"]; role == "slave" || role == "replica" {
		errs = append(errs, unfit{
			"it is a replica of " + info["master_host"] + ":" + info["master_port"] + ", which takes no task",
			"name the primary in VODFLEET_REDIS_URL, or make this one it by: redis-cli REPLICAOF NO ONE",
		})
	}
	if p := info["maxmemory_policy"]; p != "" && p != "noeviction" {
		errs = append(errs, unfit{
			"maxmemory-policy is " + p + ", which throws tasks away",
			"redis-cli CONFIG SET maxmemory-policy noeviction, and in redis.conf or the parameter group: maxmemory-policy noeviction",
		})
	}
	if !allowVolatile && volatile(info) {
		errs = append(errs, unfit{
			"it keeps nothing on disk and has no replica, so that its restart would lose the queue",
			"redis-cli CONFIG SET appendonly yes, and in redis.conf: appendonly yes; or a replica; or take the risk with --allow-volatile-redis",
		})
	}
	if len(errs) == 0 {
		return nil
	}
	return errs
}

// unfits are all that is wrong with a Redis.
type unfits []unfit

func (u unfits) Error() string {
	var all []string
	for _, one := range u {
		all = append(all, one.Error())
	}
	return strings.Join(all, "; and ")
}

func (u unfits) Is(other error) bool { return other == errUnfit }

// volatile reports whether a restart loses everything: no append-only file, no
// schedule of snapshots, and no replica that is connected. Where CONFIG is
// forbidden a schedule is known by the snapshots that were made, or loaded; a
// Redis that counts neither has it taken for good.
func volatile(info map[string]string) bool {
	number := func(name string) int { n, _ := strconv.Atoi(info[name]); return n }
	aof, told := info["aof_enabled"]
	if !told || aof != "0" || number("connected_slaves") > 0 {
		return false
	}
	if schedule, told := info["save"]; told {
		return strings.Trim(schedule, `" `) == ""
	}
	saves, told := info["rdb_saves"] // since Redis 7
	return told && saves == "0" && number("rdb_last_load_keys_loaded") == 0
}

// olderThan compares versions by their first two numbers. One that cannot be
// read is not older.
func olderThan(version, than string) bool {
	var a, b [2]int
	if n, _ := fmt.Sscanf(version, "%d.%d", &a[0], &a[1]); n != 2 {
		return false
	}
	if n, _ := fmt.Sscanf(than, "%d.%d", &b[0], &b[1]); n != 2 {
		return false
	}
	return a[0] < b[0] || a[0] == b[0] && a[1] < b[1]
}

// refusals are answers by which Redis takes no write for now, with what to do.
// Nothing is lost by them: a task is not taken, or runs again.
var refusals = []struct{ word, advice string }{
	{"MISCONF", "redis cannot write to its disk and so takes no writes; free space there, then: redis-cli BGSAVE; tasks go on by themselves"},
	{"OOM command", "redis is at its maxmemory; raise it: redis-cli CONFIG SET maxmemory BYTES; tasks go on by themselves"},
	{"NOREPLICAS", "redis has fewer replicas than its min-replicas-to-write; bring them back; tasks go on by themselves"},
	{"READONLY", "this redis is a replica, perhaps since a failover; the primary is elsewhere"},
}

// explain adds to an error of Redis what to do about it.
func explain(err error) error {
	if err == nil {
		return nil
	}
	if advice := advise(err.Error()); advice != "" {
		return fmt.Errorf("%w (%s)", err, advice)
	}
	return err
}

func advise(text string) string {
	for _, r := range refusals {
		if strings.Contains(text, r.word) && !strings.Contains(text, r.advice) {
			return r.advice
		}
	}
	return ""
}
