package queue

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vodfleet/vodfleet/tasks"
)

// What Wake makes of a task in each state.
func TestWake(t *testing.T) {
	for _, tt := range []struct{ state, after string }{
		{"", "pending"},
		{"pending", "pending"},
		{"scheduled", "pending"},
		{"retry", "pending"},
		{"archived", "pending"},
		{"active", "active"},
	} {
		t.Run("from "+tt.state, func(t *testing.T) {
			f := newFixture(t)
			if tt.state != "" {
				f.bring(tt.state)
			}
			for range 2 {
				if err := f.client.Wake(t.Context(), publish); err != nil {
					t.Fatal(err)
				}
			}
			if got := f.state(publish); got != tt.after {
				t.Errorf("task is %q, want %s", got, tt.after)
			}
			if l := f.lengths("publish"); l.Outstanding() != 1 || l.Archived != 0 {
				t.Errorf("lengths are %+v, want one task", l)
			}
			woken := f.raw.ZCard(t.Context(), wokenKey).Val()
			if (woken == 1) != (tt.state == "active") {
				t.Errorf("%d tasks are noted as woken at work", woken)
			}
		})
	}
}

// Nudge makes a waiting task ready, and makes none.
func TestNudge(t *testing.T) {
	for state, after := range map[string]string{"": "", "pending": "pending", "scheduled": "pending", "retry": "pending", "archived": "archived", "active": "active"} {
		t.Run("from "+state, func(t *testing.T) {
			f := newFixture(t)
			if state != "" {
				f.bring(state)
			}
			for range 2 {
				if err := f.client.Nudge(t.Context(), Ref(publish)); err != nil {
					t.Fatal(err)
				}
			}
			if got := f.state(publish); got != after {
				t.Errorf("task is %q, want %q", got, after)
			}
		})
	}
}

// A task that is lost to Asynq, in no list of its state, is made ready.
func TestWakeMendsLostTasks(t *testing.T) {
	for _, state := range []string{"active", "retry", "scheduled"} {
		t.Run(state, func(t *testing.T) {
			f := newFixture(t)
			f.put(publish)
			ref := Ref(publish)
			f.raw.LRem(t.Context(), ref.prefix()+"pending", 0, ref.ID)
			f.raw.HSet(t.Context(), ref.key(), "state", state)
			if alive, err := f.inspect.Alive(t.Context(), []TaskRef{ref}); err != nil || alive[0] {
				t.Errorf("Alive = %v, %v, want false", alive, err)
			}
			if err := f.client.Enqueue(t.Context(), publish); err != nil || f.lengths("publish").Outstanding() != 0 {
				t.Errorf("Enqueue = %v: it mends the task now", err)
			}
			if err := f.client.Wake(t.Context(), publish); err != nil {
				t.Fatal(err)
			}
			if got, l := f.state(publish), f.lengths("publish"); got != "pending" || l.Pending != 1 {
				t.Errorf("task is %q, lengths are %+v, want it pending", got, l)
			}
		})
	}
}

// A wake that meets its task at work is kept until the run has ended: the run
// may have looked before what it is woken for was there.
func TestWakeAtWork(t *testing.T) {
	for _, tt := range []struct {
		name   string
		result error // of the run that is woken
		runs   int
	}{
		{"waits", NotYet(time.Hour), 2},
		{"failed", errPlain, 2},
		{"done", nil, 1},
		{"given up", Permanent(errPlain), 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := newFixture(t)
			s := f.server(nil, "publish")
			s.times.woken = 5 * time.Millisecond
			var c counter
			hold := make(chan struct{})
			Handle(s, func(context.Context, tasks.Publish) error {
				if c.enter(); c.runs() > 1 {
					return nil
				}
				<-hold
				return tt.result
			})
			f.run(s)
			f.enqueue(publish)
			f.until("it runs", func() bool { return c.runs() == 1 })
			if err := f.client.Wake(t.Context(), publish); err != nil {
				t.Fatal(err)
			}
			close(hold)
			f.until("it has ended", func() bool { return f.lengths("publish").Outstanding() == 0 })
			f.until("the wake is forgotten", func() bool { return f.raw.ZCard(t.Context(), wokenKey).Val() == 0 })
			if c.runs() != tt.runs {
				t.Errorf("%d runs, want %d", c.runs(), tt.runs)
			}
		})
	}
}

// A task that wakes itself is run again, as one that enqueues itself.
func TestWakeItself(t *testing.T) {
	f := newFixture(t)
	s := f.server(nil, "publish")
	Handle(s, func(ctx context.Context, p tasks.Publish) error { return f.client.Wake(ctx, p) })
	f.run(s)
	f.enqueue(publish)
	f.untilState(publish, "retry")
	if n := f.raw.ZCard(t.Context(), wokenKey).Val(); n != 0 {
		t.Errorf("%d tasks are noted as woken", n)
	}
}

// However wakes and runs fall together, a run begins after each wake.
func TestWakeIsNeverLost(t *testing.T) {
	f := newFixture(t)
	s := f.server(nil, "publish")
	s.times.woken = 2 * time.Millisecond
	var mu sync.Mutex
	wanted, seen := 0, 0
	Handle(s, func(context.Context, tasks.Publish) error {
		mu.Lock()
		seen = wanted
		mu.Unlock()
		return NotYet(time.Hour)
	})
	f.run(s)
	for n := 1; n <= 100; n++ {
		mu.Lock()
		wanted = n
		mu.Unlock()
		if err := f.client.Wake(t.Context(), publish); err != nil {
			t.Fatal(err)
		}
		if n%3 == 0 {
			f.until("the wake is seen", func() bool {
				mu.Lock()
				defer mu.Unlock()
				return seen == n
			})
		}
	}
	f.until("the last wake is seen", func() bool {
		mu.Lock()
		defer mu.Unlock()
		return seen == wanted
	})
}

func TestWakeRefuses(t *testing.T) {
	f := newFixture(t)
	if err := f.client.Wake(t.Context(), tasks.Publish{}); err == nil || !strings.HasPrefix(err.Error(), "wake: ") {
		t.Errorf("Wake = %v, want it to say what is wrong with the task", err)
	}
	ref := Ref(publish)
	f.raw.HSet(t.Context(), ref.key(), "odd", 1)
	if err := f.client.Wake(t.Context(), publish); err == nil || !strings.Contains(err.Error(), "its record cannot be read") {
		t.Errorf("Wake = %v, want it to say that the record cannot be read", err)
	}
	f.redis.Kill()
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if err := f.client.Wake(ctx, publish); err == nil || !strings.HasPrefix(err.Error(), "wake "+publish.ID()+": ") {
		t.Errorf("Wake = %v, want it to name the task", err)
	}
}

// Many more woken tasks at work than one look passes over hold none up.
func TestWokenInTurns(t *testing.T) {
	f := newFixture(t)
	for n := 1; n <= 2*maxWoken+10; n++ {
		p := tasks.Publish{Asset: asset, Build: n}
		f.put(p)
		f.take(p)
		if err := f.client.Wake(t.Context(), p); err != nil {
			t.Fatal(err)
		}
	}
	last := tasks.Publish{Asset: asset, Build: 999}
	if err := f.client.Wake(t.Context(), last); err != nil { // behind all others
		t.Fatal(err)
	}
	ref := Ref(last)
	f.raw.LRem(t.Context(), ref.prefix()+"active", 0, ref.ID)
	f.raw.ZRem(t.Context(), ref.prefix()+"lease", ref.ID)
	f.raw.ZAdd(t.Context(), ref.prefix()+"retry", redisZ(time.Now().Add(time.Hour), ref.ID))
	f.raw.HSet(t.Context(), ref.key(), "state", "retry")
	for n := 0; f.state(last) != "pending"; n++ {
		if n > 3 {
			t.Fatal("the last of the woken is never reached")
		}
		if err := startWoken(t.Context(), f.raw); err != nil {
			t.Fatal(err)
		}
	}
}

func TestPauseStage(t *testing.T) {
	f := newFixture(t)
	paused := func() (names []string) {
		all, err := f.inspect.Lengths(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range all {
			if l.Paused {
				names = append(names, l.Queue)
			}
		}
		return names
	}
	for range 2 {
		if err := f.inspect.Pause(t.Context(), tasks.KindTranscodeSubmit); err != nil {
			t.Fatal(err)
		}
		if got := paused(); !slices.Equal(got, []string{"transcode-submit", "bulk-transcode-submit"}) {
			t.Errorf("paused are %v, want both lanes", got)
		}
	}
	f.enqueue(submit)
	f.enqueue(publish)
	s := f.server(nil, tasks.QueueTranscodeSubmit, "publish")
	Handle(s, func(context.Context, tasks.TranscodeSubmit) error { return nil })
	Handle(s, func(context.Context, tasks.Publish) error { return nil })
	f.run(s)
	f.untilState(publish, "")
	if got := f.state(submit); got != "pending" {
		t.Errorf("task of a paused stage is %q, want pending", got)
	}
	for range 2 {
		if err := f.inspect.Resume(t.Context(), tasks.KindTranscodeSubmit); err != nil {
			t.Fatal(err)
		}
		if got := paused(); got != nil {
			t.Errorf("paused are %v, want none", got)
		}
	}
	f.untilState(submit, "")

	want := `pause stage "upload": want one of ingest, transcode-submit, transcode-poll, publish, invalidate-or-rename`
	if err := f.inspect.Pause(t.Context(), "upload"); fmt.Sprint(err) != want {
		t.Errorf("Pause = %v, want %s", err, want)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := f.inspect.Resume(ended, tasks.KindPublish); !errors.Is(err, context.Canceled) {
		t.Errorf("Resume = %v, want the context's error", err)
	}
}
