package awscloud

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudfront"
	"github.com/aws/aws-sdk-go-v2/service/cloudfront/types"
	"github.com/vodfleet/vodfleet/internal/cloud"
)

// Policies implements [cloud.Distributions].
func (c *cdn) Policies(ctx context.Context, d cloud.DistributionConfig) (cloud.DistributionConfig, error) {
	d = d.Clone()
	caches, requests, headers := map[string]cloud.CachePolicy{}, map[string]cloud.RequestPolicy{}, map[string]cloud.HeadersPolicy{}
	for i := range d.Behaviors {
		b := &d.Behaviors[i]
		var err error
		if b.Cache, err = once(ctx, caches, b.Cache.ID, b.Cache, c.cachePolicy); err != nil {
			return cloud.DistributionConfig{}, err
		}
		if b.Request, err = once(ctx, requests, b.Request.ID, b.Request, c.requestPolicy); err != nil {
			return cloud.DistributionConfig{}, err
		}
		if b.Headers, err = once(ctx, headers, b.Headers.ID, b.Headers, c.headersPolicy); err != nil {
			return cloud.DistributionConfig{}, err
		}
	}
	return d.Clone(), nil // so that behaviours share no lists
}

// once reads what it has not read before; without an ID there is nothing to read.
func once[T any](ctx context.Context, seen map[string]T, id string, none T, read func(context.Context, string) (T, error)) (T, error) {
	if id == "" {
		return none, nil
	}
	if v, ok := seen[id]; ok {
		return v, nil
	}
	v, err := read(ctx, id)
	if err == nil {
		seen[id] = v
	}
	return v, err
}

func noPolicy(op, object string) error {
	return &cloud.Error{Op: op, Object: object, Kind: cloud.ErrUnavailable, Message: "an answer without a policy"}
}

func (c *cdn) cachePolicy(ctx context.Context, id string) (cloud.CachePolicy, error) {
	const op = "GetCachePolicy"
	object := "cache policy " + id
	out, err := call(ctx, callTime, op, object, func(ctx context.Context) (*cloudfront.GetCachePolicyOutput, error) {
		return c.api.GetCachePolicy(ctx, &cloudfront.GetCachePolicyInput{Id: &id})
	})
	if err != nil {
		return cloud.CachePolicy{}, err
	}
	if out.CachePolicy == nil || out.CachePolicy.CachePolicyConfig == nil {
		return cloud.CachePolicy{}, noPolicy(op, object)
	}
	p := cachePolicyOf(out.CachePolicy.CachePolicyConfig)
	p.ID = id
	return p, nil
}

func cachePolicyOf(c *types.CachePolicyConfig) cloud.CachePolicy {
	p := cloud.CachePolicy{Name: aws.ToString(c.Name), Min: ttl(c.MinTTL), Default: ttl(c.DefaultTTL), Max: ttl(c.MaxTTL)}
	p.Query.Mode, p.Headers.Mode, p.Cookies.Mode = "none", "none", "none"
	k := c.ParametersInCacheKeyAndForwardedToOrigin
	if k == nil {
		return p
	}
	p.Gzip, p.Brotli = aws.ToBool(k.EnableAcceptEncodingGzip), aws.ToBool(k.EnableAcceptEncodingBrotli)
	if q := k.QueryStringsConfig; q != nil {
		p.Query = chosenBy(q.QueryStringBehavior, queryNames(q.QueryStrings))
	}
	if h := k.HeadersConfig; h != nil {
		p.Headers = chosenBy(h.HeaderBehavior, headerNames(h.Headers))
	}
	if o := k.CookiesConfig; o != nil {
		p.Cookies = chosenBy(o.CookieBehavior, cookieNames(o.Cookies))
	}
	return p
}

func (c *cdn) requestPolicy(ctx context.Context, id string) (cloud.RequestPolicy, error) {
	const op = "GetOriginRequestPolicy"
	object := "origin request policy " + id
	out, err := call(ctx, callTime, op, object, func(ctx context.Context) (*cloudfront.GetOriginRequestPolicyOutput, error) {
		return c.api.GetOriginRequestPolicy(ctx, &cloudfront.GetOriginRequestPolicyInput{Id: &id})
	})
	if err != nil {
		return cloud.RequestPolicy{}, err
	}
	if out.OriginRequestPolicy == nil || out.OriginRequestPolicy.OriginRequestPolicyConfig == nil {
		return cloud.RequestPolicy{}, noPolicy(op, object)
	}
	r := out.OriginRequestPolicy.OriginRequestPolicyConfig
	p := cloud.RequestPolicy{ID: id, Name: aws.ToString(r.Name)}
	p.Query.Mode, p.Headers.Mode, p.Cookies.Mode = "none", "none", "none"
	if q := r.QueryStringsConfig; q != nil {
		p.Query = chosenBy(q.QueryStringBehavior, queryNames(q.QueryStrings))
	}
	if h := r.HeadersConfig; h != nil {
		p.Headers = chosenBy(h.HeaderBehavior, headerNames(h.Headers))
	}
	if o := r.CookiesConfig; o != nil {
		p.Cookies = chosenBy(o.CookieBehavior, cookieNames(o.Cookies))
	}
	return p, nil
}

func (c *cdn) headersPolicy(ctx context.Context, id string) (cloud.HeadersPolicy, error) {
	raw, err := c.rawHeadersPolicy(ctx, id)
	if err != nil {
		return cloud.HeadersPolicy{}, err
	}
	p := headersPolicyOf(raw)
	p.ID = id
	return p, nil
}

func (c *cdn) rawHeadersPolicy(ctx context.Context, id string) (*types.ResponseHeadersPolicyConfig, error) {
	const op = "GetResponseHeadersPolicy"
	object := "response headers policy " + id
	out, err := call(ctx, callTime, op, object, func(ctx context.Context) (*cloudfront.GetResponseHeadersPolicyOutput, error) {
		return c.api.GetResponseHeadersPolicy(ctx, &cloudfront.GetResponseHeadersPolicyInput{Id: &id})
	})
	if err != nil {
		return nil, err
	}
	if out.ResponseHeadersPolicy == nil || out.ResponseHeadersPolicy.ResponseHeadersPolicyConfig == nil {
		return nil, noPolicy(op, object)
	}
	return out.ResponseHeadersPolicy.ResponseHeadersPolicyConfig, nil
}
