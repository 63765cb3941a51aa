package ledger

import (
	"errors"
	"strings"
	"testing"
	"time"
)

func TestLiveBy(t *testing.T) {
	now := time.Date(2026, 11, 28, 8, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		name string
		seq  int
		what string
		want string // the last event; empty: none
		err  error
	}{
		{"with a word", 2, "its entries are invalidated", "switch 2: live: its entries are invalidated", nil},
		{"without one", 2, "", "switch 2: live", nil},
		{"a repeat", 1, "its entries are invalidated", "", ErrUnchanged},
		{"with a long one", 2, strings.Repeat("x", 10*maxText), clip("switch 2: live: "+strings.Repeat("x", 10*maxText), maxText), nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := &Record{Asset: "a1", Seq: 3, EntriesSeq: 2, LiveSeq: 1}
			err := r.LiveBy(now, tt.seq, tt.what)
			got := ""
			if n := len(r.History); n > 0 {
				got = r.History[n-1].What
			}
			if !errors.Is(err, tt.err) || got != tt.want {
				t.Errorf("LiveBy = %v and %q, want %v and %q", err, got, tt.err, tt.want)
			}
		})
	}
	if _, ok := errors.AsType[*TransitionError]((&Record{Seq: 3, EntriesSeq: 2}).LiveBy(now, 3, "x")); !ok {
		t.Error("a switch whose entries are not written is live")
	}
}
