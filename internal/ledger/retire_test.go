package ledger

import (
	"maps"
	"slices"
	"testing"
	"time"
)

// retirements are the states whose build 1 may be retired in time, and the
// moment at which the wait for that begins. Any other may never, without
// another change.
var retirements = map[string]func(h *history) time.Time{
	"standing":                       func(h *history) time.Time { return h.Build(1).Replaced },
	"failed":                         func(h *history) time.Time { return h.Build(1).Failure.At },
	"failed, gone":                   func(h *history) time.Time { return h.Build(1).Failure.At },
	"failed, others wanted":          func(h *history) time.Time { return h.Build(1).Failure.At },
	"failed publish":                 func(h *history) time.Time { return h.Build(1).Failure.At },
	"failed publish again":           func(h *history) time.Time { return h.Build(1).Failure.At },
	"failed, redriven":               func(h *history) time.Time { return h.Build(1).Failure.At },
	"quarantined by another profile": func(h *history) time.Time { return h.Build(1).Failure.At },
	"superseded refused":             func(h *history) time.Time { return h.Build(1).Replaced },
	"superseded transcoded":          func(h *history) time.Time { return h.Build(1).Replaced }, // after its job
	"superseded failed":              func(h *history) time.Time { return h.Build(1).JobDone },  // after it was superseded
	"retiring":                       func(h *history) time.Time { return h.Build(1).Replaced.Add(-grace) },
	"failed, retiring":               func(h *history) time.Time { return h.Build(1).Failure.At.Add(-grace) },

	// There is no grace for what is removed.
	"removed, shut":       func(h *history) time.Time { return h.Build(1).Replaced.Add(-grace) },
	"removed, job over":   func(h *history) time.Time { return h.Build(1).JobDone.Add(-grace) },
	"removed when failed": func(h *history) time.Time { return h.Build(1).Failure.At.Add(-grace) },
}

func TestRetirable(t *testing.T) {
	for _, state := range slices.Sorted(maps.Keys(states)) {
		t.Run(state, func(t *testing.T) {
			h := states[state](begin(t))
			next := h.NextRetirement(grace)
			begins, ok := retirements[state]
			if !ok {
				if !next.IsZero() || len(h.Retirable(h.now.Add(1000*grace), grace)) > 0 {
					t.Errorf("retirable at %v, want never", next)
				}
				return
			}
			want := begins(h).Add(grace)
			if !next.Equal(want) {
				t.Errorf("retirable at %v, want %v", next, want)
			}
			if early := h.Retirable(want.Add(-time.Nanosecond), grace); len(early) > 0 {
				t.Errorf("retirable %v before its time", early)
			}
			if due := h.Retirable(want, grace); !slices.Equal(due, []int{1}) {
				t.Errorf("retirable %v at its time, want build 1", due)
			}
		})
	}
}

// TestGraceBegins: the grace of what was replaced begins when the replacement
// is live, and not again when a later one is.
func TestGraceBegins(t *testing.T) {
	h := begin(t).plan(revA).publish(1).plan(revB).submit(2).do(nil)
	h.do(h.Completed(h.now, 2)).do(h.Switch(h.now, 2, outputs)).do(h.EntriesWritten(h.now, 2))
	if got := h.Build(1).Replaced; !got.IsZero() {
		t.Errorf("replaced at %v, before the switch was live", got)
	}
	live := h.now
	h.do(h.Live(h.now, 2)).plan(revC).publish(3)
	if got := h.Build(1).Replaced; !got.Equal(live) {
		t.Errorf("replaced at %v, want %v", got, live)
	}
	if at := h.NextRetirement(grace); !at.Equal(live.Add(grace)) {
		t.Errorf("retirable at %v, want a grace after %v", at, live)
	}
	// Shown again it has no end, and then another.
	h.do(h.WantStanding(h.now, src(revA), revA, 1)).do(h.Switch(h.now, 1, outputs))
	if got := h.Build(1).Replaced; !got.IsZero() {
		t.Errorf("replaced at %v, and current", got)
	}
}

// TestLiveLate: a switch that was overtaken begins no grace: caches may still
// show what came before it.
func TestLiveLate(t *testing.T) {
	h := begin(t).plan(revA).publish(1)
	h.plan(revB).submit(2).do(h.Completed(h.now, 2)).do(h.Switch(h.now, 2, outputs)).do(h.EntriesWritten(h.now, 2))
	h.plan(revC).submit(3).do(h.Completed(h.now, 3)).do(h.Switch(h.now, 3, outputs))
	h.do(h.Live(h.now, 2))
	if got := h.Build(1).Replaced; !got.IsZero() {
		t.Errorf("build 1 replaced at %v by a switch that was overtaken", got)
	}
	h.do(h.EntriesWritten(h.now, 3))
	live := h.now
	h.do(h.Live(h.now, 3))
	for _, n := range []int{1, 2} {
		if got := h.Build(n).Replaced; !got.Equal(live) {
			t.Errorf("build %d replaced at %v, want %v", n, got, live)
		}
	}
}

// TestUnresolved lists superseded builds until the end of their job is known.
func TestUnresolved(t *testing.T) {
	for state, want := range map[string][]int{
		"superseded planned":     nil,
		"superseded submitting":  {1},
		"superseded transcoding": {1},
		"superseded transcoded":  nil,
		"superseded failed":      nil,
		"transcoding":            nil,
	} {
		if got := states[state](begin(t)).Unresolved(); !slices.Equal(got, want) {
			t.Errorf("%s: unresolved %v, want %v", state, got, want)
		}
	}
	h := states["superseded submitting"](begin(t))
	h.do(h.Submitted(h.now, 1, "found"))
	if got := h.Unresolved(); !slices.Equal(got, []int{1}) {
		t.Errorf("with its job found: unresolved %v, want 1", got)
	}
	h.do(h.FailBuild(h.now, 1, Failure{Class: Canceled, Message: "nobody wants it"}))
	if got := h.Unresolved(); got != nil {
		t.Errorf("with its job canceled: unresolved %v, want none", got)
	}
}
