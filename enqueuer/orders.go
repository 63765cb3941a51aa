package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/vodfleet/vodfleet/internal/cloud"
	"github.com/vodfleet/vodfleet/internal/config"
	"github.com/vodfleet/vodfleet/internal/ledger"
	"github.com/vodfleet/vodfleet/internal/queue"
	"github.com/vodfleet/vodfleet/internal/run"
	"github.com/vodfleet/vodfleet/tasks"
)

// orderFlags are those of commands that change named assets at once.
type orderFlags struct {
	config.Redis
	config.Ledger
	output

	Assets   []string      `arg:"" name:"asset" help:"Assets: IDs or s3://BUCKET/KEY of their sources."`
	DryRun   bool          `help:"Change nothing; tell what would be done."`
	Replicas int           `name:"redis-wait-replicas" env:"VODFLEET_REDIS_WAIT_REPLICAS" help:"Replicas of Redis that must have the tasks before they count as sent." placeholder:"N"`
	Patience time.Duration `name:"redis-wait-timeout" env:"VODFLEET_REDIS_WAIT_TIMEOUT" default:"10s" help:"How long the replicas may take." placeholder:"D"`
}

// ordered is what such a command tells.
type ordered struct {
	DryRun  bool           `json:"dry_run"`
	Done    int            `json:"done"`
	Refused int            `json:"refused"`
	Failed  int            `json:"failed"`
	Assets  []orderedAsset `json:"assets"`
	Notes   []string       `json:"notes,omitempty"`

	verb string // of what was done
}

type orderedAsset struct {
	Asset  string `json:"asset"`
	Source string `json:"source,omitempty"`
	State  string `json:"state,omitempty"`   // of the asset afterwards
	Refuse string `json:"refused,omitempty"` // why nothing was done
	Error  string `json:"error,omitempty"`
}

// named is an asset that a command line names.
type named struct {
	asset  string
	source cloud.Location // zero if it was named by its ID
}

// order is what an [orderFlags] command does.
type order struct {
	verb string // "removed"

	// may tells, on a record of which nothing is kept, whether it can be done.
	may func(now time.Time, r *ledger.Record) error
	do  func(ctx context.Context, o orders, n named) (*ledger.Record, error)
}

// orders is what an order works with.
type orders struct {
	book  *ledger.Store
	queue clearing
	close func()
}

func openOrders(e *env, r config.Redis, l config.Ledger) (w orders, err error) {
	if _, w.book, err = e.openLedger(l); err != nil {
		return w, err
	}
	inspector, err := openInspector(r)
	if err != nil {
		return w, err
	}
	client, err := openQueue(r)
	if err != nil {
		return w, errors.Join(err, inspector.Close())
	}
	w.queue = clearing{queue.NewClient(client), inspector}
	w.close = func() { _, _ = client.Close(), inspector.Close() } // all that was to be sent is
	return w, nil
}

// run gives the order for every asset, one after the other, and tells of it.
func (f *orderFlags) run(e *env, o order, notes ...string) error {
	if f.Replicas < 0 || f.Patience < time.Millisecond {
		return run.UsageError(fmt.Errorf("redis-wait-replicas %d, redis-wait-timeout %v: want none or more, and a millisecond or more", f.Replicas, f.Patience))
	}
	all, err := f.names()
	if err != nil {
		return err
	}
	w, err := openOrders(e, f.Redis, f.Ledger)
	if err != nil {
		return err
	}
	defer w.close()
	told := &ordered{DryRun: f.DryRun, Assets: []orderedAsset{}, verb: o.verb, Notes: notes}
	replicas := f.Replicas
	if f.DryRun {
		replicas = 0
	}
	err = w.queue.Confirm(e.ctx, replicas, f.Patience) // before: a failover is seen against this
	if err == nil {
		err = errors.Join(f.all(e.ctx, w, o, all, told), w.queue.Confirm(e.ctx, replicas, f.Patience))
	}
	if f.json() {
		err = errors.Join(err, printJSON(e.out, told))
	} else {
		told.print(e.out)
	}
	if err == nil && told.Refused > 0 {
		err = &run.Error{Code: run.Unfinished, Err: fmt.Errorf("%d refused", told.Refused)}
	}
	return err
}

// names are the assets of the command line, each once.
func (f *orderFlags) names() (all []named, err error) {
	for _, arg := range f.Assets {
		id, err := asset(arg)
		if err != nil {
			return nil, err
		}
		n := named{asset: id}
		if !tasks.IsAssetID(arg) {
			if n.source, err = location(arg); err != nil {
				return nil, err
			}
		}
		if !slices.ContainsFunc(all, func(o named) bool { return o.asset == id }) {
			all = append(all, n)
		}
	}
	return all, nil
}

// all gives the order for each asset. One that fails keeps no other from its turn.
func (f *orderFlags) all(ctx context.Context, w orders, o order, all []named, told *ordered) error {
	var errs []error
	for _, n := range all {
		if ctx.Err() != nil {
			return errors.Join(append(errs, context.Cause(ctx))...)
		}
		a := orderedAsset{Asset: n.asset}
		rec, err := f.one(ctx, w, o, n)
		if rec != nil {
			a.Source, a.State = rec.Location.String(), rec.Status()
		}
		if refused, ok := errors.AsType[*ledger.TransitionError](err); ok {
			a.Refuse = refused.Reason
			told.Refused++
		} else if err != nil {
			a.Error = err.Error()
			told.Failed++
			if len(errs) < maxErrs {
				errs = append(errs, err)
			}
		} else {
			told.Done++
		}
		if len(told.Assets) < maxAssets {
			told.Assets = append(told.Assets, a)
		}
	}
	return errors.Join(errs...)
}

func (f *orderFlags) one(ctx context.Context, w orders, o order, n named) (*ledger.Record, error) {
	if !f.DryRun {
		return o.do(ctx, w, n)
	}
	rec, err := w.book.Get(ctx, n.asset)
	switch {
	case errors.Is(err, cloud.ErrNotFound) && n.source.Key != "":
		rec = &ledger.Record{Asset: n.asset, Location: n.source}
	case err != nil:
		return nil, err
	}
	if err := o.may(w.book.Now(), rec); err != nil && !errors.Is(err, ledger.ErrUnchanged) {
		return rec, err
	}
	return rec, nil
}

func (t *ordered) print(w io.Writer) {
	verb := t.verb
	if t.DryRun {
		verb = "would be " + verb
	}
	fmt.Fprintf(w, "%d assets %s\n", t.Done, verb)
	for _, a := range t.Assets {
		what := a.State
		switch {
		case a.Refuse != "":
			what = "refused: " + plain(a.Refuse)
		case a.Error != "":
			what = "failed: " + plain(a.Error)
		}
		fmt.Fprintf(w, "%s  %s  %s\n", a.Asset, what, plain(a.Source))
	}
	if t.Done == 0 {
		return
	}
	for _, note := range t.Notes {
		fmt.Fprintln(w, note)
	}
}
