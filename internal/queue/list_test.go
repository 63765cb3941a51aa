package queue

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"
	"github.com/vodfleet/vodfleet/tasks"
)

// Every task of every state and queue is listed, once, over many pages, foreign
// and unreadable ones too.
func TestTasks(t *testing.T) {
	f := newFixture(t)
	want := make(map[string]string)
	put := func(task tasks.Task, state string) {
		f.put(task)
		ref := Ref(task)
		switch state {
		case "active":
			f.take(task)
		case "retry", "scheduled", "archived":
			f.raw.LRem(t.Context(), ref.prefix()+"pending", 0, ref.ID)
			f.raw.ZAdd(t.Context(), ref.prefix()+state, redisZ(time.Unix(1_900_000_000, 0), ref.ID))
			f.raw.HSet(t.Context(), ref.key(), "state", state)
		}
		want[ref.Queue+" "+ref.ID] = state
	}
	for n := range 2*page + 100 {
		put(tasks.Publish{Asset: asset, Build: n + 1}, "pending")
	}
	for n := range page + 100 {
		put(tasks.TranscodePoll{Asset: asset, Build: n + 1}, "retry")
	}
	for n, state := range []string{"active", "scheduled", "retry", "pending", "archived"} {
		put(tasks.TranscodeSubmit{Asset: asset, Build: n + 1, Lane: tasks.Bulk}, state)
		put(tasks.InvalidateOrRename{Asset: asset, Seq: n + 1}, state)
	}
	if _, err := f.bare.Enqueue(asynq.NewTask("foreign", []byte("\xff")), asynq.Queue("ingest"), asynq.TaskID("f")); err != nil {
		t.Fatal(err)
	}
	want["ingest f"] = "pending"
	f.raw.HSet(t.Context(), Ref(tasks.InvalidateOrRename{Asset: asset, Seq: 1}).key(), "msg", "\xff")
	f.raw.ZRem(t.Context(), "asynq:{bulk-transcode-submit}:lease", tasks.TranscodeSubmit{Asset: asset, Build: 1}.ID())

	var orphaned, unreadable []string
	for info, err := range f.inspect.Tasks(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		key := info.Queue + " " + info.ID
		if want[key] != info.State {
			t.Errorf("%s is listed as %s, want %q", key, info.State, want[key])
		}
		delete(want, key)
		if later := info.State == "retry" || info.State == "scheduled"; later != (info.NextRun.Unix() == 1_900_000_000) {
			t.Errorf("%s, %s, runs next at %v", key, info.State, info.NextRun)
		}
		if readable := info.Task != nil; readable != (!info.Unreadable && info.ID != "f") {
			t.Errorf("%s is read as %v, unreadable %v", key, info.Task, info.Unreadable)
		}
		if info.Orphaned {
			orphaned = append(orphaned, key)
		}
		if info.Unreadable {
			unreadable = append(unreadable, key)
		}
	}
	if len(want) != 2 { // the archived ones
		t.Errorf("%d tasks are not listed, want 2", len(want))
	}
	if got := fmt.Sprint(orphaned, unreadable); got != fmt.Sprintf("[bulk-transcode-submit transcode-submit:%s:1] [invalidate-or-rename invalidate-or-rename:%s:1]", asset, asset) {
		t.Errorf("orphaned and unreadable are %s", got)
	}
	for info, err := range f.inspect.Archived(t.Context()) {
		if err != nil || info.State != "archived" || info.Task == nil {
			t.Errorf("Archived yields %+v, %v", info, err)
		}
		delete(want, info.Queue+" "+info.ID)
	}
	if len(want) != 0 {
		t.Errorf("archived tasks are not listed: %v", want)
	}
	n := 0
	for range f.inspect.Tasks(t.Context()) { // may be left at any time
		if n++; n == page+1 {
			break
		}
	}
}

// While a queue is worked off and filled, what stays is not missed.
func TestTasksWhileTheyMove(t *testing.T) {
	f := newFixture(t)
	const stay = 3 * page
	for n := range stay {
		f.put(tasks.Publish{Asset: asset, Build: n + 1})
	}
	next := stay
	seen := make(map[string]bool)
	for info, err := range f.inspect.Tasks(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		seen[info.ID] = true
		if len(seen)%page == 1 { // new ones come while it goes
			for range 3 {
				next++
				f.put(tasks.Publish{Asset: asset, Build: next})
			}
		}
	}
	for n := range stay {
		if id := (tasks.Publish{Asset: asset, Build: n + 1}).ID(); !seen[id] {
			t.Errorf("%s is missed", id)
		}
	}
}

// What has moved on between the page and its records is not taken for a wreck.
func TestInfosOfWhatHasMovedOn(t *testing.T) {
	f := newFixture(t)
	f.put(publish)
	gone := TaskRef{"publish", "publish:GONE:1"}
	for _, list := range []string{"pending", "active", "retry", "scheduled", "archived", "lease"} {
		infos, err := f.inspect.infos(t.Context(), list, []TaskRef{gone, Ref(publish)})
		want := 0
		if list == "pending" {
			want = 1
		}
		if err != nil || len(infos) != want {
			t.Errorf("infos of %s = %+v, %v, want %d", list, infos, err, want)
		}
	}
	f.take(publish)
	if infos, err := f.inspect.infos(t.Context(), "pending", []TaskRef{Ref(publish)}); err != nil || len(infos) != 0 {
		t.Errorf("infos of pending = %+v, %v, want nothing of an active task", infos, err)
	}
}

func TestListFails(t *testing.T) {
	f := newFixture(t)
	f.raw.Set(t.Context(), "asynq:{publish}:pending", "text", 0)
	var last error
	for _, err := range f.inspect.Tasks(t.Context()) {
		last = err
	}
	if want := "list tasks in redis " + f.redis.Addr + "/0: WRONGTYPE Operation against a key holding the wrong kind of value"; fmt.Sprint(last) != want {
		t.Errorf("Tasks = %v, want %s", last, want)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := f.inspect.Alive(ended, []TaskRef{Ref(publish)}); err == nil {
		t.Error("Alive = nil, want the context's error")
	}
}

func TestAlive(t *testing.T) {
	f := newFixture(t)
	var refs []TaskRef
	var want []bool
	for n, state := range []string{"pending", "active", "retry", "scheduled", "archived", "absent", "no record", "another type"} {
		task := tasks.Publish{Asset: asset, Build: n + 1}
		ref := Ref(task)
		refs = append(refs, ref)
		want = append(want, n < 4)
		if state == "absent" {
			continue
		}
		f.put(task)
		switch state {
		case "active":
			f.take(task)
		case "retry", "scheduled", "archived":
			f.raw.LRem(t.Context(), ref.prefix()+"pending", 0, ref.ID)
			f.raw.ZAdd(t.Context(), ref.prefix()+state, redis.Z{Score: 1, Member: ref.ID})
			f.raw.HSet(t.Context(), ref.key(), "state", state)
		case "no record":
			f.raw.HDel(t.Context(), ref.key(), "msg")
		case "another type":
			f.raw.Del(t.Context(), ref.key())
			f.raw.Set(t.Context(), ref.key(), "text", 0)
		}
	}
	for len(refs) < 2*page+1 { // over pages
		refs, want = append(refs, refs...), append(want, want...)
	}
	got, err := f.inspect.Alive(t.Context(), refs)
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("Alive = %v, %v, want %v", got[:8], err, want[:8])
	}
	if got, err := f.inspect.Alive(t.Context(), nil); err != nil || len(got) != 0 {
		t.Errorf("Alive(nil) = %v, %v", got, err)
	}
}

func TestClear(t *testing.T) {
	f := newFixture(t)
	ref := Ref(publish)
	for _, state := range []string{"", "pending"} {
		if state != "" {
			f.bring(state)
		}
		if did, err := f.inspect.Clear(t.Context(), ref); err != nil || did || f.state(publish) != state {
			t.Errorf("Clear of a task that is %q = %v, %v", state, did, err)
		}
	}
	stop := f.serve("publish", asynq.Config{}, fails(asynq.SkipRetry))
	f.untilState(publish, "archived")
	stop()
	if did, err := f.inspect.Clear(t.Context(), ref); err != nil || !did || f.state(publish) != "" || f.lengths("publish").Archived != 0 {
		t.Errorf("Clear = %v, %v, and the task is %q", did, err, f.state(publish))
	}
}
