package sim

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/vodfleet/vodfleet/internal/governor"
	"github.com/vodfleet/vodfleet/internal/invalidate"
	"github.com/vodfleet/vodfleet/internal/stage"
	"github.com/vodfleet/vodfleet/tasks"
	"go.uber.org/zap"
)

// staleEvery is the time between two turns of who makes invalidations: two
// seconds, but then nothing happens in most.
const staleEvery = 10 * time.Second

// line is where replaced switches wait where nothing is governed. It is lost
// with the queue.
type line struct {
	waits map[string]governor.Stale
	sent  map[string]time.Time
	gone  map[string]bool
}

func (l *line) clear() {
	*l = line{map[string]governor.Stale{}, map[string]time.Time{}, map[string]bool{}}
}

func nameOf(s governor.Stale) string {
	return tasks.InvalidateOrRename{Asset: s.Asset, Seq: s.Seq}.ID()
}

// memLine is the line as one run reaches it.
type memLine struct{ *run }

func (m memLine) Await(_ context.Context, asset string, seq int, paths []string) (bool, error) {
	return do(m.run, "Line.Await", "", func() (bool, error) {
		l, s := &m.w.line, governor.Stale{Asset: asset, Seq: seq, Paths: paths, Since: time.Now()}
		at, sent := l.sent[nameOf(s)]
		switch have := l.waits[asset]; {
		case l.gone[nameOf(s)]:
			return true, nil
		case sent && time.Since(at) < governor.SentFor:
		case have.Seq < seq:
			l.waits[asset] = s
		}
		return false, nil
	})
}

func (m memLine) Stale(_ context.Context, most int) (governor.StaleLine, error) {
	return do(m.run, "Line.Stale", "", func() (governor.StaleLine, error) {
		at := governor.StaleLine{Now: time.Now(), Count: len(m.w.line.waits)}
		for _, s := range m.w.line.waits {
			at.First = append(at.First, s)
			if s.Since.After(at.Newest) {
				at.Newest = s.Since
			}
		}
		slices.SortFunc(at.First, func(a, b governor.Stale) int {
			return cmp.Or(a.Since.Compare(b.Since), strings.Compare(a.Asset, b.Asset))
		})
		at.First = at.First[:min(len(at.First), most)]
		return at, nil
	})
}

func (m memLine) moved(op string, all []governor.Stale, note func(name string)) error {
	_, err := do(m.run, op, "", func() (struct{}, error) {
		for _, s := range all {
			if m.w.line.waits[s.Asset].Seq <= s.Seq {
				delete(m.w.line.waits, s.Asset)
			}
			note(nameOf(s))
		}
		return struct{}{}, nil
	})
	return err
}

func (m memLine) Sent(_ context.Context, all []governor.Stale) error {
	return m.moved("Line.Sent", all, func(name string) { m.w.line.sent[name] = time.Now() })
}

func (m memLine) Gone(_ context.Context, all []governor.Stale) error {
	return m.moved("Line.Gone", all, func(name string) { m.w.line.gone[name] = true })
}

func (memLine) Hold(context.Context, string, time.Duration) (bool, error) { return true, nil }
func (memLine) Drop(context.Context, string) error                        { return nil }

// caches are what stages wait for.
func (w *world) caches(r *run) stage.Caches { return caches{w, r} }

type caches struct {
	w *world
	r *run
}

func (c caches) Await(ctx context.Context, asset string, seq int, paths []string) (bool, error) {
	c.w.sooner("invalidations", staleEvery)
	if c.w.broken.hastyLive {
		return true, nil
	}
	if c.w.shared != nil {
		return c.w.gov().Await(ctx, asset, seq, paths)
	}
	return memLine{c.r}.Await(ctx, asset, seq, paths)
}

// invalidate is a turn of [invalidate.Batcher.Run].
func (w *world) invalidate(r *run, ctx context.Context) error {
	p := w.worker()
	if p.stale == nil {
		p.stale = &invalidate.Batcher{Root: shelf, Distribution: distribution, Log: zap.NewNop()}
	}
	b := p.stale
	b.Line = memLine{r}
	if p.governor != nil {
		b.Line, b.Gates = p.governor, p.governor
	}
	b.CDN, b.Store = cdn{r, w.mem.CDN}, store{r, w.mem.Store}
	b.Wake = func(_ context.Context, asset string, seq int) error {
		return client{r}.nudge(tasks.InvalidateOrRename{Asset: asset, Seq: seq})
	}
	return b.Turn(ctx)
}

func (w *world) nextStale(r *run) time.Duration {
	waiting := len(w.line.waits)
	if w.shared != nil {
		line, err := w.shared.look.Stale(context.Background(), 1)
		if err != nil {
			w.t.Error(err)
		}
		waiting = line.Count + line.WildCount
	}
	if p := w.beside; r.dead || r.err != nil || p == nil || p.stale == nil || !p.stale.Idle() || waiting > 0 {
		return staleEvery
	}
	return idleEvery
}

// lives are what the ledger has said of switches, to be held against what the
// caches were told.
type lives struct {
	w     *world
	asked map[string]map[int]int // by asset and switch: the invalidations there were when its entries were written
	live  map[string]int
	wrong []string
}

// look reads an asset's record after a write.
func (l *lives) look(asset string) {
	r, err := l.w.book.Get(context.Background(), asset)
	if err != nil {
		return
	}
	if l.asked == nil {
		l.asked, l.live = map[string]map[int]int{}, map[string]int{}
	}
	if l.asked[asset] == nil {
		l.asked[asset] = map[int]int{}
	}
	all := l.w.mem.CDN.Invalidations(distribution)
	if _, seen := l.asked[asset][r.EntriesSeq]; !seen {
		l.asked[asset][r.EntriesSeq] = len(all)
	}
	was := l.live[asset]
	l.live[asset] = r.LiveSeq
	if r.LiveSeq <= was || r.LiveSeq < 2 {
		return
	}
	for _, i := range all[l.asked[asset][r.LiveSeq]:] {
		if i.Done && slices.ContainsFunc(i.Paths, func(p string) bool { return strings.Contains(p, "/watch/"+asset+"/") }) {
			return
		}
	}
	l.wrong = append(l.wrong, "live before its invalidation was complete\n"+history(r))
}
