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

// counts say what became of a report's rows. They add up to Rows.
type counts struct {
	Manifest  string         `json:"manifest"`
	Rows      int            `json:"rows"`
	New       int            `json:"new"`       // enqueued, never seen before
	Changed   int            `json:"changed"`   // enqueued, other bytes or another profile than published
	InWork    int            `json:"in_work"`   // on their way already
	Unchanged int            `json:"unchanged"` // viewers have them
	Left      int            `json:"left"`      // new or changed, beyond --max-new
	Skipped   map[string]int `json:"skipped"`   // by reason
	Broken    map[string]int `json:"broken"`    // rows that cannot be read, by reason
	LeftFirst string         `json:"left_first,omitempty"`

	mu sync.Mutex
}

// maxReasons bounds the reasons that counts tell apart.
const maxReasons = 50

func (c *counts) note(m *map[string]int, reason string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if *m == nil {
		*m = make(map[string]int)
	}
	if _, ok := (*m)[reason]; !ok && len(*m) >= maxReasons {
		reason = "other reasons"
	}
	(*m)[reason]++
}

func (c *counts) add(n *int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	*n++
}

// admit takes one place of the limit for an asset that will be transcoded, and
// says whether there was one.
func (c *counts) admit(n *int, limit int, at cloud.Location) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.New+c.Changed < limit {
		*n++
		return true
	}
	if c.Left == 0 {
		c.LeftFirst = at.String()
	}
	c.Left++
	return false
}

// run reads a report to its end. A repeat is safe, and the counts are right
// also where it ends with an error.
func (f *feed) run(ctx context.Context, report *inventory.Report, manifest cloud.Location) (*counts, error) {
	c := &counts{Manifest: manifest.String()}
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
			c.add(&c.Rows)
			c.note(&c.Broken, broken.Reason())
			continue
		}
		if err != nil {
			return err
		}
		c.add(&c.Rows)
		g.Go(func() error { return f.row(ctx, c, report, row) })
	}
	return nil
}

// row decides about one row of a report.
func (f *feed) row(ctx context.Context, c *counts, report *inventory.Report, row inventory.Row) error {
	task, skip := report.Plan(row)
	if skip != "" {
		c.note(&c.Skipped, skip)
		return nil
	}
	at := cloud.Location{Bucket: task.Bucket, Key: task.Key}
	if !f.sources.Allow(at) {
		c.note(&c.Skipped, "not among the allowed sources")
		return nil
	}
	task.Profile, task.Lane = f.profile, f.lane
	if err := task.Validate(); err != nil {
		c.note(&c.Broken, err.Error())
		return nil
	}
	rec, err := f.book.Get(ctx, tasks.AssetID(task.Bucket, task.Key))
	switch {
	case errors.Is(err, cloud.ErrNotFound):
		if !c.admit(&c.New, f.maxNew, at) {
			return nil
		}
	case err != nil:
		return err
	default:
		if done, err := f.known(c, rec, task, at); done || err != nil {
			return err
		}
	}
	if _, err := f.client.Enqueue(ctx, task); err != nil {
		return fmt.Errorf("row %d of %s: %w", row.Line, report.File(row), err)
	}
	return nil
}

// known decides about an asset that the ledger knows; done means that nothing
// is to be enqueued.
func (f *feed) known(c *counts, rec *ledger.Record, task tasks.Ingest, at cloud.Location) (done bool, err error) {
	rev := ledger.Revision{ID: tasks.Revision(task.SourceVersion, task.Profile), Source: task.SourceVersion, Profile: task.Profile}
	switch d := rec.Decide(rev); {
	case task.SourceVersion == "": // only the source itself can tell
		return !c.admit(&c.Changed, f.maxNew, at), nil
	case d.Kind == ledger.KindNew:
		return !c.admit(&c.Changed, f.maxNew, at), nil
	case rec.Wanted.ID != rev.ID && (d.Kind == ledger.KindStanding || d.Kind == ledger.KindCurrent):
		c.add(&c.Changed) // back to a build that is there: nothing to transcode
		return false, nil
	case rec.Open(): // enqueued again, which sets it going should it have stopped
		c.add(&c.InWork)
		return false, nil
	case d.Kind == ledger.KindFailed:
		c.note(&c.Skipped, "failed before; waits to be redriven or replaced")
	case d.Kind == ledger.KindRejected:
		c.note(&c.Skipped, "rolled back from")
	default:
		c.add(&c.Unchanged)
	}
	return true, nil
}

// print tells the counts to a person.
func (c *counts) print(w io.Writer) {
	fmt.Fprintf(w, "%s\n  %d rows: %d new, %d changed, %d in work, %d unchanged, %d skipped, %d broken, %d left\n",
		c.Manifest, c.Rows, c.New, c.Changed, c.InWork, c.Unchanged, sum(c.Skipped), sum(c.Broken), c.Left)
	for what, reasons := range map[string]map[string]int{"skipped": c.Skipped, "broken": c.Broken} {
		for _, reason := range slices.Sorted(maps.Keys(reasons)) {
			fmt.Fprintf(w, "  %s %d: %s\n", what, reasons[reason], reason)
		}
	}
	if c.Left > 0 {
		fmt.Fprintf(w, "  left %d, from %s on: more than --max-new would be transcoded; scan again when these are done, or raise --max-new\n", c.Left, c.LeftFirst)
	}
}

func (c *counts) String() string {
	var b strings.Builder
	c.print(&b)
	return b.String()
}

func sum(m map[string]int) (n int) {
	for _, v := range m {
		n += v
	}
	return n
}
