package distribution_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
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

// roundTrip answers for servers.
type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// A server that says that it is IIS is judged as one, whatever is set; one that
// does not answer is asked again where nothing is.
func TestGateAsksTheServer(t *testing.T) {
	const (
		ism    = "media/A/1/smooth/video.ism"
		itself = "o.example.com:443"
		edge   = "video.example.com"
		off    = "fix: turn SmoothStreaming off"
		on     = "fix: turn SmoothStreaming on"
	)
	for _, tt := range []struct {
		name   string
		set    distribution.Kind
		flag   bool
		header map[string]string // of each host; those left out do not answer
		want   string
	}{
		{"IIS, flag on", "", true, map[string]string{itself: "Microsoft-IIS/10.0"}, off},
		{"IIS, flag off", "", false, map[string]string{itself: "Microsoft-IIS/10.0"}, "<nil>"},
		{"IIS that is said to be none", distribution.Custom, true, map[string]string{itself: "microsoft-iis/8.5"}, off},
		{"IIS behind a wall", "", true, map[string]string{edge: "Microsoft-IIS/10.0"}, off},
		{"another, flag on", "", true, map[string]string{itself: "nginx"}, "<nil>"},
		{"another, flag off", "", false, map[string]string{itself: "nginx"}, on},
		{"one that does not tell", "", true, map[string]string{itself: "", edge: "CloudFront"}, "<nil>"},
		{"an error of the edge's", "", true, map[string]string{edge: "CloudFront"}, "VODFLEET_ORIGIN_KIND can tell"},
		{"nobody, and nothing is set", "", true, nil, "ask the origin own who it is"},
		{"nobody, and it is set", distribution.Custom, true, nil, "<nil>"},
		{"IIS as set is not asked", distribution.IIS, true, map[string]string{itself: "nginx"}, off},
	} {
		synctest.Test(t, func(t *testing.T) {
			m := memcloud.New(memcloud.Options{})
			c := good()
			c.Behaviors[0].Origin, c.Behaviors[0].Smooth = "own", tt.flag
			m.CDN.SetConfiguration(c)
			d := delivery()
			d.Origin = tt.set
			asked := 0
			g := distribution.NewGate(m.CDN, "E1", d)
			g.HTTP = &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
				if strings.HasSuffix(r.URL.Path, ".xml") {
					return &http.Response{StatusCode: http.StatusOK, Body: http.NoBody, Request: r}, nil
				}
				asked++
				server, ok := tt.header[r.URL.Host]
				if !ok { // its packets are dropped
					<-r.Context().Done()
					return nil, r.Context().Err()
				}
				return &http.Response{StatusCode: http.StatusNotFound, Header: http.Header{"Server": {server}}, Body: http.NoBody, Request: r}, nil
			})}
			for range 3 {
				err := g.MayPublishSmooth(t.Context(), ism)
				_, refused := errors.AsType[*distribution.Refusal](err)
				if got := fmt.Sprint(err); !strings.Contains(got, tt.want) || refused != strings.HasPrefix(tt.want, "fix") {
					t.Errorf("%s: MayPublishSmooth = %s, want %s", tt.name, got, tt.want)
				}
			}
			if asked > 2 {
				t.Errorf("%s: asked %d times at once", tt.name, asked)
			}
		})
	}
}

// Without policy files at the distribution's root players of other sites may
// not read.
func TestGateAsksForPolicyFiles(t *testing.T) {
	const missing = "distribution E1 cannot play Smooth Streaming: https://video.example.com/clientaccesspolicy.xml: it is answered with 403: " +
		"Smooth players of other sites may not read; fix: /clientaccesspolicy.xml is answered by the server o.example.com: put the file there"
	for _, tt := range []struct {
		name   string
		answer map[string]int // statuses; those left out are not answered
		change func(c *cloud.DistributionConfig)
		want   string
	}{
		{"there", map[string]int{"/clientaccesspolicy.xml": 200}, nil, "<nil>"},
		{"the other one is", map[string]int{"/clientaccesspolicy.xml": 404, "/crossdomain.xml": 200}, nil, "<nil>"},
		{"neither is", map[string]int{"/clientaccesspolicy.xml": 403, "/crossdomain.xml": 403}, nil, missing},
		{"a passing error", map[string]int{"/clientaccesspolicy.xml": 503, "/crossdomain.xml": 403}, nil, "<nil>"},
		{"nobody answers", nil, nil, "<nil>"},
		{"for those who sign", map[string]int{"/clientaccesspolicy.xml": 403, "/crossdomain.xml": 403},
			func(c *cloud.DistributionConfig) { c.Behaviors[3].KeyGroups = []string{"K1"} }, "<nil>"},
		{"with other faults", map[string]int{"/clientaccesspolicy.xml": 403, "/crossdomain.xml": 403}, func(c *cloud.DistributionConfig) { c.Enabled = false },
			strings.Replace(missing, "Streaming: ", "Streaming: the distribution is disabled: it answers nobody; fix: enable it; ", 1)},
	} {
		synctest.Test(t, func(t *testing.T) {
			m := memcloud.New(memcloud.Options{})
			c := good()
			if tt.change != nil {
				tt.change(&c)
			}
			m.CDN.SetConfiguration(c)
			g := distribution.NewGate(m.CDN, "E1", delivery())
			g.HTTP = &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
				status, ok := tt.answer[r.URL.Path]
				if !ok {
					<-r.Context().Done()
					return nil, r.Context().Err()
				}
				return &http.Response{StatusCode: status, Body: http.NoBody, Request: r}, nil
			})}
			for range 2 {
				if got := fmt.Sprint(g.MayPublishSmooth(t.Context(), "media/A/1/smooth/video.ism")); got != tt.want {
					t.Errorf("%s: MayPublishSmooth =\n\t%s, want\n\t%s", tt.name, got, tt.want)
				}
			}
		})
	}
}
