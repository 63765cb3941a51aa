package awscloud

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudfront/types"
	"github.com/vodfleet/vodfleet/internal/cloud"
)

// patch changes raw, which have was read from, so that want would be, and
// reports whether it had to. Members that do not differ are not touched.
func patch(raw *types.DistributionConfig, have, want cloud.DistributionConfig) (bool, error) {
	p := patcher{}
	if differ(&p, have.Enabled, want.Enabled) {
		raw.Enabled = &want.Enabled
	}
	if differ(&p, have.Comment, want.Comment) {
		raw.Comment = &want.Comment
	}
	if differ(&p, have.MultiTenant, want.MultiTenant) {
		raw.ConnectionMode = types.ConnectionModeDirect
		if want.MultiTenant {
			raw.ConnectionMode = types.ConnectionModeTenantOnly
		}
	}
	if differ(&p, have.Aliases, want.Aliases) {
		raw.Aliases = &types.Aliases{Quantity: quantity(want.Aliases), Items: want.Aliases}
	}
	if len(have.Groups)+len(want.Groups) > 0 && !reflect.DeepEqual(have.Groups, want.Groups) {
		return false, errors.New("origin groups are not changed by this program: change them in the console")
	}
	if differ(&p, have.Origins, want.Origins) {
		raw.Origins = p.origins(raw.Origins, have.Origins, want.Origins)
	}
	if differ(&p, have.Behaviors, want.Behaviors) {
		if err := p.behaviors(raw, have.Behaviors, want.Behaviors); err != nil {
			return false, err
		}
	}
	if differ(&p, have.Errors, want.Errors) {
		raw.CustomErrorResponses = p.errors(raw.CustomErrorResponses, have.Errors, want.Errors)
	}
	return p.changed, nil
}

// patcher remembers whether anything differed.
type patcher struct{ changed bool }

func differ[T any](p *patcher, have, want T) bool {
	a, b := reflect.ValueOf(have), reflect.ValueOf(want)
	if a.Kind() == reflect.Slice && a.Len() == 0 && b.Len() == 0 || reflect.DeepEqual(have, want) {
		return false
	}
	p.changed = true
	return true
}

func quantity[T any](items []T) *int32 { return aws.Int32(int32(len(items))) }

func wholeSeconds(d time.Duration) *int64 { return aws.Int64(int64(d / time.Second)) }

func (p *patcher) origins(raw *types.Origins, have, want []cloud.Origin) *types.Origins {
	out := &types.Origins{}
	for _, w := range want {
		i := slices.IndexFunc(have, func(o cloud.Origin) bool { return o.ID == w.ID })
		o := types.Origin{Id: new(w.ID), OriginPath: new(""), CustomHeaders: &types.CustomHeaders{Quantity: new(int32(0))}} // all that an update needs
		h := cloud.Origin{ID: w.ID}
		if i >= 0 {
			o, h = raw.Items[i], have[i]
		} else if w.Bucket != "" {
			o.S3OriginConfig = &types.S3OriginConfig{OriginAccessIdentity: new("")}
		}
		if w.Domain == "" || w.Domain == h.Domain && (w.Bucket != h.Bucket || w.Region != h.Region) {
			w.Domain = domainOf(w.Bucket, w.Region)
		}
		if differ(p, h.Domain, w.Domain) {
			o.DomainName = &w.Domain
		}
		if differ(p, h.Path, w.Path) {
			o.OriginPath = &w.Path
		}
		if differ(p, h.Access, w.Access) {
			o.OriginAccessControlId = &w.Access
		}
		if differ(p, h.Legacy, w.Legacy) && o.S3OriginConfig != nil {
			o.S3OriginConfig.OriginAccessIdentity = &w.Legacy
		}
		if differ(p, h.Custom, w.Custom) {
			p.custom(&o, w.Custom)
		}
		out.Items = append(out.Items, o)
	}
	out.Quantity = quantity(out.Items)
	return out
}

func (p *patcher) custom(o *types.Origin, want *cloud.CustomOrigin) {
	if want == nil {
		o.CustomOriginConfig, o.S3OriginConfig = nil, &types.S3OriginConfig{OriginAccessIdentity: new("")}
		return
	}
	o.S3OriginConfig = nil
	if o.CustomOriginConfig == nil {
		o.CustomOriginConfig = &types.CustomOriginConfig{
			OriginSslProtocols: &types.OriginSslProtocols{Quantity: new(int32(1)), Items: []types.SslProtocol{types.SslProtocolTLSv12}},
			OriginReadTimeout:  new(int32(30)), OriginKeepaliveTimeout: new(int32(5)), // seconds, the service's own defaults
		}
	}
	c := o.CustomOriginConfig
	c.HTTPPort, c.HTTPSPort = new(int32(want.HTTPPort)), new(int32(want.HTTPSPort))
	c.OriginProtocolPolicy = types.OriginProtocolPolicy(want.Protocol)
}

// behaviors puts the wanted ones in their order, each made of the one that has
// its pattern.
func (p *patcher) behaviors(raw *types.DistributionConfig, have, want []cloud.Behavior) error {
	old := map[string]*types.CacheBehavior{}
	if raw.CacheBehaviors != nil {
		for i := range raw.CacheBehaviors.Items {
			b := &raw.CacheBehaviors.Items[i]
			old[aws.ToString(b.PathPattern)] = b
		}
	}
	if raw.DefaultCacheBehavior != nil {
		old[""] = fromDefault(raw.DefaultCacheBehavior)
	}
	tenants := raw.ConnectionMode == types.ConnectionModeTenantOnly
	list := &types.CacheBehaviors{}
	for _, w := range want {
		h := cloud.Behavior{Pattern: w.Pattern}
		b := old[w.Pattern]
		if b == nil {
			if b = newBehavior(w, tenants); w.Cache.ID == "" {
				return fmt.Errorf("behaviour %q is new and names no cache policy", w.Pattern)
			}
		} else {
			h = have[slices.IndexFunc(have, func(b cloud.Behavior) bool { return b.Pattern == w.Pattern })]
		}
		if err := p.behavior(b, h, w); err != nil {
			return fmt.Errorf("behaviour %q: %w", w.Pattern, err)
		}
		if w.Pattern == "" {
			raw.DefaultCacheBehavior = toDefault(b)
		} else {
			list.Items = append(list.Items, *b)
		}
	}
	list.Quantity = quantity(list.Items)
	raw.CacheBehaviors = list
	return nil
}

// newBehavior is a behaviour with all the members that an update needs.
// SmoothStreaming is none where there are many tenants: the service refuses it
// there. Source: "Required API fields for creating and updating distributions",
// CloudFront developer guide.
func newBehavior(w cloud.Behavior, tenants bool) *types.CacheBehavior {
	b := &types.CacheBehavior{
		AllowedMethods: allowed(nil, []string{"GET", "HEAD"}), Compress: new(false), FieldLevelEncryptionId: new(""),
		LambdaFunctionAssociations: &types.LambdaFunctionAssociations{Quantity: new(int32(0))},
	}
	if !tenants {
		b.SmoothStreaming = new(false)
	}
	if w.Pattern != "" {
		b.PathPattern = new(w.Pattern)
	}
	return b
}

func (p *patcher) behavior(b *types.CacheBehavior, have, want cloud.Behavior) error {
	if differ(p, have.Origin, want.Origin) {
		b.TargetOriginId = &want.Origin
	}
	if differ(p, have.Smooth, want.Smooth) {
		b.SmoothStreaming = &want.Smooth
	}
	if differ(p, have.ViewerProtocol, want.ViewerProtocol) {
		b.ViewerProtocolPolicy = types.ViewerProtocolPolicy(want.ViewerProtocol)
	}
	if differ(p, have.Compress, want.Compress) {
		b.Compress = &want.Compress
	}
	if differ(p, have.Methods, want.Methods) {
		b.AllowedMethods = allowed(b.AllowedMethods, want.Methods)
	}
	if differ(p, have.KeyGroups, want.KeyGroups) {
		b.TrustedKeyGroups = &types.TrustedKeyGroups{Enabled: new(len(want.KeyGroups) > 0), Quantity: quantity(want.KeyGroups), Items: want.KeyGroups}
	}
	if differ(p, have.Signers, want.Signers) {
		b.TrustedSigners = &types.TrustedSigners{Enabled: new(len(want.Signers) > 0), Quantity: quantity(want.Signers), Items: want.Signers}
	}
	if differ(p, have.Request.ID, want.Request.ID) {
		b.OriginRequestPolicyId = orNil(want.Request.ID)
	}
	if differ(p, have.Headers.ID, want.Headers.ID) {
		b.ResponseHeadersPolicyId = orNil(want.Headers.ID)
	}
	if differ(p, have.Functions, want.Functions) {
		if err := dropFunctions(b, have.Functions, want.Functions); err != nil {
			return err
		}
	}
	switch {
	case want.Cache.ID == "" && have.Cache.ID != "":
		return errors.New("a cache policy is not taken away: name another")
	case want.Cache.ID == "" && !reflect.DeepEqual(have.Cache, want.Cache):
		return errors.New("times and keys of its own are not changed: name a cache policy")
	case differ(p, have.Cache.ID, want.Cache.ID):
		copyMembers(b, new(caching)) // none of its own beside a policy
		b.CachePolicyId = &want.Cache.ID
	}
	return nil
}

func orNil(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// allowed keeps which methods are cached.
func allowed(old *types.AllowedMethods, want []string) *types.AllowedMethods {
	m := &types.AllowedMethods{Quantity: quantity(want), CachedMethods: &types.CachedMethods{
		Quantity: new(int32(2)), Items: []types.Method{types.MethodGet, types.MethodHead},
	}}
	for _, name := range want {
		m.Items = append(m.Items, types.Method(name))
	}
	if old != nil && old.CachedMethods != nil && !slices.ContainsFunc(old.CachedMethods.Items, func(c types.Method) bool { return !slices.Contains(m.Items, c) }) {
		m.CachedMethods = old.CachedMethods
	}
	return m
}

// dropFunctions takes away the functions that are wanted no more.
func dropFunctions(b *types.CacheBehavior, have, want []string) error {
	for _, arn := range want {
		if !slices.Contains(have, arn) {
			return fmt.Errorf("the function %s is not there already: functions are only taken away", arn)
		}
	}
	unwanted := func(arn *string) bool { return !slices.Contains(want, aws.ToString(arn)) }
	if f := b.FunctionAssociations; f != nil {
		f.Items = slices.DeleteFunc(f.Items, func(a types.FunctionAssociation) bool { return unwanted(a.FunctionARN) })
		f.Quantity = quantity(f.Items)
	}
	if f := b.LambdaFunctionAssociations; f != nil {
		f.Items = slices.DeleteFunc(f.Items, func(a types.LambdaFunctionAssociation) bool { return unwanted(a.LambdaFunctionARN) })
		f.Quantity = quantity(f.Items)
	}
	return nil
}

func (p *patcher) errors(raw *types.CustomErrorResponses, have, want []cloud.ErrorResponse) *types.CustomErrorResponses {
	out := &types.CustomErrorResponses{}
	for _, w := range want {
		e := types.CustomErrorResponse{ErrorCode: new(int32(w.Status))}
		h := cloud.ErrorResponse{Status: w.Status, CacheFor: -1}
		if raw != nil {
			for _, r := range raw.Items {
				if int(aws.ToInt32(r.ErrorCode)) == w.Status {
					e, h = r, have[slices.IndexFunc(have, func(e cloud.ErrorResponse) bool { return e.Status == w.Status })]
				}
			}
		}
		if differ(p, h.CacheFor, w.CacheFor) {
			e.ErrorCachingMinTTL = wholeSeconds(w.CacheFor)
		}
		if differ(p, h.Page, w.Page) {
			e.ResponsePagePath = &w.Page
		}
		if differ(p, h.Answer, w.Answer) {
			e.ResponseCode = &w.Answer
		}
		out.Items = append(out.Items, e)
	}
	out.Quantity = quantity(out.Items)
	return out
}
