package sim

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/vodfleet/vodfleet/internal/cloud"
	"github.com/vodfleet/vodfleet/internal/cloud/memcloud"
	"github.com/vodfleet/vodfleet/internal/governor"
	"github.com/vodfleet/vodfleet/internal/ledger"
)

// variant is a fleet that lacks one safeguard, and what has to happen so that it
// is missed.
type variant struct {
	name   string
	broken safeguards
	want   func(verdict) []string // what it must come to
	try    func(t *testing.T, s safeguards, tried func(verdict) (enough bool))
}

func lostOf(v verdict) []string { return v.lost }
func paidOf(v verdict) []string { return v.paid }
func halfOf(v verdict) []string { return v.half }
func overOf(v verdict) []string { return v.over }

var variants = []variant{
	{"a store that ignores If-Match", safeguards{blindPut: true}, nil, chaotic},
	{"a transcoder whose lists hide jobs", safeguards{hideJobs: true}, paidOf, harmed(lost)},
	{"no adoption", safeguards{noAdoption: true}, paidOf, harmed(crash)},
	{"no second look at the source", safeguards{noSecondHead: true}, halfOf, changed},
	{"no verification before the switch", safeguards{noVerify: true}, halfOf, late},
	{"no six minutes before a second submission", safeguards{noSixMinutes: true}, paidOf, held},
	{"no reconciler", safeguards{noReconciler: true}, lostOf, harmed(flush)},
	{"epoch not checked", safeguards{noEpoch: true}, overOf, flushed},
	{"a board that says running for ever", safeguards{stuckBoard: true}, lostOf, undisturbed},
	{"room is not given back, nor counted", safeguards{noSweep: true}, lostOf, undisturbed},
	{"live before the caches know", safeguards{hastyLive: true}, halfOf, replaced},
}

// The simulation sees each safeguard that is missing, and nothing where none is.
func testVariants(t *testing.T, tab *table) {
	for _, v := range variants {
		t.Run(v.name, func(t *testing.T) {
			t.Parallel()
			red := func(s safeguards) (red, tried int) {
				v.try(t, s, func(is verdict) bool {
					tried++
					if v.want == nil && !is.ok() || v.want != nil && len(v.want(is)) > 0 {
						red++
					}
					return red > 0
				})
				return red, tried
			}
			if n, _ := red(safeguards{}); n != 0 {
				t.Error("a whole fleet fails, too")
			}
			n, tried := red(v.broken)
			if n == 0 {
				t.Errorf("%d histories, and nothing is missed", tried)
			}
			tab.red(v.name, tried)
		})
	}
}

// harmed does one harm at each call of the first publication.
func harmed(h harm) func(*testing.T, safeguards, func(verdict) bool) {
	return func(t *testing.T, s safeguards, tried func(verdict) bool) {
		for n := 1; ; n++ {
			v, calls, _ := stories[0].tell(t, options{broken: s, plain: true}, func(w *world) {
				w.faults = func(c call) fault {
					if c.n == n {
						return fault{harm: h}
					}
					return fault{}
				}
			})
			if calls < n || tried(v) {
				return
			}
		}
	}
}

// chaotic has everything go wrong.
func chaotic(t *testing.T, s safeguards, tried func(verdict) bool) {
	for seed := range uint64(60) {
		if v, _ := random(t, seed+1, s, true); tried(v) {
			return
		}
	}
}

// changed replaces the source on its way.
func changed(t *testing.T, s safeguards, tried func(verdict) bool) {
	for _, state := range []ledger.State{ledger.Planned, ledger.Transcoding} {
		st := story{name: "changed", free: true, before: func(w *world) {
			w.upload("one")
			w.ask()
			w.untilState(1, state)
			w.upload("two")
		}, then: (*world).drain}
		v, _, _ := st.tell(t, options{broken: s}, func(*world) {})
		if tried(v) {
			return
		}
	}
}

// late has a file of a complete job come three minutes late.
func late(t *testing.T, s safeguards, tried func(verdict) bool) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, options{broken: s, Options: memcloud.Options{Run: func(cloud.JobSpec) time.Duration { return 10 * time.Second }}})
		defer w.close()
		w.upload("one")
		w.ask()
		w.untilState(1, ledger.Transcoded)
		var away []cloud.Put
		for o := range w.mem.Store.List(t.Context(), output.Join("media/"), "") {
			if len(away) == 0 && o.Size > 0 && o.Key[len(o.Key)-5:] == ".cmfv" {
				body, _, err := w.mem.Store.Get(t.Context(), o.Location, 1<<20)
				if err != nil {
					t.Fatal(err)
				}
				away = append(away, cloud.Put{Location: o.Location, Body: body})
			}
		}
		if err := w.mem.Store.Delete(t.Context(), output.Bucket, away[0].Key); err != nil {
			t.Fatal(err)
		}
		w.after(15*time.Second, func() { w.mem.Store.Seed(away[0]) })
		tried(w.finish())
	})
}

// held holds the request of a job up for longer than its token lives, while
// others do its work; and then the process dies, before it can cancel the job.
func held(t *testing.T, s safeguards, tried func(verdict) bool) {
	st := stories[0]
	for _, d := range []time.Duration{3 * time.Minute, 4 * time.Minute, 290 * time.Second} {
		v, _, _ := st.tell(t, options{broken: s}, func(w *world) {
			var first *run
			w.faults = func(c call) fault {
				switch {
				case c.op == "Transcoder.Submit" && first == nil:
					first = c.run
					return fault{stall, d}
				case c.run == first && first != nil:
					return fault{harm: crash}
				}
				return fault{}
			}
		})
		if tried(v) {
			return
		}
	}
}

// undisturbed is a publication with nothing going wrong.
func undisturbed(t *testing.T, s safeguards, tried func(verdict) bool) {
	v, _, _ := stories[0].tell(t, options{broken: s}, func(*world) {})
	tried(v)
}

// replaced is a replacement with nothing going wrong.
func replaced(t *testing.T, s safeguards, tried func(verdict) bool) {
	v, _, _ := stories[1].tell(t, options{broken: s}, func(*world) {})
	tried(v)
}

// flushed empties Redis while the one job that may be in flight is running, and
// another asset comes in.
func flushed(t *testing.T, s safeguards, tried func(verdict) bool) {
	synctest.Test(t, func(t *testing.T) {
		o := options{broken: s, share: governor.Options{InFlight: 1, Reserve: -1}}
		o.Run = func(cloud.JobSpec) time.Duration { return 5 * time.Minute }
		w := newWorld(t, o)
		defer w.close()
		w.upload("one")
		w.ask()
		w.untilState(1, ledger.Transcoding)
		w.flushall()
		other := cloud.Location{Bucket: "library", Key: "films/b.mp4"}
		w.uploadTo(other, "two")
		w.askFor(other)
		w.drain()
		v := w.finish()
		w.checkInFlight(&v, 1)
		tried(v)
	})
}
