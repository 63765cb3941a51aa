package storm

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/vodfleet/vodfleet/internal/cloud"
)

// Looker is a viewer who goes on looking at assets while the storm rages, and
// remembers what was half there, or went back.
type Looker struct {
	store  cloud.Store
	output cloud.Location
	base   string

	mu    sync.Mutex
	seqs  map[string]int // the latest switch seen, by asset
	wrong []string
}

// NewLooker returns a viewer of an output below a viewer URL.
func NewLooker(store cloud.Store, output cloud.Location, base string) *Looker {
	return &Looker{store: store, output: output, base: base, seqs: make(map[string]int)}
}

// Run looks at assets, each a while after the last, until ctx ends: pick names
// one, "" for none.
func (l *Looker) Run(ctx context.Context, every time.Duration, pick func() string, looked func()) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(every):
		}
		asset := pick()
		if asset == "" {
			continue
		}
		there, err := l.Look(ctx, asset)
		if err == nil && there { // a cloud that does not answer shows nothing wrong
			looked()
		}
	}
}

// Look follows what an asset's viewers get. It reports false for an asset that
// is not there for them yet. It is for one goroutine.
func (l *Looker) Look(ctx context.Context, asset string) (there bool, err error) {
	viewer := &Viewer{Files: &live{ctx: ctx, store: l.store, output: l.output}, Base: l.base}
	p, wrong, err := viewer.Asset(asset)
	if errors.Is(err, cloud.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if was := l.seqs[asset]; p.Seq < was {
		wrong = append(wrong, fmt.Sprintf("playback.json went back from switch %d to %d", was, p.Seq))
	}
	l.seqs[asset] = p.Seq
	for _, what := range wrong {
		l.wrong = append(l.wrong, fmt.Sprintf("asset %s, seen at work: %s", asset, what))
	}
	return true, nil
}

// Wrong is what was wrong so far.
func (l *Looker) Wrong() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]string(nil), l.wrong...)
}

// live are the files of one asset, as they are now.
type live struct {
	ctx    context.Context
	store  cloud.Store
	output cloud.Location
	there  map[string]bool // listed, and not empty
}

// Has goes by one listing of the build, and asks for what that did not have:
// it may be newer.
func (l *live) Has(path string) (bool, error) {
	if build, ok := strings.CutPrefix(path, "media/"); ok && l.there == nil {
		asset, _, _ := strings.Cut(build, "/")
		l.there = make(map[string]bool)
		for o, err := range l.store.List(l.ctx, l.output.Join("media/"+asset+"/"), "") {
			if err != nil {
				return false, err
			}
			l.there[o.Key] = o.Size > 0
		}
	}
	if l.there[l.output.Join(path).Key] {
		return true, nil
	}
	o, err := l.store.Head(l.ctx, l.output.Join(path))
	if errors.Is(err, cloud.ErrNotFound) {
		return false, nil
	}
	return err == nil && o.Size > 0, err
}

func (l *live) Read(path string) ([]byte, error) {
	body, _, err := l.store.Get(l.ctx, l.output.Join(path), maxManifest)
	return body, err
}
