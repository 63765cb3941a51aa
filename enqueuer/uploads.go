package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/vodfleet/vodfleet/internal/cloud"
	"github.com/vodfleet/vodfleet/internal/cloud/awscloud"
	"github.com/vodfleet/vodfleet/internal/config"
	"github.com/vodfleet/vodfleet/tasks"
	"go.uber.org/zap"
)

// uploader turns notifications of new objects into tasks of the live lane. A
// notification leaves its queue only when what it asks for is in Redis: one
// that is lost on the way comes again, and a repeat is harmless.
type uploader struct {
	queue   cloud.Events
	client  taskClient
	sources config.Sources
	profile func(context.Context) (string, error) // digest
	pace    *pace
	counted *prometheus.CounterVec // by outcome
	log     *zap.Logger
}

// awsEvents opens a queue at AWS, by the SDK's own settings.
func awsEvents(ctx context.Context, queueURL string) (cloud.Events, error) {
	aws, err := awscloud.New(ctx, awscloud.Options{})
	if err != nil {
		return nil, err
	}
	return aws.Events(queueURL)
}

// taskClient enqueues tasks; see [tasks.Client].
type taskClient interface {
	Enqueue(ctx context.Context, t tasks.Task, opts ...tasks.Option) (tasks.Receipt, error)
}

const (
	uploadReaders = 2                // receive at once
	uploadWait    = 20 * time.Second // of one receive
	uploadBackOff = 30 * time.Second // at the most, while the cloud or Redis fails
	uploadDrain   = 10 * time.Second // for what was received when the program is to stop
)

// outcomes of an upload.
const (
	uploadEnqueued = "enqueued"
	uploadSkipped  = "skipped"
	uploadProblem  = "problem"
)

func uploadCounter() *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "vodfleet_uploads_total", Help: "Notifications of new objects, by what became of them.",
	}, []string{"outcome"})
}

// run reads notifications until ctx ends; what has been received by then is
// finished. It fails only with the context's error.
func (u *uploader) run(ctx context.Context) error {
	var readers sync.WaitGroup
	for range uploadReaders {
		readers.Go(func() { u.read(ctx) })
	}
	readers.Wait()
	return ctx.Err()
}

// read is one reader.
func (u *uploader) read(ctx context.Context) {
	var rest time.Duration
	for {
		if err := u.pace.wait(ctx, u.log); err != nil {
			return
		}
		_, err := u.take(ctx, uploadWait)
		if ctx.Err() != nil {
			return
		}
		if err == nil {
			rest = 0
			continue
		}
		u.log.Error("uploads", zap.Error(err))
		rest = min(max(2*rest, time.Second), uploadBackOff)
		select {
		case <-ctx.Done():
			return
		case <-time.After(rest):
		}
	}
}

// drain takes what is in the queue, until it is empty.
func (u *uploader) drain(ctx context.Context) error {
	for {
		if err := u.pace.wait(ctx, u.log); err != nil {
			return err
		}
		n, err := u.take(ctx, time.Second)
		if n == 0 || err != nil {
			return err
		}
	}
}

// take receives some notifications and does what they ask for. Those that
// could not be done stay in the queue, and are errors.
func (u *uploader) take(ctx context.Context, wait time.Duration) (int, error) {
	digest, err := u.profile(ctx)
	if err != nil {
		return 0, err
	}
	events, err := u.queue.Receive(ctx, wait)
	if err != nil || len(events) == 0 {
		return 0, err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), uploadDrain)
	defer cancel()
	var done []string
	var failed []error
	for _, e := range events {
		if err := u.handle(ctx, e, digest); err != nil {
			failed = append(failed, err)
			continue
		}
		done = append(done, e.Receipt)
	}
	return len(events), errors.Join(append(failed, u.queue.Done(ctx, done...))...)
}

// handle does what one event asks for.
func (u *uploader) handle(ctx context.Context, e cloud.Event, digest string) error {
	for _, up := range e.Uploads {
		if err := u.upload(ctx, up, digest); err != nil {
			return err
		}
	}
	switch {
	case e.Problem != "":
		u.counted.WithLabelValues(uploadProblem).Inc()
		u.log.Warn("a message in the uploads queue is left out", zap.String("message", e.ID), zap.String("problem", e.Problem))
	case e.Job != nil:
		u.counted.WithLabelValues(uploadProblem).Inc()
		u.log.Warn("an event of a job in the uploads queue is left out: job events have a queue of their own", zap.String("message", e.ID), zap.String("job", e.Job.ID))
	case e.Uploads == nil:
		u.log.Info("S3 has tested the notification", zap.String("message", e.ID))
	}
	return nil
}

// upload enqueues one new object, or says why it does not.
func (u *uploader) upload(ctx context.Context, up cloud.UploadEvent, digest string) error {
	task := tasks.Ingest{Bucket: up.Bucket, Key: up.Key, Profile: digest, Lane: tasks.Live}
	if up.ETag != "" {
		task.SourceVersion = tasks.SourceVersion(up.ETag, up.Size)
	}
	reason := ""
	switch err := task.Validate(); {
	case !u.sources.Allow(up.Location):
		reason = "not among the allowed sources"
	case strings.HasSuffix(up.Key, "/"):
		reason = "a folder's placeholder"
	case up.Size == 0:
		reason = "empty"
	case err != nil:
		reason = err.Error()
	}
	if reason != "" {
		u.counted.WithLabelValues(uploadSkipped).Inc()
		u.log.Info("upload skipped", zap.String("source", up.Location.String()), zap.String("reason", reason))
		return nil
	}
	receipt, err := u.client.Enqueue(ctx, task)
	if err != nil {
		return fmt.Errorf("upload %s: %w", up.Location, err)
	}
	if receipt.New {
		u.pace.count()
	}
	u.counted.WithLabelValues(uploadEnqueued).Inc()
	u.log.Info("upload enqueued", zap.String("source", up.Location.String()), zap.String("asset", tasks.AssetID(up.Bucket, up.Key)), zap.Bool("new", receipt.New))
	return nil
}

// pace bounds how many uploads become tasks in an hour: a library that is
// copied into the bucket is a campaign, not a thousand live videos. What is
// beyond waits in the queue.
type pace struct {
	most int // an hour; 0: any number

	mu    sync.Mutex
	hour  time.Time // when the hour began
	taken int
	told  bool
}

// count notes one upload.
func (p *pace) count() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.taken++
}

// wait waits until there is room in the hour.
func (p *pace) wait(ctx context.Context, log *zap.Logger) error {
	for {
		left := p.left(log)
		if left <= 0 {
			return ctx.Err()
		}
		t := time.NewTimer(left)
		select {
		case <-ctx.Done():
			t.Stop()
			return ctx.Err()
		case <-t.C:
		}
	}
}

// left is how long the hour goes on, if it is full.
func (p *pace) left(log *zap.Logger) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	if now.Sub(p.hour) >= time.Hour {
		p.hour, p.taken, p.told = now, 0, false
	}
	if p.most == 0 || p.taken < p.most {
		return 0
	}
	left := time.Hour - now.Sub(p.hour)
	if !p.told {
		p.told = true
		log.Warn("uploads wait in their queue: more than --max-uploads of this hour would be transcoded", zap.Int("max_uploads", p.most), zap.Duration("for", left))
	}
	return left
}

// recent remembers a digest for a while, so that a change of the profile is
// seen without asking for it at each receive.
func recent(every time.Duration, read func(context.Context) (string, error)) func(context.Context) (string, error) {
	var mu sync.Mutex
	var digest string
	var at time.Time
	return func(ctx context.Context) (string, error) {
		mu.Lock()
		defer mu.Unlock()
		if digest != "" && time.Since(at) < every {
			return digest, nil
		}
		d, err := read(ctx)
		if err != nil {
			return "", err
		}
		digest, at = d, time.Now()
		return digest, nil
	}
}
