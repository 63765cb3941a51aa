package cloudfront

import (
	"cmp"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// View is what the edge needs to know of a distribution: its configuration as
// deployed, with policies looked up. It is never changed once made.
type View struct {
	ID, Domain string
	Aliases    []string
	Enabled    bool
	RootObject string
	Origins    map[string]Origin
	Behaviors  []Behavior // in order of choice; the last is the default one
	Errors     map[int]ErrorResponse
	Functions  bool // some behaviour has an edge function
	TenantOnly bool // it is a multi-tenant one, which no viewer reaches by itself
}

// Origin is where a behaviour gets its objects.
type Origin struct {
	Domain  string
	Path    string // put before the viewer's path
	Bucket  string // empty: a custom origin
	Headers http.Header

	HTTPPort  int
	HTTPSOnly bool
	Attempts  int
	Connect   time.Duration // time-out of one attempt
	Read      time.Duration // time-out of an answer's beginning
}

// Behavior is a cache behaviour. Pattern is empty for the default one.
type Behavior struct {
	Pattern        string
	Origin         string
	ViewerProtocol string // allow-all, https-only, redirect-to-https
	Methods        []string
	Smooth         bool
	Signed         bool // wants signed URLs or cookies
	Compress       bool
	Cache          CachePolicy
	Forward        Forward // to the origin, beyond what is in the cache key
	Headers        *HeadersPolicy
}

// CachePolicy is how long objects are kept, and what tells them apart.
type CachePolicy struct {
	Min, Default, Max       time.Duration
	Query, Headers, Cookies Selection
}

// Forward is what an origin request policy adds to a request.
type Forward struct{ Query, Headers, Cookies Selection }

// Selection chooses names: none, whitelist, allExcept, all (allViewer is all).
type Selection struct {
	Mode  string
	Names []string
}

// Has reports whether name is chosen; fold ignores case, as for headers.
func (s Selection) Has(name string, fold bool) bool {
	listed := false
	for _, n := range s.Names {
		listed = listed || n == name || fold && strings.EqualFold(n, name)
	}
	switch s.Mode {
	case "all", "allViewer", "allViewerAndWhitelistCloudFront":
		return true
	case "whitelist":
		return listed
	case "allExcept":
		return !listed
	}
	return false
}

// ErrorResponse is what becomes of an origin's error status.
type ErrorResponse struct {
	Page     string // path of the object to answer with; empty: the origin's
	Status   int    // to answer with; 0: the origin's
	CacheFor time.Duration
}

// Lookup returns the distribution that a viewer's Host header names: ID.localhost,
// the domain name or an alias; any other host gets the first distribution.
// It returns nil when there is none at all.
func (s *Service) Lookup(host string) *View {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settle()
	if s.views == nil {
		for _, d := range s.dists {
			s.views = append(s.views, s.view(d))
		}
	}
	for _, v := range s.views {
		if v.named(host) {
			return v
		}
	}
	if len(s.views) == 0 {
		return nil
	}
	return s.views[0]
}

func (v *View) named(host string) bool {
	if strings.EqualFold(host, v.ID+".localhost") || strings.EqualFold(host, v.Domain) {
		return true
	}
	for _, a := range v.Aliases {
		if strings.EqualFold(host, a) {
			return true
		}
		_, parent, _ := strings.Cut(host, ".")
		if wild, ok := strings.CutPrefix(a, "*."); ok && strings.EqualFold(parent, wild) {
			return true
		}
	}
	return false
}

func seconds(n int64) time.Duration {
	const century = 100 * 365 * 24 * 3600 // no TTL needs more, and a Duration holds it
	return time.Duration(min(max(n, 0), century)) * time.Second
}

func (s *Service) view(d *distribution) *View {
	cfg := d.live
	v := &View{
		ID: d.ID, Domain: d.Domain, Aliases: cfg.values("Aliases"), Enabled: cfg.bool("Enabled"), TenantOnly: tenantOnly(cfg),
		RootObject: cfg.str("DefaultRootObject"), Origins: make(map[string]Origin), Errors: make(map[int]ErrorResponse),
	}
	for _, o := range cfg.items("Origins") {
		v.Origins[o.str("Id")] = viewOrigin(o)
	}
	for _, g := range cfg.items("OriginGroups") { // the primary member serves; fail-over is not modelled
		if m := g.items("Members"); len(m) > 0 {
			v.Origins[g.str("Id")] = v.Origins[m[0].str("OriginId")]
		}
	}
	for _, b := range cfg.items("CacheBehaviors") {
		v.Behaviors = append(v.Behaviors, s.viewBehavior(b))
		v.Functions = v.Functions || hasFunctions(b)
	}
	def := cfg.child("DefaultCacheBehavior")
	v.Behaviors = append(v.Behaviors, s.viewBehavior(def))
	v.Functions = v.Functions || hasFunctions(def)
	for _, e := range cfg.items("CustomErrorResponses") {
		status, _ := strconv.Atoi(e.str("ResponseCode")) // checked when it was set
		v.Errors[int(e.num(0, "ErrorCode"))] = ErrorResponse{
			Page: e.str("ResponsePagePath"), Status: status, CacheFor: seconds(e.num(10, "ErrorCachingMinTTL")),
		}
	}
	return v
}

func hasFunctions(b *node) bool {
	return len(b.items("LambdaFunctionAssociations"))+len(b.items("FunctionAssociations")) > 0
}

func viewOrigin(o *node) Origin {
	c := o.child("CustomOriginConfig")
	out := Origin{
		Domain: o.str("DomainName"), Path: o.str("OriginPath"), Headers: make(http.Header),
		HTTPPort: int(c.num(80, "HTTPPort")), HTTPSOnly: c.str("OriginProtocolPolicy") == "https-only",
		Attempts: int(o.num(3, "ConnectionAttempts")), Connect: seconds(o.num(10, "ConnectionTimeout")),
		Read: seconds(c.num(30, "OriginReadTimeout")),
	}
	if c == nil {
		out.Bucket, _ = Bucket(out.Domain)
	}
	for _, h := range o.items("CustomHeaders") {
		out.Headers.Add(h.str("HeaderName"), h.str("HeaderValue"))
	}
	return out
}

func (s *Service) viewBehavior(b *node) Behavior {
	out := Behavior{
		Pattern: b.str("PathPattern"), Origin: b.str("TargetOriginId"), ViewerProtocol: b.str("ViewerProtocolPolicy"),
		Methods: b.values("AllowedMethods"), Smooth: b.bool("SmoothStreaming"), Compress: b.bool("Compress"),
		Signed: b.bool("TrustedSigners", "Enabled") || b.bool("TrustedKeyGroups", "Enabled"),
	}
	if p := s.policies[cachePolicy.path][b.str("CachePolicyId")]; p != nil {
		key := p.config.child("ParametersInCacheKeyAndForwardedToOrigin")
		out.Cache = CachePolicy{
			Min: seconds(p.config.num(0, "MinTTL")), Default: seconds(p.config.num(86400, "DefaultTTL")), Max: seconds(p.config.num(31536000, "MaxTTL")),
			Query:   viewSelection(key.child("QueryStringsConfig"), "QueryStringBehavior", "QueryStrings"),
			Headers: viewSelection(key.child("HeadersConfig"), "HeaderBehavior", "Headers"),
			Cookies: viewSelection(key.child("CookiesConfig"), "CookieBehavior", "Cookies"),
		}
	} else {
		out.Cache = legacyCache(b)
	}
	if p := s.policies[requestPolicy.path][b.str("OriginRequestPolicyId")]; p != nil {
		out.Forward = Forward{
			Query:   viewSelection(p.config.child("QueryStringsConfig"), "QueryStringBehavior", "QueryStrings"),
			Headers: viewSelection(p.config.child("HeadersConfig"), "HeaderBehavior", "Headers"),
			Cookies: viewSelection(p.config.child("CookiesConfig"), "CookieBehavior", "Cookies"),
		}
	}
	if p := s.policies[headersPolicy.path][b.str("ResponseHeadersPolicyId")]; p != nil {
		out.Headers = viewHeaders(p.config)
	}
	return out
}

func viewSelection(n *node, behavior, member string) Selection {
	return Selection{Mode: cmp.Or(n.str(behavior), "none"), Names: n.values(member)}
}

// legacyCache reads ForwardedValues and the TTLs beside it, which cache
// policies replaced.
func legacyCache(b *node) CachePolicy {
	fv := b.child("ForwardedValues")
	p := CachePolicy{
		Min: seconds(b.num(0, "MinTTL")), Default: seconds(b.num(86400, "DefaultTTL")), Max: seconds(b.num(31536000, "MaxTTL")),
		Headers: Selection{"whitelist", fv.values("Headers")},
		Cookies: Selection{cmp.Or(fv.str("Cookies", "Forward"), "none"), fv.values("Cookies", "WhitelistedNames")},
	}
	if fv.bool("QueryString") {
		p.Query.Mode = "all"
		if names := fv.values("QueryStringCacheKeys"); len(names) > 0 {
			p.Query = Selection{"whitelist", names}
		}
	}
	for _, h := range p.Headers.Names {
		if h == "*" { // forwarding every header turns caching off
			p.Headers, p.Min, p.Default, p.Max = Selection{Mode: "all"}, 0, 0, 0
		}
	}
	return p
}
