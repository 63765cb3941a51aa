package cloudfront

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

const namespace = "http://cloudfront.amazonaws.com/doc/2020-05-31/"

// Limits of one document, so that a foreign body cannot make the service
// allocate without bound. The largest legal body is a batch of 3,000 paths of
// 4,000 characters.
const (
	maxBody  = 16 << 20 // bytes
	maxDepth = 32       // elements inside each other
	maxNodes = 100_000  // elements in one document
)

// node is one XML element. The service keeps configurations as trees, not as
// structs, so that every member a client sends comes back, also those that
// nothing here acts on.
type node struct {
	name string
	text string
	kids []*node
}

// el makes an element with children.
func el(name string, kids ...*node) *node { return &node{name: name, kids: kids} }

// leaf makes an element with text: a string, a number or a boolean.
func leaf(name string, v any) *node { return &node{name: name, text: fmt.Sprint(v)} }

// list makes an element of the service's usual shape, Quantity and Items,
// where an empty list has no Items.
func list(name string, items ...*node) *node {
	n := el(name, leaf("Quantity", len(items)))
	if len(items) > 0 {
		n.kids = append(n.kids, el("Items", items...))
	}
	return n
}

// texts makes one leaf for each value, for use in [list].
func texts(name string, values ...string) []*node {
	out := make([]*node, len(values))
	for i, v := range values {
		out[i] = leaf(name, v)
	}
	return out
}

// child returns the first child of that name, nil if there is none. Like all
// readers of a node it may be called on nil, so that paths can be chained.
func (n *node) child(name string) *node {
	if n == nil {
		return nil
	}
	for _, k := range n.kids {
		if k.name == name {
			return k
		}
	}
	return nil
}

// at follows names down from n.
func (n *node) at(names ...string) *node {
	for _, name := range names {
		n = n.child(name)
	}
	return n
}

// str returns the text found by at, empty if there is none.
func (n *node) str(names ...string) string {
	if n = n.at(names...); n == nil {
		return ""
	}
	return n.text
}

// num returns the number found by at, or def.
func (n *node) num(def int64, names ...string) int64 {
	v, err := strconv.ParseInt(n.str(names...), 10, 64)
	if err != nil {
		return def
	}
	return v
}

func (n *node) bool(names ...string) bool { return n.str(names...) == "true" }

// items returns the members of the Quantity and Items list found by at.
func (n *node) items(names ...string) []*node {
	if n = n.at(names...).child("Items"); n == nil {
		return nil
	}
	return n.kids
}

// values returns the texts of the list found by at.
func (n *node) values(names ...string) []string {
	items := n.items(names...)
	out := make([]string, len(items))
	for i, k := range items {
		out[i] = k.text
	}
	return out
}

// add appends child when n has none of its name yet.
func (n *node) add(child *node) {
	if n.child(child.name) == nil {
		n.kids = append(n.kids, child)
	}
}

// parse reads one XML document of at most maxBody bytes. It fails on anything
// that is not well-formed, on text beside elements, and above the limits.
func parse(r io.Reader) (*node, error) {
	limited := &io.LimitedReader{R: r, N: maxBody + 1}
	d := xml.NewDecoder(limited)
	var root *node
	var open []*node
	for count := 0; ; {
		t, err := d.Token()
		if limited.N <= 0 {
			return nil, fmt.Errorf("document above %d bytes", maxBody)
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		switch t := t.(type) {
		case xml.StartElement:
			if count++; count > maxNodes || len(open) == maxDepth {
				return nil, errors.New("document too large or too deep")
			}
			n := &node{name: t.Name.Local}
			switch {
			case len(open) > 0:
				top := open[len(open)-1]
				top.kids = append(top.kids, n)
			case root != nil:
				return nil, errors.New("second root element")
			default:
				root = n
			}
			open = append(open, n)
		case xml.EndElement:
			n := open[len(open)-1]
			open = open[:len(open)-1]
			if len(n.kids) > 0 {
				if strings.TrimSpace(n.text) != "" {
					return nil, fmt.Errorf("text beside elements in %s", n.name)
				}
				n.text = ""
			}
		case xml.CharData:
			if len(open) > 0 {
				open[len(open)-1].text += string(t)
			}
		}
	}
	if root == nil {
		return nil, io.ErrUnexpectedEOF
	}
	return root, nil
}

// bytes renders n as a document in the service's namespace.
func (n *node) bytes() []byte {
	var b bytes.Buffer
	b.WriteString(`<?xml version="1.0"?>` + "\n")
	n.write(&b, ` xmlns="`+namespace+`"`)
	return b.Bytes()
}

func (n *node) write(b *bytes.Buffer, attrs string) {
	b.WriteString("<" + n.name + attrs + ">")
	_ = xml.EscapeText(b, []byte(n.text)) // a bytes.Buffer does not fail
	for _, k := range n.kids {
		k.write(b, "")
	}
	b.WriteString("</" + n.name + ">")
}
