package delivery

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/vodfleet/vodfleet/internal/media"
)

// Withdraw puts documents that play nothing in the place of all entries that an
// asset may have, those that are not there among them, for switch seq, which
// took the asset from viewers. A writer of an earlier switch that was held up
// finds them and stops; see [Service.Write]. A repeat is safe.
func (s *Service) Withdraw(ctx context.Context, asset string, seq int) error {
	if !isAsset(asset) || seq < 1 {
		return fmt.Errorf("withdraw entries of asset %q switch %d: no such asset or switch", asset, seq)
	}
	nothing, err := json.Marshal(struct {
		Schema  int    `json:"schema"`
		Asset   string `json:"asset"`
		Removed bool   `json:"removed"`
	}{PlaybackSchema, asset, true})
	if err != nil {
		return fmt.Errorf("withdraw entries of asset %s: %w", asset, err)
	}
	watch := s.output.Join(watchPath(asset))
	for _, d := range []document{
		{at: watch.Join(entryHLS), body: []byte(withdrawnHLS), contentType: typeHLS},
		{at: watch.Join(entryDASH), body: []byte(withdrawnDASH), contentType: typeDASH},
		{at: watch.Join(playback), body: nothing, contentType: typeJSON},
	} {
		d.cacheControl, d.seq = cachePlayback, seq
		d.stamp()
		if _, err := s.put(ctx, d); err != nil && !errors.Is(err, errNewer) {
			return fmt.Errorf("withdraw entries of asset %s switch %d: %s: %w", asset, seq, d.at.Key, err)
		}
	}
	return nil
}

// Clear deletes the entries of an asset that nobody is to get, once no writer
// can be under way that would put them again. A repeat is safe.
func (s *Service) Clear(ctx context.Context, asset string) error {
	if !isAsset(asset) {
		return fmt.Errorf("delete entries of asset %q: no such asset", asset)
	}
	watch := s.output.Join(watchPath(asset))
	err := s.store.Delete(ctx, watch.Bucket, watch.Join(entryHLS).Key, watch.Join(entryDASH).Key, watch.Join(playback).Key)
	if err != nil {
		return fmt.Errorf("delete entries of asset %s: %w", asset, err)
	}
	return nil
}

// RemovedPaths are what caches may hold of an asset that was removed, as an
// invalidation names it: its entries, and one wildcard for the files of all its
// builds. Smooth Streaming media among them stays cached until it expires, as
// CloudFront does not invalidate that ("Invalidating files" in its developer
// guide).
func RemovedPaths(viewerURL, asset string) []string {
	root := "/"
	if u, err := url.Parse(viewerURL); err == nil {
		root = strings.TrimRight(u.EscapedPath(), "/") + "/"
	}
	watch := root + media.EscapePath(watchPath(asset))
	paths := []string{watch + entryHLS, watch + entryDASH, watch + playback, root + media.EscapePath("media/"+asset+"/")}
	for i, p := range paths {
		paths[i] = strings.ReplaceAll(p, "*", "%2A") // a star is a wildcard wherever it stands
	}
	paths[3] += "*"
	return paths
}
