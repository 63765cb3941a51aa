//lint:file-ignore SA1019 distributions of old have members that are deprecated by now.

package cloudfront

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	sdk "github.com/aws/aws-sdk-go-v2/service/cloudfront"
	"github.com/aws/aws-sdk-go-v2/service/cloudfront/types"
	"github.com/aws/smithy-go"
)

// handClock is a clock that a test moves by hand.
type handClock struct{ t time.Time }

func (c *handClock) Now() time.Time { return c.t }

// observer fails the test on answers that break the published model.
type observer struct{ t *testing.T }

func (o observer) Wrap(_ string, op func(*http.Request) string, _ func(http.ResponseWriter, *http.Request, bool, int), next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if got := op(r); got == "Unknown" {
			o.t.Errorf("%s %s names no operation", r.Method, r.URL)
		}
		next.ServeHTTP(w, r)
	})
}

func (o observer) Violation(_, op, text string) { o.t.Errorf("answer of %s: %s", op, text) }

type stand struct {
	*sdk.Client
	service *Service
	clock   *handClock
	url     string
}

func newStand(t *testing.T, change ...func(*Config)) *stand {
	t.Helper()
	clk := &handClock{time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
	cfg := Config{Dir: t.TempDir(), Clock: clk, Calls: observer{t}, Origin: "vod-output"}
	for _, c := range change {
		c(&cfg)
	}
	s, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(s.Handler())
	t.Cleanup(srv.Close)
	return &stand{client(srv.URL), s, clk, srv.URL}
}

func client(url string) *sdk.Client {
	return sdk.New(sdk.Options{
		Region: "us-east-1", BaseEndpoint: &url, Retryer: aws.NopRetryer{},
		Credentials: credentials.NewStaticCredentialsProvider("localcloud", "localcloud-secret", ""),
	})
}

// code returns the API's error code, and the status, of err.
func code(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) {
		return api.ErrorCode()
	}
	if err != nil {
		return err.Error()
	}
	return "<nil>"
}

func TestFirstDistribution(t *testing.T) {
	s := newStand(t)

	got, err := s.GetDistribution(t.Context(), &sdk.GetDistributionInput{Id: aws.String(FirstID)})
	if err != nil {
		t.Fatal(err)
	}
	d, c := got.Distribution, got.Distribution.DistributionConfig
	if *d.Status != "Deployed" || *d.DomainName != FirstDomain || !*c.Enabled || c.PriceClass != types.PriceClassPriceClassAll {
		t.Errorf("first distribution is %s, %s, enabled %v, %s", *d.Status, *d.DomainName, *c.Enabled, c.PriceClass)
	}
	o := c.Origins.Items[0]
	if *o.DomainName != "vod-output.s3.us-east-1.amazonaws.com" || *o.OriginAccessControlId == "" || *c.DefaultCacheBehavior.SmoothStreaming {
		t.Errorf("origin %s with access control %q, smooth %v", *o.DomainName, *o.OriginAccessControlId, *c.DefaultCacheBehavior.SmoothStreaming)
	}
	p, err := s.GetCachePolicy(t.Context(), &sdk.GetCachePolicyInput{Id: c.DefaultCacheBehavior.CachePolicyId})
	if err != nil || *p.CachePolicy.CachePolicyConfig.MinTTL != 1 {
		t.Errorf("cache policy: %v", err)
	}
	if _, err := s.GetOriginAccessControl(t.Context(), &sdk.GetOriginAccessControlInput{Id: o.OriginAccessControlId}); err != nil {
		t.Errorf("access control: %v", err)
	}
	h, err := s.GetResponseHeadersPolicy(t.Context(), &sdk.GetResponseHeadersPolicyInput{Id: c.DefaultCacheBehavior.ResponseHeadersPolicyId})
	if err != nil || h.ResponseHeadersPolicy.ResponseHeadersPolicyConfig.CorsConfig.AccessControlAllowOrigins.Items[0] != "*" {
		t.Errorf("headers policy: %v", err)
	}
	for _, smooth := range []bool{false, true} {
		b := newStand(t, func(c *Config) { c.Smooth = smooth }).service.Lookup("").Behaviors[1]
		if b.Pattern != "media/*" || b.Smooth != smooth {
			t.Errorf("%s is smooth %v, want %v of media/*", b.Pattern, b.Smooth, smooth)
		}
	}
	v := s.service.Lookup("")
	var behaviors []string
	for _, b := range v.Behaviors {
		behaviors = append(behaviors, fmt.Sprint(b.Pattern, " ", b.Cache.Min, " ", b.Cache.Default, " ", b.Cache.Max, " ", b.Headers.Set, " ", b.Headers.CORS.Origins))
	}
	if want := []string{
		"watch/* 0s 0s 8760h0m0s [] [*]",
		"media/* 1s 8760h0m0s 8760h0m0s [{Cache-Control public, max-age=31536000, immutable false}] [*]",
		" 1s 24h0m0s 8760h0m0s [] [*]",
	}; !slices.Equal(behaviors, want) {
		t.Errorf("behaviours:\n%s\nwant\n%s", strings.Join(behaviors, "\n"), strings.Join(want, "\n"))
	}
	list, err := s.ListCachePolicies(t.Context(), &sdk.ListCachePoliciesInput{Type: types.CachePolicyTypeCustom})
	if err != nil || *list.CachePolicyList.Quantity != 2 {
		t.Errorf("custom cache policies = %+v, %v, want 2", list, err)
	}
}

// full is a configuration with every kind of member that real ones have.
func full() *types.DistributionConfig {
	n := func(v int) *int32 { return aws.Int32(int32(v)) }
	behavior := types.CacheBehavior{
		PathPattern: aws.String("*.ism/*"), TargetOriginId: aws.String("s3"), ViewerProtocolPolicy: types.ViewerProtocolPolicyHttpsOnly,
		SmoothStreaming: aws.Bool(true), Compress: aws.Bool(true), CachePolicyId: aws.String("658327ea-f89d-4fab-a63d-7e88639e58f6"),
		OriginRequestPolicyId: aws.String("88a5eaf4-2fd4-4709-b370-b4c650ea3fcf"),
		AllowedMethods: &types.AllowedMethods{
			Quantity: n(2), Items: []types.Method{"HEAD", "GET"},
			CachedMethods: &types.CachedMethods{Quantity: n(2), Items: []types.Method{"HEAD", "GET"}},
		},
		TrustedSigners:             &types.TrustedSigners{Enabled: aws.Bool(false), Quantity: n(0)},
		TrustedKeyGroups:           &types.TrustedKeyGroups{Enabled: aws.Bool(false), Quantity: n(0)},
		LambdaFunctionAssociations: &types.LambdaFunctionAssociations{Quantity: n(0)},
		FunctionAssociations:       &types.FunctionAssociations{Quantity: n(0)},
		FieldLevelEncryptionId:     aws.String(""),
		GrpcConfig:                 &types.GrpcConfig{Enabled: aws.Bool(false)},
	}
	legacy := behavior
	legacy.PathPattern, legacy.SmoothStreaming, legacy.CachePolicyId, legacy.OriginRequestPolicyId = aws.String("old/*"), aws.Bool(false), nil, nil
	legacy.TargetOriginId = aws.String("web")
	legacy.ForwardedValues = &types.ForwardedValues{
		QueryString: aws.Bool(true), Cookies: &types.CookiePreference{Forward: types.ItemSelectionNone},
		Headers: &types.Headers{Quantity: n(1), Items: []string{"Origin"}}, QueryStringCacheKeys: &types.QueryStringCacheKeys{Quantity: n(0)},
	}
	legacy.MinTTL, legacy.DefaultTTL, legacy.MaxTTL = aws.Int64(0), aws.Int64(60), aws.Int64(3600)
	return &types.DistributionConfig{
		CallerReference: aws.String("ref-1"), Comment: aws.String(`a <full> one & "more"`), Enabled: aws.Bool(true),
		Aliases:           &types.Aliases{Quantity: n(1), Items: []string{"video.example.com"}},
		DefaultRootObject: aws.String("index.html"),
		Origins: &types.Origins{Quantity: n(2), Items: []types.Origin{{
			Id: aws.String("s3"), DomainName: aws.String("vod-output.s3.amazonaws.com"), OriginPath: aws.String("/a b"[:2]),
			CustomHeaders:      &types.CustomHeaders{Quantity: n(1), Items: []types.OriginCustomHeader{{HeaderName: aws.String("X-Key"), HeaderValue: aws.String("v")}}},
			S3OriginConfig:     &types.S3OriginConfig{OriginAccessIdentity: aws.String("")},
			ConnectionAttempts: n(2), ConnectionTimeout: n(5), OriginAccessControlId: aws.String(firstOAC),
			OriginShield: &types.OriginShield{Enabled: aws.Bool(true), OriginShieldRegion: aws.String("us-east-1")},
		}, {
			Id: aws.String("web"), DomainName: aws.String("localhost"), OriginPath: aws.String(""), CustomHeaders: &types.CustomHeaders{Quantity: n(0)},
			CustomOriginConfig: &types.CustomOriginConfig{
				HTTPPort: n(8080), HTTPSPort: n(443), OriginProtocolPolicy: types.OriginProtocolPolicyHttpOnly, OriginReadTimeout: n(20), OriginKeepaliveTimeout: n(5),
				OriginSslProtocols: &types.OriginSslProtocols{Quantity: n(1), Items: []types.SslProtocol{"TLSv1.2"}},
			},
			ConnectionAttempts: n(3), ConnectionTimeout: n(10), OriginAccessControlId: aws.String(""), OriginShield: &types.OriginShield{Enabled: aws.Bool(false)},
		}}},
		OriginGroups: &types.OriginGroups{Quantity: n(1), Items: []types.OriginGroup{{
			Id: aws.String("pair"), FailoverCriteria: &types.OriginGroupFailoverCriteria{StatusCodes: &types.StatusCodes{Quantity: n(2), Items: []int32{500, 503}}},
			Members: &types.OriginGroupMembers{Quantity: n(2), Items: []types.OriginGroupMember{{OriginId: aws.String("s3")}, {OriginId: aws.String("web")}}},
		}}},
		DefaultCacheBehavior: &types.DefaultCacheBehavior{
			TargetOriginId: aws.String("pair"), ViewerProtocolPolicy: types.ViewerProtocolPolicyRedirectToHttps, SmoothStreaming: aws.Bool(false), Compress: aws.Bool(false),
			CachePolicyId: aws.String("4135ea2d-6df8-44a3-9df3-4b5a84be39ad"), ResponseHeadersPolicyId: aws.String("5cc3b908-e619-4b99-88e5-2cf7f45965bd"),
			AllowedMethods: behavior.AllowedMethods, TrustedSigners: behavior.TrustedSigners, TrustedKeyGroups: behavior.TrustedKeyGroups,
			LambdaFunctionAssociations: behavior.LambdaFunctionAssociations, FieldLevelEncryptionId: aws.String(""), GrpcConfig: behavior.GrpcConfig,
			FunctionAssociations: &types.FunctionAssociations{Quantity: n(1), Items: []types.FunctionAssociation{{
				EventType: types.EventTypeViewerRequest, FunctionARN: aws.String("arn:aws:cloudfront::111122223333:function/f"),
			}}},
		},
		CacheBehaviors: &types.CacheBehaviors{Quantity: n(2), Items: []types.CacheBehavior{behavior, legacy}},
		CustomErrorResponses: &types.CustomErrorResponses{Quantity: n(1), Items: []types.CustomErrorResponse{{
			ErrorCode: n(404), ResponseCode: aws.String("200"), ResponsePagePath: aws.String("/404.html"), ErrorCachingMinTTL: aws.Int64(7),
		}}},
		Logging:    &types.LoggingConfig{Enabled: aws.Bool(true), IncludeCookies: aws.Bool(false), Bucket: aws.String("logs.s3.amazonaws.com"), Prefix: aws.String("cf/")},
		PriceClass: types.PriceClassPriceClass100,
		ViewerCertificate: &types.ViewerCertificate{
			ACMCertificateArn: aws.String("arn:aws:acm:us-east-1:111122223333:certificate/1"), SSLSupportMethod: types.SSLSupportMethodSniOnly,
			MinimumProtocolVersion: types.MinimumProtocolVersionTLSv122021, CloudFrontDefaultCertificate: aws.Bool(false),
			Certificate: aws.String("arn:aws:acm:us-east-1:111122223333:certificate/1"), CertificateSource: types.CertificateSourceAcm,
		},
		Restrictions: &types.Restrictions{GeoRestriction: &types.GeoRestriction{RestrictionType: types.GeoRestrictionTypeBlacklist, Quantity: n(1), Items: []string{"AQ"}}},
		WebACLId:     aws.String(""), HttpVersion: types.HttpVersionHttp2and3, IsIPV6Enabled: aws.Bool(true),
		ContinuousDeploymentPolicyId: aws.String(""), Staging: aws.Bool(false),
		CacheTagConfig: &types.CacheTagConfig{HeaderName: aws.String("Cache-Tag")}, // nothing here acts on it
	}
}

func TestConfigurationRoundTrip(t *testing.T) {
	s := newStand(t)
	want := full()

	made, err := s.CreateDistributionWithTags(t.Context(), &sdk.CreateDistributionWithTagsInput{DistributionConfigWithTags: &types.DistributionConfigWithTags{
		DistributionConfig: want, Tags: &types.Tags{Items: []types.Tag{{Key: aws.String("team"), Value: aws.String("video")}}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasSuffix(*made.Location, "/2020-05-31/distribution/"+*made.Distribution.Id) || *made.Distribution.Status != "InProgress" {
		t.Errorf("made at %s, %s", *made.Location, *made.Distribution.Status)
	}
	got, err := s.GetDistributionConfig(t.Context(), &sdk.GetDistributionConfigInput{Id: made.Distribution.Id})
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got.DistributionConfig, want) {
		t.Errorf("configuration came back as\n%+v, want\n%+v", got.DistributionConfig, want)
	}
	tags, err := s.ListTagsForResource(t.Context(), &sdk.ListTagsForResourceInput{Resource: made.Distribution.ARN})
	if err != nil || len(tags.Tags.Items) != 1 || *tags.Tags.Items[0].Value != "video" {
		t.Errorf("tags: %v %v", tags, err)
	}

	// The same over a restart.
	again, err := New(s.service.cfg)
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(again.Handler())
	defer srv.Close()
	after, err := client(srv.URL).GetDistributionConfig(t.Context(), &sdk.GetDistributionConfigInput{Id: made.Distribution.Id})
	if err != nil || !reflect.DeepEqual(after.DistributionConfig, want) || *after.ETag != *got.ETag {
		t.Errorf("after a restart: %v, same %v", err, reflect.DeepEqual(after.DistributionConfig, want))
	}
	list, err := client(srv.URL).ListDistributions(t.Context(), &sdk.ListDistributionsInput{})
	if err != nil || *list.DistributionList.Quantity != 2 || *list.DistributionList.Items[0].Id != FirstID {
		t.Errorf("list after a restart: %v", err)
	}
}

func TestUpdateDistribution(t *testing.T) {
	s := newStand(t)
	ctx, id := t.Context(), aws.String(FirstID)
	old, err := s.GetDistributionConfig(ctx, &sdk.GetDistributionConfigInput{Id: id})
	if err != nil {
		t.Fatal(err)
	}
	old.DistributionConfig.DefaultCacheBehavior.SmoothStreaming = aws.Bool(true)
	live := func() Behavior {
		b := s.service.Lookup("").Behaviors
		return b[len(b)-1]
	}
	update := func(etag *string) (*sdk.UpdateDistributionOutput, error) {
		return s.UpdateDistribution(ctx, &sdk.UpdateDistributionInput{Id: id, IfMatch: etag, DistributionConfig: old.DistributionConfig})
	}

	if _, err := update(nil); code(err) != "InvalidIfMatchVersion" {
		t.Errorf("without a version: %v", err)
	}
	done, err := update(old.ETag)
	if err != nil {
		t.Fatal(err)
	}
	if *done.Distribution.Status != "InProgress" || *done.ETag == *old.ETag || live().Smooth {
		t.Errorf("after update: %s, version %s, live %v", *done.Distribution.Status, *done.ETag, live().Smooth)
	}
	if _, err := update(old.ETag); code(err) != "PreconditionFailed" || !strings.Contains(err.Error(), "StatusCode: 412") {
		t.Errorf("with the old version: %v", err)
	}
	s.clock.t = s.clock.t.Add(3 * time.Second)
	now, err := s.GetDistribution(ctx, &sdk.GetDistributionInput{Id: id})
	if err != nil || *now.Distribution.Status != "Deployed" || !live().Smooth {
		t.Errorf("three seconds later: %v %v", now, err)
	}
}

// manyTenants makes a configuration that of a multi-tenant distribution.
func manyTenants(c *types.DistributionConfig) {
	c.ConnectionMode, c.Aliases = types.ConnectionModeTenantOnly, nil
	c.CacheBehaviors.Items[0].SmoothStreaming = aws.Bool(false)
	old := &c.CacheBehaviors.Items[1]
	old.ForwardedValues, old.MinTTL, old.DefaultTTL, old.MaxTTL = nil, nil, nil, nil
	old.CachePolicyId = c.CacheBehaviors.Items[0].CachePolicyId
}

func TestManyTenantsAreToldApart(t *testing.T) {
	s := newStand(t)
	c := full()
	manyTenants(c)
	if _, err := s.CreateDistribution(t.Context(), &sdk.CreateDistributionInput{DistributionConfig: c}); err != nil {
		t.Fatal(err)
	}
	list, err := s.ListDistributions(t.Context(), &sdk.ListDistributionsInput{})
	if err != nil {
		t.Fatal(err)
	}
	if a, b := list.DistributionList.Items[0].ConnectionMode, list.DistributionList.Items[1].ConnectionMode; a != "" || b != types.ConnectionModeTenantOnly {
		t.Errorf("connection modes %q and %q", a, b)
	}
	s.clock.t = s.clock.t.Add(time.Minute)
	if v := s.service.Lookup(*list.DistributionList.Items[1].DomainName); !v.TenantOnly {
		t.Error("the edge takes it for a standard one")
	}
}

func TestRefusals(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(*types.DistributionConfig)
		want   string
	}{
		{"nothing wrong", func(*types.DistributionConfig) {}, "<nil>"},
		{"quantity", func(c *types.DistributionConfig) { c.Aliases.Quantity = aws.Int32(2) }, "InconsistentQuantities"},
		{"enumeration", func(c *types.DistributionConfig) { c.PriceClass = "PriceClass_3" }, "MalformedXML"},
		{"empty items", func(c *types.DistributionConfig) {
			c.Aliases = &types.Aliases{Quantity: aws.Int32(0), Items: []string{}}
		}, "MalformedInput"},
		{"origin of a behaviour", func(c *types.DistributionConfig) { c.DefaultCacheBehavior.TargetOriginId = aws.String("x") }, "NoSuchOrigin"},
		{"cache policy", func(c *types.DistributionConfig) { c.DefaultCacheBehavior.CachePolicyId = aws.String("x") }, "NoSuchCachePolicy"},
		{"headers policy", func(c *types.DistributionConfig) { c.DefaultCacheBehavior.ResponseHeadersPolicyId = aws.String("x") }, "NoSuchResponseHeadersPolicy"},
		{"request policy", func(c *types.DistributionConfig) { c.DefaultCacheBehavior.OriginRequestPolicyId = aws.String("x") }, "NoSuchOriginRequestPolicy"},
		{"no policy", func(c *types.DistributionConfig) { c.DefaultCacheBehavior.CachePolicyId = nil }, "InvalidArgument"},
		{"policy and TTL", func(c *types.DistributionConfig) { c.DefaultCacheBehavior.MinTTL = aws.Int64(0) }, "InvalidArgument"},
		{"TTL order", func(c *types.DistributionConfig) { c.CacheBehaviors.Items[1].MinTTL = aws.Int64(100) }, "InvalidTTLOrder"},
		{"access control", func(c *types.DistributionConfig) { c.Origins.Items[0].OriginAccessControlId = aws.String("x") }, "InvalidOriginAccessControl"},
		{"no origin type", func(c *types.DistributionConfig) { c.Origins.Items[1].CustomOriginConfig = nil }, "InvalidOrigin"},
		{"S3 with a custom domain", func(c *types.DistributionConfig) { c.Origins.Items[0].DomainName = aws.String("example.com") }, "InvalidArgument"},
		{"address as origin", func(c *types.DistributionConfig) { c.Origins.Items[1].DomainName = aws.String("127.0.0.1") }, "InvalidArgument"},
		{"origin path", func(c *types.DistributionConfig) { c.Origins.Items[0].OriginPath = aws.String("a/") }, "InvalidArgument"},
		{"port", func(c *types.DistributionConfig) { c.Origins.Items[1].CustomOriginConfig.HTTPPort = aws.Int32(81) }, "InvalidArgument"},
		{"same pattern", func(c *types.DistributionConfig) { c.CacheBehaviors.Items[1].PathPattern = aws.String("/*.ism/*") }, "InvalidArgument"},
		{"root object", func(c *types.DistributionConfig) { c.DefaultRootObject = aws.String("/index.html") }, "InvalidDefaultRootObject"},
		{"error code", func(c *types.DistributionConfig) { c.CustomErrorResponses.Items[0].ErrorCode = aws.Int32(401) }, "InvalidErrorCode"},
		{"response code", func(c *types.DistributionConfig) { c.CustomErrorResponses.Items[0].ResponseCode = aws.String("299") }, "InvalidResponseCode"},
		{"alias without certificate", func(c *types.DistributionConfig) { c.ViewerCertificate = nil }, "InvalidViewerCertificate"},
		{"many tenants", manyTenants, "<nil>"},
		{"Smooth for many tenants", func(c *types.DistributionConfig) {
			manyTenants(c)
			c.CacheBehaviors.Items[0].SmoothStreaming = aws.Bool(true)
		}, "InvalidArgument"},
		{"Smooth by default for many tenants", func(c *types.DistributionConfig) {
			manyTenants(c)
			c.DefaultCacheBehavior.SmoothStreaming = aws.Bool(true)
		}, "InvalidArgument"},
		{"alias of many tenants", func(c *types.DistributionConfig) {
			manyTenants(c)
			c.Aliases = &types.Aliases{Quantity: aws.Int32(1), Items: []string{"video.example.com"}}
		}, "InvalidArgument"},
		{"old TTLs for many tenants", func(c *types.DistributionConfig) {
			old := c.CacheBehaviors.Items[1]
			manyTenants(c)
			c.CacheBehaviors.Items[1] = old
		}, "InvalidArgument"},
		{"trusted signers of many tenants", func(c *types.DistributionConfig) {
			manyTenants(c)
			c.DefaultCacheBehavior.TrustedSigners = &types.TrustedSigners{Enabled: aws.Bool(true), Quantity: aws.Int32(1), Items: []string{"self"}}
		}, "InvalidArgument"},
		{"methods", func(c *types.DistributionConfig) {
			c.DefaultCacheBehavior.AllowedMethods = &types.AllowedMethods{Quantity: aws.Int32(1), Items: []types.Method{"GET"}}
		}, "InvalidArgument"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newStand(t)
			cfg := full()
			tt.change(cfg)

			_, err := s.CreateDistribution(t.Context(), &sdk.CreateDistributionInput{DistributionConfig: cfg})

			if code(err) != tt.want {
				t.Errorf("CreateDistribution = %v, want %s", err, tt.want)
			}
		})
	}
}

func TestCreateTwiceAndDelete(t *testing.T) {
	s := newStand(t)
	ctx := t.Context()
	made, err := s.CreateDistribution(ctx, &sdk.CreateDistributionInput{DistributionConfig: full()})
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.CreateDistribution(ctx, &sdk.CreateDistributionInput{DistributionConfig: full()})
	if code(err) != "DistributionAlreadyExists" {
		t.Errorf("same reference again: %v", err)
	}
	other := full()
	other.CallerReference = aws.String("ref-2")
	if _, err = s.CreateDistribution(ctx, &sdk.CreateDistributionInput{DistributionConfig: other}); code(err) != "CNAMEAlreadyExists" {
		t.Errorf("same alias again: %v", err)
	}
	id := made.Distribution.Id
	if _, err := s.DeleteDistribution(ctx, &sdk.DeleteDistributionInput{Id: id, IfMatch: made.ETag}); code(err) != "DistributionNotDisabled" {
		t.Errorf("delete while enabled: %v", err)
	}
	off := full()
	off.Enabled = aws.Bool(false)
	up, err := s.UpdateDistribution(ctx, &sdk.UpdateDistributionInput{Id: id, IfMatch: made.ETag, DistributionConfig: off})
	if err != nil {
		t.Fatal(err)
	}
	s.clock.t = s.clock.t.Add(time.Minute)
	if _, err := s.DeleteDistribution(ctx, &sdk.DeleteDistributionInput{Id: id, IfMatch: up.ETag}); err != nil {
		t.Errorf("delete once disabled: %v", err)
	}
	if _, err := s.GetDistribution(ctx, &sdk.GetDistributionInput{Id: id}); code(err) != "NoSuchDistribution" {
		t.Errorf("after delete: %v", err)
	}
}
