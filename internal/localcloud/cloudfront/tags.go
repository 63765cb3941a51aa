package cloudfront

import (
	"maps"
	"net/http"
	"slices"

	"github.com/vodfleet/vodfleet/internal/localcloud/model"
)

const maxTags = 50 // of one resource

func (s *Service) routeTags() {
	s.route("GET /tagging", "ListTagsForResource", func(r *http.Request) (*reply, error) {
		d, err := s.distByARN(r)
		if err != nil {
			return nil, err
		}
		items := el("Items")
		for _, k := range slices.Sorted(maps.Keys(d.Tags)) {
			items.kids = append(items.kids, el("Tag", leaf("Key", k), leaf("Value", d.Tags[k])))
		}
		return &reply{body: el("Tags", items), shape: "Tags"}, nil
	})
	s.route("POST /tagging", "TagResource", func(r *http.Request) (*reply, error) {
		d, err := s.distByARN(r)
		if err != nil {
			return nil, err
		}
		tags := maps.Clone(d.Tags)
		switch r.URL.Query().Get("Operation") {
		case "Tag":
			n, err := s.body(r, "Tags", "Tags")
			if err != nil {
				return nil, err
			}
			if tags == nil {
				tags = make(map[string]string)
			}
			maps.Copy(tags, tagsOf(n))
		case "Untag":
			n, err := read(r, "TagKeys")
			if err != nil {
				return nil, err
			}
			for _, k := range n.items() {
				delete(tags, k.text)
			}
		default:
			return nil, invalid("The parameter Operation is not valid.")
		}
		if len(tags) > maxTags {
			return nil, bad("InvalidTagging", "The tagging specified is not valid: more than %d tags.", maxTags)
		}
		changed := *d
		changed.Tags = tags
		if err := s.saveDistribution(&changed); err != nil {
			return nil, err
		}
		*d = changed
		return &reply{status: http.StatusNoContent}, nil
	})
}

func (s *Service) distByARN(r *http.Request) (*distribution, error) {
	for _, d := range s.dists {
		if d.arn() == r.URL.Query().Get("Resource") {
			return d, nil
		}
	}
	return nil, refuse(http.StatusNotFound, "NoSuchResource", "A resource that was specified is not valid.")
}

func tagsOf(n *node) map[string]string {
	tags := make(map[string]string)
	for _, t := range n.items() {
		tags[t.str("Key")] = t.str("Value")
	}
	return tags
}

// taggedBody reads the body of CreateDistributionWithTags, whose two members
// are judged each by its own shape.
func taggedBody(r *http.Request) (cfg *node, tags map[string]string, err error) {
	const root = "DistributionConfigWithTags"
	n, err := read(r, root)
	if err != nil {
		return nil, nil, err
	}
	for _, name := range []string{"DistributionConfig", "Tags"} {
		k := n.child(name)
		if k == nil {
			return nil, nil, malformed(root, []model.Violation{{Path: "/" + root, Message: name + " is required"}})
		}
		if err := malformed(name, model.CloudFront().ValidateXML(name, k.bytes())); err != nil {
			return nil, nil, err
		}
	}
	if len(n.kids) > 2 {
		return nil, nil, bad("MalformedInput", "Unexpected element found in %s", root)
	}
	return n.child("DistributionConfig"), tagsOf(n.child("Tags")), checkQuantities(n)
}
