package main

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/vodfleet/vodfleet/internal/cloud"
	"github.com/vodfleet/vodfleet/internal/cloud/memcloud"
	"github.com/vodfleet/vodfleet/internal/ledger"
	"github.com/vodfleet/vodfleet/internal/queue"
	"github.com/vodfleet/vodfleet/tasks"
)

func TestAdd(t *testing.T) {
	s := newStand(t)
	t.Setenv("VODFLEET_SOURCES", "library/in, library/&")
	s.upload("in/a b+c%20#?é.mp4", "x")
	s.upload("in/two.mp4", "y")
	for _, tt := range []struct {
		name  string
		args  []string
		code  int
		says  []string
		tasks int // enqueued so far
	}{
		{"no video", nil, 2, []string{"expected", "see enqueuer --help"}, 0},
		{"no bucket", []string{"s3:///x"}, 2, []string{`location "s3:///x": no bucket`}, 0},
		{"no key", []string{"s3://library"}, 2, []string{`location "s3://library": no key`}, 0},
		{"not a location", []string{"in/two.mp4"}, 2, []string{`location "in/two.mp4": want s3://BUCKET/KEY`}, 0},
		{"bucket not allowed", []string{"s3://private/x.mp4"}, 2, []string{"s3://private/x.mp4 is not among the allowed sources; add its bucket or prefix to VODFLEET_SOURCES"}, 0},
		{"prefix not allowed", []string{"s3://library/inside.mp4"}, 2, []string{"not among the allowed sources"}, 0},
		{"one of two not allowed: neither", []string{"s3://library/in/two.mp4", "s3://private/x.mp4"}, 2, []string{"s3://private/x.mp4"}, 0},
		{"a time-out below none", []string{"--timeout=-1s", "s3://library/in/two.mp4"}, 2, []string{"timeout -1s"}, 0},
		{"an unknown lane", []string{"--lane=fast", "s3://library/in/two.mp4"}, 2, []string{"--lane must be one of"}, 0},
		{"does not exist", []string{"s3://library/in/none.mp4"}, 1, []string{"add s3://library/in/none.mp4", "not found"}, 0},
		{"a reference too long", []string{"--reference", strings.Repeat("x", 300), "s3://library/in/two.mp4"}, 1, []string{"reference: 300 bytes"}, 0},
		{"odd key", []string{"s3://library/in/a b+c%20#?é.mp4"}, 0, []string{"enqueued", "s3://library/in/a b+c%20#?é.mp4"}, 1},
		{"again", []string{"s3://library/in/a b+c%20#?é.mp4"}, 0, []string{"enqueued before"}, 1},
		{"one of two does not exist: the other is enqueued", []string{"s3://library/in/none.mp4", "s3://library/in/two.mp4"}, 1, []string{"none.mp4", "enqueued  s3://library/in/two.mp4"}, 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s.t = t
			s.want(tt.code, append([]string{"add"}, tt.args...), tt.says...)
			if got := s.enqueued(); got != tt.tasks {
				t.Errorf("%d tasks, want %d", got, tt.tasks)
			}
		})
	}
}

// A source that may not be looked at from here is enqueued: the workers may.
func TestAddDenied(t *testing.T) {
	s := newStand(t)
	s.mem.SetHooks(memcloud.Hooks{Before: func(op, at string) error {
		return &cloud.Error{Op: op, Object: at, Kind: cloud.ErrDenied}
	}})
	s.want(0, []string{"add", "s3://library/a.mp4"}, "enqueued")
	if got := s.enqueued(); got != 1 {
		t.Errorf("%d tasks, want 1", got)
	}
}

func TestAddJSON(t *testing.T) {
	s := newStand(t)
	o := s.upload("a.mp4", "x")
	version := tasks.SourceVersion(o.ETag, o.Size)
	out := s.want(0, []string{"add", "--output", "json", "s3://library/a.mp4"})
	var got []map[string]any
	if err := json.Unmarshal([]byte(out), &got); err != nil || len(got) != 1 {
		t.Fatalf("add says %s: %v", out, err)
	}
	asset := tasks.AssetID("library", "a.mp4")
	for name, want := range map[string]any{
		"source": "s3://library/a.mp4", "asset": asset, "task": "ingest:" + asset + ":" + version + ":default", "new": true,
	} {
		if got[0][name] != want {
			t.Errorf("%s = %v, want %v", name, got[0][name], want)
		}
	}
	if out := s.want(1, []string{"add", "--output", "json", "s3://library/none.mp4"}); strings.TrimSpace(out) != "[]" {
		t.Errorf("where none was enqueued add says %s, want []", out)
	}
}

// place is a queue with one task at most.
type place struct {
	info queue.Info
	err  error
}

func (p place) Look(context.Context, string, string) (queue.Info, error) { return p.info, p.err }

// What waiting makes of the task and the record.
func TestAddLook(t *testing.T) {
	s := newStand(t)
	gone, pending := place{err: queue.ErrNoTask}, place{info: queue.Info{State: "pending"}}
	refused := place{info: queue.Info{State: "archived", LastErr: "ingest s3://library/a.mp4: not among the allowed sources"}}
	down := place{err: errors.New("redis is down")}
	for _, tt := range []struct {
		name   string
		record func(cloud.Object) *ledger.Record // nil: none
		task   place
		ended  bool
		state  string
		reason string
		err    string // empty: none
	}{
		{"waits in the queue", nil, pending, false, "enqueued", "", ""},
		{"an earlier version was published, the new one waits", s.publish, pending, false, "published", "", ""},
		{"an earlier version failed, the new one waits", s.fail, pending, false, "failed", "", ""},
		{"ingested", s.plan, gone, false, "planned", "", ""},
		{"published", s.publish, gone, true, "published", "", ""},
		{"failed", s.fail, gone, true, "failed", "bad source: not a video", ""},
		{"failed, and the task was given up", s.fail, refused, true, "failed", "bad source: not a video", ""},
		{"refused by the workers", nil, refused, true, "failed", "ingest s3://library/a.mp4: not among the allowed sources", ""},
		{"refused by the workers, published before", s.publish, refused, true, "failed", "ingest s3://library/a.mp4: not among the allowed sources", ""},
		{"redis is down", s.publish, down, false, "", "", ""},
		{"redis lost it", nil, gone, false, "", "", "its task is lost, and the ledger does not know it; add it again"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s.t = t
			o := s.upload(tt.name+".mp4", "x")
			a := added{Asset: tasks.AssetID(o.Bucket, o.Key)}
			if tt.record != nil {
				tt.record(o)
			}
			ended, err := a.look(t.Context(), s.book, tt.task)
			said := ""
			if err != nil {
				said = err.Error()
			}
			if ended != tt.ended || said != tt.err || a.State != tt.state || a.Reason != tt.reason {
				t.Errorf("look = %v, %v; %q, %q, want %v, %s; %q, %q", ended, err, a.State, a.Reason, tt.ended, tt.err, tt.state, tt.reason)
			}
		})
	}
}

// Waiting ends with the time-out, and the work goes on.
func TestAddWaitTimeout(t *testing.T) {
	s := newStand(t)
	s.upload("a.mp4", "x")
	s.upload("b.mp4", "x")
	out := s.want(3, []string{"add", "--wait", "--timeout=1ms", "s3://library/a.mp4", "s3://library/b.mp4"}, "2 not finished within 1ms: the work goes on")
	if strings.Count(out, "enqueued") != 2 {
		t.Errorf("add --wait says %s, want both as enqueued", out)
	}
	if got := s.enqueued(); got != 2 {
		t.Errorf("%d tasks, want 2", got)
	}
}

func TestAddWaitInterrupted(t *testing.T) {
	s := newStand(t)
	s.upload("a.mp4", "x")
	ctx, cancel := context.WithTimeoutCause(t.Context(), 300*time.Millisecond, context.Canceled)
	defer cancel()
	if _, _, err := s.runIn(ctx, "add", "--wait", "s3://library/a.mp4"); !errors.Is(err, context.Canceled) {
		t.Errorf("an interrupted wait = %v, want canceled", err)
	}
}

// A task that the fleet refuses ends the wait with its words.
func TestAddWaitRefused(t *testing.T) {
	s := newStand(t)
	s.upload("a.mp4", "x")
	opt, err := queue.ParseRedis(s.redis.URL())
	if err != nil {
		t.Fatal(err)
	}
	server, err := queue.NewServer(queue.Options{Redis: opt, Queues: []string{tasks.QueueIngest}})
	if err != nil {
		t.Fatal(err)
	}
	queue.Handle(server, func(context.Context, tasks.Ingest) error { return queue.Permanent(errors.New("refused here")) })
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- server.Run(ctx) }()
	s.want(3, []string{"add", "--wait", "--timeout=30s", "s3://library/a.mp4"}, "1 of 1 failed", "refused here")
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}
