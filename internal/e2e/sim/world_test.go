package sim

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vodfleet/vodfleet/internal/cloud"
	"github.com/vodfleet/vodfleet/internal/cloud/memcloud"
	"github.com/vodfleet/vodfleet/internal/governor"
	"github.com/vodfleet/vodfleet/internal/ledger"
	"github.com/vodfleet/vodfleet/internal/media"
	"github.com/vodfleet/vodfleet/internal/stage"
	"github.com/vodfleet/vodfleet/tasks"
)

const (
	fleet        = "sim"
	grace        = time.Hour
	distribution = "E1"
)

var (
	source = cloud.Location{Bucket: "library", Key: "films/a b.mp4"}
	output = cloud.Location{Bucket: "streams", Key: "vod"}
	shelf  = cloud.Location{Bucket: "ledger"}
)

// world is a fleet on a cloud and a queue in memory, in a synctest bubble.
type world struct {
	t        testing.TB
	mem      *memcloud.Cloud
	book     *ledger.Store // without faults, for looking
	queue    *memQueue
	profiles *stage.StoredProfiles
	broken   safeguards
	rng      *rand.Rand

	runs   []*run // not over
	ids    int
	timers []timer
	sweeps []*sweep
	beside *process // that makes them
	shared *shared  // nil: nothing is governed
	events bool     // are listened to
	seen   viewers
	lives  lives
	line   line // nothing is governed
	sky    sources
	steps  int
	stale  int // markers of failures that were over

	most     int                                          // tasks at work at a time, stalled ones not counted
	pick     func(n int) int                              // of n runs that could go on; nil: the first
	arrange  func(ready []*run) (chosen *run, again bool) // which of the ready runs goes on; again: look anew; nil: the first
	faults   func(call) fault                             // nil: none
	losesAck func() bool                                  // whether an acknowledgement is lost
	skew     func() time.Duration
	deaf     bool // runs do not hear that their time is over
	calls    int  // while faults are armed
	signed   *signed
	harmed   []string              // what has been done to it
	unseen   map[tasks.Ingest]bool // asked for, and lost with Redis before anyone saw it
}

// timer is something that happens at a time, whatever the fleet does.
type timer struct {
	at time.Time
	f  func()
}

// sweep is what the workers do from time to time.
type sweep struct {
	name  string
	every time.Duration
	due   time.Time
	run   *run // under way; one at a time, by lease
	f     func(*run, context.Context) error
	next  func(*run) time.Duration // until the next, after this one; nil: every
}

// options say what a world is like.
type options struct {
	memcloud.Options
	broken   safeguards
	seed     uint64
	plain    bool             // without a governor and a job board
	share    governor.Options // what it shares out
	newRedis bool             // which nobody has vouched for yet
}

var profile = func() media.Profile {
	p, err := media.Parse([]byte("{packages: [cmaf, smooth], renditions: [{short_side: 360}], thumbnails: {poster: off, sprite: off}}"))
	if err != nil {
		panic(err)
	}
	return p
}()

func newWorld(t testing.TB, o options) *world {
	t.Helper()
	o.Buckets = []string{"library", "streams", "ledger"}
	w := &world{
		t: t, mem: memcloud.New(o.Options), queue: &memQueue{entries: map[place]*entry{}}, broken: o.broken,
		rng: rand.New(rand.NewPCG(o.seed, 1)), most: 1, unseen: map[tasks.Ingest]bool{},
	}
	w.book = ledger.New(w.mem.Store, shelf)
	w.seen.w, w.sky.w, w.lives.w = w, w, w
	w.line.clear()
	if err := w.book.PutProfile(t.Context(), profile.Digest(), profile.Canonical()); err != nil {
		t.Fatal(err)
	}
	var err error
	if w.profiles, err = stage.NewProfiles(t.Context(), w.book, profile.Digest()); err != nil {
		t.Fatal(err)
	}
	w.mem.CDN.AddDistribution(cloud.Distribution{ID: distribution, Enabled: true})
	w.mem.SetHooks(memcloud.Hooks{Before: w.onItsWay})
	w.events = o.Deliver != nil
	if !o.plain {
		w.shared = newShared(w, o.share)
		if !o.newRedis {
			if err := w.shared.look.SetEpoch(t.Context(), "first"); err != nil {
				t.Fatal(err)
			}
		}
	}
	w.addSweeps()
	return w
}

// onItsWay holds up a request that has been signed.
func (w *world) onItsWay(string, string) error {
	if s := w.signed; s != nil {
		w.signed = nil
		s.run.hold(s.d)
	}
	return nil
}

// close ends what has not ended.
func (w *world) close() {
	w.faults = nil
	for _, r := range w.runs {
		r.kill()
	}
	w.runs = nil
	if w.shared != nil {
		w.shared.close()
	}
}

// after has f happen once d has passed.
func (w *world) after(d time.Duration, f func()) {
	w.timers = append(w.timers, timer{time.Now().Add(d), f})
}

func (w *world) redelivery() time.Duration {
	return redeliverSoonest + time.Duration(w.rng.Int64N(int64(redeliverLatest-redeliverSoonest)))
}

// maxSteps bounds a history.
const maxSteps = 20000

// step lets one thing happen: a timer, a call, or the start of a run. Where
// nothing can, time goes on, until the time end at most. It reports whether
// anything happened or time went on.
func (w *world) step(end time.Time) bool {
	synctest.Wait()
	if w.steps++; w.steps > maxSteps {
		return false
	}
	w.settle()
	now := time.Now()
	for i, t := range w.timers {
		if !t.at.After(now) {
			w.timers = append(w.timers[:i], w.timers[i+1:]...)
			t.f()
			return true
		}
	}
	ready, busy, restless := w.ready(now)
	starts := w.startable(now, busy)
	if w.arrange != nil {
		r, again := w.arrange(ready)
		if again {
			return true
		}
		ready = nil
		if r != nil {
			ready = []*run{r}
		}
	}
	n := len(ready)
	if w.pick != nil {
		n += len(starts)
	}
	switch {
	case n > 0:
		i := 0
		if w.pick != nil {
			i = w.pick(n)
		}
		if i < len(ready) {
			ready[i].next()
		} else {
			starts[i-len(ready)]()
		}
		return true
	case len(starts) > 0 && !restless:
		starts[0]()
		return true
	case restless: // a run pauses for at most a second by itself
		time.Sleep(time.Second + time.Millisecond)
		return true
	}
	at := w.nextTime(now)
	if at.IsZero() || at.After(end) {
		if now.Before(end) {
			time.Sleep(end.Sub(now))
			return true
		}
		return false
	}
	time.Sleep(at.Sub(now))
	return true
}

// settle takes leave of the runs that are over.
func (w *world) settle() {
	left := w.runs[:0]
	for _, r := range w.runs {
		if r.dead {
			r.kill() // and what it was doing besides
		}
		if r.over {
			w.ended(r)
			for _, s := range w.sweeps {
				if s.run == r {
					s.run = nil
					if r.dead {
						w.beside = nil
					}
					if s.next != nil {
						s.due = time.Now().Add(s.next(r))
					}
				}
			}
			continue
		}
		left = append(left, r)
	}
	w.runs = left
}

// ready lists the runs that wait for their turn. busy counts those that are
// neither stopped nor over, restless says that one of them is between two calls.
func (w *world) ready(now time.Time) (ready []*run, busy int, restless bool) {
	for _, r := range w.runs {
		switch {
		case len(r.waiting) > 0 && r.wake.After(now), r.dead:
			continue
		case len(r.waiting) > 0:
			ready = append(ready, r)
		default:
			restless = true
		}
		busy++
	}
	return ready, busy, restless
}

// startable lists the runs that could begin.
func (w *world) startable(now time.Time, busy int) (starts []func()) {
	if busy >= w.most {
		return nil
	}
	for _, e := range w.queue.live() {
		if e.active == nil && !e.at.After(now) {
			starts = append(starts, func() { w.work(e) })
		}
	}
	for _, s := range w.sweeps {
		if s.run == nil && !s.due.After(now) {
			starts = append(starts, func() { w.sweep(s) })
		}
	}
	return starts
}

func (w *world) sweep(s *sweep) {
	s.due = time.Now().Add(s.every)
	s.run = w.start(s.name, nil, w.t.Context(), s.f)
}

// nextTime is when something can happen next; zero for never.
func (w *world) nextTime(now time.Time) (next time.Time) {
	consider := func(t time.Time) {
		if t.After(now) && (next.IsZero() || t.Before(next)) {
			next = t
		}
	}
	for _, t := range w.timers {
		consider(t.at)
	}
	for _, r := range w.runs {
		consider(r.wake)
	}
	for _, e := range w.queue.live() {
		if e.active == nil {
			consider(e.at)
		}
	}
	for _, s := range w.sweeps {
		if s.run == nil {
			consider(s.due)
		}
	}
	return next
}

// idle reports whether no task, no run and no timer is left.
func (w *world) idle() bool {
	synctest.Wait()
	w.settle()
	return len(w.runs) == 0 && len(w.timers) == 0 && len(w.queue.live()) == 0
}

// drain goes on until the world is idle.
func (w *world) drain() {
	for !w.idle() {
		if !w.step(time.Now().Add(time.Hour)) {
			return
		}
	}
}

// pass lets d pass, with all that happens meanwhile.
func (w *world) pass(d time.Duration) {
	for end := time.Now().Add(d); ; {
		if !w.step(end) {
			return
		}
	}
}

// until goes on until cond holds.
func (w *world) until(what string, cond func() bool) {
	w.t.Helper()
	for !cond() {
		if w.idle() || !w.step(time.Now().Add(time.Hour)) {
			w.t.Fatalf("%s never came", what)
		}
	}
}

func (w *world) untilState(build int, state ledger.State) {
	w.t.Helper()
	w.until(fmt.Sprintf("build %d %s", build, state), func() bool {
		r := w.record(source)
		if r == nil {
			return false
		}
		b := r.Build(build)
		return b != nil && b.State == state
	})
}

// record is the record of a source's asset; nil if there is none.
func (w *world) record(at cloud.Location) *ledger.Record {
	r, err := w.book.Get(context.Background(), tasks.AssetID(at.Bucket, at.Key))
	if err != nil {
		return nil
	}
	return r
}
