package queue

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vodfleet/vodfleet/internal/queue/redistest"
	"github.com/vodfleet/vodfleet/tasks"
)

// A full disk under Redis: it answers MISCONF to every write. The error says so
// and what to do; a task that waits is not lost, and one that runs then is not
// burnt: it runs again when the disk is well, with no failure counted.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	f := newFixtureOn(t, redistest.Start(t, "--appendonly", "no", "--save", "86400 1000000", "--enable-protected-configs", "yes"))
	dir := t.TempDir()
	full := filepath.Join(dir, "full")
	if err := os.Mkdir(full, 0o700); err != nil {
		t.Fatal(err)
	}
	save := func(dir string) {
		t.Helper()
		if dir != "" {
			if err := f.raw.ConfigSet(t.Context(), "dir", dir).Err(); err != nil {
				t.Error(err)
			}
		}
		f.until("a snapshot is begun", func() bool { return f.raw.BgSave(t.Context()).Err() == nil })
		f.until("the snapshot has ended", func() bool {
			return parseInfo(f.raw.Info(t.Context(), "persistence").Val())["rdb_bgsave_in_progress"] == "0"
		})
	}
	breakDisk := func() {
		if err := f.raw.ConfigSet(t.Context(), "dir", full).Err(); err != nil {
			t.Error(err)
		}
		if err := os.Remove(full); err != nil {
			t.Error(err)
		}
		save("")
	}

	s := f.server(nil, "publish")
	var c counter
	failures := make(chan int, 10)
	Handle(s, func(ctx context.Context, p tasks.Publish) error {
		failures <- Failures(ctx)
		if c.enter(); c.runs() == 1 {
			breakDisk()
			return errPlain // which cannot be written down
		}
		return nil
	})
	stop := f.run(s)
	f.enqueue(publish)
	f.until("the result is refused", func() bool { return f.logged("MISCONF") > 0 && f.logged("Could not move task") > 0 })
	other := tasks.Publish{Asset: asset, Build: 2}
	for name, err := range map[string]error{
		"enqueue " + other.ID(): f.client.Enqueue(t.Context(), other),
		"wake " + publish.ID():  f.client.Wake(t.Context(), publish),
	} {
		if err == nil || !strings.HasPrefix(err.Error(), name+": ") || !strings.Contains(err.Error(), "MISCONF") || !strings.Contains(err.Error(), "free space there, then: redis-cli BGSAVE") {
			t.Errorf("%s: %v, want it to name MISCONF and what to do", name, err)
		}
	}
	advised := false
	for _, e := range f.logs.FilterMessage("asynq").All() {
		_, told := e.ContextMap()["advice"]
		advised = advised || told
	}
	if !advised {
		t.Error("the log does not say what to do")
	}
	if got := f.state(publish); got != "active" {
		t.Errorf("task is %q while nothing can be written, want it where it was", got)
	}
	if err := checkRedis(t.Context(), f.raw, false); err != nil {
		t.Errorf("checkRedis = %v: a full disk is no reason to give up", err)
	}

	save(dir)
	stop()
	f.expire(publish)
	s = f.server(nil, "publish")
	Handle(s, func(ctx context.Context, p tasks.Publish) error {
		failures <- Failures(ctx)
		return nil
	})
	f.run(s)
	f.until("Redis takes tasks again", func() bool { return f.client.Enqueue(t.Context(), other) == nil })
	f.untilState(publish, "")
	f.untilState(other, "")
	if got := fmt.Sprint(<-failures, <-failures, <-failures); got != "0 0 0" {
		t.Errorf("failures before the runs were %s, want none", got)
	}
}
