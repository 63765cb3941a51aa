package main

import (
	"fmt"

	"github.com/vodfleet/vodfleet/internal/config"
	"github.com/vodfleet/vodfleet/internal/inventory"
	"github.com/vodfleet/vodfleet/internal/run"
	"github.com/vodfleet/vodfleet/tasks"
)

type scanCmd struct {
	config.Redis
	config.Ledger
	config.Sources
	config.Profile
	output

	Manifest string `required:"" help:"The report's manifest.json, as an s3:// URI." placeholder:"S3-URI"`
	MaxNew   int    `default:"1000" help:"Assets to transcode at the most; what is beyond is left and told."`
}

func (scanCmd) Help() string {
	return `Reads one S3 Inventory report and enqueues, in the bulk lane, what viewers do
not have yet. A repeat of an unchanged report enqueues nothing.

Examples:

  enqueuer scan --manifest s3://reports/inv/library/all/2026-11-22T01-00Z/manifest.json
  enqueuer scan --max-new 50 --output json --manifest s3://…/manifest.json

Exit codes: 0 every row is accounted for, 1 failed, 2 wrong usage, 3 some assets
were left because of --max-new, or rows could not be read.`
}

func (c *scanCmd) Run(e *env) error {
	manifest, err := location(c.Manifest)
	if err != nil {
		return run.UsageError(err)
	}
	if err := c.Sources.Check(); err != nil {
		return run.UsageError(err)
	}
	if c.MaxNew < 0 {
		return run.UsageError(fmt.Errorf("max-new %d: want none or more", c.MaxNew))
	}
	store, book, err := e.openLedger(c.Ledger)
	if err != nil {
		return err
	}
	client, err := openQueue(c.Redis)
	if err != nil {
		return err
	}
	defer client.Close()
	profile, err := useProfile(e.ctx, book, c.Profile.Profile)
	if err != nil {
		return err
	}
	report, err := inventory.Open(e.ctx, store, manifest)
	if err != nil {
		return err
	}
	f := feed{book: book, client: client, sources: c.Sources, profile: profile.Digest(), lane: tasks.Bulk, maxNew: c.MaxNew}
	counts, err := f.run(e.ctx, report, manifest)
	if c.json() {
		if perr := printJSON(e.out, counts); err == nil {
			err = perr
		}
	} else {
		counts.print(e.out)
	}
	if err == nil && (counts.Left > 0 || len(counts.Broken) > 0) {
		err = &run.Error{Code: run.Unfinished, Err: fmt.Errorf("%d assets left, %d rows broken", counts.Left, sum(counts.Broken))}
	}
	return err
}
