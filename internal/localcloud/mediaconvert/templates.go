package mediaconvert

import (
	"cmp"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/vodfleet/vodfleet/internal/localcloud/mediaconvert/rules"
	"github.com/vodfleet/vodfleet/internal/localcloud/mediaconvert/settings"
)

// template is a custom job template.
type template struct {
	templateBody
	Created time.Time `json:"created"`
	Updated time.Time `json:"updated"`
}

// templateBody is what a request says of a template; empty: not said.
type templateBody struct {
	Name                 string            `json:"name"`
	Description          *string           `json:"description,omitempty"`
	Category             *string           `json:"category,omitempty"`
	Queue                string            `json:"queue,omitempty"`
	Priority             *int              `json:"priority,omitempty"`
	Settings             json.RawMessage   `json:"settings,omitempty"`
	StatusUpdateInterval string            `json:"statusUpdateInterval,omitempty"`
	AccelerationSettings json.RawMessage   `json:"accelerationSettings,omitempty"`
	HopDestinations      json.RawMessage   `json:"hopDestinations,omitempty"`
	Tags                 map[string]string `json:"tags,omitempty"`
}

func (t *template) arn() string { return arnPrefix + "jobTemplates/" + t.Name }

func (t *template) view() doc {
	d := doc{
		"arn": t.arn(), "name": t.Name, "type": "CUSTOM", "createdAt": t.Created.Unix(), "lastUpdated": t.Updated.Unix(),
		"settings": t.Settings, "priority": 0, "statusUpdateInterval": cmp.Or(t.StatusUpdateInterval, "SECONDS_60"),
		"hopDestinations": []any{}, "accelerationSettings": doc{"mode": "DISABLED"},
	}
	if t.Priority != nil {
		d["priority"] = *t.Priority
	}
	if t.Description != nil {
		d["description"] = *t.Description
	}
	if t.Category != nil {
		d["category"] = *t.Category
	}
	if t.Queue != "" {
		d["queue"] = t.Queue
	}
	if len(t.AccelerationSettings) > 0 {
		d["accelerationSettings"] = t.AccelerationSettings
	}
	if len(t.HopDestinations) > 0 {
		d["hopDestinations"] = t.HopDestinations
	}
	return d
}

// templateOf finds a template by name or ARN. The caller holds s.mu.
func (s *Service) templateOf(name string) (*template, error) {
	name = strings.TrimPrefix(name, arnPrefix+"jobTemplates/")
	if t := s.templates[name]; t != nil {
		return t, nil
	}
	return nil, notFound("The job template %q does not exist.", name)
}

// judgeTemplate refuses settings that contradict each other.
func judgeTemplate(raw json.RawMessage) error {
	decoded, err := settings.Decode(raw)
	if err != nil {
		return badRequest("/settings: %v", err)
	}
	return problems("/settings", rules.CheckTemplate(decoded))
}

// problems words breaches of the rules as the service does.
func problems(at string, found []rules.Problem) error {
	if len(found) == 0 {
		return nil
	}
	slices.SortStableFunc(found, func(a, b rules.Problem) int { return strings.Compare(a.Path, b.Path) })
	var words []string
	for _, p := range found[:min(len(found), 50)] {
		words = append(words, at+p.String())
	}
	return badRequest("%s", strings.Join(words, " | "))
}

func (s *Service) createTemplate(r *request) (doc, error) {
	var b templateBody
	if err := r.decode(&b); err != nil {
		return nil, err
	}
	if b.Name == "" || len(b.Name) > 255 || strings.ContainsAny(b.Name, "/:") {
		return nil, badRequest("/name: Should be a name of 1 to 255 characters")
	}
	if err := judgeTemplate(b.Settings); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.templates[b.Name] != nil {
		return nil, conflict("The job template %q already exists.", b.Name)
	}
	if len(s.templates) >= s.cfg.Quotas.Templates {
		return nil, quotaExceeded("You have reached the limit of %d custom job templates.", s.cfg.Quotas.Templates)
	}
	t := &template{templateBody: b, Created: s.now(), Updated: s.now()}
	return s.saveTemplate(t)
}

// saveTemplate keeps t under its name and shows it. The caller holds s.mu.
func (s *Service) saveTemplate(t *template) (doc, error) {
	if t.Queue != "" {
		q, err := s.queueOf(t.Queue)
		if err != nil {
			return nil, err
		}
		t.Queue = q.arn()
	}
	if err := s.files.save("templates", fileName(t.Name), t); err != nil {
		return nil, err
	}
	s.templates[t.Name] = t
	return doc{"jobTemplate": t.view()}, nil
}

func (s *Service) getTemplate(r *request) (doc, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t, err := s.templateOf(r.parts["name"])
	if err != nil {
		return nil, err
	}
	return doc{"jobTemplate": t.view()}, nil
}

func (s *Service) updateTemplate(r *request) (doc, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t, err := s.templateOf(r.parts["name"])
	if err != nil {
		return nil, err
	}
	var b templateBody
	if err := r.decode(&b); err != nil {
		return nil, err
	}
	if len(b.Settings) > 0 {
		if err := judgeTemplate(b.Settings); err != nil {
			return nil, err
		}
	}
	changed := *t
	changed.Updated = s.now()
	changed.update(b)
	return s.saveTemplate(&changed)
}

// update takes over what b says.
func (t *template) update(b templateBody) {
	for _, m := range []struct{ to, from *json.RawMessage }{
		{&t.Settings, &b.Settings}, {&t.AccelerationSettings, &b.AccelerationSettings}, {&t.HopDestinations, &b.HopDestinations},
	} {
		if len(*m.from) > 0 {
			*m.to = *m.from
		}
	}
	t.Description, t.Category, t.Priority = cmp.Or(b.Description, t.Description), cmp.Or(b.Category, t.Category), cmp.Or(b.Priority, t.Priority)
	t.Queue, t.StatusUpdateInterval = cmp.Or(b.Queue, t.Queue), cmp.Or(b.StatusUpdateInterval, t.StatusUpdateInterval)
}

func (s *Service) deleteTemplate(r *request) (doc, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t, err := s.templateOf(r.parts["name"])
	if err != nil {
		return nil, err
	}
	if err := s.files.remove("templates", fileName(t.Name)); err != nil {
		return nil, err
	}
	delete(s.templates, t.Name)
	return doc{}, nil
}

func (s *Service) listTemplates(r *request) (doc, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []*template
	category := r.query.Get("category")
	for _, t := range s.templates {
		if r.query.Get("listBy") != "SYSTEM" && (category == "" || t.Category != nil && *t.Category == category) {
			all = append(all, t)
		}
	}
	byName := r.query.Get("listBy") == "NAME"
	slices.SortFunc(all, func(a, b *template) int {
		if c := a.Created.Compare(b.Created); c != 0 && !byName {
			return c
		}
		return strings.Compare(a.Name, b.Name)
	})
	if r.query.Get("order") == "DESCENDING" {
		slices.Reverse(all)
	}
	page, next, err := pageOf(r, all, func(t *template) string { return t.Name })
	if err != nil {
		return nil, err
	}
	list := []any{}
	for _, t := range page {
		list = append(list, t.view())
	}
	return withNext(doc{"jobTemplates": list}, next), nil
}
