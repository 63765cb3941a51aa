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

const bucket = "state"

var root = cloud.Location{Bucket: bucket, Key: "fleet"}

func recordKey(asset string) string { return "fleet/ledger/" + asset[:2] + "/" + asset + ".json" }

func newBook(t *testing.T) (*memcloud.Cloud, *Store) {
	c := memcloud.New(memcloud.Options{Buckets: []string{bucket}})
	s := New(c.Store, root)
	s.Stale = func(asset string, err error) { t.Errorf("stale markers of %s: %v", asset, err) }
	return c, s
}

// count is a change that shows how often it was made: a record without builds
// may have any number as its next.
func count(_ time.Time, r *Record) error {
	r.Location = source
	r.NextBuild++
	return nil
}

func unavailable(string, string) error { return cloud.ErrUnavailable }

// once runs hook at the nth call of op, and at no other.
func once(op string, nth int32, hook memcloud.Hook) memcloud.Hook {
	var n atomic.Int32
	return func(o, at string) error {
		if o == op && n.Add(1) == nth {
			return hook(o, at)
		}
		return nil
	}
}

func TestUpdate(t *testing.T) {
	mine := errors.New("no")
	for _, tt := range []struct {
		name   string
		hooks  memcloud.Hooks
		change func(time.Time, *Record) error
		err    error
		made   int // times, over one update before
		calls  string
	}{
		{"change", memcloud.Hooks{}, count, nil, 1, "1 Get, 1 Put"},
		{"unchanged", memcloud.Hooks{}, func(_ time.Time, r *Record) error { r.NextBuild = 99; return ErrUnchanged }, nil, 0, "1 Get, 0 Put"},
		{"unchanged, wrapped", memcloud.Hooks{}, func(_ time.Time, r *Record) error { return fmt.Errorf("look: %w", ErrUnchanged) }, nil, 0, "1 Get, 0 Put"},
		{"refused", memcloud.Hooks{}, func(_ time.Time, r *Record) error { return mine }, mine, 0, "1 Get, 0 Put"},
		{"cannot read", memcloud.Hooks{Before: once("Store.Get", 1, unavailable)}, count, cloud.ErrUnavailable, 0, "1 Get, 0 Put"},
		{"denied", memcloud.Hooks{Before: once("Store.Put", 1, func(_, _ string) error { return cloud.ErrDenied })}, count, cloud.ErrDenied, 0, "1 Get, 1 Put"},
		{"write failed", memcloud.Hooks{Before: once("Store.Put", 1, unavailable)}, count, nil, 1, "2 Get, 2 Put"},
		{"answer lost", memcloud.Hooks{After: once("Store.Put", 1, unavailable)}, count, nil, 1, "2 Get, 1 Put"},
		{"answer lost, and the look as well", memcloud.Hooks{After: once("Store.Put", 1, unavailable), Before: once("Store.Get", 2, unavailable)}, count, nil, 1, "3 Get, 1 Put"},
		{"409", memcloud.Hooks{Before: once("Store.Put", 1, func(_, _ string) error { return cloud.ErrConflict })}, count, nil, 1, "2 Get, 2 Put"},
		{"409 of a write that was made", memcloud.Hooks{After: once("Store.Put", 1, func(_, _ string) error { return cloud.ErrConflict })}, count, nil, 1, "2 Get, 1 Put"},
		{"412", memcloud.Hooks{Before: once("Store.Put", 1, func(_, _ string) error { return cloud.ErrPrecondition })}, count, nil, 1, "2 Get, 2 Put"},
		{"412 of a write that was made", memcloud.Hooks{After: once("Store.Put", 1, func(_, _ string) error { return cloud.ErrPrecondition })}, count, nil, 1, "2 Get, 1 Put"},
		{"throttled", memcloud.Hooks{Before: once("Store.Put", 1, func(_, _ string) error { return cloud.ErrThrottled })}, count, nil, 1, "2 Get, 2 Put"},
		{"down", memcloud.Hooks{Before: func(op, _ string) error {
			if op == "Store.Put" {
				return cloud.ErrUnavailable
			}
			return nil
		}}, count, cloud.ErrUnavailable, 0, "12 Get, 12 Put"},
		{"another asset", memcloud.Hooks{}, func(_ time.Time, r *Record) error { r.Asset = "BB"; return nil }, nil, -1, "1 Get, 0 Put"},
		{"breaks a rule", memcloud.Hooks{}, func(_ time.Time, r *Record) error { r.Seq = 7; return nil }, nil, -1, "1 Get, 0 Put"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, book := newBook(t)
				if _, err := book.Update(t.Context(), asset, count); err != nil {
					t.Fatal(err)
				}
				before := c.Calls()
				c.SetHooks(tt.hooks)

				r, err := book.Update(t.Context(), asset, tt.change)

				after := c.Calls()
				c.SetHooks(memcloud.Hooks{})
				if calls := fmt.Sprintf("%d Get, %d Put", after["Store.Get"]-before["Store.Get"], after["Store.Put"]-before["Store.Put"]); calls != tt.calls {
					t.Errorf("calls are %s, want %s", calls, tt.calls)
				}
				fails := tt.err != nil || tt.made < 0
				if (err != nil) != fails || tt.err != nil && !errors.Is(err, tt.err) || (r == nil) != fails {
					t.Errorf("Update = %v, %v, want error %v", r, err, tt.err)
				}
				stored, err := book.Get(t.Context(), asset)
				if err != nil {
					t.Fatal(err)
				}
				if want := 1 + max(tt.made, 0); stored.NextBuild != want {
					t.Errorf("the change was made %d times, want %d", stored.NextBuild-1, want-1)
				}
				if r != nil && encode(t, r) != encode(t, stored) {
					t.Errorf("Update returns\n%s, stored is\n%s", encode(t, r), encode(t, stored))
				}
			})
		})
	}
}

// TestFirstUpdate makes a record where there is none.
func TestFirstUpdate(t *testing.T) {
	for _, tt := range []struct {
		name  string
		hooks memcloud.Hooks
		want  string // error
	}{
		{"made", memcloud.Hooks{}, "<nil>"},
		{"answer lost", memcloud.Hooks{After: once("Store.Put", 1, unavailable)}, "<nil>"},
		{"412 of a write that was made", memcloud.Hooks{After: once("Store.Put", 1, func(_, _ string) error { return cloud.ErrPrecondition })}, "<nil>"},
		{"no bucket", memcloud.Hooks{Before: once("Store.Put", 1, func(_, _ string) error { return cloud.ErrNotFound })}, "write record of asset " + asset + ": Store.Put s3://state/" + recordKey(asset) + ": not found"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, book := newBook(t)
				c.SetHooks(tt.hooks)
				r, err := book.Update(t.Context(), asset, count)
				if fmt.Sprint(err) != tt.want {
					t.Fatalf("Update: %v, want %s", err, tt.want)
				}
				if err == nil && (r.NextBuild != 1 || r.Schema != 1 || r.Nonce == "" || r.Updated.IsZero()) {
					t.Errorf("the record is %+v", r)
				}
			})
		})
	}
}

// TestUnchangedOfNothing: nothing is written, and the record has its asset.
func TestUnchangedOfNothing(t *testing.T) {
	c, book := newBook(t)
	r, err := book.Update(t.Context(), asset, func(_ time.Time, r *Record) error {
		r.Location = source
		return ErrUnchanged
	})
	if err != nil || r.Asset != asset || r.Location != (cloud.Location{}) || c.Calls()["Store.Put"] != 0 {
		t.Errorf("Update = %+v, %v after %v", r, err, c.Calls())
	}
}

// TestRace: many change one record at once, over a cloud that takes its time
// and loses some answers. Each change is made once.
func TestRace(t *testing.T) {
	for _, tt := range []struct {
		name string
		lose int32 // every nth answer to a write; 0 for none
	}{{"race", 0}, {"race with lost answers", 3}} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				const writers = 20
				c, book := newBook(t)
				var puts atomic.Int32
				c.SetHooks(memcloud.Hooks{
					Before: func(string, string) error { time.Sleep(15 * time.Millisecond); return nil },
					After: func(op, _ string) error {
						if op == "Store.Put" && tt.lose > 0 && puts.Add(1)%tt.lose == 0 {
							return cloud.ErrUnavailable
						}
						return nil
					},
				})
				done := make(chan error, writers)
				for range writers {
					go func() {
						_, err := book.Update(t.Context(), asset, count)
						done <- err
					}()
				}
				for range writers {
					if err := <-done; err != nil {
						t.Error(err)
					}
				}
				c.SetHooks(memcloud.Hooks{})
				r, err := book.Get(t.Context(), asset)
				if err != nil {
					t.Fatal(err)
				}
				if r.NextBuild != writers {
					t.Errorf("%d changes were made by %d writers", r.NextBuild, writers)
				}
			})
		})
	}
}

// TestNonces: a lost answer is found again behind the writes that the record
// remembers; behind more it is not, and the change runs on what is there.
func TestNonces(t *testing.T) {
	for _, tt := range []struct{ others, made int }{{0, 1}, {1, 1}, {keptNonces, 1}, {keptNonces + 1, 2}} {
		t.Run(fmt.Sprint(tt.others), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, book := newBook(t)
				c.SetHooks(memcloud.Hooks{After: once("Store.Put", 1, func(string, string) error {
					for range tt.others {
						if _, err := book.Update(t.Context(), asset, count); err != nil {
							t.Error(err)
						}
					}
					return cloud.ErrUnavailable
				})})
				r, err := book.Update(t.Context(), asset, count)
				if err != nil {
					t.Fatal(err)
				}
				if got := r.NextBuild - tt.others; got != tt.made {
					t.Errorf("the change was made %d times, want %d", got, tt.made)
				}
			})
		})
	}
}

// TestUpdateCanceled ends at once, also in the middle of a wait.
func TestUpdateCanceled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, book := newBook(t)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		c.SetHooks(memcloud.Hooks{Before: func(op, _ string) error {
			if op == "Store.Put" {
				return cloud.ErrThrottled
			}
			return nil
		}})
		begun := time.Now()
		_, err := book.Update(ctx, asset, count)
		if !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, cloud.ErrThrottled) || time.Since(begun) != time.Second {
			t.Errorf("after %v: %v, want the deadline and what was tried last", time.Since(begun), err)
		}
	})
}

// TestNeverOverwritten: what cannot be read stays as it is.
func TestNeverOverwritten(t *testing.T) {
	for _, tt := range []struct {
		name, body string
		want       error
	}{
		{"no JSON", "{", ErrCorrupt},
		{"empty", "", ErrCorrupt},
		{"newer", `{"schema":3,"asset":"` + asset + `"}`, ErrNewer},
		{"oversized", `{"schema":1,"asset":"` + asset + `","reference":"` + strings.Repeat("x", MaxRecord) + `"}`, ErrCorrupt},
		{"of another asset", `{"schema":1,"asset":"BB"}`, ErrCorrupt},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, book := newBook(t)
			at := cloud.Location{Bucket: bucket, Key: recordKey(asset)}
			c.Store.Seed(cloud.Put{Location: at, Body: []byte(tt.body)})

			_, getErr := book.Get(t.Context(), asset)
			_, updateErr := book.Update(t.Context(), asset, count)
			settleErr := book.Settle(t.Context(), &Record{Asset: asset})

			for what, err := range map[string]error{"Get": getErr, "Update": updateErr, "Settle": settleErr} {
				if !errors.Is(err, tt.want) || !strings.Contains(err.Error(), at.Key) && !strings.Contains(err.Error(), asset) {
					t.Errorf("%s: %v, want %v, naming the record", what, err, tt.want)
				}
			}
			body, _, err := c.Store.Get(t.Context(), at, 2*MaxRecord)
			if err != nil || string(body) != tt.body || c.Calls()["Store.Put"] != 0 {
				t.Errorf("it was overwritten: %v", err)
			}
		})
	}
}

func TestBadAssets(t *testing.T) {
	_, book := newBook(t)
	for _, name := range []string{"", "A", "../../x", "a/b", "a.b", "é" + asset, strings.Repeat("A", 129)} {
		_, getErr := book.Get(t.Context(), name)
		_, updateErr := book.Update(t.Context(), name, count)
		for what, err := range map[string]error{
			"Get": getErr, "Update": updateErr, "Due": book.Due(t.Context(), name, start),
			"DoneDue": book.DoneDue(t.Context(), DueEntry{Asset: name}), "Settle": book.Settle(t.Context(), &Record{Asset: name}),
		} {
			if want := fmt.Sprintf("asset %q: not an asset ID", clip(name, 64)); fmt.Sprint(err) != want {
				t.Errorf("%s: %v, want %s", what, err, want)
			}
		}
	}
}

// TestClock: changes get the cloud's time, to the millisecond, in UTC.
func TestClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := memcloud.New(memcloud.Options{Skew: time.Hour})
		time.Sleep(1234567 * time.Nanosecond)
		want := time.Now().UTC().Add(time.Hour).Truncate(time.Millisecond)
		var got time.Time
		r, err := New(c.Store, root).Update(t.Context(), asset, func(now time.Time, r *Record) error {
			got = now
			return count(now, r)
		})
		if err != nil || !got.Equal(want) || got.Location() != time.UTC || !r.Updated.Equal(want) {
			t.Errorf("the change got %v, want %v; %v", got, want, err)
		}
	})
}

func TestList(t *testing.T) {
	c, book := newBook(t)
	for _, name := range []string{"ZZZ", "AAB", "AAA"} {
		if _, err := book.Update(t.Context(), name, count); err != nil {
			t.Fatal(err)
		}
	}
	for _, key := range []string{"fleet/ledger/AA/notes.txt", "fleet/ledger/AA/a.b.json", "fleet/other/AA/AAC.json"} {
		c.Store.Seed(cloud.Put{Location: cloud.Location{Bucket: bucket, Key: key}})
	}
	var got []string
	for name, err := range book.List(t.Context()) {
		got = append(got, fmt.Sprint(name, err))
	}
	if want := []string{"AAA<nil>", "AAB<nil>", "ZZZ<nil>"}; !slices.Equal(got, want) {
		t.Errorf("List yields %v, want %v", got, want)
	}
	c.SetHooks(memcloud.Hooks{Before: unavailable})
	got = nil
	for name, err := range book.List(t.Context()) {
		got = append(got, fmt.Sprint(name, err))
	}
	if want := []string{"list records: Store.List s3://state/fleet/ledger/: unavailable"}; !slices.Equal(got, want) {
		t.Errorf("List yields %v, want %v", got, want)
	}
}

func TestProfiles(t *testing.T) {
	c, book := newBook(t)
	if _, err := book.Profile(t.Context(), profile); !errors.Is(err, cloud.ErrNotFound) {
		t.Errorf("Profile: %v, want not found", err)
	}
	for range 2 {
		if err := book.PutProfile(t.Context(), profile, []byte("a: 1\n")); err != nil {
			t.Fatal(err)
		}
	}
	if err := book.PutProfile(t.Context(), profile, []byte("other")); err != nil {
		t.Fatal(err)
	}
	if got, err := book.Profile(t.Context(), profile); err != nil || string(got) != "a: 1\n" {
		t.Errorf("Profile = %q, %v, want the first", got, err)
	}
	if err := book.PutProfile(t.Context(), profile, make([]byte, MaxProfile+1)); err == nil {
		t.Error("a profile beyond the limit is kept")
	}
	if err := book.PutProfile(t.Context(), "../x", nil); fmt.Sprint(err) != `profile "../x": not a digest` {
		t.Errorf("PutProfile: %v", err)
	}
	if got := keys(t, c, ""); !slices.Equal(got, []string{"profiles/" + profile + ".yaml"}) {
		t.Errorf("stored are %v", got)
	}
}

// keys lists what is stored below the ledger's prefix and folder.
func keys(t *testing.T, c *memcloud.Cloud, folder string) []string {
	t.Helper()
	var all []string
	for o, err := range c.Store.List(context.WithoutCancel(t.Context()), root.Join(folder), "") {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, strings.TrimPrefix(o.Key, "fleet/"))
	}
	return all
}
