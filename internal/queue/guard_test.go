package queue

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/vodfleet/vodfleet/internal/queue/redistest"
)

const (
	evicts = "maxmemory-policy is allkeys-lru, which throws tasks away: redis-cli CONFIG SET maxmemory-policy noeviction, " +
		"and in redis.conf or the parameter group: maxmemory-policy noeviction"
	keepsNothing = "it keeps nothing on disk and has no replica, so that its restart would lose the queue: redis-cli CONFIG SET appendonly yes, " +
		"and in redis.conf: appendonly yes; or a replica; or take the risk with --allow-volatile-redis"
	isReplica = "it is a replica of 10.0.0.7:6379, which takes no task: name the primary in VODFLEET_REDIS_URL, or make this one it by: redis-cli REPLICAOF NO ONE"
	isOld     = "its version is 6.0.16, and Asynq archives tasks by a command of Redis 6.2: upgrade it (apt-get install redis-server, or an image such as redis:7-alpine)"
)

func TestFit(t *testing.T) {
	for _, tt := range []struct {
		name     string
		info     string // of INFO, and CONFIG's save where it may be read
		volatile bool   // is allowed
		want     string
	}{
		{"good", "redis_version:7.0.15\r\nrole:master\r\nmaxmemory_policy:noeviction\r\naof_enabled:1\r\nsave:\r\n", false, "<nil>"},
		{"tells nothing", "# Memory\r\n", false, "<nil>"},
		{"evicts", "maxmemory_policy:allkeys-lru\r\naof_enabled:1\r\n", true, evicts},
		{"replica", "role:slave\r\nmaster_host:10.0.0.7\r\nmaster_port:6379\r\naof_enabled:1\r\n", true, isReplica},
		{"old", "redis_version:6.0.16\r\n", true, isOld},
		{"just new enough", "redis_version:6.2.0\r\n", false, "<nil>"},
		{"much newer", "redis_version:10.0\r\n", false, "<nil>"},
		{"a version of its own", "redis_version:df-1\r\n", false, "<nil>"},
		{"volatile", "aof_enabled:0\r\nconnected_slaves:0\r\nsave:\r\n", false, keepsNothing},
		{"volatile by CONFIG's quotes", "aof_enabled:0\r\nsave:\"\"\r\n", false, keepsNothing},
		{"volatile, allowed", "aof_enabled:0\r\nsave:\r\n", true, "<nil>"},
		{"snapshots", "aof_enabled:0\r\nsave:3600 1 300 100\r\n", false, "<nil>"},
		{"a replica of its own", "aof_enabled:0\r\nconnected_slaves:1\r\nsave:\r\n", false, "<nil>"},
		{"CONFIG forbidden, nothing saved", "aof_enabled:0\r\nrdb_saves:0\r\n", false, keepsNothing},
		{"CONFIG forbidden, saved", "aof_enabled:0\r\nrdb_saves:3\r\n", false, "<nil>"},
		{"CONFIG forbidden, started from a snapshot", "aof_enabled:0\r\nrdb_saves:0\r\nrdb_last_load_keys_loaded:12\r\n", false, "<nil>"},
		{"CONFIG forbidden, too old to count", "redis_version:6.2.14\r\naof_enabled:0\r\nrdb_last_save_time:1795854414\r\n", false, "<nil>"},
		{"CONFIG forbidden, a replica", "aof_enabled:0\r\nrdb_saves:0\r\nconnected_slaves:2\r\n", false, "<nil>"},
		{"all at once", "redis_version:6.0.16\r\nrole:slave\r\nmaster_host:10.0.0.7\r\nmaster_port:6379\r\nmaxmemory_policy:allkeys-lru\r\naof_enabled:0\r\nsave:\r\n", false,
			isOld + "; and " + isReplica + "; and " + evicts + "; and " + keepsNothing},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := fit(parseInfo(tt.info), tt.volatile)
			if fmt.Sprint(err) != tt.want {
				t.Errorf("fit = %v, want %s", err, tt.want)
			}
			if err != nil && (!errors.Is(err, errUnfit) || transient(err)) {
				t.Errorf("fit = %v: it is taken for a passing state", err)
			}
		})
	}
}

// A Redis that starts says of its append-only file what is not so for long.
func TestLoading(t *testing.T) {
	err := fit(parseInfo("role:master\r\nloading:1\r\naof_enabled:0\r\nrdb_saves:0\r\nsave:\r\n"), false)
	if !errors.Is(err, errLoading) || !transient(err) {
		t.Errorf("fit = %v, want a passing state", err)
	}
	if err := fit(parseInfo("loading:0\r\naof_enabled:1\r\nsave:\r\n"), false); err != nil {
		t.Errorf("fit = %v once it has loaded", err)
	}
}

// What real servers tell, with CONFIG and without, and that the advice mends it.
func TestCheckRedis(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		args []string
		mend []any // a command
		want string
	}{
		{"as tests have it", nil, nil, "<nil>"},
		{"volatile", []string{"--appendonly", "no"}, []any{"CONFIG", "SET", "appendonly", "yes"}, keepsNothing},
		{"evicts", []string{"--maxmemory-policy", "allkeys-lru"}, []any{"CONFIG", "SET", "maxmemory-policy", "noeviction"}, evicts},
		{"snapshots", []string{"--appendonly", "no", "--save", "3600 1"}, nil, "<nil>"},
		{"forbidden, evicts", []string{"--maxmemory-policy", "allkeys-lru"}, []any{"CONFIG", "SET", "maxmemory-policy", "noeviction"}, evicts},
		{"forbidden, volatile", []string{"--appendonly", "no"}, []any{"CONFIG", "SET", "appendonly", "yes"}, keepsNothing},
		{"forbidden, saved", []string{"--appendonly", "no"}, []any{"SAVE"}, keepsNothing},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			client := dialTo(t, redistest.Start(t, tt.args...))
			if strings.HasPrefix(tt.name, "forbidden") {
				if err := client.Do(t.Context(), "ACL", "SETUSER", "default", "-config|get").Err(); err != nil {
					t.Fatal(err)
				}
			}
			if err := checkRedis(t.Context(), client, false); fmt.Sprint(err) != tt.want {
				t.Errorf("checkRedis = %v, want %s", err, tt.want)
			}
			if tt.mend == nil {
				return
			}
			if err := client.Do(t.Context(), tt.mend...).Err(); err != nil {
				t.Fatal(err)
			}
			if err := checkRedis(t.Context(), client, false); err != nil {
				t.Errorf("checkRedis = %v after %v", err, tt.mend)
			}
		})
	}
}

// A replica is refused until it is made the primary; a primary without a disk
// is taken for its replica's sake.
func TestCheckReplica(t *testing.T) {
	t.Parallel()
	primary := redistest.Start(t, "--appendonly", "no")
	replica := primary.StartReplica(t, "--appendonly", "no")
	if err := checkRedis(t.Context(), dialTo(t, primary), false); err != nil {
		t.Errorf("checkRedis(primary) = %v", err)
	}
	client := dialTo(t, replica)
	want := "it is a replica of 127.0.0.1:" + primary.Port() + ", which takes no task: " +
		"name the primary in VODFLEET_REDIS_URL, or make this one it by: redis-cli REPLICAOF NO ONE; and " + keepsNothing
	if err := checkRedis(t.Context(), client, false); fmt.Sprint(err) != want {
		t.Errorf("checkRedis(replica) = %v, want %s", err, want)
	}
	if err := client.Do(t.Context(), "REPLICAOF", "NO", "ONE").Err(); err != nil {
		t.Fatal(err)
	}
	if err := checkRedis(t.Context(), client, true); err != nil {
		t.Errorf("checkRedis = %v after REPLICAOF NO ONE", err)
	}
}
