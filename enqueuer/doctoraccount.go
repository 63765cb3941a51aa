package main

import (
	"context"
	"errors"
	"sync"

	"github.com/vodfleet/vodfleet/internal/cloud"
	"github.com/vodfleet/vodfleet/internal/cloud/awscloud"
	"github.com/vodfleet/vodfleet/internal/delivery"
	"github.com/vodfleet/vodfleet/internal/doctor"
	"github.com/vodfleet/vodfleet/internal/ledger"
	"github.com/vodfleet/vodfleet/internal/media"
	"golang.org/x/sync/errgroup"
)

func (e *env) openAccount() (cloud.Inspector, error) {
	if e.account != nil {
		return e.account(e.ctx)
	}
	aws, err := awscloud.New(e.ctx, awscloud.Options{})
	if err != nil {
		return nil, err
	}
	return aws.Inspector(), nil
}

// published reads what viewers have from the ledger, c.Most records at the most.
func (c *doctorCmd) published(e *env, book *ledger.Store) doctor.Published {
	return func(ctx context.Context, show func(doctor.Asset)) (more bool, err error) {
		links := newLinks(book, c.ViewerURL.String())
		var mu sync.Mutex
		g, gctx := errgroup.WithContext(ctx)
		g.SetLimit(recordsAtOnce)
		read := 0
		for asset, err := range book.List(gctx) {
			if err != nil {
				return more, errors.Join(err, g.Wait())
			}
			if more = read == c.Most; more {
				break
			}
			read++
			g.Go(func() error {
				rec, err := book.Get(gctx, asset)
				switch {
				case errors.Is(err, ledger.ErrCorrupt), errors.Is(err, ledger.ErrNewer), errors.Is(err, cloud.ErrNotFound):
					return nil // enqueuer status counts them
				case err != nil:
					return err
				}
				mu.Lock()
				defer mu.Unlock()
				if a, ok := viewersHave(gctx, links, rec); ok {
					show(a)
				}
				return nil
			})
		}
		return more, g.Wait()
	}
}

// viewersHave is what viewers have of a record, if they have anything.
func viewersHave(ctx context.Context, links *links, rec *ledger.Record) (doctor.Asset, bool) {
	b := rec.Build(rec.Current)
	if b == nil || b.Outputs == nil || rec.EntriesSeq != rec.Seq {
		return doctor.Asset{}, false
	}
	var urls delivery.URLs
	if u := links.of(ctx, rec); u != nil {
		urls = *u
	}
	a := doctor.Asset{ID: rec.Asset, URLs: urls}
	for _, p := range b.Outputs.Packages {
		if p.Smooth != "" {
			a.Smooth = append(a.Smooth, media.BuildPrefix(cloud.Location{}, rec.Asset, b.Number).Join(p.Smooth).Key)
		}
	}
	return a, true
}
