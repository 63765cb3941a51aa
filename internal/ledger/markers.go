package ledger

import (
	"context"
	"fmt"
	"strconv"

	"github.com/vodfleet/vodfleet/internal/cloud"
)

// Marks are the markers that a record has. Every new marker gets the number
// after Last, and the write that needs it moves Last on. So a marker whose
// number is not above Last, and which the record does not name, is needed by
// nobody now or later and can be removed at any time, by anyone, however late:
// a marker that another writer is about to need has a higher number.
type Marks struct {
	Last   int   `json:"last"`             // the highest number used
	Open   int   `json:"open,omitempty"`   // of the open marker; 0 for none
	Failed int   `json:"failed,omitempty"` // of the failed marker; 0 for none
	Class  Class `json:"class,omitempty"`  // of the failed marker
}

// markRemoved takes the place of a class in the marker of a removed asset, which
// has no failure: it has a folder of its own.
const markRemoved Class = "removed"

// marker is one marker object of an asset.
type marker struct {
	class  Class // empty for an open marker
	number int
}

func (m Marks) has(k marker) bool {
	if k.class == "" {
		return m.Open == k.number
	}
	return m.Failed == k.number && m.Class == k.class
}

// all lists the markers that the record has.
func (m Marks) all() []marker {
	var all []marker
	if m.Open != 0 {
		all = append(all, marker{number: m.Open})
	}
	if m.Failed != 0 {
		all = append(all, marker{m.Class, m.Failed})
	}
	return all
}

// next returns the marks that r needs, after those that it has.
func (m Marks) next(r *Record) Marks {
	n := m
	switch open := r.Open(); {
	case !open:
		n.Open = 0
	case n.Open == 0:
		n.Open = m.Last + 1
	}
	class := Class("")
	if f := r.Failed(); f != nil {
		class = f.Class
	} else if r.Removed != nil {
		class = markRemoved
	}
	switch {
	case class == "":
		n.Failed, n.Class = 0, ""
	case n.Failed == 0 || n.Class != class:
		n.Failed, n.Class = m.Last+1, class
	}
	n.Last = max(m.Last, n.Open, n.Failed)
	return n
}

// after returns the marks that the changed record r needs, after those that it
// had. The change may have used numbers up, and no more.
func (m Marks) after(r *Record) Marks {
	m.Last = max(m.Last, r.Marks.Last)
	return m.next(r)
}

// mark puts the markers that a record needs beyond those it had, and remembers
// those that it needs no more.
func (u *update) mark(ctx context.Context, had, needs Marks) error {
	if u.stale == nil {
		u.stale = make(map[marker]bool)
	}
	for _, k := range had.all() {
		if !needs.has(k) {
			u.stale[k] = true
		}
	}
	for _, k := range needs.all() {
		if had.has(k) {
			continue
		}
		if err := u.put(ctx, u.asset, k); err != nil {
			return err
		}
		u.stale[k] = true // unless the record that is there in the end has it
	}
	return nil
}

// sweep removes the markers that this update made needless, once r is stored.
func (u *update) sweep(ctx context.Context, r *Record) {
	var keys []string
	for k := range u.stale {
		if k.number <= r.Marks.Last && !r.Marks.has(k) {
			keys = append(keys, u.markerAt(u.asset, k).Key)
		}
	}
	if len(keys) == 0 {
		return
	}
	if err := u.store.Delete(ctx, u.root.Bucket, keys...); err != nil && u.Stale != nil {
		u.Stale(u.asset, fmt.Errorf("remove markers of asset %s: %w", u.asset, err))
	}
}

func (s *Store) put(ctx context.Context, asset string, k marker) error {
	if _, err := s.store.Put(ctx, cloud.Put{Location: s.markerAt(asset, k)}); err != nil {
		return fmt.Errorf("mark asset %s: %w", asset, err)
	}
	return nil
}

func (s *Store) markerAt(asset string, k marker) cloud.Location {
	folder := "open/"
	switch k.class {
	case "":
	case markRemoved:
		folder = "removed/"
	default:
		folder = "failed/" + string(k.class) + "/"
	}
	return s.root.Join(folder + asset[:2] + "/" + asset + "." + strconv.Itoa(k.number))
}
