package invalidate

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vodfleet/vodfleet/internal/cloud"
	"github.com/vodfleet/vodfleet/internal/cloud/memcloud"
	"github.com/vodfleet/vodfleet/internal/ledger"
	"github.com/vodfleet/vodfleet/internal/media"
	"github.com/vodfleet/vodfleet/internal/queue"
	"github.com/vodfleet/vodfleet/internal/stage"
	"github.com/vodfleet/vodfleet/tasks"
	"go.uber.org/zap"
)

// Await implements [stage.Caches].
func (q *lane) Await(_ context.Context, asset string, seq int, paths []string) (bool, error) {
	return q.await(asset, seq, paths...), nil
}

// library is replaced assets with their records and tasks, before the stage.
type library struct {
	*world
	book    *ledger.Store
	handler *stage.Invalidate
	parked  map[string]time.Time // by task: when it comes by itself
}

func newLibrary(t *testing.T, profile string, takes time.Duration) (*library, string) {
	w := newWorld(t, memcloud.Options{Invalidation: takes})
	l := &library{world: w, book: ledger.New(w.mem.Store, root), parked: map[string]time.Time{}}
	p, err := media.Parse([]byte(profile))
	if err != nil {
		t.Fatal(err)
	}
	if err := l.book.PutProfile(t.Context(), p.Digest(), p.Canonical()); err != nil {
		t.Fatal(err)
	}
	profiles, err := stage.NewProfiles(t.Context(), l.book, p.Digest())
	if err != nil {
		t.Fatal(err)
	}
	l.handler = &stage.Invalidate{
		Ledger: l.book, Caches: w.queue, Profiles: profiles, Distribution: distribution, ViewerURL: "https://viewers.example",
		Retire: &stage.Retirement{Ledger: l.book, Grace: 24 * time.Hour, Log: zap.NewNop()}, Log: zap.NewNop(),
	}
	w.Wake = func(_ context.Context, asset string, seq int) error {
		if _, ok := l.parked[asset]; ok {
			l.parked[asset] = time.Now()
		}
		return nil
	}
	return l, p.Digest()
}

// replaced puts a record whose second switch was made and written just now, and
// its task.
func (l *library) replaced(asset, profile string) {
	l.t.Helper()
	_, err := l.book.Update(l.t.Context(), asset, func(now time.Time, r *ledger.Record) error {
		r.Location = cloud.Location{Bucket: "library", Key: asset}
		for n := 1; n <= 2; n++ {
			r.Builds = append(r.Builds, ledger.Build{
				Number: n, State: ledger.Published, Revision: ledger.Revision{ID: fmt.Sprint("r", n), Source: fmt.Sprint("s", n), Profile: profile},
				Intent: &ledger.Intent{At: now}, Job: fmt.Sprint(asset, n), JobDone: now,
				Outputs: &ledger.Outputs{Packages: []ledger.Package{{Name: "cmaf", HLS: "cmaf/video.m3u8", DASH: "cmaf/video.mpd"}}},
			})
		}
		r.Source.Version, r.Wanted, r.NextBuild = "s2", r.Builds[1].Revision, 3
		r.Previous, r.Current, r.Seq, r.EntriesSeq, r.LiveSeq, r.Switched = 1, 2, 2, 2, 1, now
		return nil
	})
	if err != nil {
		l.t.Fatal(err)
	}
	l.parked[asset] = time.Now()
}

// work runs the tasks that are due.
func (l *library) work() {
	l.t.Helper()
	for asset, at := range l.parked {
		if time.Now().Before(at) {
			continue
		}
		err := l.handler.Handle(l.t.Context(), tasks.InvalidateOrRename{Asset: asset, Seq: 2})
		switch {
		case err == nil:
			delete(l.parked, asset)
		case queue.IsVerdict(err):
			l.parked[asset] = time.Now().Add(2 * time.Minute)
		default:
			l.t.Fatal(err)
		}
	}
}

// Five thousand assets are replaced at once: a few invalidations, three thousand
// paths in progress at most, and each live within five minutes beside what its
// invalidation takes. One alone is within a minute. Under delivery: versioned
// nothing is invalidated.
func TestLibrary(t *testing.T) {
	for _, tt := range []struct {
		name, profile string
		assets        int
		calls         int           // at most
		within        time.Duration // of the switch, beside what an invalidation takes
	}{
		{"five thousand", "delivery: stable\n", 5000, 6, 5 * time.Minute},
		{"one", "delivery: stable\n", 1, 1, time.Minute},
		{"five thousand with versioned names", "delivery: versioned\n", 5000, 0, time.Second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				const takes = time.Minute
				l, profile := newLibrary(t, tt.profile, takes)
				var assets []string
				for i := range tt.assets {
					assets = append(assets, fmt.Sprintf("asset%04d", i))
					l.replaced(assets[i], profile)
				}
				for began := time.Now(); len(l.parked) > 0 && time.Since(began) < time.Hour; time.Sleep(turnEvery) {
					l.work()
					l.turn()
				}
				var worst time.Duration
				for _, asset := range assets {
					r, err := l.book.Get(t.Context(), asset)
					if err != nil || r.LiveSeq != 2 || r.Open() {
						t.Fatalf("asset %s: %+v, %v; want it live", asset, r, err)
					}
					last := r.History[len(r.History)-1]
					if !strings.HasPrefix(last.What, "switch 2: live") {
						t.Fatalf("asset %s: the history ends in %+v", asset, last)
					}
					worst = max(worst, last.At.Sub(r.Switched))
				}
				t.Logf("%d calls of %v paths, %d in progress at most, live after %v at most", len(l.calls), l.calls, l.flying, worst)
				most := tt.within
				if tt.calls > 0 {
					most += takes
				}
				if len(l.calls) > tt.calls || l.flying > maxPaths || worst > most {
					t.Errorf("want at most %d calls, %d paths in progress, %v", tt.calls, maxPaths, most)
				}
			})
		})
	}
}
