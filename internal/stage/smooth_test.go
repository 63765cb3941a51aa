package stage_test

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/vodfleet/vodfleet/internal/cloud"
	"github.com/vodfleet/vodfleet/internal/cloud/memcloud"
	dist "github.com/vodfleet/vodfleet/internal/distribution"
	"github.com/vodfleet/vodfleet/internal/ledger"
	"github.com/vodfleet/vodfleet/internal/stage"
)

// withSmooth finds a Smooth package in every build.
type withSmooth struct{ stage.Delivery }

func (s withSmooth) Verify(ctx context.Context, prefix cloud.Location, spec cloud.JobSpec) (ledger.Outputs, error) {
	out, err := s.Delivery.Verify(ctx, prefix, spec)
	for _, p := range out.Packages {
		if p.Smooth != "" {
			return out, err
		}
	}
	out.Packages = append(out.Packages, ledger.Package{Name: "smooth", Smooth: "smooth/video.ism"})
	return out, err
}

// smoothWorld has a distribution whose Smooth flag is on or off.
func smoothWorld(t *testing.T) (w *world, flag func(on bool)) {
	w = newWorld(t, memcloud.Options{})
	w.publish.Delivery = withSmooth{w.publish.Delivery}
	w.publish.Smooth = dist.NewGate(w.mem.CDN, distribution, dist.Delivery{Output: output, Viewer: "https://viewers.example"})
	return w, func(on bool) {
		w.mem.CDN.SetConfiguration(cloud.DistributionConfig{
			ID: distribution, Enabled: true,
			Origins: []cloud.Origin{{ID: "o", Bucket: output.Bucket, Path: "/" + output.Key, Access: "EAC"}},
			Behaviors: []cloud.Behavior{
				{Pattern: "*.ism/*", Origin: "o", Smooth: on, Cache: cloud.CachePolicy{ID: "c"}},
				{Origin: "o", Cache: cloud.CachePolicy{ID: "c"}},
			},
		})
	}
}

// A Smooth package that viewers could not play is not shown, in a doctor's
// words; once the distribution is mended it is, and is not paid for again.
func TestSmoothIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, flag := smoothWorld(t)
		flag(false)
		w.upload("one")
		w.ask()
		w.drain()
		w.failed(ledger.Distribution)
		f := w.record().Failed()
		for _, words := range []string{"behaviour *.ism/*: SmoothStreaming is off", "media/" + w.asset() + "/1/smooth/video.ism/Manifest", "fix: turn SmoothStreaming on"} {
			if !strings.Contains(f.Message, words) {
				t.Errorf("the ledger says %q, want it to say %q", f.Message, words)
			}
		}
		if w.visible() || f.Stage != "publish" {
			t.Errorf("visible %v, failed in %s", w.visible(), f.Stage)
		}
		for range 3 { // too early, however often
			w.age() // and longer than files of failed builds are kept
			if _, err := stage.Redrive(t.Context(), w.book, w.queue, w.asset()); err != nil {
				t.Fatal(err)
			}
			w.drain()
			w.failed(ledger.Distribution)
		}
		flag(true)
		w.age()
		if _, err := stage.Redrive(t.Context(), w.book, w.queue, w.asset()); err != nil {
			t.Fatal(err)
		}
		w.drain()
		w.published(1, 1)
		if n := len(w.mem.Transcoder.Jobs()); n != 1 {
			t.Errorf("%d jobs, want 1", n)
		}
	})
}

// A distribution that cannot be read holds a build back and does not fail it:
// not when it is throttled, and not at once when it is denied.
func TestSmoothIsNotKnown(t *testing.T) {
	for _, kind := range []error{cloud.ErrThrottled, cloud.ErrUnavailable, cloud.ErrDenied} {
		synctest.Test(t, func(t *testing.T) {
			w, flag := smoothWorld(t)
			flag(true)
			tries := 0
			w.mem.SetHooks(memcloud.Hooks{Before: func(op, _ string) error {
				if op == "CDN.Configuration" && tries < 10 {
					tries++
					return kind
				}
				return nil
			}})
			w.upload("one")
			w.ask()
			w.drain()
			w.published(1, 1)
			if tries != 10 {
				t.Errorf("%v: tried %d times", kind, tries)
			}
		})
	}
	synctest.Test(t, func(t *testing.T) {
		w, _ := smoothWorld(t)
		w.mem.SetHooks(memcloud.Hooks{Before: func(op, _ string) error {
			if op == "CDN.Configuration" {
				return cloud.ErrDenied
			}
			return nil
		}})
		w.upload("one")
		w.ask()
		w.drain()
		w.failed(ledger.Access)
		if f := w.record().Failed(); !strings.Contains(f.Message, "may Smooth be published: CDN.Configuration distribution E1: denied") {
			t.Errorf("the ledger says %q", f.Message)
		}
	})
}
