package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/vodfleet/vodfleet/internal/admin"
	"github.com/vodfleet/vodfleet/internal/cloud"
	"github.com/vodfleet/vodfleet/internal/cloud/awscloud"
	"github.com/vodfleet/vodfleet/internal/config"
	"github.com/vodfleet/vodfleet/internal/delivery"
	"github.com/vodfleet/vodfleet/internal/governor"
	"github.com/vodfleet/vodfleet/internal/ledger"
	"github.com/vodfleet/vodfleet/internal/queue"
	"github.com/vodfleet/vodfleet/internal/run"
	"github.com/vodfleet/vodfleet/internal/stage"
	"github.com/vodfleet/vodfleet/tasks"
	"go.uber.org/zap"
)

// Run parses args and serves tasks until ctx ends, then drains.
func Run(ctx context.Context, args []string, out io.Writer) error {
	f, err := parse(args, out)
	if f == nil || err != nil {
		return err
	}
	log, err := f.Logger(os.Stderr)
	if err != nil {
		return run.UsageError(err)
	}
	queue.LogRedis(log)
	redis, err := queue.ParseRedis(f.RedisURL)
	if err != nil {
		return run.UsageError(err)
	}
	aws, err := awscloud.New(ctx, awscloud.Options{Log: log})
	if err != nil {
		return err
	}
	client, err := tasks.NewClient(redis)
	if err != nil {
		return err
	}
	defer client.Close()
	server, err := queue.NewServer(queue.Options{
		Redis: redis, Queues: f.Queues, Concurrency: f.Concurrency, DrainTimeout: f.DrainTimeout,
		AllowVolatile: f.AllowVolatileRedis, Log: log,
	})
	if err != nil {
		return run.UsageError(err)
	}
	events, err := f.open(aws)
	if err != nil {
		return err
	}
	rdb, err := queue.Dial(redis)
	if err != nil {
		return err
	}
	defer rdb.Close()
	inspector, err := queue.NewInspector(redis)
	if err != nil {
		return err
	}
	defer inspector.Close()
	listener, err := net.Listen("tcp", f.AdminAddr)
	if err != nil {
		return fmt.Errorf("admin address: %w", err)
	}
	defer listener.Close()

	store := aws.Store()
	book := ledger.New(store, f.Ledger.Ledger.Location)
	book.Stale = func(asset string, err error) {
		log.Warn("marker is stale", zap.String("asset", asset), zap.Error(err))
	}
	governor := f.governor(rdb)
	fleet := &fleet{
		aws: aws, transcoder: governor.Limit(aws.Transcoder()), book: book, client: queue.NewClient(client), server: server, governor: governor, log: log,
	}
	watch := f.watch(fleet, inspector, events)
	metrics := prometheus.NewRegistry()
	if watch.stale != nil {
		metrics.MustRegister(watch.stale)
	}
	metrics.MustRegister(server, watch.lost, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	health := admin.Handler(metrics,
		admin.Check{Name: "redis", Ping: func(context.Context) error { return client.Ping() }},
		admin.Check{Name: "ledger", Ping: func(ctx context.Context) error {
			_, err := store.Head(ctx, f.Ledger.Ledger.Join("ready")) // never there: what counts is an answer
			if errors.Is(err, cloud.ErrNotFound) {
				return nil
			}
			return err
		}},
	)

	// What others need is added first, and stops last.
	var group run.Group
	group.Add("admin", func(ctx context.Context) error { return admin.Serve(ctx, listener, health, log) })
	group.Add("stages", func(ctx context.Context) error { return f.serve(ctx, fleet, watch) })
	log.Info("worker starts", zap.String("admin", "http://"+listener.Addr().String()), zap.Any("settings", config.Dump(f)))
	return group.Run(ctx)
}

// fleet is what stages, and what looks after them, work with.
type fleet struct {
	aws        *awscloud.Cloud
	transcoder cloud.Transcoder // governed
	governor   *governor.Governor
	book       *ledger.Store
	client     *queue.Client
	server     *queue.Server
	log        *zap.Logger
}

// transcoder is one whose lists the whole fleet reads together where it looks
// for the jobs of open intents.
type transcoder struct {
	cloud.Transcoder
	*governor.Lookups
}

var _ stage.Lookup = transcoder{}

// serve wires the five stages and runs them, with what looks after the fleet,
// until ctx ends.
func (f *flags) serve(ctx context.Context, w *fleet, watch *watch) error {
	f.rates(ctx, w.aws, w.governor, w.log)
	profiles, err := f.profiles(ctx, w.log, w.book)
	if err != nil {
		return err
	}
	var (
		store  = w.aws.Store()
		output = f.Output.Location
		files  = delivery.New(store, output, f.ViewerURL.String())
		retire = &stage.Retirement{Ledger: w.book, Files: files, Output: output, Grace: f.Grace.Grace, Log: w.log}
		look   = &governor.Lookups{Governor: w.governor, Jobs: w.transcoder, Now: w.book.Now, Log: w.log}
		jobs   = transcoder{w.transcoder, look}
	)
	queue.Handle(w.server, (&stage.Ingest{
		Ledger: w.book, Source: store, Transcoder: w.transcoder, Profiles: profiles,
		Allowed: f.Sources.Locations(), Output: output, Next: w.client, Retire: retire, Turns: w.governor, Log: w.log,
	}).Handle)
	queue.Handle(w.server, (&stage.Submit{
		Ledger: w.book, Source: store, Transcoder: jobs, Profiles: profiles, Governor: w.governor,
		Fleet: f.Fleet(), Role: f.Role, Queue: f.Transcode.Queue, Next: w.client, Retire: retire, Log: w.log,
	}).Handle)
	queue.Handle(w.server, (&stage.Poll{
		Ledger: w.book, Source: store, Transcoder: jobs, Governor: w.governor, Board: w.governor,
		Fleet: f.Fleet(), Next: w.client, Retire: retire, Log: w.log,
	}).Handle)
	publish := &stage.Publish{
		Ledger: w.book, Source: store, Delivery: files, Profiles: profiles, Output: output,
		Next: w.client, Retire: retire, Smooth: f.smooth(w.aws.CDN()), Log: w.log,
	}
	invalidate := &stage.Invalidate{
		Ledger: w.book, Caches: w.governor, Profiles: profiles, Distribution: f.Distribution, ViewerURL: f.ViewerURL.String(),
		Next: w.client, Retire: retire, Log: w.log,
	}
	if origin := f.mirror(store, output); origin != nil {
		publish.Origin, invalidate.Origin = origin, origin
	}
	queue.Handle(w.server, publish.Handle)
	queue.Handle(w.server, invalidate.Handle)

	var group run.Group
	watch.add(&group, w.server.Ready())
	group.Add("look-ups", after(w.server.Ready(), look.Run))
	group.Add("queue", w.server.Run)
	return group.Run(ctx)
}
