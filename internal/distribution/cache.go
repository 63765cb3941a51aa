package distribution

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/vodfleet/vodfleet/internal/cloud"
)

// Times of what is delivered; the longest is a year, as RFC 9111 suggests.
const (
	day  = 24 * time.Hour
	year = 365 * day
)

// Immutable is the Cache-Control that media need, which never change: nothing
// that MediaConvert writes has one.
const Immutable = "public, max-age=31536000, immutable"

// MediaCache is the cache policy of builds: nothing says how long they may be
// kept, and they are never rewritten.
func MediaCache() cloud.CachePolicy {
	p := EntryCache()
	p.Min, p.Default = time.Second, year
	return p
}

// EntryCache is the cache policy of entry documents, which say themselves how
// long they may be kept: what says nothing is not kept.
func EntryCache() cloud.CachePolicy {
	none := cloud.Selection{Mode: "none"}
	return cloud.CachePolicy{Name: Pending, Max: year, Gzip: true, Brotli: true, Query: none, Headers: none, Cookies: none}
}

func useCache(p cloud.CachePolicy) func(*cloud.Behavior) {
	return func(b *cloud.Behavior) { b.Cache = p }
}

// lookedUp reports whether a behaviour's policy is known.
func lookedUp(p cloud.CachePolicy) bool { return p.ID == "" || p.Name != "" }

func cacheMedia(j *judge) {
	j.check = "cache-media"
	entries := j.entries()
	for _, b := range j.media() {
		if slices.Contains(entries, b) || !lookedUp(b.Cache) {
			continue // cannot suit both: the entries' rule speaks
		}
		if b.Cache.Default < day {
			j.mend(Warning, b, fmt.Sprintf("media, which say nothing of it themselves, are kept for %v", b.Cache.Default),
				"use a cache policy with a default TTL of a year: media are never rewritten", useCache(MediaCache()), ownMedia)
		}
	}
}

// SmoothLife is how long the edges may hold Smooth media, which nothing purges:
// the longest maximum TTL of the behaviours that serve them, in words with the
// behaviour. It is false where a policy's text is not known; see
// [cloud.Distributions.Policies].
func SmoothLife(c cloud.DistributionConfig, d Delivery) (life time.Duration, of string, known bool) {
	j := newJudge(c, d)
	for _, b := range j.chosen(requests(smoothPath)...) {
		if !lookedUp(b.Cache) {
			return 0, "", false
		}
		if of == "" || b.Cache.Max > life {
			life, of = b.Cache.Max, name(b)
		}
	}
	return life, of, of != ""
}

func cacheEntries(j *judge) {
	j.check = "cache-entries"
	media := j.media()
	for _, b := range j.entries() {
		switch {
		case !lookedUp(b.Cache):
		case slices.Contains(media, b):
			j.before(Warning, b, "it serves both media/, which never changes, and watch/, whose documents say how long they may be kept: no cache policy suits both",
				"use a cache policy with a minimum TTL of 0", ownEntries)
		case b.Cache.Min > 0:
			severity := Warning
			if b.Cache.Min > time.Minute {
				severity = Broken
			}
			j.mend(severity, b, fmt.Sprintf("entry documents are kept for %v at the least, whatever they say", b.Cache.Min),
				"use a cache policy with a minimum TTL of 0", useCache(EntryCache()), ownEntries)
		case b.Cache.Max < day:
			j.mend(Warning, b, fmt.Sprintf("entry documents are kept for %v at the most, and their s-maxage is a year", b.Cache.Max),
				"use a cache policy with a maximum TTL of a year", useCache(EntryCache()), ownEntries)
		}
	}
}

// cacheKey goes by "What you need to know when invalidating paths" in the
// CloudFront developer guide: an invalidation reaches what cookies and headers
// tell apart, and of query strings only those that its paths have.
func cacheKey(j *judge) {
	j.check = "cache-key"
	media, entries := j.media(), j.entries()
	for _, b := range j.all() {
		var what []string
		if b.Cache.Cookies.Mode != "none" && b.Cache.Cookies.Mode != "" {
			what = append(what, "cookies")
		}
		query := b.Cache.Query
		switch {
		case query.Mode == "none" || query.Mode == "":
		case slices.Contains(entries, b):
			j.mend(Broken, b, fmt.Sprintf("entry documents are kept for each query string (%s), and invalidations reach what has none: /…/master.m3u8?a=1 stays for a year what it was",
				strings.TrimSpace(query.Mode+" "+strings.Join(query.Names, " "))), "use a cache policy without query strings", useCache(EntryCache()), ownEntries)
		case query.Mode != "whitelist":
			what = append(what, "all query strings")
		}
		if b.Cache.Headers.Mode == "all" || len(b.Cache.Headers.Names) > 3 {
			what = append(what, "many headers")
		}
		if len(what) == 0 {
			continue
		}
		p := EntryCache()
		if slices.Contains(media, b) {
			p = MediaCache()
		}
		j.mend(Warning, b, "the cache key holds "+strings.Join(what, " and ")+": viewers seldom share what is cached",
			"use a cache policy without them", useCache(p), ownMedia, ownEntries)
	}
}

// header returns what a policy sets of a header's name.
func header(p cloud.HeadersPolicy, name string) *cloud.Header {
	for i := range p.Set {
		if strings.EqualFold(p.Set[i].Name, name) {
			return &p.Set[i]
		}
	}
	return nil
}

// change makes a new policy of a behaviour's, which takes over what the other has.
func changeHeaders(change func(p *cloud.HeadersPolicy)) func(*cloud.Behavior) {
	return func(b *cloud.Behavior) {
		p := b.Headers.Clone()
		p.ID, p.Name = "", Pending
		change(&p)
		b.Headers = p
	}
}

func cacheControlMedia(j *judge) {
	j.check = "cache-control-media"
	entries := j.entries()
	for _, b := range j.media() {
		if slices.Contains(entries, b) || b.Headers.ID != "" && b.Headers.Name == "" {
			continue
		}
		h := header(b.Headers, "Cache-Control")
		if h != nil && maxAge(h.Value) >= day {
			continue
		}
		text := "viewers are not told how long they may keep media"
		if h != nil {
			text = fmt.Sprintf("viewers are told Cache-Control: %s of media", h.Value)
		}
		j.mend(Warning, b, text, "use a response headers policy that sets Cache-Control: "+Immutable, changeHeaders(setImmutable), ownMedia)
	}
}

func setImmutable(p *cloud.HeadersPolicy) {
	dropCacheControl(p)
	p.Set = append(p.Set, cloud.Header{Name: "Cache-Control", Value: Immutable, Override: true})
}

func dropCacheControl(p *cloud.HeadersPolicy) {
	p.Set = slices.DeleteFunc(p.Set, func(h cloud.Header) bool { return strings.EqualFold(h.Name, "Cache-Control") })
}

// maxAge reads a Cache-Control, 0 where it has none or forbids to keep.
func maxAge(value string) time.Duration {
	age := time.Duration(0)
	for part := range strings.SplitSeq(strings.ToLower(value), ",") {
		name, n, _ := strings.Cut(strings.TrimSpace(part), "=")
		switch name {
		case "no-store", "no-cache":
			return 0
		case "max-age":
			s, err := strconv.ParseUint(n, 10, 31)
			if err != nil {
				return 0
			}
			age = time.Duration(s) * time.Second
		}
	}
	return age
}

func cacheControlEntries(j *judge) {
	j.check = "cache-control-entries"
	for _, b := range j.entries() {
		h := header(b.Headers, "Cache-Control")
		if h == nil || !h.Override {
			continue
		}
		j.mend(Broken, b, fmt.Sprintf("entry documents are answered with Cache-Control: %s in place of their own, so that viewers keep what was replaced", h.Value),
			"take Cache-Control out of the response headers policy", changeHeaders(dropCacheControl), ownEntries)
	}
}
