package governor

import (
	"errors"
	"testing"
)

// Who rebuilds vouches only for a Redis that has kept what was rebuilt.
func TestEpochOfRebuild(t *testing.T) {
	f := newFixture(t, Options{Rates: plenty})
	other := New(f.rdb, f.opt)
	none := func(g *Governor) {
		t.Helper()
		if got, err := g.Epoch(t.Context()); got != "" || err != nil {
			t.Fatalf("Epoch = %q, %v, want none", got, err)
		}
	}
	f.redis.FlushAll()
	none(f.Governor)
	f.redis.FlushAll()
	if err := f.SetEpoch(t.Context(), "e2"); !errors.Is(err, errRebuild) {
		t.Errorf("SetEpoch = %v for a Redis that was emptied during the rebuild", err)
	}
	none(other)
	if err := f.SetEpoch(t.Context(), "e2"); !errors.Is(err, errRebuild) {
		t.Errorf("SetEpoch = %v for another's rebuild", err)
	}
	if err := other.SetEpoch(t.Context(), "e3"); err != nil {
		t.Error(err)
	}
	if err := f.SetEpoch(t.Context(), "e2"); err != nil { // there is one
		t.Error(err)
	}
	if got, err := f.Epoch(t.Context()); got != "e3" || err != nil {
		t.Errorf("Epoch = %q, %v, want e3", got, err)
	}
	f.redis.FlushAll()
	none(f.Governor)
	if err := f.SetEpoch(t.Context(), "e4"); err != nil {
		t.Error(err)
	}
	if got := f.admit("live", "a"); got != 0 {
		t.Errorf("waits %v, want 0", got)
	}
}
