package distribution_test

import (
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vodfleet/vodfleet/internal/cloud"
	"github.com/vodfleet/vodfleet/internal/distribution"
)

// What else a distribution serves stays as it is, whatever the delivery lacks.
func TestMendLeavesOthersAlone(t *testing.T) {
	const media, watch = "media/*", "watch/*"
	type config = cloud.DistributionConfig
	type deliver = distribution.Delivery
	bucket := func(name, path string) cloud.Origin {
		return cloud.Origin{ID: "site", Domain: name + ".s3.amazonaws.com", Bucket: name, Path: path, Access: "EAC"}
	}
	for _, tt := range []struct {
		name   string
		change func(c *config, d *deliver) // of a site's distribution and the delivery from the bucket "out"
		want   string                      // behaviours afterwards
		left   string                      // findings afterwards
	}{
		{"the site's bucket has the streams too", func(c *config, _ *deliver) { c.Origins[0], c.Behaviors = bucket("out", ""), c.Behaviors[2:] },
			"media/*@site+ watch/*@site @site", ""},
		{"one of the paths is taken before", func(c *config, _ *deliver) { c.Origins[0] = bucket("out", "") },
			"api/*@site media/*@site+ *.mp4@site watch/*@site @site", ""},
		{"the site's bucket is another", func(c *config, _ *deliver) { c.Origins[0], c.Behaviors = bucket("site", ""), c.Behaviors[2:] },
			"media/*@vodfleet-output+ watch/*@vodfleet-output @site", ""},
		{"the site's origin has another path", func(c *config, d *deliver) {
			c.Origins[0], d.Output.Key = bucket("out", "/web"), "vod"
			own := c.Behaviors[2]
			own.Pattern = media
			c.Behaviors = []cloud.Behavior{own, c.Behaviors[2]}
		}, "media/*@vodfleet-output+ watch/*@vodfleet-output @site", ""},
		{"the site's bucket is public", func(c *config, _ *deliver) {
			c.Origins[0], c.Behaviors = bucket("out", ""), c.Behaviors[2:]
			c.Origins[0].Access = ""
		}, "media/*@vodfleet-output+ watch/*@vodfleet-output @site", ""},
		{"the site's public bucket has behaviours of ours", func(c *config, _ *deliver) {
			c.Origins[0] = bucket("out", "")
			c.Origins[0].Access = ""
			c.Behaviors[0].Pattern, c.Behaviors[1].Pattern = media, watch
		}, "media/*@vodfleet-output+ watch/*@vodfleet-output @site", ""},
		{"nobody says what the server is", func(c *config, _ *deliver) { c.Behaviors = c.Behaviors[2:] }, "@site",
			"origin warning default behaviour; smooth-flag broken default behaviour; methods warning default behaviour; cache-entries warning default behaviour; cors broken default behaviour"},
		{"the server is a mirror", func(c *config, d *deliver) { c.Behaviors, d.Origin = c.Behaviors[2:], distribution.Custom },
			"media/*@site+ watch/*@site @site", ""},
		{"the flag is all that is missing", func(c *config, d *deliver) {
			*c = good()
			d.Output.Key = "vod"
			c.Behaviors[0].Pattern, c.Behaviors[0].Smooth = "*/Manifest", false
			c.Behaviors[1].Pattern, c.Behaviors[1].Smooth = "m*", false
		}, "*/Manifest@s3+ m*@s3+ watch/*@s3 @own", ""},
		{"a site's pattern is never chosen", func(c *config, _ *deliver) {
			*c = good()
			c.Behaviors = slices.Insert(c.Behaviors, 3, cloud.Behavior{Pattern: "w*", Origin: "own"}, cloud.Behavior{Pattern: "wa*", Origin: "own"})
		}, "*.ism/*@s3+ media/*@s3 watch/*@s3 w*@own wa*@own @own", "behaviour-order warning behaviour wa*"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, d := theirs(), distribution.Delivery{Output: cloud.Location{Bucket: "out"}, Viewer: "https://d9.cloudfront.net", Smooth: true}
			tt.change(&c, &d)
			if c.ID == "E1" {
				d = delivery()
			}
			got, left := distribution.Mend(c, d)
			if s := outline(got); s != tt.want {
				t.Errorf("behaviours are\n\t%s, want\n\t%s", s, tt.want)
			}
			if s := strings.Join(bad(left), "; "); s != tt.left {
				t.Errorf("left is\n\t%s, want\n\t%s\n%v", s, tt.left, left)
			}
			if !reflect.DeepEqual(got.Origins[:len(c.Origins)], c.Origins) {
				t.Errorf("origins were %v and are %v", c.Origins, got.Origins)
			}
			for _, b := range c.Behaviors {
				i := slices.IndexFunc(got.Behaviors, func(g cloud.Behavior) bool { return g.Pattern == b.Pattern })
				if slices.Contains([]string{media, watch, "*.ism/*"}, b.Pattern) {
					continue
				}
				if b.Smooth = got.Behaviors[i].Smooth; !reflect.DeepEqual(got.Behaviors[i], b) {
					t.Errorf("%q was %+v and is %+v", b.Pattern, b, got.Behaviors[i])
				}
			}
		})
	}
}

// A behaviour that is made of a site's lets nobody in whom the site keeps out.
func TestOwnBehaviorsKeepSignatures(t *testing.T) {
	c := theirs()
	c.Behaviors = c.Behaviors[2:]
	b := &c.Behaviors[0]
	b.KeyGroups, b.Functions, b.Methods = []string{"K"}, []string{"arn:f"}, []string{"DELETE", "GET", "HEAD", "PUT"}
	b.Headers = cloud.HeadersPolicy{ID: "H", Name: "site", CORS: distribution.Players(), Set: []cloud.Header{{Name: "Cache-Control", Value: "no-cache", Override: true}, {Name: "X-Site", Value: "1"}}}
	got, _ := distribution.Mend(c, distribution.Delivery{Output: cloud.Location{Bucket: "out"}, Origin: distribution.Custom, Viewer: "https://d9.cloudfront.net"})
	if s := outline(got); s != "media/*@site watch/*@site @site" {
		t.Fatalf("behaviours are %s", s)
	}
	for _, b := range got.Behaviors[:2] {
		if !slices.Equal(b.KeyGroups, []string{"K"}) || b.Functions != nil || len(b.Methods) != 3 || b.ViewerProtocol != "https-only" || b.Cache.Max < 300*24*time.Hour || b.Headers.Set[0].Name != "X-Site" {
			t.Errorf("%s is %+v", b.Pattern, b)
		}
	}
}

// A bucket is not asked with the headers that a site's server is asked with.
func TestOutputIsNotAskedAsASite(t *testing.T) {
	request := cloud.RequestPolicy{ID: "R", Name: "Managed-AllViewer"}
	d := distribution.Delivery{Output: cloud.Location{Bucket: "out"}, Viewer: "https://d9.cloudfront.net", Origin: distribution.S3}
	for _, pattern := range []string{"", "media/*"} {
		c := theirs()
		c.Behaviors = c.Behaviors[2:]
		c.Behaviors[0].Request = request
		if pattern != "" {
			own := c.Behaviors[0]
			own.Pattern = pattern
			c.Behaviors = slices.Insert(c.Behaviors, 0, own)
		}
		mended, _ := distribution.Mend(c, d)
		adapted, _, err := distribution.Adapt(c, distribution.Wish{Delivery: d})
		if err != nil {
			t.Fatal(err)
		}
		for _, got := range []cloud.DistributionConfig{mended, adapted} {
			if s := outline(got); s != "media/*@vodfleet-output watch/*@vodfleet-output @site" {
				t.Fatalf("behaviours are %s", s)
			}
			if a, b := got.Behaviors[0].Request, got.Behaviors[2].Request; a.ID != "" || b.ID != "R" {
				t.Errorf("the bucket is asked by %+v, the site by %+v", a, b)
			}
		}
	}
}
