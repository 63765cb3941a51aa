package model

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
)

// maxElements bounds the size of an XML document.
const maxElements = 200_000

// element is one element of a document; namespaces and attributes are of no
// interest to the models.
type element struct {
	name     string
	text     string
	children []*element
}

// ValidateXML judges doc as the body of shape in restXml: the root element
// stands for the shape, whatever its name (see [Model.Payload] for the name).
// Bytes that are not XML are one violation.
func (m *Model) ValidateXML(shape string, doc []byte) []Violation {
	c := &checker{model: m}
	if m.Shapes[shape] == nil {
		c.add("", "no shape %s in the model of %s", shape, m.Service)
		return c.found
	}
	root, err := parse(doc)
	if err != nil {
		c.add("", "%v", err)
		return c.found
	}
	c.xml(shape, false, []*element{root}, "/"+root.name, 0)
	return c.found
}

// xml checks the elements that stand for one value: one element, or for a
// flattened list one for each item.
func (c *checker) xml(shape string, flat bool, es []*element, path string, depth int) {
	s := c.model.Shapes[shape]
	flat = flat || s.Flat
	switch {
	case depth > maxDepth:
		c.add(path, "nested too deeply")
	case s.Type == "list" && flat:
		c.xmlItems(s, es, path, depth)
	case len(es) > 1:
		c.add(path, "given %d times", len(es))
	case s.Type == "list":
		want := s.Item.wireName("member")
		for _, e := range es[0].children {
			if e.name != want {
				c.add(path+"/"+e.name, "Unknown element, want %s", want)
				return
			}
		}
		c.xmlItems(s, es[0].children, path, depth)
	case s.Type == "structure":
		c.xmlStructure(s, es[0], path, depth)
	default:
		c.xmlScalar(s, es[0], path)
	}
}

func (c *checker) xmlItems(s *Shape, es []*element, path string, depth int) {
	c.count(s, len(es), path)
	for i, e := range es {
		c.xml(s.Item.Shape, false, []*element{e}, path+"/"+strconv.Itoa(i), depth+1)
	}
}

func (c *checker) xmlStructure(s *Shape, e *element, path string, depth int) {
	if strings.TrimSpace(e.text) != "" {
		c.add(path, "text where elements belong")
	}
	given := make(map[string][]*element)
	var order []string
	for _, child := range e.children {
		if given[child.name] == nil {
			order = append(order, child.name)
		}
		given[child.name] = append(given[child.name], child)
	}
	for _, name := range order {
		member, known := s.wire[name]
		use := s.Members[member]
		if !known || use.Location != "" {
			c.add(path+"/"+name, "Unknown element")
			continue
		}
		c.xml(use.Shape, use.Flat, given[name], path+"/"+name, depth+1)
	}
	for _, r := range s.Required {
		use := s.Members[r]
		if name := use.wireName(r); use.Location == "" && given[name] == nil {
			c.add(path, "%s is required", name)
		}
	}
}

func (c *checker) xmlScalar(s *Shape, e *element, path string) {
	if len(e.children) > 0 {
		c.add(path, "elements where text belongs")
		return
	}
	trimmed := strings.TrimSpace(e.text)
	switch s.Type {
	case "string", "blob":
		c.text(s, e.text, path)
	case "boolean":
		if trimmed != "true" && trimmed != "false" {
			c.add(path, "Should be true or false")
		}
	case "timestamp":
		if _, err := time.Parse(time.RFC3339, trimmed); err != nil {
			c.add(path, "Should be an ISO 8601 time")
		}
	case "integer", "long":
		if n, err := strconv.ParseInt(trimmed, 10, 64); err != nil {
			c.add(path, "Should be an integer")
		} else {
			c.number(s, float64(n), path)
		}
	case "double", "float":
		if n, err := strconv.ParseFloat(trimmed, 64); err != nil {
			c.add(path, "Should be a number")
		} else {
			c.number(s, n, path)
		}
	default:
		c.add(path, "a %s has no form in this protocol", s.Type)
	}
}

// parse reads a document into elements. It refuses directives: no entities.
func parse(doc []byte) (*element, error) {
	d := xml.NewDecoder(bytes.NewReader(doc))
	var stack []*element
	var root *element
	for n := 0; ; {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			if root == nil {
				return nil, errors.New("no element in the document")
			}
			return root, nil
		}
		if err != nil {
			return nil, fmt.Errorf("not well-formed XML: %w", err)
		}
		switch t := token.(type) {
		case xml.StartElement:
			if n++; n > maxElements || len(stack) > maxDepth {
				return nil, errors.New("document too large or too deep")
			}
			e := &element{name: t.Name.Local}
			if len(stack) > 0 {
				top := stack[len(stack)-1]
				top.children = append(top.children, e)
			} else if root != nil {
				return nil, errors.New("more than one root element")
			} else {
				root = e
			}
			stack = append(stack, e)
		case xml.EndElement:
			stack = stack[:len(stack)-1]
		case xml.CharData:
			if len(stack) > 0 {
				stack[len(stack)-1].text += string(t)
			}
		case xml.Directive:
			return nil, errors.New("directives are not allowed")
		}
	}
}
