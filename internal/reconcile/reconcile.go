// Package reconcile finds what crashes, lost queues and lost answers leave
// behind, mends what can be mended, and counts and tells all of it: open assets
// that no task is working on, tasks that Asynq cannot recover, jobs that nobody
// waits for, and what is due because a grace is over.
//
// It goes by the ledger and changes no record. What is to be done with an asset
// is for the stages: a pass gives it the task that its record asks for. Tasks
// have deterministic IDs and their handlers are harmless to repeat, so a pass
// that is out of date, or a second one beside it, does no harm.
package reconcile

import (
	"context"
	"errors"
	"iter"
	"sync"
	"time"

	"github.com/vodfleet/vodfleet/internal/cloud"
	"github.com/vodfleet/vodfleet/internal/ledger"
	"github.com/vodfleet/vodfleet/internal/queue"
	"github.com/vodfleet/vodfleet/internal/stage"
	"go.uber.org/zap"
)

// Reconciler makes passes over the open assets and the tasks of a fleet. It is
// safe for concurrent use; passes run one after another.
type Reconciler struct {
	Ledger Ledger
	Tasks  Tasks
	Queue  stage.Queue

	Transcoder Transcoder // nil: jobs are not looked at
	Fleet      string     // of the jobs that are ours

	Lease Lease                           // nil: there is nobody else
	Epoch Epoch                           // nil: a loss of Redis is seen by its consequences alone
	Sweep func(ctx context.Context) error // counts the running jobs anew before submission opens; may be nil. To judge them is not needed for that
	Every time.Duration                   // between passes; 0: a minute
	Log   *zap.Logger

	once    sync.Once
	metrics metrics

	pass  sync.Mutex // held during a pass; guards what follows
	after key        // the pass before looked at candidates up to this one; zero: at all of them
	jobs  time.Time  // start of the last look through the lists of jobs

	telling    sync.Mutex
	toldUnread time.Time // guarded by telling: when Seen last told of a record that it cannot read
}

// Ledger is what a pass needs of a [ledger.Store].
type Ledger interface {
	Open(ctx context.Context) iter.Seq2[string, error]
	Get(ctx context.Context, asset string) (*ledger.Record, error)
	Settle(ctx context.Context, rec *ledger.Record) error
	Now() time.Time
}

// Tasks is what a pass needs of a [queue.Inspector].
type Tasks interface {
	Tasks(ctx context.Context) iter.Seq2[queue.Info, error]
	Alive(ctx context.Context, refs []queue.TaskRef) ([]bool, error)
	Look(ctx context.Context, queue, id string) (queue.Info, error)
	Clear(ctx context.Context, ref queue.TaskRef) (bool, error)
	RepairOrphans(ctx context.Context, grace time.Duration, dryRun bool) (queue.Repair, error)
	RepairRecords(ctx context.Context, activeOnly, dryRun bool) (queue.Repair, error)
}

// Transcoder lists jobs and cancels those that are one too many; see
// [cloud.Transcoder].
type Transcoder interface {
	List(ctx context.Context, q cloud.JobQuery) (cloud.JobPage, error)
	Cancel(ctx context.Context, id string) error
}

// Epoch tells whether Redis is the one that the fleet knows; see package
// governor. Without an epoch nothing is submitted.
type Epoch interface {
	Epoch(ctx context.Context) (string, error) // "" for none
	SetEpoch(ctx context.Context, epoch string) error

	// Missed tells that what events have said of jobs is lost: who waits for
	// one that was had already is to learn of the job some other way.
	Missed(ctx context.Context) error
}

const (
	defaultEvery = time.Minute
	atOnce       = 16               // records read at a time
	maxReads     = 20_000           // records read by one pass; the next one goes on
	maxMissing   = 1_000            // records looked for by one pass because of tasks alone
	maxSample    = 20               // records of busy assets read by one pass
	orphanGrace  = 90 * time.Second // three leases
	finished     = 5 * time.Minute  // a record that changed within it was open a moment ago
)

// Pass looks once at everything and mends what it can; with dryRun it changes
// nothing and its report says what it would have done. It costs a listing of
// the open markers and of the tasks, and reads a record only for an open asset
// that has no live task, and for a few of the others: one of an asset's tasks may
// be lost while another lives. What one step cannot do is in the error; the other
// steps are made, unless Redis does not answer, and the report is right for
// those.
func (r *Reconciler) Pass(ctx context.Context, dryRun bool) (Report, error) {
	return r.run(ctx, dryRun, maxReads, true)
}

// run is one pass that reads at most this many records, and looks through the
// lists of jobs or leaves them to the sweep.
func (r *Reconciler) run(ctx context.Context, dryRun bool, reads int, lists bool) (Report, error) {
	r.pass.Lock()
	defer r.pass.Unlock()
	p := &pass{Reconciler: r, dry: dryRun, reads: reads, began: time.Now(), unread: map[queue.TaskRef]bool{}, report: newReport(dryRun)}
	err := p.steps(ctx, lists && r.Transcoder != nil)
	p.report.Took = time.Since(p.began)
	r.count(&p.report, err)
	return p.report, err
}

func (p *pass) steps(ctx context.Context, lists bool) error {
	live, err := p.listTasks(ctx)
	if err != nil {
		return err // without Redis there is nothing to compare, nor to mend by
	}
	errs := []error{p.repair(ctx), p.open(ctx, live)}
	if lists {
		errs = append(errs, p.lists(ctx))
	}
	return errors.Join(errs...)
}

// pass is one pass under way.
type pass struct {
	*Reconciler
	dry    bool
	reads  int // records that may be read
	began  time.Time
	unread map[queue.TaskRef]bool // tasks that cannot be read

	mu     sync.Mutex
	report Report
}
