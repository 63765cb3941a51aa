package governor

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"time"

	"github.com/vodfleet/vodfleet/internal/cloud"
)

// Limit returns t with one token of the method's bucket taken before each call,
// fleet-wide. Probe and Job do not wait for it: they fail at once with
// [cloud.ErrThrottled] and the time to come again in [cloud.Error.After]; their
// place in line is kept under the object's name until half a minute after that.
// List, Cancel and Template wait in the call, as long as ctx allows. Submit's
// token is the one that [Governor.Admit] took.
//
// A call that the service itself throttles empties the method's bucket and
// halves its rate, which recovers within minutes.
//
// Without Redis the calls fail with [cloud.ErrUnavailable] and are not made.
func (g *Governor) Limit(t cloud.Transcoder) cloud.Transcoder { return limited{g, t} }

type limited struct {
	g *Governor
	t cloud.Transcoder
}

func (l limited) Submit(ctx context.Context, r cloud.JobRequest) (cloud.Job, error) {
	job, err := l.t.Submit(ctx, r)
	l.g.made(ctx, r, err)
	return job, l.g.heed(ctx, CreateJob, err)
}

func (l limited) Job(ctx context.Context, id string) (cloud.Job, error) {
	if err := l.g.now(ctx, GetJob, "job "+id); err != nil {
		return cloud.Job{}, err
	}
	job, err := l.t.Job(ctx, id)
	return job, l.g.heed(ctx, GetJob, err)
}

func (l limited) List(ctx context.Context, q cloud.JobQuery) (cloud.JobPage, error) {
	if err := l.g.await(ctx, ListJobs, "jobs "+string(q.State)); err != nil {
		return cloud.JobPage{}, err
	}
	page, err := l.t.List(ctx, q)
	return page, l.g.heed(ctx, ListJobs, err)
}

func (l limited) Cancel(ctx context.Context, id string) error {
	if err := l.g.await(ctx, CancelJob, "job "+id); err != nil {
		return err
	}
	return l.g.heed(ctx, CancelJob, l.t.Cancel(ctx, id))
}

func (l limited) Probe(ctx context.Context, source cloud.Location) (cloud.Media, error) {
	if err := l.g.now(ctx, Probe, source.String()); err != nil {
		return cloud.Media{}, err
	}
	m, err := l.t.Probe(ctx, source)
	return m, l.g.heed(ctx, Probe, err)
}

func (l limited) Template(ctx context.Context, name string) (cloud.JobSpec, error) {
	if err := l.g.await(ctx, GetJobTemplate, "template "+name); err != nil {
		return cloud.JobSpec{}, err
	}
	spec, err := l.t.Template(ctx, name)
	return spec, l.g.heed(ctx, GetJobTemplate, err)
}

// Turn says when there will be a token to probe a source with, by the place in
// line that a Probe of what [Governor.Limit] returned will find: 0 for now. It
// takes none, so who does not need it wastes none. Live work stands before bulk
// work. A repeat keeps the place.
func (g *Governor) Turn(ctx context.Context, lane string, source cloud.Location) (time.Duration, error) {
	return g.take(ctx, Probe, source.String(), ticketOf(source.String()), lane != "bulk", true)
}

// ticketOf is the place in line of an object, whose name may be long.
func ticketOf(object string) string {
	sum := sha256.Sum256([]byte(object))
	return base64.RawURLEncoding.EncodeToString(sum[:16])
}

// now takes a token or says when to come for it. Who asks again for the same
// object has kept its place.
func (g *Governor) now(ctx context.Context, method, object string) error {
	wait, err := g.take(ctx, method, object, ticketOf(object), false, false)
	if err == nil && wait > 0 {
		return &cloud.Error{Op: method, Object: object, Kind: cloud.ErrThrottled, After: wait, Message: "the fleet's share of the quota is used up"}
	}
	return err
}

// await takes a token as soon as there is one. It leaves the line when ctx ends.
func (g *Governor) await(ctx context.Context, method, object string) error {
	ticket := rand.Text()
	for {
		wait, err := g.take(ctx, method, object, ticket, false, false)
		if wait == 0 || err != nil {
			return err
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			// The place would be lost by itself; those behind go on sooner so.
			leaving, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
			defer cancel()
			_ = scriptQuit.Run(leaving, g.rdb, []string{keyLine(method), keyLineDue(method)}, ticket).Err()
			return ctx.Err()
		}
	}
}

func (g *Governor) take(ctx context.Context, method, object, ticket string, ahead, peek bool) (time.Duration, error) {
	r := g.share(method)
	if (r == Rate{}) {
		return 0, &cloud.Error{Op: method, Object: object, Kind: cloud.ErrThrottled, After: 10 * time.Minute, Message: "the account's quota of this call is zero; have AWS raise it"}
	}
	keys := []string{keyBucket(method), keyLine(method), keyLineDue(method), keySeq}
	wait, err := g.wait(ctx, scriptTake, keys, ticket, float(r.PerSecond), r.Burst, ms(grace), flag(ahead), flag(peek))
	switch {
	case err != nil && ctx.Err() != nil:
		return 0, ctx.Err()
	case err != nil:
		return 0, &cloud.Error{Op: method, Object: object, Kind: cloud.ErrUnavailable, Message: "not called, for the governor cannot be asked: " + err.Error()}
	}
	return wait, nil
}

func flag(set bool) string {
	if set {
		return "1"
	}
	return "0"
}

// heed slows a method's bucket if the service throttled a call, and says in the
// error when to come again, unless the service did.
func (g *Governor) heed(ctx context.Context, method string, err error) error {
	throttled, ok := errors.AsType[*cloud.Error](err)
	if !ok || !errors.Is(throttled, cloud.ErrThrottled) {
		return err
	}
	r := g.share(method)
	wait, serr := g.wait(ctx, scriptSlow, []string{keyBucket(method)}, float(r.PerSecond), r.Burst)
	if serr != nil || throttled.After > 0 { // what cannot be noted is met again
		return err
	}
	told := *throttled
	told.After = wait
	return &told
}
