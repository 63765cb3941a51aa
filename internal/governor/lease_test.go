package governor

import (
	"testing"
	"time"
)

func TestHold(t *testing.T) {
	f := newFixture(t, Options{})
	other := New(f.rdb, Options{})
	for i, tt := range []struct {
		pass time.Duration // before
		by   *Governor
		drop bool
		want bool
	}{
		{0, f.Governor, false, true},
		{0, other, false, false},
		{9 * time.Second, f.Governor, false, true}, // for ten more
		{9 * time.Second, other, false, false},
		{0, other, true, false}, // it is not its own
		{0, other, false, false},
		{time.Second, other, false, true},
		{0, f.Governor, false, false},
		{0, other, true, false},
		{0, f.Governor, false, true},
	} {
		f.pass(tt.pass)
		var got bool
		var err error
		if tt.drop {
			err = tt.by.Drop(t.Context(), "x")
		} else {
			got, err = tt.by.Hold(t.Context(), "x", 10*time.Second)
		}
		if got != tt.want || err != nil {
			t.Errorf("step %d: %v, %v, want %v", i, got, err, tt.want)
		}
	}
	if got, err := other.Hold(t.Context(), "y", time.Second); !got || err != nil {
		t.Errorf("another lease: %v, %v", got, err)
	}
}
