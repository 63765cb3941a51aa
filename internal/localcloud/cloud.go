package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/vodfleet/vodfleet/internal/localcloud/admin"
	"github.com/vodfleet/vodfleet/internal/localcloud/calls"
	"github.com/vodfleet/vodfleet/internal/localcloud/clock"
	"github.com/vodfleet/vodfleet/internal/localcloud/cloudfront"
	"github.com/vodfleet/vodfleet/internal/localcloud/edge"
	"github.com/vodfleet/vodfleet/internal/localcloud/mediaconvert"
	"github.com/vodfleet/vodfleet/internal/localcloud/notices"
	"github.com/vodfleet/vodfleet/internal/localcloud/objects"
	"github.com/vodfleet/vodfleet/internal/localcloud/origins"
	"github.com/vodfleet/vodfleet/internal/localcloud/queues"
	"github.com/vodfleet/vodfleet/internal/localcloud/sigv4"
)

// grace is how long requests under way are waited for at a stop.
const grace = 5 * time.Second

// cloud is every part of it, in the order in which they are built.
type cloud struct {
	clock *clock.Clock
	times *timekeeper
	calls *calls.Recorder
	s3    *objects.Service
	cdn   *cloudfront.Service
	edge  *edge.Edge
	media *mediaconvert.Service
	sqs   *queues.Service

	mirror, iis http.Handler

	ready atomic.Bool
}

// build makes the cloud of dir, with the buckets and the distribution that are
// to be there. What is there already stays as it is.
func (c *serveCmd) build(ctx context.Context, dir string) (_ *cloud, err error) {
	cl := new(cloud)
	if cl.clock, cl.times, err = openClock(dir, c.ClockRate); err != nil {
		return nil, err
	}
	if cl.calls, err = calls.New(dir, cl.clock); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			cl.calls.Close()
		}
	}()
	uploads, err := cl.openQueues(dir, c.Events)
	if err != nil {
		return nil, err
	}
	deleted := &origins.Deleted{Now: cl.clock.Now, Lag: c.Origins.MirrorLag}
	if cl.s3, err = objects.New(objects.Config{
		Dir: dir, Clock: cl.clock, Calls: cl.calls, Created: uploads, Notify: c.Events.UploadsBucket, Deleting: deleted.Keep,
	}); err != nil {
		return nil, err
	}
	deleted.Objects = cl.s3
	mirrored, iis := cmp.Or(c.Origins.MirrorBucket, c.OriginBucket), cmp.Or(c.Origins.IISBucket, c.OriginBucket)
	buckets := slices.Clone(c.Bucket)
	for _, name := range []string{c.OriginBucket, mirrored, iis} {
		if !slices.ContainsFunc(buckets, func(b bucketFlag) bool { return b.Name == name }) {
			buckets = append(buckets, bucketFlag{Name: name})
		}
	}
	for _, b := range buckets {
		if err := cl.s3.CreateBucket(ctx, b.Name, b.Versioned); err != nil {
			return nil, err
		}
	}
	cl.mirror = origins.Mirror(origins.Config{Objects: cl.s3, Bucket: mirrored, Now: cl.clock.Now, Lag: c.Origins.MirrorLag, Deleted: deleted})
	cl.iis = origins.IIS(origins.Config{Objects: cl.s3, Bucket: iis, Now: cl.clock.Now, Lag: c.Origins.MirrorLag, Deleted: deleted})
	if cl.cdn, err = cloudfront.New(cloudfront.Config{
		Dir: dir, Clock: cl.clock, Calls: cl.calls, Origin: c.OriginBucket, Smooth: c.CDN.Smooth, Authorize: cl.authorize,
		Deploy: c.CDN.DeployTime, Invalidate: c.CDN.InvalidateTime, MaxPaths: c.CDN.MaxPaths, MaxWildcards: c.CDN.MaxWildcards,
	}); err != nil {
		return nil, err
	}
	if cl.edge, err = edge.New(edge.Config{Objects: cl.s3, Control: cl.cdn, Clock: cl.clock, MaxBytes: c.CDN.EdgeMemory}); err != nil {
		return nil, err
	}
	j := c.Jobs
	cl.media, err = mediaconvert.New(mediaconvert.Config{
		Dir: dir, Objects: cl.s3, Clock: cl.clock, Calls: cl.calls, Events: cl.jobEvents(c.Events.EventsQueue),
		Slots: j.Slots, Simulate: j.Simulate, JobTime: j.JobTime, ListLag: j.ListLag,
		Quotas: mediaconvert.Quotas{Rate: j.Rate, Burst: j.Burst, ConcurrentJobs: j.QueueJobs},
	})
	return cl, err
}

// openQueues opens SQS with the queues that are to be there, and returns what
// makes notifications of new objects.
func (cl *cloud) openQueues(dir string, e eventFlags) (uploads func(objects.Created), err error) {
	cl.sqs, err = queues.New(queues.Config{
		Dir: dir, Clock: cl.clock, Calls: cl.calls, Duplicate: e.Duplicates, Reorder: e.Reorder, Lag: e.Lag,
	})
	if err != nil {
		return nil, err
	}
	// Whoever receives works by the host's clock, however fast the cloud's is.
	visibility := time.Duration(float64(visible) * max(1, cl.clock.Rate()))
	if e.EventsQueue != "" {
		if _, err := cl.sqs.Create(e.EventsQueue, visibility); err != nil {
			return nil, err
		}
	}
	if e.UploadsQueue == "" {
		return nil, nil
	}
	fresh, err := cl.sqs.Create(e.UploadsQueue, visibility)
	if err != nil {
		return nil, err
	}
	u := notices.NewUploads(e.UploadsBucket, func(body string) { cl.sqs.Send(e.UploadsQueue, body) })
	if fresh {
		u.Test(cl.clock.Now())
	}
	return u.Tell, nil
}

// visible is how long a received message is hidden in the queues that the
// cloud has made itself, by the host's clock.
const visible = 30 * time.Second

// jobEvents returns what passes changes of jobs on to a queue.
func (cl *cloud) jobEvents(queue string) func(mediaconvert.Event) {
	if queue == "" {
		return nil
	}
	return notices.NewJobs(func(body string) { cl.sqs.Send(queue, body) }).Tell
}

// authorize checks the signatures of CloudFront's requests.
func (cl *cloud) authorize(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if refused := sigv4.Check(r, cl.clock, "cloudfront"); refused != nil {
			cloudfront.Refuse(w, refused.Status, refused.Code, refused.Message)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// serve runs every part until ctx ends or one fails, and stops them in order:
// no new requests, then jobs, then the objects, then the record.
func (cl *cloud) serve(ctx context.Context, d *doors, up, down func() error) error {
	parts, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	store, stopStore := context.WithCancel(context.WithoutCancel(ctx))
	defer stopStore()
	work, stopWork := context.WithCancel(context.WithoutCancel(ctx))
	defer stopWork()

	var storing, working, serving sync.WaitGroup
	part := func(wg *sync.WaitGroup, ctx context.Context, run func(context.Context) error) {
		wg.Go(func() {
			err := run(ctx)
			if ctx.Err() == nil {
				fail(cmp.Or(err, errors.New("a service ended by itself")))
			}
		})
	}
	part(&storing, store, cl.s3.Run)
	part(&storing, store, cl.times.run)
	part(&storing, store, cl.sqs.Run)
	select {
	case <-cl.s3.Ready():
	case <-parts.Done():
	}
	part(&working, work, cl.media.Run)
	servers := cl.servers(d, fail, &serving)
	err := up()
	if err != nil {
		fail(err)
	}
	cl.ready.Store(true)

	<-parts.Done()
	cl.ready.Store(false)
	if ctx.Err() == nil {
		err = context.Cause(parts)
	}
	shutdown(servers)
	serving.Wait()
	stopWork()
	working.Wait()
	stopStore()
	storing.Wait()
	return errors.Join(err, cl.times.save(), cl.calls.Close(), down())
}

// servers serves the doors.
func (cl *cloud) servers(d *doors, fail func(error), wg *sync.WaitGroup) []*http.Server {
	var all []*http.Server
	for _, s := range []struct {
		door    net.Listener
		handler http.Handler
	}{
		{d.s3, cl.s3.Handler()},
		{d.mediaConvert, cl.media.Handler()},
		{d.cloudFront, cl.cdn.Handler()},
		{d.sqs, cl.sqs.Handler()},
		{d.edge, cl.edge.Handler()},
		{d.mirror, cl.mirror},
		{d.iis, cl.iis},
		{d.admin, admin.Handler(admin.Config{
			Calls: cl.calls, Clock: cl.clock, Ready: cl.ready.Load,
			Jobs:   func() any { return append([]mediaconvert.Job{}, cl.media.Jobs()...) },
			Queues: func() any { return cl.sqs.Queues() },

			Invalidations: func() any { return cl.cdn.Accounts() },

			Limits: cl.media.Limits, SetLimits: cl.media.SetLimits,
		})},
	} {
		if s.door == nil {
			continue
		}
		server := &http.Server{Handler: s.handler, ReadHeaderTimeout: 20 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10}
		all = append(all, server)
		wg.Go(func() {
			if err := server.Serve(s.door); !errors.Is(err, http.ErrServerClosed) {
				fail(fmt.Errorf("serve %s: %w", s.door.Addr(), err))
			}
		})
	}
	return all
}

// shutdown ends servers, all at once: requests under way have their grace.
func shutdown(servers []*http.Server) {
	ctx, cancel := context.WithTimeout(context.Background(), grace)
	defer cancel()
	var wg sync.WaitGroup
	for _, s := range servers {
		wg.Go(func() {
			if s.Shutdown(ctx) != nil {
				_ = s.Close() // who is still there has had the time
			}
		})
	}
	wg.Wait()
}
