package invalidate

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vodfleet/vodfleet/internal/cloud/memcloud"
	"github.com/vodfleet/vodfleet/internal/governor"
)

// replace has n more assets replaced.
func (w *world) replace(from, n int) {
	for i := range n {
		w.queue.await(fmt.Sprintf("a%03d", from+i), 2)
	}
}

func (w *world) wantLive(when string, n int) {
	w.t.Helper()
	if len(w.live) != n {
		w.t.Errorf("%s %d assets are live, want %d", when, len(w.live), n)
	}
}

func (w *world) wantGate(when, reason string) {
	w.t.Helper()
	g := w.queue.gate
	switch {
	case reason == "" && g != nil:
		w.t.Errorf("%s the gate is closed: %s", when, g.Reason)
	case reason != "" && (g == nil || g.By != byBudget || g.Scope != governor.ScopeInvalidations || !strings.Contains(g.Reason, reason)):
		w.t.Errorf("%s the gate is %+v, want one of the budget that says %q", when, g, reason)
	}
}

// The budget of a month holds back what it does not allow until an operator
// opens the gate, or the month ends. Nothing is lost, whatever Redis loses.
func TestBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // the bubble begins in January 2000
		w := newWorld(t, memcloud.Options{})
		w.Budget = 10
		w.replace(0, 3)
		w.pass(2 * time.Minute)
		w.wantLive("within the budget", 3)
		w.wantGate("within the budget", "")

		w.replace(3, 4)
		w.pass(3 * time.Minute)
		w.wantLive("with the budget used up", 5)
		w.wantGate("with the budget used up", "10 of the 10 paths that may be invalidated in 2000-01 are used, and 2 assets wait: open this gate to allow 10 more")

		w.queue.gate = nil // an operator opens it
		w.pass(2 * time.Minute)
		w.wantLive("with the budget allowed once more", 7)
		w.wantGate("with the budget allowed once more", "")

		w.replace(10, 5)
		w.start() // another worker, and what was allowed is in S3
		w.pass(3 * time.Minute)
		w.wantLive("with that used up too", 10)
		w.wantGate("with that used up too", "20 of the 20 paths")

		w.queue.lose() // nobody has opened anything
		w.start()
		w.replace(13, 2)
		w.pass(3 * time.Minute)
		w.wantLive("after a loss of Redis", 10)
		w.wantGate("after a loss of Redis", "20 of the 20 paths")

		w.Budget = 24 // and 10 that were allowed
		w.pass(2 * time.Minute)
		w.wantLive("with a larger budget", 12)
		w.wantGate("with a larger budget", "")

		w.Budget = 10
		w.replace(20, 1)
		w.pass(2 * time.Minute)
		w.wantGate("with a smaller one", "24 of the 20 paths")
		time.Sleep(31 * 24 * time.Hour)
		w.pass(2 * time.Minute)
		w.wantLive("in the next month", 13)
		w.wantGate("in the next month", "")
		if got := w.used(w.Store.Now()); got != 2 {
			t.Errorf("the next month has cost %d paths, want 2", got)
		}
	})
}

// A gate that somebody closed by hand holds new batches back, and nothing opens
// it but a hand or its time.
func TestClosedByHand(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, memcloud.Options{Invalidation: time.Minute})
		w.Budget = 100
		w.replace(0, 1)
		w.pass(30 * time.Second) // it is under way
		w.queue.gate = &governor.Gate{Scope: governor.ScopeInvalidations, Reason: "deployment", By: "an operator"}
		w.replace(1, 1)
		w.pass(10 * time.Minute)
		w.wantLive("while it is closed", 1)
		w.queue.gate.Until = time.Now().Add(time.Minute)
		w.pass(30 * time.Second)
		w.wantLive("before its time is over", 1)
		w.pass(3 * time.Minute)
		w.wantLive("once its time is over", 2)
	})
}

// A worker that dies between closing the gate and noting what it asks for does
// not take the next opening for anything else.
func TestGateClosedAndNotNoted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, memcloud.Options{})
		w.Budget = 2
		w.replace(0, 2)
		w.pass(2 * time.Minute)
		w.queue.asked = ""
		w.start()
		w.pass(time.Minute)
		w.queue.gate = nil
		w.pass(2 * time.Minute)
		w.wantLive("after it was opened", 2)
	})
}
