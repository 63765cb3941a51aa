// Package distribution holds what a CloudFront distribution has to be like for
// the streams of one output: rules that judge its configuration, each with what
// is wrong and what mends it ([Check]), a distribution made or adapted as they
// want it ([Plan]), and the policy files at its root.
//
// The rules are pure. Who reads distributions and writes to them, by the port
// of package cloud, is [Apply], [Gate] and the callers.
//
// Sources are the CloudFront developer guide ("Configure video on demand for
// Microsoft Smooth Streaming", "Cache behavior settings", "Manage how long
// content stays in the cache", "Restrict access to an Amazon S3 origin") and
// the descriptions of the API's members.
package distribution

import (
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/vodfleet/vodfleet/internal/cloud"
)

// Severity is how much a finding matters.
type Severity string

// From the best to the worst.
const (
	OK      Severity = "ok"
	Warning Severity = "warning" // it works, and not as it should
	Broken  Severity = "broken"  // viewers cannot play
)

// Finding is what one rule found. A rule that found nothing wrong has one
// finding, [OK].
type Finding struct {
	Check    string // name of the rule, as "smooth-flag"
	Severity Severity
	Subject  string // what it is about, as "behaviour media/*"
	Text     string // what is so
	Fix      string // what to do, in words; empty where nothing has to be done

	// Change does it to a configuration; nil where a person has to. Changes of
	// several findings may be made one after the other; see [Mend].
	Change func(c *cloud.DistributionConfig)

	apart bool // Change puts behaviours of the delivery's own before another's
}

// String is the finding as a sentence: what, and what to do.
func (f Finding) String() string {
	s := f.Text
	if f.Subject != "" {
		s = f.Subject + ": " + s
	}
	if f.Fix != "" {
		s += "; fix: " + f.Fix
	}
	return s
}

// Kind is what answers where a distribution has nothing in its caches.
type Kind string

// The kinds of origins.
const (
	S3     Kind = "s3"
	Custom Kind = "custom" // a server that mirrors the output
	IIS    Kind = "iis"    // one that streams Smooth by itself
)

// Delivery is what is delivered.
type Delivery struct {
	Output cloud.Location // where streams are written; its key is a prefix without slashes at its ends
	Region string         // of the output's bucket; empty: not known
	Viewer string         // URL under which viewers reach the output; empty: the root of the distribution's own domain
	Smooth bool           // there are Smooth packages
	Origin Kind           // empty: S3 or Custom, as the distribution says

	// BucketPolicy is the text of the output bucket's policy, empty for none;
	// nil: it is not known and not judged.
	BucketPolicy *string
}

// Check judges a configuration with its policies' texts; see
// [cloud.Distributions.Policies]. Findings come in a fixed order of rules.
func Check(c cloud.DistributionConfig, d Delivery) []Finding {
	j := newJudge(c, d)
	for _, rule := range []func(*judge){
		enabled, deployed, viewerURL, viewerProtocol, origins, originPath, access, bucketPolicy,
		multiTenant, edgeFunctions, smoothFlag, order, methodsOf, cacheMedia, cacheEntries, cacheKey,
		cors, cacheControlMedia, cacheControlEntries, signed, errorCaching,
	} {
		j.run(rule)
	}
	return j.found
}

// Mend makes all changes that the rules propose of c to a copy of it, until
// they propose no more, and returns what the rules still find. First come those
// that set the delivery apart from what else is served, since a behaviour that
// serves something else is changed in SmoothStreaming only.
func Mend(c cloud.DistributionConfig, d Delivery) (cloud.DistributionConfig, []Finding) {
	c = c.Clone()
	found := Check(c, d)
	for range maxRounds {
		apart := slices.ContainsFunc(found, func(f Finding) bool { return f.apart })
		again := false
		for _, f := range found {
			if f.Change != nil && f.apart == apart {
				f.Change(&c)
				again = true
			}
		}
		if !again {
			break
		}
		found = Check(c, d)
	}
	return c, found
}

// maxRounds bounds how often a change may show what another rule proposes.
const maxRounds = 8

// Worst is the severity of the worst finding.
func Worst(findings []Finding) Severity {
	worst := OK
	for _, f := range findings {
		if f.Severity == Broken || f.Severity == Warning && worst == OK {
			worst = f.Severity
		}
	}
	return worst
}

// judge is one look at a configuration.
type judge struct {
	c     cloud.DistributionConfig
	d     Delivery
	root  string   // path of the viewer URL, without a slash at its end
	only  []string // paths below the output that are judged; nil: all that is delivered
	found []Finding
	check string // name of the rule at work
}

func newJudge(c cloud.DistributionConfig, d Delivery) *judge {
	d.Output.Key = strings.Trim(d.Output.Key, "/")
	return &judge{c: c, d: d, root: d.root()}
}

// root is the path at which the output begins for viewers.
func (d Delivery) root() string {
	u, err := url.Parse(d.Viewer)
	if err != nil || u.Host == "" {
		return ""
	}
	return strings.TrimRight(u.Path, "/")
}

// kind is what a behaviour's origin is.
func (j *judge) kind(b *cloud.Behavior) Kind {
	if j.d.Origin != "" {
		return j.d.Origin
	}
	if o := j.c.Origin(b.Origin); o != nil && o.Custom != nil {
		return Custom
	}
	return S3
}

// run runs one rule, which begins with naming itself, and says so where
// nothing is wrong.
func (j *judge) run(rule func(*judge)) {
	before := len(j.found)
	j.check = ""
	rule(j)
	if len(j.found) == before && j.check != "" {
		j.add(OK, "", "as it should be", "", nil)
	}
}

func (j *judge) add(s Severity, subject, text, fix string, change func(*cloud.DistributionConfig)) {
	j.found = append(j.found, Finding{Check: j.check, Severity: s, Subject: subject, Text: text, Fix: fix, Change: change})
}

// of changes one behaviour of a configuration, by its pattern.
func of(pattern string, change func(b *cloud.Behavior)) func(*cloud.DistributionConfig) {
	return func(c *cloud.DistributionConfig) {
		for i := range c.Behaviors {
			if c.Behaviors[i].Pattern == pattern {
				change(&c.Behaviors[i])
			}
		}
	}
}

// name is a behaviour's, for people.
func name(b *cloud.Behavior) string {
	if b.Pattern == "" {
		return "default behaviour"
	}
	return fmt.Sprintf("behaviour %s", b.Pattern)
}
