package invalidate

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vodfleet/vodfleet/internal/cloud"
	"github.com/vodfleet/vodfleet/internal/cloud/memcloud"
)

// One replacement alone goes on within a minute, beside what its invalidation
// takes.
func TestOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const takes = 90 * time.Second
		w := newWorld(t, memcloud.Options{Invalidation: takes})
		w.pass(7 * time.Second)
		began := time.Now()
		w.queue.await("a", 2)
		w.pass(4 * time.Minute)
		if took := w.live["a:2"].Sub(began); took < takes || took > takes+time.Minute {
			t.Errorf("live after %v, want within a minute beside %v", took, takes)
		}
		if got := fmt.Sprint(w.calls); got != "[2]" {
			t.Errorf("invalidations of %s paths, want [2]", got)
		}
		if got := fmt.Sprint(w.keys()); got != "[1.done 1.json]" {
			t.Errorf("the shelf has %s", got)
		}
	})
}

// What five thousand replaced assets cost, however they come.
func TestFiveThousand(t *testing.T) {
	for _, tt := range []struct {
		name  string
		each  time.Duration // between two switches
		takes time.Duration // an invalidation
	}{
		{"at once", 0, time.Minute},
		{"at once, with slow invalidations", 0, 90 * time.Second},
		{"a hundred a second", 10 * time.Millisecond, time.Minute},
		{"thirty a second", 33 * time.Millisecond, time.Minute},
		{"twelve a second", 83 * time.Millisecond, 90 * time.Second},
		{"five a second", 200 * time.Millisecond, 30 * time.Second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				const assets = 5000
				w := newWorld(t, memcloud.Options{Invalidation: tt.takes})
				switched, n := make(map[string]time.Time), 0
				for began := time.Now(); time.Since(began) < assets*tt.each+10*time.Minute; time.Sleep(turnEvery) {
					for ; n < assets && time.Since(began) >= time.Duration(n)*tt.each; n++ {
						a := fmt.Sprintf("asset%04d", n)
						w.queue.await(a, 2)
						switched[id(a, 2)] = time.Now()
					}
					w.turn()
				}
				var worst time.Duration
				for s, at := range switched {
					if w.live[s].IsZero() {
						t.Fatalf("%s is not live", s)
					}
					worst = max(worst, w.live[s].Sub(at))
				}
				t.Logf("%d calls of %v paths, %d in flight at most, live after %v at most", len(w.calls), w.calls, w.flying, worst)
				if len(w.calls) > 6 || w.flying > maxPaths || worst > 5*time.Minute+tt.takes {
					t.Errorf("want at most 6 calls, %d paths in flight, and %v", maxPaths, 5*time.Minute+tt.takes)
				}
			})
		})
	}
}

// A worker dies, or loses an answer, at each call of the store and of the
// service, and Redis is lost then, or is not. Nobody is lost, and nobody goes on
// before an invalidation that was asked for after it came is complete.
func TestCrashes(t *testing.T) {
	type harm struct {
		name        string
		after, lose bool
		leads       bool // the same worker goes on
	}
	for _, h := range []harm{
		{"dies before", false, false, false},
		{"dies after", true, false, false},
		{"dies after, and redis is lost", true, true, false},
		{"loses the answer", true, false, true},
		{"loses the answer and redis", true, true, true},
		{"is refused", false, false, true},
	} {
		t.Run(h.name, func(t *testing.T) {
			for n := 1; ; n++ {
				whole := false
				synctest.Test(t, func(t *testing.T) { whole = crash(t, n, h.after, h.lose, h.leads) })
				if whole || t.Failed() {
					if n < 8 {
						t.Errorf("%d calls in all", n)
					}
					return
				}
			}
		})
	}
}

func crash(t *testing.T, n int, after, lose, leads bool) (whole bool) {
	w := newWorld(t, memcloud.Options{Invalidation: 40 * time.Second})
	calls := 0
	hook := func(string, string) error {
		if calls++; calls == n {
			return cloud.ErrUnavailable
		}
		return nil
	}
	hooks := memcloud.Hooks{Before: hook}
	if after {
		hooks = memcloud.Hooks{After: hook}
	}
	w.mem.SetHooks(hooks)
	type mark struct{ invalidations int }
	came := map[string]mark{}
	park := func(asset string, seq int) {
		if _, ok := came[id(asset, seq)]; !ok {
			came[id(asset, seq)] = mark{len(w.mem.CDN.Invalidations(distribution))}
		}
		if w.queue.await(asset, seq) && w.live[id(asset, seq)].IsZero() {
			w.live[id(asset, seq)] = time.Now()
		}
	}
	checked := map[string]bool{}
	check := func() {
		for s := range w.live {
			if checked[s] {
				continue
			}
			checked[s] = true
			asset, _, _ := strings.Cut(s, ":")
			if !slices.ContainsFunc(w.mem.CDN.Invalidations(distribution)[came[s].invalidations:], func(i memcloud.Invalidation) bool {
				return i.Done && slices.Contains(i.Paths, "/watch/"+asset+"/master.m3u8")
			}) {
				t.Errorf("%s is live too early, with call %d harmed", s, n)
			}
		}
	}
	want := []string{"a:2", "b:2", "a:3", "a:4", "c:7"}
	harmed := false
	for s := 0; s < 30*60; s += 2 {
		switch {
		case s < 30 || s%120 == 0: // tasks come again
			park("a", min(2+s/30, 4))
			park("b", 2)
			fallthrough
		case s == 30, s == 60:
			park("a", min(2+s/30, 4))
		}
		if s >= 80 && s%60 == 20 {
			park("c", 7)
		}
		if err := w.Turn(t.Context()); err != nil && (n == 0 || calls < n) {
			t.Fatal(err)
		}
		if calls >= n && !harmed {
			harmed = true
			if lose {
				w.queue.lose()
			}
			if !leads {
				w.start()
			}
		}
		check()
		time.Sleep(turnEvery)
	}
	for _, s := range want {
		if w.live[s].IsZero() && (s == "a:4" || s == "b:2" || s == "c:7") {
			t.Errorf("%s is lost, with call %d harmed", s, n)
		}
	}
	if w.flying > maxPaths || len(w.calls) > 9 {
		t.Errorf("%d calls, %d paths in flight, with call %d harmed", len(w.calls), w.flying, n)
	}
	return !harmed
}

// Two workers that both take themselves for the lease's holder make one
// sequence of batches, and no switch costs twice.
func TestTwoHolders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, memcloud.Options{})
		w.turn()
		first := w.Batcher
		w.start()
		w.turn()
		w.queue.await("a", 2)
		time.Sleep(collect)
		w.turn() // the second makes a batch
		w.queue.lose()
		w.queue.await("a", 2)
		w.queue.await("b", 2)
		time.Sleep(collect)
		w.queue.holder = "worker 1"
		first.held = time.Now() // and did not notice that it had lost it
		if err := first.Turn(t.Context()); err == nil {
			t.Error("the first wrote over the second's batch")
		}
		for range 60 {
			w.queue.holder = "worker 1"
			if err := first.Turn(t.Context()); err != nil {
				t.Fatal(err)
			}
			time.Sleep(turnEvery)
		}
		if got := fmt.Sprint(w.calls); got != "[2 2 2]" && got != "[2 2]" { // a repeat by reference counts as a call here
			t.Errorf("calls of %s paths", got)
		}
		if n := len(w.mem.CDN.Invalidations(distribution)); n != 2 {
			t.Errorf("%d invalidations, want one for each asset", n)
		}
		if w.live["a:2"].IsZero() || w.live["b:2"].IsZero() {
			t.Errorf("live: %v", w.live)
		}
	})
}

// What the service does not take is asked for again, ever more seldom; what it
// will never take is given up and split.
func TestRefusals(t *testing.T) {
	for _, tt := range []struct {
		name  string
		err   error
		times int
		calls int // tries, at most
	}{
		{"throttled", cloud.ErrThrottled, 5, 6},
		{"unavailable in a row", cloud.ErrUnavailable, 6, 7},
		{"others of the account have all in progress", cloud.ErrQuota, 5, 6},
		{"denied", cloud.ErrDenied, 3, 4},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, memcloud.Options{})
				tries := 0
				w.mem.SetHooks(memcloud.Hooks{Before: func(op, _ string) error {
					if op == "CDN.Invalidate" {
						if tries++; tries <= tt.times {
							return tt.err
						}
					}
					return nil
				}})
				w.queue.await("a", 2)
				for range 600 {
					if err := w.Turn(t.Context()); err != nil && tries > tt.times {
						t.Fatal(err)
					}
					time.Sleep(turnEvery)
				}
				if w.live["a:2"].IsZero() || tries != tt.calls {
					t.Errorf("%d tries, live %v, want %d and live", tries, w.live["a:2"], tt.calls)
				}
				if got := fmt.Sprint(w.keys()); got != "[1.done 1.json]" {
					t.Errorf("the shelf has %s", got)
				}
			})
		})
	}
}

func TestPoisonPath(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, memcloud.Options{})
		poisoned := func(dist string, paths []string) error {
			if slices.ContainsFunc(paths, func(p string) bool { return strings.Contains(p, "poison") }) {
				return &cloud.Error{Op: "CreateInvalidation", Object: dist, Kind: cloud.ErrInvalid}
			}
			return nil
		}
		w.CDN = refusing{cdn{w.mem.CDN, w}, poisoned}
		w.queue.await("poison", 2)
		for i := range 7 {
			w.queue.await(fmt.Sprint("a", i), 2)
		}
		w.queue.await("b", 1, "no path at all")
		for range 3600 * 2 {
			w.turn()
			time.Sleep(turnEvery)
			for i := range 7 {
				w.queue.await(fmt.Sprint("a", i), 2)
			}
			w.queue.await("poison", 2)
		}
		for i := range 7 {
			if w.live[fmt.Sprintf("a%d:2", i)].IsZero() {
				t.Errorf("a%d waits behind the poison for ever", i)
			}
		}
		if !w.live["poison:2"].IsZero() || !w.live["b:1"].IsZero() {
			t.Error("what was never invalidated is live")
		}
	})
}

// refusing answers some calls with an error.
type refusing struct {
	cdn
	refuse func(dist string, paths []string) error
}

func (r refusing) Invalidate(ctx context.Context, dist, reference string, paths []string) (cloud.Invalidation, error) {
	if err := r.refuse(dist, paths); err != nil {
		return cloud.Invalidation{}, err
	}
	return r.cdn.Invalidate(ctx, dist, reference, paths)
}

func (r refusing) Invalidation(ctx context.Context, dist, id string) (cloud.Invalidation, error) {
	if err := r.refuse(dist, nil); err != nil {
		return cloud.Invalidation{}, err
	}
	return r.cdn.Invalidation(ctx, dist, id)
}

// A distribution that was replaced by another in the settings is no reason to
// wait for its old batches.
func TestOtherDistribution(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, memcloud.Options{})
		w.Distribution = "EGONE"
		w.queue.await("a", 2)
		time.Sleep(collect)
		if err := w.Turn(t.Context()); err == nil || !strings.Contains(err.Error(), "distribution EGONE") {
			t.Errorf("Turn = %v, want that the distribution is not found", err)
		}
		w.start()
		w.Distribution = distribution
		for range 1000 {
			w.queue.await("a", 2)
			w.turn()
			time.Sleep(turnEvery)
		}
		if w.live["a:2"].IsZero() {
			t.Error("it waits for a distribution that is gone")
		}
	})
}

// A batch that is under way for a distribution that the fleet has left holds
// back nobody, whatever is answered of it. Where it may not be asked for any
// more, its assets come again.
func TestLeftDistribution(t *testing.T) {
	for _, tt := range []struct {
		name  string
		err   *cloud.Error
		again bool // its assets go on by another batch
	}{
		{"denied", &cloud.Error{Kind: cloud.ErrDenied, Code: "AccessDenied"}, true},
		{"gone", &cloud.Error{Kind: cloud.ErrNotFound}, true},
		{"unavailable", &cloud.Error{Kind: cloud.ErrUnavailable}, false},
		{"asked for with bad credentials", &cloud.Error{Kind: cloud.ErrDenied, Code: "ExpiredToken"}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				const left = "E0"
				w := newWorld(t, memcloud.Options{Invalidation: time.Minute})
				w.mem.CDN.AddDistribution(cloud.Distribution{ID: left, Enabled: true})
				w.Distribution = left
				w.queue.await("a", 2)
				w.pass(collect + turnEvery)
				w.start()
				w.Distribution = distribution
				w.CDN = refusing{w.CDN.(cdn), func(dist string, _ []string) error {
					if dist == left {
						return tt.err
					}
					return nil
				}}
				began := time.Now()
				w.queue.await("b", 2)
				for time.Since(began) < time.Hour {
					_ = w.Turn(t.Context()) // it may say that the other one does not answer
					time.Sleep(turnEvery)
					w.queue.await("a", 2)
				}
				if took := w.live["b:2"].Sub(began); took < 0 || took > 2*time.Minute {
					t.Errorf("b is live after %v, want within a minute beside its invalidation's", took)
				}
				if got := !w.live["a:2"].IsZero(); got != tt.again {
					t.Errorf("a is live: %t, want %t", got, tt.again)
				}
				if w.most != 0 {
					t.Errorf("batches of %d are made", w.most)
				}
			})
		})
	}
}

// Old batches go; the last one stays, with the count of the month.
func TestPrune(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, memcloud.Options{})
		for i := range 3 {
			w.queue.await(fmt.Sprint("a", i), 2)
			w.pass(2 * time.Minute)
		}
		if got := len(w.keys()); got != 6 {
			t.Fatalf("the shelf has %v", w.keys())
		}
		time.Sleep(kept)
		w.turn()
		if got := fmt.Sprint(w.keys()); got != "[3.done 3.json]" {
			t.Errorf("the shelf has %s, want the last batch", got)
		}
		w.start()
		w.queue.await("b", 2)
		w.pass(2 * time.Minute)
		if got := fmt.Sprint(w.keys()); got != "[3.done 3.json 4.done 4.json]" {
			t.Errorf("the shelf has %s", got)
		}
		if got := w.used(w.Store.Now()); got != 8 {
			t.Errorf("the month has cost %d paths, want 8", got)
		}
	})
}
