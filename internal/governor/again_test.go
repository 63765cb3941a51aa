package governor

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/vodfleet/vodfleet/internal/cloud"
)

// A poll that was woken and still watches, such as one that fails, is woken
// again ever later, not by each sweep.
func TestSweepWakesEverLater(t *testing.T) {
	b := newBoard(t, Options{})
	b.list.put("j1", "a", cloud.JobProgressing)
	b.watch("j1", "a")
	b.swept()
	delete(b.list.jobs, "j1")
	var at []int // seconds after the first sweep that misses it
	for s := 0; s <= 3600; s += 10 {
		b.pass(10 * time.Second)
		if b.swept() == "poll a 1" {
			at = append(at, s)
		}
	}
	if want := []int{0, 30, 60, 120, 240, 480, 960, 1860, 2760}; !slices.Equal(at, want) {
		t.Errorf("woken after %v seconds, want %v", at, want)
	}

	// Who is seen running again, and ends again, is woken at once.
	b.list.put("j1", "a", cloud.JobProgressing)
	b.pass(10 * time.Second)
	b.swept()
	delete(b.list.jobs, "j1")
	b.pass(10 * time.Second)
	if got := b.swept(); got != "poll a 1" {
		t.Errorf("did %q once it had ended, want it woken", got)
	}

	// So is who watches anew.
	b.pass(10 * time.Second)
	if err := b.Forget(t.Context(), "j1"); err != nil {
		t.Fatal(err)
	}
	b.watch("j1", "a")
	b.pass(10 * time.Second)
	if got := b.swept(); got != "poll a 1" {
		t.Errorf("did %q for a new watch, want it woken", got)
	}
}

// A wake that fails is tried by the next sweep.
func TestSweepWakesAgainWhatFailed(t *testing.T) {
	b := newBoard(t, Options{})
	b.watch("j1", "a")
	b.pass(10 * time.Second)
	b.broken = errors.New("no redis")
	if err := b.Sweep(t.Context()); !errors.Is(err, b.broken) {
		t.Fatalf("Sweep = %v, want the wake's error", err)
	}
	b.broken = nil
	b.pass(3 * time.Second)
	if got := b.swept(); got != "poll a 1" {
		t.Errorf("did %q, want it woken", got)
	}
}
