// Package edge stands in for one edge location of CloudFront: it answers
// viewers from the origins of the deployed distributions, caches by TTLs and
// policies, forgets what completed invalidations name, and serves Smooth
// Streaming where a behaviour's flag is on. What the distributions are it
// leaves to package cloudfront, the objects to package objects. Edge functions,
// distribution tenants, signed URLs, TLS and compression are not modelled.
package edge

import (
	"cmp"
	"context"
	"crypto/rand"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/vodfleet/vodfleet/internal/localcloud/cloudfront"
	"github.com/vodfleet/vodfleet/internal/localcloud/objects"
	"github.com/vodfleet/vodfleet/internal/localcloud/smooth"
)

// Control is what the edge asks of the control API.
type Control interface {
	Lookup(host string) *cloudfront.View
	Purges(since int) (list []cloudfront.Purge, next int, all bool)
}

// Config configures an Edge. Objects, Control and Clock are required.
type Config struct {
	Objects objects.Store
	Control Control
	Clock   cloudfront.Clock

	MaxBytes  int64 // of cached content in memory; 0: 256 MiB
	MaxObject int64 // bytes; larger ones are passed through, not cached; 0: 8 MiB
	Fetches   int   // objects read into memory at once; 0: 16
}

// Edge serves viewers. It is safe for concurrent use.
type Edge struct {
	cfg    Config
	slots  chan struct{} // held while an object is read into memory
	client *http.Client  // to custom origins
	smooth *smooth.Resolver

	mu      sync.Mutex
	cache   *cache
	flights map[string]*flight
	purged  int // see Control.Purges
}

// New returns an edge with an empty cache.
func New(cfg Config) (*Edge, error) {
	cfg.MaxBytes = cmp.Or(cfg.MaxBytes, 256<<20)
	cfg.MaxObject = cmp.Or(cfg.MaxObject, 8<<20)
	cfg.Fetches = cmp.Or(cfg.Fetches, 16)
	return &Edge{
		cfg: cfg, slots: make(chan struct{}, cfg.Fetches), client: loopbackClient(), smooth: new(smooth.Resolver),
		cache: newCache(cfg.MaxBytes), flights: make(map[string]*flight),
	}, nil
}

// Handler serves viewers of all distributions.
func (e *Edge) Handler() http.Handler { return http.HandlerFunc(e.serve) }

// request is a viewer's request with what was decided about it.
type request struct {
	*http.Request
	view     *cloudfront.View
	behavior cloudfront.Behavior
	origin   cloudfront.Origin
	path     string          // escaped, as the viewer sent it; the root object's for /
	smooth   *smooth.Request // of a player of Smooth Streaming, where the flag is on; else nil
}

// cachedErrors are the statuses that CloudFront caches as errors.
var cachedErrors = []int{400, 403, 404, 405, 414, 416, 500, 501, 502, 503, 504}

func (e *Edge) serve(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("X-Amz-Cf-Id", rand.Text()+rand.Text())
	h.Set("X-Amz-Cf-Pop", "LOC50-C1")
	v := e.cfg.Control.Lookup(r.Host)
	if v == nil || !v.Enabled || v.TenantOnly { // distribution tenants are not modelled
		h.Set("Via", via("localcloud"))
		refuse(w, r, http.StatusForbidden, "No enabled distribution serves this host.")
		return
	}
	h.Set("Via", via(strings.TrimSuffix(v.Domain, ".cloudfront.net")))
	path := r.URL.EscapedPath()
	if !strings.HasPrefix(path, "/") {
		refuse(w, r, http.StatusBadRequest, "Bad request.")
		return
	}
	q := request{Request: r, view: v, behavior: choose(v, path), path: path}
	q.origin = v.Origins[q.behavior.Origin]
	if path == "/" && v.RootObject != "" {
		q.path = "/" + v.RootObject
	}
	if e.stop(w, &q) {
		return
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		e.forward(w, &q)
		return
	}
	if s, ok := smoothOf(&q); ok {
		q.smooth = &s
	}
	found, result := e.get(r.Context(), &q)
	if page := v.Errors[found.status]; found.status >= 400 && page.Page != "" {
		found, result = e.errorPage(&q, found, page)
	}
	if found.passed {
		e.pass(w, &q)
		return
	}
	defer found.close()
	e.write(w, &q, found, result)
}

// stop answers requests that a behaviour does not let through.
func (e *Edge) stop(w http.ResponseWriter, q *request) bool {
	switch b := q.behavior; {
	case b.ViewerProtocol == "https-only" && q.TLS == nil:
		refuse(w, q.Request, http.StatusForbidden, "Bad request.")
	case b.ViewerProtocol == "redirect-to-https" && q.TLS == nil:
		w.Header().Set("X-Cache", "Redirect from cloudfront")
		w.Header().Set("Location", "https://"+q.Host+q.RequestURI)
		w.WriteHeader(http.StatusMovedPermanently)
	case !slices.Contains(b.Methods, q.Method):
		refuse(w, q.Request, http.StatusForbidden, "This distribution is not configured to allow the HTTP request method that was used for this request.")
	case b.Signed:
		writeXML(w, q.Request, http.StatusForbidden, "MissingKey", "Missing Key-Pair-Id query parameter or cookie value")
	case preflight(q.Request) && b.Headers != nil && b.Headers.CORS != nil:
		addCORS(w.Header(), q.Request, b.Headers.CORS)
		w.WriteHeader(http.StatusOK)
	default:
		return false
	}
	return true
}

// forward passes a request on that is never cached: any method but GET and HEAD.
func (e *Edge) forward(w http.ResponseWriter, q *request) {
	if q.origin.Bucket != "" { // the origin access control may read, nothing else
		writeXML(w, q.Request, http.StatusForbidden, "AccessDenied", "Access Denied")
		return
	}
	e.pass(w, q)
}

// errorPage replaces an error by the object that the distribution names for
// it, if that can be had.
func (e *Edge) errorPage(q *request, failed *entry, page cloudfront.ErrorResponse) (*entry, string) {
	p := request{Request: q.Request, view: q.view, behavior: choose(q.view, page.Page), path: page.Page}
	p.origin = q.view.Origins[p.behavior.Origin]
	found, _ := e.get(q.Context(), &p)
	if found.status != http.StatusOK || found.passed {
		found.close()
		return failed, resultError
	}
	failed.close()
	shown := *found
	shown.status = page.Status
	return &shown, resultError
}

// write answers with an entry: Range and conditional requests on content, the
// status and body as they are otherwise.
func (e *Edge) write(w http.ResponseWriter, q *request, found *entry, result string) {
	h := w.Header()
	for k, values := range found.header {
		h[k] = slices.Clone(values)
	}
	h.Set("X-Cache", result)
	if result == resultHit || result == resultRefresh {
		h.Set("Age", ageOf(found, e.cfg.Clock.Now()))
	}
	applyHeaders(h, q)
	if found.status != http.StatusOK {
		w.WriteHeader(found.status)
		if q.Method != http.MethodHead {
			_, _ = w.Write(found.body) // the viewer may be gone
		}
		return
	}
	r := q.Request
	if strings.Contains(r.Header.Get("Range"), ",") { // S3 and so CloudFront answer many ranges with the whole
		r = r.Clone(r.Context())
		r.Header.Del("Range")
	}
	modified, _ := http.ParseTime(found.header.Get("Last-Modified"))
	http.ServeContent(w, r, "", modified, found.content())
}

// hold takes a place among those that read an object into memory.
func (e *Edge) hold(ctx context.Context) error {
	select {
	case e.slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (e *Edge) release() { <-e.slots }

func via(name string) string { return "1.1 " + name + ".cloudfront.net (CloudFront)" }

func ageOf(found *entry, now time.Time) string {
	return itoa(max(0, int64(now.Sub(found.fetched)/time.Second)+found.age))
}
