package sim

import (
	"context"
	"errors"
	"time"

	"github.com/vodfleet/vodfleet/internal/cloud"
	"github.com/vodfleet/vodfleet/internal/governor"
	"github.com/vodfleet/vodfleet/internal/invalidate"
	"github.com/vodfleet/vodfleet/internal/ledger"
	"github.com/vodfleet/vodfleet/internal/reconcile"
	"github.com/vodfleet/vodfleet/tasks"
	"go.uber.org/zap"
)

// process is a worker, as to what it does beside its tasks. When it dies or is
// held up, another one takes over once the leases are free.
type process struct {
	governor *governor.Governor // nil: nothing is governed
	lost     *reconcile.Reconciler
	stale    *invalidate.Batcher // nil: it made no invalidation yet
}

// worker is the process that has the leases, or tries to.
func (w *world) worker() *process {
	if w.beside == nil {
		w.beside = &process{lost: &reconcile.Reconciler{Fleet: fleet, Log: zap.NewNop()}}
		if w.shared != nil {
			w.beside.governor = w.shared.governor()
		}
	}
	return w.beside
}

// hold takes a lease as workers do.
func (p *process) hold(ctx context.Context, name string, ttl time.Duration) (bool, error) {
	if p.governor == nil {
		return true, nil
	}
	return p.governor.Hold(ctx, name, ttl)
}

// limited is the transcoder as one run of a worker reaches it.
func (r *run) transcoder(g *governor.Governor) cloud.Transcoder {
	t := transcoder{r, r.w.mem.Transcoder}
	if g == nil {
		return t
	}
	return g.Limit(t)
}

// reconciler is the process's, as one of its runs reaches the world.
func (p *process) reconciler(r *run) *reconcile.Reconciler {
	l := p.lost
	l.Ledger, l.Tasks, l.Queue = ledger.New(store{r, r.w.mem.Store}, shelf), inspector{r}, client{r}
	l.Transcoder = r.transcoder(p.governor)
	if p.governor != nil {
		count := p.sweeper(r)
		wake := count.Wake
		count.Seen = nil
		count.Wake = func(ctx context.Context, job, asset string, build int) error {
			_ = wake(ctx, job, asset, build) // it comes by itself
			return nil
		}
		l.Epoch, l.Sweep = p.governor, count.Sweep
	}
	return l
}

// sweeper keeps the job board, wired as a worker's.
func (p *process) sweeper(r *run) *governor.Sweeper {
	next := client{r}
	seen := &reconcile.Reconciler{
		Ledger: ledger.New(store{r, r.w.mem.Store}, shelf), Queue: next, Transcoder: r.transcoder(p.governor), Fleet: fleet, Log: zap.NewNop(),
	}
	return &governor.Sweeper{
		Governor: p.governor, Jobs: r.transcoder(p.governor), Every: sweepEvery, Rare: rareEvery,
		Wake: func(ctx context.Context, job, asset string, build int) error {
			return next.Wake(ctx, tasks.TranscodePoll{Asset: asset, Build: build, Job: job})
		},
		WakeSubmit: func(_ context.Context, lane, asset string, build int) error {
			return next.nudge(tasks.TranscodeSubmit{Asset: asset, Build: build, Lane: tasks.Lane(lane)})
		},
		Seen: seen.Seen,
		Log:  zap.NewNop(),
	}
}

// addSweeps adds what workers do beside their tasks.
func (w *world) addSweeps() {
	w.addSweep("sweep of due assets", 15*time.Minute, w.retireDue, nil)
	if !w.broken.noReconciler {
		w.addSweep("reconciler", passEvery, w.reconcile, w.nextPass)
	}
	w.addSweep("invalidations", staleEvery, w.invalidate, w.nextStale)
	if w.shared == nil {
		return
	}
	w.addSweep("job board", sweepEvery, w.keepBoard, w.nextSweep)
	w.addSweep("calls", callEvery, w.call, w.nextCall)
	if w.events {
		w.addSweep("events", hearEvery, w.listen, w.nextEvents)
	}
}

func (w *world) addSweep(name string, every time.Duration, f func(*run, context.Context) error, next func(*run) time.Duration) {
	w.sweeps = append(w.sweeps, &sweep{name: name, every: every, due: time.Now().Add(every), f: f, next: next})
}

// sooner has a sweep begin after d at the latest.
func (w *world) sooner(name string, d time.Duration) {
	for _, s := range w.sweeps {
		if at := time.Now().Add(d); s.name == name && s.due.After(at) {
			s.due = at
		}
	}
}

func (w *world) retireDue(r *run, ctx context.Context) error {
	p := w.worker()
	if mine, err := p.hold(ctx, "due", otherLease); err != nil || !mine {
		return err
	}
	store := store{r, w.mem.Store}
	return (&reconcile.Due{
		Ledger: ledger.New(store, shelf), Queue: client{r}, Now: store.Now, Grace: grace, Log: zap.NewNop(),
	}).Sweep(ctx)
}

const passEvery = 5 * time.Minute

// reconcile is a turn of [reconcile.Reconciler.Run].
func (w *world) reconcile(r *run, ctx context.Context) error {
	p := w.worker()
	if mine, err := p.hold(ctx, "reconcile", otherLease); err != nil || !mine {
		return err
	}
	l := p.reconciler(r)
	if recovered, err := l.Recover(ctx); err != nil || recovered {
		return err
	}
	_, err := l.Pass(ctx, false)
	return err
}

func (w *world) nextPass(*run) time.Duration {
	if w.shared != nil && !w.shared.epoch() {
		return 2 * time.Second
	}
	return passEvery
}

// keepBoard is a turn of [governor.Sweeper.Run].
func (w *world) keepBoard(r *run, ctx context.Context) error {
	p := w.worker()
	if mine, err := p.hold(ctx, "sweep", sweepLease); err != nil || !mine {
		return errors.Join(err, errNotMine)
	}
	s := p.sweeper(r)
	_, err := s.Call(ctx)
	if w.broken.noSweep {
		return err
	}
	return errors.Join(err, s.Sweep(ctx))
}

var errNotMine = errors.New("somebody else has the lease")

func (w *world) nextSweep(r *run) time.Duration {
	switch {
	case r.dead || errors.Is(r.err, errNotMine):
		return callEvery
	case r.err != nil:
		return sweepEvery
	case !w.shared.busy():
		return idleEvery
	case w.shared.numbers().Events:
		return rareEvery
	}
	return sweepEvery
}

func (w *world) call(r *run, ctx context.Context) error {
	p := w.worker()
	if mine, err := p.hold(ctx, "sweep", sweepLease); err != nil || !mine {
		return err
	}
	_, err := p.sweeper(r).Call(ctx)
	return err
}

func (w *world) nextCall(*run) time.Duration {
	if n := w.shared.numbers(); n.Waiting["live"]+n.Waiting["bulk"] == 0 {
		return idleEvery
	}
	return callEvery
}

// listen hears what events there are, and ends.
func (w *world) listen(r *run, ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	return w.worker().sweeper(r).Listen(ctx, heard{r, w.mem.Events, cancel})
}

func (w *world) nextEvents(*run) time.Duration {
	switch {
	case w.mem.Events.Len() > 0:
		return callEvery
	case w.shared.busy():
		return hearEvery
	}
	return idleEvery
}

// heard is the queue of events as one run reaches it, until it is empty.
type heard struct {
	*run
	cloud.Events
	end context.CancelFunc
}

func (h heard) Receive(ctx context.Context, _ time.Duration) ([]cloud.Event, error) {
	got, err := do(h.run, "Events.Receive", "", func() ([]cloud.Event, error) { return h.Events.Receive(ctx, 0) })
	if err != nil || len(got) == 0 {
		h.end()
	}
	return got, err
}

func (h heard) Done(ctx context.Context, receipts ...string) error {
	_, err := do(h.run, "Events.Done", "", func() (struct{}, error) { return struct{}{}, h.Events.Done(ctx, receipts...) })
	return err
}
