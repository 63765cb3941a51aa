package cloudfront

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// load reads the state, or makes the start state in an empty folder.
func (s *Service) load() error {
	for kind, list := range managed() {
		s.policies[kind.path] = make(map[string]*policy)
		for _, p := range list {
			s.policies[kind.path][p.ID] = p
		}
	}
	s.policies[accessControl.path] = make(map[string]*policy)
	for _, k := range policyKinds {
		found, err := load[policy](s.files, k.path)
		if err != nil {
			return err
		}
		for _, p := range found {
			if p.config, err = parse(strings.NewReader(p.Config)); err != nil {
				return fmt.Errorf("load %s %s: %w", k.path, p.ID, err)
			}
			s.policies[k.path][p.ID] = p
		}
	}
	dists, err := load[distribution](s.files, "distribution")
	if err != nil {
		return err
	}
	for _, d := range dists {
		if d.live, err = parse(strings.NewReader(d.Live)); err != nil {
			return fmt.Errorf("load distribution %s: %w", d.ID, err)
		}
		if d.next, err = parse(strings.NewReader(d.Next)); err != nil {
			return fmt.Errorf("load distribution %s: %w", d.ID, err)
		}
	}
	slices.SortFunc(dists, func(a, b *distribution) int { return cmp.Compare(a.Number, b.Number) })
	s.dists = dists
	batches, err := load[invalidation](s.files, "invalidation")
	if err != nil {
		return err
	}
	slices.SortStableFunc(batches, func(a, b *invalidation) int {
		return cmp.Or(a.Created.Compare(b.Created), strings.Compare(a.ID, b.ID))
	})
	for _, v := range batches {
		s.remember(v)
	}
	if len(s.dists) == 0 {
		return s.first()
	}
	return nil
}

// settle brings the state up to the clock: deployed configurations go live,
// completed invalidations become purges. The caller holds s.mu.
func (s *Service) settle() {
	now := s.now()
	for _, d := range s.dists {
		if d.live != d.next && !now.Before(d.Deployed) {
			d.live, s.views = d.next, nil
		}
	}
	n := 0
	for n < len(s.pending) && !now.Before(s.pending[n].Done) {
		v := s.pending[n]
		s.done = append(s.done, Purge{v.Distribution, v.Paths, v.Done})
		n++
	}
	s.pending = s.pending[n:]
	const keep = 1000 // the edge reads far more often than that many complete
	if drop := len(s.done) - keep; drop > 0 {
		s.done, s.dropped = slices.Clone(s.done[drop:]), s.dropped+drop
	}
}

// Purges returns the invalidations completed since the call that returned
// next, and the value to pass the next time. A reader that comes later than
// 1,000 of them has to forget everything: all is true then.
func (s *Service) Purges(since int) (list []Purge, next int, all bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settle()
	next = s.dropped + len(s.done)
	if since < s.dropped {
		return nil, next, true
	}
	return s.done[min(since, next)-s.dropped:], next, false
}
