package distribution

import (
	"fmt"
	"slices"
	"strings"

	"github.com/vodfleet/vodfleet/internal/cloud"
)

// Patterns of the behaviours that are the delivery's own, below the viewer URL.
const (
	ownMedia   = "media/*"
	ownEntries = "watch/*"
)

// pattern is that of a behaviour for paths below the output.
func (d Delivery) pattern(p string) string { return strings.TrimPrefix(d.root()+"/"+p, "/") }

// ours reports whether a behaviour serves nothing but what is delivered: all
// that its pattern matches is media, entries or Smooth. Any other may serve a
// site as well.
func (j *judge) ours(b *cloud.Behavior) bool {
	return b.Pattern != "" && (covers(j.d.pattern(ownMedia), b.Pattern) || covers(j.d.pattern(ownEntries), b.Pattern) || strings.Contains(b.Pattern, ".ism/"))
}

// others reports whether an origin also serves behaviours that are not ours.
func (j *judge) others(origin string) bool {
	return slices.ContainsFunc(j.c.Behaviors, func(b cloud.Behavior) bool {
		o := j.c.Origin(b.Origin)
		return o != nil && o.ID == origin && !j.ours(&b)
	})
}

// unsaid reports whether a behaviour's origin is a server of which nobody says
// that it has the output.
func (j *judge) unsaid(b *cloud.Behavior) bool {
	o := j.c.Origin(b.Origin)
	return j.d.Origin == "" && o != nil && o.Custom != nil
}

// mend adds a finding of a behaviour with a change of it. One that may serve
// something else stays as it is: those of own patterns are put before it, and
// judged again.
func (j *judge) mend(s Severity, b *cloud.Behavior, text, fix string, change func(*cloud.Behavior), own ...string) {
	if j.ours(b) {
		j.add(s, name(b), text, fix, of(b.Pattern, change))
		return
	}
	j.before(s, b, text, fix, own...)
}

// before adds a finding of a behaviour that others, made of it, are put before.
func (j *judge) before(s Severity, b *cloud.Behavior, text, fix string, own ...string) {
	var missed []string
	for _, pattern := range own {
		if slices.Contains(j.takers(pattern), b) {
			missed = append(missed, j.d.pattern(pattern))
		}
	}
	if len(missed) == 0 { // it gets what is judged alone, and no sample
		missed = []string{j.d.pattern(own[0])}
	}
	at := b.Pattern
	put := func(c *cloud.DistributionConfig) {
		for _, pattern := range missed {
			putBefore(c, j.d, pattern, at)
		}
	}
	if j.unsaid(b) {
		put = nil // the server may have nothing to do with the delivery
	}
	j.add(s, name(b), text, fmt.Sprintf("put behaviours of their own for %s before it, which may serve something else too: %s", strings.Join(missed, " and "), fix), put)
	j.found[len(j.found)-1].apart = put != nil
}

// takers are the behaviours that get what an own pattern is for.
func (j *judge) takers(pattern string) []*cloud.Behavior {
	if pattern == ownEntries {
		return j.entries()
	}
	return j.media()
}

// putBefore puts the behaviour of an own pattern before another: the one that
// is there, or one made of that other.
func putBefore(c *cloud.DistributionConfig, d Delivery, pattern, at string) {
	to := index(c, at)
	if to < 0 || index(c, pattern) >= 0 {
		moveBefore(pattern, at)(c)
		return
	}
	b := c.Behaviors[to]
	b.Pattern, b.Functions, b.Methods, b.Cache = pattern, nil, []string{"GET", "HEAD", "OPTIONS"}, MediaCache()
	if pattern == d.pattern(ownEntries) {
		b.Smooth, b.Cache = false, EntryCache()
		if header(b.Headers, "Cache-Control") != nil {
			changeHeaders(dropCacheControl)(&b)
		}
	}
	path, _ := wantedPath(d)
	if o := c.Origin(b.Origin); o == nil || d.Origin != Custom && d.Origin != IIS && (o.Bucket != d.Output.Bucket || o.Path != path || o.Access+o.Legacy == "") {
		toBucket(&b, outputOrigin(c, d))
	}
	c.Behaviors = slices.Insert(c.Behaviors, to, b)
}

// index is where the behaviour of a pattern is, -1 if there is none.
func index(c *cloud.DistributionConfig, pattern string) int {
	return slices.IndexFunc(c.Behaviors, func(b cloud.Behavior) bool { return b.Pattern == pattern })
}
