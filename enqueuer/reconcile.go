package main

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/vodfleet/vodfleet/internal/config"
	"github.com/vodfleet/vodfleet/internal/queue"
	"github.com/vodfleet/vodfleet/internal/reconcile"
	"github.com/vodfleet/vodfleet/internal/run"
	"go.uber.org/zap"
)

type reconcileCmd struct {
	config.Redis
	config.Ledger
	output

	DryRun bool `help:"Change nothing; tell what would be done."`
	Jobs   bool `default:"true" negatable:"" help:"Look through the lists of jobs too, for those that no build waits for."`
}

func (reconcileCmd) Help() string {
	return `Makes one pass of what the workers do each minute: it finds and mends what
crashes, lost answers and an emptied Redis leave behind. A repeat, and a pass
beside that of a worker, is harmless.

  no-task          an open asset that no task works on: it gets its task
  archived-task    an open asset whose task was given up: it gets a new one
  orphaned-task    an active task whose worker is lost and that Asynq would
                   never run again: it goes back to its queue
  unreadable-task  a task that Asynq cannot decode: it is moved aside
  stale-marker     a mark of open work where none is left: it is removed
  adopted-job      a job that a run made and did not live to note
  duplicate-job    a job one too many, unfinished: it is canceled
  paid-job, ended-job                one too many, and it has ended
  stuck, corrupt-record, newer-record, missing-record, unknown-job
                                     told, and left alone

An orphaned task is mended once it was seen so for a minute and a half.

Examples:

  enqueuer reconcile --dry-run
  enqueuer reconcile --no-jobs --output json

Exit codes: 0 nothing was found, or all of it is mended; 1 failed; 2 wrong usage;
3 something was found and left, as all is with --dry-run.`
}

func (c *reconcileCmd) Run(e *env) error {
	_, book, err := e.openLedger(c.Ledger)
	if err != nil {
		return err
	}
	inspector, err := openInspector(c.Redis)
	if err != nil {
		return err
	}
	defer inspector.Close()
	client, err := openQueue(c.Redis)
	if err != nil {
		return err
	}
	defer client.Close()
	r := &reconcile.Reconciler{
		Ledger: book, Tasks: inspector, Queue: queue.NewClient(client), Fleet: c.Fleet(), Log: zap.NewNop(),
	}
	if c.Jobs {
		g, err := openGovernor(c.Redis, c.Fleet())
		if err != nil {
			return err
		}
		defer g.Close()
		transcoder, err := e.transcoder(e.ctx)
		if err != nil {
			return err
		}
		r.Transcoder = g.Limit(transcoder)
	}
	report, err := r.Pass(e.ctx, c.DryRun)
	if c.json() {
		err = errors.Join(err, printJSON(e.out, report))
	} else {
		printReport(e.out, report)
	}
	if left := leftOf(report); err == nil && left > 0 {
		err = &run.Error{Code: run.Unfinished, Err: fmt.Errorf("%d found and left", left)}
	}
	return err
}

// leftOf counts what a pass found and did not mend, and what does not mend
// itself.
func leftOf(r reconcile.Report) (left int) {
	for kind, n := range r.Found {
		if kind != reconcile.EndedJob && kind != reconcile.NewerRecord {
			left += n - r.Mended[kind]
		}
	}
	return left
}

// maxTold bounds the findings that are told one by one.
const maxTold = 50

func printReport(w io.Writer, r reconcile.Report) {
	fmt.Fprintf(w, "%d open assets, %d live tasks, %d records read, %d jobs listed in %v\n",
		r.Open, r.Tasks, r.Read, r.Jobs, r.Took.Round(time.Millisecond))
	if found, _ := r.Total(); found == 0 {
		fmt.Fprintln(w, "nothing to mend")
		return
	}
	t := newTable(w)
	verb := "mended"
	if r.DryRun {
		verb = "mended (dry run)"
	}
	t.AppendHeader(table.Row{"what", "found", verb})
	for _, kind := range reconcile.Kinds {
		if r.Found[kind] > 0 {
			t.AppendRow(table.Row{kind, r.Found[kind], r.Mended[kind]})
		}
	}
	t.Render()
	for _, f := range r.Findings[:min(len(r.Findings), maxTold)] {
		var line strings.Builder
		line.WriteString(string(f.Kind))
		for _, word := range []string{f.Asset, f.Task, f.Job, f.Source} {
			if word != "" {
				line.WriteString("  " + plain(word))
			}
		}
		if f.Why != "" {
			line.WriteString(": " + plain(f.Why))
		}
		fmt.Fprintln(w, line.String())
	}
	if found, _ := r.Total(); found > maxTold {
		fmt.Fprintf(w, "and more; --output json tells the first %d\n", len(r.Findings))
	}
	if r.Cut {
		fmt.Fprintln(w, "there is more than one pass looks at; run it again")
	}
}
