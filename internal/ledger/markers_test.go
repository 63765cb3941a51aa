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

// life is one asset's, with each kind of marker coming and going. Each step is
// safe to repeat.
var life = []func(now time.Time, r *Record) error{
	func(now time.Time, r *Record) error {
		r.Location = source
		return r.FailSource(now, src(revA), revA, gone)
	},
	ingest(revA, 1),
	forward(1, Submitting), forward(1, Transcoding),
	func(now time.Time, r *Record) error {
		if b := r.Build(1); b.failed() {
			return ErrUnchanged
		}
		return r.FailBuild(now, 1, transient)
	},
	func(now time.Time, r *Record) error {
		if r.NextBuild > 2 {
			return ErrUnchanged
		}
		_, err := r.Replan(now, 1, spec)
		return err
	},
	forward(2, Submitting), forward(2, Transcoding), forward(2, Transcoded), forward(2, Published),
	func(now time.Time, r *Record) error { return r.EntriesWritten(now, 1) },
	func(now time.Time, r *Record) error { return r.Live(now, 1) },
	ingest(revB, 3),
	func(now time.Time, r *Record) error { return r.FailBuild(now, 3, badSource) },
	func(now time.Time, r *Record) error {
		if r.Failure != nil {
			return ErrUnchanged
		}
		return r.FailSource(now, src(revB), revB, gone)
	},
	func(now time.Time, r *Record) error { return r.WantStanding(now, src(revA), revA, 2) },
}

func ingest(rev Revision, build int) func(time.Time, *Record) error {
	return func(now time.Time, r *Record) error {
		if r.NextBuild > build {
			return ErrUnchanged
		}
		_, err := r.Plan(now, src(rev), rev, spec, nil)
		return err
	}
}

// forward brings a build to a state from the one before.
func forward(build int, to State) func(time.Time, *Record) error {
	order := []State{Planned, Submitting, Transcoding, Transcoded, Published}
	return func(now time.Time, r *Record) error {
		b := r.Build(build)
		if slices.Index(order, b.State) >= slices.Index(order, to) {
			return ErrUnchanged
		}
		switch to {
		case Submitting:
			return r.Intend(now, build, "token")
		case Transcoding:
			return r.Submitted(now, build, fmt.Sprintf("job-%d", build))
		case Transcoded:
			return r.Completed(now, build)
		}
		return r.Switch(now, build, outputs)
	}
}

// wanted are the markers that a record needs, without their numbers.
func wanted(r *Record) []string {
	var all []string
	if f := r.Failed(); f != nil {
		all = append(all, "failed/"+string(f.Class))
	}
	if r.Open() {
		all = append(all, "open")
	}
	return all
}

// there are the markers that are stored, without their numbers, as lists find them.
func there(t *testing.T, s *Store) []string {
	t.Helper()
	var all []string
	for m, err := range s.FailedMarkers(t.Context()) {
		if err != nil || m.Asset != asset {
			t.Errorf("failed markers: %+v, %v", m, err)
		}
		all = append(all, "failed/"+string(m.Class))
	}
	for a, err := range s.Open(t.Context()) {
		if err != nil || a != asset {
			t.Errorf("open markers: %s, %v", a, err)
		}
		all = append(all, "open")
	}
	return all
}

// live takes all steps from the first, as workers do that know nothing of what
// others did, until one fails. All of them have been done before n.
func live(ctx context.Context, s *Store, from int) (next int, err error) {
	for i := from; i < len(life); i++ {
		if _, err := s.Update(ctx, asset, life[i]); err != nil {
			return i, err
		}
	}
	return len(life), nil
}

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

// TestSettle mends what should not be, and writes only where it has to.
func TestSettle(t *testing.T) {
	for _, tt := range []struct {
		name  string
		there []string // markers beside those of the record, which is open with number 1
		gone  bool     // the record's marker was deleted
		want  []string
		puts  int
	}{
		{"as it should be", nil, false, []string{"open/AK/" + asset + ".1"}, 0},
		{"missing", nil, true, []string{"open/AK/" + asset + ".1"}, 1},
		{"stale of a number used", []string{"failed/access/AK/" + asset + ".1"}, false, []string{"open/AK/" + asset + ".1"}, 0},
		{"of a write that never came", []string{"open/AK/" + asset + ".2", "failed/settings/AK/" + asset + ".9"}, false, []string{"open/AK/" + asset + ".1"}, 1},
		{"of other assets", []string{"open/AK/" + asset + "2.5", "open/AK/" + asset + "-.5"}, false, []string{"open/AK/" + asset + "-.5", "open/AK/" + asset + ".1", "open/AK/" + asset + "2.5"}, 0},
		{"no markers at all", []string{"open/AK/" + asset + ".x", "open/AK/" + asset + ".01", "open/AK/" + asset + ".-1"}, false,
			[]string{"open/AK/" + asset + ".-1", "open/AK/" + asset + ".01", "open/AK/" + asset + ".1", "open/AK/" + asset + ".x"}, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, s := newBook(t)
			for _, step := range []func(time.Time, *Record) error{count, ingest(revA, 1)} {
				if _, err := s.Update(t.Context(), asset, step); err != nil {
					t.Fatal(err)
				}
			}
			for _, k := range tt.there {
				c.Store.Seed(cloud.Put{Location: root.Join(k)})
			}
			if tt.gone {
				if err := c.Store.Delete(t.Context(), bucket, "fleet/open/AK/"+asset+".1"); err != nil {
					t.Fatal(err)
				}
			}
			before := c.Calls()["Store.Put"]
			if err := s.Settle(t.Context(), &Record{Asset: asset}); err != nil {
				t.Fatal(err)
			}
			if puts := c.Calls()["Store.Put"] - before; puts != tt.puts {
				t.Errorf("%d objects were written, want %d", puts, tt.puts)
			}
			if got := slices.Concat(keys(t, c, "failed/"), keys(t, c, "open/")); !slices.Equal(got, tt.want) {
				t.Errorf("markers are %v\nwant %v", got, tt.want)
			}
		})
	}
}

func TestSettleNothing(t *testing.T) {
	_, s := newBook(t)
	if err := s.Settle(t.Context(), &Record{Asset: asset}); !errors.Is(err, cloud.ErrNotFound) {
		t.Errorf("Settle: %v, want not found", err)
	}
}

// TestLateWriter: a write that was overtaken by Settle does not come through
// with a marker that Settle has removed.
func TestLateWriter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, s := newBook(t)
		if _, err := s.Update(t.Context(), asset, life[0]); err != nil {
			t.Fatal(err)
		}
		settledOnce := false
		c.SetHooks(memcloud.Hooks{Before: func(op, at string) error {
			if op == "Store.Put" && strings.HasSuffix(at, ".json") && !settledOnce {
				settledOnce = true // between the marker and the write that needs it
				return s.Settle(t.Context(), &Record{Asset: asset})
			}
			return nil
		}})
		r, err := s.Update(t.Context(), asset, ingest(revA, 1))
		if err != nil {
			t.Fatal(err)
		}
		c.SetHooks(memcloud.Hooks{})
		missing(t, s, r)
		if r.Marks.Open != 3 {
			t.Errorf("the marker has number %d, want one after that which Settle used up", r.Marks.Open)
		}
		settled(t, c, s)
	})
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
	c.SetHooks(memcloud.Hooks{Before: unavailable})
	got = nil
	for a, err := range s.Open(t.Context()) {
		got = append(got, fmt.Sprint(a, err))
	}
	if want := []string{"list markers s3://state/fleet/open/: Store.List s3://state/fleet/open/: unavailable"}; !slices.Equal(got, want) {
		t.Errorf("lists yield %q, want %q", got, want)
	}
}
