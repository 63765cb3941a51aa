package ledger

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vodfleet/vodfleet/internal/cloud"
	"github.com/vodfleet/vodfleet/internal/cloud/memcloud"
)

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
