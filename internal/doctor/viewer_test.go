package doctor

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vodfleet/vodfleet/internal/cloud"
	"github.com/vodfleet/vodfleet/internal/delivery"
	"github.com/vodfleet/vodfleet/internal/distribution"
)

// between stands between viewers and a ward.
type between func(*http.Request) (*http.Response, error)

func (b between) RoundTrip(r *http.Request) (*http.Response, error) { return b(r) }

// Pages of an operator's own sites alone may read: answers are asked for as one
// of those.
func TestAnswersToOwnSites(t *testing.T) {
	for _, tt := range []struct {
		allowed string // by the policy
		site    string // the one whose pages may read
		want    string
	}{
		{"https://shop.example.com", "https://shop.example.com", ""},
		{"https://*.example.com", "https://doctor.example.com", ""},
		{"shop.example.com", "https://shop.example.com", ""},
		{"https://shop.example.com", "https://other.example.com", "answers broken; answers broken; answers broken"},
	} {
		w := newWard(t, "redis://127.0.0.1:1/0", 0)
		c := w.config.Clone()
		for i := range c.Behaviors {
			c.Behaviors[i].Headers.CORS.Origins = []string{tt.allowed}
		}
		w.mem.CDN.SetConfiguration(c)
		next := w.doctor.HTTP.Transport
		w.doctor.HTTP.Transport = between(func(r *http.Request) (*http.Response, error) {
			resp, err := next.RoundTrip(r)
			if err == nil {
				resp.Header.Del("Access-Control-Allow-Origin")
				if r.Header.Get("Origin") == tt.site {
					resp.Header.Set("Access-Control-Allow-Origin", tt.site)
				}
			}
			return resp, err
		})
		found := w.doctor.run(t.Context(), check{"answers", w.doctor.visit(t.Context()).answers})
		if got := bad(t, found); got != tt.want {
			t.Errorf("%s, for pages of %s: found %q, want %q\n%+v", tt.allowed, tt.site, got, tt.want, found)
		}
	}
}

// Whoever signs nothing is answered with 403 where viewers need signatures, which
// says nothing of what is there.
func TestAnswersNeedSignatures(t *testing.T) {
	w := newWard(t, "redis://127.0.0.1:1/0", 0)
	w.answer = func(rw http.ResponseWriter, _ string) bool {
		rw.WriteHeader(http.StatusForbidden)
		return true
	}
	c := w.config.Clone()
	for i := range c.Behaviors {
		c.Behaviors[i].KeyGroups = []string{"K1"}
	}
	for _, tt := range []struct {
		config cloud.DistributionConfig
		want   string
	}{
		{c, ""},
		{w.config, "answers broken; answers broken; answers broken; policy-files broken; policy-files broken"},
	} {
		w.mem.CDN.SetConfiguration(tt.config)
		v := w.doctor.visit(t.Context())
		found := append(w.doctor.run(t.Context(), check{"answers", v.answers}), w.doctor.run(t.Context(), check{"policy-files", v.policyFiles})...)
		if got := bad(t, found); got != tt.want {
			t.Errorf("found %q, want %q\n%+v", got, tt.want, found)
		}
	}
}

// What is an entry is told by its path below the viewer URL, whatever that is
// called itself.
func TestEntriesBelowTheViewerURL(t *testing.T) {
	const root = "https://video.example.com/watch/tv"
	d := &Doctor{Limit: time.Second, Viewer: root, HTTP: &http.Client{Transport: between(func(r *http.Request) (*http.Response, error) {
		h := http.Header{"Access-Control-Allow-Origin": {"*"}}
		if strings.Contains(r.URL.Path, "/media/") {
			h.Set("Cache-Control", distribution.Immutable)
		}
		return &http.Response{StatusCode: http.StatusOK, Header: h, Body: http.NoBody, Request: r}, nil
	})}}
	d.Published = func(_ context.Context, show func(Asset)) (Extent, error) {
		show(Asset{ID: assetID, URLs: delivery.URLs{
			HLS: root + "/media/" + assetID + "/1/cmaf/video.m3u8", DASH: root + "/watch/" + assetID + "/manifest.mpd",
		}})
		return Extent{}, nil
	}
	found := d.visit(t.Context()).answers(t.Context())
	if got := bad(t, found); got != "" || len(found) != 2 {
		t.Errorf("found %q\n%+v", got, found)
	}
}

// Edges may remember that viewers could read the ledger, long after its bucket's
// policy is mended.
func TestServedIsAskedAnew(t *testing.T) {
	w := newWard(t, "redis://127.0.0.1:1/0", 0)
	w.doctor.Ledger = cloud.Location{Bucket: "streams", Key: "fleet"}
	next := w.doctor.HTTP.Transport
	var (
		mu         sync.Mutex
		remembered = map[string]bool{} // answered with 200
	)
	w.doctor.HTTP.Transport = between(func(r *http.Request) (*http.Response, error) {
		mu.Lock()
		defer mu.Unlock()
		if remembered[r.URL.Path] {
			return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: http.NoBody, Request: r}, nil
		}
		resp, err := next.RoundTrip(r)
		remembered[r.URL.Path] = err == nil && resp.StatusCode == http.StatusOK
		return resp, err
	})
	if got := bad(t, w.doctor.run(t.Context(), check{"served", w.doctor.visit(t.Context()).served})); got != "served broken" {
		t.Errorf("found %q, want that viewers get it", got)
	}
	w.answer = func(rw http.ResponseWriter, _ string) bool {
		rw.WriteHeader(http.StatusForbidden)
		return true
	}
	if got := bad(t, w.doctor.run(t.Context(), check{"served", w.doctor.visit(t.Context()).served})); got != "" {
		t.Errorf("found %q after the bucket's policy was mended", got)
	}
}
