package queues

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// sending is one message to send, alone or in a batch.
type sending struct {
	ID                      string `json:"Id"`
	MessageBody             string
	DelaySeconds            *int
	MessageAttributes       map[string]attribute
	MessageSystemAttributes map[string]attribute
	MessageGroupId          string
	MessageDeduplicationId  string
}

// check says what SQS would refuse.
func (m *sending) check(q *queue) error {
	size := (&message{Body: m.MessageBody, Attributes: m.MessageAttributes}).size()
	switch {
	case m.MessageBody == "":
		return refuse("MissingParameter", "The request must contain the parameter MessageBody.")
	case !utf8.ValidString(m.MessageBody) || strings.ContainsFunc(m.MessageBody, forbidden):
		return refuse("InvalidMessageContents", "The message contains characters outside the allowed set.")
	case size > q.Size:
		return invalidValue("One or more parameters are invalid. Reason: Message must be shorter than %d bytes.", q.Size)
	case m.DelaySeconds != nil && (*m.DelaySeconds < 0 || *m.DelaySeconds > maxDelay):
		return invalidValue("Value %d for parameter DelaySeconds is invalid. Reason: DelaySeconds must be >= 0 and <= %d.", *m.DelaySeconds, maxDelay)
	case m.MessageDeduplicationId != "":
		return invalidValue("The request includes a parameter that is not valid for this queue type.")
	case len(m.MessageAttributes) > 10:
		return invalidValue("Number of message attributes [%d] exceeds the allowed maximum [10].", len(m.MessageAttributes))
	}
	for name, a := range m.MessageAttributes {
		kind, _, _ := strings.Cut(a.DataType, ".")
		if !slices.Contains([]string{"String", "Number", "Binary"}, kind) || (kind == "Binary") != (a.BinaryValue != nil) {
			return invalidValue("The message attribute '%.256s' has an invalid type or value.", name)
		}
	}
	return nil
}

// forbidden characters are those outside XML 1.0 (SendMessage, API reference).
func forbidden(r rune) bool {
	return r < ' ' && r != '\t' && r != '\n' && r != '\r' || r == 0xFFFE || r == 0xFFFF
}

// sent is the answer about one message.
type sent struct {
	ID                           string `json:"Id,omitempty"`
	MessageId                    string
	MD5OfMessageBody             string
	MD5OfMessageAttributes       string `json:",omitempty"`
	MD5OfMessageSystemAttributes string `json:",omitempty"`
}

// take sends one message. s.mu is held.
func (s *Service) take(q *queue, in *sending) (sent, error) {
	if err := in.check(q); err != nil {
		return sent{}, err
	}
	delay := q.Delay
	if in.DelaySeconds != nil {
		delay = *in.DelaySeconds
	}
	m, err := s.send(q, &message{
		Body: in.MessageBody, Attributes: in.MessageAttributes, Trace: in.MessageSystemAttributes["AWSTraceHeader"].StringValue,
	}, time.Duration(delay)*time.Second)
	if err != nil {
		return sent{}, err
	}
	return sent{in.ID, m.ID, sumOf(m.Body), sumOfAttributes(m.Attributes), sumOfAttributes(in.MessageSystemAttributes)}, nil
}

type sendMessage struct {
	queueRequest
	sending
}

func (s *Service) sendMessage(c *call) (any, error) {
	return about(s, c, func(q *queue, r *sendMessage) (any, error) {
		r.ID = ""
		return s.take(q, &r.sending)
	})
}

func (s *Service) sendMessages(c *call) (any, error) {
	return batch(s, c, func(m *sending) string { return m.ID }, func(q *queue, m *sending) (any, error) { return s.take(q, m) })
}

// received is a message as it is handed out.
type received struct {
	MessageId              string
	ReceiptHandle          string
	MD5OfBody              string
	Body                   string
	Attributes             map[string]string    `json:",omitempty"`
	MD5OfMessageAttributes string               `json:",omitempty"`
	MessageAttributes      map[string]attribute `json:",omitempty"`
}

func (s *Service) receiveMessages(c *call) (any, error) {
	var r struct {
		QueueUrl                    string
		MaxNumberOfMessages         *int
		VisibilityTimeout           *int
		WaitTimeSeconds             *int
		AttributeNames              []string
		MessageSystemAttributeNames []string
		MessageAttributeNames       []string
	}
	if err := c.decode(&r); err != nil {
		return nil, err
	}
	number := or(r.MaxNumberOfMessages, 1)
	if number < 1 || number > 10 {
		return nil, invalidValue("Value %d for parameter MaxNumberOfMessages is invalid. Reason: Must be between 1 and 10, if provided.", number)
	}
	got, err := s.await(c, r.QueueUrl, number, r.VisibilityTimeout, r.WaitTimeSeconds)
	if err != nil {
		return nil, err
	}
	answer := struct {
		Messages []received `json:",omitempty"`
	}{}
	for _, m := range got {
		out := received{
			MessageId: m.ID, ReceiptHandle: m.receipt(), MD5OfBody: sumOf(m.Body), Body: m.Body,
			Attributes: chosen(m.system(), append(r.AttributeNames, r.MessageSystemAttributeNames...)...),
		}
		for name, a := range m.Attributes {
			if wanted(name, r.MessageAttributeNames) {
				if out.MessageAttributes == nil {
					out.MessageAttributes = make(map[string]attribute)
				}
				out.MessageAttributes[name] = a
			}
		}
		out.MD5OfMessageAttributes = sumOfAttributes(out.MessageAttributes)
		answer.Messages = append(answer.Messages, out)
	}
	return answer, nil
}

// wanted reports whether an attribute is among names: "All", a name, or the
// beginning of one with ".*" behind.
func wanted(name string, names []string) bool {
	return slices.ContainsFunc(names, func(n string) bool {
		prefix, some := strings.CutSuffix(n, ".*")
		return n == "All" || n == name || some && strings.HasPrefix(name, prefix)
	})
}

func or(v *int, def int) int {
	if v == nil {
		return def
	}
	return *v
}

// await receives copies of what there is, or of what comes while it waits.
func (s *Service) await(c *call, queueURL string, number int, visibility, wait *int) ([]message, error) {
	var until time.Time // of the host
	for {
		s.mu.Lock()
		q, err := s.find(queueURL)
		if err != nil {
			s.mu.Unlock()
			return nil, err
		}
		seconds, hidden := or(wait, q.Wait), or(visibility, q.Visibility)
		switch {
		case seconds < 0 || seconds > maxWait:
			err = invalidValue("Value %d for parameter WaitTimeSeconds is invalid. Reason: Must be >= 0 and <= %d, if provided.", seconds, maxWait)
		case hidden < 0 || hidden > maxVisibility:
			err = invalidValue("Value %d for parameter VisibilityTimeout is invalid. Reason: Must be >= 0 and <= %d, if provided.", hidden, maxVisibility)
		case q.inFlight >= maxInFlight && seconds == 0:
			err = refuse("OverLimit", "Too many messages of the queue are in flight.")
		}
		if err != nil {
			s.mu.Unlock()
			return nil, err
		}
		if until.IsZero() {
			until = time.Now().Add(time.Duration(seconds) * time.Second)
		}
		var got []message
		for _, m := range s.receive(q, number, time.Duration(hidden)*time.Second) {
			got = append(got, *m)
		}
		left := time.Until(until)
		if len(q.later) > 0 {
			left = min(left, s.cfg.Clock.Host(q.later[0].from.Sub(s.now()))+time.Millisecond)
		}
		arrived := q.arrived
		s.mu.Unlock()
		if len(got) > 0 || !time.Now().Before(until) {
			return got, nil
		}
		t := time.NewTimer(max(left, time.Millisecond))
		select {
		case <-c.ctx.Done():
			t.Stop()
			return nil, unavailable("The client is gone.")
		case <-arrived:
			t.Stop()
		case <-t.C:
		}
	}
}

// receipt is the handle of the latest receive of m.
func (m *message) receipt() string {
	return base64.StdEncoding.EncodeToString(fmt.Appendf(nil, "localcloud %d %d %s", m.Number, m.receives, m.ID))
}

// held returns the message of a receipt: nil if it is gone, or has been
// received again by somebody else. s.mu is held.
func (q *queue) held(receipt string) (*message, error) {
	text, err := base64.StdEncoding.DecodeString(receipt)
	var number uint64
	var receives int
	var id string
	if err == nil {
		_, err = fmt.Sscanf(string(text), "localcloud %d %d %s", &number, &receives, &id)
	}
	if err != nil {
		return nil, refuse("ReceiptHandleIsInvalid", "The input receipt handle is invalid.")
	}
	if m := q.byNumber[number]; m != nil && m.ID == id && m.receives == receives {
		return m, nil
	}
	return nil, nil
}

// holding is one message to delete or to hide, alone or in a batch.
type holding struct {
	ID                string `json:"Id"`
	ReceiptHandle     string
	VisibilityTimeout *int
}

type done struct {
	ID string `json:"Id"`
}

// release deletes a message. As in SQS, an old receipt succeeds and deletes
// nothing. s.mu is held.
func (s *Service) release(q *queue, h *holding) (any, error) {
	m, err := q.held(h.ReceiptHandle)
	if m != nil {
		s.remove(q, []uint64{m.Number})
	}
	return done{h.ID}, err
}

// hide changes when a message that is in flight can be received again. s.mu is
// held.
func (s *Service) hide(q *queue, h *holding) (any, error) {
	seconds := or(h.VisibilityTimeout, q.Visibility)
	if seconds < 0 || seconds > maxVisibility {
		return nil, invalidValue("Value %d for parameter VisibilityTimeout is invalid. Reason: VisibilityTimeout must be an integer between 0 and %d.", seconds, maxVisibility)
	}
	now := s.now()
	q.settle(now)
	m, err := q.held(h.ReceiptHandle)
	switch {
	case err != nil:
		return nil, err
	case m == nil || !m.flying:
		return nil, refuse("MessageNotInflight", "The specified message isn't in flight.")
	}
	q.reschedule(m, now.Add(time.Duration(seconds)*time.Second))
	q.settle(now)
	return done{h.ID}, nil
}

type oneMessage struct {
	queueRequest
	holding
}

// one carries out an operation on one message.
func one(s *Service, c *call, do func(*queue, *holding) (any, error)) (any, error) {
	return about(s, c, func(q *queue, r *oneMessage) (any, error) {
		_, err := do(q, &r.holding)
		return nothing{}, err
	})
}

func (s *Service) deleteMessage(c *call) (any, error)    { return one(s, c, s.release) }
func (s *Service) changeVisibility(c *call) (any, error) { return one(s, c, s.hide) }

func (s *Service) deleteMessages(c *call) (any, error) {
	return batch(s, c, func(h *holding) string { return h.ID }, s.release)
}

func (s *Service) changeVisibilities(c *call) (any, error) {
	return batch(s, c, func(h *holding) string { return h.ID }, s.hide)
}
