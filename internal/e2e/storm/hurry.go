package storm

import (
	"context"
	"errors"
	"time"

	"github.com/vodfleet/vodfleet/internal/cloud"
	"github.com/vodfleet/vodfleet/internal/e2e/fleet"
	"github.com/vodfleet/vodfleet/internal/queue"
	"github.com/vodfleet/vodfleet/internal/stage"
	"github.com/vodfleet/vodfleet/tasks"
)

// hurry has the fleet look for the jobs of open intents at the pace of the
// cloud's clock. The guards of an intent pass by that clock, and the waits
// between two looks by the host's, which is slower by the clock's rate: what
// takes seven minutes at AWS would take a minute and a half here, for the sake
// of waiting alone. A task that is looked at too early waits again. Whoever
// presses "run" in asynqmon does the same.
type hurry struct {
	fleet *fleet.Fleet
	tasks *tasks.Client
	queue *queue.Client
	every time.Duration
	last  time.Time
}

// newHurry is for a clock that runs rate times as fast as the host's.
func newHurry(f *fleet.Fleet, rate int) (*hurry, error) {
	opt, err := queue.ParseRedis(f.Redis.URL())
	if err != nil {
		return nil, err
	}
	client, err := tasks.NewClient(opt)
	if err != nil {
		return nil, err
	}
	return &hurry{fleet: f, tasks: client, queue: queue.NewClient(client), every: time.Minute / time.Duration(max(rate, 1))}, nil
}

func (h *hurry) Close() { _ = h.tasks.Close() }

// tick nudges the submissions of all open assets, if it is time to.
func (h *hurry) tick(ctx context.Context) error {
	if time.Since(h.last) < h.every {
		return nil
	}
	h.last = time.Now()
	for asset, err := range h.fleet.Book.Open(ctx) {
		if err != nil {
			return err
		}
		rec, err := h.fleet.Book.Get(ctx, asset)
		if errors.Is(err, cloud.ErrNotFound) {
			continue // its work has just begun
		}
		if err != nil {
			return err
		}
		for _, t := range stage.Tasks(rec) {
			b, ok := t.(tasks.TranscodeSubmit)
			if !ok || rec.Build(b.Build).Intent == nil {
				continue
			}
			if err := h.queue.Nudge(ctx, queue.Ref(b)); err != nil {
				return err
			}
		}
	}
	return nil
}
