package mediaconvert

import (
	"encoding/json"
	"fmt"
)

// merge lays a job's settings over a template's: what the job says holds,
// member by member, and lists of objects are matched by index (user guide,
// "Working with job templates").
func merge(template, job json.RawMessage) (json.RawMessage, error) {
	var base, over any
	if err := json.Unmarshal(template, &base); err != nil {
		return nil, fmt.Errorf("read template: %w", err)
	}
	if err := json.Unmarshal(job, &over); err != nil {
		return nil, fmt.Errorf("read settings: %w", err)
	}
	merged, err := json.Marshal(lay(base, over))
	if err != nil {
		return nil, fmt.Errorf("merge settings: %w", err)
	}
	return merged, nil
}

func lay(base, over any) any {
	switch o := over.(type) {
	case nil:
		return base
	case map[string]any:
		b, ok := base.(map[string]any)
		if !ok {
			return over
		}
		for k, v := range o {
			b[k] = lay(b[k], v)
		}
		return b
	case []any:
		b, ok := base.([]any)
		if !ok || !allObjects(o) {
			return over
		}
		for i, v := range o {
			if i < len(b) {
				b[i] = lay(b[i], v)
			} else {
				b = append(b, v)
			}
		}
		return b
	}
	return over
}

func allObjects(list []any) bool {
	for _, v := range list {
		if _, ok := v.(map[string]any); !ok {
			return false
		}
	}
	return true
}
