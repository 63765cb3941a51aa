package memcloud

import (
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tidwall/btree"
	"github.com/vodfleet/vodfleet/internal/cloud"
)

const (
	tokenLife = time.Minute         // in which a repeated token means the first job
	history   = 90 * 24 * time.Hour // after which a job is forgotten
	jobPage   = 20
	queueARN  = "arn:aws:mediaconvert:us-east-1:111122223333:queues/"
)

// Transcoder makes streams of nothing, in memory.
type Transcoder struct {
	c    *Cloud
	next atomic.Int64 // when a job moves next, in Unix nanoseconds; 0: none does

	mu        sync.Mutex
	jobs      map[string]*job
	states    map[cloud.JobState]*btree.Map[int, *job] // by number, so by creation
	timeline  timeline
	tokens    map[string]*job
	templates map[string]cloud.JobSpec
	failures  []failure // of the next jobs
	fail      func(cloud.JobRequest) (code int, message string)
	probe     func(cloud.Location) (cloud.Media, error)
	media     map[cloud.Location]probed
}

type job struct {
	cloud.Job
	number  int
	request cloud.JobRequest
	asked   string        // the request's fingerprint
	spec    cloud.JobSpec // what it makes: of the request or of its template
	failure failure
	moved   time.Time // into its state
	begins  time.Time // to progress
	ends    time.Time
}

type failure struct {
	code    int
	message string
}

func newTranscoder(c *Cloud) *Transcoder {
	t := &Transcoder{
		c: c, jobs: map[string]*job{}, states: map[cloud.JobState]*btree.Map[int, *job]{}, tokens: map[string]*job{},
		templates: map[string]cloud.JobSpec{}, media: map[cloud.Location]probed{},
	}
	for _, s := range cloud.JobStates {
		t.states[s] = new(btree.Map[int, *job])
	}
	return t
}

// Submit implements [cloud.Transcoder].
func (t *Transcoder) Submit(ctx context.Context, r cloud.JobRequest) (cloud.Job, error) {
	const op = "Transcoder.Submit"
	at := r.Spec.Input.String()
	expires := signature
	if !r.At.IsZero() {
		expires = math.MaxInt64 // it is signed as of r.At
	}
	return call(ctx, t.c, op, at, expires, func() (cloud.Job, error) {
		if err := r.Valid(); err != nil {
			return cloud.Job{}, fail(op, at, cloud.ErrInvalid, err.Error())
		}
		t.mu.Lock()
		defer t.mu.Unlock()
		now := t.c.now()
		switch age := now.Sub(r.At); {
		case r.At.IsZero():
		case age > signature:
			return cloud.Job{}, fail(op, at, cloud.ErrExpired, fmt.Sprintf("the request is signed as of %v ago", age))
		case age < -signature:
			return cloud.Job{}, fail(op, at, cloud.ErrDenied, fmt.Sprintf("the request is signed as of %v from now", -age))
		}
		if j := t.tokens[r.Token]; j != nil && now.Sub(j.Created) < tokenLife {
			if j.asked != fingerprint(r) {
				return cloud.Job{}, fail(op, at, cloud.ErrConflict, "the token is another request's")
			}
			return j.describe(now), nil
		}
		queue, err := t.queue(r.Queue)
		if err != nil {
			return cloud.Job{}, fail(op, at, cloud.ErrNotFound, err.Error())
		}
		spec, err := t.spec(r.Spec)
		if err != nil {
			return cloud.Job{}, &cloud.Error{Op: op, Object: at, Kind: kindOf(err), Message: err.Error()}
		}
		j := t.create(r, spec, queue, now)
		t.advanceTo(now)
		return j.describe(now), nil
	})
}

// create books a new job. t.mu is held.
func (t *Transcoder) create(r cloud.JobRequest, spec cloud.JobSpec, queue string, now time.Time) *job {
	number := len(t.jobs) + 1
	asked := fingerprint(r)
	r.Metadata, r.Spec = maps.Clone(r.Metadata), clone(r.Spec)
	j := &job{
		Job: cloud.Job{
			ID:       fmt.Sprintf("%d-%06s", now.UnixMilli(), strconv.FormatInt(int64(number), 36)),
			State:    cloud.JobSubmitted,
			Metadata: r.Metadata, Destination: spec.Groups[0].Destination, Queue: queue, Created: now,
		},
		number: number, request: r, asked: asked, spec: spec, moved: now,
		begins: now.Add(t.c.opts.Wait),
	}
	j.ends = j.begins.Add(t.c.opts.Run(spec))
	switch {
	case len(t.failures) > 0:
		j.failure, t.failures = t.failures[0], t.failures[1:]
	case t.fail != nil:
		j.failure.code, j.failure.message = t.fail(r)
	}
	t.jobs[j.ID] = j
	t.tokens[r.Token] = j
	t.states[j.State].Set(number, j)
	t.timeline.push(j.begins, j)
	t.next.Store(t.timeline.first())
	return j
}

// Job implements [cloud.Transcoder].
func (t *Transcoder) Job(ctx context.Context, id string) (cloud.Job, error) {
	const op = "Transcoder.Job"
	return call(ctx, t.c, op, "job "+id, signature, func() (cloud.Job, error) {
		t.mu.Lock()
		defer t.mu.Unlock()
		j, err := t.known(op, id)
		if err != nil {
			return cloud.Job{}, err
		}
		return j.describe(t.c.now()), nil
	})
}

// known finds a job that is not forgotten yet. t.mu is held.
func (t *Transcoder) known(op, id string) (*job, error) {
	j := t.jobs[id]
	if j == nil || t.c.now().Sub(j.Created) > history {
		return nil, fail(op, "job "+id, cloud.ErrNotFound, "")
	}
	return j, nil
}

// List implements [cloud.Transcoder].
func (t *Transcoder) List(ctx context.Context, q cloud.JobQuery) (cloud.JobPage, error) {
	const op = "Transcoder.List"
	at := "jobs " + string(q.State)
	return call(ctx, t.c, op, at, signature, func() (cloud.JobPage, error) {
		t.mu.Lock()
		defer t.mu.Unlock()
		jobs := t.states[q.State]
		if jobs == nil {
			return cloud.JobPage{}, fail(op, at, cloud.ErrInvalid, "no such state")
		}
		last := 0 // number of the last job of the page before
		if q.Cursor != "" {
			n, err := strconv.Atoi(q.Cursor)
			if err != nil || n < 1 {
				return cloud.JobPage{}, fail(op, at, cloud.ErrInvalid, "a cursor that no page gave")
			}
			last = n
		}
		queue := ""
		if q.Queue != "" {
			var err error
			if queue, err = t.queue(q.Queue); err != nil {
				return cloud.JobPage{}, fail(op, at, cloud.ErrNotFound, err.Error())
			}
		}
		now := t.c.now()
		return page(jobs, last, q.Oldest, now, func(j *job) bool {
			return (queue == "" || j.Queue == queue) && now.Sub(j.moved) >= t.c.opts.ListLag && now.Sub(j.Created) <= history
		}), nil
	})
}

// page collects the jobs that follow the one numbered last.
func page(jobs *btree.Map[int, *job], last int, oldest bool, now time.Time, want func(*job) bool) cloud.JobPage {
	var p cloud.JobPage
	full := 0 // number of the job that filled the page
	add := func(n int, j *job) bool {
		if n == last || !want(j) {
			return true
		}
		if full != 0 { // there is one more
			p.Next = strconv.Itoa(full)
			return false
		}
		p.Jobs = append(p.Jobs, j.describe(now))
		if len(p.Jobs) == jobPage {
			full = n
		}
		return true
	}
	switch {
	case oldest:
		jobs.Ascend(last, add)
	case last == 0:
		jobs.Reverse(add)
	default:
		jobs.Descend(last, add)
	}
	return p
}

// Cancel implements [cloud.Transcoder].
func (t *Transcoder) Cancel(ctx context.Context, id string) error {
	const op = "Transcoder.Cancel"
	_, err := call(ctx, t.c, op, "job "+id, signature, func() (struct{}, error) {
		t.mu.Lock()
		defer t.mu.Unlock()
		j, err := t.known(op, id)
		if err != nil {
			return struct{}{}, err
		}
		switch j.State {
		case cloud.JobSubmitted, cloud.JobProgressing:
			now := t.c.now()
			j.Finished = now
			t.move(j, cloud.JobCanceled, now)
		case cloud.JobComplete, cloud.JobFailed:
			return struct{}{}, fail(op, "job "+id, cloud.ErrConflict, "the job is "+string(j.State))
		}
		return struct{}{}, nil
	})
	return err
}

// Template implements [cloud.Transcoder].
func (t *Transcoder) Template(ctx context.Context, name string) (cloud.JobSpec, error) {
	const op = "Transcoder.Template"
	return call(ctx, t.c, op, "template "+name, signature, func() (cloud.JobSpec, error) {
		t.mu.Lock()
		defer t.mu.Unlock()
		s, ok := t.templates[name]
		if !ok {
			return cloud.JobSpec{}, fail(op, "template "+name, cloud.ErrNotFound, "")
		}
		return clone(s), nil
	})
}

// queue returns the ARN of a queue named by name or ARN.
func (t *Transcoder) queue(q string) (string, error) {
	name := strings.TrimPrefix(q, queueARN)
	if name == "" {
		name = "Default"
	}
	if name != "Default" && !slices.Contains(t.c.opts.Queues, name) {
		return "", fmt.Errorf("no queue %s", q)
	}
	return queueARN + name, nil
}

// describe returns what the service tells of j at now.
func (j *job) describe(now time.Time) cloud.Job {
	d := j.Job
	if j.State == cloud.JobProgressing && j.ends.After(j.begins) {
		d.Percent = int(100 * now.Sub(j.begins) / j.ends.Sub(j.begins))
	}
	d.Metadata = maps.Clone(d.Metadata)
	d.Warnings = slices.Clone(d.Warnings)
	return d
}
