package memcloud

import (
	"cmp"
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/vodfleet/vodfleet/internal/cloud"
)

// Policies implements [cloud.Distributions].
func (n *CDN) Policies(ctx context.Context, c cloud.DistributionConfig) (cloud.DistributionConfig, error) {
	const op = "CDN.Policies"
	return call(ctx, n.c, op, "distribution "+c.ID, signature, func() (cloud.DistributionConfig, error) {
		n.mu.Lock()
		defer n.mu.Unlock()
		c := c.Clone()
		for i := range c.Behaviors {
			b := &c.Behaviors[i]
			err := cmp.Or(
				look(op, "cache policy ", n.caches, b.Cache.ID, &b.Cache),
				look(op, "origin request policy ", n.requests, b.Request.ID, &b.Request),
				look(op, "response headers policy ", n.headers, b.Headers.ID, &b.Headers))
			if err != nil {
				return cloud.DistributionConfig{}, err
			}
		}
		return c.Clone(), nil
	})
}

func look[T any](op, what string, all map[string]T, id string, to *T) error {
	if id == "" {
		return nil
	}
	p, ok := all[id]
	if !ok {
		return fail(op, what+id, cloud.ErrNotFound, "")
	}
	*to = p
	return nil
}

// EnsureCachePolicy implements [cloud.Distributions].
func (n *CDN) EnsureCachePolicy(ctx context.Context, p cloud.CachePolicy) (string, error) {
	const op = "CDN.EnsureCachePolicy"
	at := "cache policy " + p.Name
	return call(ctx, n.c, op, at, signature, func() (string, error) {
		if err := p.Valid(); err != nil {
			return "", fail(op, at, cloud.ErrInvalid, err.Error())
		}
		n.mu.Lock()
		defer n.mu.Unlock()
		for _, s := range []*cloud.Selection{&p.Query, &p.Headers, &p.Cookies} {
			s.Mode, s.Names = cmp.Or(s.Mode, "none"), some(slices.Sorted(slices.Values(s.Names)))
		}
		for id, have := range n.caches {
			if have.Name != p.Name {
				continue
			}
			if p.ID = id; !reflect.DeepEqual(have, p) {
				return "", fail(op, at, cloud.ErrConflict, "there is one of this name that says something else")
			}
			return id, nil
		}
		n.numbers++
		p.ID = fmt.Sprintf("cache-%d", n.numbers)
		n.caches[p.ID] = p
		return p.ID, nil
	})
}

// EnsureHeadersPolicy implements [cloud.Distributions]. Nothing but what the
// port models is kept here, so base has only to be there.
func (n *CDN) EnsureHeadersPolicy(ctx context.Context, base string, p cloud.HeadersPolicy) (string, error) {
	const op = "CDN.EnsureHeadersPolicy"
	at := "response headers policy " + p.Name
	return call(ctx, n.c, op, at, signature, func() (string, error) {
		if err := p.Valid(); err != nil {
			return "", fail(op, at, cloud.ErrInvalid, err.Error())
		}
		n.mu.Lock()
		defer n.mu.Unlock()
		var old cloud.HeadersPolicy
		if err := look(op, "response headers policy ", n.headers, base, &old); err != nil {
			return "", err
		}
		p := p.Clone()
		p.Set, p.Remove = some(p.Set), some(slices.Sorted(slices.Values(p.Remove)))
		slices.SortStableFunc(p.Set, func(a, b cloud.Header) int { return strings.Compare(a.Name, b.Name) })
		if c := p.CORS; c != nil {
			for _, list := range []*[]string{&c.Origins, &c.Methods, &c.Headers, &c.Expose} {
				*list = some(slices.Sorted(slices.Values(*list)))
			}
		}
		for id, have := range n.headers {
			if have.Name != p.Name {
				continue
			}
			if p.ID = id; !reflect.DeepEqual(have, p) {
				return "", fail(op, at, cloud.ErrConflict, "there is one of this name that says something else")
			}
			return id, nil
		}
		n.numbers++
		p.ID = fmt.Sprintf("headers-%d", n.numbers)
		n.headers[p.ID] = p
		return p.ID, nil
	})
}

// EnsureAccessControl implements [cloud.Distributions].
func (n *CDN) EnsureAccessControl(ctx context.Context, name string) (string, error) {
	const op = "CDN.EnsureAccessControl"
	at := "origin access control " + name
	return call(ctx, n.c, op, at, signature, func() (string, error) {
		if name == "" {
			return "", fail(op, at, cloud.ErrInvalid, "no name")
		}
		n.mu.Lock()
		defer n.mu.Unlock()
		if id := n.controls[name]; id != "" {
			return id, nil
		}
		n.numbers++
		n.controls[name] = fmt.Sprintf("EAC%d", n.numbers)
		return n.controls[name], nil
	})
}
