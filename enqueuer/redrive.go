package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/vodfleet/vodfleet/internal/cloud"
	"github.com/vodfleet/vodfleet/internal/config"
	"github.com/vodfleet/vodfleet/internal/ledger"
	"github.com/vodfleet/vodfleet/internal/queue"
	"github.com/vodfleet/vodfleet/internal/run"
	"github.com/vodfleet/vodfleet/internal/stage"
	"github.com/vodfleet/vodfleet/tasks"
	"golang.org/x/sync/errgroup"
)

type redriveCmd struct {
	config.Redis
	config.Ledger
	output

	Assets   []string      `arg:"" optional:"" name:"asset" help:"Assets to send again: IDs or s3://BUCKET/KEY of their sources."`
	Class    string        `help:"Send all failures of this class again: ${classes}." placeholder:"CLASS"`
	Limit    int           `help:"Assets to send again at the most; 0 for any number." placeholder:"N"`
	DryRun   bool          `help:"Change nothing; tell what would be sent, and where it would go on."`
	Replicas int           `name:"redis-wait-replicas" env:"VODFLEET_REDIS_WAIT_REPLICAS" help:"Replicas of Redis that must have the tasks before they count as sent." placeholder:"N"`
	Patience time.Duration `name:"redis-wait-timeout" env:"VODFLEET_REDIS_WAIT_TIMEOUT" default:"10s" help:"How long the replicas may take." placeholder:"D"`
}

func (redriveCmd) Help() string {
	return `Sends assets again that have failed for good, once their cause is mended. Each
goes on at the stage that failed: a complete job whose files were not whole is
verified again and not paid for again; after a job that failed there is a new
one, which is paid for; a source that could not be used is looked at again. An
archived task in the way is cleared. A repeat is safe: what was sent is skipped.

Examples:

  enqueuer failures
  enqueuer redrive --class access --dry-run
  enqueuer redrive --class access --limit 100
  enqueuer redrive s3://library/films/one.mp4

Exit codes: 0 sent, or there was nothing to send; 1 failed; 2 wrong usage; 3 some
were left: beyond --limit, not as named, or with records that cannot be read.`
}

// sent is what redrive tells.
type sent struct {
	DryRun  bool           `json:"dry_run"`
	Sent    int            `json:"sent"`
	Stages  map[string]int `json:"stages"`           // where they go on
	Skipped map[string]int `json:"skipped"`          // by reason
	Failed  int            `json:"failed,omitempty"` // could not be sent, or not for certain
	Left    int            `json:"left"`             // beyond --limit
	Assets  []sentAsset    `json:"assets"`           // the first 1,000

	mu    sync.Mutex
	taken int     // of the limit
	row   int     // that could not be sent, one after the other
	errs  []error // the first few of those
}

type sentAsset struct {
	Asset  string `json:"asset"`
	Source string `json:"source,omitempty"`
	Stage  string `json:"stage,omitempty"`  // where it goes on
	Reason string `json:"reason,omitempty"` // why it was skipped
	Error  string `json:"error,omitempty"`  // why it could not be sent
}

// redriver sends assets again.
type redriver struct {
	book  *ledger.Store
	queue clearing
	class ledger.Class // empty: of any
	limit int          // 0: none
	dry   bool
	named bool // one by one
	sent  *sent
}

// clearing is a queue that has no archived task in the way of a new one: that
// would be set going with the failures that it had.
type clearing struct {
	*queue.Client
	archive *queue.Inspector
}

func (q clearing) EnqueueIn(ctx context.Context, t tasks.Task, delay time.Duration) error {
	if _, err := q.archive.Clear(ctx, queue.Ref(t)); err != nil {
		return err
	}
	return q.Client.EnqueueIn(ctx, t, delay)
}

func (q clearing) Enqueue(ctx context.Context, t tasks.Task) error { return q.EnqueueIn(ctx, t, 0) }

func (c *redriveCmd) Run(e *env) error {
	class, err := failureClass(c.Class)
	if err != nil {
		return err
	}
	switch {
	case (class == "") == (len(c.Assets) == 0):
		return run.UsageError(errors.New("redrive: want either --class or assets"))
	case c.Limit < 0:
		return run.UsageError(fmt.Errorf("limit %d: want none or more", c.Limit))
	case c.Replicas < 0 || c.Patience < time.Millisecond:
		return run.UsageError(fmt.Errorf("redis-wait-replicas %d, redis-wait-timeout %v: want none or more, and a millisecond or more", c.Replicas, c.Patience))
	}
	var assets []string
	for _, arg := range c.Assets {
		id, err := asset(arg)
		if err != nil {
			return err
		}
		if !slices.Contains(assets, id) {
			assets = append(assets, id)
		}
	}
	w, err := openOrders(e, c.Redis, c.Ledger)
	if err != nil {
		return err
	}
	defer w.close()
	s := &sent{DryRun: c.DryRun, Stages: map[string]int{}, Skipped: map[string]int{}, Assets: []sentAsset{}}
	r := redriver{
		book: w.book, queue: w.queue, class: class,
		limit: c.Limit, dry: c.DryRun, named: len(assets) > 0, sent: s,
	}
	replicas := c.Replicas
	if c.DryRun {
		replicas = 0
	}
	err = r.queue.Confirm(e.ctx, replicas, c.Patience) // before: a failover is seen against this
	if err == nil {
		err = r.all(e.ctx, assets)
		err = errors.Join(err, r.queue.Confirm(e.ctx, replicas, c.Patience))
	}
	if c.json() {
		err = errors.Join(err, printJSON(e.out, s))
	} else {
		s.print(e.out, r.named)
	}
	if err == nil && (s.Left > 0 || s.Skipped[reasonBroken] > 0 || r.named && sum(s.Skipped) > 0) {
		err = &run.Error{Code: run.Unfinished, Err: fmt.Errorf("%d skipped, %d left", sum(s.Skipped), s.Left)}
	}
	return err
}

// all sends the named assets again, or those of the class.
func (r *redriver) all(ctx context.Context, named []string) error {
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(recordsAtOnce)
	send := func(asset string) bool {
		if !r.full() {
			g.Go(func() error {
				if err := r.one(gctx, asset); err != nil {
					return r.fail(asset, err)
				}
				return nil
			})
		}
		return gctx.Err() == nil
	}
	for _, asset := range named {
		if !send(asset) {
			break
		}
	}
	if len(named) == 0 {
		for m, err := range r.book.FailedMarkers(gctx, r.class) {
			if err != nil {
				return errors.Join(g.Wait(), err)
			}
			if !send(m.Asset) {
				break
			}
		}
	}
	stopped := g.Wait()
	return errors.Join(append(r.sent.errs, stopped, context.Cause(ctx))...)
}

const (
	maxRow  = 100 // assets that cannot be sent, one after the other: then the run ends, as for want of the cloud or of Redis
	maxErrs = 10  // errors that are told
)

// fail notes an asset that could not be sent, and keeps the others from their
// turn only if many such follow each other.
func (r *redriver) fail(asset string, err error) error {
	s := r.sent
	s.mu.Lock()
	defer s.mu.Unlock()
	s.Failed++
	s.list(sentAsset{Asset: asset, Error: err.Error()})
	if len(s.errs) < maxErrs {
		s.errs = append(s.errs, err)
	}
	if s.row++; s.row >= maxRow {
		return fmt.Errorf("redrive: %d assets one after the other could not be sent", s.row)
	}
	return nil
}

// full reports whether the limit is used up, and counts one more asset as left
// then: without a look at it.
func (r *redriver) full() bool {
	r.sent.mu.Lock()
	defer r.sent.mu.Unlock()
	full := r.limit > 0 && r.sent.taken >= r.limit
	if full {
		r.sent.Left++
	}
	return full
}

// take takes a place within the limit, if there is one; else the asset is left.
func (r *redriver) take() bool {
	r.sent.mu.Lock()
	defer r.sent.mu.Unlock()
	if r.limit > 0 && r.sent.taken >= r.limit {
		r.sent.Left++
		return false
	}
	r.sent.taken++
	return true
}

// Reasons to skip an asset.
const (
	reasonBroken  = "its record cannot be read; see enqueuer reconcile"
	reasonUnknown = "the ledger does not know it"
	reasonWell    = "it has not failed, or was sent again before"
)

// one sends one asset again.
func (r *redriver) one(ctx context.Context, asset string) error {
	rec, err := r.book.Get(ctx, asset)
	switch {
	case errors.Is(err, ledger.ErrCorrupt), errors.Is(err, ledger.ErrNewer):
		r.skip(sentAsset{Asset: asset, Reason: reasonBroken})
		return nil
	case errors.Is(err, cloud.ErrNotFound):
		r.skip(sentAsset{Asset: asset, Reason: reasonUnknown})
		return nil
	case err != nil:
		return err
	}
	a := sentAsset{Asset: asset, Source: rec.Location.String()}
	f := rec.Failed()
	if f != nil && r.class != "" && f.Class != r.class {
		a.Reason = "it has failed otherwise since: " + class(f.Class)
		r.skip(a)
		return nil
	}
	if f != nil && !r.take() {
		return nil
	}
	rec, err = r.redrive(ctx, rec)
	if _, refused := errors.AsType[*ledger.TransitionError](err); refused {
		a.Reason = reasonWell
		r.skip(a)
		return nil
	}
	if err != nil {
		return fmt.Errorf("redrive asset %s: %w", asset, err)
	}
	if next := stage.Next(rec); next != nil {
		a.Stage = next.Kind()
	}
	r.note(a)
	return nil
}

func (r *redriver) redrive(ctx context.Context, rec *ledger.Record) (*ledger.Record, error) {
	if !r.dry {
		return stage.Redrive(ctx, r.book, r.queue, rec.Asset)
	}
	err := rec.Redrive(r.book.Now(), func(old ledger.Build, _ int) (cloud.JobSpec, error) { return *old.Spec, nil })
	return rec, err
}

// maxAssets bounds the assets that are told one by one.
const maxAssets = 1000

func (r *redriver) note(a sentAsset) {
	r.sent.mu.Lock()
	defer r.sent.mu.Unlock()
	r.sent.Sent++
	r.sent.row = 0
	r.sent.Stages[a.Stage]++
	r.sent.list(a)
}

func (r *redriver) skip(a sentAsset) {
	r.sent.mu.Lock()
	defer r.sent.mu.Unlock()
	r.sent.Skipped[a.Reason]++
	r.sent.list(a)
}

func (s *sent) list(a sentAsset) {
	if len(s.Assets) < maxAssets {
		s.Assets = append(s.Assets, a)
	}
}

func (s *sent) print(w io.Writer, each bool) {
	verb := "sent again"
	if s.DryRun {
		verb = "would be sent again"
	}
	fmt.Fprintf(w, "%d assets %s\n", s.Sent, verb)
	for _, name := range slices.Sorted(maps.Keys(s.Stages)) {
		fmt.Fprintf(w, "  %6d go on at %s\n", s.Stages[name], name)
	}
	for _, reason := range slices.Sorted(maps.Keys(s.Skipped)) {
		fmt.Fprintf(w, "  %6d skipped: %s\n", s.Skipped[reason], reason)
	}
	if s.Failed > 0 {
		fmt.Fprintf(w, "  %6d could not be sent; send them again, by name where it was their task: see the errors\n", s.Failed)
	}
	if s.Left > 0 {
		fmt.Fprintf(w, "  %6d left: more than --limit\n", s.Left)
	}
	if !each {
		return
	}
	slices.SortFunc(s.Assets, func(a, b sentAsset) int { return strings.Compare(a.Asset, b.Asset) })
	for _, a := range s.Assets {
		what := a.Stage
		switch {
		case a.Reason != "":
			what = "skipped: " + a.Reason
		case a.Error != "":
			what = "failed: " + plain(a.Error)
		}
		fmt.Fprintf(w, "%s  %s  %s\n", a.Asset, what, plain(a.Source))
	}
}
