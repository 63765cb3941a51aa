package distribution

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/vodfleet/vodfleet/internal/cloud"
)

// PolicyFile is a file by which a site says which sites' players may read it.
type PolicyFile struct {
	Name string // at the distribution's root
	Body []byte
}

// policyFileNames are Silverlight's, Flash's, and the CloudFront guide's for that.
var policyFileNames = [...]string{"clientaccesspolicy.xml", "crossdomain.xml", "crossdomainpolicy.xml"}

// maxDomains bounds a policy file.
const maxDomains = 100

// PolicyFiles renders the policy files for the sites of some domains; none
// stands for every site. A domain is a host name, "*.example.com" for those
// below it, with a scheme in front ("http://") where it is not to be both.
// Sources: "Making a Service Available Across Domain Boundaries" (Silverlight,
// clientaccesspolicy.xml) and "Cross-domain policy file specification" (Flash,
// crossdomain.xml); the CloudFront developer guide asks for clientaccesspolicy.xml
// or crossdomainpolicy.xml.
func PolicyFiles(domains []string) ([]PolicyFile, error) {
	if len(domains) > maxDomains {
		return nil, fmt.Errorf("%d domains, limit %d", len(domains), maxDomains)
	}
	var sites []site
	for _, d := range domains {
		s, err := parseSite(d)
		if err != nil {
			return nil, err
		}
		if !slices.Contains(sites, s) {
			sites = append(sites, s)
		}
	}
	if len(sites) == 0 {
		sites = []site{{host: "*"}}
	}
	flash := crossDomain(sites)
	return []PolicyFile{{policyFileNames[0], clientAccess(sites)}, {policyFileNames[1], flash}, {policyFileNames[2], flash}}, nil
}

// siteName is a host name or the names below one, with or without a port.
var siteName = regexp.MustCompile(`^(\*\.)?[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*(:[0-9]{1,5})?$`)

type site struct{ scheme, host string }

func parseSite(d string) (site, error) {
	s := site{host: strings.ToLower(d)}
	if scheme, host, ok := strings.Cut(s.host, "://"); ok {
		if s.scheme, s.host = scheme, host; scheme != "http" && scheme != "https" {
			return s, fmt.Errorf("domain %q: want http or https", d)
		}
	}
	if s.host != "*" && !siteName.MatchString(s.host) {
		return s, fmt.Errorf("domain %q: want a host name, *.example.com for those below it, or *", d)
	}
	return s, nil
}

// uris are a site as Silverlight names it: "http://*" is every site of HTTP.
func (s site) uris() []string {
	if s.scheme != "" {
		return []string{s.scheme + "://" + s.host}
	}
	if s.host == "*" {
		return []string{"*", "http://*", "https://*"} // "*" alone leaves out pages of the other scheme
	}
	return []string{"http://" + s.host, "https://" + s.host}
}

func clientAccess(sites []site) []byte {
	var b bytes.Buffer
	b.WriteString(xml.Header + "<access-policy>\n  <cross-domain-access>\n    <policy>\n      <allow-from http-methods=\"*\" http-request-headers=\"*\">\n")
	for _, s := range sites {
		for _, uri := range s.uris() {
			fmt.Fprintf(&b, "        <domain uri=\"%s\"/>\n", escape(uri))
		}
	}
	b.WriteString("      </allow-from>\n      <grant-to>\n        <resource path=\"/\" include-subpaths=\"true\"/>\n      </grant-to>\n    </policy>\n  </cross-domain-access>\n</access-policy>\n")
	return b.Bytes()
}

func crossDomain(sites []site) []byte {
	var b bytes.Buffer
	b.WriteString(xml.Header + "<cross-domain-policy>\n  <site-control permitted-cross-domain-policies=\"master-only\"/>\n")
	for _, s := range sites {
		// Not secure: pages of HTTP may read what comes over HTTPS.
		fmt.Fprintf(&b, "  <allow-access-from domain=\"%s\" secure=\"%v\"/>\n", escape(s.host), s.scheme == "https")
		fmt.Fprintf(&b, "  <allow-http-request-headers-from domain=\"%s\" headers=\"*\" secure=\"%v\"/>\n", escape(s.host), s.scheme == "https")
	}
	b.WriteString("</cross-domain-policy>\n")
	return b.Bytes()
}

func escape(s string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(s)) // a strings.Builder does not fail
	return b.String()
}

// PolicyFileAt is where an object has to be so that a distribution answers with
// it at its root: in the bucket of the behaviour that the root's path gets,
// below its OriginPath. It fails where that origin is none of the account's
// buckets: whoever keeps the server has to put the file there.
func PolicyFileAt(c cloud.DistributionConfig, name string) (cloud.Location, error) {
	b := Choose(&c, "/"+name)
	if b == nil {
		return cloud.Location{}, fmt.Errorf("/%s: the distribution has no default behaviour", name)
	}
	o := c.Origin(b.Origin)
	switch {
	case o == nil:
		return cloud.Location{}, fmt.Errorf("/%s: the distribution has no origin %s", name, b.Origin)
	case o.Bucket == "":
		return cloud.Location{}, fmt.Errorf("/%s is answered by the server %s: put the file there", name, o.Domain)
	}
	return cloud.Location{Bucket: o.Bucket, Key: strings.TrimPrefix(o.Path+"/"+name, "/")}, nil
}

// RootFiles are the objects of the output's bucket, outside the output, that a
// distribution answers with as the policy files at its root.
func RootFiles(c cloud.DistributionConfig, d Delivery) []cloud.Location {
	if !d.Smooth {
		return nil
	}
	var files []cloud.Location
	below := strings.Trim(d.Output.Key, "/") + "/"
	for _, name := range policyFileNames {
		at, err := PolicyFileAt(c, name)
		if err == nil && at.Bucket == d.Output.Bucket && below != "/" && !strings.HasPrefix(at.Key, below) {
			files = append(files, at)
		}
	}
	return files
}

// ErrOthers means that there is a policy file of somebody else's.
var ErrOthers = errors.New("somebody else has written it otherwise")

// Object metadata of the policy files that are ours to replace.
const (
	writer = "writer"
	ours   = "vodfleet"
)

// WritePolicyFile puts a policy file, and reports whether it had to: a repeat
// with the same body writes nothing. One that is there and not ours is
// [ErrOthers] unless it says the same or force is set. Two that write at a time
// do not undo one another: the later one fails with [cloud.ErrPrecondition].
func WritePolicyFile(ctx context.Context, store cloud.Store, at cloud.Location, body []byte, force bool) (written bool, err error) {
	put, err := PolicyFilePut(ctx, store, at, body, force)
	if err != nil || put == nil {
		return false, err
	}
	if _, err := store.Put(ctx, *put); err != nil {
		return false, err
	}
	return true, nil
}

// PolicyFilePut is what [WritePolicyFile] would write, nil where it need not.
func PolicyFilePut(ctx context.Context, store cloud.Store, at cloud.Location, body []byte, force bool) (*cloud.Put, error) {
	there, o, err := store.Get(ctx, at, 1<<20)
	put := &cloud.Put{
		Location: at, Body: body, ContentType: "text/xml", CacheControl: "public, max-age=300", Metadata: map[string]string{writer: ours},
	}
	switch {
	case errors.Is(err, cloud.ErrNotFound):
		put.If.Absent = true
	case errors.Is(err, cloud.ErrInvalid) && !force: // too large to be one of ours
		return nil, fmt.Errorf("policy file %s: %w", at, ErrOthers)
	case err != nil && !errors.Is(err, cloud.ErrInvalid):
		return nil, err
	case err == nil && bytes.Equal(there, body):
		return nil, nil
	case err == nil && o.Metadata[writer] != ours && !force:
		return nil, fmt.Errorf("policy file %s: %w", at, ErrOthers)
	default:
		put.If.ETag = o.ETag
	}
	return put, nil
}
