package ledger

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vodfleet/vodfleet/internal/cloud"
	"github.com/vodfleet/vodfleet/internal/cloud/memcloud"
)

// TestUpdateFrom starts from a record that the caller has: no read where it is
// the latest, and one where it is not, or where nothing would be written.
func TestUpdateFrom(t *testing.T) {
	refused := errors.New("no")
	second := func(now time.Time, r *Record) error { // legal once another update was made
		if r.NextBuild < 2 {
			return refused
		}
		return count(now, r)
	}
	for _, tt := range []struct {
		name   string
		others int                   // updates behind the caller's back
		hooks  func() memcloud.Hooks // anew for each run; nil for none
		change func(time.Time, *Record) error
		err    error
		made   int
		calls  string
	}{
		{"the latest", 0, nil, count, nil, 1, "0 Get, 1 Put"},
		{"out of date", 1, nil, count, nil, 1, "1 Get, 2 Put"},
		{"unchanged", 0, nil, func(time.Time, *Record) error { return ErrUnchanged }, nil, 0, "1 Get, 0 Put"},
		{"refused", 0, nil, second, refused, 0, "1 Get, 0 Put"},
		{"refused by what is out of date", 1, nil, second, nil, 1, "1 Get, 1 Put"},
		{"answer lost", 0, func() memcloud.Hooks { return memcloud.Hooks{After: once("Store.Put", 1, unavailable)} }, count, nil, 1, "1 Get, 1 Put"},
		{"write failed", 0, func() memcloud.Hooks { return memcloud.Hooks{Before: once("Store.Put", 1, unavailable)} }, count, nil, 1, "1 Get, 2 Put"},
		{"denied", 0, func() memcloud.Hooks {
			return memcloud.Hooks{Before: once("Store.Put", 1, func(_, _ string) error { return cloud.ErrDenied })}
		}, count, cloud.ErrDenied, 0, "0 Get, 1 Put"},
	} {
		for _, from := range []string{"Get", "Update", "Update that was unchanged"} {
			t.Run(tt.name+"/from "+from, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					c, book := newBook(t)
					r, err := book.Update(t.Context(), asset, count)
					switch from {
					case "Get":
						r, err = book.Get(t.Context(), asset)
					case "Update that was unchanged":
						r, err = book.Update(t.Context(), asset, func(time.Time, *Record) error { return ErrUnchanged })
					}
					if err != nil {
						t.Fatal(err)
					}
					for range tt.others {
						if _, err := book.Update(t.Context(), asset, count); err != nil {
							t.Fatal(err)
						}
					}
					was := encode(t, r)
					before := c.Calls()
					if tt.hooks != nil {
						c.SetHooks(tt.hooks())
					}

					got, err := book.UpdateFrom(t.Context(), r, tt.change)

					after := c.Calls()
					c.SetHooks(memcloud.Hooks{})
					if calls := fmt.Sprintf("%d Get, %d Put", after["Store.Get"]-before["Store.Get"], after["Store.Put"]-before["Store.Put"]); calls != tt.calls {
						t.Errorf("calls are %s, want %s", calls, tt.calls)
					}
					if !errors.Is(err, tt.err) || (got == nil) != (tt.err != nil) {
						t.Errorf("UpdateFrom = %v, %v, want error %v", got, err, tt.err)
					}
					if now := encode(t, r); now != was {
						t.Errorf("the caller's record became\n%s, was\n%s", now, was)
					}
					stored, err := book.Get(t.Context(), asset)
					if err != nil {
						t.Fatal(err)
					}
					if n := stored.NextBuild - 1 - tt.others; n != tt.made {
						t.Errorf("the change was made %d times, want %d", n, tt.made)
					}
					if got != nil && encode(t, got) != encode(t, stored) {
						t.Errorf("UpdateFrom returns\n%s, stored is\n%s", encode(t, got), encode(t, stored))
					}
				})
			})
		}
	}
}

// TestUpdateFromChanged: what the caller did to its record is not written.
func TestUpdateFromChanged(t *testing.T) {
	_, book := newBook(t)
	r, err := book.Update(t.Context(), asset, count)
	if err != nil {
		t.Fatal(err)
	}
	r.NextBuild = 77
	if r, err = book.UpdateFrom(t.Context(), r, count); err != nil || r.NextBuild != 2 {
		t.Errorf("UpdateFrom = %d, %v, want 2", r.NextBuild, err)
	}
}

// TestUpdateFromNothing makes the record of an asset that has none.
func TestUpdateFromNothing(t *testing.T) {
	_, book := newBook(t)
	r, err := book.Update(t.Context(), asset, func(time.Time, *Record) error { return ErrUnchanged })
	if err != nil {
		t.Fatal(err)
	}
	if r, err = book.UpdateFrom(t.Context(), r, count); err != nil || r.NextBuild != 1 {
		t.Errorf("UpdateFrom = %+v, %v", r, err)
	}
}

// TestUpdateFromMarkers: a marker put for a write that was out of date is
// removed by the one that came through.
func TestUpdateFromMarkers(t *testing.T) {
	c, book := newBook(t)
	for _, step := range life[:2] {
		if _, err := book.Update(t.Context(), asset, step); err != nil {
			t.Fatal(err)
		}
	}
	old, err := book.Get(t.Context(), asset) // open, with one number
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range life[2:6] { // failed with the next, then open with one more
		if _, err := book.Update(t.Context(), asset, step); err != nil {
			t.Fatal(err)
		}
	}
	r, err := book.UpdateFrom(t.Context(), old, func(now time.Time, r *Record) error {
		return r.FailBuild(now, r.NextBuild-1, badSource)
	})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := gist(r), "A1 failed, A2 failed; wants A"; got != want {
		t.Errorf("the record is %q, want %q", got, want)
	}
	missing(t, book, r)
	var want []string
	for _, k := range r.Marks.all() {
		want = append(want, book.markerAt(asset, k).Key)
	}
	for _, k := range append(keys(t, c, "open/"), keys(t, c, "failed/")...) {
		if len(want) != 1 || "fleet/"+k != want[0] {
			t.Errorf("marker %s is there, want %v", k, want)
		}
	}
}
