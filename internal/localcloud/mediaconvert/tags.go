package mediaconvert

import (
	"maps"
	"strings"
)

// maxTags is the most tags of one resource.
const maxTags = 50

// tagged finds the resource of an ARN: its tags and how to keep others. The
// caller holds s.mu.
func (s *Service) tagged(arn string) (tags map[string]string, keep func(map[string]string) error, err error) {
	rest, _ := strings.CutPrefix(arn, arnPrefix)
	kind, name, _ := strings.Cut(rest, "/")
	switch kind {
	case "queues":
		q, err := s.queueOf(name)
		if err != nil {
			return nil, nil, err
		}
		return q.Tags, func(t map[string]string) error {
			changed := *q
			changed.Tags = t
			return s.saveQueue(&changed)
		}, nil
	case "jobTemplates":
		tpl, err := s.templateOf(name)
		if err != nil {
			return nil, nil, err
		}
		return tpl.Tags, func(t map[string]string) error {
			changed := *tpl
			changed.Tags = t
			_, err := s.saveTemplate(&changed)
			return err
		}, nil
	case "jobs":
		j := s.byID[name]
		if j == nil {
			return nil, nil, notFound("The job %q does not exist.", name)
		}
		return j.Tags, func(t map[string]string) error {
			old := j.Tags
			j.Tags = t
			if err := s.saveJob(j); err != nil {
				j.Tags = old
				return err
			}
			return nil
		}, nil
	}
	return nil, nil, notFound("The resource %q does not exist.", arn)
}

func (s *Service) listTags(r *request) (doc, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	tags, _, err := s.tagged(r.parts["arn"])
	if err != nil {
		return nil, err
	}
	if tags == nil {
		tags = map[string]string{}
	}
	return doc{"resourceTags": doc{"arn": r.parts["arn"], "tags": tags}}, nil
}

func (s *Service) tag(r *request) (doc, error) {
	var b struct {
		ARN  string            `json:"arn"`
		Tags map[string]string `json:"tags"`
	}
	if err := r.decode(&b); err != nil {
		return nil, err
	}
	return s.retag(b.ARN, func(t map[string]string) { maps.Copy(t, b.Tags) })
}

func (s *Service) untag(r *request) (doc, error) {
	var b struct {
		Keys []string `json:"tagKeys"`
	}
	if err := r.decode(&b); err != nil {
		return nil, err
	}
	return s.retag(r.parts["arn"], func(t map[string]string) {
		for _, k := range b.Keys {
			delete(t, k)
		}
	})
}

func (s *Service) retag(arn string, change func(map[string]string)) (doc, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	tags, keep, err := s.tagged(arn)
	if err != nil {
		return nil, err
	}
	next := make(map[string]string, len(tags))
	maps.Copy(next, tags)
	change(next)
	if len(next) > maxTags {
		return nil, badRequest("/tags: Should have at most %d items", maxTags)
	}
	return doc{}, keep(next)
}
