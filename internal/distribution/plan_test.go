package distribution_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vodfleet/vodfleet/internal/cloud"
	"github.com/vodfleet/vodfleet/internal/cloud/memcloud"
	"github.com/vodfleet/vodfleet/internal/distribution"
)

// theirs is a distribution of something else altogether.
func theirs() cloud.DistributionConfig {
	cache := cloud.CachePolicy{ID: "C9", Name: "site", Min: time.Second, Default: time.Hour, Max: time.Hour}
	return cloud.DistributionConfig{
		ID: "E9", ARN: arn, Domain: "d9.cloudfront.net", Deployed: true, Enabled: true,
		Origins: []cloud.Origin{{ID: "site", Domain: "site.example.com", Custom: &cloud.CustomOrigin{HTTPPort: 80, HTTPSPort: 443, Protocol: "https-only"}}},
		Behaviors: []cloud.Behavior{
			{Pattern: "api/*", Origin: "site", ViewerProtocol: "https-only", Methods: []string{"GET", "HEAD"}, Cache: cache},
			{Pattern: "*.mp4", Origin: "site", ViewerProtocol: "https-only", Methods: []string{"GET", "HEAD"}, Cache: cache},
			{Origin: "site", ViewerProtocol: "https-only", Methods: []string{"GET", "HEAD"}, Cache: cache},
		},
	}
}

// outline is the behaviours of a configuration with their flags and origins.
func outline(c cloud.DistributionConfig) string {
	var all []string
	for _, b := range c.Behaviors {
		s := b.Pattern + "@" + b.Origin
		if b.Smooth {
			s += "+"
		}
		all = append(all, s)
	}
	return strings.Join(all, " ")
}

// TestPlan is of the matrix {new, existing} × {bucket, server, IIS} × {behaviour
// of its own, shared, default}: each plays, and a second plan changes nothing.
func TestPlan(t *testing.T) {
	for _, tt := range []struct {
		name     string
		existing bool
		wish     distribution.Wish
		want     string
	}{
		{"new", false, distribution.Wish{}, "media/*@vodfleet-output+ watch/*@vodfleet-output @vodfleet-output"},
		{"new, narrow", false, distribution.Wish{Narrow: true}, "*.ism/*@vodfleet-output+ media/*@vodfleet-output watch/*@vodfleet-output @vodfleet-output"},
		{"new, default", false, distribution.Wish{Wide: true}, "watch/*@vodfleet-output @vodfleet-output+"},
		{"new, server", false, distribution.Wish{Server: "http://o.example.com:8080"}, "media/*@vodfleet-server+ watch/*@vodfleet-server @vodfleet-server"},
		{"new, server, default", false, distribution.Wish{Server: "https://o.example.com", Wide: true}, "watch/*@vodfleet-server @vodfleet-server+"},
		{"new, IIS", false, distribution.Wish{Server: "https://o.example.com", Narrow: true, Delivery: distribution.Delivery{Origin: distribution.IIS}},
			"*.ism/*@vodfleet-server media/*@vodfleet-server watch/*@vodfleet-server @vodfleet-server"},
		{"existing", true, distribution.Wish{}, "api/*@site media/*@vodfleet-output+ *.mp4@site watch/*@vodfleet-output @site"},
		{"existing, narrow", true, distribution.Wish{Narrow: true}, "api/*@site media/*.ism/*@vodfleet-output+ media/*@vodfleet-output *.mp4@site watch/*@vodfleet-output @site"},
		{"existing, server", true, distribution.Wish{Server: "http://o.example.com:8080"}, "api/*@site media/*@vodfleet-server+ *.mp4@site watch/*@vodfleet-server @site"},
		{"existing, IIS", true, distribution.Wish{Server: "http://o.example.com:8080", Delivery: distribution.Delivery{Origin: distribution.IIS}},
			"api/*@site media/*@vodfleet-server *.mp4@site watch/*@vodfleet-server @site"},
		{"existing, its server", true, distribution.Wish{Server: "https://site.example.com"}, "api/*@site media/*@site+ *.mp4@site watch/*@site @site"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				tt.wish.Output, tt.wish.Region, tt.wish.Smooth = cloud.Location{Bucket: "out", Key: "vod"}, "eu-west-1", true
				m := memcloud.New(memcloud.Options{})
				var have cloud.DistributionConfig
				if tt.existing {
					m.CDN.SetConfiguration(theirs())
					have = read(t, m, "E9")
				}
				got := plan(t, m, have, tt.wish)
				if s := outline(got); s != tt.want {
					t.Errorf("behaviours are\n\t%s, want\n\t%s", s, tt.want)
				}
				d := tt.wish.Delivery
				if d.Origin == "" && tt.wish.Server != "" {
					d.Origin = distribution.Custom
				}
				time.Sleep(time.Hour)
				got = read(t, m, got.ID)
				if found := bad(distribution.Check(got, d)); found != nil {
					t.Errorf("it has %v", distribution.Check(got, d))
				}
				if err := distribution.MayPublishSmooth(got, d, "media/A/1/smooth/video.ism"); err != nil {
					t.Error(err)
				}
				if again := plan(t, m, got, tt.wish); again.ETag != got.ETag || len(distribution.Diff(got, read(t, m, got.ID))) > 0 {
					t.Errorf("a second time it changes %v", distribution.Diff(got, again))
				}
			})
		})
	}
}

func read(t *testing.T, m *memcloud.Cloud, id string) cloud.DistributionConfig {
	t.Helper()
	c, err := m.CDN.Configuration(t.Context(), id)
	if err == nil {
		c, err = m.CDN.Policies(t.Context(), c)
	}
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// plan makes have what is wished, or a new distribution where it is none.
func plan(t *testing.T, m *memcloud.Cloud, have cloud.DistributionConfig, w distribution.Wish) cloud.DistributionConfig {
	t.Helper()
	if have.ID == "" {
		want, err := distribution.New(w, "made")
		if err != nil {
			t.Fatal(err)
		}
		got, err := distribution.Create(t.Context(), m.CDN, "ref", want)
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	want, _, err := distribution.Adapt(have, w)
	if err != nil {
		t.Fatal(err)
	}
	got, err := distribution.Apply(t.Context(), m.CDN, have, want)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func TestPlanRefuses(t *testing.T) {
	for _, tt := range []struct {
		wish distribution.Wish
		want string
	}{
		{distribution.Wish{Server: "ftp://o"}, `origin "ftp://o": want http(s)://HOST[:PORT]`},
		{distribution.Wish{Server: "http://o:99999"}, `origin "http://o:99999": port 99999`},
		{distribution.Wish{Server: "http://user:secret@o"}, "origin: it has a user or a password: want http(s)://HOST[:PORT]"},
		{distribution.Wish{Delivery: distribution.Delivery{Origin: distribution.IIS}}, "origin kind iis: name the server's URL"},
		{distribution.Wish{Delivery: distribution.Delivery{Viewer: "https://v.example/films"}}, "viewer URL https://v.example/films: its path is not the end of the output's prefix vod"},
	} {
		tt.wish.Output = cloud.Location{Bucket: "out", Key: "vod"}
		if _, err := distribution.New(tt.wish, ""); fmt.Sprint(err) != tt.want {
			t.Errorf("New = %v, want %s", err, tt.want)
		}
		if _, _, err := distribution.Adapt(theirs(), tt.wish); fmt.Sprint(err) != tt.want {
			t.Errorf("Adapt = %v, want %s", err, tt.want)
		}
	}
}

func TestPlanRefusesTenants(t *testing.T) {
	c := theirs()
	c.MultiTenant = true
	wish := distribution.Wish{Delivery: distribution.Delivery{Output: cloud.Location{Bucket: "out"}}}
	if _, _, err := distribution.Adapt(c, wish); err != nil {
		t.Errorf("Adapt without Smooth = %v", err)
	}
	wish.Smooth = true
	want := "distribution E9 is a multi-tenant one, which cannot serve Smooth Streaming: make a standard one (--new)"
	if _, _, err := distribution.Adapt(c, wish); fmt.Sprint(err) != want {
		t.Errorf("Adapt = %v, want %s", err, want)
	}
}
