package distribution_test

import (
	"testing"
	"time"

	"github.com/vodfleet/vodfleet/internal/cloud"
	"github.com/vodfleet/vodfleet/internal/distribution"
)

// How long Smooth media live on is the worst of what serves them.
func TestSmoothLife(t *testing.T) {
	const day = 24 * time.Hour
	for _, tt := range []struct {
		name   string
		change func(*cloud.DistributionConfig)
		life   time.Duration
		of     string
	}{
		{"as it should be", func(*cloud.DistributionConfig) {}, 365 * day, "behaviour *.ism/*"},
		{"shorter", func(c *cloud.DistributionConfig) { c.Behaviors[0].Cache.Max = day }, day, "behaviour *.ism/*"},
		{"fragments elsewhere", func(c *cloud.DistributionConfig) {
			c.Behaviors[0].Pattern, c.Behaviors[0].Cache.Max = "*/Manifest", day
			c.Behaviors[1].Cache.Max = 2 * day
		}, 2 * day, "behaviour media/*"},
		{"by default", func(c *cloud.DistributionConfig) { c.Behaviors = c.Behaviors[3:] }, 1, "default behaviour"},
		{"not known", func(c *cloud.DistributionConfig) { c.Behaviors[0].Cache.Name = "" }, 0, ""},
		{"nothing serves it", func(c *cloud.DistributionConfig) { c.Behaviors = nil }, 0, ""},
	} {
		c := good()
		tt.change(&c)
		if life, of, known := distribution.SmoothLife(c, delivery()); life != tt.life || of != tt.of || known != (tt.of != "") {
			t.Errorf("%s: %v of %q, known %v; want %v of %q", tt.name, life, of, known, tt.life, tt.of)
		}
	}
}
