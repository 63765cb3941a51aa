package cloudfront

import (
	"net/http"
	"slices"
	"strings"
	"time"
)

// distribution is one distribution. Live is what the edge serves; Next is what
// the API shows, and becomes Live at Deployed.
type distribution struct {
	ID       string
	Number   int // in the order of creation
	Domain   string
	ETag     string
	Created  time.Time
	Modified time.Time
	Deployed time.Time // when the last change is, or was, at the edge
	Live     string
	Next     string
	Tags     map[string]string

	live, next *node
}

// nextNumber is the number of the next distribution. The caller holds s.mu.
func (s *Service) nextNumber() int {
	last := 0
	for _, d := range s.dists {
		last = max(last, d.Number)
	}
	return last + 1
}

func (d *distribution) arn() string {
	return "arn:aws:cloudfront::" + account + ":distribution/" + d.ID
}

func (d *distribution) status(now time.Time) string {
	if now.Before(d.Deployed) {
		return "InProgress"
	}
	return "Deployed"
}

func (s *Service) routeDistributions() {
	s.route("GET /distribution", "ListDistributions", s.listDistributions)
	s.route("POST /distribution", "CreateDistribution", s.createDistribution)
	s.route("GET /distribution/{id}", "GetDistribution", func(r *http.Request) (*reply, error) {
		d, err := s.dist(r)
		if err != nil {
			return nil, err
		}
		return &reply{body: s.doc(d), shape: "Distribution", etag: d.ETag}, nil
	})
	s.route("GET /distribution/{id}/config", "GetDistributionConfig", func(r *http.Request) (*reply, error) {
		d, err := s.dist(r)
		if err != nil {
			return nil, err
		}
		return &reply{body: d.next, shape: "DistributionConfig", etag: d.ETag}, nil
	})
	s.route("PUT /distribution/{id}/config", "UpdateDistribution", s.updateDistribution)
	s.route("DELETE /distribution/{id}", "DeleteDistribution", s.deleteDistribution)
}

func (s *Service) dist(r *http.Request) (*distribution, error) { return s.distByID(r.PathValue("id")) }

func (s *Service) distByID(id string) (*distribution, error) {
	for _, d := range s.dists {
		if d.ID == id {
			return d, nil
		}
	}
	return nil, noDistribution()
}

// doc is the Distribution element.
func (s *Service) doc(d *distribution) *node {
	return el("Distribution",
		leaf("Id", d.ID), leaf("ARN", d.arn()), leaf("Status", d.status(s.now())), leaf("LastModifiedTime", stamp(d.Modified)),
		leaf("InProgressInvalidationBatches", s.inProgress(d.ID)), leaf("DomainName", d.Domain),
		el("ActiveTrustedSigners", leaf("Enabled", false), leaf("Quantity", 0)),
		el("ActiveTrustedKeyGroups", leaf("Enabled", false), leaf("Quantity", 0)),
		d.next, el("AliasICPRecordals"))
}

func (s *Service) createDistribution(r *http.Request) (*reply, error) {
	var cfg *node
	var tags map[string]string
	var err error
	if r.URL.Query().Has("WithTags") {
		if cfg, tags, err = taggedBody(r); err != nil {
			return nil, err
		}
	} else if cfg, err = s.body(r, "DistributionConfig", "DistributionConfig"); err != nil {
		return nil, err
	}
	normalize(cfg)
	if cfg.str("CallerReference") == "" {
		return nil, invalid("The parameter CallerReference is required.")
	}
	for _, d := range s.dists {
		if d.next.str("CallerReference") == cfg.str("CallerReference") {
			return nil, refuse(http.StatusConflict, "DistributionAlreadyExists",
				"The caller reference that you are using to create a distribution is associated with another distribution. Already exists: %s", d.ID)
		}
	}
	if len(s.dists) >= s.cfg.MaxDistributions {
		return nil, bad("TooManyDistributions", "Your request contains more distributions than are allowed per account.")
	}
	if err := s.checkConfig("", cfg); err != nil {
		return nil, err
	}
	now := s.now()
	d := &distribution{
		ID: newID("E", 14), Number: s.nextNumber(), Domain: "d" + strings.ToLower(newID("", 13)) + ".cloudfront.net", ETag: newETag(),
		Created: now, Modified: now, Deployed: now.Add(s.cfg.Deploy), live: cfg, next: cfg, Tags: tags,
	}
	if err := s.saveDistribution(d); err != nil {
		return nil, err
	}
	s.dists = append(s.dists, d)
	return &reply{status: http.StatusCreated, body: s.doc(d), shape: "Distribution", etag: d.ETag, location: "distribution/" + d.ID}, nil
}

func (s *Service) updateDistribution(r *http.Request) (*reply, error) {
	cfg, err := s.body(r, "DistributionConfig", "DistributionConfig")
	if err != nil {
		return nil, err
	}
	old, err := s.dist(r)
	if err != nil {
		return nil, err
	}
	if err := checkVersion(r, old.ETag); err != nil {
		return nil, err
	}
	if err := checkUpdate(cfg); err != nil {
		return nil, err
	}
	normalize(cfg)
	if cfg.str("CallerReference") != old.next.str("CallerReference") {
		return nil, bad("IllegalUpdate", "The update contains modifications that are not allowed.")
	}
	if err := s.checkConfig(old.ID, cfg); err != nil {
		return nil, err
	}
	d := *old
	d.next, d.ETag, d.Modified = cfg, newETag(), s.now()
	d.Deployed = d.Modified.Add(s.cfg.Deploy)
	if err := s.saveDistribution(&d); err != nil {
		return nil, err
	}
	*old = d
	return &reply{body: s.doc(old), shape: "Distribution", etag: d.ETag}, nil
}

func (s *Service) deleteDistribution(r *http.Request) (*reply, error) {
	d, err := s.dist(r)
	if err != nil {
		return nil, err
	}
	if err := checkVersion(r, d.ETag); err != nil {
		return nil, err
	}
	if d.next.bool("Enabled") || d.status(s.now()) != "Deployed" {
		return nil, refuse(http.StatusConflict, "DistributionNotDisabled", "The distribution you are trying to delete has not been disabled.")
	}
	if err := s.files.remove("distribution", d.ID); err != nil {
		return nil, err
	}
	if err := s.forget(d.ID); err != nil {
		return nil, err
	}
	s.dists = slices.DeleteFunc(s.dists, func(o *distribution) bool { return o == d })
	s.views = nil
	return &reply{status: http.StatusNoContent}, nil
}

func (s *Service) saveDistribution(d *distribution) error {
	d.Live, d.Next = string(d.live.bytes()), string(d.next.bytes())
	s.views = nil
	return s.files.save("distribution", d.ID, d)
}

// summarized names the members that a summary takes from the configuration.
var summarized = []string{
	"Aliases", "Origins", "OriginGroups", "DefaultCacheBehavior", "CacheBehaviors", "CustomErrorResponses", "Comment",
	"PriceClass", "Enabled", "ViewerCertificate", "Restrictions", "WebACLId", "HttpVersion", "IsIPV6Enabled", "Staging",
	"ConnectionMode",
}

func (s *Service) listDistributions(r *http.Request) (*reply, error) {
	pg, err := pageOf(r, s.dists, func(d *distribution) string { return d.ID })
	if err != nil {
		return nil, err
	}
	items := make([]*node, len(pg.items))
	for i, d := range pg.items {
		n := el("DistributionSummary",
			leaf("Id", d.ID), leaf("ARN", d.arn()), leaf("ETag", d.ETag), leaf("Status", d.status(s.now())),
			leaf("LastModifiedTime", stamp(d.Modified)), leaf("DomainName", d.Domain))
		for _, name := range summarized {
			if c := d.next.child(name); c != nil {
				n.kids = append(n.kids, c)
			}
		}
		items[i] = n
	}
	return &reply{body: pg.doc("DistributionList", true, items), shape: "DistributionList"}, nil
}
