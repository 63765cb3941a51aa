package tasks

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/alicebob/miniredis/v2/server"
	"github.com/hibiken/asynq"
)

// fixture is a client of a Redis in this process.
type fixture struct {
	*Client
	redis *miniredis.Miniredis
}

func newFixture(t *testing.T) fixture {
	t.Helper()
	redis := miniredis.RunT(t)
	c, err := NewClient(asynq.RedisClientOpt{Addr: redis.Addr()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return fixture{c, redis}
}

// taskKey is where Asynq keeps the task of known.
var taskKey = "asynq:{" + known.Queue() + "}:t:" + known.ID()

// onLook runs f before the nth time that the client looks at a task or revives
// one, which it does with SISMEMBER first.
func (f fixture) onLook(n int, run func()) {
	f.redis.Server().SetPreHook(func(_ *server.Peer, cmd string, _ ...string) bool {
		if cmd == "SISMEMBER" {
			if n--; n == 0 {
				run()
			}
		}
		return false
	})
}

// flicker has the task there whenever one is enqueued, which is a script of
// two keys, and away whenever it is looked at.
func (f fixture) flicker() {
	f.redis.Server().SetPreHook(func(_ *server.Peer, cmd string, args ...string) bool {
		switch {
		case !strings.HasPrefix(cmd, "EVAL"):
		case args[1] == "2":
			f.redis.HSet(taskKey, "state", "pending")
		default:
			f.redis.Del(taskKey)
		}
		return false
	})
}

var known = Ingest{Bucket: "library", Key: "a.mp4", SourceVersion: source}

func TestEnqueue(t *testing.T) {
	for _, tt := range []struct {
		name   string
		before func(t *testing.T, c *Client)
		want   Receipt
	}{
		{"new", func(*testing.T, *Client) {}, Receipt{New: true}},
		{"waits already", func(t *testing.T, c *Client) { enqueue(t, c, known) }, Receipt{}},
		{"is scheduled already", func(t *testing.T, c *Client) { enqueue(t, c, known, After(time.Hour)) }, Receipt{}},
		{"in the other lane", func(t *testing.T, c *Client) {
			bulk := known
			bulk.Lane = Bulk
			enqueue(t, c, bulk)
		}, Receipt{New: true}},
		{"was given up", func(t *testing.T, c *Client) {
			enqueue(t, c, known)
			if err := c.inspector.ArchiveTask(known.Queue(), known.ID()); err != nil {
				t.Fatal(err)
			}
		}, Receipt{Revived: true}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := newFixture(t).Client
			tt.before(t, c)

			got := enqueue(t, c, known)

			tt.want.ID, tt.want.Queue = known.ID(), QueueIngest
			if got != tt.want {
				t.Errorf("Enqueue = %+v, want %+v", got, tt.want)
			}
			info, err := c.inspector.GetTaskInfo(QueueIngest, known.ID())
			if err != nil || info.State == asynq.TaskStateArchived {
				t.Errorf("task is %+v, %v, want it to wait", info, err)
			}
		})
	}
}

func TestEnqueueOptions(t *testing.T) {
	c := newFixture(t).Client
	for _, task := range []Task{
		known,
		TranscodeSubmit{Asset: asset, Build: 1, Lane: Bulk},
		TranscodePoll{Asset: asset, Build: 1},
		Publish{Asset: asset, Build: 1},
		InvalidateOrRename{Asset: asset, Seq: 1},
	} {
		before := time.Now()
		r := enqueue(t, c, task, After(90*time.Second), Header("traceparent", "00-a-b-01"))
		info, err := c.inspector.GetTaskInfo(r.Queue, r.ID)
		if err != nil {
			t.Fatal(err)
		}
		if info.Type != task.Kind() || info.MaxRetry != MaxRetry || info.Timeout != Timeout(task.Kind()) || info.Retention != 0 {
			t.Errorf("%s is %+v", r.ID, info)
		}
		if wait := info.NextProcessAt.Sub(before); wait < 90*time.Second || wait > 92*time.Second {
			t.Errorf("%s starts after %v, want 90s and never earlier", r.ID, wait)
		}
		if info.Headers["traceparent"] != "00-a-b-01" {
			t.Errorf("%s has headers %v", r.ID, info.Headers)
		}
	}
}

// A worker that finishes the task in the way between two looks frees its ID.
func TestEnqueueRaces(t *testing.T) {
	t.Run("vanishes once", func(t *testing.T) {
		f := newFixture(t)
		enqueue(t, f.Client, known)
		f.onLook(1, func() { f.redis.Del(taskKey) })
		if got := enqueue(t, f.Client, known); !got.New {
			t.Errorf("Enqueue = %+v, want a new task", got)
		}
	})
	t.Run("comes and goes", func(t *testing.T) {
		f := newFixture(t)
		enqueue(t, f.Client, known)
		f.flicker()
		_, err := f.Enqueue(t.Context(), known)
		if want := "enqueue " + known.ID() + ": the task in the way came and went"; fmt.Sprint(err) != want {
			t.Errorf("Enqueue = %v, want %s", err, want)
		}
	})
	t.Run("another revives it", func(t *testing.T) {
		f := newFixture(t)
		enqueue(t, f.Client, known)
		if err := f.inspector.ArchiveTask(known.Queue(), known.ID()); err != nil {
			t.Fatal(err)
		}
		other := asynq.NewInspector(asynq.RedisClientOpt{Addr: f.redis.Addr()})
		defer other.Close()
		f.onLook(2, func() { // after the state was read, before it is changed
			if err := other.RunTask(known.Queue(), known.ID()); err != nil {
				t.Error(err)
			}
		})
		if got := enqueue(t, f.Client, known); got.New || got.Revived {
			t.Errorf("Enqueue = %+v, want the task that another revived", got)
		}
	})
}

// Redis emptied under a client that lives on: Asynq lists a queue once a
// client, so that the task in the way could not be looked at.
func TestEnqueueAfterFlush(t *testing.T) {
	f := newFixture(t)
	enqueue(t, f.Client, known)
	f.redis.FlushAll()
	if got := enqueue(t, f.Client, known); !got.New {
		t.Fatalf("first Enqueue after the flush = %+v, want a new task", got)
	}
	if got := enqueue(t, f.Client, known); got.New || got.Revived {
		t.Errorf("second Enqueue after the flush = %+v, want the task that waits", got)
	}
	if queues, err := f.inspector.Queues(); err != nil || len(queues) != 1 {
		t.Errorf("queues are %v, %v, want one", queues, err)
	}
}

func TestEnqueueRefuses(t *testing.T) {
	many := func(o *options) {
		for i := range maxHeaders + 1 {
			Header(fmt.Sprint("h", i), "")(o)
		}
	}
	ended, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("caller has gone"))
	for _, tt := range []struct {
		name string
		ctx  context.Context
		task Task
		opt  Option
		want string
	}{
		{"invalid", t.Context(), Ingest{Bucket: "library"}, After(0), "enqueue: encode ingest task: key: missing"},
		{"many headers", t.Context(), known, many, "enqueue " + known.ID() + ": 17 headers, want at most 16"},
		{"large header", t.Context(), known, Header("a", strings.Repeat("b", maxHeaderBytes)), "enqueue " + known.ID() + ": headers of 4097 bytes, want at most 4096"},
		{"header not UTF-8", t.Context(), known, Header("a", "\xff"), "enqueue " + known.ID() + ": a header has no name or is not valid UTF-8"},
		{"context", ended, known, After(0), "enqueue " + known.ID() + ": caller has gone"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := newFixture(t)
			if _, err := f.Enqueue(tt.ctx, tt.task, tt.opt); fmt.Sprint(err) != tt.want {
				t.Errorf("Enqueue = %v, want %s", err, tt.want)
			}
			if keys := f.redis.Keys(); len(keys) != 0 {
				t.Errorf("Redis holds %v", keys)
			}
		})
	}
}

func TestEnqueueWithoutRedis(t *testing.T) {
	f := newFixture(t)
	f.redis.SetError("LOADING Redis is loading the dataset in memory")
	if _, err := f.Enqueue(t.Context(), known); err == nil || !strings.Contains(err.Error(), "LOADING") {
		t.Errorf("Enqueue = %v, want Redis's words", err)
	}
	if err := f.Ping(); err == nil {
		t.Error("Ping says that Redis answers")
	}
	f.redis.SetError("")
	if err := f.Ping(); err != nil {
		t.Error(err)
	}
}

func TestNewClientRefuses(t *testing.T) {
	for _, opt := range []asynq.RedisConnOpt{nil, pool{7}} {
		if c, err := NewClient(opt); err == nil {
			t.Errorf("NewClient(%v) = %v", opt, c)
		}
	}
}

func enqueue(t *testing.T, c *Client, task Task, opts ...Option) Receipt {
	t.Helper()
	r, err := c.Enqueue(t.Context(), task, opts...)
	if err != nil {
		t.Fatal(err)
	}
	return r
}
