package queues

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"

	"github.com/vodfleet/vodfleet/internal/localcloud/model"
	"github.com/vodfleet/vodfleet/internal/localcloud/sigv4"
)

const service = "sqs"

// maxRequest bounds a request's body: a batch of 1 MiB, each byte escaped.
const maxRequest = 8 << 20

// call is one request, held to the model.
type call struct {
	ctx  context.Context
	host string // the queue's URL is made of
	body []byte // JSON
}

func (c *call) url(queue string) string { return "http://" + c.host + "/" + Account + "/" + queue }

// decode reads the body, which the model has found valid, into v.
func (c *call) decode(v any) error {
	if err := json.Unmarshal(c.body, v); err != nil {
		return refuse("SerializationException", "%v", err)
	}
	return nil
}

// handlers are the operations that are carried out. They lock s.mu.
func (s *Service) handlers() map[string]func(*call) (any, error) {
	return map[string]func(*call) (any, error){
		"CreateQueue": s.createQueue, "DeleteQueue": s.deleteQueue, "GetQueueUrl": s.getQueueURL, "ListQueues": s.listQueues,
		"GetQueueAttributes": s.getAttributes, "SetQueueAttributes": s.setAttributes, "PurgeQueue": s.purgeQueue,
		"SendMessage": s.sendMessage, "SendMessageBatch": s.sendMessages, "ReceiveMessage": s.receiveMessages,
		"DeleteMessage": s.deleteMessage, "DeleteMessageBatch": s.deleteMessages,
		"ChangeMessageVisibility": s.changeVisibility, "ChangeMessageVisibilityBatch": s.changeVisibilities,
	}
}

// Handler answers the API: signed, counted, with faults.
func (s *Service) Handler() http.Handler {
	ops := s.handlers()
	var h http.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { s.serve(w, r, ops) })
	if s.cfg.Calls != nil {
		h = s.cfg.Calls.Wrap(service, operation, refuseInjected, h)
	}
	return h
}

const target = "AmazonSQS."

// protocolOf tells the protocols apart: JSON names its operation in a header.
func protocolOf(r *http.Request) protocol {
	if t, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); t == "application/x-www-form-urlencoded" {
		return queryProtocol{}
	}
	return jsonProtocol{}
}

// operation names the operation of a request. The query protocol has it in the
// body, of which it leaves an equal one in place.
func operation(r *http.Request) string {
	op, ok := strings.CutPrefix(r.Header.Get("X-Amz-Target"), target)
	if !ok && protocolOf(r) == (queryProtocol{}) {
		body, _ := readBody(r)
		form, _ := url.ParseQuery(string(body))
		op = form.Get("Action")
	}
	if _, known := model.SQS().Operations[op]; known {
		return op
	}
	return "Unknown"
}

// readBody reads a body, and leaves an equal one in its place.
func readBody(r *http.Request) ([]byte, error) {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxRequest+1))
	if err != nil {
		return nil, err
	}
	if len(body) > maxRequest {
		return nil, fmt.Errorf("longer than %d bytes", maxRequest)
	}
	r.Body = io.NopCloser(strings.NewReader(string(body)))
	return body, nil
}

func (s *Service) serve(w http.ResponseWriter, r *http.Request, ops map[string]func(*call) (any, error)) {
	p, op := protocolOf(r), operation(r)
	body, err := s.carryOut(r, op, ops)
	if err != nil {
		p.fail(w, apiErrorOf(err))
		return
	}
	p.answer(w, op, body)
}

// carryOut answers a request in JSON.
func (s *Service) carryOut(r *http.Request, op string, ops map[string]func(*call) (any, error)) ([]byte, error) {
	if refused := sigv4.Check(r, s.cfg.Clock, service); refused != nil {
		return nil, &apiError{refused.Status, refused.Code, refused.Message}
	}
	do, ok := ops[op]
	switch {
	case r.Method != http.MethodPost:
		return nil, refuse("InvalidAction", "The local cloud takes requests by POST alone.")
	case op == "Unknown":
		return nil, refuse("InvalidAction", "The operation is not known.")
	case !ok:
		return nil, &apiError{http.StatusNotImplemented, "UnsupportedOperation", "The local cloud does not carry this out: operation " + op}
	}
	body, err := readBody(r)
	if err != nil {
		return nil, &apiError{http.StatusRequestEntityTooLarge, "RequestEntityTooLarge", err.Error()}
	}
	if protocolOf(r) == (queryProtocol{}) {
		if body, err = fromQuery(op, string(body)); err != nil {
			return nil, err
		}
	}
	if err := s.judge(op, "", model.SQS().Operations[op].Input, body); err != nil {
		return nil, refuse("InvalidParameterValue", "%v", err)
	}
	answer, err := do(&call{r.Context(), r.Host, body})
	if err != nil {
		return nil, err
	}
	if body, err = json.Marshal(answer); err != nil {
		return nil, fmt.Errorf("write answer: %w", err)
	}
	if shape := model.SQS().Operations[op].Output; shape != "" {
		_ = s.judge(op, "answer: ", shape, body) // it is noted
	}
	return body, nil
}

// judge notes what in a document breaks the published model.
func (s *Service) judge(op, what, shape string, body []byte) error {
	var v any
	err := json.Unmarshal(body, &v)
	if err == nil {
		if found := model.SQS().ValidateJSON(shape, v); len(found) > 0 {
			err = errors.New(model.Join(found))
		}
	}
	if err != nil && s.cfg.Calls != nil {
		s.cfg.Calls.Violation(service, op, what+err.Error())
	}
	return err
}
