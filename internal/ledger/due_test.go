package ledger

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/vodfleet/vodfleet/internal/cloud"
	"github.com/vodfleet/vodfleet/internal/cloud/memcloud"
)

func TestDue(t *testing.T) {
	c, s := newBook(t)
	vienna := time.FixedZone("", 3600)
	for _, e := range []DueEntry{
		{"AAC", start.Add(90 * time.Minute)},
		{"AAB", start.Add(2 * time.Second)},
		{"AAB", start.Add(time.Second + time.Nanosecond).In(vienna)}, // rounds up to the one before
		{"AAA", start.Add(59 * time.Minute)},
		{"AAA", start.Add(-time.Hour)},
	} {
		if err := s.Due(t.Context(), e.Asset, e.At); err != nil {
			t.Fatal(err)
		}
	}
	for _, k := range []string{"due/2026-11-22T19/AAA", "due/2026-11-22T19/A.0000", "due/2026-11-22T19/AAA.9999", "due/later/AAA.0000", "due/2026-11-22T19/x/AAA.0000"} {
		c.Store.Seed(cloud.Put{Location: root.Join(k)}) // no entries
	}
	for _, tt := range []struct {
		at   time.Time
		want []string
	}{
		{start.Add(-2 * time.Hour), nil},
		{start.Add(-time.Hour), []string{"AAA 18:00:00"}},
		{start.Add(time.Second), []string{"AAA 18:00:00"}},
		{start.Add(2 * time.Second).In(vienna), []string{"AAA 18:00:00", "AAB 19:00:02"}},
		{start.Add(time.Hour), []string{"AAA 18:00:00", "AAA 19:59:00", "AAB 19:00:02"}},
		{start.Add(90 * time.Minute), []string{"AAA 18:00:00", "AAA 19:59:00", "AAB 19:00:02", "AAC 20:30:00"}},
	} {
		if got := due(t, s, tt.at); !slices.Equal(got, tt.want) {
			t.Errorf("due at %v: %v, want %v", tt.at, got, tt.want)
		}
	}
	for range 2 {
		if err := s.DoneDue(t.Context(), DueEntry{"AAB", start.Add(2 * time.Second)}); err != nil {
			t.Fatal(err)
		}
	}
	if got, want := due(t, s, start.Add(time.Minute)), []string{"AAA 18:00:00"}; !slices.Equal(got, want) {
		t.Errorf("due after one is done: %v, want %v", got, want)
	}
}

// TestDueReadsNoFurther: entries of later hours cost nothing.
func TestDueReadsNoFurther(t *testing.T) {
	c, s := newBook(t)
	for i := range 3000 {
		c.Store.Seed(cloud.Put{Location: root.Join(fmt.Sprintf("due/2026-11-23T00/A%04d.0000", i))})
	}
	if got := due(t, s, start); got != nil || c.Calls()["Store.List"] != 1 {
		t.Errorf("due are %d entries, by %d requests", len(got), c.Calls()["Store.List"])
	}
}

func TestDueFails(t *testing.T) {
	c, s := newBook(t)
	c.SetHooks(memcloud.Hooks{Before: unavailable})
	got := []string{fmt.Sprint(s.Due(t.Context(), "AAA", start)), fmt.Sprint(s.DoneDue(t.Context(), DueEntry{"AAA", start}))}
	for _, err := range s.DueBefore(t.Context(), start) {
		got = append(got, fmt.Sprint(err))
	}
	if want := []string{
		"note asset AAA as due: Store.Put s3://state/fleet/due/2026-11-22T19/AAA.0000: unavailable",
		"remove due entry of asset AAA: Store.Delete s3://state/fleet/due/2026-11-22T19/AAA.0000: unavailable",
		"list due assets: Store.List s3://state/fleet/due/: unavailable",
	}; !slices.Equal(got, want) {
		t.Errorf("errors are %q\nwant %q", got, want)
	}
}

func due(t *testing.T, s *Store, at time.Time) []string {
	t.Helper()
	var all []string
	for e, err := range s.DueBefore(t.Context(), at) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, e.Asset+" "+e.At.Format(time.TimeOnly))
	}
	return all
}
