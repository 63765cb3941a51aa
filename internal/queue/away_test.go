package queue

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"
	"github.com/vodfleet/vodfleet/internal/queue/redistest"
	"github.com/vodfleet/vodfleet/tasks"
)

// A Redis that is away at the start is waited for; one that goes away later is
// found again, and what it had kept is done.
func TestRedisAway(t *testing.T) {
	f := newFixture(t)
	f.redis.Kill()
	s := f.server(nil, "publish")
	s.awaiting = 10 * time.Millisecond
	var c counter
	Handle(s, func(context.Context, tasks.Publish) error { c.enter(); return nil })
	f.run(s)
	f.until("it waits for Redis", func() bool { return f.logs.FilterMessage("waiting for redis").Len() == 1 })
	for runs := 1; runs <= 2; runs++ {
		f.redis.Restart() // kills it first
		f.until("Redis takes the task", func() bool { return f.client.Enqueue(t.Context(), publish) == nil })
		f.until("it runs", func() bool { return c.runs() == runs })
		f.untilState(publish, "")
	}
}

// A server that is stopped while it waits for Redis stops.
func TestStopWhileAwaiting(t *testing.T) {
	f := newFixture(t)
	f.redis.Kill()
	s := f.server(nil, "publish")
	Handle(s, func(context.Context, tasks.Publish) error { return nil })
	stop := f.run(s)
	f.until("it waits for Redis", func() bool { return f.logs.FilterMessage("waiting for redis").Len() == 1 })
	stop()
}

// What no waiting mends is told at once, and the password is not.
func TestUnfitRedis(t *testing.T) {
	for _, tt := range []struct {
		name string
		args []string
		want string
	}{
		{"wrong password", []string{"--requirepass", "hunter2"}, "WRONGPASS invalid username-password pair or user is disabled."},
		{"evicts", []string{"--maxmemory-policy", "allkeys-lru"}, evicts},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := redistest.Start(t, tt.args...)
			opt, err := ParseRedis("redis://:wrong@" + r.Addr)
			if tt.name == "evicts" {
				opt, err = ParseRedis(r.URL())
			}
			if err != nil {
				t.Fatal(err)
			}
			s, err := NewServer(Options{Redis: opt, Queues: []string{"publish"}})
			if err != nil {
				t.Fatal(err)
			}
			Handle(s, func(context.Context, tasks.Publish) error { return nil })
			want := "run queue server: redis " + r.Addr + "/0: "
			if tt.name != "evicts" {
				want += "read INFO: "
			}
			if err := s.Run(t.Context()); fmt.Sprint(err) != want+tt.want {
				t.Errorf("Run = %v, want %s", err, want+tt.want)
			}
		})
	}
}

// The trap: while Redis refuses its script Asynq asks again without a pause.
// Ours: there is one.
func TestTrapRefusals(t *testing.T) {
	f := newFixture(t)
	calls := func() int64 {
		stats := f.raw.Info(t.Context(), "commandstats").Val()
		var n, usec int64
		for line := range strings.Lines(stats) {
			if _, err := fmt.Sscanf(line, "cmdstat_evalsha:calls=%d,usec=%d", &n, &usec); err == nil {
				break
			}
		}
		return n
	}
	during := func(d time.Duration) int64 {
		before := calls()
		time.Sleep(d)
		return calls() - before
	}
	f.put(publish)
	// A list where a hash should be: every script on the task fails.
	f.raw.Del(t.Context(), "asynq:{publish}:pending")
	f.raw.Set(t.Context(), "asynq:{publish}:pending", "refused", 0)

	stop := f.serve("publish", asynq.Config{}, fails(nil))
	if n := during(300 * time.Millisecond); n < 100 {
		t.Errorf("bare Asynq asked %d times in 300ms, want it to spin", n)
	}
	stop()

	s := f.server(nil, "publish")
	s.times.forward = time.Hour // leaves the dequeuing alone to ask
	Handle(s, func(context.Context, tasks.Publish) error { return nil })
	f.run(s)
	f.until("it serves", func() bool { return f.logs.FilterMessage("serving").Len() == 1 })
	if n := during(300 * time.Millisecond); n > 10 {
		t.Errorf("Asynq asked %d times in 300ms, want a pause after each refusal", n)
	}
}

func TestRefused(t *testing.T) {
	for _, tt := range []struct {
		command string
		err     error
		want    bool
	}{
		{"evalsha", nil, false},
		{"evalsha", redis.Nil, false}, // empty queues
		{"evalsha", redisErr("NOSCRIPT No matching script."), false},
		{"evalsha", redisErr("NOT FOUND"), false},
		{"evalsha", redisErr("OOM command not allowed when used memory > 'maxmemory'."), true},
		{"eval", redisErr("READONLY You can't write against a read only replica."), true},
		{"evalsha", errPlain, true},
		{"ping", errPlain, false},
	} {
		if got := refused(tt.command, tt.err); got != tt.want {
			t.Errorf("refused(%s, %v) = %v, want %v", tt.command, tt.err, got, tt.want)
		}
	}
}

func TestTransient(t *testing.T) {
	for _, tt := range []struct {
		err  error
		want bool
	}{
		{redisErr("LOADING Redis is loading the dataset in memory"), true},
		{redisErr("WRONGPASS invalid username-password pair"), false},
		{redisErr("NOAUTH Authentication required."), false},
		{fmt.Errorf("read: %w", redisErr("NOPERM this user has no permissions")), false},
		{context.DeadlineExceeded, true},
		{fit(parseInfo("maxmemory_policy:allkeys-lru"), true), false},
	} {
		if got := transient(tt.err); got != tt.want {
			t.Errorf("transient(%v) = %v, want %v", tt.err, got, tt.want)
		}
	}
}

// redisErr is an answer of Redis.
type redisErr string

func (e redisErr) Error() string { return string(e) }
func (redisErr) RedisError()     {}
