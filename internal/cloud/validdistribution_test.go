package cloud_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/vodfleet/vodfleet/internal/cloud"
)

func TestDistributionValid(t *testing.T) {
	for _, tt := range []struct {
		change func(c *cloud.DistributionConfig)
		want   string
	}{
		{func(c *cloud.DistributionConfig) {}, "<nil>"},
		{func(c *cloud.DistributionConfig) { c.Comment = strings.Repeat("x", 129) }, "a comment of 129 bytes, limit 128"},
		{func(c *cloud.DistributionConfig) { c.Origins[0].ID = "" }, `origin "": no ID`},
		{func(c *cloud.DistributionConfig) { c.Origins[0].Bucket = "" }, `origin "o": neither a domain nor a bucket`},
		{func(c *cloud.DistributionConfig) { c.Origins[0].Custom = &cloud.CustomOrigin{} }, `origin "o": a bucket and a server of one's own`},
		{func(c *cloud.DistributionConfig) { c.Origins[0].Path = "p" }, `origin "o": path "p": want a slash first and none last`},
		{func(c *cloud.DistributionConfig) { c.Origins[0].Path = "/" }, `origin "o": path "/": want a slash first and none last`},
		{func(c *cloud.DistributionConfig) { c.Origins = append(c.Origins, c.Origins[0]) }, `origin "o" is there twice`},
		{func(c *cloud.DistributionConfig) { c.Behaviors = nil }, "no default behaviour"},
		{func(c *cloud.DistributionConfig) { c.Behaviors[1].Pattern = "x" }, `behaviour 2 has the pattern "x": want one for all but the last`},
		{func(c *cloud.DistributionConfig) { c.Behaviors[0].Pattern = "" }, `behaviour 1 has the pattern "": want one for all but the last`},
		{func(c *cloud.DistributionConfig) {
			c.Behaviors = append([]cloud.Behavior{c.Behaviors[0]}, c.Behaviors...)
		}, `behaviour "a" is there twice`},
		{func(c *cloud.DistributionConfig) { c.Behaviors[1].Origin = "p" }, `behaviour "" names the origin "p", which is not there`},
	} {
		c := cloud.DistributionConfig{
			Origins:   []cloud.Origin{{ID: "o", Bucket: "b"}},
			Groups:    []cloud.OriginGroup{{ID: "g", Members: []string{"o"}}},
			Behaviors: []cloud.Behavior{{Pattern: "a", Origin: "g"}, {Origin: "o"}},
		}
		tt.change(&c)
		if got := fmt.Sprint(c.Valid()); got != tt.want {
			t.Errorf("Valid = %s, want %s", got, tt.want)
		}
	}
}

func TestPoliciesValid(t *testing.T) {
	for _, tt := range []struct {
		policy interface{ Valid() error }
		want   string
	}{
		{&cloud.CachePolicy{Name: "n", Min: 1 * time.Second, Default: 1 * time.Second, Max: time.Minute}, "<nil>"},
		{&cloud.CachePolicy{}, "no name"},
		{&cloud.CachePolicy{Name: "n", Default: time.Second}, "times 0s, 1s, 0s: want them from the least to the most"},
		{&cloud.CachePolicy{Name: "n", Max: 1500 * time.Millisecond}, "times 0s, 0s, 1.5s: want whole seconds"},
		{&cloud.HeadersPolicy{Name: "n"}, "<nil>"},
		{&cloud.HeadersPolicy{}, "no name"},
		{&cloud.HeadersPolicy{Name: "n", CORS: &cloud.CORS{Origins: []string{"*"}}}, "cross-origin rules without origins, methods or headers"},
	} {
		if got := fmt.Sprint(tt.policy.Valid()); got != tt.want {
			t.Errorf("Valid(%+v) = %s, want %s", tt.policy, got, tt.want)
		}
	}
}
