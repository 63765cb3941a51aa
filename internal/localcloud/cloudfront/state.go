package cloudfront

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// The distribution that is there from the start.
const (
	FirstID     = "E1LOCALCLOUD01"
	FirstDomain = "d111localcloud.cloudfront.net"
	firstOAC    = "E1LOCALCLOUDAC"
)

// load reads the state, or makes the start state in an empty folder.
func (s *Service) load() error {
	for kind, list := range managed() {
		s.policies[kind.path] = make(map[string]*policy)
		for _, p := range list {
			s.policies[kind.path][p.ID] = p
		}
	}
	s.policies[accessControl.path] = make(map[string]*policy)
	for _, k := range policyKinds {
		found, err := load[policy](s.files, k.path)
		if err != nil {
			return err
		}
		for _, p := range found {
			if p.config, err = parse(strings.NewReader(p.Config)); err != nil {
				return fmt.Errorf("load %s %s: %w", k.path, p.ID, err)
			}
			s.policies[k.path][p.ID] = p
		}
	}
	dists, err := load[distribution](s.files, "distribution")
	if err != nil {
		return err
	}
	for _, d := range dists {
		if d.live, err = parse(strings.NewReader(d.Live)); err != nil {
			return fmt.Errorf("load distribution %s: %w", d.ID, err)
		}
		if d.next, err = parse(strings.NewReader(d.Next)); err != nil {
			return fmt.Errorf("load distribution %s: %w", d.ID, err)
		}
	}
	slices.SortStableFunc(dists, func(a, b *distribution) int { return a.Created.Compare(b.Created) })
	s.dists = dists
	batches, err := load[invalidation](s.files, "invalidation")
	if err != nil {
		return err
	}
	slices.SortStableFunc(batches, func(a, b *invalidation) int {
		return cmp.Or(a.Created.Compare(b.Created), strings.Compare(a.ID, b.ID))
	})
	for _, v := range batches {
		s.remember(v)
	}
	if len(s.dists) == 0 {
		return s.first()
	}
	return nil
}

// first makes the start state: one deployed distribution over the origin
// bucket, cached by the managed CachingOptimized policy, with simple CORS.
func (s *Service) first() error {
	now := s.now()
	oac := &policy{ID: firstOAC, ETag: newETag(), Modified: now, config: el("OriginAccessControlConfig",
		leaf("Name", "localcloud"), leaf("Description", ""), leaf("SigningProtocol", "sigv4"),
		leaf("SigningBehavior", "always"), leaf("OriginAccessControlOriginType", "s3"))}
	if err := s.savePolicy(accessControl, oac); err != nil {
		return err
	}
	cfg := el("DistributionConfig",
		leaf("CallerReference", "localcloud"), leaf("Comment", "The local cloud's first distribution"), leaf("Enabled", true),
		list("Origins", el("Origin", leaf("Id", "output"), leaf("DomainName", s.cfg.Origin+".s3.us-east-1.amazonaws.com"),
			el("S3OriginConfig", leaf("OriginAccessIdentity", "")), leaf("OriginAccessControlId", firstOAC))),
		el("DefaultCacheBehavior",
			leaf("TargetOriginId", "output"), leaf("ViewerProtocolPolicy", "allow-all"), leaf("Compress", true),
			el("AllowedMethods", append(list("", texts("Method", "HEAD", "GET", "OPTIONS")...).kids,
				list("CachedMethods", texts("Method", "HEAD", "GET")...))...),
			leaf("CachePolicyId", "658327ea-f89d-4fab-a63d-7e88639e58f6"),
			leaf("ResponseHeadersPolicyId", "60669652-455b-4ae9-85a4-c4c02393f86c")))
	normalize(cfg)
	if err := s.checkConfig(FirstID, cfg); err != nil {
		return fmt.Errorf("first distribution over bucket %s: %w", s.cfg.Origin, err)
	}
	d := &distribution{ID: FirstID, Domain: FirstDomain, ETag: newETag(), Created: now, Modified: now, Deployed: now, live: cfg, next: cfg}
	if err := s.saveDistribution(d); err != nil {
		return err
	}
	s.dists = append(s.dists, d)
	return nil
}

// settle brings the state up to the clock: deployed configurations go live,
// completed invalidations become purges. The caller holds s.mu.
func (s *Service) settle() {
	now := s.now()
	for _, d := range s.dists {
		if d.live != d.next && !now.Before(d.Deployed) {
			d.live, s.views = d.next, nil
		}
	}
	n := 0
	for n < len(s.pending) && !now.Before(s.pending[n].Done) {
		v := s.pending[n]
		s.done = append(s.done, Purge{v.Distribution, v.Paths, v.Done})
		n++
	}
	s.pending = s.pending[n:]
	const keep = 1000 // the edge reads far more often than that many complete
	if drop := len(s.done) - keep; drop > 0 {
		s.done, s.dropped = slices.Clone(s.done[drop:]), s.dropped+drop
	}
}

// Purges returns the invalidations completed since the call that returned
// next, and the value to pass the next time. A reader that comes later than
// 1,000 of them has to forget everything: all is true then.
func (s *Service) Purges(since int) (list []Purge, next int, all bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settle()
	next = s.dropped + len(s.done)
	if since < s.dropped {
		return nil, next, true
	}
	return s.done[min(since, next)-s.dropped:], next, false
}
