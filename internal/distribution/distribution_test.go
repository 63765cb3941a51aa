package distribution_test

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/vodfleet/vodfleet/internal/cloud"
	"github.com/vodfleet/vodfleet/internal/distribution"
)

const arn = "arn:aws:cloudfront::111122223333:distribution/E1"

// good is a distribution as it should be.
func good() cloud.DistributionConfig {
	cache := func(id string, p cloud.CachePolicy) cloud.CachePolicy {
		p.ID, p.Name = id, id
		return p
	}
	plain := cloud.HeadersPolicy{ID: "H1", Name: "cors", CORS: distribution.Players()}
	media := cloud.HeadersPolicy{ID: "H2", Name: "media", CORS: distribution.Players(), Set: []cloud.Header{{Name: "Cache-Control", Value: distribution.Immutable, Override: true}}}
	read := []string{"GET", "HEAD", "OPTIONS"}
	return cloud.DistributionConfig{
		ID: "E1", ARN: arn, Domain: "d1.cloudfront.net", ETag: "T1", Deployed: true, Enabled: true, Aliases: []string{"*.example.com"},
		Origins: []cloud.Origin{
			{ID: "s3", Domain: "out.s3.eu-west-1.amazonaws.com", Path: "/vod", Bucket: "out", Region: "eu-west-1", Access: "EAC"},
			{ID: "own", Domain: "o.example.com", Custom: &cloud.CustomOrigin{HTTPPort: 80, HTTPSPort: 443, Protocol: "https-only"}},
		},
		Behaviors: []cloud.Behavior{
			{Pattern: "*.ism/*", Origin: "s3", Smooth: true, ViewerProtocol: "redirect-to-https", Methods: read, Cache: cache("C1", distribution.MediaCache()), Headers: media},
			{Pattern: "media/*", Origin: "s3", ViewerProtocol: "redirect-to-https", Methods: read, Cache: cache("C1", distribution.MediaCache()), Headers: media},
			{Pattern: "watch/*", Origin: "s3", ViewerProtocol: "redirect-to-https", Methods: read, Cache: cache("C2", distribution.EntryCache()), Headers: plain},
			{Origin: "own", ViewerProtocol: "allow-all", Methods: []string{"GET", "HEAD"}, Cache: cache("C3", cloud.CachePolicy{Min: 1, Default: 1, Max: 1})},
		},
		Errors: []cloud.ErrorResponse{{Status: 403, CacheFor: 10 * time.Second}, {Status: 500, CacheFor: time.Hour}},
	}
}

func delivery() distribution.Delivery {
	policy := `{"Version":"2012-10-17","Statement":[` + distribution.Statement(cloud.Location{Bucket: "out", Key: "vod"}, arn) + `]}`
	return distribution.Delivery{
		Output: cloud.Location{Bucket: "out", Key: "vod"}, Region: "eu-west-1", Viewer: "https://video.example.com", Smooth: true, BucketPolicy: &policy,
	}
}

// bad are the findings that are not OK, as "check severity subject".
func bad(found []distribution.Finding) []string {
	var list []string
	for _, f := range found {
		if f.Severity != distribution.OK {
			list = append(list, strings.TrimSpace(f.Check+" "+string(f.Severity)+" "+f.Subject))
		}
	}
	return list
}

func TestGoodIsClean(t *testing.T) {
	found := distribution.Check(good(), delivery())
	if got := bad(found); got != nil {
		t.Errorf("a good distribution has %v", found)
	}
	if len(found) != 21 || distribution.Worst(found) != distribution.OK {
		t.Errorf("%d findings, the worst %s; want 21, ok", len(found), distribution.Worst(found))
	}
}

// TestEachFaultHasItsLine changes every field that a rule reads, one at a time.
func TestEachFaultHasItsLine(t *testing.T) {
	type config = cloud.DistributionConfig
	type deliver = distribution.Delivery
	for _, tt := range []struct {
		name   string
		change func(c *config, d *deliver)
		want   string // findings, by "; "
		left   string // findings after the changes that they propose
	}{
		{"disabled", func(c *config, _ *deliver) { c.Enabled = false }, "enabled broken", ""},
		{"not deployed", func(c *config, _ *deliver) { c.Deployed = false }, "deployed warning", "deployed warning"},
		{"no alias", func(c *config, _ *deliver) { c.Aliases = nil }, "viewer-url warning viewer URL", "viewer-url warning viewer URL"},
		{"no alias, own domain", func(c *config, d *deliver) { c.Aliases, d.Viewer = nil, "https://D1.cloudfront.net" }, "", ""},
		{"another domain", func(c *config, d *deliver) { d.Viewer, c.Domain = "https://d1.cloudfront.net", "d2.cloudfront.net" }, "viewer-url warning viewer URL", "viewer-url warning viewer URL"},
		{"no viewer URL", func(_ *config, d *deliver) { d.Viewer = "" }, "", ""},
		{"this machine", func(_ *config, d *deliver) { d.Viewer = "https://E1.localhost:8443" }, "", ""},
		{"no URL", func(_ *config, d *deliver) { d.Viewer = "video" }, "viewer-url broken viewer URL", "viewer-url broken viewer URL"},
		{"prefix and URL apart", func(c *config, d *deliver) {
			d.Viewer, c.Behaviors[1].Pattern, c.Behaviors[2].Pattern = "https://video.example.com/films", "films/media/*", "films/watch/*"
		}, "origin-path broken viewer URL", "origin-path broken viewer URL"},
		{"HTTP is redirected", func(_ *config, d *deliver) { d.Viewer = "http://video.example.com" },
			"viewer-protocol warning behaviour *.ism/*; viewer-protocol warning behaviour media/*; viewer-protocol warning behaviour watch/*",
			"viewer-protocol warning behaviour *.ism/*; viewer-protocol warning behaviour media/*; viewer-protocol warning behaviour watch/*"},
		{"HTTPS only", func(c *config, d *deliver) {
			d.Viewer = "http://video.example.com"
			c.Behaviors[0].ViewerProtocol, c.Behaviors[1].ViewerProtocol, c.Behaviors[2].ViewerProtocol = "allow-all", "https-only", "allow-all"
		}, "viewer-protocol broken behaviour media/*", "viewer-protocol broken behaviour media/*"},
		{"no such origin", func(c *config, _ *deliver) { c.Behaviors[2].Origin = "none" }, "origin broken behaviour watch/*", "origin broken behaviour watch/*"},
		{"another bucket", func(_ *config, d *deliver) { d.Output.Bucket = "other"; d.BucketPolicy = nil },
			"origin broken behaviour *.ism/*; origin broken behaviour media/*; origin broken behaviour watch/*", ""},
		{"a server", func(c *config, d *deliver) { c.Behaviors[1].Origin, d.Origin = "own", distribution.S3 }, "origin broken behaviour media/*", ""},
		{"a server that nobody speaks of", func(c *config, _ *deliver) { c.Behaviors[1].Origin = "own" }, "origin warning behaviour media/*", "origin warning behaviour media/*"},
		{"a server that mirrors", func(c *config, d *deliver) {
			d.Origin = distribution.Custom
			c.Behaviors[0].Origin, c.Behaviors[1].Origin, c.Behaviors[2].Origin = "own", "own", "own"
		}, "", ""},
		{"a bucket for a server", func(c *config, d *deliver) {
			c.Behaviors[0].Origin, c.Behaviors[1].Origin, d.Origin = "own", "own", distribution.Custom
		}, "origin broken behaviour watch/*", "origin broken behaviour watch/*"},
		{"no origin path", func(c *config, _ *deliver) { c.Origins[0].Path = "" }, "origin-path broken origin s3", ""},
		{"no prefix", func(_ *config, d *deliver) { d.Output.Key, d.BucketPolicy = "", nil }, "origin-path broken origin s3", ""},
		{"prefix in the URL", func(c *config, d *deliver) {
			c.Origins[0].Path, d.Viewer = "", "https://video.example.com/vod"
			c.Behaviors[1].Pattern, c.Behaviors[2].Pattern = "/vod/media/*", "vod/?atch/*"
		}, "", ""},
		{"no access control", func(c *config, _ *deliver) { c.Origins[0].Access = "" }, "origin-access broken origin s3", ""},
		{"no access control, and nobody knows whether it is public", func(c *config, d *deliver) {
			c.Origins[0].Access, d.BucketPolicy = "", nil
		}, "origin-access warning origin s3", ""},
		{"a public bucket", func(c *config, d *deliver) {
			open := `{"Statement":{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::out/*"}}`
			c.Origins[0].Access, d.BucketPolicy = "", &open
		}, "origin-access warning origin s3", ""},
		{"no access control of a site too, which the policy covers", func(c *config, _ *deliver) {
			c.Origins[0].Access, c.Behaviors[3].Origin = "", "s3"
		}, "origin-access broken origin s3", ""},
		{"access identity", func(c *config, _ *deliver) {
			c.Origins[0].Access, c.Origins[0].Legacy = "", "origin-access-identity/cloudfront/E9"
		}, "origin-access warning origin s3", ""},
		{"access identity, and no policy is known", func(c *config, d *deliver) {
			c.Origins[0].Access, c.Origins[0].Legacy, d.BucketPolicy = "", "origin-access-identity/cloudfront/E9", nil
		}, "origin-access warning origin s3", "origin-access warning origin s3"},
		{"access identity, and the policy allows nobody else", func(c *config, d *deliver) {
			c.Origins[0].Access, c.Origins[0].Legacy = "", "origin-access-identity/cloudfront/E9"
			d.BucketPolicy = new(`{"Statement":{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::cloudfront:user/CloudFront Origin Access Identity E9"},"Action":"s3:GetObject","Resource":"arn:aws:s3:::out/*"}}`)
		}, "origin-access warning origin s3", "origin-access warning origin s3"},
		{"access identity of a site too", func(c *config, d *deliver) {
			c.Origins[0].Access, c.Origins[0].Legacy, c.Behaviors[3].Origin = "", "origin-access-identity/cloudfront/E9", "s3"
			d.BucketPolicy = new(strings.ReplaceAll(*d.BucketPolicy, `"arn:aws:s3:::out/vod/*"`, `"arn:aws:s3:::out/vod/media/*","arn:aws:s3:::out/vod/watch/*"`))
		}, "origin-access warning origin s3", "origin-access warning origin s3"},
		{"policy files beside the prefix", func(c *config, d *deliver) {
			c.Origins[0].Path, d.Viewer = "", "https://video.example.com/vod"
			c.Behaviors[1].Pattern, c.Behaviors[2].Pattern, c.Behaviors[3].Origin = "vod/media/*", "vod/watch/*", "s3"
		}, "bucket-policy warning bucket out", "bucket-policy warning bucket out"},
		{"policy files beside the prefix are allowed", func(c *config, d *deliver) {
			c.Origins[0].Path, d.Viewer = "", "https://video.example.com/vod"
			c.Behaviors[1].Pattern, c.Behaviors[2].Pattern, c.Behaviors[3].Origin = "vod/media/*", "vod/watch/*", "s3"
			d.BucketPolicy = new(`{"Statement":[` + distribution.Statement(d.Output, arn, distribution.RootFiles(*c, *d)...) + `]}`)
		}, "", ""},
		{"policy files of another bucket", func(c *config, d *deliver) {
			c.Origins[0].Path, d.Viewer = "", "https://video.example.com/vod"
			c.Behaviors[1].Pattern, c.Behaviors[2].Pattern, c.Behaviors[3].Origin = "vod/media/*", "vod/watch/*", "site"
			c.Origins = append(c.Origins, cloud.Origin{ID: "site", Bucket: "site"})
		}, "", ""},
		{"no bucket policy", func(_ *config, d *deliver) { d.BucketPolicy = new("") }, "bucket-policy broken bucket out", "bucket-policy broken bucket out"},
		{"policy of another distribution", func(c *config, _ *deliver) { c.ARN += "X" }, "bucket-policy broken bucket out", "bucket-policy broken bucket out"},
		{"policy that is none", func(_ *config, d *deliver) { d.BucketPolicy = new("{") }, "bucket-policy broken bucket out", "bucket-policy broken bucket out"},
		{"multi-tenant", func(c *config, _ *deliver) { c.MultiTenant = true }, "multi-tenant broken", "multi-tenant broken"},
		{"multi-tenant, flag off", func(c *config, _ *deliver) { c.MultiTenant, c.Behaviors[0].Smooth = true, false },
			"multi-tenant broken; smooth-flag broken behaviour *.ism/*", "multi-tenant broken; smooth-flag broken behaviour *.ism/*"},
		{"a function elsewhere", func(c *config, _ *deliver) { c.Behaviors[3].Functions = []string{"arn:f"} }, "edge-functions broken default behaviour", "edge-functions broken default behaviour"},
		{"functions without Smooth", func(c *config, d *deliver) { c.Behaviors[3].Functions, d.Smooth = []string{"arn:f"}, false }, "", ""},
		{"functions before IIS", func(c *config, d *deliver) {
			c.Behaviors[0].Functions, c.Behaviors[0].Smooth, d.Origin = []string{"arn:f"}, false, distribution.IIS
			c.Behaviors[0].Origin, c.Behaviors[1].Origin, c.Behaviors[2].Origin = "own", "own", "own"
		}, "", ""},
		{"flag off", func(c *config, _ *deliver) { c.Behaviors[0].Smooth = false }, "smooth-flag broken behaviour *.ism/*", ""},
		{"flag off without Smooth", func(c *config, d *deliver) { c.Behaviors[0].Smooth, d.Smooth = false, false }, "", ""},
		{"flag on before IIS", func(c *config, d *deliver) {
			d.Origin = distribution.IIS
			c.Behaviors[0].Origin, c.Behaviors[1].Origin, c.Behaviors[2].Origin = "own", "own", "own"
		}, "smooth-flag broken behaviour *.ism/*", ""},
		{"wrong order", func(c *config, _ *deliver) { c.Behaviors[0], c.Behaviors[1] = c.Behaviors[1], c.Behaviors[0] }, "smooth-flag broken behaviour media/*", ""},
		{"case of the pattern", func(c *config, _ *deliver) { c.Behaviors[0].Pattern = "*.ISM/*" }, "smooth-flag broken behaviour media/*", ""},
		{"never chosen", func(c *config, _ *deliver) {
			all := c.Behaviors[3]
			all.Pattern, all.Origin = "*", "s3"
			all.Headers, all.Cache, all.Methods = c.Behaviors[2].Headers, c.Behaviors[2].Cache, c.Behaviors[2].Methods
			c.Behaviors = []cloud.Behavior{c.Behaviors[0], c.Behaviors[1], all, c.Behaviors[2], c.Behaviors[3]}
		}, "behaviour-order warning behaviour watch/*", ""},
		{"no HEAD", func(c *config, _ *deliver) { c.Behaviors[2].Methods = []string{"GET", "OPTIONS"} }, "methods broken behaviour watch/*", ""},
		{"no OPTIONS", func(c *config, _ *deliver) { c.Behaviors[2].Methods = []string{"GET", "HEAD"} }, "methods warning behaviour watch/*", ""},
		{"media kept briefly", func(c *config, _ *deliver) { c.Behaviors[1].Cache.Default = time.Hour }, "cache-media warning behaviour media/*", ""},
		{"entries kept a little", func(c *config, _ *deliver) { c.Behaviors[2].Cache.Min = time.Second }, "cache-entries warning behaviour watch/*", ""},
		{"entries kept long", func(c *config, _ *deliver) { c.Behaviors[2].Cache.Min = time.Hour }, "cache-entries broken behaviour watch/*", ""},
		{"entries not kept", func(c *config, _ *deliver) { c.Behaviors[2].Cache.Max = time.Hour }, "cache-entries warning behaviour watch/*", ""},
		{"policies not read", func(c *config, _ *deliver) {
			c.Behaviors[1].Cache, c.Behaviors[2].Cache = cloud.CachePolicy{ID: "C"}, cloud.CachePolicy{ID: "C"}
		}, "", ""},
		{"cookies in the key", func(c *config, _ *deliver) { c.Behaviors[1].Cache.Cookies.Mode = "all" }, "cache-key warning behaviour media/*", ""},
		{"queries in the key", func(c *config, _ *deliver) { c.Behaviors[1].Cache.Query.Mode = "all" }, "cache-key warning behaviour media/*", ""},
		{"a query in the key of media", func(c *config, _ *deliver) {
			c.Behaviors[1].Cache.Query = cloud.Selection{Mode: "whitelist", Names: []string{"token"}}
		}, "", ""},
		{"a query in the key of entries", func(c *config, _ *deliver) {
			c.Behaviors[2].Cache.Query = cloud.Selection{Mode: "whitelist", Names: []string{"token"}}
		}, "cache-key broken behaviour watch/*", ""},
		{"all queries but one in the key of entries", func(c *config, _ *deliver) {
			c.Behaviors[2].Cache.Query = cloud.Selection{Mode: "allExcept", Names: []string{"token"}}
		}, "cache-key broken behaviour watch/*", ""},
		{"queries in the key of a site's behaviour", func(c *config, _ *deliver) {
			c.Behaviors[2].Cache.Query.Mode, c.Behaviors[2].Pattern = "all", "w*"
		}, "cache-key broken behaviour w*", ""},
		{"headers in the key", func(c *config, _ *deliver) {
			c.Behaviors[2].Cache.Headers = cloud.Selection{Mode: "whitelist", Names: []string{"A", "B", "C", "D"}}
		}, "cache-key warning behaviour watch/*", ""},
		{"no CORS", func(c *config, _ *deliver) { c.Behaviors[2].Headers = cloud.HeadersPolicy{} }, "cors broken behaviour watch/*", ""},
		{"CORS of the origin", func(c *config, _ *deliver) {
			c.Behaviors[2].Headers = cloud.HeadersPolicy{}
			c.Behaviors[2].Cache.Headers = cloud.Selection{Mode: "whitelist", Names: []string{"origin"}}
		}, "cors warning behaviour watch/*", ""},
		{"CORS without GET", func(c *config, _ *deliver) { c.Behaviors[2].Headers.CORS.Methods = []string{"HEAD"} }, "cors broken behaviour watch/*", ""},
		{"CORS without Range", func(c *config, _ *deliver) { c.Behaviors[2].Headers.CORS.Headers = []string{"X-A"} }, "cors broken behaviour watch/*", ""},
		{"CORS for nobody", func(c *config, _ *deliver) { c.Behaviors[2].Headers.CORS.Origins = nil }, "cors broken behaviour watch/*", ""},
		{"no Cache-Control", func(c *config, _ *deliver) { c.Behaviors[1].Headers.Set = nil }, "cache-control-media warning behaviour media/*", ""},
		{"a short Cache-Control", func(c *config, _ *deliver) { c.Behaviors[1].Headers.Set[0].Value = "max-age=60" },
			"cache-control-media warning behaviour *.ism/*; cache-control-media warning behaviour media/*", ""},
		{"Cache-Control of entries", func(c *config, _ *deliver) { c.Behaviors[2].Headers.Set = c.Behaviors[1].Headers.Set }, "cache-control-entries broken behaviour watch/*", ""},
		{"Cache-Control where there is none", func(c *config, _ *deliver) {
			c.Behaviors[2].Headers.Set = []cloud.Header{{Name: "cache-control", Value: "max-age=9"}}
		}, "", ""},
		{"key groups", func(c *config, _ *deliver) { c.Behaviors[0].KeyGroups = []string{"K"} }, "signed warning behaviour *.ism/*", "signed warning behaviour *.ism/*"},
		{"signers", func(c *config, _ *deliver) { c.Behaviors[2].Signers = []string{"self"} }, "signed warning behaviour watch/*", "signed warning behaviour watch/*"},
		{"long errors", func(c *config, _ *deliver) { c.Errors[0].CacheFor = 5 * time.Minute }, "error-caching warning error response 403", ""},
		{"errors as pages", func(c *config, _ *deliver) { c.Errors[0].Answer, c.Errors[0].Page = "200", "/index.html" }, "error-caching warning error response 403", "error-caching warning error response 403"},
		{"one behaviour for all", func(c *config, _ *deliver) {
			b := c.Behaviors[0]
			b.Pattern = ""
			c.Behaviors = []cloud.Behavior{b}
		}, "cache-entries warning default behaviour; cache-control-entries broken default behaviour", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, d := good(), delivery()
			tt.change(&c, &d)
			before := c.Clone()
			found := distribution.Check(c, d)
			if got := strings.Join(bad(found), "; "); got != tt.want {
				t.Errorf("found\n\t%s, want\n\t%s\n%v", got, tt.want, found)
			}
			for _, f := range found {
				if f.Severity != distribution.OK && (f.Fix == "" || f.Text == "") {
					t.Errorf("%s has no words: %q, fix %q", f.Check, f.Text, f.Fix)
				}
			}
			fixed, again := distribution.Mend(c, d)
			if !reflect.DeepEqual(c, before) {
				t.Error("Mend changed what it was given")
			}
			if got := strings.Join(bad(again), "; "); got != tt.left {
				t.Errorf("after the changes, found\n\t%s, want\n\t%s\n%v", got, tt.left, again)
			}
			if err := fixed.Valid(); err != nil && tt.name != "no such origin" {
				t.Errorf("after the changes, it is not valid: %v", err)
			}
			if changed := len(distribution.Diff(c, fixed)) > 0; changed != (tt.want != tt.left) {
				t.Errorf("the changes make %v", distribution.Diff(c, fixed))
			}
		})
	}
}
