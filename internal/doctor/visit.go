package doctor

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"

	"github.com/vodfleet/vodfleet/internal/cloud"
	"github.com/vodfleet/vodfleet/internal/distribution"
)

// visit is one look at everything: what several checks need is read once.
type visit struct {
	*Doctor
	config func() (cloud.DistributionConfig, error) // with its policies' texts
	survey func() survey
	made   func() (cloud.JobSpec, error) // by the profile's job template
	server func() (string, error)        // Server header of the origin; see [distribution.Server]
}

func (d *Doctor) visit(ctx context.Context) *visit {
	v := &visit{Doctor: d}
	v.config = sync.OnceValues(func() (cloud.DistributionConfig, error) {
		bounded, cancel := context.WithTimeout(ctx, d.Limit)
		defer cancel()
		c, err := d.CDN.Configuration(bounded, d.Distribution)
		if err != nil {
			return c, err
		}
		return d.CDN.Policies(bounded, c)
	})
	v.survey = sync.OnceValue(func() survey {
		bounded, cancel := context.WithTimeout(ctx, d.Limit)
		defer cancel()
		return d.count(bounded)
	})
	v.made = sync.OnceValues(func() (cloud.JobSpec, error) {
		if d.Template == nil {
			return cloud.JobSpec{}, nil
		}
		bounded, cancel := context.WithTimeout(ctx, d.Limit)
		defer cancel()
		return d.Template(bounded)
	})
	v.server = sync.OnceValues(func() (string, error) {
		bounded, cancel := context.WithTimeout(ctx, d.Limit)
		defer cancel()
		return v.askServer(bounded)
	})
	return v
}

// smooth reports whether there are Smooth packages, or will be.
func (v *visit) smooth() bool {
	if s := v.survey(); v.Smooth || s.Smooth > 0 || s.made.Smooth {
		return true
	}
	made, err := v.made()
	return err == nil && slices.ContainsFunc(made.Groups, func(g cloud.OutputGroup) bool { return g.Kind == cloud.GroupSmooth })
}

// delivery is what the distribution is judged by.
func (v *visit) delivery(ctx context.Context) (d distribution.Delivery, found []Finding) {
	d = distribution.Delivery{Output: v.Output, Viewer: v.Viewer, Smooth: v.smooth(), Origin: v.Origin}
	switch policy, err := v.Inspector.BucketPolicy(ctx, v.Output.Bucket); {
	case err == nil:
		d.BucketPolicy = &policy
	default:
		f := trouble("bucket "+v.Output.Bucket, err, "", "allow s3:GetBucketPolicy on it")
		f.Check, f.Severity, f.What = "bucket-policy", distribution.Warning, "its policy cannot be read, and is not judged: "+err.Error()
		found = append(found, f)
	}
	switch server, err := v.server(); {
	case distribution.IsIIS(server) && d.Origin != distribution.IIS:
		f := warning("origin", fmt.Sprintf("its Server header is %q: it streams Smooth by itself, and VODFLEET_ORIGIN_KIND does not say so", server), "set VODFLEET_ORIGIN_KIND=iis, for workers too")
		f.Check = "origin-kind"
		found = append(found, f)
		d.Origin = distribution.IIS
	case err != nil && d.Origin == "" && d.Smooth:
		f := warning("origin", "whether it streams Smooth by itself is not known, and a worker that does not know either publishes no Smooth: "+err.Error(), "set VODFLEET_ORIGIN_KIND to iis or custom, for workers too")
		f.Check = "origin-kind"
		found = append(found, f)
	}
	return d, found
}

// rules judges the live distribution.
func (v *visit) rules(ctx context.Context) []Finding {
	if v.Distribution == "" {
		return []Finding{warning("", "VODFLEET_DISTRIBUTION_ID is not set: replaced entries are invalidated nowhere, and nothing is checked of what viewers go through", "set it")}
	}
	c, err := v.config()
	if err != nil {
		return []Finding{unread(v.Distribution, err)}
	}
	d, list := v.delivery(ctx)
	for _, f := range distribution.Check(c, d) {
		list = append(list, Finding{Check: f.Check, Subject: f.Subject, Severity: f.Severity, What: f.Text, Fix: f.Fix, Mends: f.Change != nil})
	}
	return list
}

func unread(id string, err error) Finding {
	return trouble("distribution "+id, err, "set VODFLEET_DISTRIBUTION_ID to one of this account, or to nothing",
		"allow cloudfront:GetDistribution on it, and GetCachePolicy, GetOriginRequestPolicy and GetResponseHeadersPolicy on its policies")
}

// askServer asks the server that Smooth paths are answered by who it is.
func (v *visit) askServer(ctx context.Context) (string, error) {
	if v.Distribution == "" {
		return "", nil
	}
	c, err := v.config()
	if err != nil {
		return "", nil // rules tell
	}
	return distribution.Server(ctx, v.HTTP, c, distribution.Delivery{Viewer: v.Viewer}, v.Limit/3)
}

// served says whether viewers can read the ledger through the distribution.
func (v *visit) served(ctx context.Context) []Finding {
	if v.Distribution == "" {
		return nil
	}
	c, err := v.config()
	if err != nil {
		return []Finding{fine(v.Ledger.String(), "the distribution cannot be read, so it was not compared")} // rules tell
	}
	path, ok := reaches(&c, v.Ledger)
	if !ok {
		return nil
	}
	what := fmt.Sprintf("the distribution's origin holds it: viewers ask for it under %s", path)
	const fix = "keep the ledger in a bucket of its own, or have the bucket's policy let the distribution read the output's prefix only"
	if !v.Probe {
		return []Finding{warning(v.Ledger.String(), what+"; whether the bucket's policy lets them was not tried", fix)}
	}
	name := probeFolder + strings.ToLower(rand.Text()) // edges may remember what an earlier one was answered with
	at := v.Ledger.Join(name)
	if _, err := v.Store.Put(ctx, cloud.Put{
		Location: at, Body: []byte("vodfleet's doctor asks whether viewers can read this\n"), ContentType: "text/plain", CacheControl: "no-store",
	}); err != nil {
		return []Finding{trouble(v.Ledger.String(), fmt.Errorf("put an object: %w", err), "", allowWrite)}
	}
	viewer, _ := url.Parse(v.Viewer)
	a, err := v.ask(ctx, http.MethodGet, (&url.URL{Scheme: viewer.Scheme, Host: viewer.Host, Path: path + "/" + name}).String())
	gone := v.Store.Delete(context.WithoutCancel(ctx), at.Bucket, at.Key)
	switch {
	case gone != nil:
		return []Finding{trouble(v.Ledger.String(), fmt.Errorf("delete %s: %w", at, gone), "", allowWrite)}
	case err != nil:
		return []Finding{warning(v.Ledger.String(), what+"; whether they can read it is not known: "+err.Error(), fix)}
	case a.status == http.StatusOK:
		return []Finding{broken(v.Ledger.String(), what+", and get it", fix)}
	}
	return []Finding{fine(v.Ledger.String(), fmt.Sprintf("the distribution's origin holds it, and viewers who ask get %d", a.status))}
}

// reaches is the path under which a distribution's origin would answer with a
// location's objects.
func reaches(c *cloud.DistributionConfig, at cloud.Location) (path string, ok bool) {
	for _, o := range c.Origins {
		if o.Bucket != at.Bucket {
			continue
		}
		rest, in := strings.CutPrefix("/"+strings.Trim(at.Key, "/")+"/", strings.TrimRight(o.Path, "/")+"/")
		if !in {
			continue
		}
		path = strings.TrimRight("/"+rest, "/")
		if b := distribution.Choose(c, path+"/ledger/AA/X.json"); b != nil {
			if used := c.Origin(b.Origin); used != nil && used.ID == o.ID {
				return path, true
			}
		}
	}
	return "", false
}
