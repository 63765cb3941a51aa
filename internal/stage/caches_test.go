package stage_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vodfleet/vodfleet/internal/cloud"
	"github.com/vodfleet/vodfleet/internal/cloud/memcloud"
	"github.com/vodfleet/vodfleet/internal/ledger"
	"github.com/vodfleet/vodfleet/tasks"
)

// direct has each switch's paths forgotten by an invalidation of its own.
type direct struct{ cloud.CDN }

func (d direct) Await(ctx context.Context, asset string, seq int, paths []string) (bool, error) {
	inv, err := d.Invalidate(ctx, distribution, fmt.Sprintf("%s-%d", asset, seq), paths)
	return inv.Done, err
}

// caches note what is asked of them, and answer as the test sets it.
type caches struct {
	gone  func(seq int) bool // nil: all are
	asked []string
}

func (c *caches) Await(_ context.Context, _ string, seq int, paths []string) (bool, error) {
	c.asked = append(c.asked, fmt.Sprintf("%d: %d paths", seq, len(paths)))
	return c.gone == nil || c.gone(seq), nil
}

// What the caches are told of a replacement is in the history, and nothing is
// asked of them where they hold nothing that changes.
func TestToldCaches(t *testing.T) {
	for _, tt := range []struct {
		name         string
		before, then string // profile; empty: the default one
		distribution string
		asked        string
		told         string
	}{
		{"stable", "", "", distribution, "[2: 2 paths]", "switch 2: live: its stable entries are invalidated"},
		{"versioned", "delivery: versioned\n", "delivery: versioned\n", distribution, "[]", "switch 2: live: nothing is to be invalidated, for it has no stable entries"},
		{"stable, then versioned", "", "delivery: versioned\n", distribution, "[2: 2 paths]", "switch 2: live: its stable entries are invalidated"},
		{"versioned, then stable", "delivery: versioned\n", "", distribution, "[2: 2 paths]", "switch 2: live: its stable entries are invalidated"},
		{"one format alone", "packages: [hls]\n", "packages: [hls]\n", distribution, "[2: 1 paths]", "switch 2: live: its stable entries are invalidated"},
		{"no distribution", "", "", "", "[]", "switch 2: live: nothing is invalidated, for no distribution is configured"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, memcloud.Options{})
				c := new(caches)
				w.invalidate.Caches, w.invalidate.Distribution = c, tt.distribution
				for i, yaml := range []string{tt.before, tt.then} {
					w.upload(fmt.Sprint("bytes ", i))
					if yaml == "" {
						w.ask()
					} else {
						w.askFor(w.profile(yaml))
					}
					w.drain()
				}
				if r := w.record(); r.LiveSeq != 2 || r.Open() {
					t.Errorf("live %d, open %v, want 2 and closed", r.LiveSeq, r.Open())
				}
				if got := fmt.Sprint(c.asked); got != tt.asked {
					t.Errorf("asked %s, want %s", got, tt.asked)
				}
				if !happened(w.record(), tt.told) {
					t.Errorf("the history lacks %q:\n%s", tt.told, history(w.record()))
				}
			})
		})
	}
}

// Once all caches know of a profile without stable entries, nothing is asked of
// them any more, although builds with such entries are still there.
func TestNothingStaleIsLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, memcloud.Options{})
		c := new(caches)
		w.invalidate.Caches = c
		w.become("one")
		versioned := w.profile("delivery: versioned\n")
		for _, body := range []string{"two", "three"} {
			w.upload(body)
			w.askFor(versioned)
			w.drain()
		}
		if got, want := fmt.Sprint(c.asked), "[2: 2 paths]"; got != want {
			t.Errorf("asked %s, want %s", got, want)
		}
		w.become("four") // stable again: caches may hold what withdrew the entries
		if got, want := fmt.Sprint(c.asked), "[2: 2 paths 4: 2 paths]"; got != want {
			t.Errorf("asked %s, want %s", got, want)
		}
	})
}

// An invalidation that was asked for before the entries of a later switch were
// written says nothing of that switch.
func TestReplacedWhileItsInvalidationEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, memcloud.Options{})
		c := new(caches)
		w.invalidate.Caches = c
		w.become("one")
		w.upload("two")
		w.ask()
		for w.record().EntriesSeq != 2 {
			w.step()
		}
		task := tasks.InvalidateOrRename{Asset: w.asset(), Seq: 2}
		replaced := false
		c.gone = func(seq int) bool {
			if !replaced { // while the answer is on its way
				replaced = true
				w.queue.tasks = nil
				w.upload("three")
				w.ask()
				for w.record().EntriesSeq != 3 {
					w.step()
				}
			}
			return seq == 2
		}
		if err := w.invalidate.Handle(t.Context(), task); err == nil || !strings.Contains(err.Error(), "not yet") {
			t.Errorf("Handle = %v, want a wait for switch 3", err)
		}
		if r := w.record(); r.LiveSeq != 2 || r.Seq != 3 {
			t.Errorf("live %d of %d, want 2 of 3\n%s", r.LiveSeq, r.Seq, history(r))
		}
		c.gone = nil
		w.drain()
		w.published(3, 3)
	})
}

// The longer a switch waits, the more seldom its task looks by itself.
func TestParked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, memcloud.Options{})
		w.become("one")
		w.upload("two")
		w.ask()
		for w.record().EntriesSeq != 2 {
			w.step()
		}
		w.invalidate.Caches = &caches{gone: func(int) bool { return false }}
		switched := w.record().Switched
		for _, tt := range []struct {
			waited time.Duration
			want   string
		}{
			{time.Minute, "again in 2m0s"}, {5 * time.Minute, "again in 5m0s"}, {time.Hour, "again in 15m0s"},
		} {
			time.Sleep(time.Until(switched.Add(tt.waited)))
			err := w.invalidate.Handle(t.Context(), tasks.InvalidateOrRename{Asset: w.asset(), Seq: 2})
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Handle = %v after %v, want it %s", err, tt.waited, tt.want)
			}
		}
	})
}

func happened(r *ledger.Record, what string) bool {
	for _, e := range r.History {
		if e.What == what {
			return true
		}
	}
	return false
}
