package main

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/vodfleet/vodfleet/internal/cloud"
	"golang.org/x/sync/errgroup"
)

// pass brings files into the library and follows them to their ends.
type pass struct {
	*demo
	group  *errgroup.Group
	ctx    context.Context // of the group
	cancel context.CancelFunc
	videos chan video
	news   chan fed
}

func (d *demo) newPass(ctx context.Context) *pass {
	ctx, cancel := context.WithCancel(ctx)
	g, gctx := errgroup.WithContext(ctx)
	return &pass{demo: d, group: g, ctx: gctx, cancel: cancel, videos: make(chan video, 64), news: make(chan fed, 64)}
}

// produce begins to find, or make, the files. run takes them.
func (p *pass) produce(from func(context.Context, chan<- video, func(key, reason string)) error) {
	p.group.Go(func() error {
		return from(p.ctx, p.videos, func(key, reason string) { p.tell(fed{asset: refusedAsset(key, reason)}) })
	})
}

func (p *pass) tell(f fed) {
	select {
	case p.news <- f:
	case <-p.ctx.Done():
	}
}

// stop ends what the pass does, and waits for that.
func (p *pass) stop() {
	p.cancel()
	_ = p.group.Wait() // run has returned what it failed with
}

// run ends when every file that was produced has ended and the report of them
// has been taken.
func (p *pass) run(ctx context.Context) error {
	p.show.begin()
	defer p.show.end()
	done := make(chan error, 1)
	p.group.Go(func() error { return p.feed(p.ctx, p.videos, p.tell) })
	go func() { done <- p.group.Wait() }()
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	manifest, feeding := "", true
	for {
		select {
		case f := <-p.news:
			manifest = p.hear(f, manifest)
			continue
		case err := <-done:
			for len(p.news) > 0 {
				manifest = p.hear(<-p.news, manifest)
			}
			if err != nil {
				return err
			}
			feeding, done = false, nil
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
		if err := p.look(ctx, &manifest); err != nil {
			return err
		}
		if !feeding && manifest == "" && over(p.all()) {
			return nil
		}
	}
}

// hear takes in what feeding tells, and returns the report to wait for.
func (p *pass) hear(f fed, manifest string) string {
	if f.asset == nil {
		return f.manifest
	}
	p.assets[f.asset.key], p.known[f.asset.key] = f.asset, f.asset.file
	if f.asset.state == "refused" || f.asset.state == "skipped" {
		p.show.say("%s  %s: %s", printable(f.asset.key), f.asset.state, printable(f.asset.reason))
	}
	return manifest
}

// look looks at the report that is waited for, and at the assets. Passing
// trouble of the cloud is for the next look.
func (p *pass) look(ctx context.Context, manifest *string) error {
	if *manifest != "" {
		found, err := hasTaken(ctx, p.store, *manifest)
		if err != nil && !cloud.Retryable(err) {
			return err
		}
		if found != nil {
			p.show.say("report taken: %v", found)
			*manifest = ""
		}
	}
	if err := p.follow.look(ctx, p.all()); err != nil && !cloud.Retryable(err) {
		return err
	}
	return nil
}

// all returns the assets by key.
func (d *demo) all() []*asset {
	var all []*asset
	for _, key := range slices.Sorted(maps.Keys(d.assets)) {
		all = append(all, d.assets[key])
	}
	return all
}
