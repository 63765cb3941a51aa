package stage_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vodfleet/vodfleet/internal/cloud/memcloud"
	"github.com/vodfleet/vodfleet/internal/delivery"
	"github.com/vodfleet/vodfleet/internal/ledger"
	"github.com/vodfleet/vodfleet/internal/media"
	"github.com/vodfleet/vodfleet/internal/stage"
)

// lateMirror lets go of what was removed some time after it is asked for first.
type lateMirror struct {
	*world
	late  time.Duration
	first time.Time
	looks int
}

func (m *lateMirror) Gone(ctx context.Context, r *ledger.Record) error {
	m.looks++
	if m.first.IsZero() {
		m.first = time.Now()
		if n := len(m.shown(r)); n != 2 {
			m.t.Errorf("the record tells the names of %d builds that were shown, want 2", n)
		}
	}
	for _, n := range m.shown(r) {
		for o := range m.mem.Store.List(ctx, media.BuildPrefix(output, r.Asset, n), "") {
			m.t.Errorf("the output still has %s", o.Key)
		}
	}
	if time.Since(m.first) < m.late {
		return &delivery.LeftError{Path: "media/x/1/cmaf/video.m3u8", Why: fmt.Sprint("answers 200 for the time no. ", m.looks)}
	}
	return nil
}

// shown are the builds whose outputs a record tells.
func (m *lateMirror) shown(r *ledger.Record) (all []int) {
	for _, b := range r.Builds {
		if b.Outputs != nil {
			all = append(all, b.Number)
		}
	}
	return all
}

// What is removed is deleted at once, and caches are told once a mirror that the
// distribution reads has let go of it too, or after an hour. The history tells.
func TestRemovalAwaitsMirror(t *testing.T) {
	const (
		waits    = "switch 3: caches are told once the origin has let go of it, or after 1h0m0s: the origin answers 200 for the time no. 1 for media/x/1/cmaf/video.m3u8"
		too      = "switch 3: caches are told before the origin has let go of it, and may take it in again: the origin answers 200 for the time no. "
		told     = "switch 3: live: its entries and files are invalidated"
		nothing  = "switch 3: live: nothing is invalidated, for no distribution is configured"
		ofMirror = "caches are told"
	)
	for _, tt := range []struct {
		name         string
		late         time.Duration
		distribution string
		from, to     time.Duration // after the removal: when caches are told
		history      []string      // beginnings of what is said of the caches
	}{
		{"in time", 0, distribution, 0, time.Second, []string{told}},
		{"late", 20 * time.Minute, distribution, 20 * time.Minute, 23 * time.Minute, []string{waits, told}},
		{"never", 100 * time.Hour, distribution, time.Hour, time.Hour + 3*time.Minute, []string{waits, too, told}},
		{"never, and there are no caches", 100 * time.Hour, "", 0, time.Second, []string{nothing}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, memcloud.Options{})
				w.become("one")
				w.become("two")
				m := &lateMirror{world: w, late: tt.late}
				var at time.Time
				w.invalidate.Origin, w.invalidate.Distribution = m, tt.distribution
				w.invalidate.Caches = &caches{gone: func(int) bool { at = time.Now(); return true }}
				removed := time.Now()
				if _, err := stage.Remove(t.Context(), w.book, w.queue, w.asset(), source, "rights"); err != nil {
					t.Fatal(err)
				}
				w.drain()
				r := w.record()
				if r.Status() != "removed" {
					t.Errorf("the asset is %s", r.Status())
				}
				if tt.distribution == "" {
					at = removed
					if m.looks > 0 {
						t.Errorf("%d looks at the mirror for caches that are not told", m.looks)
					}
				}
				if took := at.Sub(removed); took < tt.from || took > tt.to {
					t.Errorf("caches are told after %v, want between %v and %v", took, tt.from, tt.to)
				}
				var said []string
				for _, e := range r.History {
					if strings.Contains(e.What, ofMirror) || strings.HasPrefix(e.What, "switch 3: live") {
						said = append(said, e.What)
					}
				}
				ok := len(said) == len(tt.history)
				for i := range min(len(said), len(tt.history)) {
					ok = ok && strings.HasPrefix(said[i], tt.history[i])
				}
				if !ok {
					t.Errorf("the history says %q, want %q", said, tt.history)
				}
			})
		})
	}
}
