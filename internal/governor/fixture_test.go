package governor

import (
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
	"github.com/vodfleet/vodfleet/internal/queue/redistest"
)

// start is where the tests' clock begins: half past nine in the evening.
var start = time.Date(2026, 3, 1, 21, 30, 0, 0, time.UTC)

// fixture is a governor over a Redis in memory whose clock the test drives.
type fixture struct {
	*Governor
	t     testing.TB
	redis *miniredis.Miniredis
	now   time.Time
}

func newFixture(t testing.TB, opt Options) *fixture {
	t.Helper()
	m := miniredis.RunT(t)
	rdb := redis.NewClient(&redis.Options{Addr: m.Addr(), MaxRetries: -1})
	t.Cleanup(func() { _ = rdb.Close() })
	if opt.Fleet == "" {
		opt.Fleet = "f1"
	}
	f := &fixture{New(rdb, opt), t, m, start}
	m.SetTime(f.now)
	if err := f.SetEpoch(t.Context(), "e1"); err != nil {
		t.Fatal(err)
	}
	return f
}

// pass lets d go by.
func (f *fixture) pass(d time.Duration) {
	f.now = f.now.Add(d)
	f.redis.SetTime(f.now)
}

// admit admits build 1 of an asset, and fails the test on an error.
func (f *fixture) admit(lane, asset string) time.Duration {
	f.t.Helper()
	wait, err := f.Admit(f.t.Context(), lane, "p1", asset, 1)
	if err != nil {
		f.t.Fatal(err)
	}
	return wait
}

func (f *fixture) release(asset string) {
	f.t.Helper()
	if err := f.Release(f.t.Context(), asset, 1); err != nil {
		f.t.Fatal(err)
	}
}

// newReal is a governor over a real Redis, on the real clock.
func newReal(t testing.TB, opt Options) *Governor {
	t.Helper()
	server := redistest.Start(t)
	rdb := redis.NewClient(&redis.Options{Addr: server.Addr, PoolSize: 64})
	t.Cleanup(func() { _ = rdb.Close() })
	g := New(rdb, opt)
	if err := g.SetEpoch(t.Context(), "e1"); err != nil {
		t.Fatal(err)
	}
	return g
}
