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

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/vodfleet/vodfleet/internal/cloud"
	"github.com/vodfleet/vodfleet/internal/config"
	"github.com/vodfleet/vodfleet/internal/ledger"
	"github.com/vodfleet/vodfleet/internal/run"
	"golang.org/x/sync/errgroup"
)

type failuresCmd struct {
	config.Ledger
	output

	Class string `help:"Only failures of this class: ${classes}." placeholder:"CLASS"`
	Since string `help:"Only failures since then: a time (RFC 3339), a day, or how long ago (\"36h\")." placeholder:"TIME"`
	Most  int    `default:"50000" help:"Records to read at the most; failures beyond are counted by class and not grouped." placeholder:"N"`
}

func (failuresCmd) Help() string {
	return `Groups what has failed for good by its cause, the most frequent first, with a
sample of each. Failures live in the ledger until their cause is mended and they
are sent again (enqueuer redrive), or new content replaces them. The counts of
the classes come from a listing; records are read for the causes.

Examples:

  enqueuer failures
  enqueuer failures --class access --since 24h
  enqueuer failures --since 2026-11-22T08:00:00Z --output json

Exit codes: 0 done, 1 failed, 2 wrong usage.`
}

// failed is what failures tells.
type failed struct {
	Failed  int                  `json:"failed"`
	Classes map[ledger.Class]int `json:"classes"` // by their markers; with a time, by their records
	Causes  []*cause             `json:"causes"`
	Stale   int                  `json:"stale,omitempty"`  // markers of assets that have not failed, or not so, any more
	Broken  int                  `json:"broken,omitempty"` // records that cannot be read
	Unread  int                  `json:"unread,omitempty"` // beyond --most

	recent bool // with --since
	mu     sync.Mutex
	groups causes
}

func (c *failuresCmd) Run(e *env) error {
	class, err := failureClass(c.Class)
	if err != nil {
		return err
	}
	since, err := parseSince(c.Since, time.Now())
	if err != nil {
		return err
	}
	if c.Most < 0 {
		return run.UsageError(fmt.Errorf("most %d: want none or more", c.Most))
	}
	_, book, err := e.openLedger(c.Ledger)
	if err != nil {
		return err
	}
	f := failed{Classes: map[ledger.Class]int{}}
	if err := f.read(e.ctx, book, class, since, c.Most); err != nil {
		return err
	}
	if c.json() {
		return printJSON(e.out, &f)
	}
	f.print(e.out)
	return nil
}

// failureClass reads a class; empty is all of them.
func failureClass(name string) (ledger.Class, error) {
	class := ledger.Class(strings.ReplaceAll(name, " ", "-")) // as people are told of it
	if class != "" && !slices.Contains(ledger.Classes, class) {
		return "", run.UsageError(fmt.Errorf("class %q: want one of %s", name, classNames()))
	}
	return class, nil
}

func classNames() string {
	var names []string
	for _, c := range ledger.Classes {
		names = append(names, string(c))
	}
	return strings.Join(names, ", ")
}

// parseSince reads a time, a day or an age; empty is the zero time.
func parseSince(text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if age, err := time.ParseDuration(text); err == nil && age >= 0 {
		return now.Add(-age), nil
	}
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if t, err := time.Parse(layout, text); err == nil {
			return t, nil
		}
	}
	return time.Time{}, run.UsageError(fmt.Errorf("since %q: want a time as 2026-11-22T08:00:00Z, a day as 2026-11-22, or an age as 36h", text))
}

// read counts and groups failures. It lists the markers and reads the records
// of at most this many assets.
func (f *failed) read(ctx context.Context, book *ledger.Store, class ledger.Class, since time.Time, most int) error {
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(recordsAtOnce)
	f.recent = !since.IsZero()
	read := 0
	var only []ledger.Class // none: all
	if class != "" {
		only = append(only, class)
	}
	for m, err := range book.FailedMarkers(gctx, only...) {
		if err != nil {
			return errors.Join(g.Wait(), err)
		}
		f.mu.Lock()
		if since.IsZero() {
			f.Failed++
			f.Classes[m.Class]++
		}
		if read == most {
			f.Unread++
		}
		f.mu.Unlock()
		if read < most {
			read++
			g.Go(func() error {
				rec, err := book.Get(gctx, m.Asset)
				return f.note(rec, err, m, since)
			})
		}
	}
	if err := g.Wait(); err != nil {
		return err
	}
	f.Causes = f.groups.list()
	return nil
}

// note counts one record, or what came of reading it.
func (f *failed) note(rec *ledger.Record, err error, m ledger.FailedMarker, since time.Time) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case errors.Is(err, ledger.ErrCorrupt), errors.Is(err, ledger.ErrNewer):
		f.Broken++
		return nil
	case errors.Is(err, cloud.ErrNotFound):
		f.Stale++
		return nil
	case err != nil:
		return err
	}
	why := rec.Failed()
	switch {
	case why == nil || why.Class != m.Class:
		f.Stale++
	case why.At.Before(since):
	default:
		f.groups.add(rec, why)
		if !since.IsZero() {
			f.Failed++
			f.Classes[m.Class]++
		}
	}
	return nil
}

// unread says what is known of those beyond --most: with --since only a record
// tells whether it counts.
func (f *failed) unread() string {
	if f.recent {
		return "are neither read nor counted: more than --most"
	}
	return "are counted and not read: more than --most"
}

func (f *failed) print(w io.Writer) {
	fmt.Fprintf(w, "%d assets failed\n", f.Failed)
	for _, class := range slices.SortedFunc(maps.Keys(f.Classes), func(a, b ledger.Class) int {
		return slices.Index(ledger.Classes, a) - slices.Index(ledger.Classes, b)
	}) {
		fmt.Fprintf(w, "  %-12s %d\n", class, f.Classes[class])
	}
	for _, n := range []struct {
		count int
		what  string
	}{
		{f.Stale, "marked as failed are so no more; see enqueuer explain"},
		{f.Broken, "have records that cannot be read; see enqueuer reconcile"},
		{f.Unread, f.unread()},
	} {
		if n.count > 0 {
			fmt.Fprintf(w, "  %d %s\n", n.count, n.what)
		}
	}
	if len(f.Causes) == 0 {
		return
	}
	t := newTable(w)
	t.AppendHeader(table.Row{"assets", "class", "code", "stage", "last", "cause", "sample"})
	for _, c := range f.Causes {
		code := ""
		if c.Code != 0 {
			code = fmt.Sprint(c.Code)
		}
		t.AppendRow(table.Row{c.Assets, c.Class, code, c.Stage, stamp(c.Last), plain(c.Cause), plain(c.Sample)})
	}
	t.Render()
}
