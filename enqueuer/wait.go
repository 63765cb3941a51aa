package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/vodfleet/vodfleet/internal/cloud"
	"github.com/vodfleet/vodfleet/internal/ledger"
	"github.com/vodfleet/vodfleet/internal/queue"
	"github.com/vodfleet/vodfleet/internal/run"
)

// waitEvery is how often add looks at a video while it waits.
const waitEvery = time.Second

// states of a video that the ledger has no word for.
const (
	stateFailed   = "failed"
	stateEnqueued = "enqueued"
)

// wait follows the videos until each has ended or the time-out is over, after
// which the work goes on without it.
func (c *addCmd) wait(e *env, book *ledger.Store, all []*added) error {
	inspector, err := openInspector(c.Redis)
	if err != nil {
		return err
	}
	defer inspector.Close()
	limit, cancel := context.WithTimeout(e.ctx, c.Timeout)
	defer cancel()
	failed, left := 0, 0
	for _, a := range all {
		ended, err := a.follow(e.ctx, limit.Done(), book, inspector)
		switch {
		case err != nil:
			return fmt.Errorf("wait for %s: %w", a.Source, err)
		case !ended:
			left++
		case a.State == stateFailed:
			failed++
		}
		if !c.json() {
			fmt.Fprintf(e.out, "%s  %s  %s  %s\n", a.Asset, a.State, plain(a.Source), plain(a.Reason))
		}
	}
	switch {
	case left > 0:
		err = fmt.Errorf("%d of %d failed, %d not finished within %v: the work goes on", failed, len(all), left, c.Timeout)
	case failed > 0:
		err = fmt.Errorf("%d of %d failed", failed, len(all))
	default:
		return nil
	}
	return &run.Error{Code: run.Unfinished, Err: err}
}

// looker tells where a task is; see [queue.Inspector].
type looker interface {
	Look(ctx context.Context, queue, id string) (queue.Info, error)
}

// follow waits until the video has ended, or over is closed, and notes its
// state. It looks at least once.
func (a *added) follow(ctx context.Context, over <-chan struct{}, book *ledger.Store, tasks looker) (ended bool, err error) {
	tick := time.NewTicker(waitEvery)
	defer tick.Stop()
	for {
		if ended, err = a.look(ctx, book, tasks); ended || err != nil {
			return ended, err
		}
		select {
		case <-ctx.Done():
			return false, context.Cause(ctx)
		case <-over:
			return false, nil
		case <-tick.C:
		}
	}
}

// look notes the video's state, and reports whether that is its end: its task
// is done or given up, and no work is left of it. The task is looked at first:
// once it is gone, the record tells what came of it, and not of a version or a
// profile before. Who does not answer is asked again by the caller.
func (a *added) look(ctx context.Context, book *ledger.Store, tasks looker) (ended bool, err error) {
	info, err := tasks.Look(ctx, a.queue, a.Task)
	gone := errors.Is(err, queue.ErrNoTask)
	if err != nil && !gone {
		return false, ctx.Err()
	}
	givenUp := !gone && info.State == "archived"
	rec, err := book.Get(ctx, a.Asset)
	switch {
	case errors.Is(err, cloud.ErrNotFound) && gone:
		return false, errors.New("its task is lost, and the ledger does not know it; add it again")
	case errors.Is(err, cloud.ErrNotFound):
		a.State = stateEnqueued
		rec = nil
	case cloud.Retryable(err):
		return false, nil
	case err != nil:
		return false, err
	default:
		a.State = rec.Status()
	}
	if rec != nil && rec.Open() || !gone && !givenUp {
		return false, nil
	}
	if rec != nil && rec.Removed != nil {
		a.Reason = "it was removed; take it back with enqueuer restore"
	} else if rec != nil && rec.Failed() != nil {
		f := rec.Failed()
		a.Reason = class(f.Class) + ": " + f.Message
	} else if givenUp {
		a.State, a.Reason = stateFailed, info.LastErr
	}
	return true, nil
}
