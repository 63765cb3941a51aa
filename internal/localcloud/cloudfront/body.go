package cloudfront

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/vodfleet/vodfleet/internal/localcloud/model"
)

func requestID() string { return uuid.NewString() }

// stamp renders a time as the API does.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

// body reads and judges a request's body: it must be there, be well-formed,
// fit the shape, and its lists must have the Quantity they state.
func (s *Service) body(r *http.Request, root, shape string) (*node, error) {
	n, err := read(r, root)
	if err != nil {
		return nil, err
	}
	if err := malformed(root, model.CloudFront().ValidateXML(shape, n.bytes())); err != nil {
		return nil, err
	}
	return n, checkQuantities(n)
}

// read reads a request's body, whose root element must have that name.
func read(r *http.Request, root string) (*node, error) {
	data, err := io.ReadAll(io.LimitReader(r.Body, maxBody+1))
	if err != nil {
		return nil, bad("MalformedInput", "Could not read the body")
	}
	if len(bytes.TrimSpace(data)) == 0 {
		return nil, bad("MissingBody", "This operation requires a body. Ensure that the body is present and the Content-Type header is set.")
	}
	n, err := parse(bytes.NewReader(data))
	if err != nil {
		return nil, bad("MalformedInput", "Could not parse XML: %v", err)
	}
	if n.name != root {
		return nil, bad("MalformedInput", "Unexpected element found: %s", n.name)
	}
	return n, emptyLists(n)
}

// emptyLists refuses an Items element without members, which the service takes
// for a broken document (aws-sdk-ruby issue 1954).
func emptyLists(n *node) error {
	if n.name == "Items" && len(n.kids) == 0 {
		return bad("MalformedInput", "Unexpected list element termination")
	}
	for _, k := range n.kids {
		if err := emptyLists(k); err != nil {
			return err
		}
	}
	return nil
}

// malformed words what a body breaks of the published model: MalformedInput
// for what cannot be read as the shape, MalformedXML for values that break a
// constraint of it.
func malformed(root string, found []model.Violation) error {
	if len(found) == 0 {
		return nil
	}
	var constraints []string
	for _, v := range found {
		path := memberPath(root, v.Path)
		missing, required := strings.CutSuffix(v.Message, " is required")
		switch {
		case required:
			constraints = append(constraints, fmt.Sprintf("Value null at '%s.%s' failed to satisfy constraint: Member must not be null", path, lowerFirst(missing)))
		case strings.HasPrefix(v.Message, "Should match one of "):
			constraints = append(constraints, fmt.Sprintf("Value at '%s' failed to satisfy constraint: Member must satisfy enum value set: %s", path, v.Message[len("Should match one of "):]))
		case strings.HasPrefix(v.Message, "Should have "), strings.HasPrefix(v.Message, "Should match "), strings.HasPrefix(v.Message, "Should be less"), strings.HasPrefix(v.Message, "Should be greater"):
			constraints = append(constraints, fmt.Sprintf("Value at '%s' failed to satisfy constraint: Member %s", path, lowerFirst(v.Message)))
		default:
			return bad("MalformedInput", "Unexpected content at %s: %s", v.Path, v.Message)
		}
	}
	plural := "s"
	if len(constraints) == 1 {
		plural = ""
	}
	return bad("MalformedXML", "%d validation error%s detected: %s", len(constraints), plural, strings.Join(constraints, "; "))
}

// memberPath turns the path of elements into the dotted one of messages.
func memberPath(root, path string) string {
	parts := strings.Split(strings.Trim(path, "/"), "/")
	for i, p := range parts {
		parts[i] = lowerFirst(p)
	}
	if len(parts) == 0 || parts[0] == "" {
		return lowerFirst(root)
	}
	return strings.Join(parts, ".")
}

func lowerFirst(s string) string {
	if s == "" {
		return s
	}
	return strings.ToLower(s[:1]) + s[1:]
}

// judge notes an answer of ours that breaks the published model.
func (s *Service) judge(op, shape string, body []byte) {
	if found := model.CloudFront().ValidateXML(shape, body); len(found) > 0 && s.cfg.Calls != nil {
		s.cfg.Calls.Violation("cloudfront", op, model.Join(found))
	}
}
