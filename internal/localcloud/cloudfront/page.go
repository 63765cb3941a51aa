package cloudfront

import (
	"net/http"
	"strconv"
)

// page is one answer of a List operation.
type page[T any] struct {
	items        []T
	marker, next string
	size         int
}

const maxPage = 100 // items in one answer, also the default

// pageOf cuts the page that r asks for by Marker and MaxItems out of all. A
// marker is the ID of the last item of the page before; one that is gone is
// refused.
func pageOf[T any](r *http.Request, all []T, id func(T) string) (page[T], error) {
	p := page[T]{marker: r.FormValue("Marker"), size: maxPage}
	if text := r.FormValue("MaxItems"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			return p, invalid("The parameter MaxItems is not valid.")
		}
		p.size = min(n, maxPage)
	}
	if p.marker != "" {
		found := false
		for i := range all {
			if id(all[i]) == p.marker {
				all, found = all[i+1:], true
				break
			}
		}
		if !found {
			return p, invalid("The parameter Marker is not valid.")
		}
	}
	p.items = all
	if len(all) > p.size {
		p.items = all[:p.size]
		p.next = id(p.items[p.size-1])
	}
	return p, nil
}

// doc renders the list element. Policies' lists have neither Marker nor
// IsTruncated.
func (p page[T]) doc(name string, marked bool, items []*node) *node {
	n := el(name)
	if marked {
		n.add(leaf("Marker", p.marker))
	}
	if p.next != "" {
		n.add(leaf("NextMarker", p.next))
	}
	n.add(leaf("MaxItems", p.size))
	if marked {
		n.add(leaf("IsTruncated", p.next != ""))
	}
	n.kids = append(n.kids, list("", items...).kids...)
	return n
}
