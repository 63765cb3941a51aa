package sim

import (
	"context"
	"fmt"
	"time"

	"github.com/vodfleet/vodfleet/internal/cloud"
	"github.com/vodfleet/vodfleet/internal/delivery"
	"github.com/vodfleet/vodfleet/internal/ledger"
	"github.com/vodfleet/vodfleet/internal/queue"
	"github.com/vodfleet/vodfleet/internal/stage"
	"github.com/vodfleet/vodfleet/tasks"
	"go.uber.org/zap"
)

const viewerURL = "https://viewers.example/vod"

// work starts a run of a task in a process of its own.
func (w *world) work(e *entry) {
	ctx := queue.WithCrashes(queue.WithFailures(w.t.Context(), e.failures), e.crashes)
	cancel := func() {}
	if limit := tasks.Timeout(e.task.Kind()); !w.deaf {
		ctx, cancel = context.WithTimeout(ctx, limit-min(limit/10, 5*time.Second))
	}
	e.active = w.start(e.id, e, ctx, func(r *run, ctx context.Context) error {
		defer cancel()
		return r.handle(ctx, e.task)
	})
}

// handle runs a task's handler, wired to what this process reaches.
func (r *run) handle(ctx context.Context, t tasks.Task) error {
	var (
		w      = r.w
		log    = zap.NewNop()
		store  = store{r, w.mem.Store}
		trans  = r.transcoder(w.gov())
		ledger = ledger.New(store, shelf)
		files  = delivery.New(store, output, viewerURL)
		retire = &stage.Retirement{Ledger: ledger, Files: files, Output: output, Grace: grace, Log: log}
		next   = client{r}
	)
	var turns stage.Turns
	var rooms stage.Governor
	var board stage.Board
	if w.shared != nil {
		turns, rooms, board = w.gov(), w.rooms(), w.board()
	}
	switch t := t.(type) {
	case tasks.Ingest:
		return (&stage.Ingest{
			Ledger: ledger, Source: store, Transcoder: trans, Profiles: w.profiles,
			Allowed: []cloud.Location{{Bucket: "library"}}, Output: output, Next: next, Retire: retire, Turns: turns, Log: log,
		}).Handle(ctx, t)
	case tasks.TranscodeSubmit:
		return (&stage.Submit{
			Ledger: w.broken.hasty(ledger), Source: w.broken.head(store, r), Transcoder: w.broken.finds(trans, r), Profiles: w.profiles,
			Fleet: fleet, Role: "arn:aws:iam::111122223333:role/vod", Next: next, Retire: retire, Governor: rooms, Log: log,
		}).Handle(ctx, t)
	case tasks.TranscodePoll:
		return (&stage.Poll{
			Ledger: ledger, Source: store, Transcoder: trans,
			Fleet: fleet, Next: next, Retire: retire, Governor: rooms, Board: board, Log: log,
		}).Handle(ctx, t)
	case tasks.Publish:
		return (&stage.Publish{
			Ledger: ledger, Source: w.broken.head(store, r), Delivery: w.broken.delivery(files), Profiles: w.profiles, Output: output,
			Next: next, Retire: retire, Log: log,
		}).Handle(ctx, t)
	case tasks.InvalidateOrRename:
		return (&stage.Invalidate{
			Ledger: ledger, Caches: w.caches(r), Profiles: w.profiles, Distribution: distribution, ViewerURL: viewerURL,
			Next: next, Retire: retire, Log: log,
		}).Handle(ctx, t)
	}
	return fmt.Errorf("no handler for %T", t)
}
