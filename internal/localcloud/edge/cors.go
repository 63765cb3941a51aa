package edge

import (
	"net/http"
	"slices"
	"strings"

	"github.com/vodfleet/vodfleet/internal/localcloud/cloudfront"
)

func preflight(r *http.Request) bool {
	return r.Method == http.MethodOptions && r.Header.Get("Origin") != "" && r.Header.Get("Access-Control-Request-Method") != ""
}

// applyHeaders changes an answer as the behaviour's response headers policy says.
func applyHeaders(h http.Header, q *request) {
	p := q.behavior.Headers
	if p == nil {
		return
	}
	for _, name := range p.Remove {
		h.Del(name)
	}
	for _, s := range p.Set {
		if s.Override || h.Get(s.Name) == "" {
			h.Set(s.Name, s.Value)
		}
	}
	if p.CORS != nil && q.Header.Get("Origin") != "" {
		addCORS(h, q.Request, p.CORS)
	}
}

// addCORS adds the policy's headers for a request with an Origin. What the
// origin itself answered stays, unless the policy overrides it.
func addCORS(h http.Header, r *http.Request, c *cloudfront.CORS) {
	for name := range h {
		if !strings.HasPrefix(name, "Access-Control-") {
			continue
		}
		if !c.Override {
			return
		}
		h.Del(name)
	}
	origin := r.Header.Get("Origin")
	switch {
	case slices.Contains(c.Origins, "*") && !c.Credentials:
		h.Set("Access-Control-Allow-Origin", "*")
	case slices.ContainsFunc(c.Origins, func(p string) bool { return glob(p, origin) }):
		h.Set("Access-Control-Allow-Origin", origin)
		h.Add("Vary", "Origin")
	default:
		return
	}
	if c.Credentials {
		h.Set("Access-Control-Allow-Credentials", "true")
	}
	if len(c.Expose) > 0 {
		h.Set("Access-Control-Expose-Headers", strings.Join(c.Expose, ", "))
	}
	if !preflight(r) {
		return
	}
	methods := c.Methods
	if slices.Contains(methods, "ALL") {
		methods = []string{"GET", "HEAD", "PUT", "POST", "PATCH", "DELETE", "OPTIONS"}
	}
	h.Set("Access-Control-Allow-Methods", strings.Join(methods, ", "))
	h.Set("Access-Control-Allow-Headers", strings.Join(c.Headers, ", "))
	if c.MaxAge >= 0 {
		h.Set("Access-Control-Max-Age", itoa(c.MaxAge))
	}
}
