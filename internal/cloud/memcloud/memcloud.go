// Package memcloud keeps the ports of package cloud in memory, for unit tests
// and simulation. It starts no goroutine: whatever passes with time (jobs,
// invalidations) is worked out when somebody looks, so a testing/synctest
// bubble drives it. [Hooks] crash, fail and lose the answers of single calls.
//
// It keeps the contract, not the service: what MediaConvert itself refuses,
// bills and writes is for the local cloud.
package memcloud

import (
	"context"
	"errors"
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"github.com/vodfleet/vodfleet/internal/cloud"
)

// Options set a cloud up. The zero value is a cloud that works.
type Options struct {
	// Buckets are those that exist. Empty: a bucket exists once something has
	// been put into it.
	Buckets []string
	// Versioning gives each write of an object a version ID.
	Versioning bool
	// Skew is how far the cloud's clock is ahead of the host's.
	Skew time.Duration

	// Wait is how long a job stays SUBMITTED.
	Wait time.Duration
	// Run is how long a job then stays PROGRESSING; nil: ten seconds.
	Run func(cloud.JobSpec) time.Duration
	// ListLag is how long after it was created or has moved a job is in no
	// list of jobs.
	ListLag time.Duration
	// Queues are the names of the queues beside "Default".
	Queues []string

	// Invalidation is how long an invalidation takes; 0: thirty seconds.
	Invalidation time.Duration

	// Deliver says how long after it happened each copy of an event of a job can
	// be received: none for an event that is lost, two for one that comes twice.
	// So lags that differ put events out of order. n counts events from 1. It
	// must not call the cloud. Nil: jobs make no events; see [AtOnce].
	Deliver func(n int, e cloud.Event) []time.Duration
}

// Hook is called with an operation, such as "Store.Put", and what it is about,
// such as "s3://bucket/key". It may sleep, end the goroutine or panic: no lock
// is held.
type Hook func(op, at string) error

// Hooks stand around every call of a port, and every page of a list of objects
// and every thousand deleted ones.
type Hooks struct {
	Before Hook // an error is the answer: the call has no effect
	After  Hook // an error is the answer: the call had its effect, and its own answer is lost
}

// Cloud is a cloud in memory. Its ports are safe for concurrent use.
type Cloud struct {
	Store      *Store
	Transcoder *Transcoder
	CDN        *CDN
	Events     *Events

	opts  Options
	hooks atomic.Pointer[Hooks]
	mu    sync.Mutex
	calls map[string]int
}

var (
	_ cloud.Store      = (*Store)(nil)
	_ cloud.Transcoder = (*Transcoder)(nil)
	_ cloud.CDN        = (*CDN)(nil)
	_ cloud.Events     = (*Events)(nil)
)

// New returns an empty cloud.
func New(o Options) *Cloud {
	if o.Run == nil {
		o.Run = func(cloud.JobSpec) time.Duration { return 10 * time.Second }
	}
	if o.Invalidation == 0 {
		o.Invalidation = 30 * time.Second
	}
	c := &Cloud{opts: o, calls: map[string]int{}}
	c.hooks.Store(new(Hooks))
	c.Store = newStore(c)
	c.Transcoder = newTranscoder(c)
	c.CDN = newCDN(c)
	c.Events = newEvents(c)
	return c
}

// SetHooks puts h around the calls that begin from now on.
func (c *Cloud) SetHooks(h Hooks) { c.hooks.Store(&h) }

// Calls returns how often each operation was called, by names as [Hook] gets them.
func (c *Cloud) Calls() map[string]int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return maps.Clone(c.calls)
}

// now is the cloud's time.
func (c *Cloud) now() time.Time { return time.Now().Add(c.opts.Skew).UTC() }

// Ages at which a signed request is refused, as AWS refuses it: a call that
// its Before hook holds up for longer has no effect.
const (
	storeSignature = 15 * time.Minute
	signature      = 5 * time.Minute
)

// call counts one call and runs it between its hooks.
func call[T any](ctx context.Context, c *Cloud, op, at string, expires time.Duration, do func() (T, error)) (T, error) {
	c.mu.Lock()
	c.calls[op]++
	c.mu.Unlock()
	var zero T
	if err := ctx.Err(); err != nil {
		return zero, err
	}
	h := c.hooks.Load()
	if h.Before != nil {
		begun := time.Now()
		if err := h.Before(op, at); err != nil {
			return zero, hooked(op, at, err)
		}
		if time.Since(begun) > expires {
			return zero, fail(op, at, cloud.ErrDenied, "the request's signature has expired")
		}
	}
	c.Transcoder.advance()
	v, err := do()
	if h.After != nil {
		if err := h.After(op, at); err != nil {
			return zero, hooked(op, at, err)
		}
	}
	return v, err
}

func hooked(op, at string, err error) error {
	if _, ok := errors.AsType[*cloud.Error](err); ok || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return &cloud.Error{Op: op, Object: at, Kind: err}
}

func fail(op, at string, kind error, message string) error {
	return &cloud.Error{Op: op, Object: at, Kind: kind, Message: message}
}
