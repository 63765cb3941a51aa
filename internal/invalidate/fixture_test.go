package invalidate

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vodfleet/vodfleet/internal/cloud"
	"github.com/vodfleet/vodfleet/internal/cloud/memcloud"
	"github.com/vodfleet/vodfleet/internal/governor"
	"go.uber.org/zap"
)

// lane is the line, the lease and the gates, in memory and by the clock of the
// test's bubble. They can be lost.
type lane struct {
	waits  map[string]governor.Stale
	sent   map[string]time.Time
	gone   map[string]bool
	gate   *governor.Gate
	asked  string
	holder string
	woken  []string
	err    error // of Gone and Sent
}

// worker is one process's way to it.
type worker struct {
	*lane
	self string
}

func id(asset string, seq int) string { return fmt.Sprintf("%s:%d", asset, seq) }

func (q *lane) lose() {
	*q = lane{waits: map[string]governor.Stale{}, sent: map[string]time.Time{}, gone: map[string]bool{}, woken: q.woken}
}

func (q *lane) await(asset string, seq int, paths ...string) bool {
	if q.gone[id(asset, seq)] {
		return true
	}
	at, sent := q.sent[id(asset, seq)]
	if sent && time.Since(at) < governor.SentFor || q.waits[asset].Seq >= seq {
		return false
	}
	if paths == nil {
		paths = []string{"/watch/" + asset + "/master.m3u8", "/watch/" + asset + "/manifest.mpd"}
	}
	q.waits[asset] = governor.Stale{Asset: asset, Seq: seq, Paths: paths, Since: time.Now()}
	return false
}

func (w worker) Hold(context.Context, string, time.Duration) (bool, error) {
	if w.holder == "" {
		w.holder = w.self
	}
	w.lane.holder = w.holder
	return w.holder == w.self, nil
}

func (w worker) Drop(context.Context, string) error {
	if w.holder == w.self {
		w.lane.holder = ""
	}
	return nil
}

func (w worker) Stale(_ context.Context, most int) (governor.StaleLine, error) {
	l := governor.StaleLine{Now: time.Now()}
	for _, s := range w.waits {
		if slices.ContainsFunc(s.Paths, func(p string) bool { return strings.HasSuffix(p, "*") }) {
			l.Wild = append(l.Wild, s)
			continue
		}
		l.First = append(l.First, s)
		if s.Since.After(l.Newest) {
			l.Newest = s.Since
		}
	}
	l.Count, l.WildCount = len(l.First), len(l.Wild)
	for _, all := range []*[]governor.Stale{&l.First, &l.Wild} {
		slices.SortFunc(*all, func(a, b governor.Stale) int {
			return cmp.Or(a.Since.Compare(b.Since), strings.Compare(a.Asset, b.Asset))
		})
		*all = (*all)[:min(len(*all), most)]
	}
	return l, nil
}

func (w worker) leave(s governor.Stale) {
	if w.waits[s.Asset].Seq <= s.Seq {
		delete(w.waits, s.Asset)
	}
}

func (w worker) Sent(_ context.Context, all []governor.Stale) error {
	for _, s := range all {
		w.leave(s)
		w.sent[id(s.Asset, s.Seq)] = time.Now()
	}
	return w.err
}

func (w worker) Gone(_ context.Context, all []governor.Stale) error {
	for _, s := range all {
		w.leave(s)
		w.gone[id(s.Asset, s.Seq)] = true
	}
	return w.err
}

func (w worker) Gates(context.Context) ([]governor.Gate, error) {
	if w.gate == nil {
		return nil, nil
	}
	return []governor.Gate{{Scope: "account"}, *w.gate}, nil
}

func (w worker) ShutBy(_ context.Context, scope, reason, by string, _ time.Duration) error {
	w.lane.gate = &governor.Gate{Scope: scope, Reason: reason, By: by}
	return nil
}

func (w worker) Open(context.Context, string) (bool, error) {
	w.lane.gate = nil
	return true, nil
}

func (w worker) Asked(context.Context) (string, error) { return w.asked, nil }
func (w worker) Ask(_ context.Context, what string) error {
	w.lane.asked = what
	return nil
}

const distribution = "E1"

var root = cloud.Location{Bucket: "ledger", Key: "fleet"}

// world is a cloud, a line, and the worker that has the lease.
type world struct {
	*Batcher
	t     *testing.T
	mem   *memcloud.Cloud
	queue *lane
	n     int // workers so far

	live   map[string]time.Time // by switch: when its task went on
	calls  []int                // paths of each CreateInvalidation that was accepted
	flying int                  // the most paths that were in progress at a time
}

func newWorld(t *testing.T, o memcloud.Options) *world {
	o.Buckets = []string{"ledger"}
	w := &world{t: t, mem: memcloud.New(o), queue: &lane{}, live: map[string]time.Time{}}
	w.queue.lose()
	w.mem.CDN.AddDistribution(cloud.Distribution{ID: distribution, Enabled: true})
	w.start()
	return w
}

// start has another worker take over.
func (w *world) start() {
	w.n++
	w.queue.holder = ""
	b := w.worker()
	b.Budget = 0
	if w.Batcher != nil {
		b.Budget, b.Distribution = w.Budget, w.Distribution
	}
	w.Batcher = b
}

// worker returns another process's batcher.
func (w *world) worker() *Batcher {
	line := worker{w.queue, fmt.Sprint("worker ", w.n)}
	return &Batcher{
		Line: line, Gates: line, CDN: cdn{w.mem.CDN, w}, Store: w.mem.Store, Root: root, Distribution: distribution,
		Wake: func(_ context.Context, asset string, seq int) error {
			w.queue.woken = append(w.queue.woken, id(asset, seq))
			if w.queue.gone[id(asset, seq)] && w.live[id(asset, seq)].IsZero() {
				w.live[id(asset, seq)] = time.Now()
			}
			return nil
		},
		Log: zap.NewNop(),
	}
}

// cdn counts what is asked of it.
type cdn struct {
	cloud.CDN
	w *world
}

func (c cdn) Invalidate(ctx context.Context, dist, reference string, paths []string) (cloud.Invalidation, error) {
	inv, err := c.CDN.Invalidate(ctx, dist, reference, paths)
	if err == nil {
		c.w.calls = append(c.w.calls, len(paths))
	}
	sum := 0
	for _, i := range c.w.mem.CDN.Invalidations(dist) {
		if !i.Done {
			sum += len(i.Paths)
		}
	}
	c.w.flying = max(c.w.flying, sum)
	return inv, err
}

// turn makes a turn, which must succeed.
func (w *world) turn() {
	w.t.Helper()
	if err := w.Turn(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
}

// pass lets time go by with turns of the worker.
func (w *world) pass(d time.Duration) {
	w.t.Helper()
	for end := time.Now().Add(d); time.Now().Before(end); time.Sleep(turnEvery) {
		w.turn()
	}
}

// keys are the names of what is on the shelf.
func (w *world) keys() (names []string) {
	for o, err := range w.mem.Store.List(context.Background(), root.Join(folder), "") {
		if err != nil {
			w.t.Fatal(err)
		}
		names = append(names, strings.TrimLeft(strings.TrimPrefix(o.Key, root.Join(folder).Key), "0"))
	}
	return names
}
