package invalidate

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vodfleet/vodfleet/internal/cloud"
	"github.com/vodfleet/vodfleet/internal/cloud/memcloud"
	"github.com/vodfleet/vodfleet/internal/governor"
)

// remove has n more assets removed.
func (w *world) remove(from, n int) {
	for i := range n {
		a := fmt.Sprintf("r%04d", from+i)
		w.queue.await(a, 2, "/watch/"+a+"/master.m3u8", "/watch/"+a+"/manifest.mpd", "/watch/"+a+"/playback.json", "/media/"+a+"/*")
	}
}

// Removals, of which few can be in progress, keep no replacement waiting, and go
// on all the while.
func TestRemovalsAndReplacements(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const takes = time.Minute
		w := newWorld(t, memcloud.Options{Invalidation: takes})
		w.remove(0, 3200)
		time.Sleep(time.Second)
		began := time.Now()
		w.queue.await("a", 2)
		w.pass(5 * time.Minute)
		if took := w.live["a:2"].Sub(began); took < takes || took > takes+time.Minute {
			t.Errorf("a replacement is live after %v, want within a minute beside %v", took, takes)
		}
		if n := len(w.live) - 1; n < 4*maxWildcards {
			t.Errorf("%d removals are through after five minutes, want %d a minute", n, maxWildcards)
		}
		for i, paths := range w.calls {
			if paths != 4*maxWildcards && paths != 2 {
				t.Errorf("invalidation %d is of %d paths", i, paths)
			}
		}
	})
}

// Removals go before a crowd of replacements that came earlier and has filled
// what may be in progress.
func TestRemovalAmongReplacements(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const takes = time.Minute
		w := newWorld(t, memcloud.Options{Invalidation: takes})
		for i := range 5000 {
			w.queue.await(fmt.Sprintf("a%04d", i), 2)
		}
		w.pass(10 * time.Second)
		began := time.Now()
		w.remove(0, 1)
		w.pass(5 * time.Minute)
		if took := w.live["r0000:2"].Sub(began); took < takes || took > 2*takes+time.Minute {
			t.Errorf("a removal is live after %v, want it in the next batch of %v", took, takes)
		}
	})
}

// Where others of the account have all wildcards in progress, replacements go on;
// where they have all paths, removals do.
func TestOnlyOneKindHasRoom(t *testing.T) {
	for _, wild := range []bool{true, false} {
		t.Run(fmt.Sprintf("no wildcards %t", wild), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				const takes = time.Minute
				w := newWorld(t, memcloud.Options{Invalidation: takes})
				free := false
				w.CDN = refusing{w.CDN.(cdn), func(_ string, paths []string) error {
					if paths != nil && !free && slices.ContainsFunc(paths, func(p string) bool { return strings.HasSuffix(p, "*") }) == wild {
						return &cloud.Error{Kind: cloud.ErrQuota, Code: "TooManyInvalidationsInProgress"}
					}
					return nil
				}}
				w.remove(0, 1)
				w.replace(0, 1)
				held, goes := "r0000:2", "a000:2"
				if !wild {
					held, goes = goes, held
				}
				began := time.Now()
				for time.Since(began) < 10*time.Minute {
					_ = w.Turn(t.Context()) // it says that there is no room
					time.Sleep(turnEvery)
				}
				if took := w.live[goes].Sub(began); took < takes || took > takes+time.Minute || !w.live[held].IsZero() {
					t.Errorf("%s is live after %v, and %s: %v", goes, took, held, w.live[held])
				}
				free = true
				w.pass(5 * time.Minute)
				if w.live[held].IsZero() {
					t.Errorf("%s is not live once there is room", held)
				}
			})
		})
	}
}

// The budget of replacements, used up, holds no removal; a hand does.
func TestRemovalsBeyondTheBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, memcloud.Options{})
		w.Budget = 10
		w.replace(0, 7)
		w.pass(3 * time.Minute)
		w.wantLive("with the budget used up", 5)
		w.wantGate("with the budget used up", "10 of the 10 paths")
		w.remove(0, 3)
		w.pass(3 * time.Minute)
		w.wantLive("with removals", 5+3)
		w.wantGate("with removals", "10 of the 10 paths")
		if got := w.used(w.Store.Now()); got != 10+3*4 {
			t.Errorf("the month has cost %d paths, want 22", got)
		}
		w.queue.gate = &governor.Gate{Scope: governor.ScopeInvalidations, Reason: "deployment", By: "an operator"}
		w.remove(3, 1)
		w.pass(3 * time.Minute)
		w.wantLive("while it is closed by hand", 8)
	})
}
