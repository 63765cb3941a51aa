package main

import (
	"context"
	"errors"
	"slices"
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

// template reads what a profile's job template makes; nil where it names none.
func (e *env) template(p media.Profile) (func(ctx context.Context) (cloud.JobSpec, error), error) {
	if p.Template == "" {
		return nil, nil
	}
	transcoder, err := e.transcoder(e.ctx)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context) (cloud.JobSpec, error) { return transcoder.Template(ctx, p.Template) }, nil
}

// published reads what viewers have from the ledger, c.Most records at the most.
func (c *doctorCmd) published(e *env, book *ledger.Store) doctor.Published {
	return func(ctx context.Context, show func(doctor.Asset)) (seen doctor.Extent, err error) {
		links := newLinks(book, c.ViewerURL.String())
		var mu sync.Mutex
		g, gctx := errgroup.WithContext(ctx)
		g.SetLimit(recordsAtOnce)
		read := 0
		for asset, err := range book.List(gctx) {
			if err != nil {
				err = errors.Join(err, g.Wait())
				return seen, err
			}
			if read == c.Most {
				seen.More = true
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
				seen.Smooth = seen.Smooth || makesSmooth(rec)
				if a, ok := viewersHave(gctx, links, rec); ok {
					show(a)
				}
				return nil
			})
		}
		err = g.Wait()
		return seen, err
	}
}

// makesSmooth reports whether what viewers should get of a record has a Smooth
// package, and it is planned, on its way, or held back.
func makesSmooth(rec *ledger.Record) bool {
	return rec.Removed == nil && slices.ContainsFunc(rec.Builds, func(b ledger.Build) bool {
		return b.Revision.ID == rec.Wanted.ID && b.Spec != nil &&
			slices.ContainsFunc(b.Spec.Groups, func(g cloud.OutputGroup) bool { return g.Kind == cloud.GroupSmooth })
	})
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
