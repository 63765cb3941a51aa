package ledger

import (
	"context"
	"fmt"
	"iter"
	"path"
	"strings"
	"time"

	"github.com/vodfleet/vodfleet/internal/cloud"
)

// Layouts of the folder and of the name's end of a due entry, in UTC.
const (
	dueHour   = "2006-01-02T15"
	dueSecond = "0405"
)

// DueEntry says that an asset is to be looked at at a time, such as when the
// grace of a build is over. It takes no room in any queue until then.
type DueEntry struct {
	Asset string
	At    time.Time // to the second
}

// Due notes that an asset is to be looked at at a time, which is rounded up to
// the second. An asset may have several entries; a repeat is safe.
func (s *Store) Due(ctx context.Context, asset string, at time.Time) error {
	if !validName(asset) {
		return badAsset(asset)
	}
	if whole := at.Truncate(time.Second); whole.Before(at) {
		at = whole.Add(time.Second)
	}
	if _, err := s.store.Put(ctx, cloud.Put{Location: s.dueAt(DueEntry{asset, at})}); err != nil {
		return fmt.Errorf("note asset %s as due: %w", asset, err)
	}
	return nil
}

// DueBefore yields the entries up to and with the time t, ascending by their
// hour. The caller looks at the asset, then calls [Store.DoneDue]. An error is
// yielded once, last.
func (s *Store) DueBefore(ctx context.Context, t time.Time) iter.Seq2[DueEntry, error] {
	return func(yield func(DueEntry, error) bool) {
		last := t.UTC().Format(dueHour)
		folder := s.root.Join("due/")
		for o, err := range s.store.List(ctx, folder, "") {
			if err != nil {
				yield(DueEntry{}, fmt.Errorf("list due assets: %w", err))
				return
			}
			e, ok := parseDue(strings.TrimPrefix(o.Key, folder.Key))
			switch {
			case !ok:
			case e.At.Format(dueHour) > last:
				return
			case e.At.After(t):
			case !yield(e, nil):
				return
			}
		}
	}
}

// DoneDue removes an entry. A repeat is safe.
func (s *Store) DoneDue(ctx context.Context, e DueEntry) error {
	if !validName(e.Asset) {
		return badAsset(e.Asset)
	}
	if err := s.store.Delete(ctx, s.root.Bucket, s.dueAt(e).Key); err != nil {
		return fmt.Errorf("remove due entry of asset %s: %w", e.Asset, err)
	}
	return nil
}

func (s *Store) dueAt(e DueEntry) cloud.Location {
	at := e.At.UTC()
	return s.root.Join("due/" + at.Format(dueHour) + "/" + e.Asset + "." + at.Format(dueSecond))
}

// parseDue reads HOUR/ASSET.MMSS.
func parseDue(name string) (DueEntry, bool) {
	asset, second, ok := strings.Cut(path.Base(name), ".")
	if !ok || !validName(asset) {
		return DueEntry{}, false
	}
	at, err := time.Parse(dueHour+dueSecond, path.Dir(name)+second)
	if err != nil {
		return DueEntry{}, false
	}
	return DueEntry{asset, at}, true
}
