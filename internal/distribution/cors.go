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
		say := func(severity Severity, text string) {
			j.mend(severity, b, text, "use a response headers policy that lets pages of other sites read",
				changeHeaders(func(p *cloud.HeadersPolicy) { p.CORS = Players() }), ownMedia, ownEntries)
		}
		switch {
		case c == nil && forwardsOrigin(b):
			say(Warning, "whether pages of other sites may read is left to the origin, once for each site that asks")
		case c == nil:
			say(Broken, "pages of other sites may not read, so players in browsers fail")
		case !has(c.Methods, "GET") || !has(c.Methods, "HEAD"):
			say(Broken, "pages of other sites may use "+strings.Join(c.Methods, ", ")+" only, and players need GET and HEAD")
		case !has(c.Headers, "Range"):
			say(Broken, "pages of other sites may send "+strings.Join(c.Headers, ", ")+" only, and players send Range")
		case len(c.Origins) == 0:
			say(Broken, "pages of no other site may read")
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
