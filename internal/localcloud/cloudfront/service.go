// Package cloudfront stands in for CloudFront's control API (REST-XML, version
// 2020-05-31): distributions with their versions and states, invalidations
// with their quotas, cache, response headers and origin request policies, and
// origin access controls. Requests and answers are held to the published
// model. It leaves to package edge what viewers see, and tells it what to
// serve ([Service.Lookup]) and what to forget ([Service.Purges]).
package cloudfront

import (
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/vodfleet/vodfleet/internal/localcloud/model"
)

const account = "111122223333"

// Clock gives the cloud's time.
type Clock interface{ Now() time.Time }

// Recorder counts calls, applies injected faults and notes answers that break
// the published model.
type Recorder interface {
	Wrap(service string, op func(*http.Request) string, refuse func(w http.ResponseWriter, req *http.Request, throttle bool, status int), next http.Handler) http.Handler
	Violation(service, op, text string)
}

// Config configures a Service. Dir, Clock and Origin are required.
type Config struct {
	Dir    string // the local cloud's; state is kept in its folder "cloudfront"
	Clock  Clock
	Calls  Recorder // nil: nothing is counted, no faults
	Origin string   // bucket of the first distribution's origin
	Smooth bool     // media/* of the first distribution has the Smooth Streaming flag, when it is made

	// Authorize checks a request's signature and answers itself when it refuses.
	Authorize func(http.Handler) http.Handler

	Deploy     time.Duration // of cloud time from an update to Deployed; 0: 3 s
	Invalidate time.Duration // of cloud time from a batch to Completed; 0: 5 s

	MaxDistributions int // 0: 200
	MaxPaths         int // single paths in progress per distribution; 0: 3,000
	MaxWildcards     int // wildcard paths in progress per distribution; 0: 15
}

// Service is the control API. It is safe for concurrent use.
type Service struct {
	cfg   Config
	files files
	mux   *http.ServeMux
	ops   map[string]string // operation by pattern

	mu       sync.Mutex
	dists    []*distribution // in order of creation
	policies map[string]map[string]*policy
	batches  map[string][]*invalidation // by distribution, oldest first
	refs     map[string]*invalidation   // by distribution and caller reference
	pending  []*invalidation            // not completed yet, in order of completion
	done     []Purge                    // completed since start, in order; the latest 1,000
	dropped  int                        // completed before those
	refused  map[string]int             // batches above the quotas, by distribution
	views    []*View                    // nil: to be made again
}

// New returns the service with the state found in cfg.Dir, or with the start
// state: one distribution over the origin bucket.
func New(cfg Config) (*Service, error) {
	orDefault(&cfg.Deploy, 3*time.Second)
	orDefault(&cfg.Invalidate, 5*time.Second)
	orDefault(&cfg.MaxDistributions, 200)
	orDefault(&cfg.MaxPaths, 3000)
	orDefault(&cfg.MaxWildcards, 15)
	s := &Service{
		cfg:      cfg,
		files:    files{filepath.Join(cfg.Dir, "cloudfront")},
		mux:      http.NewServeMux(),
		ops:      make(map[string]string),
		policies: make(map[string]map[string]*policy),
		batches:  make(map[string][]*invalidation),
		refs:     make(map[string]*invalidation),
		refused:  make(map[string]int),
	}
	s.routes()
	if err := s.load(); err != nil {
		return nil, fmt.Errorf("cloudfront: %w", err)
	}
	return s, nil
}

func orDefault[T comparable](v *T, def T) {
	var zero T
	if *v == zero {
		*v = def
	}
}

func (s *Service) now() time.Time { return s.cfg.Clock.Now() }

// Handler serves the API, with calls counted and faults applied.
func (s *Service) Handler() http.Handler {
	var h http.Handler = s.mux
	if s.cfg.Authorize != nil {
		h = s.cfg.Authorize(h)
	}
	if s.cfg.Calls != nil {
		h = s.cfg.Calls.Wrap("cloudfront", s.operation, refuseInjected, h)
	}
	return h
}

// operation names the operation of a request, as the published model does.
func (s *Service) operation(r *http.Request) string {
	_, pattern := s.mux.Handler(r)
	op, ok := s.ops[pattern]
	switch {
	case !ok:
		if op, _, ok = model.CloudFront().Match(r.Method, r.URL.Path, r.URL.RawQuery); !ok {
			return "Unknown"
		}
	case op == "CreateDistribution" && r.URL.Query().Has("WithTags"):
		return "CreateDistributionWithTags"
	case op == "TagResource" && r.URL.Query().Get("Operation") == "Untag":
		return "UntagResource"
	}
	return op
}

// reply is a successful answer; status 0 is 200.
type reply struct {
	status   int
	body     *node
	shape    string // of body in the published model
	etag     string
	location string // path below the API's version
}

const prefix = "/2020-05-31"

// route serves one operation. Handlers run one at a time.
func (s *Service) route(pattern, op string, handle func(*http.Request) (*reply, error)) {
	method, path, _ := strings.Cut(pattern, " ")
	pattern = method + " " + prefix + path
	s.ops[pattern] = op
	s.mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
		id := requestID()
		s.mu.Lock()
		s.settle()
		re, err := handle(r)
		s.mu.Unlock()
		if err != nil {
			e, ok := errors.AsType[*apiError](err)
			if !ok {
				e = refuse(http.StatusInternalServerError, "InternalError", "%v", err)
			}
			writeError(w, id, e)
			return
		}
		s.answer(w, r, id, re)
	})
}

func (s *Service) answer(w http.ResponseWriter, r *http.Request, id string, re *reply) {
	h := w.Header()
	h.Set("X-Amzn-Requestid", id)
	if re.etag != "" {
		h.Set("ETag", re.etag)
	}
	if re.location != "" {
		h.Set("Location", "https://cloudfront.amazonaws.com"+prefix+"/"+re.location)
	}
	if re.status == 0 {
		re.status = http.StatusOK
	}
	if re.body == nil {
		w.WriteHeader(re.status)
		return
	}
	body := re.body.bytes()
	s.judge(s.operation(r), re.shape, body)
	h.Set("Content-Type", "text/xml")
	w.WriteHeader(re.status)
	_, _ = w.Write(body) // the client may be gone
}

func (s *Service) routes() {
	s.mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		writeError(w, requestID(), refuse(http.StatusNotImplemented, "NotImplemented",
			"The local cloud has no CloudFront operation %s (%s %s).", s.operation(r), r.Method, r.URL.Path))
	})
	s.routeDistributions()
	s.routeInvalidations()
	s.routeTags()
	for _, k := range policyKinds {
		if k != requestPolicy { // known by ID only
			s.routePolicies(k)
		}
	}
}
