package distribution_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vodfleet/vodfleet/internal/cloud"
	"github.com/vodfleet/vodfleet/internal/cloud/memcloud"
	"github.com/vodfleet/vodfleet/internal/distribution"
)

func TestGate(t *testing.T) {
	const ism = "media/A/1/smooth/video.ism"
	synctest.Test(t, func(t *testing.T) {
		m := memcloud.New(memcloud.Options{})
		set := func(smooth bool) {
			c := good()
			c.Behaviors[0].Smooth = smooth
			m.CDN.SetConfiguration(c)
		}
		set(true)
		g := distribution.NewGate(m.CDN, "E1", delivery())
		look := func(want string, reads int) {
			t.Helper()
			got := fmt.Sprint(g.MayPublishSmooth(t.Context(), ism))
			if !strings.Contains(got, want) || m.Calls()["CDN.Configuration"] != reads {
				t.Errorf("MayPublishSmooth = %s after %d reads, want %s after %d", got, m.Calls()["CDN.Configuration"], want, reads)
			}
		}
		var all sync.WaitGroup
		for range 50 {
			all.Go(func() { g.MayPublishSmooth(t.Context(), ism) })
		}
		all.Wait()
		look("<nil>", 1)
		set(false)
		time.Sleep(59 * time.Second)
		look("<nil>", 1)
		time.Sleep(2 * time.Second)
		look("SmoothStreaming is off", 2)
		look("SmoothStreaming is off", 2)
		set(true) // and is sent again at once
		time.Sleep(6 * time.Second)
		look("<nil>", 3)
		time.Sleep(time.Hour)
		for _, kind := range []error{cloud.ErrDenied, cloud.ErrThrottled, cloud.ErrUnavailable} {
			m.SetHooks(memcloud.Hooks{Before: func(string, string) error { return kind }})
			err := g.MayPublishSmooth(t.Context(), ism)
			_, refused := errors.AsType[*distribution.Refusal](err)
			if !errors.Is(err, kind) || refused {
				t.Errorf("MayPublishSmooth = %v, want %v and no refusal", err, kind)
			}
		}
		m.SetHooks(memcloud.Hooks{})
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		if err := g.MayPublishSmooth(ended, ism); !errors.Is(err, context.Canceled) {
			t.Errorf("MayPublishSmooth = %v, want %v", err, context.Canceled)
		}
		look("<nil>", 7)
		none := distribution.NewGate(m.CDN, "ENONE", delivery())
		want := "distribution ENONE cannot play Smooth Streaming: there is no such distribution in this account; fix: set VODFLEET_DISTRIBUTION_ID to one that is there, or to nothing"
		if err := none.MayPublishSmooth(t.Context(), ism); err == nil || err.Error() != want {
			t.Errorf("MayPublishSmooth = %v, want %s", err, want)
		}
	})
}
