package cloudfront

import (
	"net/http"
	"slices"
	"strings"
	"time"
)

// invalidation is one batch. It is in progress until the cloud's time Done.
type invalidation struct {
	ID           string
	Distribution string
	Reference    string
	Paths        []string
	Created      time.Time
	Done         time.Time
}

// Purge is a completed invalidation, for the edge to act on.
type Purge struct {
	Distribution string
	Paths        []string // as given: a trailing * is a wildcard
	At           time.Time
}

const (
	maxBatch      = 3000 // paths in one batch
	maxPathLength = 4000 // characters
)

func (s *Service) routeInvalidations() {
	s.route("POST /distribution/{id}/invalidation", "CreateInvalidation", s.createInvalidation)
	s.route("GET /distribution/{id}/invalidation", "ListInvalidations", s.listInvalidations)
	s.route("GET /distribution/{id}/invalidation/{batch}", "GetInvalidation", s.getInvalidation)
}

func (s *Service) createInvalidation(r *http.Request) (*reply, error) {
	n, err := s.body(r, "InvalidationBatch", "InvalidationBatch")
	if err != nil {
		return nil, err
	}
	d, err := s.dist(r)
	if err != nil {
		return nil, err
	}
	paths, ref := n.values("Paths"), n.str("CallerReference")
	if ref == "" {
		return nil, invalid("The parameter CallerReference is required.")
	}
	if len(paths) == 0 || slices.ContainsFunc(paths, func(p string) bool { return !validPath(p) }) {
		return nil, invalid("Your request contains one or more invalid invalidation paths.")
	}
	if len(paths) > maxBatch {
		return nil, refuse(http.StatusRequestEntityTooLarge, "BatchTooLarge", "Invalidation batch specified is too large.")
	}
	location := func(v *invalidation) string { return "distribution/" + d.ID + "/invalidation/" + v.ID }
	if old := s.refs[refKey(d.ID, ref)]; old != nil {
		if !slices.Equal(sorted(old.Paths), sorted(paths)) {
			return nil, refuse(http.StatusConflict, "InvalidationBatchAlreadyExists",
				"The caller reference that you are using to create an invalidation batch is associated with another invalidation batch: %s", old.ID)
		}
		return &reply{status: http.StatusCreated, body: s.invalidationDoc(old), shape: "Invalidation", location: location(old)}, nil
	}
	if err := s.checkInProgress(d.ID, paths); err != nil {
		return nil, err
	}
	now := s.now()
	v := &invalidation{ID: newID("I", 26), Distribution: d.ID, Reference: ref, Paths: paths, Created: now, Done: now.Add(s.cfg.Invalidate)}
	if err := s.files.save("invalidation", v.ID, v); err != nil {
		return nil, err
	}
	s.remember(v)
	return &reply{status: http.StatusCreated, body: s.invalidationDoc(v), shape: "Invalidation", location: location(v)}, nil
}

func refKey(dist, ref string) string { return dist + "\x00" + ref }

func sorted(list []string) []string { return slices.Sorted(slices.Values(list)) }

// checkInProgress holds a new batch to the quotas of paths in progress.
func (s *Service) checkInProgress(dist string, paths []string) error {
	single, wild := countPaths(paths)
	for _, v := range s.pending {
		if v.Distribution == dist {
			a, b := countPaths(v.Paths)
			single, wild = single+a, wild+b
		}
	}
	kind := ""
	switch {
	case wild > s.cfg.MaxWildcards:
		kind = "wildcard "
	case single <= s.cfg.MaxPaths:
		return nil
	}
	s.refused[dist]++
	return bad("TooManyInvalidationsInProgress",
		"Processing your request will cause you to exceed the maximum number of in-progress %sinvalidations.", kind)
}

func countPaths(paths []string) (single, wild int) {
	for _, p := range paths {
		if strings.HasSuffix(p, "*") {
			wild++
		}
	}
	return len(paths) - wild, wild
}

// validPath reports whether p may be invalidated: it starts with a slash, has
// at most 4,000 characters, a * only at its end, and none that RFC 1738 calls
// unsafe, which have to be percent-encoded.
func validPath(p string) bool {
	if p == "" || p[0] != '/' || len(p) > maxPathLength || strings.Contains(p[:len(p)-1], "*") {
		return false
	}
	for i := 0; i < len(p); i++ {
		c := p[i]
		switch {
		case c <= ' ' || c >= 0x7f || strings.IndexByte("<>\"#{}|\\^[]`", c) >= 0:
			return false
		case c == '%' && (i+2 >= len(p) || !isHex(p[i+1]) || !isHex(p[i+2])):
			return false
		}
	}
	return true
}

func isHex(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F'
}

func (s *Service) invalidationStatus(v *invalidation) string {
	if s.now().Before(v.Done) {
		return "InProgress"
	}
	return "Completed"
}

func (s *Service) invalidationDoc(v *invalidation) *node {
	return el("Invalidation",
		leaf("Id", v.ID), leaf("Status", s.invalidationStatus(v)), leaf("CreateTime", stamp(v.Created)),
		el("InvalidationBatch", list("Paths", texts("Path", v.Paths...)...), leaf("CallerReference", v.Reference)))
}

func (s *Service) getInvalidation(r *http.Request) (*reply, error) {
	d, err := s.dist(r)
	if err != nil {
		return nil, err
	}
	for _, v := range s.batches[d.ID] {
		if v.ID == r.PathValue("batch") {
			return &reply{body: s.invalidationDoc(v), shape: "Invalidation"}, nil
		}
	}
	return nil, refuse(http.StatusNotFound, "NoSuchInvalidation", "The specified invalidation does not exist.")
}

func (s *Service) listInvalidations(r *http.Request) (*reply, error) {
	d, err := s.dist(r)
	if err != nil {
		return nil, err
	}
	newest := slices.Clone(s.batches[d.ID])
	slices.Reverse(newest)
	pg, err := pageOf(r, newest, func(v *invalidation) string { return v.ID })
	if err != nil {
		return nil, err
	}
	items := make([]*node, len(pg.items))
	for i, v := range pg.items {
		items[i] = el("InvalidationSummary", leaf("Id", v.ID), leaf("CreateTime", stamp(v.Created)), leaf("Status", s.invalidationStatus(v)))
	}
	return &reply{body: pg.doc("InvalidationList", true, items), shape: "InvalidationList"}, nil
}

func (s *Service) inProgress(dist string) int {
	n := 0
	for _, v := range s.pending {
		if v.Distribution == dist {
			n++
		}
	}
	return n
}

// remember adds a batch to the service's indexes.
func (s *Service) remember(v *invalidation) {
	s.batches[v.Distribution] = append(s.batches[v.Distribution], v)
	s.refs[refKey(v.Distribution, v.Reference)] = v
	if s.now().Before(v.Done) {
		s.pending = append(s.pending, v)
		slices.SortStableFunc(s.pending, func(a, b *invalidation) int { return a.Done.Compare(b.Done) })
	}
}

// forget drops a deleted distribution's batches.
func (s *Service) forget(dist string) error {
	for _, v := range s.batches[dist] {
		if err := s.files.remove("invalidation", v.ID); err != nil {
			return err
		}
		delete(s.refs, refKey(dist, v.Reference))
	}
	delete(s.batches, dist)
	s.pending = slices.DeleteFunc(s.pending, func(v *invalidation) bool { return v.Distribution == dist })
	return nil
}
