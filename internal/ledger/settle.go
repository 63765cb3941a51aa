package ledger

import (
	"context"
	"fmt"
	"time"

	"github.com/vodfleet/vodfleet/internal/cloud"
)

// Settle makes the markers of rec's asset be as its record says: missing ones
// are put, stale ones removed. The record is written if markers of writes that
// never came have to be ruled out. A repeat is safe at any time, beside any
// other writer. It fails with [cloud.ErrNotFound] if there is no record.
func (s *Store) Settle(ctx context.Context, rec *Record) error {
	found, err := s.markersOf(ctx, rec.Asset)
	if err != nil {
		return err
	}
	highest := 0
	for k := range found {
		highest = max(highest, k.number)
	}
	rec, err = s.Update(ctx, rec.Asset, func(_ time.Time, r *Record) error {
		switch {
		case r.Schema == 0:
			return fmt.Errorf("settle markers of asset %s: %w", r.Asset, cloud.ErrNotFound)
		case highest <= r.Marks.Last && r.Marks == r.Marks.next(r):
			return ErrUnchanged
		}
		// With the numbers used up, no write under way can need those markers:
		// it will fail, and its repeat takes a higher number.
		r.Marks.Last = max(r.Marks.Last, highest)
		return nil
	})
	if err != nil {
		return err
	}
	for _, k := range rec.Marks.all() {
		if found[k] {
			continue
		}
		if err := s.put(ctx, rec.Asset, k); err != nil {
			return err
		}
	}
	return s.removeStale(ctx, rec, found)
}

func (s *Store) removeStale(ctx context.Context, rec *Record, found map[marker]bool) error {
	var keys []string
	for k := range found { // none of a number above rec.Marks.Last
		if !rec.Marks.has(k) {
			keys = append(keys, s.markerAt(rec.Asset, k).Key)
		}
	}
	if len(keys) == 0 {
		return nil
	}
	if err := s.store.Delete(ctx, s.root.Bucket, keys...); err != nil {
		return fmt.Errorf("remove markers of asset %s: %w", rec.Asset, err)
	}
	return nil
}

// markersOf lists the markers of an asset that are there.
func (s *Store) markersOf(ctx context.Context, asset string) (map[marker]bool, error) {
	if !validName(asset) {
		return nil, badAsset(asset)
	}
	found := make(map[marker]bool)
	for _, class := range append([]Class{"", markRemoved}, Classes...) {
		prefix := s.markerAt(asset, marker{class: class})
		prefix.Key = prefix.Key[:len(prefix.Key)-1] // all numbers
		for o, err := range s.store.List(ctx, prefix, "") {
			if err != nil {
				return nil, fmt.Errorf("list markers of asset %s: %w", asset, err)
			}
			if _, n, ok := parseMarker(o.Key); ok {
				found[marker{class, n}] = true
			}
		}
	}
	return found, nil
}
