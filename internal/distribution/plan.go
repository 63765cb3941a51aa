package distribution

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/vodfleet/vodfleet/internal/cloud"
)

// Wish is what a distribution is made for, beside what is delivered.
type Wish struct {
	Delivery
	Server string // URL of the origin where that is a server: http(s)://HOST[:PORT]; empty: the output bucket
	Narrow bool   // Smooth gets a behaviour of its own, before the wider ones; else it shares that of media/*
	Wide   bool   // a new distribution serves builds by its default behaviour, with no other than that of entries
}

// New is a distribution that does not exist yet, with all that its delivery
// needs; what is [Pending] in it [Create] makes.
func New(w Wish, comment string) (cloud.DistributionConfig, error) {
	c := cloud.DistributionConfig{Enabled: true, Comment: comment, Deployed: true}
	id, err := w.origin(&c)
	if err != nil {
		return c, err
	}
	media := w.behavior("", id)
	media.Smooth = w.Smooth && w.Origin != IIS && (!w.Narrow || w.Wide)
	if !w.Wide {
		if w.Smooth && w.Narrow {
			own := w.behavior("*.ism/*", id)
			own.Smooth = w.Origin != IIS
			c.Behaviors = append(c.Behaviors, own)
		}
		other := media
		other.Pattern = w.pattern("media/*")
		c.Behaviors = append(c.Behaviors, other)
		media.Smooth = false
	}
	entries := w.behavior(w.pattern("watch/*"), id)
	entries.Cache, entries.Headers = EntryCache(), cloud.HeadersPolicy{Name: Pending, CORS: Players()}
	c.Behaviors = append(c.Behaviors, entries, media)
	return w.mended(c)
}

// Adapt is an existing distribution with all that the delivery needs: behaviours
// that serve something else at the delivery's paths get one before them, those
// that serve the delivery are mended. It also returns what it cannot mend.
// A multi-tenant one that is to serve Smooth is an error.
func Adapt(c cloud.DistributionConfig, w Wish) (cloud.DistributionConfig, []Finding, error) {
	if w.Smooth && c.MultiTenant {
		return c, nil, fmt.Errorf("distribution %s is a multi-tenant one, which cannot serve Smooth Streaming: make a standard one (--new)", c.ID)
	}
	c = c.Clone()
	id, err := w.origin(&c)
	if err != nil {
		return c, nil, err
	}
	if w.Smooth && w.Narrow {
		w.insert(&c, id, "media/*.ism/*", requests(smoothPath))
	}
	w.insert(&c, id, "media/*", mediaPaths)
	w.insert(&c, id, "watch/*", entryPaths)
	if !slices.ContainsFunc(c.Behaviors, func(b cloud.Behavior) bool { return b.Origin == id }) {
		c.Origins = slices.DeleteFunc(c.Origins, func(o cloud.Origin) bool { return o.ID == id }) // another of the same serves
	}
	c, found := Mend(c, w.delivery())
	return c, found, nil
}

func (w Wish) mended(c cloud.DistributionConfig) (cloud.DistributionConfig, error) {
	c, found := Mend(c, w.delivery())
	for _, f := range found {
		if f.Severity == Broken {
			return c, fmt.Errorf("such a distribution could not play: %s", f)
		}
	}
	return c, nil
}

// delivery is what the rules are told: a server is one of one's own.
func (w Wish) delivery() Delivery {
	d := w.Delivery
	if d.Origin == "" && w.Server != "" {
		d.Origin = Custom
	}
	return d
}

// insert puts a behaviour for paths before the first that takes one of them,
// unless all of them are served from where they should already. One of that very
// pattern is used.
func (w Wish) insert(c *cloud.DistributionConfig, id, pattern string, paths []string) {
	pattern = w.pattern(pattern)
	narrow := strings.Contains(pattern, ".ism/")
	first, serves := len(c.Behaviors)-1, true
	for _, p := range paths {
		for i := range c.Behaviors {
			if b := &c.Behaviors[i]; Match(b.Pattern, w.root()+"/"+p) {
				serves = serves && w.servedBy(c, b.Origin) && (!narrow || strings.Contains(b.Pattern, ".ism/"))
				first = min(first, i)
				break
			}
		}
	}
	if serves {
		return
	}
	if i := slices.IndexFunc(c.Behaviors, func(b cloud.Behavior) bool { return b.Pattern == pattern }); i >= 0 {
		if c.Behaviors[i].Origin = id; w.Server == "" {
			toBucket(&c.Behaviors[i], id)
		}
		return
	}
	b := w.behavior(pattern, id)
	b.Smooth = narrow && w.Origin != IIS
	if strings.Contains(pattern, "watch/") {
		b.Cache, b.Headers = EntryCache(), cloud.HeadersPolicy{Name: Pending, CORS: Players()}
	}
	c.Behaviors = slices.Insert(c.Behaviors, first, b)
}

// servedBy reports whether an origin is that of the delivery.
func (w Wish) servedBy(c *cloud.DistributionConfig, id string) bool {
	o := c.Origin(id)
	if o == nil {
		return false
	}
	if w.Server == "" {
		path, _ := wantedPath(w.Delivery)
		return o.Bucket == w.Output.Bucket && o.Path == path
	}
	want, err := w.server()
	return err == nil && o.Domain == want.Domain && o.Path == want.Path && o.Custom != nil && *o.Custom == *want.Custom
}

// behavior is one for builds.
func (w Wish) behavior(pattern, origin string) cloud.Behavior {
	protocol := "redirect-to-https"
	if strings.HasPrefix(w.Viewer, "http://") {
		protocol = "allow-all"
	}
	return cloud.Behavior{
		Pattern: pattern, Origin: origin, ViewerProtocol: protocol, Methods: []string{"GET", "HEAD", "OPTIONS"}, Compress: true, Cache: MediaCache(),
		Headers: cloud.HeadersPolicy{Name: Pending, CORS: Players(), Set: []cloud.Header{{Name: "Cache-Control", Value: Immutable, Override: true}}},
	}
}

// origin finds the delivery's origin in c, or adds it, and returns its ID.
func (w Wish) origin(c *cloud.DistributionConfig) (string, error) {
	if w.Server == "" {
		if w.Origin == Custom || w.Origin == IIS {
			return "", fmt.Errorf("origin kind %s: name the server's URL", w.Origin)
		}
		if _, ok := wantedPath(w.Delivery); !ok {
			return "", fmt.Errorf("viewer URL %s: its path is not the end of the output's prefix %s", w.Viewer, w.Output.Key)
		}
		return outputOrigin(c, w.Delivery), nil
	}
	o, err := w.server()
	if err != nil {
		return "", err
	}
	for _, there := range c.Origins {
		if there.Domain == o.Domain && there.Path == o.Path && there.Custom != nil && *there.Custom == *o.Custom {
			return there.ID, nil
		}
	}
	for n := 2; slices.ContainsFunc(c.Origins, func(t cloud.Origin) bool { return t.ID == o.ID }); n++ {
		o.ID = fmt.Sprintf("vodfleet-server-%d", n)
	}
	c.Origins = append(c.Origins, o)
	return o.ID, nil
}

// server reads the URL of a server as an origin.
func (w Wish) server() (cloud.Origin, error) {
	u, err := url.Parse(w.Server)
	if err == nil && u.User != nil {
		return cloud.Origin{}, errors.New("origin: it has a user or a password: want http(s)://HOST[:PORT]")
	}
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.RawQuery != "" || u.Fragment != "" {
		return cloud.Origin{}, fmt.Errorf("origin %q: want http(s)://HOST[:PORT]", w.Server)
	}
	custom := &cloud.CustomOrigin{HTTPPort: 80, HTTPSPort: 443, Protocol: u.Scheme + "-only"}
	if p := u.Port(); p != "" {
		n, err := strconv.ParseUint(p, 10, 16)
		if err != nil {
			return cloud.Origin{}, fmt.Errorf("origin %q: port %s", w.Server, p)
		}
		if u.Scheme == "http" {
			custom.HTTPPort = int(n)
		} else {
			custom.HTTPSPort = int(n)
		}
	}
	return cloud.Origin{ID: "vodfleet-server", Domain: u.Hostname(), Path: strings.TrimRight(u.Path, "/"), Custom: custom}, nil
}
