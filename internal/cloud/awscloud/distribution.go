package awscloud

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudfront"
	"github.com/aws/aws-sdk-go-v2/service/cloudfront/types"
	"github.com/vodfleet/vodfleet/internal/cloud"
)

// Configuration implements [cloud.Distributions].
func (c *cdn) Configuration(ctx context.Context, id string) (cloud.DistributionConfig, error) {
	d, etag, err := c.get(ctx, id)
	if err != nil {
		return cloud.DistributionConfig{}, err
	}
	return configOf(d, etag), nil
}

// get reads a distribution that has a configuration with a default behaviour.
func (c *cdn) get(ctx context.Context, id string) (*types.Distribution, string, error) {
	const op = "GetDistribution"
	object := "distribution " + id
	if id == "" {
		return nil, "", &cloud.Error{Op: op, Object: object, Kind: cloud.ErrNotFound, Message: "no ID"}
	}
	out, err := call(ctx, callTime, op, object, func(ctx context.Context) (*cloudfront.GetDistributionOutput, error) {
		return c.api.GetDistribution(ctx, &cloudfront.GetDistributionInput{Id: &id})
	})
	if err != nil {
		return nil, "", err
	}
	if err := complete(op, object, out.Distribution); err != nil {
		return nil, "", err
	}
	return out.Distribution, unquote(out.ETag), nil
}

// complete reports what an answer lacks that every distribution has.
func complete(op, object string, d *types.Distribution) error {
	if d == nil || d.DistributionConfig == nil || d.DistributionConfig.DefaultCacheBehavior == nil {
		return &cloud.Error{Op: op, Object: object, Kind: cloud.ErrUnavailable, Message: "an answer without a distribution"}
	}
	return nil
}

// Configure implements [cloud.Distributions]: it reads the configuration as the
// service has it, changes in it only what c has otherwise, and writes it back
// under the version that it was read in.
func (c *cdn) Configure(ctx context.Context, want cloud.DistributionConfig) (cloud.DistributionConfig, error) {
	const op = "UpdateDistribution"
	object := "distribution " + want.ID
	if err := want.Valid(); err != nil {
		return cloud.DistributionConfig{}, invalid(op, object, err)
	}
	d, etag, err := c.get(ctx, want.ID)
	if err != nil {
		return cloud.DistributionConfig{}, err
	}
	if etag != want.ETag {
		return cloud.DistributionConfig{}, &cloud.Error{Op: op, Object: object, Kind: cloud.ErrPrecondition,
			Message: fmt.Sprintf("it is at version %s, and the change is of version %s", etag, want.ETag)}
	}
	have := configOf(d, etag)
	changed, err := patch(d.DistributionConfig, have, want)
	if err != nil {
		return cloud.DistributionConfig{}, invalid(op, object, err)
	}
	if !changed {
		return have, nil
	}
	out, err := call(ctx, callTime, op, object, func(ctx context.Context) (*cloudfront.UpdateDistributionOutput, error) {
		return c.api.UpdateDistribution(ctx, &cloudfront.UpdateDistributionInput{Id: &want.ID, IfMatch: &etag, DistributionConfig: d.DistributionConfig})
	})
	if err != nil {
		return cloud.DistributionConfig{}, err
	}
	if err := complete(op, object, out.Distribution); err != nil {
		return cloud.DistributionConfig{}, err
	}
	return configOf(out.Distribution, unquote(out.ETag)), nil
}

// CreateDistribution implements [cloud.Distributions].
func (c *cdn) CreateDistribution(ctx context.Context, reference string, want cloud.DistributionConfig) (cloud.DistributionConfig, error) {
	const op = "CreateDistribution"
	object := "distribution " + reference
	err := want.Valid()
	if reference == "" {
		err = errors.Join(err, errors.New("no reference"))
	}
	if err != nil {
		return cloud.DistributionConfig{}, invalid(op, object, err)
	}
	raw := &types.DistributionConfig{CallerReference: &reference, Comment: new(want.Comment), Enabled: new(want.Enabled)}
	if _, err := patch(raw, cloud.DistributionConfig{Comment: want.Comment, Enabled: want.Enabled}, want); err != nil {
		return cloud.DistributionConfig{}, invalid(op, object, err)
	}
	out, err := call(ctx, callTime, op, object, func(ctx context.Context) (*cloudfront.CreateDistributionOutput, error) {
		return c.api.CreateDistribution(ctx, &cloudfront.CreateDistributionInput{DistributionConfig: raw})
	})
	if e, ok := errors.AsType[*cloud.Error](err); ok && e.Code == "DistributionAlreadyExists" {
		d, ferr := c.Created(ctx, reference, want.Comment)
		if errors.Is(ferr, cloud.ErrNotFound) {
			return d, err
		}
		return d, ferr
	}
	if err != nil {
		return cloud.DistributionConfig{}, err
	}
	if err := complete(op, object, out.Distribution); err != nil {
		return cloud.DistributionConfig{}, err
	}
	return configOf(out.Distribution, unquote(out.ETag)), nil
}

// maxPages bounds how far a list is read: 10,000 entries, far above the quotas.
const maxPages = 100

// Created implements [cloud.Distributions]. Lists do not tell references, so the
// distributions of that comment are read.
func (c *cdn) Created(ctx context.Context, reference, comment string) (cloud.DistributionConfig, error) {
	const op = "ListDistributions"
	object := "distribution " + reference
	var none cloud.DistributionConfig
	err := &cloud.Error{Op: op, Object: object, Kind: cloud.ErrNotFound}
	var marker *string
	for range maxPages {
		out, lerr := call(ctx, callTime, op, object, func(ctx context.Context) (*cloudfront.ListDistributionsOutput, error) {
			return c.api.ListDistributions(ctx, &cloudfront.ListDistributionsInput{Marker: marker})
		})
		if lerr != nil {
			return none, lerr
		}
		if out.DistributionList == nil {
			return none, err
		}
		for _, s := range out.DistributionList.Items {
			if aws.ToString(s.Comment) != comment {
				continue
			}
			d, etag, gerr := c.get(ctx, aws.ToString(s.Id))
			if gerr != nil {
				return none, gerr
			}
			if aws.ToString(d.DistributionConfig.CallerReference) == reference {
				return configOf(d, etag), nil
			}
		}
		if marker = out.DistributionList.NextMarker; aws.ToString(marker) == "" {
			return none, err
		}
	}
	return none, err
}

// configOf reads what the service says of a distribution.
func configOf(d *types.Distribution, etag string) cloud.DistributionConfig {
	raw := d.DistributionConfig
	c := cloud.DistributionConfig{
		ID: aws.ToString(d.Id), ARN: aws.ToString(d.ARN), Domain: aws.ToString(d.DomainName), ETag: etag, Deployed: aws.ToString(d.Status) == "Deployed",
		Enabled: aws.ToBool(raw.Enabled), Comment: aws.ToString(raw.Comment), MultiTenant: raw.ConnectionMode == types.ConnectionModeTenantOnly,
	}
	if raw.Aliases != nil {
		c.Aliases = sorted(raw.Aliases.Items)
	}
	if raw.Origins != nil {
		for i := range raw.Origins.Items {
			c.Origins = append(c.Origins, originOf(&raw.Origins.Items[i]))
		}
	}
	if raw.OriginGroups != nil {
		for _, g := range raw.OriginGroups.Items {
			group := cloud.OriginGroup{ID: aws.ToString(g.Id)}
			if g.Members != nil {
				for _, m := range g.Members.Items {
					group.Members = append(group.Members, aws.ToString(m.OriginId))
				}
			}
			c.Groups = append(c.Groups, group)
		}
	}
	if raw.CacheBehaviors != nil {
		for i := range raw.CacheBehaviors.Items {
			c.Behaviors = append(c.Behaviors, behaviorOf(&raw.CacheBehaviors.Items[i]))
		}
	}
	c.Behaviors = append(c.Behaviors, behaviorOf(fromDefault(raw.DefaultCacheBehavior)))
	if raw.CustomErrorResponses != nil {
		for _, e := range raw.CustomErrorResponses.Items {
			c.Errors = append(c.Errors, cloud.ErrorResponse{
				Status: int(aws.ToInt32(e.ErrorCode)), CacheFor: ttl(e.ErrorCachingMinTTL), Page: aws.ToString(e.ResponsePagePath), Answer: aws.ToString(e.ResponseCode),
			})
		}
	}
	slices.SortStableFunc(c.Errors, func(a, b cloud.ErrorResponse) int { return cmp.Compare(a.Status, b.Status) })
	return c
}

func originOf(o *types.Origin) cloud.Origin {
	out := cloud.Origin{ID: aws.ToString(o.Id), Domain: aws.ToString(o.DomainName), Path: aws.ToString(o.OriginPath), Access: aws.ToString(o.OriginAccessControlId)}
	if o.S3OriginConfig != nil {
		out.Bucket, out.Region = bucketOf(out.Domain)
		out.Legacy = aws.ToString(o.S3OriginConfig.OriginAccessIdentity)
	}
	if s := o.CustomOriginConfig; s != nil {
		out.Custom = &cloud.CustomOrigin{HTTPPort: int(aws.ToInt32(s.HTTPPort)), HTTPSPort: int(aws.ToInt32(s.HTTPSPort)), Protocol: string(s.OriginProtocolPolicy)}
	}
	return out
}

func behaviorOf(b *types.CacheBehavior) cloud.Behavior {
	out := cloud.Behavior{
		Pattern: aws.ToString(b.PathPattern), Origin: aws.ToString(b.TargetOriginId), Smooth: aws.ToBool(b.SmoothStreaming),
		ViewerProtocol: string(b.ViewerProtocolPolicy), Compress: aws.ToBool(b.Compress),
		Cache:   cloud.CachePolicy{ID: aws.ToString(b.CachePolicyId)},
		Request: cloud.RequestPolicy{ID: aws.ToString(b.OriginRequestPolicyId)},
		Headers: cloud.HeadersPolicy{ID: aws.ToString(b.ResponseHeadersPolicyId)},
	}
	if f := b.FunctionAssociations; f != nil {
		for _, a := range f.Items {
			out.Functions = append(out.Functions, aws.ToString(a.FunctionARN))
		}
	}
	if f := b.LambdaFunctionAssociations; f != nil {
		for _, a := range f.Items {
			out.Functions = append(out.Functions, aws.ToString(a.LambdaFunctionARN))
		}
	}
	out.Functions = slices.Compact(sorted(out.Functions))
	if g := b.TrustedKeyGroups; g != nil {
		out.KeyGroups = sorted(g.Items)
	}
	if s := b.TrustedSigners; s != nil {
		out.Signers = sorted(s.Items)
	}
	if m := b.AllowedMethods; m != nil {
		out.Methods = sorted(m.Items)
	}
	if out.Cache.ID == "" {
		out.Cache = ownCache(b)
	}
	return out
}

// caching is the part of a behaviour that cache policies replaced: the service
// asks new behaviours not to have it, and old ones do.
type caching struct {
	ForwardedValues            *types.ForwardedValues
	MinTTL, DefaultTTL, MaxTTL *int64
}

// ownCache reads a behaviour's own caching.
func ownCache(behavior *types.CacheBehavior) cloud.CachePolicy {
	b := new(caching)
	copyMembers(b, behavior)
	p := cloud.CachePolicy{Min: ttl(b.MinTTL), Default: ttl(b.DefaultTTL), Max: ttl(b.MaxTTL)}
	p.Query.Mode, p.Headers.Mode, p.Cookies.Mode = "none", "none", "none"
	f := b.ForwardedValues
	if f == nil {
		return p
	}
	if aws.ToBool(f.QueryString) {
		p.Query.Mode = "all"
		if k := f.QueryStringCacheKeys; k != nil && len(k.Items) > 0 {
			p.Query = chosen("whitelist", k.Items)
		}
	}
	if f.Headers != nil && len(f.Headers.Items) > 0 {
		p.Headers = chosen("whitelist", f.Headers.Items)
		if slices.Contains(f.Headers.Items, "*") { // every header: nothing is cached
			p.Headers, p.Min, p.Default, p.Max = chosen("all", nil), 0, 0, 0
		}
	}
	if f.Cookies != nil && f.Cookies.Forward != "" {
		var names []string
		if f.Cookies.WhitelistedNames != nil {
			names = f.Cookies.WhitelistedNames.Items
		}
		p.Cookies = chosen(string(f.Cookies.Forward), names)
	}
	return p
}
