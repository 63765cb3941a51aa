package mediaconvert

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"

	"github.com/vodfleet/vodfleet/internal/localcloud/model"
	"github.com/vodfleet/vodfleet/internal/localcloud/sigv4"
)

const service = "mediaconvert"

// maxBody bounds a request's body.
const maxBody = 1 << 20

// request is one call, held to the model.
type request struct {
	*http.Request
	op    string
	parts map[string]string // of the path
	query url.Values
	body  json.RawMessage // nil: none
}

// decode reads the body, which the model has found valid, into v.
func (r *request) decode(v any) error {
	if err := json.Unmarshal(r.body, v); err != nil {
		return badRequest("/: %v", err)
	}
	return nil
}

// doc is a JSON object of an answer.
type doc map[string]any

// oddStatus puts the jobs of an answer into a status that no model has.
func (d doc) oddStatus() {
	jobs, _ := d["jobs"].([]any)
	for _, j := range append(jobs, d["job"]) {
		if j, ok := j.(doc); ok {
			j["status"] = "ON_HOLD"
		}
	}
}

// handlers lists the operations that are served.
func (s *Service) handlers() map[string]func(*request) (doc, error) {
	return map[string]func(*request) (doc, error){
		"CreateJob": s.createJob, "GetJob": s.getJob, "ListJobs": s.listJobs, "SearchJobs": s.listJobs, "CancelJob": s.cancelJob,
		"Probe":       s.probe,
		"CreateQueue": s.createQueue, "GetQueue": s.getQueue, "ListQueues": s.listQueues, "UpdateQueue": s.updateQueue, "DeleteQueue": s.deleteQueue,
		"CreateJobTemplate": s.createTemplate, "GetJobTemplate": s.getTemplate, "ListJobTemplates": s.listTemplates,
		"UpdateJobTemplate": s.updateTemplate, "DeleteJobTemplate": s.deleteTemplate,
		"ListPresets":       func(*request) (doc, error) { return doc{"presets": []any{}}, nil },
		"DescribeEndpoints": s.describeEndpoints,
		"TagResource":       s.tag, "UntagResource": s.untag, "ListTagsForResource": s.listTags,
	}
}

// Handler answers the API: signed, within quotas, counted, with faults.
func (s *Service) Handler() http.Handler {
	var h http.Handler = http.HandlerFunc(s.serve)
	if s.cfg.Calls != nil {
		h = s.cfg.Calls.Wrap(service, operation, refuseInjected, h)
	}
	return h
}

// operation names the operation of a request.
func operation(r *http.Request) string {
	if op, _, ok := model.MediaConvert().Match(r.Method, r.URL.EscapedPath(), r.URL.RawQuery); ok {
		return op
	}
	return "Unknown"
}

func (s *Service) serve(w http.ResponseWriter, req *http.Request) {
	if r := sigv4.Check(req, s.cfg.Clock, service); r != nil {
		writeError(w, refuse(r.Status, r.Code, "%s", r.Message))
		return
	}
	answer, status, err := s.answer(req)
	if err != nil {
		e, ok := errors.AsType[*apiError](err)
		if !ok {
			e = internal(err)
		}
		writeError(w, e)
		return
	}
	write(w, status, answer)
}

// answer carries out a signed request.
func (s *Service) answer(req *http.Request) ([]byte, int, error) {
	m := model.MediaConvert()
	op, parts, ok := m.Match(req.Method, req.URL.EscapedPath(), req.URL.RawQuery)
	if !ok {
		return nil, 0, refuse(http.StatusNotFound, "UnknownOperationException", "no operation %s %s", req.Method, req.URL.Path)
	}
	handle, ok := s.ops[op]
	if !ok {
		return nil, 0, unserved("operation %s", op)
	}
	s.mu.Lock()
	allowed := s.allow(op)
	s.mu.Unlock()
	if !allowed {
		return nil, 0, throttled()
	}
	r := &request{Request: req, op: op, parts: parts, query: req.URL.Query()}
	if err := r.read(m); err != nil {
		if e, ok := errors.AsType[*apiError](err); ok {
			s.violation(op, e.text)
		}
		return nil, 0, err
	}
	d, err := handle(r)
	if err != nil {
		return nil, 0, err
	}
	odd := s.cfg.Calls != nil && s.cfg.Calls.OddStatus(service, op)
	if odd {
		d.oddStatus()
	}
	body, err := json.Marshal(d)
	if err != nil {
		return nil, 0, fmt.Errorf("write answer: %w", err)
	}
	if !odd {
		s.judge(m, op, body)
	}
	return body, m.Operations[op].Status, nil
}

func (s *Service) violation(op, what string) {
	if s.cfg.Calls != nil {
		s.cfg.Calls.Violation(service, op, what)
	}
}

// judge notes an answer of ours that breaks the published model.
func (s *Service) judge(m *model.Model, op string, body []byte) {
	var v any
	if err := json.Unmarshal(body, &v); err != nil {
		s.violation(op, fmt.Sprintf("answer: %v", err))
		return
	}
	if found := m.ValidateJSON(m.Operations[op].Output, v); len(found) > 0 {
		s.violation(op, "answer: "+model.Join(found))
	}
}

// read takes the request's path, query and body and holds them to the model.
func (r *request) read(m *model.Model) error {
	for name, part := range r.parts {
		text, err := url.PathUnescape(part)
		if err != nil {
			return badRequest("/%s: %v", name, err)
		}
		r.parts[name] = text
	}
	shape := m.Operations[r.op].Input
	if err := r.checkQuery(m, shape); err != nil {
		return err
	}
	if r.Method == http.MethodGet || r.Method == http.MethodDelete {
		return nil
	}
	body, err := io.ReadAll(io.LimitReader(r.Request.Body, maxBody+1))
	if err != nil {
		return badRequest("/: %v", err)
	}
	if len(body) > maxBody {
		return refuse(http.StatusRequestEntityTooLarge, "RequestEntityTooLarge", "body is larger than %d bytes", maxBody)
	}
	if len(bytes.TrimSpace(body)) == 0 {
		body = []byte("{}")
	}
	var v any
	if err := json.Unmarshal(body, &v); err != nil {
		return refuse(http.StatusBadRequest, "SerializationException", "Could not parse request body into json: %v", err)
	}
	r.body = body
	if found := m.ValidateJSON(shape, v); len(found) > 0 {
		return badRequest("%s", model.Join(found))
	}
	return nil
}

// checkQuery judges the values in the query. Unknown names are left aside, as
// the service leaves them.
func (r *request) checkQuery(m *model.Model, shape string) error {
	for member, use := range m.Shapes[shape].Members {
		name := use.Name
		if name == "" {
			name = member
		}
		if use.Location != "querystring" || !r.query.Has(name) {
			continue
		}
		if len(r.query[name]) > 1 {
			return badRequest("/%s: Should be given once", name)
		}
		var v any = r.query.Get(name)
		if m.Shapes[use.Shape].Type == "integer" {
			n, err := strconv.Atoi(r.query.Get(name))
			if err != nil {
				return badRequest("/%s: Should be an integer", name)
			}
			v = n
		}
		if found := m.ValidateJSON(use.Shape, v); len(found) > 0 {
			return badRequest("/%s: %s", name, found[0].Message)
		}
	}
	return nil
}

// describeEndpoints names this endpoint: accounts have no other any more.
func (s *Service) describeEndpoints(r *request) (doc, error) {
	return doc{"endpoints": []any{doc{"url": "http://" + r.Host}}}, nil
}
