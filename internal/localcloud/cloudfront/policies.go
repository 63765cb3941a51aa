package cloudfront

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
)

// policyKind describes one of the four resources that a behaviour or an origin
// refers to by ID. They differ in names only.
type policyKind struct {
	path   string // segment of the request path, also the folder of the state
	name   string // element and shape of one
	plural string // as in the List operation's name
	quota  int    // of custom ones in the account
	text   string // as messages call it
	flat   bool   // summaries carry the configuration's members themselves
}

var (
	cachePolicy   = &policyKind{path: "cache-policy", name: "CachePolicy", plural: "CachePolicies", quota: 20, text: "cache policy"}
	headersPolicy = &policyKind{path: "response-headers-policy", name: "ResponseHeadersPolicy", plural: "ResponseHeadersPolicies", quota: 20, text: "response headers policy"}
	requestPolicy = &policyKind{path: "origin-request-policy", name: "OriginRequestPolicy", plural: "OriginRequestPolicies", quota: 20, text: "origin request policy"}
	accessControl = &policyKind{path: "origin-access-control", name: "OriginAccessControl", plural: "OriginAccessControls", quota: 100, text: "origin access control", flat: true}

	policyKinds = []*policyKind{cachePolicy, headersPolicy, requestPolicy, accessControl}
)

func (k *policyKind) missing() error {
	return refuse(http.StatusNotFound, "NoSuch"+k.name, "The specified %s does not exist.", k.text)
}

// policy is one such resource. Config is the state file's form of config.
type policy struct {
	ID       string
	ETag     string
	Modified time.Time
	Managed  bool
	Config   string

	config *node
}

func (p *policy) doc(k *policyKind) *node {
	if k.flat {
		return el(k.name, leaf("Id", p.ID), p.config)
	}
	return el(k.name, leaf("Id", p.ID), leaf("LastModifiedTime", stamp(p.Modified)), p.config)
}

func (s *Service) routePolicies(k *policyKind) {
	base, config := "/"+k.path, k.name+"Config"
	s.route("POST "+base, "Create"+k.name, func(r *http.Request) (*reply, error) {
		n, err := s.body(r, config, config)
		if err != nil {
			return nil, err
		}
		return s.createPolicy(k, n)
	})
	s.route("GET "+base, "List"+k.plural, func(r *http.Request) (*reply, error) { return s.listPolicies(k, r) })
	s.route("GET "+base+"/{id}", "Get"+k.name, func(r *http.Request) (*reply, error) {
		p, err := s.policy(k, r)
		if err != nil {
			return nil, err
		}
		return &reply{body: p.doc(k), shape: k.name, etag: p.ETag}, nil
	})
	s.route("GET "+base+"/{id}/config", "Get"+config, func(r *http.Request) (*reply, error) {
		p, err := s.policy(k, r)
		if err != nil {
			return nil, err
		}
		return &reply{body: p.config, shape: config, etag: p.ETag}, nil
	})
	update := base + "/{id}"
	if k.flat {
		update += "/config"
	}
	s.route("PUT "+update, "Update"+k.name, func(r *http.Request) (*reply, error) {
		n, err := s.body(r, config, config)
		if err != nil {
			return nil, err
		}
		return s.updatePolicy(k, r, n)
	})
	s.route("DELETE "+base+"/{id}", "Delete"+k.name, func(r *http.Request) (*reply, error) { return s.deletePolicy(k, r) })
}

func (s *Service) policy(k *policyKind, r *http.Request) (*policy, error) {
	if p := s.policies[k.path][r.PathValue("id")]; p != nil {
		return p, nil
	}
	return nil, k.missing()
}

// checkPolicy holds a new or changed configuration to unique names and to the
// order of TTLs. A cache policy's TTLs are completed as the service does.
func (s *Service) checkPolicy(k *policyKind, self string, cfg *node) error {
	if k == cachePolicy {
		if err := checkTTLs(cfg); err != nil {
			return invalid("The parameter MinTTL, DefaultTTL and MaxTTL must not decrease.")
		}
		least := cfg.num(0, "MinTTL")
		cfg.add(leaf("DefaultTTL", max(86400, least)))
		cfg.add(leaf("MaxTTL", max(31536000, cfg.num(0, "DefaultTTL"))))
	}
	if cfg.str("Name") == "" {
		return invalid("The parameter Name is required.")
	}
	for id, p := range s.policies[k.path] {
		if id != self && p.config.str("Name") == cfg.str("Name") {
			return refuse(http.StatusConflict, k.name+"AlreadyExists", "%s with this name already exists.", strings.ToUpper(k.text[:1])+k.text[1:])
		}
	}
	return nil
}

func (s *Service) createPolicy(k *policyKind, cfg *node) (*reply, error) {
	if err := s.checkPolicy(k, "", cfg); err != nil {
		return nil, err
	}
	custom := 0
	for _, p := range s.policies[k.path] {
		if !p.Managed {
			custom++
		}
	}
	if custom >= k.quota {
		return nil, bad("TooMany"+k.plural, "You have reached the maximum number of %s for this account.", k.plural)
	}
	p := &policy{ID: uuid.NewString(), ETag: newETag(), Modified: s.now(), config: cfg}
	if k.flat {
		p.ID = newID("E", 14)
	}
	if err := s.savePolicy(k, p); err != nil {
		return nil, err
	}
	return &reply{status: http.StatusCreated, body: p.doc(k), shape: k.name, etag: p.ETag, location: k.path + "/" + p.ID}, nil
}

func (s *Service) updatePolicy(k *policyKind, r *http.Request, cfg *node) (*reply, error) {
	old, err := s.policy(k, r)
	if err != nil {
		return nil, err
	}
	if old.Managed {
		return nil, bad("IllegalUpdate", "The update contains modifications that are not allowed.")
	}
	if err := checkVersion(r, old.ETag); err != nil {
		return nil, err
	}
	if err := s.checkPolicy(k, old.ID, cfg); err != nil {
		return nil, err
	}
	p := &policy{ID: old.ID, ETag: newETag(), Modified: s.now(), config: cfg}
	if err := s.savePolicy(k, p); err != nil {
		return nil, err
	}
	return &reply{body: p.doc(k), shape: k.name, etag: p.ETag}, nil
}

func (s *Service) savePolicy(k *policyKind, p *policy) error {
	p.Config = string(p.config.bytes())
	if err := s.files.save(k.path, p.ID, p); err != nil {
		return err
	}
	s.policies[k.path][p.ID] = p
	s.views = nil
	return nil
}

func (s *Service) deletePolicy(k *policyKind, r *http.Request) (*reply, error) {
	p, err := s.policy(k, r)
	if err != nil {
		return nil, err
	}
	if p.Managed {
		return nil, bad("IllegalDelete", "You cannot delete a managed policy.")
	}
	if err := checkVersion(r, p.ETag); err != nil {
		return nil, err
	}
	for _, d := range s.dists {
		if mentions(d.next, k.name+"Id", p.ID) {
			return nil, refuse(http.StatusConflict, k.name+"InUse", "Cannot delete the %s because it is attached to one or more cache behaviors or origins.", k.text)
		}
	}
	if err := s.files.remove(k.path, p.ID); err != nil {
		return nil, err
	}
	delete(s.policies[k.path], p.ID)
	return &reply{status: http.StatusNoContent}, nil
}

// mentions reports whether a member of that name has that text below n.
func mentions(n *node, name, text string) bool {
	return n.name == name && n.text == text ||
		slices.ContainsFunc(n.kids, func(k *node) bool { return mentions(k, name, text) })
}

func (s *Service) listPolicies(k *policyKind, r *http.Request) (*reply, error) {
	var all []*policy
	want := r.FormValue("Type")
	if want != "" && want != "managed" && want != "custom" {
		return nil, invalid("The parameter Type is not valid.")
	}
	for _, p := range s.policies[k.path] {
		if want == "" || p.Managed == (want == "managed") {
			all = append(all, p)
		}
	}
	slices.SortFunc(all, func(a, b *policy) int { return strings.Compare(a.ID, b.ID) })
	pg, err := pageOf(r, all, func(p *policy) string { return p.ID })
	if err != nil {
		return nil, err
	}
	items := make([]*node, len(pg.items))
	for i, p := range pg.items {
		if k.flat {
			p.config.add(leaf("Description", ""))
			items[i] = el(k.name+"Summary", append([]*node{leaf("Id", p.ID)}, p.config.kids...)...)
			continue
		}
		kind := "custom"
		if p.Managed {
			kind = "managed"
		}
		items[i] = el(k.name+"Summary", leaf("Type", kind), p.doc(k))
	}
	name := k.name + "List"
	return &reply{body: pg.doc(name, k.flat, items), shape: name}, nil
}
