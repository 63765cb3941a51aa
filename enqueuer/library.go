package main

import (
	"bytes"
	"context"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"mime"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/vodfleet/vodfleet/internal/cloud"
	"github.com/vodfleet/vodfleet/internal/config"
	"github.com/vodfleet/vodfleet/internal/delivery"
	"github.com/vodfleet/vodfleet/internal/ledger"
	"github.com/vodfleet/vodfleet/internal/run"
	"go.uber.org/zap"
)

// web is the library page. Its players are in web/vendor, which the build
// fills; without them the page plays what the browser plays by itself.
//
//go:embed web
var web embed.FS

type libraryCmd struct {
	config.Ledger
	config.Viewer
	config.Log

	Every time.Duration `help:"Write the list again each time this has passed, until stopped. Without it, once."`
	Most  int           `default:"1000" help:"Assets on the page at the most: the latest changed."`
}

func (libraryCmd) Help() string {
	return `Writes a page into the output that lists the library and plays it:
VIEWER-URL/library/index.html. The page shows the sources' names to whoever can
read it, so use it where that is fine. It is for looking, not for a million
assets: one request for each asset at every writing.

Examples:

  enqueuer library
  enqueuer library --every 10s

Exit codes: 0 done or stopped when asked to, 1 failed, 2 wrong usage.`
}

// shown is one asset on the page.
type shown struct {
	Asset      string             `json:"asset"`
	Title      string             `json:"title"` // the source's name
	State      string             `json:"state"`
	Open       bool               `json:"open,omitempty"` // work is left
	Reason     string             `json:"reason,omitempty"`
	Warnings   []string           `json:"warnings,omitempty"`
	Duration   float64            `json:"duration,omitempty"` // seconds
	Renditions []ledger.Rendition `json:"renditions,omitempty"`
	URLs       *delivery.URLs     `json:"urls,omitempty"` // of what viewers get now
	Updated    time.Time          `json:"updated"`
}

// show tells of a record, whose links are urls, what the page shows.
func show(rec *ledger.Record, urls *delivery.URLs) shown {
	s := shown{
		Asset: rec.Asset, Title: path.Base(rec.Location.Key), State: rec.Status(), Open: rec.Open(), Updated: rec.Updated,
	}
	if f := rec.Failed(); f != nil {
		s.Reason = class(f.Class) + ": " + f.Message
	}
	b := rec.Build(rec.Current)
	if b == nil {
		return s
	}
	s.Warnings = b.Warnings
	s.URLs = urls
	if b.Outputs != nil {
		s.Duration = b.Outputs.Duration.Seconds()
		for _, p := range b.Outputs.Packages {
			if len(p.Renditions) > 0 {
				s.Renditions = p.Renditions
				break
			}
		}
	}
	return s
}

func (c *libraryCmd) Run(e *env) error {
	log, err := c.Logger(e.log)
	if err != nil {
		return run.UsageError(err)
	}
	if c.Every < 0 || c.Most < 1 {
		return run.UsageError(fmt.Errorf("every %v, most %d: want no less than none and one", c.Every, c.Most))
	}
	store, book, err := e.openLedger(c.Ledger)
	if err != nil {
		return err
	}
	page := libraryPage{store: store, book: book, at: c.Output.Join("library/"), links: newLinks(book, c.ViewerURL.String()), most: c.Most}
	if err := page.writeFiles(e.ctx); err != nil {
		return err
	}
	if err := page.writeList(e.ctx); err != nil {
		return err
	}
	log.Info("library page", zap.String("url", page.links.viewer+"/library/index.html"))
	if c.Every == 0 {
		return nil
	}
	tick := time.NewTicker(c.Every)
	defer tick.Stop()
	for {
		select {
		case <-e.ctx.Done():
			return nil
		case <-tick.C:
		}
		if err := page.writeList(e.ctx); err != nil && e.ctx.Err() == nil {
			log.Error("library page", zap.Error(err))
		}
	}
}

type libraryPage struct {
	store cloud.Store
	book  *ledger.Store
	at    cloud.Location
	links *links
	most  int
	last  []byte // the list as it was written last
}

// writeFiles writes the page itself.
func (p *libraryPage) writeFiles(ctx context.Context) error {
	return fs.WalkDir(web, "web", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		body, err := web.ReadFile(name)
		if err != nil {
			return err
		}
		kind := mime.TypeByExtension(path.Ext(name))
		if kind == "" {
			kind = "text/plain; charset=utf-8"
		}
		return p.put(ctx, strings.TrimPrefix(name, "web/"), body, kind)
	})
}

// writeList writes what is in the library, if that has changed.
func (p *libraryPage) writeList(ctx context.Context) error {
	var all []shown
	for asset, err := range p.book.List(ctx) {
		if err != nil {
			return err
		}
		rec, err := p.book.Get(ctx, asset)
		switch {
		case errors.Is(err, cloud.ErrNotFound):
			continue
		case errors.Is(err, ledger.ErrCorrupt), errors.Is(err, ledger.ErrNewer):
			all = append(all, shown{Asset: asset, Title: asset, State: "broken", Reason: "its record cannot be read; see enqueuer explain"})
			continue
		case err != nil:
			return err
		}
		all = append(all, show(rec, p.links.of(ctx, rec)))
	}
	slices.SortFunc(all, func(a, b shown) int { return b.Updated.Compare(a.Updated) })
	all = all[:min(len(all), p.most)]
	body, err := json.Marshal(all)
	if err != nil {
		return fmt.Errorf("list of the library page: %w", err)
	}
	if bytes.Equal(body, p.last) {
		return nil
	}
	if err := p.put(ctx, "library.json", body, "application/json"); err != nil {
		return err
	}
	p.last = body
	return nil
}

func (p *libraryPage) put(ctx context.Context, name string, body []byte, kind string) error {
	_, err := p.store.Put(ctx, cloud.Put{Location: p.at.Join(name), Body: body, ContentType: kind, CacheControl: "no-cache"})
	if err != nil {
		return fmt.Errorf("write the library page: %w", err)
	}
	return nil
}
