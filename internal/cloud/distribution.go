package cloud

import (
	"context"
	"slices"
	"time"
)

// DistributionConfig is how a distribution is set up: what is asked for, which
// is what viewers meet once it is Deployed. It holds what delivery depends on,
// and not all that a CDN can be told; see [Distributions.Configure].
type DistributionConfig struct {
	ID       string
	ARN      string
	Domain   string // its own, without a scheme
	ETag     string // of this version; a change names it
	Deployed bool   // this version is at every edge

	Enabled     bool
	Comment     string   // 128 characters at the most
	Aliases     []string // other domains, sorted
	MultiTenant bool     // its tenants have the domains ("tenant-only")

	Origins   []Origin
	Groups    []OriginGroup
	Behaviors []Behavior      // in the order of choice; the last is the default one
	Errors    []ErrorResponse // by status
}

// Origin is where a distribution gets what it has not: a bucket, or a server
// of one's own where Custom is set.
type Origin struct {
	ID     string
	Domain string // empty for a new one of a bucket: it follows from Bucket and Region
	Path   string // put before the path that a viewer asks for: "/prefix", or empty

	Bucket string // empty: not a bucket
	Region string // of the bucket; empty where the domain does not tell
	Access string // ID of its origin access control; empty: none
	Legacy string // origin access identity, which origin access controls replaced; empty: none

	Custom *CustomOrigin // nil: not a server of one's own
}

// CustomOrigin is how a server of one's own is asked.
type CustomOrigin struct {
	HTTPPort  int
	HTTPSPort int
	Protocol  string // "http-only", "https-only" or "match-viewer"
}

// OriginGroup is origins that stand in for one another. A behaviour names a
// group as it names an origin.
type OriginGroup struct {
	ID      string
	Members []string // IDs of origins, the first is asked first
}

// Behavior is what a distribution does with the paths that a pattern matches.
// The policies' own texts are filled in by [Distributions.Policies] only.
type Behavior struct {
	Pattern string // with "*" and "?", case-sensitive; empty for the default behaviour
	Origin  string // ID of an origin or of a group

	Smooth         bool     // SmoothStreaming: the CDN serves Smooth URLs out of .ismv files
	Functions      []string // ARNs of CloudFront Functions and of Lambda@Edge functions, sorted
	KeyGroups      []string // IDs of the key groups whose signed URLs and cookies it wants
	Signers        []string // accounts, which key groups replaced
	ViewerProtocol string   // "allow-all", "https-only" or "redirect-to-https"
	Methods        []string // that viewers may use, sorted
	Compress       bool

	Cache   CachePolicy
	Request RequestPolicy
	Headers HeadersPolicy
}

// CachePolicy is how long answers are kept, and what tells them apart. One
// without an ID is the behaviour's own, of the time before policies.
type CachePolicy struct {
	ID   string
	Name string

	Min, Default, Max time.Duration // whole seconds: bounds of what an origin says, and what holds where it says nothing

	Query, Headers, Cookies Selection // in the cache key, and sent to the origin
	Gzip, Brotli            bool      // Accept-Encoding is in the key
}

// RequestPolicy is what is sent to the origin beyond what is in the cache key.
type RequestPolicy struct {
	ID   string // empty: none
	Name string

	Query, Headers, Cookies Selection
}

// Selection chooses names of headers, cookies or query parameters.
type Selection struct {
	Mode  string   // "none", "whitelist", "allExcept", "all" or another of the service's
	Names []string // sorted
}

// HeadersPolicy is what is added to answers.
type HeadersPolicy struct {
	ID   string // empty: none
	Name string

	CORS   *CORS    // nil: nothing about other sites' pages
	Set    []Header // headers of one's own, by name
	Remove []string // headers of the origin, sorted
}

// CORS is what pages of other sites may do with answers.
type CORS struct {
	Origins, Methods, Headers, Expose []string // sorted; "*" for all
	Credentials                       bool
	MaxAge                            time.Duration // whole seconds; 0: not said
	Override                          bool          // of what the origin says
}

// Header is one header of answers.
type Header struct {
	Name, Value string
	Override    bool // of the origin's
}

// ErrorResponse is what becomes of an origin's error.
type ErrorResponse struct {
	Status   int           // of the origin
	CacheFor time.Duration // whole seconds, at the least
	Page     string        // path that answers instead; empty: the origin's answer
	Answer   string        // status to answer with; empty: the origin's
}

// Clone copies c whole.
func (c DistributionConfig) Clone() DistributionConfig {
	c.Aliases, c.Errors = slices.Clone(c.Aliases), slices.Clone(c.Errors)
	c.Origins, c.Groups, c.Behaviors = slices.Clone(c.Origins), slices.Clone(c.Groups), slices.Clone(c.Behaviors)
	for i, o := range c.Origins {
		if o.Custom != nil {
			c.Origins[i].Custom = new(*o.Custom)
		}
	}
	for i, g := range c.Groups {
		c.Groups[i].Members = slices.Clone(g.Members)
	}
	for i := range c.Behaviors {
		b := &c.Behaviors[i]
		for _, list := range []*[]string{&b.Functions, &b.KeyGroups, &b.Signers, &b.Methods} {
			*list = slices.Clone(*list)
		}
		for _, s := range []*Selection{&b.Cache.Query, &b.Cache.Headers, &b.Cache.Cookies, &b.Request.Query, &b.Request.Headers, &b.Request.Cookies} {
			s.Names = slices.Clone(s.Names)
		}
		b.Headers = b.Headers.Clone()
	}
	return c
}

// Clone copies p whole.
func (p HeadersPolicy) Clone() HeadersPolicy {
	p.Set, p.Remove = slices.Clone(p.Set), slices.Clone(p.Remove)
	if p.CORS != nil {
		c := *p.CORS
		for _, list := range []*[]string{&c.Origins, &c.Methods, &c.Headers, &c.Expose} {
			*list = slices.Clone(*list)
		}
		p.CORS = &c
	}
	return p
}

// Origin returns the origin that a behaviour's Origin means: of a group, the
// one that is asked first; nil if there is none.
func (c *DistributionConfig) Origin(id string) *Origin {
	for _, g := range c.Groups {
		if g.ID == id && len(g.Members) > 0 {
			id = g.Members[0]
			break
		}
	}
	for i := range c.Origins {
		if c.Origins[i].ID == id {
			return &c.Origins[i]
		}
	}
	return nil
}

// Distributions reads distributions and sets them up. What is set up twice in
// the same words is set up once, so all repeats are safe. Methods may fail with
// [ErrDenied], [ErrThrottled] or [ErrUnavailable], and with [ErrInvalid] on
// what the CDN does not take.
type Distributions interface {
	// Configuration reads how a distribution is set up, in one call: of policies
	// it has only the IDs. It fails with [ErrNotFound].
	Configuration(ctx context.Context, id string) (DistributionConfig, error)

	// Policies returns c with what the policies say that its behaviours name, a
	// call for each different one. It fails with [ErrNotFound] if one is gone.
	Policies(ctx context.Context, c DistributionConfig) (DistributionConfig, error)

	// Configure changes a distribution from the version that c.ETag names to c,
	// and returns what it then is, at the edges only when it is Deployed. It
	// fails with [ErrPrecondition] if there is another version by now, having
	// changed nothing. Origins are told apart by ID, behaviours by pattern and
	// error responses by status; whatever c does not model stays as it is.
	// Of policies, the IDs count. A c that changes nothing makes no new version.
	Configure(ctx context.Context, c DistributionConfig) (DistributionConfig, error)

	// CreateDistribution makes a distribution, or returns the one that was made
	// with that reference and that Comment. It fails with [ErrConflict] if the
	// reference is that of another.
	CreateDistribution(ctx context.Context, reference string, c DistributionConfig) (DistributionConfig, error)

	// Created finds the distribution that was made with that reference and that
	// Comment. It fails with [ErrNotFound] if there is none.
	Created(ctx context.Context, reference, comment string) (DistributionConfig, error)

	// EnsureCachePolicy finds the cache policy of p's name, or makes it, and
	// returns its ID. One of that name that says anything else is [ErrConflict].
	EnsureCachePolicy(ctx context.Context, p CachePolicy) (string, error)

	// EnsureHeadersPolicy does the same for what is added to answers. A new one
	// takes over from the policy of ID base, unless that is empty, all that a
	// [HeadersPolicy] does not model.
	EnsureHeadersPolicy(ctx context.Context, base string, p HeadersPolicy) (string, error)

	// EnsureAccessControl finds the origin access control of that name, which
	// signs every request to a bucket, or makes it, and returns its ID.
	EnsureAccessControl(ctx context.Context, name string) (string, error)
}
