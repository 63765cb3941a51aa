package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/vodfleet/vodfleet/internal/cloud"
	"github.com/vodfleet/vodfleet/internal/config"
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
3 with --wait: at least one failed, or was not finished within --timeout.`
}

// added is what add tells of one video.
type added struct {
	Source string `json:"source"`
	Asset  string `json:"asset"`
	Task   string `json:"task"`
	New    bool   `json:"new"` // false: it was enqueued already
	State  string `json:"state,omitempty"`
	Reason string `json:"reason,omitempty"`

	queue string
}

func (c *addCmd) Run(e *env) error {
	if err := c.Sources.Check(); err != nil {
		return run.UsageError(err)
	}
	if c.Timeout < 0 {
		return run.UsageError(fmt.Errorf("timeout %v: want none or more", c.Timeout))
	}
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
	store, book, err := e.openLedger(c.Ledger)
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
		all  = []*added{} // never null as JSON
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
			fmt.Fprintf(e.out, "%s  %s  %s\n", a.Asset, a.news(), plain(a.Source))
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
		Task: receipt.ID, New: receipt.New, queue: receipt.Queue,
	}, nil
}
