package ledger

import (
	"context"
	"fmt"
	"iter"
	"path"
	"strconv"
	"strings"
)

// List yields the assets that have a record, ascending. An error is yielded
// once, last. It costs one request a thousand assets.
func (s *Store) List(ctx context.Context) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		for o, err := range s.store.List(ctx, s.root.Join("ledger/"), "") {
			if err != nil {
				yield("", fmt.Errorf("list records: %w", err))
				return
			}
			asset, ok := strings.CutSuffix(path.Base(o.Key), ".json")
			if ok && validName(asset) && !yield(asset, nil) {
				return
			}
		}
	}
}

// Open yields the assets that have a marker of open work, ascending, each
// once. The marker may be stale: the record says whether work is left, and
// [Store.Settle] mends. An error is yielded once, last.
func (s *Store) Open(ctx context.Context) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		for m, err := range s.markers(ctx, "open/") {
			if !yield(m.Asset, err) {
				return
			}
		}
	}
}

// FailedMarker tells of an asset that failed, and of what class.
type FailedMarker struct {
	Class Class
	Asset string
}

// FailedMarkers yields the assets that have a marker of a failure, ascending by
// class, then asset, each once. It may be stale, as those of [Store.Open]. With
// classes it yields, and lists, those alone, in the order given.
func (s *Store) FailedMarkers(ctx context.Context, classes ...Class) iter.Seq2[FailedMarker, error] {
	if len(classes) == 0 {
		return s.markers(ctx, "failed/")
	}
	return func(yield func(FailedMarker, error) bool) {
		for _, class := range classes {
			for m, err := range s.markers(ctx, "failed/"+string(class)+"/") {
				if !yield(m, err) || err != nil {
					return
				}
			}
		}
	}
}

// Removed yields the assets that have a marker of a removal, ascending, each
// once. It may be stale, as those of [Store.Open].
func (s *Store) Removed(ctx context.Context) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		for m, err := range s.markers(ctx, "removed/") {
			if !yield(m.Asset, err) {
				return
			}
		}
	}
}

// markers yields the assets of the markers in a folder. The keys of an asset's
// markers follow each other, so repeats are told by the one before.
func (s *Store) markers(ctx context.Context, folder string) iter.Seq2[FailedMarker, error] {
	return func(yield func(FailedMarker, error) bool) {
		var last FailedMarker
		at := s.root.Join(folder)
		for o, err := range s.store.List(ctx, at, "") {
			if err != nil {
				yield(FailedMarker{}, fmt.Errorf("list markers %s: %w", at, err))
				return
			}
			asset, _, ok := parseMarker(o.Key)
			if !ok {
				continue
			}
			m := FailedMarker{Asset: asset}
			if kind, rest, _ := strings.Cut(strings.TrimPrefix(o.Key, s.root.Join("").Key), "/"); kind == "failed" {
				class, _, _ := strings.Cut(rest, "/")
				m.Class = Class(class)
			}
			if m == last {
				continue
			}
			last = m
			if !yield(m, nil) {
				return
			}
		}
	}
}

// parseMarker reads the name of a marker, ASSET.N.
func parseMarker(key string) (asset string, number int, ok bool) {
	asset, digits, ok := strings.Cut(path.Base(key), ".")
	if !ok || !validName(asset) {
		return "", 0, false
	}
	n, err := strconv.Atoi(digits)
	if err != nil || n < 1 || strconv.Itoa(n) != digits {
		return "", 0, false
	}
	return asset, n, true
}
