package memcloud

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/vodfleet/vodfleet/internal/cloud"
)

// Quotas of the invalidations in progress of one distribution.
const (
	maxPaths     = 3000
	maxWildcards = 15
)

// CDN has distributions that deliver nothing, and invalidations that complete
// by the clock.
type CDN struct {
	c     *Cloud
	mu    sync.Mutex
	dists map[string]*distribution

	caches   map[string]cloud.CachePolicy // by ID, as the other policies
	requests map[string]cloud.RequestPolicy
	headers  map[string]cloud.HeadersPolicy
	controls map[string]string // IDs of origin access controls by name
	numbers  int               // of what was made
}

type distribution struct {
	cloud.Distribution
	config        configured
	invalidations []*invalidation
	references    map[string]*invalidation
}

type invalidation struct {
	id      string
	paths   []string // sorted
	created time.Time
}

func newCDN(c *Cloud) *CDN {
	n := &CDN{
		c: c, dists: map[string]*distribution{}, caches: map[string]cloud.CachePolicy{}, requests: map[string]cloud.RequestPolicy{},
		headers: map[string]cloud.HeadersPolicy{}, controls: map[string]string{},
	}
	n.takePolicies(plainConfig(cloud.Distribution{}))
	return n
}

// AddDistribution makes a distribution that is set up plainly, or replaces what
// is told of one; see [CDN.SetConfiguration].
func (n *CDN) AddDistribution(d cloud.Distribution) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if old := n.dists[d.ID]; old != nil {
		old.Distribution = d
		old.config.Enabled, old.config.ETag, old.config.Domain = d.Enabled, d.ETag, d.Domain
		return
	}
	n.dists[d.ID] = &distribution{
		Distribution: d, references: map[string]*invalidation{},
		config: configured{DistributionConfig: settled(plainConfig(d)), changed: n.c.now().Add(-Deployment)},
	}
}

// Distribution implements [cloud.CDN].
func (n *CDN) Distribution(ctx context.Context, id string) (cloud.Distribution, error) {
	const op = "CDN.Distribution"
	return call(ctx, n.c, op, "distribution "+id, signature, func() (cloud.Distribution, error) {
		n.mu.Lock()
		defer n.mu.Unlock()
		d, err := n.find(op, id)
		if err != nil {
			return cloud.Distribution{}, err
		}
		return d.Distribution, nil
	})
}

// Invalidate implements [cloud.CDN].
func (n *CDN) Invalidate(ctx context.Context, dist, reference string, paths []string) (cloud.Invalidation, error) {
	const op = "CDN.Invalidate"
	at := "distribution " + dist
	return call(ctx, n.c, op, at, signature, func() (cloud.Invalidation, error) {
		if err := cloud.ValidPaths(paths); err != nil {
			return cloud.Invalidation{}, fail(op, at, cloud.ErrInvalid, err.Error())
		}
		if reference == "" {
			return cloud.Invalidation{}, fail(op, at, cloud.ErrInvalid, "no reference")
		}
		n.mu.Lock()
		defer n.mu.Unlock()
		d, err := n.find(op, dist)
		if err != nil {
			return cloud.Invalidation{}, err
		}
		sorted := slices.Sorted(slices.Values(paths))
		if i := d.references[reference]; i != nil {
			if !slices.Equal(i.paths, sorted) {
				return cloud.Invalidation{}, fail(op, at, cloud.ErrInvalid, "the reference is another invalidation's")
			}
			return n.describe(i), nil
		}
		if err := n.room(d, sorted); err != nil {
			return cloud.Invalidation{}, fail(op, at, cloud.ErrQuota, err.Error())
		}
		i := &invalidation{id: fmt.Sprintf("I%013d", len(d.invalidations)+1), paths: sorted, created: n.c.now()}
		d.invalidations = append(d.invalidations, i)
		d.references[reference] = i
		return n.describe(i), nil
	})
}

// room reports what keeps more paths from being in progress.
func (n *CDN) room(d *distribution, more []string) error {
	single, wild := count(more)
	for _, i := range slices.Backward(d.invalidations) {
		if n.describe(i).Done {
			break // and so are those before it
		}
		s, w := count(i.paths)
		single, wild = single+s, wild+w
	}
	if single > maxPaths || wild > maxWildcards {
		return fmt.Errorf("%d paths and %d wildcards would be in progress, limits %d and %d", single, wild, maxPaths, maxWildcards)
	}
	return nil
}

func count(paths []string) (single, wild int) {
	for _, p := range paths {
		if strings.HasSuffix(p, "*") {
			wild++
		} else {
			single++
		}
	}
	return single, wild
}

// Invalidation implements [cloud.CDN].
func (n *CDN) Invalidation(ctx context.Context, dist, id string) (cloud.Invalidation, error) {
	const op = "CDN.Invalidation"
	return call(ctx, n.c, op, "invalidation "+id, signature, func() (cloud.Invalidation, error) {
		n.mu.Lock()
		defer n.mu.Unlock()
		d, err := n.find(op, dist)
		if err != nil {
			return cloud.Invalidation{}, err
		}
		for _, i := range d.invalidations {
			if i.id == id {
				return n.describe(i), nil
			}
		}
		return cloud.Invalidation{}, fail(op, "invalidation "+id, cloud.ErrNotFound, "")
	})
}

// Invalidated returns the paths that were asked to be dropped, in the order of
// the requests.
func (n *CDN) Invalidated(dist string) []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	var all []string
	if d := n.dists[dist]; d != nil {
		for _, i := range d.invalidations {
			all = append(all, i.paths...)
		}
	}
	return all
}

func (n *CDN) find(op, id string) (*distribution, error) {
	d := n.dists[id]
	if d == nil {
		return nil, fail(op, "distribution "+id, cloud.ErrNotFound, "")
	}
	return d, nil
}

func (n *CDN) describe(i *invalidation) cloud.Invalidation {
	return cloud.Invalidation{ID: i.id, Created: i.created, Done: n.c.now().Sub(i.created) >= n.c.opts.Invalidation}
}
