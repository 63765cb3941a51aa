package distribution

import (
	"slices"
	"strings"
	"time"

	"github.com/vodfleet/vodfleet/internal/cloud"
)

// Players is what pages of any site need to play: whole files and ranges of
// them, and to read where a range lies.
func Players() *cloud.CORS {
	return &cloud.CORS{
		Origins: []string{"*"}, Methods: []string{"GET", "HEAD", "OPTIONS"}, Headers: []string{"*"},
		Expose: []string{"Content-Length", "Content-Range", "Date", "ETag"}, MaxAge: 24 * time.Hour, Override: true,
	}
}

func cors(j *judge) {
	j.check = "cors"
	for _, b := range j.all() {
		if b.Headers.ID != "" && b.Headers.Name == "" {
			continue // its text is not known
		}
		c := b.Headers.CORS
		fix := "use a response headers policy that lets pages of other sites read"
		change := of(b.Pattern, changeHeaders(func(p *cloud.HeadersPolicy) { p.CORS = Players() }))
		switch {
		case c == nil && forwardsOrigin(b):
			j.add(Warning, name(b), "whether pages of other sites may read is left to the origin, once for each site that asks", fix, change)
		case c == nil:
			j.add(Broken, name(b), "pages of other sites may not read, so players in browsers fail", fix, change)
		case !has(c.Methods, "GET") || !has(c.Methods, "HEAD"):
			j.add(Broken, name(b), "pages of other sites may use "+strings.Join(c.Methods, ", ")+" only, and players need GET and HEAD", fix, change)
		case !has(c.Headers, "Range"):
			j.add(Broken, name(b), "pages of other sites may send "+strings.Join(c.Headers, ", ")+" only, and players send Range", fix, change)
		case len(c.Origins) == 0:
			j.add(Broken, name(b), "pages of no other site may read", fix, change)
		}
	}
}

// has reports whether a list names something, or everything.
func has(list []string, want string) bool {
	return slices.ContainsFunc(list, func(s string) bool { return s == "*" || s == "ALL" || strings.EqualFold(s, want) })
}

// forwardsOrigin reports whether the origin learns which site asks, and caches
// tell sites apart.
func forwardsOrigin(b *cloud.Behavior) bool {
	h := b.Cache.Headers
	return h.Mode == "all" || h.Mode == "whitelist" && has(h.Names, "Origin")
}
