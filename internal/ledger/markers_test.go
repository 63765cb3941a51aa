package ledger

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vodfleet/vodfleet/internal/cloud"
	"github.com/vodfleet/vodfleet/internal/cloud/memcloud"
)

// TestMarkers: at each step of a life the markers are those of the record.
func TestMarkers(t *testing.T) {
	_, s := newBook(t)
	var got []string
	for i, step := range life {
		r, err := s.Update(t.Context(), asset, step)
		if err != nil {
			t.Fatalf("step %d: %v", i, err)
		}
		if have := there(t, s); !slices.Equal(have, wanted(r)) {
			t.Errorf("step %d: markers %v, want %v", i, have, wanted(r))
		}
		if r.Marks != r.Marks.next(r) {
			t.Errorf("step %d: marks %+v do not fit", i, r.Marks)
		}
		if m := strings.Join(wanted(r), "+"); len(got) == 0 || got[len(got)-1] != m {
			got = append(got, m)
		}
	}
	want := []string{"failed/source-gone", "open", "failed/transient", "open", "", "open", "failed/bad-source", "failed/source-gone", ""}
	if !slices.Equal(got, want) {
		t.Errorf("the markers went through %q, want %q", got, want)
	}
}

// TestCrashes ends the process at each call of the cloud in turn, before it,
// or behind it with its effect made. Whenever that is, no marker is missing;
// then the work is taken up again and ends as it should, and Settle leaves
// exactly the markers of the record.
func TestCrashes(t *testing.T) {
	for _, after := range []bool{false, true} {
		for k, crashed := 1, true; crashed; k++ {
			t.Run(fmt.Sprintf("after=%t/%d", after, k), func(t *testing.T) {
				c, s := newBook(t)
				s.Stale = nil // the dead tell nothing
				calls, dead := 0, false
				hook := func(op, at string) error {
					if !dead {
						calls++
						dead = calls == k
					}
					if dead {
						return context.Canceled
					}
					return nil
				}
				h := memcloud.Hooks{Before: hook}
				if after {
					h = memcloud.Hooks{
						Before: func(op, at string) error {
							if dead {
								return context.Canceled
							}
							return nil
						},
						After: hook,
					}
				}
				c.SetHooks(h)
				at, err := live(t.Context(), s, 0)
				c.SetHooks(memcloud.Hooks{})
				if crashed = dead; err == nil && dead && at < len(life) {
					t.Fatal("it went on after the crash")
				}
				r, err := s.Get(t.Context(), asset)
				if err != nil && !errors.Is(err, cloud.ErrNotFound) {
					t.Fatal(err)
				}
				if err == nil {
					missing(t, s, r)
				}
				if _, err := live(t.Context(), s, at); err != nil {
					t.Fatalf("taken up again at step %d: %v", at, err)
				}
				settled(t, c, s)
			})
			if k > 1000 {
				t.Fatal("it never ends")
			}
		}
	}
}

// TestLostAnswers fails each call in turn with its effect made, in a process
// that lives: each step is made once, and no marker is missing.
func TestLostAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for k, lost := 1, true; lost; k++ {
			c, s := newBook(t)
			s.Stale = func(string, error) {} // told of, and settled below
			calls := 0
			c.SetHooks(memcloud.Hooks{After: func(op, at string) error {
				if calls++; calls == k {
					return cloud.ErrUnavailable
				}
				return nil
			}})
			for i := 0; i < len(life); {
				at, err := live(t.Context(), s, i)
				if err != nil && !errors.Is(err, cloud.ErrUnavailable) {
					t.Fatalf("call %d, step %d: %v", k, at, err)
				}
				i = at
			}
			lost = calls >= k
			c.SetHooks(memcloud.Hooks{})
			r, err := s.Get(t.Context(), asset)
			if err != nil {
				t.Fatal(err)
			}
			if got, want := gist(r), "A1 failed, A2* published, B3 failed; wants A, 1/1/1"; got != want || len(r.History) != len(life) {
				t.Errorf("call %d lost: the record is %q after %d steps, want %q after %d", k, got, len(r.History), want, len(life))
			}
			missing(t, s, r)
			settled(t, c, s)
		}
	})
}

func missing(t *testing.T, s *Store, r *Record) {
	t.Helper()
	have := there(t, s)
	for _, m := range wanted(r) {
		if !slices.Contains(have, m) {
			t.Errorf("marker %s is missing; the record is %s, the markers are %v", m, gist(r), have)
		}
	}
}

// settled settles, twice, and looks for exactly the markers of the record.
func settled(t *testing.T, c *memcloud.Cloud, s *Store) {
	t.Helper()
	for range 2 {
		if err := s.Settle(t.Context(), &Record{Asset: asset}); err != nil {
			t.Fatal(err)
		}
		r, err := s.Get(t.Context(), asset)
		if err != nil {
			t.Fatal(err)
		}
		var want []string
		for _, k := range r.Marks.all() {
			want = append(want, strings.TrimPrefix(s.markerAt(asset, k).Key, "fleet/"))
		}
		if got := slices.Concat(keys(t, c, "open/"), keys(t, c, "failed/")); !slices.Equal(got, want) {
			t.Errorf("settled markers are %v, want %v", got, want)
		}
	}
}

// TestSweepLeavesOthers: an update that comes to nothing leaves the marker
// that it has put, for another may be about to need the same.
func TestSweepLeavesOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, s := newBook(t)
		if _, err := s.Update(t.Context(), asset, life[0]); err != nil {
			t.Fatal(err)
		}
		other := func() error {
			tries := 0
			_, err := s.Update(t.Context(), asset, func(now time.Time, r *Record) error {
				if tries++; tries > 1 {
					return ErrUnchanged
				}
				return ingest(revA, 1)(now, r)
			})
			return err
		}
		writes := 0
		c.SetHooks(memcloud.Hooks{Before: func(op, at string) error {
			if op != "Store.Put" || !strings.HasSuffix(at, ".json") {
				return nil
			}
			switch writes++; writes {
			case 1: // of the update below, whose marker is put
				return other()
			case 2: // of the other
				return cloud.ErrConflict
			}
			return nil
		}})
		r, err := s.Update(t.Context(), asset, ingest(revA, 1))
		if err != nil || writes != 2 {
			t.Fatalf("after %d writes: %v", writes, err)
		}
		c.SetHooks(memcloud.Hooks{})
		missing(t, s, r)
	})
}

// TestRacingMarkers: many bring one asset forward at once and repeat each
// other's steps, and a reconciler settles in between.
func TestRacingMarkers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, s := newBook(t)
		s.Stale = func(string, error) {}
		var calls atomic.Int64
		c.SetHooks(memcloud.Hooks{
			Before: func(op, at string) error {
				time.Sleep(time.Duration(calls.Add(1)*7919%23) * time.Millisecond)
				return nil
			},
		})
		for i := range life {
			done := make(chan error)
			var made atomic.Int32
			for range 4 {
				go func() {
					_, err := s.Update(t.Context(), asset, life[i])
					if _, late := errors.AsType[*TransitionError](err); late {
						err = nil // another was faster
					} else {
						made.Add(1)
					}
					done <- err
				}()
			}
			go func() {
				time.Sleep(20 * time.Millisecond)
				if err := s.Settle(t.Context(), &Record{Asset: asset}); !errors.Is(err, cloud.ErrNotFound) {
					done <- err
				} else {
					done <- nil
				}
			}()
			for range 5 {
				if err := <-done; err != nil {
					t.Fatalf("step %d: %v", i, err)
				}
			}
			if made.Load() == 0 {
				t.Fatalf("step %d: nobody made it", i)
			}
			r, err := s.Get(t.Context(), asset)
			if err != nil {
				t.Fatal(err)
			}
			missing(t, s, r)
		}
		c.SetHooks(memcloud.Hooks{})
		settled(t, c, s)
	})
}

func TestMarkerLists(t *testing.T) {
	c, s := newBook(t)
	for _, k := range []string{
		"open/AA/AAB.2", "open/AA/AAB.10", "open/AA/AAC.1", "open/AA/AAC", "open/AA/notes.txt",
		"failed/access/AA/AAB.3", "failed/access/AA/AAB.4", "failed/bad-source/AA/AAB.1",
	} {
		c.Store.Seed(cloud.Put{Location: root.Join(k)})
	}
	var got []string
	for a, err := range s.Open(t.Context()) {
		got = append(got, fmt.Sprint(a, err))
	}
	for m, err := range s.FailedMarkers(t.Context()) {
		got = append(got, fmt.Sprint(m, err))
	}
	if want := []string{"AAB<nil>", "AAC<nil>", "{access AAB} <nil>", "{bad-source AAB} <nil>"}; !slices.Equal(got, want) {
		t.Errorf("lists yield %q, want %q", got, want)
	}
	got = nil
	pages := c.Calls()["Store.List"]
	for m, err := range s.FailedMarkers(t.Context(), BadSource, Canceled) {
		got = append(got, fmt.Sprint(m, err))
	}
	if want := []string{"{bad-source AAB} <nil>"}; !slices.Equal(got, want) || c.Calls()["Store.List"] != pages+2 {
		t.Errorf("two classes are %q, %d pages, want %q, 2", got, c.Calls()["Store.List"]-pages, want)
	}
	c.SetHooks(memcloud.Hooks{Before: unavailable})
	got = nil
	for m, err := range s.FailedMarkers(t.Context(), BadSource, Canceled) {
		got = append(got, fmt.Sprint(m, err))
	}
	if want := []string{"{ } list markers s3://state/fleet/failed/bad-source/: Store.List s3://state/fleet/failed/bad-source/: unavailable"}; !slices.Equal(got, want) {
		t.Errorf("lists yield %q, want %q", got, want)
	}
	got = nil
	for a, err := range s.Open(t.Context()) {
		got = append(got, fmt.Sprint(a, err))
	}
	if want := []string{"list markers s3://state/fleet/open/: Store.List s3://state/fleet/open/: unavailable"}; !slices.Equal(got, want) {
		t.Errorf("lists yield %q, want %q", got, want)
	}
}
