package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"sync"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/vodfleet/vodfleet/internal/cloud"
	"github.com/vodfleet/vodfleet/internal/config"
	"github.com/vodfleet/vodfleet/internal/ledger"
	"github.com/vodfleet/vodfleet/internal/queue"
	"golang.org/x/sync/errgroup"
)

type statusCmd struct {
	config.Redis
	config.Ledger
	output

	Full bool `help:"Read every record and count all states, at one request an asset. Without it only what is open or failed is read."`
}

func (statusCmd) Help() string {
	return `Counts assets by the state that the ledger has of them, and tasks by queue.
Published assets are those with a record that are neither open nor failed: they
cost one listing a thousand. Records are read for the rest. Gates that are closed
and stages that are paused are told too.

Examples:

  enqueuer status
  enqueuer status --full --output json

Exit codes: 0 done, 1 failed, 2 wrong usage.`
}

// overview is what status tells.
type overview struct {
	Assets int             `json:"assets"`
	States map[string]int  `json:"states"`
	Failed map[string]int  `json:"failed,omitempty"` // by class
	Broken int             `json:"broken,omitempty"` // records that cannot be read
	Gates  []gate          `json:"gates,omitempty"`  // closed
	Queues []queue.Lengths `json:"queues"`
}

func (c *statusCmd) Run(e *env) error {
	_, book, err := e.openLedger(c.Ledger)
	if err != nil {
		return err
	}
	inspector, err := openInspector(c.Redis)
	if err != nil {
		return err
	}
	defer inspector.Close()
	o := overview{States: map[string]int{}, Failed: map[string]int{}}
	if o.Queues, err = inspector.Lengths(e.ctx); err != nil {
		return err
	}
	if o.Gates, err = closedGates(e.ctx, c.Redis); err != nil {
		return err
	}
	if err := o.count(e.ctx, book, c.Full); err != nil {
		return err
	}
	if c.json() {
		return printJSON(e.out, o)
	}
	o.print(e.out)
	return nil
}

// recordsAtOnce is how many records are read at a time.
const recordsAtOnce = 32

// count counts the assets: all of them by their records, or those by their
// records that have a marker, and the rest by a listing.
func (o *overview) count(ctx context.Context, book *ledger.Store, full bool) error {
	marked := map[string]bool{}
	if !full {
		for asset, err := range book.Open(ctx) {
			if err != nil {
				return err
			}
			marked[asset] = true
		}
		for asset, err := range book.Removed(ctx) {
			if err != nil {
				return err
			}
			marked[asset] = true
		}
		for m, err := range book.FailedMarkers(ctx) {
			if err != nil {
				return err
			}
			marked[m.Asset] = true
		}
	}
	var mu sync.Mutex
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(recordsAtOnce)
	for asset, err := range book.List(ctx) {
		if err != nil {
			return errors.Join(err, g.Wait())
		}
		mu.Lock()
		o.Assets++
		read := full || marked[asset]
		if !read {
			o.States["published"]++
		}
		mu.Unlock()
		if !read {
			continue
		}
		g.Go(func() error {
			rec, err := book.Get(gctx, asset)
			mu.Lock()
			defer mu.Unlock()
			switch {
			case errors.Is(err, ledger.ErrCorrupt), errors.Is(err, ledger.ErrNewer):
				o.Broken++
				return nil
			case errors.Is(err, cloud.ErrNotFound):
				o.Assets--
				return nil
			case err != nil:
				return err
			}
			o.States[rec.Status()]++
			if f := rec.Failed(); f != nil {
				o.Failed[class(f.Class)]++
			}
			return nil
		})
	}
	return g.Wait()
}

func (o *overview) print(w io.Writer) {
	fmt.Fprintf(w, "%d assets\n", o.Assets)
	for _, state := range slices.Sorted(maps.Keys(o.States)) {
		fmt.Fprintf(w, "  %-12s %d\n", state, o.States[state])
	}
	for _, class := range slices.Sorted(maps.Keys(o.Failed)) {
		fmt.Fprintf(w, "    %-10s %d\n", class, o.Failed[class])
	}
	if o.Broken > 0 {
		fmt.Fprintf(w, "  %-12s %d (records that cannot be read; see enqueuer explain)\n", "broken", o.Broken)
	}
	if len(o.Gates) > 0 {
		printGates(w, o.Gates)
	}
	t := newTable(w)
	t.AppendHeader(table.Row{"queue", "pending", "active", "scheduled", "retry", "archived"})
	for _, q := range o.Queues {
		name := q.Queue
		if q.Paused {
			name += " (paused)"
		}
		t.AppendRow(table.Row{name, q.Pending, q.Active, q.Scheduled, q.Retry, q.Archived})
	}
	t.Render()
}

// newTable returns a table in the one style of this program.
func newTable(w io.Writer) table.Writer {
	t := table.NewWriter()
	t.SetOutputMirror(w)
	style := table.StyleLight
	style.Options = table.OptionsNoBordersAndSeparators
	style.Format.HeaderAlign, style.Format.Header = 0, 0
	t.SetStyle(style)
	return t
}
