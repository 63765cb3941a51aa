package sim

import (
	"context"
	"io"
	"iter"
	"time"

	"github.com/vodfleet/vodfleet/internal/cloud"
	"github.com/vodfleet/vodfleet/internal/stage"
	"github.com/vodfleet/vodfleet/tasks"
)

// store is the cloud's store as one run reaches it.
type store struct {
	*run
	cloud.Store
}

var _ cloud.Store = store{}

func (s store) Head(ctx context.Context, at cloud.Location) (cloud.Object, error) {
	return do(s.run, "Store.Head", at.String(), func() (cloud.Object, error) { return s.Store.Head(ctx, at) })
}

func (s store) Get(ctx context.Context, at cloud.Location, limit int64) (b []byte, o cloud.Object, err error) {
	b, err = do(s.run, "Store.Get", at.String(), func() (b []byte, err error) {
		b, o, err = s.Store.Get(ctx, at, limit)
		return b, err
	})
	return b, o, err
}

func (s store) Open(ctx context.Context, at cloud.Location) (r io.ReadCloser, o cloud.Object, err error) {
	r, err = do(s.run, "Store.Open", at.String(), func() (r io.ReadCloser, err error) {
		r, o, err = s.Store.Open(ctx, at)
		return r, err
	})
	return r, o, err
}

func (s store) Put(ctx context.Context, p cloud.Put) (cloud.Object, error) {
	if s.w.broken.blindPut {
		p.If = cloud.Condition{}
	}
	return do(s.run, "Store.Put", p.Location.String(), func() (cloud.Object, error) { return s.Store.Put(ctx, p) })
}

func (s store) Copy(ctx context.Context, src, dst cloud.Location, ifETag string) (cloud.Object, error) {
	return do(s.run, "Store.Copy", dst.String(), func() (cloud.Object, error) { return s.Store.Copy(ctx, src, dst, ifETag) })
}

func (s store) Delete(ctx context.Context, bucket string, keys ...string) error {
	_, err := do(s.run, "Store.Delete", "s3://"+bucket+"/"+keys[0], func() (struct{}, error) {
		return struct{}{}, s.Store.Delete(ctx, bucket, keys...)
	})
	return err
}

// List reads all at once: no list of these tests has a second page.
func (s store) List(ctx context.Context, prefix cloud.Location, after string) iter.Seq2[cloud.Object, error] {
	return func(yield func(cloud.Object, error) bool) {
		all, err := do(s.run, "Store.List", prefix.String(), func() (all []cloud.Object, err error) {
			for o, err := range s.Store.List(ctx, prefix, after) {
				if err != nil {
					return nil, err
				}
				all = append(all, o)
			}
			return all, nil
		})
		if err != nil {
			yield(cloud.Object{}, err)
			return
		}
		for _, o := range all {
			if !yield(o, nil) {
				return
			}
		}
	}
}

// Now is the host's clock until the cloud has answered once.
func (s store) Now() time.Time {
	if !s.answered {
		return time.Now().Add(s.skew)
	}
	return s.Store.Now()
}

// transcoder is the transcoding service as one run reaches it.
type transcoder struct {
	*run
	cloud.Transcoder
}

var _ cloud.Transcoder = transcoder{}

func (t transcoder) Submit(ctx context.Context, r cloud.JobRequest) (cloud.Job, error) {
	return do(t.run, "Transcoder.Submit", r.Spec.Input.String(), func() (cloud.Job, error) { return t.Transcoder.Submit(ctx, r) })
}

func (t transcoder) Job(ctx context.Context, id string) (cloud.Job, error) {
	return do(t.run, "Transcoder.Job", id, func() (cloud.Job, error) { return t.Transcoder.Job(ctx, id) })
}

func (t transcoder) List(ctx context.Context, q cloud.JobQuery) (cloud.JobPage, error) {
	return do(t.run, "Transcoder.List", string(q.State), func() (cloud.JobPage, error) {
		if t.w.broken.hideJobs {
			return cloud.JobPage{}, nil
		}
		return t.Transcoder.List(ctx, q)
	})
}

func (t transcoder) Cancel(ctx context.Context, id string) error {
	_, err := do(t.run, "Transcoder.Cancel", id, func() (struct{}, error) { return struct{}{}, t.Transcoder.Cancel(ctx, id) })
	return err
}

func (t transcoder) Probe(ctx context.Context, at cloud.Location) (cloud.Media, error) {
	return do(t.run, "Transcoder.Probe", at.String(), func() (cloud.Media, error) { return t.Transcoder.Probe(ctx, at) })
}

func (t transcoder) Template(ctx context.Context, name string) (cloud.JobSpec, error) {
	return do(t.run, "Transcoder.Template", name, func() (cloud.JobSpec, error) { return t.Transcoder.Template(ctx, name) })
}

// cdn is the delivery network as one run reaches it.
type cdn struct {
	*run
	cloud.CDN
}

func (c cdn) Invalidate(ctx context.Context, distribution, reference string, paths []string) (cloud.Invalidation, error) {
	return do(c.run, "CDN.Invalidate", reference, func() (cloud.Invalidation, error) {
		return c.CDN.Invalidate(ctx, distribution, reference, paths)
	})
}

func (c cdn) Invalidation(ctx context.Context, distribution, id string) (cloud.Invalidation, error) {
	return do(c.run, "CDN.Invalidation", id, func() (cloud.Invalidation, error) { return c.CDN.Invalidation(ctx, distribution, id) })
}

// client is the queue as one run reaches it.
type client struct{ *run }

var _ stage.Waker = client{}

func (n client) Enqueue(ctx context.Context, t tasks.Task) error { return n.EnqueueIn(ctx, t, 0) }

// Wake sets a task going that waits, or enqueues it.
func (n client) Wake(_ context.Context, t tasks.Task) error {
	_, err := do(n.run, "Queue.Wake", t.Kind(), func() (struct{}, error) {
		if err := t.Validate(); err != nil {
			return struct{}{}, err
		}
		id := t.ID()
		if e := n.entry; e != nil && e.queue == t.Queue() && e.id == id {
			n.again, n.delay = true, time.Second
			return struct{}{}, nil
		}
		n.w.queue.wake(t, id)
		return struct{}{}, nil
	})
	return err
}

// nudge sets a task going that waits, and makes none.
func (n client) nudge(t tasks.Task) error {
	_, err := do(n.run, "Queue.Nudge", t.Kind(), func() (struct{}, error) {
		if e := n.w.queue.entries[place{t.Queue(), t.ID()}]; e != nil && !e.archived {
			e.rouse()
		}
		return struct{}{}, nil
	})
	return err
}

func (n client) EnqueueIn(_ context.Context, t tasks.Task, delay time.Duration) error {
	_, err := do(n.run, "Queue.Enqueue", t.Kind(), func() (struct{}, error) {
		if err := t.Validate(); err != nil {
			return struct{}{}, err
		}
		id := t.ID()
		if e := n.entry; e != nil && e.queue == t.Queue() && e.id == id {
			n.again, n.delay = true, max(delay, time.Second)
			return struct{}{}, nil
		}
		n.w.queue.add(t, id, delay)
		return struct{}{}, nil
	})
	return err
}
