package memcloud

import "slices"

// Invalidation is one that was asked for.
type Invalidation struct {
	Paths     []string // sorted
	Done      bool
	Reference string
}

// Invalidations returns those of a distribution, in the order of the requests.
func (n *CDN) Invalidations(dist string) (all []Invalidation) {
	n.mu.Lock()
	defer n.mu.Unlock()
	d := n.dists[dist]
	if d == nil {
		return nil
	}
	for _, i := range d.invalidations {
		one := Invalidation{Paths: slices.Clone(i.paths), Done: n.describe(i).Done}
		for reference, of := range d.references {
			if of == i {
				one.Reference = reference
			}
		}
		all = append(all, one)
	}
	return all
}
