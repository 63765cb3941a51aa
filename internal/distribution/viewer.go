package distribution

import (
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/vodfleet/vodfleet/internal/cloud"
)

func enabled(j *judge) {
	j.check = "enabled"
	if !j.c.Enabled {
		j.add(Broken, "", "the distribution is disabled: it answers nobody", "enable it", func(c *cloud.DistributionConfig) { c.Enabled = true })
	}
}

func deployed(j *judge) {
	j.check = "deployed"
	if !j.c.Deployed {
		j.add(Warning, "", "its last change has not reached every edge yet: what is said here holds when it has", "wait some minutes", nil)
	}
}

func viewerURL(j *judge) {
	j.check = "viewer-url"
	if j.d.Viewer == "" {
		return
	}
	u, err := url.Parse(j.d.Viewer)
	if err != nil || u.Hostname() == "" {
		j.add(Broken, "viewer URL", fmt.Sprintf("%q is no URL", j.d.Viewer), "set VODFLEET_VIEWER_URL to https://DOMAIN[/PATH]", nil)
		return
	}
	host := u.Hostname()
	if loopback(host) || strings.EqualFold(host, j.c.Domain) || slices.ContainsFunc(j.c.Aliases, func(a string) bool { return isAlias(a, host) }) {
		return
	}
	j.add(Warning, "viewer URL", fmt.Sprintf("%s is neither the distribution's domain %s nor one of its aliases", host, j.c.Domain),
		"add the alias with its certificate to the distribution, or set VODFLEET_VIEWER_URL to one that it has", nil)
}

// isAlias reports whether an alias, which may begin with "*.", is host's.
func isAlias(alias, host string) bool {
	if wild, ok := strings.CutPrefix(alias, "*."); ok {
		_, parent, _ := strings.Cut(host, ".")
		return strings.EqualFold(parent, wild)
	}
	return strings.EqualFold(alias, host)
}

// loopback reports whether a host is this machine (RFC 6761), which is none of
// CloudFront's.
func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || strings.HasSuffix(host, ".localhost") || ip != nil && ip.IsLoopback()
}

func viewerProtocol(j *judge) {
	j.check = "viewer-protocol"
	if !strings.HasPrefix(j.d.Viewer, "http://") {
		return
	}
	for _, b := range j.all() {
		switch b.ViewerProtocol {
		case "https-only":
			j.add(Broken, name(b), "it answers HTTPS only, and the viewer URL is of HTTP", "set VODFLEET_VIEWER_URL to the https:// URL", nil)
		case "redirect-to-https":
			j.add(Warning, name(b), "it sends every request of the viewer URL, which is of HTTP, on to HTTPS", "set VODFLEET_VIEWER_URL to the https:// URL", nil)
		}
	}
}

func methodsOf(j *judge) {
	j.check = "methods"
	for _, b := range j.all() {
		switch {
		case !slices.Contains(b.Methods, "GET") || !slices.Contains(b.Methods, "HEAD"):
			j.mend(Broken, b, "viewers may not use GET and HEAD", "allow GET, HEAD and OPTIONS", allowReading, ownMedia, ownEntries)
		case !slices.Contains(b.Methods, "OPTIONS"):
			j.mend(Warning, b, "OPTIONS is not allowed, which browsers send before requests with headers that are not simple ones", "allow GET, HEAD and OPTIONS", allowReading, ownMedia, ownEntries)
		}
	}
}

func allowReading(b *cloud.Behavior) { b.Methods = []string{"GET", "HEAD", "OPTIONS"} }

func signed(j *judge) {
	j.check = "signed"
	for _, b := range j.all() {
		by := "key groups " + strings.Join(b.KeyGroups, ", ")
		if len(b.KeyGroups) == 0 {
			by = "signers " + strings.Join(b.Signers, ", ")
		}
		if len(b.KeyGroups)+len(b.Signers) > 0 {
			j.add(Warning, name(b), "viewers need signatures of "+by+", and a signed URL covers one file, where players make the URLs of many",
				"sign cookies, or a custom policy with a wildcard over the asset's folder; or take the signatures away", nil)
		}
	}
}

// longErrors is how long an error may be remembered: what is published next
// must not be missed because somebody asked for it too early.
const longErrors = time.Minute

func errorCaching(j *judge) {
	j.check = "error-caching"
	for _, e := range j.c.Errors {
		if e.Status != 403 && e.Status != 404 {
			continue
		}
		subject := fmt.Sprintf("error response %d", e.Status)
		if e.CacheFor > longErrors {
			j.add(Warning, subject, fmt.Sprintf("it is remembered for %v: who asks for a stream before it is there keeps others from it", e.CacheFor),
				"remember it for 10 s", func(c *cloud.DistributionConfig) {
					for i := range c.Errors {
						if c.Errors[i].Status == e.Status {
							c.Errors[i].CacheFor = 10 * time.Second
						}
					}
				})
		}
		if strings.HasPrefix(e.Answer, "2") {
			j.add(Warning, subject, fmt.Sprintf("it is answered as %s with %s, which players take for a stream", e.Answer, e.Page),
				"answer it as what it is, or deliver through another distribution: a site of one page needs it so", nil)
		}
	}
}
