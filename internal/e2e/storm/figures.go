package storm

import (
	"sync"
	"sync/atomic"
)

// Figures are what one session of a storm has counted.
type Figures struct {
	Calls       int64            `json:"calls"`
	Lost        int64            `json:"lost"`       // HTTP answers that were lost, their effect done
	LostRedis   int64            `json:"lost_redis"` // answers of Redis
	Throttled   int64            `json:"throttled"`
	Failed      int64            `json:"failed"`      // answered 5xx
	Redelivered int64            `json:"redelivered"` // tasks that asynq took back from lost workers
	Looks       int64            `json:"looks"`       // at entries during the storm
	Names       map[string]int64 `json:"names,omitempty"`
}

func (f *Figures) add(g *Figures) {
	f.Calls += g.Calls
	f.Lost += g.Lost
	f.LostRedis += g.LostRedis
	f.Throttled += g.Throttled
	f.Failed += g.Failed
	f.Redelivered += g.Redelivered
	f.Looks += g.Looks
	if f.Names == nil {
		f.Names = make(map[string]int64)
	}
	for name, n := range g.Names {
		f.Names[name] += n
	}
}

// counters are the figures while they move.
type counters struct {
	calls, lost, lostRedis, throttled, failed, redelivered, looks atomic.Int64
	names                                                         sync.Map // name to *atomic.Int64
}

func (c *counters) name(name string) {
	n, ok := c.names.Load(name)
	if !ok {
		n, _ = c.names.LoadOrStore(name, new(atomic.Int64))
	}
	n.(*atomic.Int64).Add(1)
}

func (c *counters) figures() *Figures {
	f := &Figures{
		Calls: c.calls.Load(), Lost: c.lost.Load(), LostRedis: c.lostRedis.Load(), Throttled: c.throttled.Load(),
		Failed: c.failed.Load(), Redelivered: c.redelivered.Load(), Looks: c.looks.Load(), Names: make(map[string]int64),
	}
	c.names.Range(func(name, n any) bool {
		f.Names[name.(string)] = n.(*atomic.Int64).Load()
		return true
	})
	return f
}

// total sums the last figures of every session.
func total(entries []Entry) *Figures {
	last := make(map[int]*Figures)
	for _, e := range entries {
		if e.Figures != nil {
			last[e.Session] = e.Figures
		}
	}
	sum := new(Figures)
	for _, f := range last {
		sum.add(f)
	}
	return sum
}
