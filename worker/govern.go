package main

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/vodfleet/vodfleet/internal/cloud"
	"github.com/vodfleet/vodfleet/internal/cloud/awscloud"
	"github.com/vodfleet/vodfleet/internal/governor"
	"github.com/vodfleet/vodfleet/internal/invalidate"
	"github.com/vodfleet/vodfleet/internal/queue"
	"github.com/vodfleet/vodfleet/internal/reconcile"
	"github.com/vodfleet/vodfleet/internal/run"
	"github.com/vodfleet/vodfleet/tasks"
	"go.uber.org/zap"
)

// watch is what looks after the fleet as a whole beside the stages. Every
// worker has it; by leases one of them is at work.
type watch struct {
	board  *governor.Sweeper
	lost   *reconcile.Reconciler
	due    *reconcile.Due
	stale  *invalidate.Batcher // nil: there is no distribution
	events cloud.Events        // nil: none tell of jobs
}

func (f *flags) governor(rdb redis.UniversalClient) *governor.Governor {
	return governor.New(rdb, governor.Options{Fleet: f.Fleet(), InFlight: f.Jobs, Reserve: f.LiveJobs, PerDay: f.DailyJobs})
}

// quotaTime bounds the question to Service Quotas at the start.
const quotaTime = 15 * time.Second

// rates tells g the quotas of the account: those of the settings, or else what
// Service Quotas tells of each method.
func (f *flags) rates(ctx context.Context, aws *awscloud.Cloud, g *governor.Governor, log *zap.Logger) {
	told := make(map[string]awscloud.Quota)
	if f.APIRate == 0 {
		ctx, cancel := context.WithTimeout(ctx, quotaTime)
		defer cancel()
		quotas, err := aws.Quotas(ctx)
		if err != nil {
			log.Info("the account does not tell its quotas; the usual ones are assumed", zap.Error(err))
		} else {
			told = quotas
		}
	}
	for _, method := range governor.Methods() {
		rate := governor.Rate{PerSecond: cmp.Or(f.APIRate, governor.DefaultRate.PerSecond), Burst: f.APIBurst}
		if q := told[method].PerSecond; q != nil { // nought is a quota too
			rate.PerSecond = *q
		}
		if q := told[method].Burst; q != nil {
			rate.Burst = *q
		}
		g.SetRate(method, rate)
	}
}

// watch wires what looks after the fleet.
func (f *flags) watch(w *fleet, inspector *queue.Inspector, events cloud.Events) *watch {
	lost := &reconcile.Reconciler{
		Ledger: w.book, Tasks: inspector, Queue: w.client, Transcoder: w.transcoder, Fleet: f.Fleet(),
		Lease: w.governor, Epoch: w.governor, Log: w.log,
	}
	board := &governor.Sweeper{
		Governor: w.governor, Jobs: w.transcoder, Every: f.Board,
		Wake: func(ctx context.Context, job, asset string, build int) error {
			// A watched job without a poll has lost it, or outlived it where the end
			// of the watch was lost: a new poll sees to either.
			return w.client.Wake(ctx, tasks.TranscodePoll{Asset: asset, Build: build, Job: job})
		},
		WakeSubmit: func(ctx context.Context, lane, asset string, build int) error {
			// It need not be there, and what it says beside its name is not known here.
			return w.client.Nudge(ctx, queue.Ref(tasks.TranscodeSubmit{Asset: asset, Build: build, Lane: tasks.Lane(lane)}))
		},
		Seen: lost.Seen,
		Log:  w.log,
	}
	// Submission opens again once the jobs are counted. What else a sweep does
	// must not keep it closed: the board does it with its next one.
	count := &governor.Sweeper{
		Governor: w.governor, Jobs: w.transcoder, Every: f.Board, Log: w.log,
		Wake: func(ctx context.Context, job, asset string, build int) error {
			if err := board.Wake(ctx, job, asset, build); err != nil {
				w.log.Warn("poll not woken; it comes by itself", zap.String("asset", asset), zap.Int("build", build), zap.Error(err))
			}
			return nil
		},
	}
	lost.Sweep = count.Sweep
	due := &reconcile.Due{Ledger: w.book, Queue: w.client, Now: w.book.Now, Grace: f.Grace.Grace, Lease: w.governor, Log: w.log}
	return &watch{board, lost, due, f.stale(w), events}
}

// stale makes the invalidations of what the fleet replaces.
func (f *flags) stale(w *fleet) *invalidate.Batcher {
	if f.Distribution == "" {
		return nil
	}
	return &invalidate.Batcher{
		Line: w.governor, Gates: w.governor, CDN: w.aws.CDN(), Store: w.aws.Store(), Root: f.Ledger.Ledger.Location,
		Distribution: f.Distribution, Budget: f.InvalidationBudget,
		Wake: func(ctx context.Context, asset string, seq int) error {
			return w.client.Nudge(ctx, queue.Ref(tasks.InvalidateOrRename{Asset: asset, Seq: seq}))
		},
		Log: w.log,
	}
}

// add adds what w does to group. It begins when ready is closed: in a Redis that
// is not fit to serve by nothing is rebuilt, which would give it an epoch and
// open submission.
func (w *watch) add(group *run.Group, ready <-chan struct{}) {
	group.Add("due", after(ready, w.due.Run))
	group.Add("reconciler", after(ready, w.lost.Run))
	if w.stale != nil {
		group.Add("invalidations", after(ready, w.stale.Run))
	}
	group.Add("job board", after(ready, w.board.Run))
	if w.events != nil {
		group.Add("events", after(ready, func(ctx context.Context) error { return w.board.Listen(ctx, w.events) }))
	}
}

// after runs f once ready is closed.
func after(ready <-chan struct{}, f func(ctx context.Context) error) func(ctx context.Context) error {
	return func(ctx context.Context) error {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-ready:
			return f(ctx)
		}
	}
}

// open opens the queue of job events, if there is one.
func (f *flags) open(aws *awscloud.Cloud) (cloud.Events, error) {
	if f.Events == "" {
		return nil, nil
	}
	events, err := aws.Events(f.Events)
	if err != nil {
		return nil, run.UsageError(fmt.Errorf("events-queue-url: %w", err))
	}
	return events, nil
}
