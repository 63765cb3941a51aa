package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/vodfleet/vodfleet/internal/cloud"
	"github.com/vodfleet/vodfleet/internal/ledger"
)

const (
	lookEvery = 250 * time.Millisecond
	stalled   = 10 * time.Minute // without anything new of any asset: something hangs
)

// follower watches assets until all have ended.
type follower struct {
	book   *ledger.Store
	viewer string // URL of the edge
	admin  string // URL of the local cloud's administration
	client *http.Client
	show   *screen
	moved  time.Time // when something was new last
}

// look looks at every asset that has not ended once.
func (f *follower) look(ctx context.Context, assets []*asset) error {
	percents, err := f.percents(ctx)
	if err != nil {
		return err
	}
	for _, a := range assets {
		if a.ended && (a.state != "published" || !a.playable.IsZero()) {
			continue
		}
		rec, err := f.book.Get(ctx, a.id)
		if err != nil && !errors.Is(err, cloud.ErrNotFound) {
			return err
		}
		if p := percents[a.id]; p != a.percent {
			a.percent, f.moved = p, time.Now()
		}
		if a.take(rec, f.viewer) {
			f.moved = time.Now()
			f.show.moved(a)
		}
		if a.state == "published" && a.playable.IsZero() && f.plays(ctx, a.entry()) {
			a.playable = time.Now()
			f.show.plays(a)
		}
	}
	f.show.progress(assets)
	if time.Since(f.moved) > stalled {
		return fmt.Errorf("nothing has moved for %v; the logs may say why", stalled)
	}
	return nil
}

// plays reports whether the edge answers an entry. It is asked only when the
// ledger says that the entry is written: edges remember that nothing was there.
func (f *follower) plays(ctx context.Context, url string) bool {
	resp, err := f.get(ctx, url)
	if err != nil {
		return false
	}
	resp.Body.Close()
	return resp.StatusCode == http.StatusOK
}

// maxJobs bounds the answer that lists the jobs.
const maxJobs = 64 << 20 // bytes

// percents returns how far the unfinished jobs are, by asset.
func (f *follower) percents(ctx context.Context) (map[string]int, error) {
	resp, err := f.get(ctx, f.admin+"/jobs")
	if err != nil {
		return nil, fmt.Errorf("jobs of the local cloud: %w", err)
	}
	defer resp.Body.Close()
	var jobs []struct {
		Status       string            `json:"status"`
		Percent      int               `json:"percent"`
		UserMetadata map[string]string `json:"userMetadata"`
	}
	if err := json.NewDecoder(io.LimitReader(resp.Body, maxJobs)).Decode(&jobs); err != nil {
		return nil, fmt.Errorf("jobs of the local cloud: %w", err)
	}
	percents := map[string]int{}
	for _, j := range jobs {
		if j.Status == "PROGRESSING" {
			percents[j.UserMetadata["asset"]] = j.Percent
		}
	}
	return percents, nil
}

func (f *follower) get(ctx context.Context, url string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	return f.client.Do(req)
}

// over reports whether nothing is left to wait for.
func over(assets []*asset) bool {
	for _, a := range assets {
		if !a.ended || a.state == "published" && a.playable.IsZero() {
			return false
		}
	}
	return true
}
