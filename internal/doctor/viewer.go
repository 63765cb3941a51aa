package doctor

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/vodfleet/vodfleet/internal/cloud"
	"github.com/vodfleet/vodfleet/internal/distribution"
)

// anySite stands for a page of another site.
const anySite = "https://doctor.example"

// maxAnswer bounds what is read of one answer.
const maxAnswer = 256 << 10

// answer is what a viewer gets.
type answer struct {
	status int
	header http.Header
	body   []byte // its first bytes
}

// ask asks for a URL as a player in a page of another site does.
func (d *Doctor) ask(ctx context.Context, method, u string) (answer, error) {
	return d.askFrom(ctx, anySite, method, u)
}

// askFrom asks as a player in a page of a site does.
func (d *Doctor) askFrom(ctx context.Context, site, method, u string) (answer, error) {
	req, err := http.NewRequestWithContext(ctx, method, u, nil)
	if err != nil {
		return answer{}, err
	}
	req.Header.Set("Origin", site)
	req.Header.Set("User-Agent", "vodfleet-doctor")
	resp, err := d.HTTP.Do(req)
	if err != nil {
		if inner, ok := errors.AsType[*url.Error](err); ok {
			err = inner.Err
		}
		return answer{}, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	return answer{resp.StatusCode, resp.Header, body}, err
}

// wanted are the policy files that clients ask for at the root, by the element
// they begin with.
var wanted = []struct{ name, element string }{
	{"clientaccesspolicy.xml", "access-policy"},
	{"crossdomain.xml", "cross-domain-policy"},
}

// policyFiles asks for the policy files as viewers do.
func (v *visit) policyFiles(ctx context.Context) []Finding {
	if !v.smooth() {
		return []Finding{fine("", "no Smooth is delivered, so nobody asks for them")}
	}
	viewer, err := url.Parse(v.Viewer)
	if err != nil || viewer.Host == "" {
		return []Finding{broken("viewer URL", "it is no URL", "set VODFLEET_VIEWER_URL to https://DOMAIN[/PATH]")}
	}
	var found []Finding
	for _, w := range wanted {
		u := viewer.Scheme + "://" + viewer.Host + "/" + w.name
		fix, mends := v.policyFix(ctx, w.name)
		a, err := v.ask(ctx, http.MethodGet, u)
		if err == nil && v.unsigned(u, a) {
			found = append(found, fine(u, unjudged))
			continue
		}
		var what string
		switch {
		case err != nil:
			what, fix, mends = "no answer: "+err.Error(), "see that the viewer URL can be reached from here", false
		case a.status != http.StatusOK:
			what = distribution.NoPolicyFile(a.status)
		case rootOf(a.body) != w.element:
			what, mends = fmt.Sprintf("it is answered with something that is no <%s>", w.element), false
			fix = "see what answers there; " + fix
		case len(v.Domains) > 0 && !bytes.Equal(a.body, v.policyText(w.name)):
			found = append(found, Finding{Subject: u, Severity: distribution.Warning, What: "it allows other sites than --allow-domain", Fix: fix, Mends: mends})
			continue
		default:
			found = append(found, fine(u, "it answers"))
			continue
		}
		found = append(found, Finding{Subject: u, Severity: distribution.Broken, What: what, Fix: fix, Mends: mends})
	}
	return found
}

// policyFix says where a policy file has to be, and whether --fix would write it.
func (v *visit) policyFix(ctx context.Context, name string) (fix string, mends bool) {
	if v.Distribution == "" {
		return "put it at the root of what answers there", false
	}
	c, err := v.config()
	if err != nil {
		return "put it at the distribution's root", false
	}
	at, err := distribution.PolicyFileAt(c, name)
	if err != nil {
		return err.Error(), false
	}
	switch writes, err := v.writes(ctx, at, v.policyText(name)); {
	case err != nil:
		return "put it at " + at.String() + ", which cannot be read: " + err.Error(), false
	case !writes:
		return "it is at " + at.String() + ": see that the bucket's policy lets the distribution read it (bucket-policy), and that edges have forgotten what they answered before", false
	}
	return "write it to " + at.String(), true
}

func (d *Doctor) policyText(name string) []byte {
	files, err := distribution.PolicyFiles(d.Domains)
	if err != nil {
		return nil
	}
	for _, f := range files {
		if f.Name == name {
			return f.Body
		}
	}
	return nil
}

// rootOf is the name of the first element of a document, empty if it has none
// or is not well-formed up to there.
func rootOf(body []byte) string {
	d := xml.NewDecoder(bytes.NewReader(body))
	for {
		token, err := d.Token()
		if err != nil {
			return ""
		}
		if e, ok := token.(xml.StartElement); ok {
			return e.Name.Local
		}
	}
}

// answers asks for one published asset's documents and media as players do.
func (v *visit) answers(ctx context.Context) []Finding {
	s := v.survey()
	switch {
	case s.sample == nil && s.err != nil:
		return []Finding{trouble(v.Ledger.String(), s.err, "", allowRead)}
	case s.sample == nil:
		return []Finding{fine("", "nothing is published yet, so nothing was asked for")}
	}
	links := s.sample.URLs
	var found []Finding
	asked := map[string]bool{}
	look := func(u string, media bool) {
		if u == "" || asked[u] {
			return
		}
		asked[u] = true
		site := v.site(u)
		a, err := v.askFrom(ctx, site, http.MethodGet, u)
		if err == nil && v.unsigned(u, a) {
			found = append(found, fine(u, unjudged))
			return
		}
		found = append(found, judge(u, site, a, err, media)...)
	}
	entries := strings.TrimRight(v.Viewer, "/") + "/watch/"
	for _, u := range []string{links.Playback, links.HLS, links.DASH} {
		look(u, !strings.HasPrefix(u, entries))
	}
	for _, p := range links.Packages {
		for _, u := range []string{p.HLS, p.DASH} {
			look(u, true)
		}
		if d := p.Smooth; d != "" {
			look(d, true)
		}
		if len(p.Files) > 0 {
			look(p.Files[0], true)
		}
	}
	return found
}

// Bounds of how long viewers may keep what they got.
const (
	entryAge = time.Minute    // at the most
	mediaAge = 24 * time.Hour // at the least
)

// behavior is the distribution's behaviour that a URL gets; nil where that is
// not known.
func (v *visit) behavior(u string) *cloud.Behavior {
	if v.Distribution == "" {
		return nil
	}
	c, err := v.config()
	if err != nil {
		return nil // rules tell
	}
	at, err := url.Parse(u)
	if err != nil {
		return nil
	}
	return distribution.Choose(&c, at.Path)
}

// site is one whose pages may read a URL by the behaviour that it gets: some are
// meant for an operator's own sites alone.
func (v *visit) site(u string) string {
	b := v.behavior(u)
	if b == nil || b.Headers.CORS == nil || len(b.Headers.CORS.Origins) == 0 || slices.Contains(b.Headers.CORS.Origins, "*") {
		return anySite
	}
	site := strings.ReplaceAll(b.Headers.CORS.Origins[0], "*", "doctor")
	if !strings.Contains(site, "://") {
		site = "https://" + site
	}
	return site
}

const unjudged = "viewers need signatures, of which the doctor has none: it is not judged"

// unsigned reports whether an answer is what those get who sign nothing where
// viewers need signatures.
func (v *visit) unsigned(u string, a answer) bool {
	b := v.behavior(u)
	return a.status == http.StatusForbidden && b != nil && len(b.KeyGroups)+len(b.Signers) > 0
}

// judge says what is wrong with an answer that a player in a page of a site got.
func judge(u, site string, a answer, err error, media bool) (found []Finding) {
	const policy = "see the distribution's checks above, or what stands before it"
	if err != nil {
		return []Finding{broken(u, "no answer: "+err.Error(), "see that the viewer URL can be reached from here")}
	}
	if a.status != http.StatusOK {
		return []Finding{broken(u, fmt.Sprintf("viewers get %d", a.status), "see the distribution's checks above; if they are well, `enqueuer explain` the asset")}
	}
	if allowed := a.header.Get("Access-Control-Allow-Origin"); allowed != "*" && allowed != site {
		found = append(found, broken(u, "pages of other sites may not read it: Access-Control-Allow-Origin is "+strconv.Quote(allowed), policy))
	}
	control := a.header.Get("Cache-Control")
	switch age := maxAge(control); {
	case media && age < mediaAge:
		found = append(found, warning(u, fmt.Sprintf("viewers are told Cache-Control %q of media that never change", control), policy))
	case !media && age > entryAge:
		found = append(found, broken(u, fmt.Sprintf("viewers are told Cache-Control %q of a document that replacements rewrite", control), policy))
	}
	if len(found) == 0 {
		found = append(found, fine(u, "it answers"))
	}
	return found
}

// maxAge is how long a viewer may keep an answer (RFC 9111, 5.2.2), 0 where that
// is not said.
func maxAge(control string) (age time.Duration) {
	for part := range strings.SplitSeq(strings.ToLower(control), ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		switch name {
		case "no-store", "no-cache":
			return 0
		case "max-age":
			if n, err := strconv.ParseUint(value, 10, 31); err == nil {
				age = time.Duration(n) * time.Second
			}
		}
	}
	return age
}
