package cloudfront

import "fmt"

// The distribution that is there from the start, with what it refers to.
const (
	FirstID     = "E1LOCALCLOUD01"
	FirstDomain = "d111localcloud.cloudfront.net"

	firstOAC      = "E1LOCALCLOUDAC"
	firstEntries  = "10ca1c10-0d00-4000-8000-000000000001" // cache policy
	firstBuilds   = "10ca1c10-0d00-4000-8000-000000000002" // cache policy
	firstHeaders  = "10ca1c10-0d00-4000-8000-000000000003" // response headers policy
	managedCache  = "658327ea-f89d-4fab-a63d-7e88639e58f6" // CachingOptimized
	managedShared = "5cc3b908-e619-4b99-88e5-2cf7f45965bd" // CORS-With-Preflight
)

// year is how long what never changes may be kept, in seconds.
const year = 31536000

// first makes the start state: one deployed distribution over the origin
// bucket. Under watch/ the origin says how long a document is kept, and what
// says nothing is not kept; what is under media/ is never rewritten and kept
// for a year, by viewers too, since MediaConvert gives it no Cache-Control;
// the rest is cached by the managed policy. Pages of any origin may play it.
func (s *Service) first() error {
	now := s.now()
	save := func(k *policyKind, id string, config *node) error {
		return s.savePolicy(k, &policy{ID: id, ETag: newETag(), Modified: now, config: config})
	}
	for _, p := range []struct {
		kind   *policyKind
		id     string
		config *node
	}{
		{accessControl, firstOAC, el("OriginAccessControlConfig",
			leaf("Name", "localcloud"), leaf("Description", ""), leaf("SigningProtocol", "sigv4"),
			leaf("SigningBehavior", "always"), leaf("OriginAccessControlOriginType", "s3"))},
		{cachePolicy, firstEntries, cacheConfig("", "localcloud-entries", [3]int{0, 0, year}, true, nil, nil).config},
		{cachePolicy, firstBuilds, cacheConfig("", "localcloud-builds", [3]int{1, year, year}, true, nil, nil).config},
		{headersPolicy, firstHeaders, headersConfig("", "localcloud-builds", preflightCORS(),
			list("CustomHeadersConfig", el("ResponseHeadersPolicyCustomHeader",
				leaf("Header", "Cache-Control"), leaf("Value", fmt.Sprintf("public, max-age=%d, immutable", year)), leaf("Override", false)))).config},
	} {
		if err := save(p.kind, p.id, p.config); err != nil {
			return err
		}
	}
	media := firstBehavior("CacheBehavior", "media/*", firstBuilds, firstHeaders)
	media.add(leaf("SmoothStreaming", s.cfg.Smooth))
	cfg := el("DistributionConfig",
		leaf("CallerReference", "localcloud"), leaf("Comment", "The local cloud's first distribution"), leaf("Enabled", true),
		list("Origins", el("Origin", leaf("Id", "output"), leaf("DomainName", s.cfg.Origin+".s3.us-east-1.amazonaws.com"),
			el("S3OriginConfig", leaf("OriginAccessIdentity", "")), leaf("OriginAccessControlId", firstOAC))),
		firstBehavior("DefaultCacheBehavior", "", managedCache, managedShared),
		list("CacheBehaviors",
			firstBehavior("CacheBehavior", "watch/*", firstEntries, managedShared),
			media))
	normalize(cfg)
	if err := s.checkConfig(FirstID, cfg); err != nil {
		return fmt.Errorf("first distribution over bucket %s: %w", s.cfg.Origin, err)
	}
	d := &distribution{ID: FirstID, Number: s.nextNumber(), Domain: FirstDomain, ETag: newETag(), Created: now, Modified: now, Deployed: now, live: cfg, next: cfg}
	if err := s.saveDistribution(d); err != nil {
		return err
	}
	s.dists = append(s.dists, d)
	return nil
}

func firstBehavior(name, pattern, cache, headers string) *node {
	b := el(name)
	if pattern != "" {
		b.add(leaf("PathPattern", pattern))
	}
	for _, n := range []*node{
		leaf("TargetOriginId", "output"), leaf("ViewerProtocolPolicy", "allow-all"), leaf("Compress", true),
		el("AllowedMethods", append(list("", texts("Method", "HEAD", "GET", "OPTIONS")...).kids,
			list("CachedMethods", texts("Method", "HEAD", "GET")...))...),
		leaf("CachePolicyId", cache), leaf("ResponseHeadersPolicyId", headers),
	} {
		b.add(n)
	}
	return b
}
