package model

import (
	"encoding/json"
	"math"
	"slices"
	"strconv"
	"strings"
)

// maxDepth bounds the nesting of a document.
const maxDepth = 64

// ValidateJSON judges doc, a document decoded by encoding/json (numbers as
// float64 or json.Number), as the body of shape in restJson. Members that are
// not of the body (path, query, headers) are left out. A null counts as absent.
// It reports at most a bounded number of violations, in a stable order.
func (m *Model) ValidateJSON(shape string, doc any) []Violation {
	c := &checker{model: m}
	if m.Shapes[shape] == nil {
		c.add("", "no shape %s in the model of %s", shape, m.Service)
		return c.found
	}
	c.json(shape, doc, "", 0)
	return c.found
}

func (c *checker) json(shape string, v any, path string, depth int) {
	s := c.model.Shapes[shape]
	if depth > maxDepth {
		c.add(path, "nested too deeply")
		return
	}
	switch s.Type {
	case "structure":
		doc, ok := v.(map[string]any)
		if !ok {
			c.add(path, "Should be an object")
			return
		}
		c.structure(s, doc, path, depth)
	case "list":
		list, ok := v.([]any)
		if !ok {
			c.add(path, "Should be an array")
			return
		}
		c.count(s, len(list), path)
		for i, item := range list {
			c.json(s.Item.Shape, item, path+"/"+strconv.Itoa(i), depth+1)
		}
	case "map":
		doc, ok := v.(map[string]any)
		if !ok {
			c.add(path, "Should be an object")
			return
		}
		c.count(s, len(doc), path)
		for _, k := range sortedKeys(doc) {
			at := path + "/" + pointer(k)
			c.text(c.model.Shapes[s.Key.Shape], k, at)
			c.json(s.Value.Shape, doc[k], at, depth+1)
		}
	default:
		c.scalar(s, v, path)
	}
}

func (c *checker) structure(s *Shape, doc map[string]any, path string, depth int) {
	for _, k := range sortedKeys(doc) {
		member, known := s.wire[k]
		if !known || s.Members[member].Location != "" {
			c.add(path+"/"+pointer(k), "Unknown property")
			continue
		}
		if doc[k] != nil {
			c.json(s.Members[member].Shape, doc[k], path+"/"+pointer(k), depth+1)
		}
	}
	for _, r := range s.Required {
		use := s.Members[r]
		if name := use.wireName(r); use.Location == "" && doc[name] == nil {
			c.add(path, "%s is a required property", name)
		}
	}
}

func (c *checker) scalar(s *Shape, v any, path string) {
	switch s.Type {
	case "string", "blob":
		if text, ok := v.(string); !ok {
			c.add(path, "Should be a string")
		} else {
			c.text(s, text, path)
		}
	case "boolean":
		if _, ok := v.(bool); !ok {
			c.add(path, "Should be a boolean")
		}
	default: // integer, long, double, float, timestamp (seconds since 1970)
		n, ok := asNumber(v)
		switch whole := s.Type == "integer" || s.Type == "long"; {
		case !ok:
			c.add(path, "Should be a number")
		case whole && n != math.Trunc(n):
			c.add(path, "Should be an integer")
		case s.Type == "integer" && math.Abs(n) > math.MaxInt32+1:
			c.add(path, "Should be a 32-bit integer")
		default:
			c.number(s, n, path)
		}
	}
}

func asNumber(v any) (float64, bool) {
	switch n := v.(type) {
	case float64:
		return n, true
	case int:
		return float64(n), true
	case int64:
		return float64(n), true
	case json.Number:
		f, err := n.Float64()
		return f, err == nil && !math.IsInf(f, 0)
	}
	return 0, false
}

func sortedKeys(doc map[string]any) []string {
	keys := make([]string, 0, len(doc))
	for k := range doc {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// pointer escapes a name for a JSON pointer (RFC 6901).
func pointer(name string) string {
	return strings.NewReplacer("~", "~0", "/", "~1").Replace(name)
}
