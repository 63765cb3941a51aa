package cloudtest

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/vodfleet/vodfleet/internal/cloud"
)

// Distributions checks a [cloud.Distributions]. The reference of what a check
// makes is the bucket's name, which is its own.
func Distributions(t *testing.T, run Run) {
	all(t, run, []check{
		{"a configuration", configuration},
		{"a distribution is made once", createDistribution},
		{"a change replaces one version", configure},
		{"behaviours in order", behaviorOrder},
		{"what is refused", configureInvalid},
		{"policies are made once", ensurePolicies},
		{"policies are read", readPolicies},
		{"failures", distributionsFail},
	})
}

// cachePolicy makes a policy and returns its ID.
func (c *Cloud) cachePolicy(t *testing.T, p cloud.CachePolicy) string {
	t.Helper()
	id, err := c.CDN.EnsureCachePolicy(t.Context(), p)
	if err != nil || id == "" {
		t.Fatalf("EnsureCachePolicy(%s) = %q, %v", p.Name, id, err)
	}
	return id
}

func (c *Cloud) entries() cloud.CachePolicy {
	return cloud.CachePolicy{
		Name: c.Bucket + "-entries", Max: 365 * 24 * time.Hour, Gzip: true, Brotli: true,
		Headers: cloud.Selection{Mode: "whitelist", Names: []string{"Origin"}},
	}
}

// sample is a configuration that has all there is to have.
func (c *Cloud) sample(t *testing.T) cloud.DistributionConfig {
	t.Helper()
	control, err := c.CDN.EnsureAccessControl(t.Context(), c.Bucket)
	if err != nil || control == "" {
		t.Fatalf("EnsureAccessControl = %q, %v", control, err)
	}
	cache := cloud.CachePolicy{ID: c.cachePolicy(t, c.entries())}
	get := []string{"GET", "HEAD"}
	return cloud.DistributionConfig{
		Enabled: true, Comment: "of a check: " + c.Bucket,
		Origins: []cloud.Origin{
			{ID: "output", Domain: c.Bucket + ".s3.eu-central-1.amazonaws.com", Path: "/vod", Bucket: c.Bucket, Region: "eu-central-1", Access: control},
			{ID: "own", Domain: "origin.example.com", Custom: &cloud.CustomOrigin{HTTPPort: 8080, HTTPSPort: 443, Protocol: "http-only"}},
		},
		Behaviors: []cloud.Behavior{
			{Pattern: "*.ism/*", Origin: "output", Smooth: true, ViewerProtocol: "allow-all", Methods: get, Cache: cache},
			{Pattern: "media/*", Origin: "own", ViewerProtocol: "redirect-to-https", Methods: []string{"GET", "HEAD", "OPTIONS"}, Compress: true, Cache: cache},
			{Origin: "output", ViewerProtocol: "https-only", Methods: get, Cache: cache},
		},
		Errors: []cloud.ErrorResponse{{Status: 403, CacheFor: 5 * time.Second}, {Status: 404, CacheFor: 0}},
	}
}

// create makes a distribution.
func (c *Cloud) create(t *testing.T) cloud.DistributionConfig {
	t.Helper()
	d, err := c.CDN.CreateDistribution(t.Context(), c.Bucket, c.sample(t))
	if err != nil || d.ID == "" || d.Domain == "" || d.ARN == "" || d.ETag == "" {
		t.Fatalf("CreateDistribution = %+v, %v", d, err)
	}
	return d
}

// wantConfig fails the test unless two configurations say the same, apart from
// what the service gives and from how far the edges are.
func wantConfig(t *testing.T, what string, got, want cloud.DistributionConfig) {
	t.Helper()
	want.ID, want.ARN, want.Domain, want.ETag, want.Deployed = got.ID, got.ARN, got.Domain, got.ETag, got.Deployed
	if len(got.Aliases)+len(want.Aliases)+len(got.Groups)+len(want.Groups) == 0 {
		got.Aliases, want.Aliases, got.Groups, want.Groups = nil, nil, nil, nil
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s is\n%+v, want\n%+v", what, got, want)
	}
}

func (c *Cloud) configuration(t *testing.T, id string) cloud.DistributionConfig {
	t.Helper()
	d, err := c.CDN.Configuration(t.Context(), id)
	if err != nil {
		t.Fatalf("Configuration(%s) = %v", id, err)
	}
	return d
}

func configuration(t *testing.T, c *Cloud) {
	d := c.configuration(t, c.Distribution.ID)
	if d.ID != c.Distribution.ID || d.Domain != c.Distribution.Domain || !d.Enabled || d.ETag == "" || !d.Deployed {
		t.Errorf("Configuration = %+v, want %+v, deployed", d, c.Distribution)
	}
	if len(d.Origins) == 0 || len(d.Behaviors) == 0 {
		t.Fatalf("Configuration has %d origins and %d behaviours", len(d.Origins), len(d.Behaviors))
	}
	if err := d.Valid(); err != nil {
		t.Errorf("Configuration is not valid: %v", err)
	}
	for _, id := range []string{"ENONE", ""} {
		_, err := c.CDN.Configuration(t.Context(), id)
		wantKind(t, "Configuration of none", err, cloud.ErrNotFound)
	}
}

func createDistribution(t *testing.T, c *Cloud) {
	want := c.sample(t)
	_, err := c.CDN.Created(t.Context(), c.Bucket, want.Comment)
	wantKind(t, "Created of none", err, cloud.ErrNotFound)
	d := c.create(t)
	if found, err := c.CDN.Created(t.Context(), c.Bucket, want.Comment); err != nil || found.ID != d.ID || found.ETag != d.ETag {
		t.Errorf("Created = %+v, %v; want %s at %s", found, err, d.ID, d.ETag)
	}
	wantConfig(t, "the new distribution", d, want)
	if d.Deployed {
		t.Error("the new distribution is at the edges at once")
	}
	if again := c.create(t); again.ID != d.ID || again.ETag != d.ETag {
		t.Errorf("a repeat makes %s at %s, want %s at %s", again.ID, again.ETag, d.ID, d.ETag)
	}
	wantConfig(t, "what was made", c.configuration(t, d.ID), want)
	other := c.sample(t)
	other.Comment = "another"
	_, err = c.CDN.CreateDistribution(t.Context(), c.Bucket, other)
	wantKind(t, "CreateDistribution with the reference of another", err, cloud.ErrConflict)
	for range 120 {
		if c.configuration(t, d.ID).Deployed {
			return
		}
		c.Sleep(time.Second)
	}
	t.Error("the new distribution does not come to the edges")
}

func configure(t *testing.T, c *Cloud) {
	d := c.create(t)
	same, err := c.CDN.Configure(t.Context(), d)
	if err != nil || same.ETag != d.ETag {
		t.Errorf("Configure that changes nothing is at %s, %v; want %s", same.ETag, err, d.ETag)
	}
	want := d.Clone()
	want.Enabled, want.Comment = false, "changed"
	want.Origins[0].Path, want.Origins[1].Custom.Protocol = "", "https-only"
	want.Behaviors[0].Smooth, want.Behaviors[2].Smooth = false, true
	want.Behaviors[1].ViewerProtocol, want.Behaviors[1].Methods = "allow-all", []string{"GET", "HEAD"}
	want.Errors = []cloud.ErrorResponse{{Status: 404, CacheFor: time.Minute}, {Status: 503, CacheFor: time.Second}}
	got, err := c.CDN.Configure(t.Context(), want)
	if err != nil || got.ETag == d.ETag || got.ID != d.ID || got.Domain != d.Domain || got.Deployed {
		t.Fatalf("Configure = %+v, %v", got, err)
	}
	wantConfig(t, "what Configure returns", got, want)
	now := c.configuration(t, d.ID)
	wantConfig(t, "what was changed", now, want)
	if now.ETag != got.ETag {
		t.Errorf("Configuration is at %s, want %s", now.ETag, got.ETag)
	}
	want.Comment = "too late"
	_, err = c.CDN.Configure(t.Context(), want)
	wantKind(t, "Configure of an old version", err, cloud.ErrPrecondition)
	wantConfig(t, "what was not changed", c.configuration(t, d.ID), got)
	want.ID = "ENONE"
	_, err = c.CDN.Configure(t.Context(), want)
	wantKind(t, "Configure of none", err, cloud.ErrNotFound)
}

func behaviorOrder(t *testing.T, c *Cloud) {
	d := c.create(t)
	first, second := d.Behaviors[0], d.Behaviors[1]
	added := second
	added.Pattern, added.Smooth = "watch/*", true
	d.Behaviors = []cloud.Behavior{second, added, first, d.Behaviors[2]}
	got, err := c.CDN.Configure(t.Context(), d)
	if err != nil {
		t.Fatal(err)
	}
	wantConfig(t, "a new order", got, d)
	got.Behaviors = slices.Delete(got.Behaviors, 0, 2)
	got.Origins = got.Origins[:1]
	less, err := c.CDN.Configure(t.Context(), got)
	if err != nil {
		t.Fatal(err)
	}
	wantConfig(t, "fewer behaviours", less, got)
}

func configureInvalid(t *testing.T, c *Cloud) {
	d := c.create(t)
	for name, spoil := range map[string]func(*cloud.DistributionConfig){
		"no default behaviour":     func(d *cloud.DistributionConfig) { d.Behaviors = d.Behaviors[:2] },
		"an unknown origin":        func(d *cloud.DistributionConfig) { d.Behaviors[0].Origin = "none" },
		"a pattern twice":          func(d *cloud.DistributionConfig) { d.Behaviors[1].Pattern = d.Behaviors[0].Pattern },
		"an origin without an ID":  func(d *cloud.DistributionConfig) { d.Origins[0].ID = "" },
		"an origin's path":         func(d *cloud.DistributionConfig) { d.Origins[0].Path = "vod/" },
		"a new function":           func(d *cloud.DistributionConfig) { d.Behaviors[0].Functions = []string{"arn:f"} },
		"no cache policy any more": func(d *cloud.DistributionConfig) { d.Behaviors[0].Cache.ID = "" },
	} {
		bad := d.Clone()
		spoil(&bad)
		_, err := c.CDN.Configure(t.Context(), bad)
		wantKind(t, "Configure with "+name, err, cloud.ErrInvalid)
	}
	wantConfig(t, "what was not changed", c.configuration(t, d.ID), d)
}

func (c *Cloud) headers() cloud.HeadersPolicy {
	return cloud.HeadersPolicy{
		Name: c.Bucket + "-headers",
		CORS: &cloud.CORS{
			Origins: []string{"*"}, Methods: []string{"GET", "HEAD"}, Headers: []string{"*"}, Expose: []string{"Content-Length", "Content-Range"}, MaxAge: time.Hour, Override: true,
		},
		Set:    []cloud.Header{{Name: "Cache-Control", Value: "public, max-age=31536000, immutable", Override: true}},
		Remove: []string{"x-amz-meta-a", "x-amz-meta-b"},
	}
}

func ensurePolicies(t *testing.T, c *Cloud) {
	cache := c.cachePolicy(t, c.entries())
	if again := c.cachePolicy(t, c.entries()); again != cache {
		t.Errorf("a repeat of a cache policy is %s, want %s", again, cache)
	}
	other := c.entries()
	other.Default = time.Second
	_, err := c.CDN.EnsureCachePolicy(t.Context(), other)
	wantKind(t, "EnsureCachePolicy with the name of another", err, cloud.ErrConflict)
	other.Name, other.Min = c.Bucket+"-bad", time.Minute
	_, err = c.CDN.EnsureCachePolicy(t.Context(), other)
	wantKind(t, "EnsureCachePolicy with times in disorder", err, cloud.ErrInvalid)

	headers, err := c.CDN.EnsureHeadersPolicy(t.Context(), "", c.headers())
	again, err2 := c.CDN.EnsureHeadersPolicy(t.Context(), "", c.headers())
	if err != nil || err2 != nil || headers == "" || again != headers {
		t.Errorf("EnsureHeadersPolicy = %q, %v, then %q, %v", headers, err, again, err2)
	}
	p := c.headers()
	p.Set = nil
	_, err = c.CDN.EnsureHeadersPolicy(t.Context(), "", p)
	wantKind(t, "EnsureHeadersPolicy with the name of another", err, cloud.ErrConflict)
	p.Name = c.Bucket + "-more"
	if id, err := c.CDN.EnsureHeadersPolicy(t.Context(), headers, p); err != nil || id == headers {
		t.Errorf("EnsureHeadersPolicy on another = %q, %v", id, err)
	}
	_, err = c.CDN.EnsureHeadersPolicy(t.Context(), "10ca1c10-0d00-4000-8000-00000000ffff", p)
	wantKind(t, "EnsureHeadersPolicy on none", err, cloud.ErrNotFound)
	p.Name = ""
	_, err = c.CDN.EnsureHeadersPolicy(t.Context(), "", p)
	wantKind(t, "EnsureHeadersPolicy without a name", err, cloud.ErrInvalid)

	control, err := c.CDN.EnsureAccessControl(t.Context(), c.Bucket)
	again, err2 = c.CDN.EnsureAccessControl(t.Context(), c.Bucket)
	if err != nil || err2 != nil || control == "" || again != control {
		t.Errorf("EnsureAccessControl = %q, %v, then %q, %v", control, err, again, err2)
	}
	_, err = c.CDN.EnsureAccessControl(t.Context(), "")
	wantKind(t, "EnsureAccessControl without a name", err, cloud.ErrInvalid)
}

func readPolicies(t *testing.T, c *Cloud) {
	d := c.create(t)
	id, err := c.CDN.EnsureHeadersPolicy(t.Context(), "", c.headers())
	if err != nil {
		t.Fatal(err)
	}
	d.Behaviors[0].Headers.ID = id
	if d, err = c.CDN.Configure(t.Context(), d); err != nil {
		t.Fatal(err)
	}
	got, err := c.CDN.Policies(t.Context(), d)
	if err != nil {
		t.Fatal(err)
	}
	cache, headers := c.entries(), c.headers()
	cache.ID, headers.ID = d.Behaviors[0].Cache.ID, id
	cache.Query.Mode, cache.Cookies.Mode = "none", "none"
	for i, b := range got.Behaviors {
		if !reflect.DeepEqual(b.Cache, cache) {
			t.Errorf("behaviour %d has the cache policy %+v, want %+v", i, b.Cache, cache)
		}
	}
	if !reflect.DeepEqual(got.Behaviors[0].Headers, headers) {
		t.Errorf("the headers policy is %+v, want %+v", got.Behaviors[0].Headers, headers)
	}
	for i := range got.Behaviors {
		got.Behaviors[i].Cache, got.Behaviors[i].Headers = d.Behaviors[i].Cache, d.Behaviors[i].Headers
	}
	if !reflect.DeepEqual(got, d) {
		t.Errorf("Policies changed %+v to %+v", d, got)
	}
	d.Behaviors[0].Cache.ID = "10ca1c10-0d00-4000-8000-00000000ffff"
	_, err = c.CDN.Policies(t.Context(), d)
	wantKind(t, "Policies of one that is gone", err, cloud.ErrNotFound)
}

func distributionsFail(t *testing.T, c *Cloud) {
	d, cache := c.create(t), c.entries()
	changed := d.Clone()
	changed.Comment = "fails"
	fails(t, c, map[string]func(context.Context) error{
		"Configuration":      func(ctx context.Context) error { return second(c.CDN.Configuration(ctx, d.ID)) },
		"Policies":           func(ctx context.Context) error { return second(c.CDN.Policies(ctx, d)) },
		"Configure":          func(ctx context.Context) error { return second(c.CDN.Configure(ctx, changed)) },
		"CreateDistribution": func(ctx context.Context) error { return second(c.CDN.CreateDistribution(ctx, c.Bucket, d)) },
		"Created":            func(ctx context.Context) error { return second(c.CDN.Created(ctx, c.Bucket, d.Comment)) },
		"EnsureCachePolicy":  func(ctx context.Context) error { return second(c.CDN.EnsureCachePolicy(ctx, cache)) },
		"EnsureHeadersPolicy": func(ctx context.Context) error {
			return second(c.CDN.EnsureHeadersPolicy(ctx, "", c.headers()))
		},
		"EnsureAccessControl": func(ctx context.Context) error {
			return second(c.CDN.EnsureAccessControl(ctx, fmt.Sprint(c.Bucket, "-fails")))
		},
	})
}

func second[T any](_ T, err error) error { return err }
