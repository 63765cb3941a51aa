package queues

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"github.com/vodfleet/vodfleet/internal/localcloud/model"
)

// The query protocol is what SDKs and CLIs spoke before the JSON protocol, and
// what Linux distributions' AWS CLI still speaks: a form in, XML out. Requests
// and answers are translated by the model; lists and maps are flat in it.

// wire is the element that stands for an item of a list or a map in XML, and
// the parameter that does in a form.
func wire(member string, s *model.Shape) string {
	if s.Type == "map" {
		name := strings.TrimSuffix(member, "s")
		return strings.ToUpper(name[:1]) + name[1:]
	}
	switch {
	case s.Item.Shape == "QueueAttributeName":
		return "AttributeName"
	case member == "QueueUrls":
		return "QueueUrl"
	}
	return s.Item.Shape
}

// keys are what a map's key and value are called.
func keys(member string) (key, value string) {
	if member == "tags" {
		return "Key", "Value"
	}
	return "Name", "Value"
}

// fromQuery makes the JSON of a form.
func fromQuery(op, form string) ([]byte, error) {
	q, err := url.ParseQuery(form)
	if err != nil {
		return nil, refuse("MalformedQueryString", "%v", err)
	}
	f := formReader{model.SQS(), q}
	return json.Marshal(f.structure(f.Operations[op].Input, ""))
}

type formReader struct {
	*model.Model
	form url.Values
}

// has reports whether a parameter, or one below it, is given.
func (f formReader) has(name string) bool {
	if f.form.Has(name) {
		return true
	}
	for key := range f.form {
		if strings.HasPrefix(key, name+".") {
			return true
		}
	}
	return false
}

func (f formReader) structure(shape, prefix string) map[string]any {
	doc := make(map[string]any)
	if f.Shapes[shape] == nil { // an operation that is not carried out
		return doc
	}
	for member, use := range f.Shapes[shape].Members {
		s := f.Shapes[use.Shape]
		switch s.Type {
		case "list":
			var list []any
			for at := range f.items(prefix + wire(member, s)) {
				list = append(list, f.value(s.Item.Shape, at))
			}
			if list != nil {
				doc[member] = list
			}
		case "map":
			entries := make(map[string]any)
			key, value := keys(member)
			for at := range f.items(prefix + wire(member, s)) {
				entries[f.form.Get(at+"."+key)] = f.value(s.Value.Shape, at+"."+value)
			}
			if len(entries) > 0 {
				doc[member] = entries
			}
		default:
			if f.has(prefix + member) {
				doc[member] = f.value(use.Shape, prefix+member)
			}
		}
	}
	return doc
}

// items yields NAME.1, NAME.2 and so on, as far as they are given.
func (f formReader) items(name string) func(func(string) bool) {
	return func(yield func(string) bool) {
		for n := 1; n <= maxBatch*10; n++ {
			at := name + "." + strconv.Itoa(n)
			if !f.has(at) || !yield(at) {
				return
			}
		}
	}
}

func (f formReader) value(shape, name string) any {
	text := f.form.Get(name)
	switch f.Shapes[shape].Type {
	case "structure":
		return f.structure(shape, name+".")
	case "integer":
		if n, err := strconv.Atoi(text); err == nil {
			return n
		}
	case "boolean":
		if b, err := strconv.ParseBool(text); err == nil {
			return b
		}
	}
	return text
}

const namespace = "http://queue.amazonaws.com/doc/2012-11-05/"

// queryProtocol writes XML.
type queryProtocol struct{}

func (queryProtocol) answer(w http.ResponseWriter, op string, body []byte) {
	m := model.SQS()
	var out bytes.Buffer
	fmt.Fprintf(&out, `<?xml version="1.0"?><%sResponse xmlns="%s">`, op, namespace)
	if shape := m.Operations[op].Output; shape != "" {
		var doc map[string]any
		if err := json.Unmarshal(body, &doc); err != nil {
			queryProtocol{}.fail(w, apiErrorOf(err))
			return
		}
		fmt.Fprintf(&out, "<%sResult>", op)
		writeStructure(&out, m, shape, doc)
		fmt.Fprintf(&out, "</%sResult>", op)
	}
	fmt.Fprintf(&out, "<ResponseMetadata><RequestId>%s</RequestId></ResponseMetadata></%sResponse>", uuid.NewString(), op)
	writeXML(w, http.StatusOK, out.Bytes())
}

func (queryProtocol) fail(w http.ResponseWriter, e *apiError) {
	var out bytes.Buffer
	fmt.Fprintf(&out, `<?xml version="1.0"?><ErrorResponse xmlns="%s"><Error>`, namespace)
	element(&out, "Type", e.fault())
	element(&out, "Code", e.queryCode())
	element(&out, "Message", e.text)
	fmt.Fprintf(&out, "</Error><RequestId>%s</RequestId></ErrorResponse>", uuid.NewString())
	writeXML(w, e.status, out.Bytes())
}

func writeXML(w http.ResponseWriter, status int, body []byte) {
	w.Header().Set("Content-Type", "text/xml")
	w.WriteHeader(status)
	_, _ = w.Write(body) // the client may be gone
}

func writeStructure(out *bytes.Buffer, m *model.Model, shape string, doc map[string]any) {
	for _, member := range slices.Sorted(maps.Keys(doc)) {
		use, ok := m.Shapes[shape].Members[member]
		if !ok {
			continue
		}
		switch s := m.Shapes[use.Shape]; s.Type {
		case "list":
			list, _ := doc[member].([]any)
			for _, item := range list {
				writeValue(out, m, s.Item.Shape, wire(member, s), item)
			}
		case "map":
			entries, _ := doc[member].(map[string]any)
			key, value := keys(member)
			for _, name := range slices.Sorted(maps.Keys(entries)) {
				fmt.Fprintf(out, "<%s>", wire(member, s))
				element(out, key, name)
				writeValue(out, m, s.Value.Shape, value, entries[name])
				fmt.Fprintf(out, "</%s>", wire(member, s))
			}
		default:
			writeValue(out, m, use.Shape, member, doc[member])
		}
	}
}

func writeValue(out *bytes.Buffer, m *model.Model, shape, name string, v any) {
	doc, ok := v.(map[string]any)
	switch {
	case v == nil:
		return
	case !ok:
		element(out, name, fmt.Sprint(v))
		return
	}
	fmt.Fprintf(out, "<%s>", name)
	writeStructure(out, m, shape, doc)
	fmt.Fprintf(out, "</%s>", name)
}

func element(out *bytes.Buffer, name, text string) {
	fmt.Fprintf(out, "<%s>", name)
	_ = xml.EscapeText(out, []byte(text)) // a buffer takes all
	fmt.Fprintf(out, "</%s>", name)
}
