package memcloud_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vodfleet/vodfleet/internal/cloud"
	"github.com/vodfleet/vodfleet/internal/cloud/memcloud"
)

var (
	object  = cloud.Location{Bucket: "b", Key: "k"}
	errHook = errors.New("out of order")
)

// effect is a call with the question whether it was done.
type effect struct {
	op, at string
	call   func(ctx context.Context, c *memcloud.Cloud) error
	done   func(t *testing.T, c *memcloud.Cloud) bool
}

func effects() []effect {
	there := func(at cloud.Location) func(*testing.T, *memcloud.Cloud) bool {
		return func(t *testing.T, c *memcloud.Cloud) bool {
			_, err := c.Store.Head(t.Context(), at)
			return err == nil
		}
	}
	copied, put := cloud.Location{Bucket: "b", Key: "copy"}, cloud.Location{Bucket: "b", Key: "put"}
	return []effect{
		{"Store.Put", "s3://b/put", func(ctx context.Context, c *memcloud.Cloud) error {
			_, err := c.Store.Put(ctx, cloud.Put{Location: put})
			return err
		}, there(put)},
		{"Store.Copy", "s3://b/copy", func(ctx context.Context, c *memcloud.Cloud) error {
			_, err := c.Store.Copy(ctx, object, copied, "")
			return err
		}, there(copied)},
		{"Store.Delete", "s3://b/k", func(ctx context.Context, c *memcloud.Cloud) error { return c.Store.Delete(ctx, "b", "k") },
			func(t *testing.T, c *memcloud.Cloud) bool { return !there(object)(t, c) }},
		{"Transcoder.Submit", "s3://b/k", func(ctx context.Context, c *memcloud.Cloud) error {
			_, err := c.Transcoder.Submit(ctx, jobOf("t"))
			return err
		}, func(_ *testing.T, c *memcloud.Cloud) bool { return len(c.Transcoder.Jobs()) == 1 }},
		{"CDN.Invalidate", "distribution E1", func(ctx context.Context, c *memcloud.Cloud) error {
			_, err := c.CDN.Invalidate(ctx, "E1", "ref", []string{"/a"})
			return err
		}, func(_ *testing.T, c *memcloud.Cloud) bool { return len(c.CDN.Invalidated("E1")) == 1 }},
	}
}

// jobOf is a request for a job of object.
func jobOf(token string) cloud.JobRequest {
	return cloud.JobRequest{Token: token, Role: "r", Spec: cloud.JobSpec{Input: object, Groups: []cloud.OutputGroup{{
		Package: "mp4", Kind: cloud.GroupFile, Destination: cloud.Location{Bucket: "b", Key: "out/" + token},
		Outputs: []cloud.Output{{Video: &cloud.Video{Height: 720, MaxBitrate: 4_000_000, Quality: 8}}},
	}}}}
}

func seeded(o memcloud.Options) *memcloud.Cloud {
	c := memcloud.New(o)
	c.Store.Seed(cloud.Put{Location: object, Body: []byte("media")})
	c.CDN.AddDistribution(cloud.Distribution{ID: "E1"})
	return c
}

func TestHooks(t *testing.T) {
	for _, e := range effects() {
		for _, tt := range []struct {
			name  string
			hooks func(h memcloud.Hook) memcloud.Hooks
			done  bool
		}{
			{"before", func(h memcloud.Hook) memcloud.Hooks { return memcloud.Hooks{Before: h} }, false},
			{"after", func(h memcloud.Hook) memcloud.Hooks { return memcloud.Hooks{After: h} }, true},
		} {
			t.Run(e.op+" fails "+tt.name, func(t *testing.T) {
				c := seeded(memcloud.Options{})
				asked := ""
				c.SetHooks(tt.hooks(func(op, at string) error { asked = op + " " + at; return errHook }))

				err := e.call(t.Context(), c)

				c.SetHooks(memcloud.Hooks{})
				if want := e.op + " " + e.at + ": out of order"; fmt.Sprint(err) != want || !errors.Is(err, errHook) {
					t.Errorf("the call = %v, want %q", err, want)
				}
				if want := e.op + " " + e.at; asked != want {
					t.Errorf("the hook was called with %q, want %q", asked, want)
				}
				if got := e.done(t, c); got != tt.done {
					t.Errorf("it was done: %v, want %v", got, tt.done)
				}
			})
		}
	}
}

// TestSignatures holds up calls, as a host does that sleeps: what arrives when
// its signature is too old has no effect.
func TestSignatures(t *testing.T) {
	for _, e := range effects() {
		expires := 5 * time.Minute
		if e.op[:5] == "Store" {
			expires = 15 * time.Minute
		}
		for _, held := range []time.Duration{expires, expires + time.Second} {
			synctest.Test(t, func(t *testing.T) {
				c := seeded(memcloud.Options{})
				c.SetHooks(memcloud.Hooks{Before: func(string, string) error { time.Sleep(held); return nil }})
				err := e.call(t.Context(), c)
				c.SetHooks(memcloud.Hooks{})
				if in := held <= expires; (err == nil) != in || e.done(t, c) != in || !in && !errors.Is(err, cloud.ErrDenied) {
					t.Errorf("%s held up for %v = %v, done %v", e.op, held, err, e.done(t, c))
				}
			})
		}
	}
}

// TestErrorsOfHooks shows that a hook's error is of the port's own kind.
func TestErrorsOfHooks(t *testing.T) {
	c := seeded(memcloud.Options{})
	own := &cloud.Error{Op: "Own", Object: "words", Kind: cloud.ErrQuota}
	for _, given := range []error{own, context.Canceled, cloud.ErrThrottled} {
		c.SetHooks(memcloud.Hooks{Before: func(string, string) error { return given }})
		_, err := c.Store.Head(t.Context(), object)
		if _, kind := errors.AsType[*cloud.Error](err); !errors.Is(err, given) || kind != (given != context.Canceled) {
			t.Errorf("Head with a hook's %v = %#v", given, err)
		}
	}
}

func TestCallsAreCounted(t *testing.T) {
	c := seeded(memcloud.Options{})
	keys := make([]string, 2001)
	for i := range keys {
		keys[i] = fmt.Sprintf("many/%04d", i)
		c.Store.Seed(cloud.Put{Location: cloud.Location{Bucket: "b", Key: keys[i]}})
	}
	var pages []string
	c.SetHooks(memcloud.Hooks{Before: func(op, at string) error { pages = append(pages, op+" "+at); return nil }})
	for _, err := range c.Store.List(t.Context(), cloud.Location{Bucket: "b", Key: "many/"}, "") {
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := c.Store.Delete(t.Context(), "b", keys...); err != nil {
		t.Fatal(err)
	}
	c.Store.Now()
	if got, want := c.Calls(), (map[string]int{"Store.List": 3, "Store.Delete": 3}); !maps.Equal(got, want) {
		t.Errorf("Calls = %v, want %v", got, want)
	}
	want := []string{
		"Store.List s3://b/many/", "Store.List s3://b/many/", "Store.List s3://b/many/",
		"Store.Delete s3://b/many/0000", "Store.Delete s3://b/many/1000", "Store.Delete s3://b/many/2000",
	}
	if !slices.Equal(pages, want) {
		t.Errorf("the hook was called for %q, want %q", pages, want)
	}
}
