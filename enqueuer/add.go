package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/vodfleet/vodfleet/internal/cloud"
	"github.com/vodfleet/vodfleet/internal/config"
	"github.com/vodfleet/vodfleet/internal/ledger"
	"github.com/vodfleet/vodfleet/internal/run"
	"github.com/vodfleet/vodfleet/tasks"
)

type addCmd struct {
	config.Redis
	config.Ledger
	config.Sources
	config.Profile
	output

	Videos    []string      `arg:"" name:"video" help:"Videos to enqueue, as s3://BUCKET/KEY; the key is taken as it is, unescaped."`
	Reference string        `help:"Your own name for them, kept in the ledger and in playback.json."`
	Lane      string        `default:"live" enum:"live,bulk" help:"Lane: ${enum}."`
	Wait      bool          `help:"Wait until each is published or has failed."`
	Timeout   time.Duration `default:"6h" help:"How long to wait at the most."`
}

func (addCmd) Help() string {
	return `A repeat is safe: a video that viewers have already, or that is on its way, is
not transcoded again.

Examples:

  enqueuer add s3://library/one.mp4
  enqueuer add --wait --reference order-4711 's3://library/my film.mov'

Exit codes: 0 enqueued (with --wait: all published), 1 failed, 2 wrong usage,
3 with --wait: at least one failed.`
}

// added is what add tells of one video.
type added struct {
	Source string `json:"source"`
	Asset  string `json:"asset"`
	Task   string `json:"task"`
	New    bool   `json:"new"` // false: it was enqueued already
	State  string `json:"state,omitempty"`
	Reason string `json:"reason,omitempty"`

	version string
}

func (c *addCmd) Run(e *env) error {
	var sources []cloud.Location
	for _, v := range c.Videos {
		at, err := location(v)
		if err != nil {
			return run.UsageError(err)
		}
		if !c.Allow(at) {
			return run.UsageError(fmt.Errorf("%s is not among the allowed sources; add its bucket or prefix to VODFLEET_SOURCES", at))
		}
		sources = append(sources, at)
	}
	store, book, err := openLedger(e.ctx, c.Ledger)
	if err != nil {
		return err
	}
	client, err := openQueue(c.Redis)
	if err != nil {
		return err
	}
	defer client.Close()
	profile := ""
	if c.Profile.Profile != "default" {
		p, err := useProfile(e.ctx, book, c.Profile.Profile)
		if err != nil {
			return err
		}
		profile = p.Digest()
	}
	var (
		all  []*added
		errs []error
	)
	for _, at := range sources {
		a, err := c.add(e.ctx, store, client, at, profile)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		all = append(all, a)
		if !c.json() && !c.Wait {
			fmt.Fprintf(e.out, "%s  %s  %s\n", a.Asset, a.news(), a.Source)
		}
	}
	if c.Wait {
		errs = append(errs, c.wait(e, book, all))
	}
	if c.json() {
		errs = append(errs, printJSON(e.out, all))
	}
	return errors.Join(errs...)
}

func (a *added) news() string {
	if a.New {
		return "enqueued"
	}
	return "enqueued before"
}

// add enqueues one video. It looks at the source first: the version makes the
// task's ID, so that a repeat is seen as one, and a wrong name is told at once.
func (c *addCmd) add(ctx context.Context, store cloud.Store, client *tasks.Client, at cloud.Location, profile string) (*added, error) {
	obj, err := store.Head(ctx, at)
	version := ""
	switch {
	case err == nil:
		version = tasks.SourceVersion(obj.ETag, obj.Size)
	case errors.Is(err, cloud.ErrDenied): // the workers may; they will tell
	default:
		return nil, fmt.Errorf("add %s: %w", at, err)
	}
	receipt, err := client.Enqueue(ctx, tasks.Ingest{
		Bucket: at.Bucket, Key: at.Key, SourceVersion: version, Profile: profile,
		Reference: c.Reference, Lane: tasks.Lane(c.Lane),
	})
	if err != nil {
		return nil, fmt.Errorf("add %s: %w", at, err)
	}
	return &added{
		Source: at.String(), Asset: tasks.AssetID(at.Bucket, at.Key),
		Task: receipt.ID, New: receipt.New, version: version,
	}, nil
}

// waitEvery is how often add looks at the ledger while it waits.
const waitEvery = time.Second

// wait follows the videos until each has ended.
func (c *addCmd) wait(e *env, book *ledger.Store, all []*added) error {
	ctx, cancel := context.WithTimeoutCause(e.ctx, c.Timeout, fmt.Errorf("not finished within %v; the work goes on", c.Timeout))
	defer cancel()
	failed := 0
	for _, a := range all {
		rec, err := follow(ctx, book, a)
		if err != nil {
			return fmt.Errorf("wait for %s: %w", a.Source, err)
		}
		a.State = rec.Status()
		if f := rec.Failed(); f != nil {
			failed++
			a.Reason = class(f.Class) + ": " + f.Message
		}
		if !c.json() {
			fmt.Fprintf(e.out, "%s  %s  %s  %s\n", a.Asset, a.State, a.Source, a.Reason)
		}
	}
	if failed > 0 {
		return &run.Error{Code: run.Unfinished, Err: fmt.Errorf("%d of %d failed", failed, len(all))}
	}
	return nil
}

// follow waits until the ledger says that the asset, at least in the version
// that was added, has ended.
func follow(ctx context.Context, book *ledger.Store, a *added) (*ledger.Record, error) {
	tick := time.NewTicker(waitEvery)
	defer tick.Stop()
	for {
		rec, err := book.Get(ctx, a.Asset)
		switch {
		case err == nil:
			if seen := a.version == "" || rec.Knows(a.version); seen && !rec.Open() {
				return rec, nil
			}
		case errors.Is(err, cloud.ErrNotFound), cloud.Retryable(err):
		default:
			return nil, err
		}
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-tick.C:
		}
	}
}
