package distribution_test

import (
	"fmt"
	"testing"

	"github.com/vodfleet/vodfleet/internal/cloud"
	"github.com/vodfleet/vodfleet/internal/distribution"
)

func TestMayPublishSmooth(t *testing.T) {
	const path = "media/AAAAAAAAAAAAAAAAAAAAAAAAAA/3/smooth/video.ism"
	for _, tt := range []struct {
		name   string
		change func(c *cloud.DistributionConfig)
		kind   distribution.Kind
		want   string
	}{
		{"good", func(*cloud.DistributionConfig) {}, "", "<nil>"},
		{"other faults", func(c *cloud.DistributionConfig) { c.Deployed, c.Behaviors[0].Headers.CORS = false, nil }, "", "<nil>"},
		{"other behaviours", func(c *cloud.DistributionConfig) {
			c.Origins = append(c.Origins, cloud.Origin{ID: "site", Domain: "site.s3.amazonaws.com", Bucket: "site"}, cloud.Origin{ID: "old", Bucket: "out", Path: "/old"})
			c.Behaviors[1].Origin, c.Behaviors[2].Origin = "site", "old"
		}, "", "<nil>"},
		{"disabled", func(c *cloud.DistributionConfig) { c.Enabled = false }, "",
			"distribution E1 cannot play Smooth Streaming: the distribution is disabled: it answers nobody; fix: enable it"},
		{"another bucket", func(c *cloud.DistributionConfig) {
			c.Origins = append(c.Origins, cloud.Origin{ID: "site", Domain: "site.s3.amazonaws.com", Bucket: "site", Access: "EAC"})
			c.Behaviors[0].Origin = "site"
		}, "", "distribution E1 cannot play Smooth Streaming: behaviour *.ism/*: its origin is site.s3.amazonaws.com, and streams are written to the bucket out; " +
			"fix: have it use the output bucket as its origin"},
		{"no origin", func(c *cloud.DistributionConfig) { c.Behaviors[0].Origin = "gone" }, "",
			"distribution E1 cannot play Smooth Streaming: behaviour *.ism/*: its origin gone is not there; fix: name one of the distribution's origins"},
		{"a path that leads elsewhere", func(c *cloud.DistributionConfig) { c.Origins[0].Path = "/web" }, "",
			"distribution E1 cannot play Smooth Streaming: origin s3: its path is \"/web\": the viewer URL leads to s3://out/web/, and streams are written to s3://out/vod/; " +
				"fix: set its origin path to \"/vod\""},
		{"no access control", func(c *cloud.DistributionConfig) { c.Origins[0].Access = "" }, "",
			"distribution E1 cannot play Smooth Streaming: origin s3: it has no origin access control: a bucket that is not public answers 403; " +
				"fix: use an origin access control, and allow the distribution in the bucket's policy"},
		{"of this asset alone", func(c *cloud.DistributionConfig) {
			c.Behaviors = append([]cloud.Behavior{{Pattern: "media/*/3/*", Origin: "gone", Smooth: true}}, c.Behaviors...)
		}, "", "distribution E1 cannot play Smooth Streaming: behaviour media/*/3/*: its origin gone is not there; fix: name one of the distribution's origins"},
		{"flag off", func(c *cloud.DistributionConfig) { c.Behaviors[0].Smooth = false }, "",
			"distribution E1 cannot play Smooth Streaming: behaviour *.ism/*: SmoothStreaming is off, and it gets Smooth paths, as /" + path + "/Manifest; " +
				"fix: turn SmoothStreaming on in this behaviour; its other files are served as before"},
		{"IIS", func(c *cloud.DistributionConfig) { c.Behaviors[0].Origin = "own" }, distribution.IIS,
			"distribution E1 cannot play Smooth Streaming: behaviour *.ism/*: SmoothStreaming is on, and its origin is Microsoft IIS, which streams Smooth by itself; " +
				"fix: turn SmoothStreaming off in this behaviour"},
		{"all at once", func(c *cloud.DistributionConfig) {
			c.MultiTenant, c.Behaviors[3].Functions = true, []string{"arn:f"}
			c.Behaviors[0], c.Behaviors[1] = c.Behaviors[1], c.Behaviors[0]
		}, "",
			"distribution E1 cannot play Smooth Streaming: it is a multi-tenant distribution, which cannot serve Smooth Streaming; " +
				"fix: deliver through a standard distribution: `enqueuer distribution plan --new`; " +
				"default behaviour: it has edge functions (arn:f), and a distribution that serves Smooth Streaming must have none; " +
				"fix: take them away from this behaviour, or deliver Smooth through another distribution; " +
				"behaviour media/*: it comes before behaviour *.ism/* and takes its Smooth paths, as /" + path + "/Manifest, with SmoothStreaming off; " +
				"fix: put behaviour *.ism/* before it"},
	} {
		c, d := good(), delivery()
		d.Origin = tt.kind
		tt.change(&c)
		if got := fmt.Sprint(distribution.MayPublishSmooth(c, d, path)); got != tt.want {
			t.Errorf("%s: MayPublishSmooth =\n\t%s, want\n\t%s", tt.name, got, tt.want)
		}
		c = good() // a doctor has the same words
		tt.change(&c)
		if tt.name == "flag off" {
			for _, f := range distribution.Check(c, d) {
				if f.Check == "smooth-flag" && f.Severity != distribution.Broken {
					t.Errorf("a doctor says %v", f)
				}
			}
		}
	}
}

func TestStatementLetsThrough(t *testing.T) {
	allow := distribution.Statement(cloud.Location{Bucket: "out", Key: "vod"}, arn)
	for _, tt := range []struct {
		name, more string
		want       distribution.Severity
	}{
		{"alone", "", distribution.OK},
		{"nobody without TLS", `,{"Effect":"Deny","Principal":"*","Action":"s3:*","Resource":"arn:aws:s3:::out/*","Condition":{"Bool":{"aws:SecureTransport":"false"}}}`, distribution.OK},
		{"no .ismv", `,{"Effect":"Deny","Principal":{"AWS":"*"},"Action":["s3:Get*"],"Resource":"arn:aws:s3:::out/*.ismv"}`, distribution.Broken},
		{"deny for others", `,{"Effect":"Deny","Principal":{"AWS":"arn:aws:iam::1:root"},"Action":"s3:*","Resource":"arn:aws:s3:::out/*"}`, distribution.OK},
		{"deny by exception", `,{"Effect":"Deny","Principal":"*","NotAction":"s3:PutObject","NotResource":"arn:aws:s3:::out/*.m3u8"}`, distribution.Broken},
	} {
		d := delivery()
		d.BucketPolicy = new(`{"Statement":[` + allow + tt.more + `]}`)
		for _, f := range distribution.Check(good(), d) {
			if f.Check == "bucket-policy" && f.Severity != tt.want {
				t.Errorf("%s: %v, want %s", tt.name, f, tt.want)
			}
		}
	}
}
