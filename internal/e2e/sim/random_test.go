package sim

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vodfleet/vodfleet/internal/cloud"
	"github.com/vodfleet/vodfleet/internal/governor"
	"github.com/vodfleet/vodfleet/internal/stage"
	"github.com/vodfleet/vodfleet/tasks"
)

var (
	seed      = flag.Uint64("seed", 1, "of the first random history; each further one has the next")
	histories = flag.Int("histories", 60, "random histories")
)

// Everything goes wrong at once, by a seed.
func testRandom(t *testing.T, tab *table) {
	const hands = 4
	for hand := range hands {
		t.Run(fmt.Sprintf("%d of %d", hand+1, hands), func(t *testing.T) {
			t.Parallel()
			for n := hand; n < *histories; n += hands {
				s := *seed + uint64(n)
				for _, plain := range []bool{false, true} {
					v, harmed := random(t, s, safeguards{}, plain)
					if tab.add(formOf("random", plain), v); !v.ok() {
						t.Errorf("again with -run Random -seed %d -histories 1; plain: %t\n%q\n%s", s, plain, harmed, v)
						if *stop {
							return
						}
					}
				}
			}
		})
	}
}

// formOf names a series by the form of its fleet.
func formOf(name string, plain bool) string {
	if plain {
		return name + ", ungoverned"
	}
	return name
}

// random is the history of a seed, without a governor and a board if plain.
func random(t *testing.T, seed uint64, broken safeguards, plain bool) (v verdict, harmed []string) {
	synctest.Test(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(seed, 2))
		o := options{broken: broken, seed: seed, plain: plain}
		o.ListLag = pick(rng, 0, 0, 5*time.Second, 30*time.Second)
		o.Skew = pick(rng, 0, 0, time.Minute, -time.Minute)
		o.Wait = pick(rng, 0, time.Minute)
		job := pick(rng, 10*time.Second, 2*time.Minute, 15*time.Minute)
		o.Run = func(cloud.JobSpec) time.Duration { return job }
		o.newRedis = rng.IntN(4) == 0
		o.share.InFlight = pick(rng, 0, 0, 1, 2)
		if rng.IntN(4) == 0 {
			o.share.Rates = map[string]governor.Rate{
				governor.CreateJob: {PerSecond: 0.1, Burst: 1}, governor.GetJob: {PerSecond: 0.2, Burst: 1}, governor.Probe: {PerSecond: 0.1, Burst: 1},
			}
		}
		if rng.IntN(2) == 0 { // most events come, some twice, late or never
			events := rand.New(rand.NewPCG(seed, 3))
			o.Deliver = func(int, cloud.Event) []time.Duration {
				all := []time.Duration{0, time.Second, time.Minute, 10 * time.Minute}
				return pick(events, nil, all[:1], all[1:2], all[:1], all[1:3], all[2:])
			}
		}
		w := newWorld(t, o)
		defer w.close()
		c := chaos{w, rng, []cloud.Location{source}, 0.03}
		if rng.IntN(2) == 0 {
			c.assets = append(c.assets, cloud.Location{Bucket: "library", Key: "films/b.mp4"})
		}
		c.reign()
		v, harmed = w.finish(), w.harmed
	})
	return v, harmed
}

func pick[T any](rng *rand.Rand, all ...T) T { return all[rng.IntN(len(all))] }

// chaos is what reigns in a random history.
type chaos struct {
	w      *world
	rng    *rand.Rand
	assets []cloud.Location
	often  float64 // harms by calls
}

// maxEvents bounds what people do in a random history.
const maxEvents = 8

func (c *chaos) reign() {
	w := c.w
	w.most = 1 + c.rng.IntN(3)
	w.deaf = c.rng.IntN(2) == 0
	w.pick = func(n int) int {
		if c.rng.IntN(3) > 0 {
			return 0 // a run mostly goes on
		}
		return c.rng.IntN(n)
	}
	w.skew = func() time.Duration { return pick(c.rng, 0, time.Minute, -time.Minute) }
	w.losesAck = func() bool { return c.rng.IntN(20) == 0 }
	w.faults = c.fault
	w.mem.Transcoder.SetFail(func(cloud.JobRequest) (int, string) {
		if c.rng.IntN(6) > 0 {
			return 0, ""
		}
		return pick(c.rng, 3450, 3450, 1030, 1432, 1050, 1404, 1999), "of chaos"
	})
	for range 2 + c.rng.IntN(maxEvents) {
		c.event(pick(c.rng, c.assets...))
		w.pass(pick(c.rng, 0, time.Second, 15*time.Second, 90*time.Second, 10*time.Minute, 70*time.Minute))
	}
	w.mem.Transcoder.SetFail(nil)
}

// fault is what goes wrong at a call, if anything does.
func (c *chaos) fault(at call) fault {
	often := c.often
	if at.op == "Transcoder.Submit" {
		often *= 6
	}
	if c.rng.Float64() >= often {
		return fault{}
	}
	h := pick(c.rng, crash, crash, lost, lost, refused, stall, stallAfter, flush)
	if h == flush && c.rng.IntN(3) > 0 {
		h = crash
	}
	f := fault{harm: h}
	if h == stall || h == stallAfter {
		f.d = pick(c.rng, 20*time.Second, 70*time.Second, 3*time.Minute, 4*time.Minute+50*time.Second, 6*time.Minute, 20*time.Minute)
	}
	return f
}

// event is what people do with an asset.
func (c *chaos) event(at cloud.Location) {
	w := c.w
	asset := tasks.AssetID(at.Bucket, at.Key)
	switch n := c.rng.IntN(25); {
	case w.sky.all[at] == nil, n < 9:
		w.uploadTo(at, pick(c.rng, "one", "two", "three", "four")+at.Key)
		w.askFor(at)
	case n < 11:
		w.askFor(at) // a report
	case n < 12:
		w.removeFrom(at)
		w.askFor(at)
	case n < 15:
		w.order("redrive", func(r *run) error {
			_, err := stage.Redrive(w.t.Context(), r.book(), client{r}, asset)
			return err
		})
	case n < 18:
		w.order("rollback", func(r *run) error {
			_, err := stage.Rollback(w.t.Context(), r.book(), client{r}, asset)
			return err
		})
	case n < 20:
		w.cancelSome(asset)
	case n < 22:
		w.order("remove", func(r *run) error {
			_, err := stage.Remove(w.t.Context(), r.book(), client{r}, asset, at, "of chaos")
			return err
		})
	default:
		w.order("restore", func(r *run) error {
			_, err := stage.Restore(w.t.Context(), r.book(), client{r}, asset)
			return err
		})
	}
}
