// Package queue runs the fleet's tasks on Asynq, and is the only package that
// does. A handler gets a typed task and returns nil, a verdict ([NotYet],
// [Permanent]) or an error, which is a failure and is retried after a growing
// delay. What Asynq gets wrong for work like ours (facts that each have a test
// here) is put right in this package, so that handlers need not know of it.
//
// What a task does, and how often it may fail before its asset is given up, is
// the handlers' to decide; the wire format and the IDs are package tasks'.
package queue

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"
	"github.com/vodfleet/vodfleet/tasks"
	"go.uber.org/zap"
)

// Options say how a [Server] serves.
type Options struct {
	Redis  asynq.RedisConnOpt
	Queues []string // names of [tasks.Queues]; none means all

	// Live and Bulk are the weights of the lanes' queues: of every Live+Bulk
	// looks at two queues that both hold work, Live are at the live one first.
	// Zero means 6 and 1.
	Live, Bulk int

	Concurrency int // handlers at work at a time; zero means 16

	// DrainTimeout is how long running handlers may go on once the server is
	// asked to stop; zero means 30 seconds. Its last fifth, at most 5 seconds,
	// is for handlers to notice that their context has ended.
	DrainTimeout time.Duration

	// AllowVolatile lets the server run on a Redis that keeps nothing on disk
	// and has no replica, which loses the queue when it is restarted.
	AllowVolatile bool

	Log *zap.Logger // nil logs nothing
}

// Server runs the tasks of some queues. Register handlers with [Handle], then
// call Run, once.
type Server struct {
	opts     Options
	handlers map[string]handler // by kind
	errs     []error            // of registration
	log      *zap.Logger
	seldom   *seldom
	metrics  metrics
	times    times

	ready    chan struct{}   // closed once Redis and this host's clock are fit
	stop     context.Context // ends when handlers shall
	stopNow  context.CancelCauseFunc
	slots    chan struct{} // one for each handler at work
	mu       sync.Mutex
	started  bool
	atWork   map[string]*run // by key
	suspect  bool            // one at work has lost a worker before
	stalled  []stalledRun    // not yet noted in Redis
	redis    redis.UniversalClient
	now      func() time.Time
	awaiting time.Duration // between looks for Redis at the start
}

// times are how often Asynq looks, and how long tasks wait for reasons of the
// server's own. Asynq's defaults start a task 0.6 s late and a delayed one
// 3.4 s late.
type times struct {
	check   time.Duration // for pending tasks, when there were none
	forward time.Duration // for scheduled and retried tasks
	unknown time.Duration // wait of a task that a newer worker will understand
	crowded time.Duration // wait of a task behind handlers past their time
	woken   time.Duration // between looks for tasks that were woken at work
}

var defaultTimes = times{
	check:   100 * time.Millisecond,
	forward: 500 * time.Millisecond,
	unknown: time.Minute,
	crowded: 5 * time.Second,
	woken:   time.Second,
}

// handler runs a decoded task.
type handler func(ctx context.Context, t tasks.Task) error

// errStopping is why handlers' contexts end when the server stops.
var errStopping = errors.New("the worker is stopping")

// NewServer returns a server. It does not connect.
func NewServer(opts Options) (*Server, error) {
	if opts.Redis == nil {
		return nil, errors.New("new queue server: no redis option")
	}
	if len(opts.Queues) == 0 {
		opts.Queues = tasks.Queues()
	}
	for i, q := range opts.Queues {
		if !slices.Contains(tasks.Queues(), q) {
			return nil, fmt.Errorf("new queue server: queue %q: want one of %s", q, strings.Join(tasks.Queues(), ", "))
		}
		if slices.Contains(opts.Queues[:i], q) {
			return nil, fmt.Errorf("new queue server: queue %q: named twice", q)
		}
	}
	if opts.Live < 0 || opts.Bulk < 0 || opts.Concurrency < 0 || opts.DrainTimeout < 0 {
		return nil, errors.New("new queue server: a negative weight, concurrency or drain time-out")
	}
	setDefault(&opts.Live, 6)
	setDefault(&opts.Bulk, 1)
	setDefault(&opts.Concurrency, 16)
	setDefault(&opts.DrainTimeout, 30*time.Second)
	setDefault(&opts.Log, zap.NewNop())
	s := &Server{
		opts:     opts,
		handlers: make(map[string]handler),
		log:      opts.Log,
		seldom:   &seldom{every: time.Minute},
		metrics:  newMetrics(),
		times:    defaultTimes,
		slots:    make(chan struct{}, opts.Concurrency),
		atWork:   make(map[string]*run),
		awaiting: time.Second,
		now:      time.Now,
		ready:    make(chan struct{}),
	}
	s.stop, s.stopNow = context.WithCancelCause(context.Background())
	return s, nil
}

func setDefault[T comparable](v *T, value T) {
	var zero T
	if *v == zero {
		*v = value
	}
}

// Handle has f run the tasks of T's kind, and of exactly this kind. It is
// called before [Server.Run]. f honours its context: it ends a little before
// the task's time-out, so that f can say what it was at, and when the server
// stops. A panic in f is a failure of the task.
//
// Two runs of one task never overlap in one process; after a lost worker they
// may overlap between processes, so f fences its effects by the ledger.
func Handle[T tasks.Task](s *Server, f func(ctx context.Context, t T) error) {
	var zero T
	kind := zero.Kind()
	if _, twice := s.handlers[kind]; twice {
		s.errs = append(s.errs, fmt.Errorf("two handlers for %s", kind))
	}
	s.handlers[kind] = func(ctx context.Context, t tasks.Task) error {
		typed, ok := t.(T)
		if !ok {
			return fmt.Errorf("handle %s task: decoded as %T, want %T", kind, t, zero)
		}
		return f(ctx, typed)
	}
}

// Ready returns a channel that is closed once [Server.Run] has found Redis and
// this host's clock fit to serve by. What else works on that Redis waits for it:
// one that is refused is not to be written to.
func (s *Server) Ready() <-chan struct{} { return s.ready }

// Run serves until ctx ends, then takes no further task, lets running handlers
// finish within the drain time-out and returns nil. A task whose handler did
// not finish goes back to its queue and no failure is counted.
//
// A Redis that cannot be reached is waited for, and so is this host's clock if
// it differs from Redis's by more than 20 seconds; a Redis that refuses the
// credentials, or would lose tasks, is an error at once that says what mends it.
// So is a queue without a handler for its kind.
func (s *Server) Run(ctx context.Context) error {
	if err := s.start(); err != nil {
		return fmt.Errorf("run queue server: %w", err)
	}
	client, err := Dial(s.opts.Redis)
	if err != nil {
		return fmt.Errorf("run queue server: %w", err)
	}
	defer client.Close()
	if err := s.awaitRedis(ctx, client); err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return fmt.Errorf("run queue server: redis %s: %w", Where(s.opts.Redis), err)
	}
	close(s.ready)
	client.AddHook(pauseHook{})
	s.redis = client
	server := asynq.NewServerFromRedisClient(client, s.config())
	if err := server.Start(asynq.HandlerFunc(s.process)); err != nil {
		return fmt.Errorf("run queue server: %w", err)
	}
	s.log.Info("serving", zap.Strings("queues", s.opts.Queues), zap.Int("concurrency", s.opts.Concurrency))
	s.tend(ctx)
	return s.drain(server)
}

func (s *Server) start() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.started {
		return errors.New("it has run already")
	}
	s.started = true
	errs := s.errs
	for _, kind := range kinds {
		served := slices.ContainsFunc(tasks.QueuesOf(kind), func(q string) bool { return slices.Contains(s.opts.Queues, q) })
		if served && s.handlers[kind] == nil {
			errs = append(errs, fmt.Errorf("no handler for %s", kind))
		}
	}
	return errors.Join(errs...)
}

func (s *Server) config() asynq.Config {
	weights := make(map[string]int)
	for _, q := range s.opts.Queues {
		weights[q] = s.opts.Live
		if strings.HasPrefix(q, "bulk-") {
			weights[q] = s.opts.Bulk
		}
	}
	return asynq.Config{
		Concurrency:              s.opts.Concurrency,
		Queues:                   weights,
		TaskCheckInterval:        s.times.check,
		DelayedTaskCheckInterval: s.times.forward,
		ShutdownTimeout:          s.opts.DrainTimeout,
		RetryDelayFunc:           s.delay,
		IsFailure:                isFailure,
		ErrorHandler:             asynq.ErrorHandlerFunc(s.abandoned),
		Logger:                   newAsynqLog(s.log),
		LogLevel:                 asynq.DebugLevel, // the logger decides
	}
}

// overtime bounds how much longer than the drain time-out a stop may take:
// Asynq's own parts wait for answers of Redis.
const overtime = 10 * time.Second

func (s *Server) drain(server *asynq.Server) error {
	began := time.Now()
	notice := min(s.opts.DrainTimeout/5, 5*time.Second)
	timer := time.AfterFunc(s.opts.DrainTimeout-notice, func() { s.stopNow(errStopping) })
	defer timer.Stop()
	defer s.stopNow(errStopping)

	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		server.Shutdown()
	}()
	select {
	case <-stopped:
	case <-time.After(s.opts.DrainTimeout + overtime):
		return fmt.Errorf("stop queue server: redis %s does not answer; tasks at work start again when their lease has ended", Where(s.opts.Redis))
	}
	s.mu.Lock()
	left := len(s.atWork)
	s.mu.Unlock()
	if left > 0 {
		s.log.Warn("handlers did not end in time", zap.Int("handlers", left))
	}
	s.log.Info("drained", zap.Duration("took", time.Since(began)))
	return nil
}

// awaitRedis returns nil once Redis answers and is fit.
func (s *Server) awaitRedis(ctx context.Context, client redis.UniversalClient) error {
	for {
		look, cancel := context.WithTimeout(ctx, 5*time.Second)
		err := checkRedis(look, client, s.opts.AllowVolatile)
		if err == nil {
			err = s.checkClock(look, client)
		}
		cancel()
		if err == nil || !transient(err) {
			return err
		}
		if s.seldom.pass("await redis") {
			s.log.Warn("waiting for redis", zap.String("redis", Where(s.opts.Redis)), zap.Error(err))
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(s.awaiting):
		}
	}
}
