package distribution

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"

	"github.com/vodfleet/vodfleet/internal/cloud"
)

// accessControl is the name of the origin access control that is made; it
// signs for any bucket.
const accessControl = "vodfleet"

// Apply makes a distribution what want says, from the version that have was
// read in, with the policies that are [Pending]. It returns what the
// distribution then is, at the edges only when it is Deployed. A distribution
// that has changed since is [cloud.ErrPrecondition]: read, judge and show again.
// A repeat changes nothing more: policies are named by what they say.
func Apply(ctx context.Context, cdn cloud.Distributions, have, want cloud.DistributionConfig) (cloud.DistributionConfig, error) {
	want, err := settle(ctx, cdn, have, want)
	if err != nil {
		return cloud.DistributionConfig{}, err
	}
	want.ID, want.ETag = have.ID, have.ETag
	return cdn.Configure(ctx, want)
}

// Create makes a new distribution, or returns the one that was made by the same
// reference.
func Create(ctx context.Context, cdn cloud.Distributions, reference string, want cloud.DistributionConfig) (cloud.DistributionConfig, error) {
	want, err := settle(ctx, cdn, cloud.DistributionConfig{}, want)
	if err != nil {
		return cloud.DistributionConfig{}, err
	}
	return cdn.CreateDistribution(ctx, reference, want)
}

// settle makes what is pending and names it.
func settle(ctx context.Context, cdn cloud.Distributions, have, want cloud.DistributionConfig) (cloud.DistributionConfig, error) {
	want = want.Clone()
	for i := range want.Origins {
		if o := &want.Origins[i]; o.Access == Pending {
			id, err := cdn.EnsureAccessControl(ctx, accessControl)
			if err != nil {
				return want, err
			}
			o.Access = id
		}
	}
	for i := range want.Behaviors {
		b := &want.Behaviors[i]
		if p := b.Cache; p.ID == "" && p.Name == Pending {
			p.Name = "vodfleet-cache-" + digest(p)
			id, err := cdn.EnsureCachePolicy(ctx, p)
			if err != nil {
				return want, err
			}
			b.Cache = cloud.CachePolicy{ID: id}
		}
		if p := b.Headers; p.ID == "" && p.Name == Pending {
			base := ""
			for _, h := range have.Behaviors {
				if h.Pattern == b.Pattern {
					base = h.Headers.ID
				}
			}
			p.Name = "vodfleet-headers-" + digest(p, base)
			id, err := cdn.EnsureHeadersPolicy(ctx, base, p)
			if err != nil {
				return want, err
			}
			b.Headers = cloud.HeadersPolicy{ID: id}
		}
	}
	return want, nil
}

// digest is the same for the same things, and short.
func digest(v ...any) string {
	b, _ := json.Marshal(v) // plain structs and strings: it cannot fail
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:6])
}
