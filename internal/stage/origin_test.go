package stage

import (
	"cmp"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/vodfleet/vodfleet/internal/delivery"
	"github.com/vodfleet/vodfleet/internal/queue"
)

// TestMirrored: what may still arrive at the origin is waited for, and no longer.
func TestMirrored(t *testing.T) {
	late, down := &delivery.IncompleteError{}, errors.New("the store is down")
	for _, tt := range []struct {
		name string
		err  error
		age  time.Duration
		want error // nil: err itself
	}{
		{"there", nil, 0, nil},
		{"late", late, 0, queue.NotYet(mirrorEvery)},
		{"late for a minute", late, time.Minute, queue.NotYet(15 * time.Second)},
		{"late for five minutes", late, 5 * time.Minute, queue.NotYet(75 * time.Second)},
		{"late for long", late, mirrorGiveUp - 1, queue.NotYet(mirrorSlow)},
		{"too late", late, mirrorGiveUp, nil},
		{"not looked at", down, 0, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			made := time.Unix(0, 0)
			err := mirrored(made.Add(tt.age), made, tt.err)
			if tt.want == nil && err != tt.err || tt.want != nil && fmt.Sprint(err) != fmt.Sprint(tt.want) {
				t.Errorf("mirrored = %v, want %v", err, cmp.Or(tt.want, tt.err))
			}
		})
	}
}
