package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/vodfleet/vodfleet/internal/cloud"
	"github.com/vodfleet/vodfleet/internal/config"
	"github.com/vodfleet/vodfleet/internal/inventory"
	"github.com/vodfleet/vodfleet/internal/ledger"
	"github.com/vodfleet/vodfleet/tasks"
	"golang.org/x/sync/errgroup"
)

// feed turns the rows of a report into tasks.
type feed struct {
	book    *ledger.Store
	client  *tasks.Client
	sources config.Sources
	profile string // digest
	lane    tasks.Lane
	maxNew  int
}

// rowsAtOnce is how many rows are looked up in the ledger at a time.
const rowsAtOnce = 32

// run reads a report to its end. A repeat is safe, and the counts are right
// also where it ends with an error.
func (f *feed) run(ctx context.Context, report *inventory.Report, manifest cloud.Location) (*counts, error) {
	c := newCounts(manifest)
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(rowsAtOnce)
	err := f.rows(gctx, g, c, report)
	if gerr := g.Wait(); gerr != nil {
		return c, gerr // it ended the reading, whatever that said
	}
	if err == nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return c, err
}

// rows hands the rows of a report to g, until ctx ends.
func (f *feed) rows(ctx context.Context, g *errgroup.Group, c *counts, report *inventory.Report) error {
	for row, err := range report.Rows(ctx) {
		if ctx.Err() != nil {
			return nil // who ended it says why
		}
		if broken, ok := errors.AsType[*inventory.RowError](err); ok {
			c.note(c.Broken, broken.Reason())
			continue
		}
		if err != nil {
			return err
		}
		g.Go(func() error { return f.row(ctx, c, report, row) })
	}
	return nil
}

// row decides about one row of a report and enqueues what it asks for. The row
// is counted once that is done.
func (f *feed) row(ctx context.Context, c *counts, report *inventory.Report, row inventory.Row) error {
	task, skip := report.Plan(row)
	if skip != "" {
		c.note(c.Skipped, skip)
		return nil
	}
	task.Profile, task.Lane = f.profile, f.lane
	counted, err := f.decide(ctx, c, task)
	if counted == nil || err != nil {
		return err
	}
	if _, err := f.client.Enqueue(ctx, task); err != nil {
		c.takeBack(counted)
		return fmt.Errorf("row %d of %s: %w", row.Line, report.File(row), err)
	}
	return nil
}

// decide counts a row's task, and returns the count of what is to be enqueued;
// nil means that nothing is.
func (f *feed) decide(ctx context.Context, c *counts, task tasks.Ingest) (*int, error) {
	at := cloud.Location{Bucket: task.Bucket, Key: task.Key}
	if !f.sources.Allow(at) {
		c.note(c.Skipped, "not among the allowed sources")
		return nil, nil
	}
	if err := task.Validate(); err != nil {
		c.note(c.Broken, err.Error())
		return nil, nil
	}
	rec, err := f.book.Get(ctx, tasks.AssetID(task.Bucket, task.Key))
	switch {
	case errors.Is(err, cloud.ErrNotFound):
		return c.admit(&c.New, f.maxNew, at), nil
	case errors.Is(err, ledger.ErrCorrupt), errors.Is(err, ledger.ErrNewer):
		c.note(c.Broken, "its record in the ledger cannot be read; see enqueuer explain")
		return nil, nil
	case err != nil:
		return nil, err
	}
	return f.known(c, rec, task, at), nil
}

// known is decide for an asset that the ledger knows.
func (f *feed) known(c *counts, rec *ledger.Record, task tasks.Ingest, at cloud.Location) *int {
	rev := ledger.Revision{ID: tasks.Revision(task.SourceVersion, task.Profile), Source: task.SourceVersion, Profile: task.Profile}
	switch d := rec.Decide(rev); {
	case d.Kind == ledger.KindRemoved: // whatever its content
		c.note(c.Skipped, "removed; enqueuer restore takes it back")
	case task.SourceVersion == "": // only the source itself can tell
		return c.admit(&c.Changed, f.maxNew, at)
	case d.Kind == ledger.KindNew && rec.Wanted.Source == task.SourceVersion && rec.Wanted.Profile != task.Profile && rec.Failed() == nil:
		// A report is about sources: another profile is no reason to pay again.
		c.note(c.Skipped, "made under another profile; add it to make it again")
	case d.Kind == ledger.KindNew:
		return c.admit(&c.Changed, f.maxNew, at)
	case rec.Wanted.ID != rev.ID && (d.Kind == ledger.KindStanding || d.Kind == ledger.KindCurrent):
		return c.add(&c.Changed) // back to a build that is there: nothing to transcode
	case rec.Open(): // enqueued again, which sets it going should it have stopped
		return c.add(&c.InWork)
	case d.Kind == ledger.KindFailed:
		c.note(c.Skipped, "failed before; waits to be redriven or replaced")
	case d.Kind == ledger.KindRejected:
		c.note(c.Skipped, "rolled back from")
	default:
		c.add(&c.Unchanged)
	}
	return nil
}
