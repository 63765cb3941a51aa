package ledger

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/vodfleet/vodfleet/internal/cloud"
)

// Store is the ledger in an object store, below one prefix:
//
//	ledger/AA/ASSET.json            the records; AA are the asset's first two characters
//	open/AA/ASSET.N                 markers of assets with work left
//	failed/CLASS/AA/ASSET.N         markers of assets that failed
//	removed/AA/ASSET.N              markers of assets that were removed
//	due/2026-11-22T19/ASSET.MMSS    what is to be looked at again at a time
//	profiles/DIGEST.yaml            profiles by their content
//
// It is safe for concurrent use, by any number of processes.
type Store struct {
	// Stale is told of markers that could not be removed after their record was
	// written. They do no harm and [Store.Settle] removes them. May be nil.
	Stale func(asset string, err error)

	store cloud.Store
	root  cloud.Location
}

// New returns the ledger below root: a bucket and a prefix, which may be empty.
func New(store cloud.Store, root cloud.Location) *Store {
	return &Store{store: store, root: root}
}

// Get reads the record of an asset. It fails with [cloud.ErrNotFound] if there
// is none, and with [ErrCorrupt] or [ErrNewer].
func (s *Store) Get(ctx context.Context, asset string) (*Record, error) {
	v, err := s.read(ctx, asset)
	if err != nil {
		return nil, err
	}
	return v.record, nil
}

// version is a record as it was read.
type version struct {
	record *Record
	stored *stored // nil: there is no record yet
}

// stored is what the store holds, or held, of a record: never handed out
// itself, so that what callers do to theirs is not in it.
type stored struct {
	record Record
	etag   string
}

func newStored(r *Record, etag string) *stored { return &stored{r.clone(), etag} }

// version returns the record once more.
func (s *stored) version() version {
	r := s.record.clone()
	r.stored = s
	return version{&r, s}
}

// clone returns a record that shares nothing with r that a transition changes:
// what builds point to is replaced by transitions, never changed.
func (r *Record) clone() Record {
	c := *r
	c.Builds = slices.Clone(r.Builds)
	c.Rejected = slices.Clone(r.Rejected)
	c.History = slices.Clone(r.History)
	c.Nonces = slices.Clone(r.Nonces)
	c.stored = nil
	return c
}

// Now is the cloud's time, by which the ledger goes; see [cloud.Store].
func (s *Store) Now() time.Time { return s.store.Now() }

func (s *Store) read(ctx context.Context, asset string) (version, error) {
	at, err := s.recordAt(asset)
	if err != nil {
		return version{}, err
	}
	body, o, err := s.store.Get(ctx, at, MaxRecord)
	if errors.Is(err, cloud.ErrInvalid) {
		err = fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	if err != nil {
		return version{}, fmt.Errorf("read record of asset %s: %w", asset, err)
	}
	r, err := Decode(body)
	if err == nil && r.Asset != asset {
		err = fmt.Errorf("%w: it is of asset %q", ErrCorrupt, clip(r.Asset, 64))
	}
	if err != nil {
		return version{}, fmt.Errorf("read record %s: %w", at, err)
	}
	r.stored = newStored(r, o.ETag)
	return version{r, r.stored}, nil
}

func (s *Store) recordAt(asset string) (cloud.Location, error) {
	if !validName(asset) {
		return cloud.Location{}, badAsset(asset)
	}
	return s.root.Join("ledger/" + asset[:2] + "/" + asset + ".json"), nil
}

func badAsset(asset string) error {
	return fmt.Errorf("asset %q: not an asset ID", clip(asset, 64))
}

// validName reports whether an asset ID or a digest can be part of a key: 2 to
// 128 letters, digits, "_" and "-".
func validName(name string) bool {
	if len(name) < 2 || len(name) > 128 {
		return false
	}
	for i := range len(name) {
		switch c := name[i]; {
		case 'A' <= c && c <= 'Z', 'a' <= c && c <= 'z', '0' <= c && c <= '9', c == '_', c == '-':
		default:
			return false
		}
	}
	return true
}
