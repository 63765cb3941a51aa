package edge

import (
	"net/http"
	"slices"
	"strings"

	"github.com/vodfleet/vodfleet/internal/localcloud/cloudfront"
)

// cacheKey returns what tells the request's object apart from others, and the
// part of it that invalidations name: path and query string.
func cacheKey(q *request) (key, named string) {
	c := q.behavior.Cache
	named = normal(q.path)
	if s := selectQuery(q.URL.RawQuery, c.Query); s != "" {
		named += "?" + s
	}
	parts := []string{q.view.ID, named, selectCookies(q.Request, c.Cookies)}
	if c.Headers.Mode == "whitelist" {
		names := slices.Clone(c.Headers.Names)
		slices.Sort(names)
		for _, n := range names {
			parts = append(parts, strings.ToLower(n)+":"+strings.Join(headerValues(q.Request, n), ","))
		}
	}
	if q.smooth != nil {
		parts = append(parts, "smooth")
	}
	return strings.Join(parts, "\x00"), named
}

func headerValues(r *http.Request, name string) []string {
	if strings.EqualFold(name, "host") {
		return []string{r.Host}
	}
	return r.Header.Values(name)
}

// selectQuery keeps the chosen parameters of a raw query, in their order.
func selectQuery(raw string, s cloudfront.Selection) string {
	var out []string
	for pair := range strings.SplitSeq(raw, "&") {
		name, _, _ := strings.Cut(pair, "=")
		if pair != "" && s.Has(name, false) {
			out = append(out, pair)
		}
	}
	return strings.Join(out, "&")
}

func selectCookies(r *http.Request, s cloudfront.Selection) string {
	var out []string
	for _, c := range r.Cookies() {
		if s.Has(c.Name, false) {
			out = append(out, c.Name+"="+c.Value)
		}
	}
	slices.Sort(out)
	return strings.Join(out, "; ")
}

// either joins what the cache policy and the origin request policy choose.
func either(q *request, pick func(s cloudfront.Selection) bool, of func(cloudfront.Forward) cloudfront.Selection) bool {
	c := q.behavior.Cache
	return pick(of(cloudfront.Forward{Query: c.Query, Headers: c.Headers, Cookies: c.Cookies})) || pick(of(q.behavior.Forward))
}
