package stage_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hibiken/asynq"
	"github.com/vodfleet/vodfleet/internal/cloud"
	"github.com/vodfleet/vodfleet/internal/cloud/memcloud"
	"github.com/vodfleet/vodfleet/internal/delivery"
	"github.com/vodfleet/vodfleet/internal/ledger"
	"github.com/vodfleet/vodfleet/internal/queue"
	"github.com/vodfleet/vodfleet/internal/stage"
	"github.com/vodfleet/vodfleet/tasks"
	"go.uber.org/zap"
)

const (
	grace        = time.Hour
	distribution = "E1"
)

var (
	source = cloud.Location{Bucket: "library", Key: "films/a b.mp4"}
	output = cloud.Location{Bucket: "streams", Key: "vod"}
)

// world is a fleet on a cloud and a queue in memory. Its tests run in synctest
// bubbles: waiting costs nothing.
type world struct {
	t      testing.TB
	mem    *memcloud.Cloud
	book   *ledger.Store
	queue  *memQueue
	harmed string // what the test did to it

	work func(tasks.Task) (err error, crashed bool) // handles a task in drain; run by default
	idle func()                                     // is called once when drain finds no task

	ingest     stage.Ingest
	submit     stage.Submit
	poll       stage.Poll
	publish    stage.Publish
	invalidate stage.Invalidate
}

func newWorld(t testing.TB, o memcloud.Options) *world {
	t.Helper()
	o.Buckets = []string{"library", "streams", "ledger"}
	w := &world{t: t, mem: memcloud.New(o), queue: &memQueue{failures: map[tasks.Task]int{}}}
	w.book = ledger.New(w.mem.Store, cloud.Location{Bucket: "ledger"})
	profiles, err := stage.NewProfiles(t.Context(), w.book, "")
	if err != nil {
		t.Fatal(err)
	}
	files := delivery.New(w.mem.Store, output, "https://viewers.example")
	log := zap.NewNop()
	retire := &stage.Retirement{Ledger: w.book, Files: files, Output: output, Grace: grace, Log: log}
	w.work = w.run
	w.ingest = stage.Ingest{
		Ledger: w.book, Source: w.mem.Store, Transcoder: w.mem.Transcoder, Profiles: profiles,
		Allowed: []cloud.Location{{Bucket: "library"}}, Output: output, Next: w.queue, Retire: retire, Log: log,
	}
	w.submit = stage.Submit{
		Ledger: w.book, Source: w.mem.Store, Transcoder: w.mem.Transcoder, Profiles: profiles,
		Fleet: "test", Role: "arn:aws:iam::111122223333:role/vod", Next: w.queue, Retire: retire, Log: log,
	}
	w.poll = stage.Poll{
		Ledger: w.book, Source: w.mem.Store, Transcoder: w.mem.Transcoder,
		Fleet: "test", Next: w.queue, Retire: retire, Log: log,
	}
	w.publish = stage.Publish{
		Ledger: w.book, Source: w.mem.Store, Delivery: files, Profiles: profiles, Output: output,
		Next: w.queue, Retire: retire, Log: log,
	}
	w.invalidate = stage.Invalidate{
		Ledger: w.book, Caches: direct{w.mem.CDN}, Profiles: profiles, Distribution: distribution, ViewerURL: "https://viewers.example/a b",
		Next: w.queue, Retire: retire, Log: log,
	}
	w.mem.CDN.AddDistribution(cloud.Distribution{ID: distribution, Enabled: true})
	return w
}

// submitter returns another worker's submit.
func (w *world) submitter() *stage.Submit {
	s := &w.submit
	return &stage.Submit{
		Ledger: s.Ledger, Source: s.Source, Transcoder: s.Transcoder, Profiles: s.Profiles,
		Fleet: s.Fleet, Role: s.Role, Next: s.Next, Retire: s.Retire, Governor: s.Governor, Log: s.Log,
	}
}

// upload puts bytes at the source.
func (w *world) upload(body string) cloud.Object {
	return w.mem.Store.Seed(cloud.Put{Location: source, Body: []byte(body)})
}

// ask enqueues the ingestion of the source as it is now.
func (w *world) ask() {
	w.t.Helper()
	if err := w.queue.Enqueue(w.t.Context(), tasks.Ingest{Bucket: source.Bucket, Key: source.Key, Reference: "ref"}); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) asset() string { return tasks.AssetID(source.Bucket, source.Key) }

func (w *world) record() *ledger.Record {
	w.t.Helper()
	r, err := w.book.Get(context.Background(), w.asset())
	if err != nil {
		w.t.Fatal(err)
	}
	return r
}

func (w *world) handle(ctx context.Context, t tasks.Task) error {
	switch t := t.(type) {
	case tasks.Ingest:
		return w.ingest.Handle(ctx, t)
	case tasks.TranscodeSubmit:
		return w.submit.Handle(ctx, t)
	case tasks.TranscodePoll:
		return w.poll.Handle(ctx, t)
	case tasks.Publish:
		return w.publish.Handle(ctx, t)
	case tasks.InvalidateOrRename:
		return w.invalidate.Handle(ctx, t)
	}
	return fmt.Errorf("no handler for %T", t)
}

// errCrash is what a process dies of in these tests.
var errCrash = errors.New("crash")

// run handles a task as a worker would, and says whether it crashed.
func (w *world) run(t tasks.Task) (err error, crashed bool) {
	ctx := queue.WithFailures(w.t.Context(), w.queue.worn+w.queue.failures[t])
	w.queue.running, w.queue.again = t, false
	defer func() { w.queue.running = nil }()
	return w.guard(func() error { return w.handle(ctx, t) })
}

// guard runs f as a process of its own, which may die of [errCrash].
func (w *world) guard(f func() error) (err error, crashed bool) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer func() {
			if p := recover(); p != nil {
				if p != any(errCrash) {
					panic(p)
				}
				crashed = true
			}
		}()
		err = f()
	}()
	<-done
	return err, crashed
}

// maxRuns bounds a test's history.
const maxRuns = 500

// drain runs the queue until it is empty: one task at a time, waits on the
// bubble's clock, a crashed or failed one again.
func (w *world) drain() {
	w.t.Helper()
	for range maxRuns {
		t, ok := w.queue.next()
		if !ok && w.idle == nil {
			return
		}
		if !ok {
			idle := w.idle
			w.idle = nil
			idle()
			continue
		}
		err, crashed := w.work(t)
		switch {
		case crashed:
			time.Sleep(2 * time.Minute) // until the lease has ended
		case err == nil && w.queue.again:
			time.Sleep(time.Second)
		case err == nil:
			w.queue.done(t)
		case errors.Is(err, asynq.SkipRetry):
			w.queue.done(t)
			w.queue.archived = append(w.queue.archived, err.Error())
		case queue.IsVerdict(err): // not yet
			time.Sleep(30 * time.Second)
		default:
			w.queue.failures[t]++
			time.Sleep(30 * time.Second)
		}
		w.queue.rotate()
	}
	w.t.Fatalf("after %d runs tasks are left: %v", maxRuns, w.queue.ids())
}

// memQueue holds tasks by their IDs, the oldest first.
type memQueue struct {
	tasks    []tasks.Task
	failures map[tasks.Task]int
	archived []string
	worn     int // failures that every task has had before

	before  func()     // is called before a task is enqueued; nil for nothing
	running tasks.Task // by [world.run]
	again   bool       // it has enqueued itself
}

func (q *memQueue) Enqueue(_ context.Context, t tasks.Task) error {
	if err := t.Validate(); err != nil {
		return err
	}
	if q.before != nil {
		q.before()
	}
	if t == q.running {
		q.again = true
		return nil
	}
	id := t.ID()
	for _, have := range q.tasks {
		if have.ID() == id {
			return nil
		}
	}
	q.tasks = append(q.tasks, t)
	return nil
}

func (q *memQueue) EnqueueIn(ctx context.Context, t tasks.Task, _ time.Duration) error {
	return q.Enqueue(ctx, t)
}

func (q *memQueue) next() (tasks.Task, bool) {
	if len(q.tasks) == 0 {
		return nil, false
	}
	return q.tasks[0], true
}

func (q *memQueue) done(t tasks.Task) {
	for i, have := range q.tasks {
		if have == t {
			q.tasks = append(q.tasks[:i], q.tasks[i+1:]...)
			return
		}
	}
}

// rotate puts the first task last.
func (q *memQueue) rotate() {
	if len(q.tasks) > 1 {
		q.tasks = append(q.tasks[1:], q.tasks[0])
	}
}

func (q *memQueue) ids() (ids []string) {
	for _, t := range q.tasks {
		ids = append(ids, t.ID())
	}
	return ids
}

// crashAt makes the process die after its n-th port call from now on, counted
// over all ports. It reports whether there was such a call.
func (w *world) crashAt(n int) (crashed func() bool) {
	var calls atomic.Int64
	w.mem.SetHooks(memcloud.Hooks{After: func(string, string) error {
		if calls.Add(1) == int64(n) {
			panic(errCrash)
		}
		return nil
	}})
	return func() bool { return calls.Load() >= int64(n) }
}
