package memcloud

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/vodfleet/vodfleet/internal/cloud"
)

// AddTemplate keeps a job template: what its jobs make, without input and
// destinations. A template of the same name is replaced.
func (t *Transcoder) AddTemplate(name string, spec cloud.JobSpec) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.templates[name] = clone(spec)
}

// spec returns what a job asked for with s makes: the template's settings, if
// it names one, at s's destinations. t.mu is held.
func (t *Transcoder) spec(s cloud.JobSpec) (cloud.JobSpec, error) {
	if s.Template == "" {
		return clone(s), nil
	}
	tpl, ok := t.templates[s.Template]
	if !ok {
		return s, fmt.Errorf("no template %s: %w", s.Template, cloud.ErrNotFound)
	}
	if len(tpl.Groups) != len(s.Groups) {
		return s, fmt.Errorf("template %s has %d output groups, not %d", s.Template, len(tpl.Groups), len(s.Groups))
	}
	made := clone(tpl)
	made.Input, made.Template = s.Input, s.Template
	for i, g := range s.Groups {
		if made.Groups[i].Kind != g.Kind {
			return s, fmt.Errorf("template %s: group %d is of kind %s, not %s", s.Template, i, made.Groups[i].Kind, g.Kind)
		}
		made.Groups[i].Package, made.Groups[i].Destination = g.Package, g.Destination
	}
	return made, nil
}

func kindOf(err error) error {
	if errors.Is(err, cloud.ErrNotFound) {
		return cloud.ErrNotFound
	}
	return cloud.ErrInvalid
}

// fingerprint is equal for equal requests.
func fingerprint(r cloud.JobRequest) string {
	r.At = time.Time{} // of the signature, not of what is asked for
	b, err := json.Marshal(r)
	if err != nil {
		panic(err) // a request is plain data
	}
	return string(b)
}

// clone copies a spec with all that it points at, the way a ledger would.
func clone(s cloud.JobSpec) cloud.JobSpec {
	b, err := json.Marshal(s)
	if err != nil {
		panic(err) // a spec is plain data
	}
	var c cloud.JobSpec
	if err := json.Unmarshal(b, &c); err != nil {
		panic(err)
	}
	return c
}
