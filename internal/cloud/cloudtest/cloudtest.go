// Package cloudtest is the contract of package cloud's ports as test suites:
// [Store], [Transcoder], [CDN], [Distributions] and [Events] check what the comments there promise, on
// any backend. What a backend cannot do or does not take, its [Cloud] says,
// and the checks that need it are skipped by name.
package cloudtest

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/vodfleet/vodfleet/internal/cloud"
)

// Cloud is a cloud to check, and what a check may do to it.
type Cloud struct {
	Store      cloud.Store
	Transcoder cloud.Transcoder
	CDN        cloud.CDN
	Events     cloud.Events // gets the events of Transcoder's jobs
	NoEvents   cloud.Events // a queue that is not there; nil where there is none

	Visibility time.Duration // of Events, in the cloud's time

	Bucket  string // it is there and empty
	Missing string // a bucket's name that is not taken
	OddKeys bool   // takes keys with ".." segments, with parts over 255 bytes, "a" beside "a/b", and with control characters

	Role  string // ARN, for jobs
	Queue string // name of a queue beside the default one
	Media []byte // a video of some seconds with a picture and sound
	Junk  []byte // what is not media

	Distribution cloud.Distribution // one that is there

	// Sleep lets d of the cloud's time pass.
	Sleep func(d time.Duration)
	// Patience is the longest time that is worth it; 0: any.
	Patience time.Duration
	// Slack is how far times may be apart that mean the same moment; 0: 5 s.
	// Answers tell them to the second and take a moment, of a cloud whose clock
	// is fast a long one.
	Slack time.Duration

	// Fail makes every call fail with a kind of error, [cloud.ErrDenied],
	// [cloud.ErrThrottled] or [cloud.ErrUnavailable], until it is called with
	// nil. A backend that cannot leaves it nil.
	Fail func(kind error)
	// Archive moves an object to a class that cannot be read.
	Archive func(at cloud.Location)
	// FailJob makes the next job end as ERROR with a code.
	FailJob func(code int)
	// AddTemplate makes a job template of a spec without input and destinations.
	AddTemplate func(name string, spec cloud.JobSpec)
}

// Run runs one check on a cloud of its own; in a testing/synctest bubble if
// the backend lives in one.
type Run func(t *testing.T, check func(t *testing.T, c *Cloud))

// check is one promise.
type check struct {
	name  string
	check func(t *testing.T, c *Cloud)
}

func all(t *testing.T, run Run, checks []check) {
	t.Helper()
	for _, ch := range checks {
		t.Run(ch.name, func(t *testing.T) { run(t, ch.check) })
	}
}

func (c *Cloud) at(key string) cloud.Location { return cloud.Location{Bucket: c.Bucket, Key: key} }

// patient skips a check that takes longer than the backend is worth.
func (c *Cloud) patient(t *testing.T, d time.Duration) {
	t.Helper()
	if c.Patience > 0 && d > c.Patience {
		t.Skipf("it takes %v of the cloud's time, and the backend has %v", d, c.Patience)
	}
}

// put writes an object that a check needs.
func (c *Cloud) put(t *testing.T, key, body string) cloud.Object {
	t.Helper()
	o, err := c.Store.Put(t.Context(), cloud.Put{Location: c.at(key), Body: []byte(body)})
	if err != nil {
		t.Fatalf("Put(%q) = %v", key, err)
	}
	return o
}

// content is what an object holds, or the error of reading it.
func (c *Cloud) content(t *testing.T, key string) string {
	t.Helper()
	body, _, err := c.Store.Get(t.Context(), c.at(key), 1<<20)
	if err != nil {
		return err.Error()
	}
	return string(body)
}

// kinds are all that a port may answer.
var kinds = []error{
	cloud.ErrNotFound, cloud.ErrPrecondition, cloud.ErrConflict, cloud.ErrDenied,
	cloud.ErrInvalid, cloud.ErrThrottled, cloud.ErrQuota, cloud.ErrUnavailable, cloud.ErrExpired,
}

// wantKind fails the test unless err is of one of the wanted kinds, of no
// other, and an [*cloud.Error] that says what failed on what.
func wantKind(t *testing.T, what string, err error, want ...error) {
	t.Helper()
	if err == nil {
		t.Errorf("%s = nil, want %v", what, want)
		return
	}
	found := false
	for _, kind := range kinds {
		is, wanted := errors.Is(err, kind), false
		for _, w := range want {
			wanted = wanted || w == kind
		}
		found = found || is && wanted
		if is && !wanted {
			t.Errorf("%s = %v, want %v", what, err, want)
			return
		}
	}
	e, ok := errors.AsType[*cloud.Error](err)
	switch {
	case !found:
		t.Errorf("%s = %v, want %v", what, err, want)
	case !ok || e.Op == "" || e.Object == "":
		t.Errorf("%s = %#v, want an error with an operation and an object", what, err)
	}
}

// fails checks that a port's methods fail with the general kinds, and with the
// context's error once that has ended.
func fails(t *testing.T, c *Cloud, calls map[string]func(ctx context.Context) error) {
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for name, call := range calls {
		if err := call(ended); !errors.Is(err, context.Canceled) {
			t.Errorf("%s with an ended context = %v, want %v", name, err, context.Canceled)
		}
	}
	if c.Fail == nil {
		t.Skip("the backend cannot be made to fail")
	}
	defer c.Fail(nil)
	for _, kind := range []error{cloud.ErrDenied, cloud.ErrThrottled, cloud.ErrUnavailable} {
		c.Fail(kind)
		for name, call := range calls {
			wantKind(t, fmt.Sprintf("%s where all is %v", name, kind), call(t.Context()), kind)
		}
	}
}

// near reports whether two times mean the same moment.
func (c *Cloud) near(a, b time.Time) bool { return a.Sub(b).Abs() <= max(c.Slack, 5*time.Second) }
