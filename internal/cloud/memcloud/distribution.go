package memcloud

import (
	"cmp"
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/vodfleet/vodfleet/internal/cloud"
)

// Deployment is how long a changed configuration takes to the edges.
const Deployment = 20 * time.Second

// configured is a distribution's configuration, which came about at a time.
type configured struct {
	cloud.DistributionConfig
	reference string
	changed   time.Time
}

// plainConfig is what a distribution is set up with that nothing is told of.
func plainConfig(d cloud.Distribution) cloud.DistributionConfig {
	return cloud.DistributionConfig{
		ID: d.ID, ARN: arn(d.ID), Domain: d.Domain, ETag: d.ETag, Enabled: d.Enabled,
		Origins: []cloud.Origin{{ID: "output", Domain: "output.s3.amazonaws.com", Bucket: "output"}},
		Behaviors: []cloud.Behavior{{
			Origin: "output", ViewerProtocol: "redirect-to-https", Methods: []string{"GET", "HEAD"},
			Cache: cloud.CachePolicy{ID: managedCache, Name: "Managed-CachingOptimized", Min: time.Second, Default: 24 * time.Hour, Max: 365 * 24 * time.Hour, Gzip: true, Brotli: true},
		}},
	}
}

// managedCache is the ID of CachingOptimized, as CloudFront has it.
const managedCache = "658327ea-f89d-4fab-a63d-7e88639e58f6"

func arn(id string) string { return "arn:aws:cloudfront::111122223333:distribution/" + id }

// SetConfiguration sets a distribution up as c, with the policies that its
// behaviours hold; one that is not there is made.
func (n *CDN) SetConfiguration(c cloud.DistributionConfig) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.takePolicies(c)
	d := n.dists[c.ID]
	if d == nil {
		d = &distribution{references: map[string]*invalidation{}}
		n.dists[c.ID] = d
	}
	n.numbers++
	c.ARN, c.ETag = arn(c.ID), fmt.Sprintf("ETAG%d", n.numbers)
	d.config = configured{DistributionConfig: settled(c), changed: n.c.now().Add(-Deployment)}
	d.Distribution = cloud.Distribution{ID: c.ID, Domain: c.Domain, Enabled: c.Enabled, ETag: c.ETag}
}

// takePolicies keeps the texts of a configuration's policies.
func (n *CDN) takePolicies(c cloud.DistributionConfig) {
	for _, b := range c.Clone().Behaviors {
		if p := b.Cache; p.ID != "" && p.Name != "" {
			n.caches[p.ID] = p
		}
		if p := b.Request; p.ID != "" && p.Name != "" {
			n.requests[p.ID] = p
		}
		if p := b.Headers; p.ID != "" && p.Name != "" {
			n.headers[p.ID] = p
		}
	}
}

// settled is c as the service keeps it: lists in order, domains of buckets
// made, policies by ID only.
func settled(c cloud.DistributionConfig) cloud.DistributionConfig {
	c = c.Clone()
	c.Deployed = false
	slices.Sort(c.Aliases)
	slices.SortStableFunc(c.Errors, func(a, b cloud.ErrorResponse) int { return cmp.Compare(a.Status, b.Status) })
	for i := range c.Origins {
		if o := &c.Origins[i]; o.Domain == "" {
			o.Domain = o.Bucket + ".s3." + strings.TrimPrefix(o.Region+".amazonaws.com", ".")
		}
	}
	for i := range c.Behaviors {
		b := &c.Behaviors[i]
		for _, list := range [][]string{b.Functions, b.KeyGroups, b.Signers, b.Methods} {
			slices.Sort(list)
		}
		if b.Cache.ID != "" {
			b.Cache = cloud.CachePolicy{ID: b.Cache.ID}
		}
		b.Request, b.Headers = cloud.RequestPolicy{ID: b.Request.ID}, cloud.HeadersPolicy{ID: b.Headers.ID}
	}
	return c
}

// tell is a configuration as it is told at this time.
func (n *CDN) tell(d *distribution) cloud.DistributionConfig {
	c := d.config.Clone()
	c.Deployed = n.c.now().Sub(d.config.changed) >= Deployment
	return c
}

// Configuration implements [cloud.Distributions].
func (n *CDN) Configuration(ctx context.Context, id string) (cloud.DistributionConfig, error) {
	const op = "CDN.Configuration"
	return call(ctx, n.c, op, "distribution "+id, signature, func() (cloud.DistributionConfig, error) {
		n.mu.Lock()
		defer n.mu.Unlock()
		d, err := n.find(op, id)
		if err != nil {
			return cloud.DistributionConfig{}, err
		}
		return n.tell(d), nil
	})
}

// Configure implements [cloud.Distributions].
func (n *CDN) Configure(ctx context.Context, want cloud.DistributionConfig) (cloud.DistributionConfig, error) {
	const op = "CDN.Configure"
	at := "distribution " + want.ID
	return call(ctx, n.c, op, at, signature, func() (cloud.DistributionConfig, error) {
		n.mu.Lock()
		defer n.mu.Unlock()
		if err := want.Valid(); err != nil {
			return cloud.DistributionConfig{}, fail(op, at, cloud.ErrInvalid, err.Error())
		}
		d, err := n.find(op, want.ID)
		if err != nil {
			return cloud.DistributionConfig{}, err
		}
		if want.ETag != d.config.ETag {
			return cloud.DistributionConfig{}, fail(op, at, cloud.ErrPrecondition, "it is at version "+d.config.ETag)
		}
		next := settled(want)
		next.Domain, next.ARN = d.config.Domain, d.config.ARN
		if err := n.changeable(d.config.DistributionConfig, next); err != nil {
			return cloud.DistributionConfig{}, fail(op, at, cloud.ErrInvalid, err.Error())
		}
		if reflect.DeepEqual(bare(next), bare(d.config.DistributionConfig)) {
			return n.tell(d), nil
		}
		n.numbers++
		next.ETag = fmt.Sprintf("ETAG%d", n.numbers)
		d.config.DistributionConfig, d.config.changed = next, n.c.now()
		d.Enabled, d.ETag = next.Enabled, next.ETag
		return n.tell(d), nil
	})
}

// bare is c with no empty list that is not nil.
func bare(c cloud.DistributionConfig) cloud.DistributionConfig {
	c = c.Clone()
	c.Aliases, c.Groups, c.Errors = some(c.Aliases), some(c.Groups), some(c.Errors)
	for i := range c.Behaviors {
		b := &c.Behaviors[i]
		b.Functions, b.KeyGroups, b.Signers, b.Methods = some(b.Functions), some(b.KeyGroups), some(b.Signers), some(b.Methods)
	}
	return c
}

func some[T any](list []T) []T {
	if len(list) == 0 {
		return nil
	}
	return list
}

// changeable reports what of a change the port does not do.
func (n *CDN) changeable(have, want cloud.DistributionConfig) error {
	if !reflect.DeepEqual(some(have.Groups), some(want.Groups)) {
		return fmt.Errorf("origin groups are not changed")
	}
	for _, b := range want.Behaviors {
		var old cloud.Behavior
		for _, h := range have.Behaviors {
			if h.Pattern == b.Pattern && h.Origin != "" {
				old = h
			}
		}
		for _, f := range b.Functions {
			if !slices.Contains(old.Functions, f) {
				return fmt.Errorf("behaviour %q: functions are only taken away", b.Pattern)
			}
		}
		if b.Cache.ID == "" && (old.Origin == "" || old.Cache.ID != "" || !reflect.DeepEqual(old.Cache, b.Cache)) {
			return fmt.Errorf("behaviour %q: no cache policy", b.Pattern)
		}
	}
	return nil
}

// Created implements [cloud.Distributions].
func (n *CDN) Created(ctx context.Context, reference, comment string) (cloud.DistributionConfig, error) {
	const op = "CDN.Created"
	at := "distribution " + reference
	return call(ctx, n.c, op, at, signature, func() (cloud.DistributionConfig, error) {
		n.mu.Lock()
		defer n.mu.Unlock()
		for _, d := range n.dists {
			if reference != "" && d.config.reference == reference && d.config.Comment == comment {
				return n.tell(d), nil
			}
		}
		return cloud.DistributionConfig{}, fail(op, at, cloud.ErrNotFound, "")
	})
}

// CreateDistribution implements [cloud.Distributions].
func (n *CDN) CreateDistribution(ctx context.Context, reference string, want cloud.DistributionConfig) (cloud.DistributionConfig, error) {
	const op = "CDN.CreateDistribution"
	at := "distribution " + reference
	return call(ctx, n.c, op, at, signature, func() (cloud.DistributionConfig, error) {
		n.mu.Lock()
		defer n.mu.Unlock()
		err := want.Valid()
		if err == nil {
			err = n.changeable(cloud.DistributionConfig{}, want)
		}
		if reference == "" {
			err = fmt.Errorf("no reference")
		}
		if err != nil {
			return cloud.DistributionConfig{}, fail(op, at, cloud.ErrInvalid, err.Error())
		}
		for _, d := range n.dists {
			switch {
			case d.config.reference != reference:
			case d.config.Comment == want.Comment:
				return n.tell(d), nil
			default:
				return cloud.DistributionConfig{}, fail(op, at, cloud.ErrConflict, "the reference is another distribution's")
			}
		}
		n.numbers++
		c := settled(want)
		c.ID, c.ETag = fmt.Sprintf("ENEW%d", n.numbers), fmt.Sprintf("ETAG%d", n.numbers)
		c.ARN, c.Domain = arn(c.ID), strings.ToLower(c.ID)+".example.net"
		d := &distribution{references: map[string]*invalidation{}, config: configured{c, reference, n.c.now()}}
		d.Distribution = cloud.Distribution{ID: c.ID, Domain: c.Domain, Enabled: c.Enabled, ETag: c.ETag}
		n.dists[c.ID] = d
		return n.tell(d), nil
	})
}
