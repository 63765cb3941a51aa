package invalidate

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/vodfleet/vodfleet/internal/governor"
)

// lineOf is n assets with two paths each, the oldest of which has waited for
// oldest, and the newest for newest.
func lineOf(n int, oldest, newest time.Duration, paths ...string) governor.StaleLine {
	now := time.Unix(1_000_000, 0)
	l := governor.StaleLine{Now: now, Count: n, Newest: now.Add(-newest)}
	for i := range min(n, maxPaths) {
		p := paths
		if p == nil {
			p = []string{fmt.Sprintf("/%d/a", i), fmt.Sprintf("/%d/b", i)}
		}
		l.First = append(l.First, governor.Stale{Asset: fmt.Sprint("a", i), Seq: 2, Paths: p, Since: now.Add(-oldest)})
	}
	return l
}

// mixed is n assets, the first wild of which have a wildcard and came long ago;
// the others have waited for d, and nobody came since.
func mixed(n, wild int, d time.Duration) governor.StaleLine {
	l := lineOf(n, d, quiet)
	for i := range wild {
		l.First[i].Paths = []string{"/a/*"}
		l.First[i].Since = l.Now.Add(-time.Hour)
	}
	return l
}

func TestPlan(t *testing.T) {
	free := room{budget: -1}
	flying := func(paths, wildcards int) room { return room{flying: load{paths, wildcards}, budget: -1} }
	for _, tt := range []struct {
		name        string
		line        governor.StaleLine
		room        room
		want, short int // members; paths that the budget does not allow
	}{
		{"nobody", lineOf(0, 0, 0), free, 0, 0},
		{"one that came just now", lineOf(1, 0, 0), free, 0, 0},
		{"one that has waited", lineOf(1, collect, collect), free, 1, 0},
		{"a few", lineOf(crowd-1, collect, 0), free, crowd - 1, 0},
		{"a crowd that grows", lineOf(crowd, collect, 0), free, 0, 0},
		{"a crowd that is complete", lineOf(crowd, collect, quiet), free, crowd, 0},
		{"a crowd that does not end", lineOf(crowd, patience, 0), free, crowd, 0},
		{"as many as a batch holds", lineOf(1500, 0, 0), free, 0, 0},
		{"one more", lineOf(1501, 0, 0), free, 1500, 0},
		{"more than are told", lineOf(5000, 0, 0), free, 1500, 0},
		{"no room", lineOf(1, time.Hour, time.Hour), flying(3000, 0), 0, 0},
		{"room for one", lineOf(1, time.Hour, time.Hour), flying(2998, 0), 1, 0},
		{"no room for all", lineOf(2, time.Hour, time.Hour), flying(2998, 0), 0, 0},
		{"most of the room", lineOf(5000, 0, 0), flying(4, 0), 1498, 0},
		{"some of the room", lineOf(5000, time.Hour, 0), flying(1500, 0), 0, 0},
		{"wildcards", lineOf(16, 0, 0, "/a/*"), free, 15, 0},
		{"wildcards in progress", lineOf(3, time.Hour, time.Hour, "/a/*"), flying(0, 13), 2, 0},
		{"all wildcards in progress", lineOf(3, time.Hour, time.Hour, "/a/*"), flying(0, 15), 0, 0},
		{"wildcards let others pass", mixed(40, 20, collect), flying(0, 13), 20 + 2, 0},
		{"all of them", mixed(40, 20, collect), flying(0, 15), 20, 0},
		{"others collect all the same", mixed(40, 20, collect-1), flying(0, 15), 0, 0},
		{"paths beside wildcards in progress", lineOf(3, time.Hour, time.Hour), flying(0, 15), 3, 0},
		{"after a refusal", lineOf(10, 0, 0), room{budget: -1, most: 4}, 4, 0},
		{"a budget for all", lineOf(3, collect, collect), room{budget: 6}, 3, 0},
		{"a budget for some", lineOf(3, 0, 0), room{budget: 5}, 2, 0},
		{"a budget for none", lineOf(3, 0, 0), room{budget: 1}, 0, 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if f := plan(tt.line, tt.room); len(f.members) != tt.want || f.short != tt.short {
				t.Errorf("plan = %d members, %d short, want %d and %d", len(f.members), f.short, tt.want, tt.short)
			}
		})
	}
}

// Whatever waits and is in progress, a batch fits in beside it, holds the
// oldest, and costs no more than is allowed.
func TestPlanProperty(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 20_000 {
		l := lineOf(r.IntN(40), time.Duration(r.Int64N(int64(5*time.Minute))), time.Duration(r.Int64N(int64(time.Minute))))
		for i := range l.First {
			l.First[i].Paths = nil
			for range 1 + r.IntN(300) {
				p := "/p"
				if r.IntN(200) == 0 {
					p = "/p/*"
				}
				l.First[i].Paths = append(l.First[i].Paths, p)
			}
		}
		in := room{flying: load{r.IntN(maxPaths + 1), r.IntN(maxWildcards + 1)}, budget: r.IntN(4000) - 500, most: r.IntN(10)}
		f := plan(l, in)
		var got load
		next := 0
		for _, m := range f.members {
			for ; next < len(l.First) && l.First[next].Asset != m.Asset; next++ {
				if got.plus(l.First[next].Paths).wildcards+in.flying.wildcards <= maxWildcards {
					t.Fatalf("%s passed %s, want the oldest first", m.Asset, l.First[next].Asset)
				}
			}
			next++
			got = got.plus(m.Paths)
		}
		if len(f.members) == 0 {
			continue
		}
		if all := got.add(in.flying); all.paths > maxPaths || all.wildcards > maxWildcards || got.all() > maxPaths {
			t.Fatalf("%+v beside %+v in progress", got, in.flying)
		}
		if in.budget >= 0 && got.all() > in.budget || in.most > 0 && len(f.members) > in.most || f.short != 0 {
			t.Fatalf("%+v and %d members, %d short, with %+v", got, len(f.members), f.short, in)
		}
	}
}
