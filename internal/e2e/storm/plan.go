package storm

import (
	"math/rand/v2"
	"slices"
	"time"
)

// Plan is what a storm does. The same plan and seed give the same steps; what
// they meet is chance.
type Plan struct {
	Seed    uint64        `json:"seed"`
	Assets  int           `json:"assets"`
	Batches int           `json:"batches"` // in which they arrive
	Live    int           `json:"live"`    // of each hundred, enqueued by a backend
	Bad     int           `json:"bad"`     // of each hundred, no video
	Changed int           `json:"changed"` // of each hundred, replaced during the storm
	Workers int           `json:"workers"`
	Kills   int           `json:"kills"`   // of workers
	Chosen  int           `json:"chosen"`  // of these, at a chosen call
	Stalls  int           `json:"stalls"`  // SIGSTOP, SIGCONT
	Stall   time.Duration `json:"stall"`   // its length
	Flushes int           `json:"flushes"` // FLUSHALL
	Last    bool          `json:"last"`    // once more, as the last thing of all
	Redis   int           `json:"redis"`   // kill -9 of Redis
	Lasts   time.Duration `json:"lasts"`   // from the first step to the last
	Calm    time.Duration `json:"calm"`    // after which all must have converged
	Rate    int           `json:"rate"`    // of the cloud's clock
	Hurry   bool          `json:"hurry"`   // once calm: jobs are looked for at its pace
	Jobs    string        `json:"jobs"`    // their time, in the cloud's

	Lost      float64 `json:"lost"`       // share of HTTP answers that are lost
	LostRedis float64 `json:"lost_redis"` // share of Redis's
	Refused   float64 `json:"refused"`    // share of HTTP calls answered 429, and again 5xx
	FailJob   float64 `json:"fail_job"`   // share of jobs that fail for a passing reason
}

// The kinds of step.
const (
	stepKill  = "kill"
	stepStall = "stall"
	stepFlush = "flush"
	stepRedis = "redis"
	stepBatch = "batch"
)

// Step is one thing that the driver does.
type Step struct {
	N     int // from 1, in the order of time
	At    time.Duration
	Kind  string
	Point *Point // of a kill or a stall: where; nil: at random
	Batch int    // of stepBatch: which, from 0
}

// points are the calls at which workers die: every one with an effect, and
// those that tell a stage where it is.
var points = []Point{
	{"redis.dequeue", true}, {"redis.done", false}, {"redis.done", true}, {"redis.enqueue", false}, {"redis.enqueue", true},
	{"redis.retry", false}, {"redis.retry", true}, {"redis.script", true},
	{"Probe", true}, {"CreateJob", false}, {"CreateJob", true}, {"CreateJob", true}, {"CreateJob", true}, {"GetJob", true}, {"ListJobs", true},
	{"PutOpen", false}, {"PutOpen", true}, {"PutRecord", false}, {"PutRecord", true}, {"PutRecord", true}, {"DeleteOpen", false}, {"DeleteOpen", true},
	{"PutFailed", true}, {"HeadSource", true}, {"GetRecord", true}, {"ListOutput", true}, {"PutEntry", false}, {"PutEntry", true},
	{"CreateInvalidation", false}, {"CreateInvalidation", true}, {"CancelJob", true},
}

// stallPoints are the calls in whose midst a worker stands still: a request
// that waits in the network, or an answer that is read much later.
var stallPoints = []*Point{{"CreateJob", false}, {"CreateJob", true}, {"PutRecord", false}, {"PutEntry", false}, nil}

// flushPoints are the calls at which Redis is emptied.
var flushPoints = []*Point{{"CreateJob", true}, nil, {"PutRecord", false}, {"PutOpen", true}, nil, {"CreateJob", false}, {"redis.done", false}}

// Steps returns the plan's steps in the order of time.
func (p Plan) Steps() []Step {
	rng := rand.New(rand.NewPCG(p.Seed, 1))
	var steps []Step
	at := func(i, n int, from, to float64) time.Duration { // the i-th of n, somewhere in its share of the time
		share := (to - from) / float64(n)
		return time.Duration((from + share*(float64(i)+rng.Float64())) * float64(p.Lasts))
	}
	for i := range p.Batches {
		steps = append(steps, Step{At: time.Duration(0.9 * float64(i) / float64(p.Batches) * float64(p.Lasts)), Kind: stepBatch, Batch: i})
	}
	order := rng.Perm(p.Kills) // which of the kills are at chosen calls
	var chosen []int
	for i := range p.Kills {
		s := Step{At: at(i, p.Kills, 0.02, 1), Kind: stepKill}
		if order[i] < p.Chosen {
			if len(chosen) == 0 {
				chosen = rng.Perm(len(points))
			}
			s.Point, chosen = &points[chosen[0]], chosen[1:]
		}
		steps = append(steps, s)
	}
	for i := range p.Stalls {
		steps = append(steps, Step{At: at(i, p.Stalls, 0.02, 0.7), Kind: stepStall, Point: stallPoints[i%len(stallPoints)]})
	}
	for i := range p.Flushes { // the last tenth is for asynq's own recovery
		steps = append(steps, Step{At: at(i, p.Flushes, 0.3/float64(p.Flushes), 0.9), Kind: stepFlush, Point: flushPoints[i%len(flushPoints)]})
	}
	for i := range p.Redis {
		steps = append(steps, Step{At: at(i, p.Redis, 0.05, 0.85), Kind: stepRedis})
	}
	slices.SortStableFunc(steps, func(a, b Step) int { return int(a.At - b.At) })
	for i := range steps {
		steps[i].N = i + 1
	}
	return steps
}
