package edge

import (
	"context"
	"net/http"
	"slices"
	"time"
)

// Results as X-Cache words them.
const (
	resultHit     = "Hit from cloudfront"
	resultMiss    = "Miss from cloudfront"
	resultRefresh = "RefreshHit from cloudfront"
	resultError   = "Error from cloudfront"
)

// flight is a fetch that others wait for. Its fields are set before done is
// closed.
type flight struct {
	done    chan struct{}
	found   *entry // nil: not to be shared
	dist    string
	named   string
	lasting bool // see lasting
	doomed  bool // an invalidation of it completed meanwhile; guarded by Edge.mu
}

// get answers from the cache, or from the origin with one fetch at a time for
// each key. The caller closes the entry.
func (e *Edge) get(ctx context.Context, q *request) (*entry, string) {
	key, named := cacheKey(q)
	for alone := false; ; {
		e.mu.Lock()
		e.purge()
		kept := e.cache.get(key)
		if kept != nil && e.cfg.Clock.Now().Before(kept.fresh) {
			e.mu.Unlock()
			return kept, resultOf(kept, resultHit)
		}
		if f := e.flights[key]; f != nil && !alone {
			e.mu.Unlock()
			select {
			case <-f.done:
			case <-ctx.Done():
				return failure(http.StatusGatewayTimeout, "The viewer has gone."), resultError
			}
			if f.found != nil {
				return f.found, resultOf(f.found, resultHit)
			}
			alone = true // large, or not to be kept: everyone gets their own
			continue
		}
		f := &flight{done: make(chan struct{}), dist: q.view.ID, named: named, lasting: lasting(q)}
		if !alone {
			e.flights[key] = f
		}
		e.mu.Unlock()
		// Others may wait for this fetch, so it outlives its own viewer; the
		// origin's time-outs bound it.
		return e.fly(context.WithoutCancel(ctx), q, f, key, kept)
	}
}

// fly fetches, keeps what may be kept, and ends the flight, whatever happens.
func (e *Edge) fly(ctx context.Context, q *request, f *flight, key string, kept *entry) (found *entry, result string) {
	defer func() {
		e.mu.Lock()
		defer e.mu.Unlock()
		e.purge() // an invalidation that completed meanwhile must find this flight
		if e.flights[key] == f {
			delete(e.flights, key)
		}
		if found != nil && found.key != "" {
			f.found = found
			if !f.doomed {
				e.cache.put(found)
			}
		}
		close(f.done)
	}()
	got := e.fetch(ctx, q, kept)
	now := e.cfg.Clock.Now()
	result = resultMiss
	switch {
	case got.status == http.StatusNotModified:
		fresh := *kept
		fresh.age = got.age
		for k, v := range got.header {
			fresh.header = fresh.header.Clone()
			fresh.header[k] = v
		}
		got, result = &fresh, resultRefresh
	case got.status >= 500 && kept != nil && kept.status < 400:
		return kept, resultHit // stale is better than nothing
	}
	if got.file != nil || got.passed {
		return got, result
	}
	ttl := lifetime(got.status, got.header, now, q.view, q.behavior.Cache)
	got.fetched, got.fresh = now, now.Add(ttl-time.Duration(got.age)*time.Second)
	if storable(got.status) && got.fresh.After(now) {
		got.dist, got.named, got.key, got.lasting = q.view.ID, f.named, key, f.lasting
	} else {
		got.key = ""
	}
	return got, resultOf(got, result)
}

func resultOf(n *entry, result string) string {
	if n.status >= 400 {
		return resultError
	}
	return result
}

func storable(status int) bool {
	return slices.Contains([]int{200, 203, 300, 301, 302, 307, 308, 410}, status) || slices.Contains(cachedErrors, status)
}

// purge forgets what completed invalidations name. The caller holds e.mu.
func (e *Edge) purge() {
	list, next, all := e.cfg.Control.Purges(e.purged)
	e.purged = next
	if all {
		e.forget(func(_, _ string, lasting bool) bool { return !lasting })
	}
	for _, p := range list {
		e.forget(newMatcher(p).matches)
	}
}

// forget drops what is named from the cache, and from the fetches under way.
// The caller holds e.mu.
func (e *Edge) forget(matches func(dist, named string, lasting bool) bool) {
	e.cache.purge(matches)
	for key, f := range e.flights {
		if matches(f.dist, f.named, f.lasting) {
			f.doomed = true
			delete(e.flights, key) // who comes now wants the new content
		}
	}
}

// fetch asks the origin, or the Smooth Streaming packager over it.
func (e *Edge) fetch(ctx context.Context, q *request, kept *entry) *entry {
	if q.smooth != nil {
		return e.fetchSmooth(ctx, q, kept)
	}
	if q.origin.Bucket != "" {
		return e.fetchObject(ctx, q.origin.Bucket, q.origin.Path+q.path, kept)
	}
	return e.fetchCustom(ctx, q, kept)
}
