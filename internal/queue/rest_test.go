package queue

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/vodfleet/vodfleet/tasks"
	"go.uber.org/zap"
)

// A task that rests has a crash less to its name; one that waits for another
// reason, or fails, keeps them all.
func TestRest(t *testing.T) {
	f := newFixture(t)
	s := &Server{redis: f.raw, log: zap.NewNop()}
	payload := []byte(`{"v":1}`)
	key := lostKey(tasks.KindPublish, payload)
	crashes := func() int {
		all := lostRuns(f.raw.HGetAll(t.Context(), key).Val())
		_, n := all.before(3)
		return n
	}
	for _, n := range []string{"0", "1", "2"} {
		f.raw.HSet(t.Context(), key, n, died)
	}
	for _, tt := range []struct {
		o       outcome
		verdict error
		want    int // crashes from then on
	}{
		{waits, NotYet(time.Hour), 3},
		{failed, errors.New("failed"), 3},
		{waits, Rest(time.Hour), 2},
		{waits, fmt.Errorf("wrapped: %w", Rest(time.Hour)), 1},
	} {
		r := &run{kind: tasks.KindPublish, lost: lostRuns(f.raw.HGetAll(t.Context(), key).Val())}
		s.settle(r, payload, tt.o, tt.verdict)
		if got := crashes(); got != tt.want {
			t.Errorf("after %v: %d crashes, want %d", tt.verdict, got, tt.want)
		}
	}
	if !IsVerdict(Rest(time.Hour)) || retryDelay(0, Rest(time.Hour), 0) != time.Hour || isFailure(Rest(0)) {
		t.Error("a rest is no wait")
	}
}
