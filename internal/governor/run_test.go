package governor

import (
	"context"
	"errors"
	"net"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
	"github.com/vodfleet/vodfleet/internal/cloud"
)

// clockHook sets the clock of a Redis in memory to the bubble's before each
// command.
type clockHook struct{ m *miniredis.Miniredis }

func (h clockHook) DialHook(next redis.DialHook) redis.DialHook {
	return func(ctx context.Context, network, addr string) (net.Conn, error) { return next(ctx, network, addr) }
}

func (h clockHook) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		h.m.SetTime(time.Now())
		return next(ctx, cmd)
	}
}

func (h clockHook) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		h.m.SetTime(time.Now())
		return next(ctx, cmds)
	}
}

// bubbled is the board of a governor whose Redis goes by the bubble's clock.
// The server's goroutines are outside, or no time would pass.
func bubbled(t *testing.T, m *miniredis.Miniredis) *board {
	rdb := redis.NewClient(&redis.Options{Addr: m.Addr(), MaxRetries: -1})
	rdb.AddHook(clockHook{m})
	t.Cleanup(func() { _ = rdb.Close() })
	g := New(rdb, Options{Fleet: "f1"})
	b := &board{fixture: &fixture{g, t, m, time.Now()}, list: &jobList{jobs: make(map[string]cloud.Job)}}
	b.Sweeper = newSweeper(b)
	if err := g.SetEpoch(t.Context(), "e1"); err != nil {
		t.Fatal(err)
	}
	return b
}

// TestRun shows two workers' sweepers: one is at work; when it ends, the other
// goes on; the lists are read as often as there is something to see.
func TestRun(t *testing.T) {
	m := miniredis.RunT(t)
	synctest.Test(t, func(t *testing.T) {
		b := bubbled(t, m)
		other := *b
		second := New(b.rdb, Options{Fleet: "f1"})
		otherList := &jobList{jobs: make(map[string]cloud.Job)}
		other.Sweeper = newSweeper(&other) // notes for itself
		other.Sweeper.Governor, other.Sweeper.Jobs = second, otherList

		first, stopFirst := context.WithCancel(t.Context())
		ended := make(chan error, 2)
		go func() { ended <- b.Run(first) }()
		time.Sleep(100 * time.Millisecond)
		rest, stopRest := context.WithCancel(t.Context())
		go func() { ended <- other.Sweeper.Run(rest) }()

		time.Sleep(10 * time.Second)
		if n := b.list.reads(); n != 2 {
			t.Errorf("%d reads of empty lists in 10 s, want one of each", n)
		}
		b.watch("j1", "a")
		time.Sleep(40 * time.Second)
		if n := b.list.reads(); n < 18 || n > 22 { // each four seconds
			t.Errorf("%d reads in 40 s while a job is watched", n)
		}
		if n := otherList.reads(); n != 0 {
			t.Errorf("the other read %d times", n)
		}
		stopFirst()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("Run = %v", err)
		}
		if got := slices.Compact(slices.Clone(b.did)); strings.Join(got, ", ") != "poll a 1" {
			t.Errorf("did %q", got)
		}
		time.Sleep(6 * time.Second) // the lease was dropped
		if n := otherList.reads(); n < 2 {
			t.Errorf("the other read %d times after the first had ended", n)
		}

		otherList.fail(errors.New("denied"))
		otherList.reads()
		time.Sleep(5 * time.Minute)
		if n := otherList.reads(); n < 9 || n > 20 {
			t.Errorf("%d reads in 5 minutes while they are denied, want one each half minute", n)
		}
		otherList.fail(nil)
		time.Sleep(time.Minute)
		if n := otherList.reads(); n < 10 {
			t.Errorf("%d reads in a minute after they were denied", n)
		}
		stopRest()
		<-ended
	})
}
