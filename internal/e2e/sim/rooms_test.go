package sim

import (
	"context"
	"time"

	"github.com/vodfleet/vodfleet/internal/governor"
	"github.com/vodfleet/vodfleet/internal/stage"
)

// gov is the governor of whoever runs tasks; nil if nothing is governed.
func (w *world) gov() *governor.Governor {
	if w.shared == nil {
		return nil
	}
	return w.shared.look
}

func (w *world) rooms() stage.Governor { return rooms{w.shared.look, w} }

func (w *world) board() stage.Board { return board{w.shared.look, w} }

// rooms is the governor as stages see it. Who asks for something has the others
// look sooner, as they do all the time: here only where there is something.
type rooms struct {
	*governor.Governor
	w *world
}

func (r rooms) Admit(ctx context.Context, lane, profile, asset string, build int) (time.Duration, error) {
	r.w.sooner("job board", sweepEvery)
	r.w.sooner("events", hearEvery)
	if r.w.broken.noEpoch {
		if err := r.SetEpoch(ctx, "unchecked"); err != nil {
			return 0, err
		}
	}
	wait, err := r.Governor.Admit(ctx, lane, profile, asset, build)
	if wait > 0 {
		r.w.sooner("calls", callEvery)
	}
	return wait, err
}

// board is the job board as polls see it.
type board struct {
	*governor.Governor
	w *world
}

func (b board) Watch(ctx context.Context, job, asset string, build int) (bool, error) {
	b.w.sooner("job board", sweepEvery)
	return b.Governor.Watch(ctx, job, asset, build)
}

func (b board) Look(ctx context.Context, job string) (running bool, percent int, again time.Duration, err error) {
	if b.w.broken.stuckBoard {
		return true, 0, 5 * time.Minute, nil
	}
	return b.Governor.Look(ctx, job)
}

func (r rooms) Release(ctx context.Context, asset string, build int) error {
	if r.w.broken.noSweep {
		return nil
	}
	return r.Governor.Release(ctx, asset, build)
}
