// Package bench measures what the fleet itself costs, as ratios within one run:
// machines differ and are noisy (`make bench`), and what it asks of the cloud, in
// the cloud's own time (`make bench-rates`).
package bench

import (
	"context"
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
	"github.com/vodfleet/vodfleet/internal/queue/redistest"
	"github.com/vodfleet/vodfleet/internal/stage"
	"github.com/vodfleet/vodfleet/tasks"
	"go.uber.org/zap"
)

const (
	assets      = 3000
	concurrency = 16
	stages      = 5
)

// The five stages, on a cloud in memory and a real Redis, beside five asynq
// tasks an asset that do nothing but enqueue the next. Every asset is replaced,
// so that all five stages have work. Both run in this one process with as many
// handlers, one after the other and over again; the figures are the best of
// each.
func BenchmarkFiveStages(b *testing.B) {
	for b.Loop() {
		var noop, ours float64
		for range 3 {
			noop = max(noop, assets/noopChain(b).Seconds())
			ours = max(ours, assets/fiveStages(b).Seconds())
		}
		b.ReportMetric(noop, "noop-assets/s")
		b.ReportMetric(ours, "assets/s")
		b.ReportMetric(100*ours/noop, "%-of-noop")
		b.ReportMetric(0, "ns/op")
	}
}

// noopChain measures five tasks an asset, each of which enqueues the next.
func noopChain(b *testing.B) time.Duration {
	opt := asynq.RedisClientOpt{Addr: redistest.Start(b, "--appendonly", "yes").Addr}
	client := asynq.NewClient(opt)
	defer client.Close()
	payload := func(id, step int) []byte {
		return fmt.Appendf(nil, `{"v":1,"asset":"ABCDEFGHIJKLMNOPQRSTUVWXY%d","build":%d,"profile":"0123456789abcdef0123456789abcdef"}`, id, step)
	}
	kinds := []string{"noop-0", "noop-1", "noop-2", "noop-3", "noop-4"}
	enqueue := func(ctx context.Context, id, step int) error {
		_, err := client.EnqueueContext(ctx, asynq.NewTask(kinds[step], payload(id, step)),
			asynq.TaskID(fmt.Sprintf("%s:%d", kinds[step], id)), asynq.Queue(kinds[step]), asynq.MaxRetry(tasks.MaxRetry), asynq.Timeout(time.Minute))
		return err
	}
	for id := range assets {
		if err := enqueue(b.Context(), id, 0); err != nil {
			b.Fatal(err)
		}
	}
	var left atomic.Int64
	left.Store(assets)
	done := make(chan struct{})
	mux := asynq.NewServeMux()
	queues := map[string]int{}
	for step, kind := range kinds {
		queues[kind] = 1
		mux.HandleFunc(kind, func(ctx context.Context, t *asynq.Task) error {
			if step+1 < stages {
				var id, build int
				if _, err := fmt.Sscanf(string(t.Payload()), `{"v":1,"asset":"ABCDEFGHIJKLMNOPQRSTUVWXY%d","build":%d`, &id, &build); err != nil {
					return err
				}
				return enqueue(ctx, id, step+1)
			}
			if left.Add(-1) == 0 {
				close(done)
			}
			return nil
		})
	}
	server := asynq.NewServer(opt, asynq.Config{Concurrency: concurrency, Queues: queues, LogLevel: asynq.FatalLevel, TaskCheckInterval: 100 * time.Millisecond})
	began := time.Now()
	if err := server.Start(mux); err != nil {
		b.Fatal(err)
	}
	await(b, done)
	took := time.Since(began)
	server.Shutdown()
	return took
}

// fiveStages measures the replacement of every asset.
func fiveStages(b *testing.B) time.Duration {
	f := newMemFleet(b)
	f.run(b, "one")        // published for the first time, not measured
	return f.run(b, "two") // replaced
}

// await waits for the end of a measurement, which is bounded.
func await(b *testing.B, done <-chan struct{}) {
	b.Helper()
	select {
	case <-done:
	case <-time.After(5 * time.Minute):
		b.Fatal("not done after five minutes")
	}
}

// memFleet is the real handlers and queue over a cloud in memory.
type memFleet struct {
	mem      *memcloud.Cloud
	book     *ledger.Store
	redis    asynq.RedisConnOpt
	client   *tasks.Client
	profiles *stage.StoredProfiles
}

func newMemFleet(b *testing.B) *memFleet {
	now := func(cloud.JobSpec) time.Duration { return time.Nanosecond }
	f := &memFleet{mem: memcloud.New(memcloud.Options{Buckets: []string{"library", "streams", "ledger"}, Run: now, Invalidation: time.Nanosecond})}
	f.mem.CDN.AddDistribution(cloud.Distribution{ID: "E1", Enabled: true})
	f.book = ledger.New(f.mem.Store, cloud.Location{Bucket: "ledger"})
	var err error
	if f.profiles, err = stage.NewProfiles(b.Context(), f.book, ""); err != nil {
		b.Fatal(err)
	}
	if f.redis, err = queue.ParseRedis(redistest.Start(b, "--appendonly", "yes").URL()); err != nil {
		b.Fatal(err)
	}
	if f.client, err = tasks.NewClient(f.redis); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = f.client.Close() })
	return f
}

func key(n int) string { return fmt.Sprintf("films/%05d.mp4", n) }

// run uploads every asset anew, enqueues its ingest, and measures from the
// server's start until the last is live.
func (f *memFleet) run(b *testing.B, body string) time.Duration {
	for n := range assets {
		o := f.mem.Store.Seed(cloud.Put{Location: cloud.Location{Bucket: "library", Key: key(n)}, Body: []byte(body)})
		task := tasks.Ingest{Bucket: "library", Key: key(n), SourceVersion: tasks.SourceVersion(o.ETag, o.Size), Lane: tasks.Live}
		if _, err := f.client.Enqueue(b.Context(), task); err != nil {
			b.Fatal(err)
		}
	}
	server, err := queue.NewServer(queue.Options{Redis: f.redis, Concurrency: concurrency, Log: zap.NewNop()})
	if err != nil {
		b.Fatal(err)
	}
	var left atomic.Int64
	left.Store(assets)
	done := make(chan struct{})
	f.handle(server, func() {
		if left.Add(-1) == 0 {
			close(done)
		}
	})
	ctx, stop := context.WithCancel(b.Context())
	ended := make(chan error, 1)
	began := time.Now()
	go func() { ended <- server.Run(ctx) }()
	await(b, done)
	took := time.Since(began)
	stop()
	if err := <-ended; err != nil {
		b.Fatal(err)
	}
	return took
}

// handle wires the stages; live is called for each asset whose last stage is done.
func (f *memFleet) handle(server *queue.Server, live func()) {
	var (
		store  = f.mem.Store
		output = cloud.Location{Bucket: "streams"}
		next   = queue.NewClient(f.client)
		files  = delivery.New(store, output, "https://viewers.example")
		log    = zap.NewNop()
		retire = &stage.Retirement{Ledger: f.book, Files: files, Output: output, Grace: time.Hour, Log: log}
	)
	ingest := &stage.Ingest{
		Ledger: f.book, Source: store, Transcoder: f.mem.Transcoder, Profiles: f.profiles,
		Allowed: []cloud.Location{{Bucket: "library"}}, Output: output, Next: next, Retire: retire, Log: log,
	}
	submit := &stage.Submit{
		Ledger: f.book, Source: store, Transcoder: f.mem.Transcoder, Profiles: f.profiles,
		Fleet: "bench", Role: "arn:aws:iam::111122223333:role/vod", Next: next, Retire: retire, Log: log,
	}
	poll := &stage.Poll{Ledger: f.book, Source: store, Transcoder: f.mem.Transcoder, Fleet: "bench", Next: next, Retire: retire, Log: log}
	publish := &stage.Publish{Ledger: f.book, Source: store, Delivery: files, Profiles: f.profiles, Output: output, Next: next, Retire: retire, Log: log}
	invalidate := &stage.Invalidate{
		Ledger: f.book, Caches: emptyCaches{}, Profiles: f.profiles, Distribution: "E1", ViewerURL: "https://viewers.example",
		Next: next, Retire: retire, Log: log,
	}
	queue.Handle(server, ingest.Handle)
	queue.Handle(server, submit.Handle)
	queue.Handle(server, poll.Handle)
	queue.Handle(server, func(ctx context.Context, t tasks.Publish) error {
		err := publish.Handle(ctx, t)
		if err == nil && t.Build == 1 { // nothing was replaced: it is live
			live()
		}
		return err
	})
	queue.Handle(server, func(ctx context.Context, t tasks.InvalidateOrRename) error {
		err := invalidate.Handle(ctx, t)
		if err == nil {
			live()
		}
		return err
	})
}

// emptyCaches hold nothing: invalidations are shared by many assets, and
// measured by themselves.
type emptyCaches struct{}

func (emptyCaches) Await(context.Context, string, int, []string) (bool, error) { return true, nil }
