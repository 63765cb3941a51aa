package queue

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"
	"github.com/vodfleet/vodfleet/internal/queue/redistest"
	"github.com/vodfleet/vodfleet/tasks"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"
)

var (
	asset   = tasks.AssetID("library", "a.mp4")
	publish = tasks.Publish{Asset: asset, Build: 1}
	submit  = tasks.TranscodeSubmit{Asset: asset, Build: 1}
)

// fixture is a real Redis, with bare Asynq and with ours on it.
type fixture struct {
	*testing.T
	redis *redistest.Server
	opt   asynq.RedisConnOpt

	bare    *asynq.Client
	look    *asynq.Inspector
	raw     redis.UniversalClient
	client  *Client
	inspect *Inspector
	logs    *observer.ObservedLogs
	log     *zap.Logger
}

func newFixture(t *testing.T) *fixture {
	t.Parallel()
	return newFixtureOn(t, redistest.Start(t))
}

func newFixtureOn(t *testing.T, server *redistest.Server) *fixture {
	f := &fixture{T: t, redis: server}
	var err error
	if f.opt, err = ParseRedis(f.redis.URL()); err != nil {
		t.Fatal(err)
	}
	f.bare, f.look = asynq.NewClient(f.opt), asynq.NewInspector(f.opt)
	if f.raw, err = Dial(f.opt); err != nil {
		t.Fatal(err)
	}
	if f.inspect, err = NewInspector(f.opt); err != nil {
		t.Fatal(err)
	}
	c, err := tasks.NewClient(f.opt)
	if err != nil {
		t.Fatal(err)
	}
	f.client = NewClient(c)
	core, logs := observer.New(zapcore.DebugLevel)
	f.logs, f.log = logs, zap.New(core)
	t.Cleanup(func() {
		for _, close := range []func() error{c.Close, f.bare.Close, f.look.Close, f.raw.Close, f.inspect.Close} {
			_ = close()
		}
	})
	return f
}

// serve runs bare Asynq on a queue until the test ends or the result is called.
func (f *fixture) serve(queue string, cfg asynq.Config, h asynq.Handler) (stop func()) {
	f.Helper()
	cfg.Queues = map[string]int{queue: 1}
	cfg.TaskCheckInterval = 5 * time.Millisecond
	cfg.DelayedTaskCheckInterval = 10 * time.Millisecond
	if cfg.ShutdownTimeout == 0 {
		cfg.ShutdownTimeout = 50 * time.Millisecond
	}
	cfg.Logger = newAsynqLog(f.log)
	s := asynq.NewServer(f.opt, cfg)
	if err := s.Start(h); err != nil {
		f.Fatal(err)
	}
	stop = sync.OnceFunc(s.Shutdown)
	f.Cleanup(stop)
	return stop
}

// server returns a quick server of ours for these queues.
func (f *fixture) server(change func(*Options), queues ...string) *Server {
	f.Helper()
	opts := Options{Redis: f.opt, Queues: queues, Concurrency: 4, DrainTimeout: time.Second, Log: f.log}
	if change != nil {
		change(&opts)
	}
	s, err := NewServer(opts)
	if err != nil {
		f.Fatal(err)
	}
	s.times.check, s.times.forward, s.times.crowded = 5*time.Millisecond, 10*time.Millisecond, 0
	return s
}

// run runs s until the test ends or the result is called.
func (f *fixture) run(s *Server) (stop func()) {
	f.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		select {
		case err := <-ended:
			if err != nil {
				f.Errorf("Run = %v", err)
			}
		case <-time.After(20 * time.Second):
			f.Error("Run does not return")
		}
	})
	f.Cleanup(stop)
	return stop
}

// put enqueues t for bare Asynq, under the ID and in the queue that ours has.
func (f *fixture) put(t tasks.Task, opts ...asynq.Option) {
	f.Helper()
	if err := f.tryPut(t, opts...); err != nil {
		f.Fatal(err)
	}
}

func (f *fixture) tryPut(t tasks.Task, opts ...asynq.Option) error {
	payload, err := tasks.Encode(t)
	if err != nil {
		f.Fatal(err)
	}
	opts = append([]asynq.Option{asynq.TaskID(t.ID()), asynq.Queue(t.Queue())}, opts...)
	_, err = f.bare.Enqueue(asynq.NewTask(t.Kind(), payload, opts...))
	return err
}

// enqueue enqueues t with our client.
func (f *fixture) enqueue(t tasks.Task) {
	f.Helper()
	if err := f.client.Enqueue(f.Context(), t); err != nil {
		f.Fatal(err)
	}
}

// state is where t is; "" for nowhere.
func (f *fixture) state(t tasks.Task) string {
	info, err := f.look.GetTaskInfo(t.Queue(), t.ID())
	if errors.Is(err, asynq.ErrTaskNotFound) || errors.Is(err, asynq.ErrQueueNotFound) {
		return ""
	}
	if err != nil {
		f.Error(err)
		return "?"
	}
	return info.State.String()
}

// until waits for something that happens in milliseconds.
func (f *fixture) until(what string, happened func() bool) {
	f.Helper()
	for end := time.Now().Add(15 * time.Second); !happened(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			f.Fatalf("never happened: %s", what)
		}
	}
}

func (f *fixture) untilState(t tasks.Task, states ...string) {
	f.Helper()
	f.until(t.ID()+" is one of "+slices.Concat(states)[0], func() bool { return slices.Contains(states, f.state(t)) })
}

// counter counts across goroutines, and remembers the most at a time.
type counter struct {
	mu              sync.Mutex
	n, inside, most int
}

func (c *counter) enter() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n++
	c.inside++
	c.most = max(c.most, c.inside)
}

func (c *counter) leave() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.inside--
}

func (c *counter) runs() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.n
}

func (c *counter) overlap() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.most
}

// dialTo returns a client of a Redis, closed with the test.
func dialTo(t *testing.T, s *redistest.Server) redis.UniversalClient {
	t.Helper()
	opt, err := ParseRedis(s.URL())
	if err != nil {
		t.Fatal(err)
	}
	client, err := Dial(opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	return client
}

// lose leaves a pending task as a worker that died two minutes ago does: active,
// with a lease that has ended.
func (f *fixture) lose(t tasks.Task) {
	f.Helper()
	f.take(t)
	f.expire(t)
}

// take makes a pending task active, as Asynq's dequeuing does.
func (f *fixture) take(t tasks.Task) {
	f.Helper()
	ref := Ref(t)
	_, err := f.raw.TxPipelined(f.Context(), func(p redis.Pipeliner) error {
		p.LRem(f.Context(), ref.prefix()+"pending", 0, ref.ID)
		p.LPush(f.Context(), ref.prefix()+"active", ref.ID)
		p.HSet(f.Context(), ref.key(), "state", "active")
		p.HDel(f.Context(), ref.key(), "pending_since")
		p.ZAdd(f.Context(), ref.prefix()+"lease", redis.Z{Score: float64(time.Now().Add(30 * time.Second).Unix()), Member: ref.ID})
		return nil
	})
	if err != nil {
		f.Fatal(err)
	}
}

// expire ends a lease, and with it the time that Asynq grants beyond.
func (f *fixture) expire(t tasks.Task) {
	f.Helper()
	ref := Ref(t)
	if err := f.raw.ZIncrBy(f.Context(), ref.prefix()+"lease", -120, ref.ID).Err(); err != nil {
		f.Fatal(err)
	}
}

func redisZ(at time.Time, member string) redis.Z {
	return redis.Z{Score: float64(at.Unix()), Member: member}
}
