package awscloud

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudfront/types"
	"github.com/vodfleet/vodfleet/internal/cloud"
)

func chosenBy[M ~string](mode M, names []string) cloud.Selection {
	return chosen(cmp.Or(string(mode), "none"), names)
}

func queryNames(n *types.QueryStringNames) []string {
	if n == nil {
		return nil
	}
	return n.Items
}

func headerNames(n *types.Headers) []string {
	if n == nil {
		return nil
	}
	return n.Items
}

func cookieNames(n *types.CookieNames) []string {
	if n == nil {
		return nil
	}
	return n.Items
}

// plainCache is what counts of a policy where two are compared.
func plainCache(p cloud.CachePolicy) cloud.CachePolicy {
	p.ID = ""
	for _, s := range []*cloud.Selection{&p.Query, &p.Headers, &p.Cookies} {
		*s = chosenBy(s.Mode, s.Names)
	}
	return p
}

// plainHeaders is what counts of a policy where two are compared. Names of
// headers are compared as they are written.
func plainHeaders(p cloud.HeadersPolicy) cloud.HeadersPolicy {
	p = p.Clone()
	p.ID, p.Remove = "", sorted(p.Remove)
	if len(p.Set) == 0 {
		p.Set = nil
	}
	slices.SortStableFunc(p.Set, func(a, b cloud.Header) int { return strings.Compare(a.Name, b.Name) })
	if c := p.CORS; c != nil {
		for _, list := range []*[]string{&c.Origins, &c.Methods, &c.Headers, &c.Expose} {
			*list = sorted(*list)
		}
	}
	return p
}

func cachePolicyTo(p cloud.CachePolicy) *types.CachePolicyConfig {
	k := &types.ParametersInCacheKeyAndForwardedToOrigin{
		EnableAcceptEncodingGzip: &p.Gzip, EnableAcceptEncodingBrotli: &p.Brotli,
		QueryStringsConfig: &types.CachePolicyQueryStringsConfig{QueryStringBehavior: types.CachePolicyQueryStringBehavior(p.Query.Mode)},
		HeadersConfig:      &types.CachePolicyHeadersConfig{HeaderBehavior: types.CachePolicyHeaderBehavior(p.Headers.Mode)},
		CookiesConfig:      &types.CachePolicyCookiesConfig{CookieBehavior: types.CachePolicyCookieBehavior(p.Cookies.Mode)},
	}
	if n := p.Query.Names; len(n) > 0 {
		k.QueryStringsConfig.QueryStrings = &types.QueryStringNames{Quantity: quantity(n), Items: n}
	}
	if n := p.Headers.Names; len(n) > 0 {
		k.HeadersConfig.Headers = &types.Headers{Quantity: quantity(n), Items: n}
	}
	if n := p.Cookies.Names; len(n) > 0 {
		k.CookiesConfig.Cookies = &types.CookieNames{Quantity: quantity(n), Items: n}
	}
	return &types.CachePolicyConfig{
		Name: &p.Name, Comment: new("vodfleet"), MinTTL: wholeSeconds(p.Min), DefaultTTL: wholeSeconds(p.Default), MaxTTL: wholeSeconds(p.Max),
		ParametersInCacheKeyAndForwardedToOrigin: k,
	}
}

func headersPolicyOf(raw *types.ResponseHeadersPolicyConfig) cloud.HeadersPolicy {
	p := cloud.HeadersPolicy{Name: aws.ToString(raw.Name)}
	if c := raw.CorsConfig; c != nil {
		p.CORS = &cloud.CORS{Credentials: aws.ToBool(c.AccessControlAllowCredentials), Override: aws.ToBool(c.OriginOverride)}
		if c.AccessControlMaxAgeSec != nil {
			p.CORS.MaxAge = ttl(new(int64(*c.AccessControlMaxAgeSec)))
		}
		if l := c.AccessControlAllowOrigins; l != nil {
			p.CORS.Origins = sorted(l.Items)
		}
		if l := c.AccessControlAllowMethods; l != nil {
			p.CORS.Methods = sorted(l.Items)
		}
		if l := c.AccessControlAllowHeaders; l != nil {
			p.CORS.Headers = sorted(l.Items)
		}
		if l := c.AccessControlExposeHeaders; l != nil {
			p.CORS.Expose = sorted(l.Items)
		}
	}
	if c := raw.CustomHeadersConfig; c != nil {
		for _, h := range c.Items {
			p.Set = append(p.Set, cloud.Header{Name: aws.ToString(h.Header), Value: aws.ToString(h.Value), Override: aws.ToBool(h.Override)})
		}
	}
	if c := raw.RemoveHeadersConfig; c != nil {
		var names []string
		for _, h := range c.Items {
			names = append(names, aws.ToString(h.Header))
		}
		p.Remove = sorted(names)
	}
	slices.SortStableFunc(p.Set, func(a, b cloud.Header) int { return strings.Compare(a.Name, b.Name) })
	return p
}

func headersPolicyTo(p cloud.HeadersPolicy) *types.ResponseHeadersPolicyConfig {
	raw := &types.ResponseHeadersPolicyConfig{Name: &p.Name, Comment: new("vodfleet")}
	if c := p.CORS; c != nil {
		cors := &types.ResponseHeadersPolicyCorsConfig{
			AccessControlAllowCredentials: &c.Credentials, OriginOverride: &c.Override,
			AccessControlAllowOrigins: &types.ResponseHeadersPolicyAccessControlAllowOrigins{Quantity: quantity(c.Origins), Items: c.Origins},
			AccessControlAllowHeaders: &types.ResponseHeadersPolicyAccessControlAllowHeaders{Quantity: quantity(c.Headers), Items: c.Headers},
			AccessControlAllowMethods: &types.ResponseHeadersPolicyAccessControlAllowMethods{Quantity: quantity(c.Methods)},
		}
		for _, m := range c.Methods {
			cors.AccessControlAllowMethods.Items = append(cors.AccessControlAllowMethods.Items, types.ResponseHeadersPolicyAccessControlAllowMethodsValues(m))
		}
		if len(c.Expose) > 0 {
			cors.AccessControlExposeHeaders = &types.ResponseHeadersPolicyAccessControlExposeHeaders{Quantity: quantity(c.Expose), Items: c.Expose}
		}
		if c.MaxAge > 0 {
			cors.AccessControlMaxAgeSec = new(int32(c.MaxAge / time.Second))
		}
		raw.CorsConfig = cors
	}
	if len(p.Set) > 0 {
		custom := &types.ResponseHeadersPolicyCustomHeadersConfig{Quantity: quantity(p.Set)}
		for _, h := range p.Set {
			custom.Items = append(custom.Items, types.ResponseHeadersPolicyCustomHeader{Header: new(h.Name), Value: new(h.Value), Override: new(h.Override)})
		}
		raw.CustomHeadersConfig = custom
	}
	if len(p.Remove) > 0 {
		remove := &types.ResponseHeadersPolicyRemoveHeadersConfig{Quantity: quantity(p.Remove)}
		for _, name := range p.Remove {
			remove.Items = append(remove.Items, types.ResponseHeadersPolicyRemoveHeader{Header: new(name)})
		}
		raw.RemoveHeadersConfig = remove
	}
	return raw
}
