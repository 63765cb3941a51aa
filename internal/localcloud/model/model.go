// Package model knows the published API models of the services that the local
// cloud stands in for: each shape's members, enumerations, ranges, patterns
// and required members, and each operation's method and path. It judges
// documents by them. Rules between settings are not in a model; they are left
// to the services' own packages.
package model

import (
	"bytes"
	"compress/gzip"
	_ "embed"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"sync"
)

// The tables are made from botocore's service-2.json files; -serve names the
// operations whose shapes are kept.
//
//go:generate go run ./gen -model $MEDIACONVERT_MODEL -out mediaconvert.json.gz -serve CreateJob,GetJob,ListJobs,SearchJobs,CancelJob,Probe,GetQueue,ListQueues,CreateQueue,UpdateQueue,DeleteQueue,CreateJobTemplate,GetJobTemplate,ListJobTemplates,UpdateJobTemplate,DeleteJobTemplate,ListPresets,DescribeEndpoints,TagResource,UntagResource,ListTagsForResource
//go:generate go run ./gen -model $CLOUDFRONT_MODEL -out cloudfront.json.gz -serve GetDistribution,GetDistributionConfig,UpdateDistribution,CreateDistribution,ListDistributions,CreateInvalidation,GetInvalidation,ListInvalidations,GetCachePolicy,GetCachePolicyConfig,ListCachePolicies,GetResponseHeadersPolicy,GetResponseHeadersPolicyConfig,ListResponseHeadersPolicies,CreateResponseHeadersPolicy,CreateCachePolicy,GetOriginAccessControl,GetOriginAccessControlConfig,ListOriginAccessControls,ListTagsForResource
//go:generate go run ./gen -model $SQS_MODEL -out sqs.json.gz -serve CreateQueue,DeleteQueue,GetQueueUrl,GetQueueAttributes,SetQueueAttributes,ListQueues,SendMessage,SendMessageBatch,ReceiveMessage,DeleteMessage,DeleteMessageBatch,ChangeMessageVisibility,ChangeMessageVisibilityBatch,PurgeQueue

var (
	//go:embed mediaconvert.json.gz
	mediaConvertTable []byte
	//go:embed cloudfront.json.gz
	cloudFrontTable []byte
	//go:embed sqs.json.gz
	sqsTable []byte

	mediaConvert = sync.OnceValue(func() *Model { return mustLoad(mediaConvertTable) })
	cloudFront   = sync.OnceValue(func() *Model { return mustLoad(cloudFrontTable) })
	sqs          = sync.OnceValue(func() *Model { return mustLoad(sqsTable) })
)

// MediaConvert returns the model of MediaConvert's REST API (2017-08-29).
func MediaConvert() *Model { return mediaConvert() }

// CloudFront returns the model of CloudFront's REST API (2020-05-31).
func CloudFront() *Model { return cloudFront() }

// SQS returns the model of SQS's JSON API (2012-11-05). Its operations share
// one method and path.
func SQS() *Model { return sqs() }

// Model is one service's table. It is safe for concurrent use.
type Model struct {
	Service    string               `json:"service"`
	Operations map[string]Operation `json:"operations"`
	Shapes     map[string]*Shape    `json:"shapes"`
}

// Operation is one operation of the service. All of the service's operations
// are listed; those the local cloud does not serve have no shapes.
type Operation struct {
	Method string   `json:"method"`
	URI    string   `json:"uri"`              // with {name} for parts, without a query
	Query  string   `json:"query,omitempty"`  // a fixed query that tells operations of one URI apart
	Status int      `json:"status"`           // of a success
	Input  string   `json:"input,omitempty"`  // shape
	Output string   `json:"output,omitempty"` // shape
	Errors []string `json:"errors,omitempty"` // shapes
	Served bool     `json:"served,omitempty"`
}

// Shape is one type of the model.
type Shape struct {
	Type     string            `json:"type"` // structure, list, map, string, integer, long, double, float, boolean, timestamp, blob
	Members  map[string]Member `json:"members,omitempty"`
	Required []string          `json:"required,omitempty"` // names of members
	Payload  string            `json:"payload,omitempty"`  // the member that is the HTTP body
	Enum     []string          `json:"enum,omitempty"`
	Min      *float64          `json:"min,omitempty"` // value, length or count, by type
	Max      *float64          `json:"max,omitempty"`
	Pattern  string            `json:"pattern,omitempty"`
	Item     *Member           `json:"item,omitempty"` // of a list
	Key      *Member           `json:"key,omitempty"`  // of a map
	Value    *Member           `json:"value,omitempty"`
	Flat     bool              `json:"flat,omitempty"`   // an XML list without a wrapper
	Status   int               `json:"status,omitempty"` // HTTP status of an error

	wire    map[string]string // wire name -> member
	pattern *regexp.Regexp
}

// Member is a use of a shape.
type Member struct {
	Shape    string `json:"shape"`
	Name     string `json:"name,omitempty"`     // on the wire, where it differs
	Location string `json:"location,omitempty"` // uri, querystring, header; empty: body
	Flat     bool   `json:"flat,omitempty"`
}

// mustLoad reads an embedded table: a broken one is a broken build.
func mustLoad(table []byte) *Model {
	m, err := load(table)
	if err != nil {
		panic(fmt.Sprintf("model: embedded table: %v", err))
	}
	return m
}

func load(table []byte) (*Model, error) {
	z, err := gzip.NewReader(bytes.NewReader(table))
	if err != nil {
		return nil, err
	}
	m := new(Model)
	if err := json.NewDecoder(z).Decode(m); err != nil {
		return nil, err
	}
	for name, s := range m.Shapes {
		s.wire = make(map[string]string, len(s.Members))
		for member, use := range s.Members {
			s.wire[use.wireName(member)] = member
		}
		if s.Pattern == "" {
			continue
		}
		if s.pattern, err = compile(s.Pattern); err != nil {
			return nil, fmt.Errorf("pattern of %s: %w", name, err)
		}
	}
	return m, nil
}

// compile reads a pattern of the model. One without anchors means the whole
// value, as the services apply it.
func compile(pattern string) (*regexp.Regexp, error) {
	if !strings.ContainsAny(pattern, "^$") {
		pattern = `^(?:` + pattern + `)$`
	}
	return regexp.Compile(pattern)
}

// wireName is the member's name in a document.
func (m Member) wireName(member string) string {
	if m.Name != "" {
		return m.Name
	}
	return member
}

// Match names the operation of a request and gives the values of its URI's
// parts, still escaped as they are in path. query is the raw query.
func (m *Model) Match(method, path, query string) (name string, parts map[string]string, ok bool) {
	for op, o := range m.Operations {
		if o.Method != method || o.Query != "" && o.Query != query {
			continue
		}
		p, fits := matchURI(o.URI, path)
		if fits && (!ok || len(p) < len(parts) || o.Query != "") {
			name, parts, ok = op, p, true
			if o.Query != "" {
				return name, parts, ok
			}
		}
	}
	return name, parts, ok
}

func matchURI(uri, path string) (map[string]string, bool) {
	want, got := strings.Split(uri, "/"), strings.Split(path, "/")
	if len(want) != len(got) {
		return nil, false
	}
	var parts map[string]string
	for i, w := range want {
		if name, ok := strings.CutPrefix(w, "{"); ok && got[i] != "" {
			if parts == nil {
				parts = make(map[string]string)
			}
			parts[strings.TrimRight(name, "+}")] = got[i]
		} else if w != got[i] {
			return nil, false
		}
	}
	return parts, true
}

// Payload gives the shape and the root element's name of the body of shape,
// for a shape whose body is one member.
func (m *Model) Payload(shape string) (body, root string, ok bool) {
	s := m.Shapes[shape]
	if s == nil || s.Payload == "" {
		return "", "", false
	}
	use := s.Members[s.Payload]
	root = use.Name
	if root == "" {
		root = use.Shape
	}
	return use.Shape, root, true
}
