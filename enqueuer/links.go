package main

import (
	"context"

	"github.com/vodfleet/vodfleet/internal/delivery"
	"github.com/vodfleet/vodfleet/internal/ledger"
	"github.com/vodfleet/vodfleet/internal/media"
)

// links tells the URLs of current builds. It remembers what it has read of
// profiles, which never change; a fleet uses a handful. It is for one goroutine.
type links struct {
	shelf  profileShelf
	viewer string
	stable map[string]bool // by digest
}

func newLinks(shelf profileShelf, viewer string) *links {
	return &links{shelf, viewer, map[string]bool{}}
}

// of returns the URLs of the record's current build, nil without one. Where its
// profile cannot be read, the usual stable entries are told.
func (l *links) of(ctx context.Context, rec *ledger.Record) *delivery.URLs {
	b := rec.Build(rec.Current)
	if b == nil {
		return nil
	}
	digest := b.Revision.Profile
	stable, known := l.stable[digest]
	if !known {
		stable = true
		if text, err := l.shelf.Profile(ctx, digest); err == nil {
			if p, err := media.Parse(text); err == nil {
				stable = p.Delivery == media.Stable
				l.stable[digest] = stable
			}
		}
	}
	return new(delivery.LinkTo(l.viewer, rec, stable))
}
