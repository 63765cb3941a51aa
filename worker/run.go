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
	"github.com/vodfleet/vodfleet/internal/ledger"
	"github.com/vodfleet/vodfleet/internal/queue"
	"github.com/vodfleet/vodfleet/internal/reconcile"
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
		Redis: redis, Queues: f.Queues, Concurrency: f.Concurrency, DrainTimeout: f.DrainTimeout, Log: log,
	})
	if err != nil {
		return run.UsageError(err)
	}
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
	metrics := prometheus.NewRegistry()
	metrics.MustRegister(server, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
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
	group.Add("stages", func(ctx context.Context) error { return f.serve(ctx, log, aws, book, client, server) })
	log.Info("worker starts", zap.String("admin", "http://"+listener.Addr().String()), zap.Any("settings", config.Dump(f)))
	return group.Run(ctx)
}

// serve wires the five stages and runs them, with what finds due work, until
// ctx ends.
func (f *flags) serve(ctx context.Context, log *zap.Logger, aws *awscloud.Cloud, book *ledger.Store, client *tasks.Client, server *queue.Server) error {
	profiles, err := f.profiles(ctx, log, book)
	if err != nil {
		return err
	}
	var (
		store      = aws.Store()
		transcoder = aws.Transcoder()
		next       = queue.NewClient(client)
		output     = f.Output.Location
		files      = delivery.New(store, output, f.ViewerURL.String())
		retire     = &stage.Retirement{Ledger: book, Files: files, Output: output, Grace: f.Grace.Grace, Log: log}
	)
	queue.Handle(server, (&stage.Ingest{
		Ledger: book, Source: store, Transcoder: transcoder, Profiles: profiles,
		Allowed: f.Sources.Locations(), Output: output, Next: next, Log: log,
	}).Handle)
	queue.Handle(server, (&stage.Submit{
		Ledger: book, Source: store, Transcoder: transcoder, Profiles: profiles,
		Fleet: f.fleet(), Role: f.Role, Queue: f.Transcode.Queue, Next: next, Retire: retire, Log: log,
	}).Handle)
	queue.Handle(server, (&stage.Poll{
		Ledger: book, Source: store, Transcoder: transcoder, Output: output,
		Fleet: f.fleet(), Next: next, Retire: retire, Log: log,
	}).Handle)
	queue.Handle(server, (&stage.Publish{
		Ledger: book, Source: store, Delivery: files, Profiles: profiles, Output: output,
		Next: next, Retire: retire, Log: log,
	}).Handle)
	queue.Handle(server, (&stage.Invalidate{
		Ledger: book, CDN: aws.CDN(), Profiles: profiles, Distribution: f.Distribution, ViewerURL: f.ViewerURL.String(),
		Next: next, Retire: retire, Log: log,
	}).Handle)

	due := &reconcile.Due{Ledger: book, Queue: next, Now: store.Now, Grace: f.Grace.Grace, Log: log}
	var group run.Group
	group.Add("due", due.Run)
	group.Add("queue", server.Run)
	return group.Run(ctx)
}
