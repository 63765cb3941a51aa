package awscloud

import (
	"context"
	"errors"
	"fmt"
	"reflect"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudfront"
	"github.com/aws/aws-sdk-go-v2/service/cloudfront/types"
	"github.com/vodfleet/vodfleet/internal/cloud"
)

// EnsureCachePolicy implements [cloud.Distributions].
func (c *cdn) EnsureCachePolicy(ctx context.Context, want cloud.CachePolicy) (string, error) {
	const op = "CreateCachePolicy"
	object := "cache policy " + want.Name
	if err := want.Valid(); err != nil {
		return "", invalid(op, object, err)
	}
	want = plainCache(want)
	find := func(ctx context.Context) (string, error) {
		return search(ctx, "ListCachePolicies", object, func(ctx context.Context, marker *string) (entry, error) {
			out, err := c.api.ListCachePolicies(ctx, &cloudfront.ListCachePoliciesInput{Type: types.CachePolicyTypeCustom, Marker: marker})
			if err != nil || out.CachePolicyList == nil {
				return entry{}, err
			}
			for _, s := range out.CachePolicyList.Items {
				if p := s.CachePolicy; p != nil && p.CachePolicyConfig != nil && aws.ToString(p.CachePolicyConfig.Name) == want.Name {
					return entry{id: aws.ToString(p.Id), conflict: same(op, object, plainCache(cachePolicyOf(p.CachePolicyConfig)), want)}, nil
				}
			}
			return entry{next: out.CachePolicyList.NextMarker}, nil
		})
	}
	return ensure(ctx, find, func(ctx context.Context) (string, error) {
		out, err := call(ctx, callTime, op, object, func(ctx context.Context) (*cloudfront.CreateCachePolicyOutput, error) {
			return c.api.CreateCachePolicy(ctx, &cloudfront.CreateCachePolicyInput{CachePolicyConfig: cachePolicyTo(want)})
		})
		if err != nil {
			return "", err
		}
		if out.CachePolicy == nil || out.CachePolicy.Id == nil {
			return "", noPolicy(op, object)
		}
		return *out.CachePolicy.Id, nil
	})
}

// EnsureHeadersPolicy implements [cloud.Distributions].
func (c *cdn) EnsureHeadersPolicy(ctx context.Context, base string, want cloud.HeadersPolicy) (string, error) {
	const op = "CreateResponseHeadersPolicy"
	object := "response headers policy " + want.Name
	if err := want.Valid(); err != nil {
		return "", invalid(op, object, err)
	}
	want = plainHeaders(want)
	kept := new(types.ResponseHeadersPolicyConfig)
	if base != "" {
		var err error
		if kept, err = c.rawHeadersPolicy(ctx, base); err != nil {
			return "", err
		}
	}
	find := func(ctx context.Context) (string, error) {
		return search(ctx, "ListResponseHeadersPolicies", object, func(ctx context.Context, marker *string) (entry, error) {
			out, err := c.api.ListResponseHeadersPolicies(ctx, &cloudfront.ListResponseHeadersPoliciesInput{Type: types.ResponseHeadersPolicyTypeCustom, Marker: marker})
			if err != nil || out.ResponseHeadersPolicyList == nil {
				return entry{}, err
			}
			for _, s := range out.ResponseHeadersPolicyList.Items {
				if p := s.ResponseHeadersPolicy; p != nil && p.ResponseHeadersPolicyConfig != nil && aws.ToString(p.ResponseHeadersPolicyConfig.Name) == want.Name {
					there := p.ResponseHeadersPolicyConfig
					return entry{id: aws.ToString(p.Id), conflict: same(op, object,
						[]any{plainHeaders(headersPolicyOf(there)), there.SecurityHeadersConfig, there.ServerTimingHeadersConfig},
						[]any{want, kept.SecurityHeadersConfig, kept.ServerTimingHeadersConfig})}, nil
				}
			}
			return entry{next: out.ResponseHeadersPolicyList.NextMarker}, nil
		})
	}
	return ensure(ctx, find, func(ctx context.Context) (string, error) {
		made := headersPolicyTo(want)
		made.SecurityHeadersConfig, made.ServerTimingHeadersConfig = kept.SecurityHeadersConfig, kept.ServerTimingHeadersConfig
		out, err := call(ctx, callTime, op, object, func(ctx context.Context) (*cloudfront.CreateResponseHeadersPolicyOutput, error) {
			return c.api.CreateResponseHeadersPolicy(ctx, &cloudfront.CreateResponseHeadersPolicyInput{ResponseHeadersPolicyConfig: made})
		})
		if err != nil {
			return "", err
		}
		if out.ResponseHeadersPolicy == nil || out.ResponseHeadersPolicy.Id == nil {
			return "", noPolicy(op, object)
		}
		return *out.ResponseHeadersPolicy.Id, nil
	})
}

// EnsureAccessControl implements [cloud.Distributions].
func (c *cdn) EnsureAccessControl(ctx context.Context, name string) (string, error) {
	const op = "CreateOriginAccessControl"
	object := "origin access control " + name
	if name == "" {
		return "", invalid(op, object, errors.New("no name"))
	}
	want := types.OriginAccessControlConfig{
		Name: &name, Description: new("vodfleet: signs the requests for the output bucket"),
		OriginAccessControlOriginType: types.OriginAccessControlOriginTypesS3,
		SigningBehavior:               types.OriginAccessControlSigningBehaviorsAlways, SigningProtocol: types.OriginAccessControlSigningProtocolsSigv4,
	}
	find := func(ctx context.Context) (string, error) {
		return search(ctx, "ListOriginAccessControls", object, func(ctx context.Context, marker *string) (entry, error) {
			out, err := c.api.ListOriginAccessControls(ctx, &cloudfront.ListOriginAccessControlsInput{Marker: marker})
			if err != nil || out.OriginAccessControlList == nil {
				return entry{}, err
			}
			for _, s := range out.OriginAccessControlList.Items {
				if aws.ToString(s.Name) == name {
					return entry{id: aws.ToString(s.Id), conflict: same(op, object,
						fmt.Sprint(s.OriginAccessControlOriginType, s.SigningBehavior, s.SigningProtocol),
						fmt.Sprint(want.OriginAccessControlOriginType, want.SigningBehavior, want.SigningProtocol))}, nil
				}
			}
			return entry{next: out.OriginAccessControlList.NextMarker}, nil
		})
	}
	return ensure(ctx, find, func(ctx context.Context) (string, error) {
		out, err := call(ctx, callTime, op, object, func(ctx context.Context) (*cloudfront.CreateOriginAccessControlOutput, error) {
			return c.api.CreateOriginAccessControl(ctx, &cloudfront.CreateOriginAccessControlInput{OriginAccessControlConfig: &want})
		})
		if err != nil {
			return "", err
		}
		if out.OriginAccessControl == nil || out.OriginAccessControl.Id == nil {
			return "", noPolicy(op, object)
		}
		return *out.OriginAccessControl.Id, nil
	})
}

// ensure finds or makes; who loses a race finds what the winner made.
func ensure(ctx context.Context, find, create func(context.Context) (string, error)) (string, error) {
	id, err := find(ctx)
	if err != nil || id != "" {
		return id, err
	}
	id, err = create(ctx)
	if !errors.Is(err, cloud.ErrConflict) {
		return id, err
	}
	if found, ferr := find(ctx); ferr != nil || found != "" {
		return found, ferr
	}
	return "", err
}

// entry is what a page of a list has of the name that is looked for.
type entry struct {
	id       string
	conflict error   // it says something else
	next     *string // marker of the next page, where this one has nothing
}

// search goes through a list's pages for a name and returns its ID.
func search(ctx context.Context, op, object string, page func(ctx context.Context, marker *string) (entry, error)) (string, error) {
	var marker *string
	for range maxPages {
		e, err := call(ctx, callTime, op, object, func(ctx context.Context) (entry, error) { return page(ctx, marker) })
		switch {
		case err != nil:
			return "", err
		case e.conflict != nil:
			return "", e.conflict
		}
		if e.id != "" || aws.ToString(e.next) == "" {
			return e.id, nil
		}
		marker = e.next
	}
	return "", nil
}

// same is nil if what is there under a name is what is wanted of it.
func same(op, object string, have, want any) error {
	if reflect.DeepEqual(have, want) {
		return nil
	}
	return &cloud.Error{Op: op, Object: object, Kind: cloud.ErrConflict, Message: "there is one of this name that says something else: rename or delete it"}
}
