package queue

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hibiken/asynq"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/vodfleet/vodfleet/tasks"
)

func TestLook(t *testing.T) {
	for _, tt := range []struct {
		state    string
		failures int
		lastErr  string
		next     bool
	}{
		{"pending", 0, "", false},
		{"scheduled", 0, "", true},
		{"active", 0, "", false},
		{"retry", 1, "store is away", true},
		{"archived", 0, "skip retry for the task", false},
	} {
		t.Run(tt.state, func(t *testing.T) {
			f := newFixture(t)
			f.bring(tt.state)
			got, err := f.inspect.Look(t.Context(), publish.Queue(), publish.ID())
			if err != nil {
				t.Fatal(err)
			}
			if got.LastRun.IsZero() != (tt.lastErr == "") || got.NextRun.IsZero() == tt.next {
				t.Errorf("times are %v and %v", got.LastRun, got.NextRun)
			}
			got.LastRun, got.NextRun = time.Time{}, time.Time{}
			want := Info{ID: publish.ID(), Kind: "publish", Queue: "publish", State: tt.state, Failures: tt.failures, LastErr: tt.lastErr, Task: publish}
			if got != want {
				t.Errorf("Look = %+v, want %+v", got, want)
			}
		})
	}
}

func TestLookNowhere(t *testing.T) {
	f := newFixture(t)
	for range 2 { // without the queue, then with it
		if _, err := f.inspect.Look(t.Context(), "publish", publish.ID()); !errors.Is(err, ErrNoTask) {
			t.Errorf("Look = %v, want ErrNoTask", err)
		}
		f.enqueue(tasks.Publish{Asset: asset, Build: 2})
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := f.inspect.Look(ended, "publish", publish.ID()); !errors.Is(err, context.Canceled) {
		t.Errorf("Look = %v, want the context's error", err)
	}
}

// A task is orphaned when its lease has ended, and when it never had one.
func TestLookOrphaned(t *testing.T) {
	f := newFixture(t)
	f.bring("active")
	lease := "asynq:{publish}:lease"
	orphaned := func() bool {
		info, err := f.inspect.Look(t.Context(), "publish", publish.ID())
		if err != nil {
			t.Fatal(err)
		}
		return info.Orphaned
	}
	f.raw.ZIncrBy(t.Context(), lease, -60, publish.ID())
	if !orphaned() {
		t.Error("a lease that has ended is not seen")
	}
	f.raw.ZRem(t.Context(), lease, publish.ID())
	if !orphaned() {
		t.Error("a missing lease is not seen")
	}
}

func TestFind(t *testing.T) {
	f := newFixture(t)
	want := []tasks.Task{
		tasks.Ingest{Bucket: "library", Key: "a.mp4", Lane: tasks.Bulk}, // of a random ID
		submit, tasks.Publish{Asset: asset, Build: 1}, tasks.Publish{Asset: asset, Build: 2},
		tasks.InvalidateOrRename{Asset: asset, Seq: 1},
	}
	for _, task := range want {
		f.enqueue(task)
	}
	f.enqueue(tasks.Ingest{Bucket: "library", Key: "b.mp4"})
	f.raw.Set(t.Context(), "asynq:{publish}:t:publish:"+asset+":9", "not a hash", 0)
	f.raw.Set(t.Context(), "other:"+asset+":1", "foreign", 0)

	if _, err := f.inspect.Find(t.Context(), asset); err == nil || !strings.Contains(err.Error(), "WRONGTYPE") {
		t.Errorf("Find = %v, want Redis's words about the odd key", err)
	}
	f.raw.Del(t.Context(), "asynq:{publish}:t:publish:"+asset+":9")
	infos, err := f.inspect.Find(t.Context(), asset)
	if err != nil {
		t.Fatal(err)
	}
	var got []tasks.Task
	for _, i := range infos {
		got = append(got, i.Task)
	}
	if fmt.Sprintf("%#v", got) != fmt.Sprintf("%#v", want) {
		t.Errorf("Find = %#v, want %#v", got, want)
	}
	none, err := f.inspect.Find(t.Context(), tasks.AssetID("library", "c.mp4"))
	if err != nil || len(none) != 0 {
		t.Errorf("Find = %v, %v, want nothing", none, err)
	}
	if _, err := f.inspect.Find(t.Context(), "*"); fmt.Sprint(err) != "find tasks: not an asset ID" {
		t.Errorf("Find = %v", err)
	}
}

func TestLengthsCollected(t *testing.T) {
	f := newFixture(t)
	f.bring("retry")
	f.enqueue(tasks.Publish{Asset: asset, Build: 2})
	f.put(tasks.Publish{Asset: asset, Build: 3}, asynq.ProcessIn(time.Hour))
	if err := f.look.PauseQueue("publish"); err != nil {
		t.Fatal(err)
	}
	if got, want := f.lengths("publish"), (Lengths{Queue: "publish", Pending: 1, Scheduled: 1, Retry: 1, Paused: true}); got != want {
		t.Errorf("lengths are %+v, want %+v", got, want)
	}
	if problems, err := testutil.CollectAndLint(f.inspect); err != nil || len(problems) > 0 {
		t.Errorf("lint: %v, %v", problems, err)
	}
	if got, want := testutil.CollectAndCount(f.inspect), 1+7*7; got != want {
		t.Errorf("%d metrics, want %d", got, want)
	}
	if err := f.inspect.Ping(t.Context()); err != nil {
		t.Error(err)
	}

	f.redis.Kill()
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if err := f.inspect.Ping(ctx); err == nil || !strings.HasPrefix(err.Error(), "ping redis "+f.redis.Addr+"/0: ") {
		t.Errorf("Ping = %v, want it to name the Redis", err)
	}
	down := "# HELP vodfleet_redis_up 1 if Redis answered when it was asked for the queues.\n# TYPE vodfleet_redis_up gauge\nvodfleet_redis_up 0\n"
	if err := testutil.CollectAndCompare(f.inspect, strings.NewReader(down)); err != nil {
		t.Error(err)
	}
}
