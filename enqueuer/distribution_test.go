package main

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/vodfleet/vodfleet/internal/cloud"
	"github.com/vodfleet/vodfleet/internal/cloud/memcloud"
	"github.com/vodfleet/vodfleet/internal/distribution"
	"github.com/vodfleet/vodfleet/internal/run"
)

// account is a cloud with a distribution of a site, E9, in a bubble.
type account struct {
	t   *testing.T
	mem *memcloud.Cloud
	in  string
}

func inAccount(t *testing.T, do func(a *account)) {
	t.Helper()
	settings(t, "redis://unused")
	t.Setenv("AWS_REGION", "eu-west-1")
	synctest.Test(t, func(t *testing.T) {
		a := &account{t: t, mem: memcloud.New(memcloud.Options{Buckets: []string{"streams"}})}
		cache := cloud.CachePolicy{ID: "C9", Name: "site"}
		a.mem.CDN.SetConfiguration(cloud.DistributionConfig{
			ID: "E9", Domain: "d9.cloudfront.net", Aliases: []string{"viewers.example"}, Enabled: true,
			Origins:   []cloud.Origin{{ID: "site", Domain: "site.example", Custom: &cloud.CustomOrigin{HTTPPort: 80, HTTPSPort: 443, Protocol: "https-only"}}},
			Behaviors: []cloud.Behavior{{Origin: "site", ViewerProtocol: "https-only", Methods: []string{"GET", "HEAD"}, Cache: cache}},
		})
		do(a)
	})
}

// run runs the program and holds it to its exit code and to words.
func (a *account) run(code int, args string, words ...string) string {
	a.t.Helper()
	var b bytes.Buffer
	e := env{
		ctx: a.t.Context(), out: &b, log: &b, in: strings.NewReader(a.in),
		store: func(context.Context) (cloud.Store, error) { return a.mem.Store, nil },
		cdn:   func(context.Context) (cloud.CDN, error) { return a.mem.CDN, nil },
	}
	err := e.run(append([]string{"distribution"}, strings.Fields(args)...))
	if got := exitCode(err); got != code {
		a.t.Errorf("distribution %s exits with %d, %v; want %d\n%s", args, got, err, code, b.String())
	}
	out := b.String()
	if err != nil {
		out += err.Error()
	}
	for _, w := range words {
		if !strings.Contains(out, w) {
			a.t.Errorf("distribution %s does not say %q:\n%s", args, w, out)
		}
	}
	return out
}

func exitCode(err error) int {
	if err == nil {
		return 0
	}
	if e, ok := errors.AsType[*run.Error](err); ok {
		return e.Code
	}
	return 1
}

func TestDistributionNew(t *testing.T) {
	inAccount(t, func(a *account) {
		changes := []string{"new distribution: ", "+ origin vodfleet-output: domain: s3://streams", "+ behaviour *.ism/*: SmoothStreaming: on",
			"+ order of behaviours: *.ism/*, media/*, watch/*, default", "+ policy file s3://streams/clientaccesspolicy.xml", "Cache-Control: public, max-age=31536000, immutable"}
		a.run(3, "plan --new --narrow", changes...)
		if calls := a.mem.Calls(); calls["CDN.CreateDistribution"]+calls["CDN.EnsureCachePolicy"]+calls["Store.Put"] > 0 {
			t.Errorf("a plan changes something: %v", calls)
		}
		a.in = "no\n"
		a.run(3, "apply --new --narrow", "Make these changes? [y/N]", "not confirmed: nothing was changed")
		a.in = ""
		a.run(3, "apply --new --narrow", "not confirmed")
		if n := a.mem.Calls()["CDN.CreateDistribution"]; n > 0 {
			t.Errorf("%d distributions are made without a yes", n)
		}
		a.in = "y\n"
		a.run(0, "apply --new --narrow", append(changes, "is changed", `"AWS:SourceArn":"arn:aws:cloudfront::`, "OneDistributionReads")...)
		before := a.mem.Calls()
		a.in = ""
		a.run(0, "apply --new --narrow", "nothing to change")
		a.run(0, "plan --new --narrow", "nothing to change")
		for _, op := range []string{"CDN.CreateDistribution", "CDN.Configure", "CDN.EnsureCachePolicy", "Store.Put"} {
			if now := a.mem.Calls()[op]; now != before[op] {
				t.Errorf("a second time calls %s %d times", op, now-before[op])
			}
		}
	})
}

func TestDistributionExisting(t *testing.T) {
	inAccount(t, func(a *account) {
		const id = "--distribution-id=E9"
		a.run(3, "plan "+id, "distribution E9 (d9.cloudfront.net)", "+ behaviour media/*: SmoothStreaming: on",
			"~ order of behaviours: default -> media/*, watch/*, default", "left for you: warning: policy-files: /clientaccesspolicy.xml is answered by the server site.example: put the file there")
		a.run(3, "apply --yes "+id, "is changed", "left for you")
		c, err := a.mem.CDN.Configuration(t.Context(), "E9")
		if err != nil || len(c.Behaviors) != 3 || c.Behaviors[2].Origin != "site" || c.Behaviors[2].Smooth || !c.Deployed {
			t.Errorf("it is %+v, %v", c, err)
		}
		if err := distribution.MayPublishSmooth(c, distribution.Delivery{Output: cloud.Location{Bucket: "streams"}}, "media/A/1/smooth/video.ism"); err != nil {
			t.Error(err)
		}
		a.run(0, "apply --no-smooth "+id, "nothing to change")
		a.run(0, "apply --yes --no-smooth "+id+" --origin-server=http://o.example:8080", "~ behaviour media/*: origin: vodfleet-output -> vodfleet-server", "is changed")
		a.run(0, "apply --yes --no-smooth "+id+" --origin-server=http://o.example:8080", "nothing to change")
	})
}

func TestDistributionFails(t *testing.T) {
	inAccount(t, func(a *account) {
		a.run(2, "plan", "want --distribution-id or --new")
		a.run(2, "apply --new --narrow --wide", "want --narrow or --wide")
		a.run(2, "plan --new --origin-kind=iis", "origin kind iis: name the server's URL")
		a.run(2, "plan --new --player-domains=a/b", `player-domains: domain "a/b"`)
		a.run(2, "apply --new --json", "which does not go with --json: add --yes")
		a.run(1, "plan --distribution-id=ENONE", "not found")
		raced := false
		a.mem.SetHooks(memcloud.Hooks{Before: func(op, _ string) error {
			if op == "CDN.Configure" && !raced {
				raced = true
				c, err := a.mem.CDN.Configuration(t.Context(), "E9")
				if err == nil {
					c.Comment = "somebody else"
					_, err = a.mem.CDN.Configure(t.Context(), c)
				}
				return err
			}
			return nil
		}})
		a.run(1, "apply --yes --distribution-id=E9", "precondition failed", "look at a new plan")
		a.mem.SetHooks(memcloud.Hooks{})
		a.run(0, "apply --yes --no-smooth --distribution-id=E9", "is changed")
		a.mem.Store.Seed(cloud.Put{Location: cloud.Location{Bucket: "streams", Key: "crossdomain.xml"}, Body: []byte("theirs")})
		a.run(3, "apply --yes --new", "left for you: warning: policy-files: policy file s3://streams/crossdomain.xml: somebody else has written it otherwise; --force replaces it")
		a.run(0, "apply --yes --new --force", "+ policy file s3://streams/crossdomain.xml")
	})
}

// The statement of a bucket's policy covers the policy files at the root, which
// lie beside the output's prefix where that is in the viewer URL.
func TestDistributionStatement(t *testing.T) {
	inAccount(t, func(a *account) {
		a.t.Setenv("VODFLEET_OUTPUT", "s3://streams/films")
		a.t.Setenv("VODFLEET_VIEWER_URL", "https://viewers.example/films")
		a.run(0, "apply --yes --new", "+ policy file s3://streams/clientaccesspolicy.xml",
			`"Resource":["arn:aws:s3:::streams/films/*","arn:aws:s3:::streams/clientaccesspolicy.xml","arn:aws:s3:::streams/crossdomain.xml","arn:aws:s3:::streams/crossdomainpolicy.xml"]`)
		if out := a.run(0, "apply --yes --new --json"); !strings.HasPrefix(out, "{") {
			t.Errorf("--json prints %s", out)
		}
	})
}
