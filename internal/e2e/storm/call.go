// Package storm kills a fleet at work, again and again, and judges from outside
// what is left: real workers, a real Redis and the local cloud, with proxies
// between them that see every call. The product has no switch for this: a
// worker dies of kill -9 at the call that the driver has chosen.
package storm

import "time"

// Call is one call of a worker, as a proxy sees it.
type Call struct {
	Slot  int    // of the worker that makes it
	Name  string // such as "CreateJob", "PutRecord" or "redis.done"
	About string // asset or queue, where the call tells
	After bool   // its effect is there, its answer is not; else nothing has been sent on
	// Status is the answer's, of HTTP; 0 before it.
	Status int
	At     time.Time
}

// Point is where in a call something is done.
type Point struct {
	Call  string `json:"call"`
	After bool   `json:"after"`
}

func (p Point) String() string {
	if p.After {
		return "after " + p.Call
	}
	return "before " + p.Call
}

// Point is where the call is now.
func (c Call) Point() Point { return Point{c.Name, c.After} }

// Hook is told of every call, before it is sent on and once its effect is
// there, and says what becomes of it. It may wait. It is called by many
// goroutines at once.
type Hook func(Call) Fate

// Fate is what becomes of a call.
type Fate int

const (
	Pass     Fate = iota // it, or its answer, goes on
	Drop                 // the worker's connection ends
	Throttle             // it is refused as one too many; of Redis: dropped
	Fail                 // it is refused with an error of the service's own; of Redis: dropped
)
