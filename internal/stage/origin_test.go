package stage

import (
	"errors"
	"testing"
	"time"

	"github.com/vodfleet/vodfleet/internal/delivery"
	"github.com/vodfleet/vodfleet/internal/queue"
)

// TestMirrored: what may still arrive at the origin is waited for, and no longer.
func TestMirrored(t *testing.T) {
	late, down := &delivery.IncompleteError{}, errors.New("the store is down")
	for _, tt := range []struct {
		name  string
		err   error
		age   time.Duration
		waits bool
	}{
		{"there", nil, 0, false},
		{"late", late, mirrorGiveUp - 1, true},
		{"too late", late, mirrorGiveUp, false},
		{"not looked at", down, 0, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			made := time.Unix(0, 0)
			err := mirrored(made.Add(tt.age), made, tt.err)
			if (err != nil && queue.IsVerdict(err)) != tt.waits || !tt.waits && !errors.Is(err, tt.err) {
				t.Errorf("mirrored = %v", err)
			}
		})
	}
}
