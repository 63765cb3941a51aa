package governor

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/vodfleet/vodfleet/internal/cloud"
	"pgregory.net/rapid"
)

// TestAdmitShared has many workers admit and release at once, on a real Redis.
func TestAdmitShared(t *testing.T) {
	const inFlight, reserve, workers, builds = 20, 4, 16, 60
	g := newReal(t, Options{InFlight: inFlight, Reserve: reserve, Rates: plenty})
	var all, bulk, most, mostBulk, admitted atomic.Int64
	raise := func(to *atomic.Int64, n int64) {
		for {
			was := to.Load()
			if n <= was || to.CompareAndSwap(was, n) {
				return
			}
		}
	}
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			lane := []string{"live", "bulk", "bulk"}[w%3]
			var held []int
			release := func(b int) {
				all.Add(-1) // before: the room is another's at once
				if lane == "bulk" {
					bulk.Add(-1)
				}
				for range 2 {
					if err := g.Release(t.Context(), fmt.Sprint("a", w), b); err != nil {
						t.Error(err)
					}
				}
			}
			for b := range builds {
				wait, err := g.Admit(t.Context(), lane, "p1", fmt.Sprint("a", w), b)
				switch {
				case err != nil:
					t.Error(err)
				case wait == 0:
					admitted.Add(1)
					raise(&most, all.Add(1))
					if lane == "bulk" {
						raise(&mostBulk, bulk.Add(1))
					}
					held = append(held, b)
				default: // gives its place up, and a room
					if len(held) > 0 {
						release(held[0])
						held = held[1:]
					}
					if err := g.Release(t.Context(), fmt.Sprint("a", w), b); err != nil {
						t.Error(err)
					}
				}
				if len(held) > 2 {
					release(held[0])
					held = held[1:]
				}
			}
			for _, b := range held {
				release(b)
			}
		})
	}
	wg.Wait()
	if most.Load() > inFlight || mostBulk.Load() > inFlight-reserve {
		t.Errorf("%d in flight, %d of bulk; want at most %d and %d", most.Load(), mostBulk.Load(), inFlight, inFlight-reserve)
	}
	if admitted.Load() < workers*builds/4 {
		t.Errorf("only %d were admitted", admitted.Load())
	}
	for _, key := range []string{keyLiveRoom, keyBulkRoom, keyLiveLine, keyBulkLine, keyDue} {
		if n, err := g.rdb.ZCard(t.Context(), key).Result(); n != 0 || err != nil {
			t.Errorf("%s has %d left, %v", key, n, err)
		}
	}
}

// TestTokensShared has many workers take tokens at once, and counts.
func TestTokensShared(t *testing.T) {
	g := newReal(t, Options{Rates: map[string]Rate{GetJob: {PerSecond: 100, Burst: 50}}})
	began := time.Now()
	var taken atomic.Int64
	var wg sync.WaitGroup
	for w := range 8 {
		wg.Go(func() {
			for i := range 100 {
				wait, err := g.take(t.Context(), GetJob, "x", fmt.Sprint(w, "/", i%3), false, false)
				if err != nil {
					t.Error(err)
				}
				if wait == 0 {
					taken.Add(1)
				}
			}
		})
	}
	wg.Wait()
	if most := int64(5 + 90*time.Since(began).Seconds()); taken.Load() > most || taken.Load() < 4 {
		t.Errorf("%d tokens, want 4 to %d", taken.Load(), most)
	}
}

// TestRealRedis has every script run on a real Redis, whose Lua is another than
// that of the tests' Redis in memory.
func TestRealRedis(t *testing.T) {
	g := newReal(t, Options{Fleet: "f1", PerDay: 100})
	f := &fixture{Governor: g, t: t, now: time.Now()}
	list := &jobList{jobs: make(map[string]cloud.Job)}
	b := &board{fixture: f, list: list}
	b.Sweeper = newSweeper(b)
	if got := f.admit("live", "a"); got != 0 {
		t.Errorf("waits %v", got)
	}
	if err := g.Shut(t.Context(), "account", "x", time.Hour); err != nil {
		t.Fatal(err)
	}
	if got := f.admit("bulk", "b"); got < 59*time.Minute {
		t.Errorf("waits %v behind a gate", got)
	}
	if err := g.Succeeded(t.Context(), "p1", "a", 1); err != nil {
		t.Error(err)
	}
	if was, err := g.Open(t.Context(), "account"); !was || err != nil {
		t.Errorf("Open = %v, %v", was, err)
	}
	if n, err := b.Call(t.Context()); n != 1 || err != nil {
		t.Errorf("Call = %d, %v", n, err)
	}
	b.watch("j1", "a")
	list.put("j1", "a", cloud.JobProgressing)
	b.swept()
	if got := b.look("j1"); got != "40% again in 5m0s" {
		t.Errorf("look %q", got)
	}
	if got := b.hears(event("1", "j1", "a", cloud.JobComplete)); got != "poll a 1; done 1" {
		t.Errorf("hears %q", got)
	}
	if got := b.look("j1"); got != "ask" {
		t.Errorf("look %q", got)
	}
	if err := g.Forget(t.Context(), "j1"); err != nil {
		t.Error(err)
	}
	if got, err := g.Hold(t.Context(), "x", time.Minute); !got || err != nil {
		t.Errorf("Hold = %v, %v", got, err)
	}
	if err := g.Drop(t.Context(), "x"); err != nil {
		t.Error(err)
	}
	limited := g.Limit(&service{err: &cloud.Error{Kind: cloud.ErrThrottled}})
	if _, err := limited.Job(t.Context(), "j1"); told(err) != "throttled, after 1.112s" {
		t.Errorf("Job: %s", told(err))
	}
	keys, err := g.rdb.Keys(t.Context(), "*").Result()
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range keys {
		ttl, err := g.rdb.TTL(t.Context(), key).Result()
		if err != nil || ttl < 0 && key != keyEpoch && key != keyGates || ttl > 7*24*time.Hour {
			t.Errorf("%s is kept for %v, %v", key, ttl, err)
		}
	}
}

// TestAdmitInvariants tries histories of one clock: room and tokens are never
// given twice, and who stands first is never refused what there is.
func TestAdmitInvariants(t *testing.T) {
	type build struct{ lane, asset string }
	rapid.Check(t, func(rt *rapid.T) {
		const rate, share = 2.0, 20 // tokens a second; burst
		opt := Options{
			InFlight: rapid.IntRange(1, 6).Draw(rt, "in flight"), Reserve: rapid.IntRange(1, 2).Draw(rt, "reserve"),
			Rates: map[string]Rate{CreateJob: {PerSecond: rate, Burst: share}},
		}
		f := newFixture(t, opt)
		held := make(map[string]string) // asset to lane
		var builds []build
		for i := range 8 {
			builds = append(builds, build{[]string{"live", "bulk"}[i%2], fmt.Sprint("a", i)})
		}
		// What nine tenths of the quota give, and no more, over any time from an
		// admission on.
		var admissions []time.Time
		wants := make(map[string]time.Time) // when whoever waits was told to come
		rt.Repeat(map[string]func(*rapid.T){
			"admit": func(rt *rapid.T) {
				b := rapid.SampledFrom(builds).Draw(rt, "build")
				wait := f.admit(b.lane, b.asset)
				if wait != 0 {
					if wait < time.Second || wait > 6*time.Hour {
						rt.Fatalf("%s waits %v", b.asset, wait)
					}
					if held[b.asset] == "" {
						wants[b.asset] = f.now.Add(wait)
					}
					return
				}
				admissions = append(admissions, f.now)
				for i, from := range admissions {
					if n, most := len(admissions)-i, 0.9*(share+rate*f.now.Sub(from).Seconds()); float64(n) > most+0.001 {
						rt.Fatalf("%d tokens in %v, want at most %.1f", n, f.now.Sub(from), most)
					}
				}
				delete(wants, b.asset)
				held[b.asset] = b.lane
				bulk := 0
				for _, lane := range held {
					if lane == "bulk" {
						bulk++
					}
				}
				if len(held) > opt.InFlight || bulk > opt.InFlight-min(opt.Reserve, opt.InFlight) {
					rt.Fatalf("in flight: %v", held)
				}
			},
			"release": func(rt *rapid.T) {
				b := rapid.SampledFrom(builds).Draw(rt, "build")
				f.release(b.asset)
				delete(held, b.asset)
				delete(wants, b.asset)
			},
			"pass": func(rt *rapid.T) {
				f.pass(time.Duration(rapid.IntRange(1, 5000).Draw(rt, "ms")) * time.Millisecond)
			},
			"first in line": func(rt *rapid.T) {
				// Whoever comes when all others have given up gets what there is.
				f.pass(7 * time.Hour)
				clear(wants)
				if len(held) < opt.InFlight {
					if wait := f.admit("live", "z"); wait != 0 {
						rt.Fatalf("nobody waits, %d of %d in flight, and z waits %v", len(held), opt.InFlight, wait)
					}
					admissions = nil
					f.release("z")
				}
			},
		})
	})
}

// BenchmarkAdmit admits and releases on a real Redis, from 16 goroutines.
func BenchmarkAdmit(b *testing.B) {
	g := newReal(b, Options{InFlight: 1000, Rates: map[string]Rate{CreateJob: {PerSecond: 1e9, Burst: 1e9}}})
	var n atomic.Int64
	b.SetParallelism(8)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			asset := fmt.Sprint("a", n.Add(1))
			if _, err := g.Admit(b.Context(), "bulk", "p1", asset, 1); err != nil {
				b.Fatal(err)
			}
			if err := g.Release(b.Context(), asset, 1); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "admits/s")
}
