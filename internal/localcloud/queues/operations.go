package queues

import (
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"
)

// find returns the queue of a URL, whatever its host. s.mu is held.
func (s *Service) find(queueURL string) (*queue, error) {
	u, err := url.Parse(queueURL)
	if err != nil {
		return nil, refuse("InvalidAddress", "The address %.200q is not valid for this endpoint.", queueURL)
	}
	name, ok := strings.CutPrefix(u.Path, "/"+Account+"/")
	if q := s.queues[name]; ok && q != nil {
		return q, nil
	}
	return nil, noQueue()
}

type queueRequest struct{ QueueUrl string }

func (r queueRequest) queueURL() string { return r.QueueUrl }

// about carries out an operation on the queue that its request names. s.mu is
// held meanwhile.
func about[R interface{ queueURL() string }](s *Service, c *call, do func(*queue, *R) (any, error)) (any, error) {
	var r R
	if err := c.decode(&r); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	q, err := s.find(r.queueURL())
	if err != nil {
		return nil, err
	}
	return do(q, &r)
}

type urlAnswer struct{ QueueUrl string }

type nothing struct{}

func (s *Service) createQueue(c *call) (any, error) {
	var r struct {
		QueueName  string
		Attributes map[string]string
	}
	if err := c.decode(&r); err != nil {
		return nil, err
	}
	if strings.HasSuffix(r.QueueName, ".fifo") {
		return nil, refuse("UnsupportedOperation", "The local cloud has no FIFO queues.")
	}
	if !name.MatchString(r.QueueName) {
		return nil, invalidValue("Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if q := s.queues[r.QueueName]; q != nil {
		same := q.settings
		if err := same.set(r.Attributes); err != nil {
			return nil, err
		}
		if same != q.settings {
			return nil, refuse("QueueNameExists", "A queue already exists with the same name and a different value for an attribute.")
		}
		return urlAnswer{c.url(q.Name)}, nil
	}
	set := defaults()
	if err := set.set(r.Attributes); err != nil {
		return nil, err
	}
	return urlAnswer{c.url(r.QueueName)}, s.create(r.QueueName, set)
}

func (s *Service) deleteQueue(c *call) (any, error) {
	return about(s, c, func(q *queue, _ *queueRequest) (any, error) {
		return nothing{}, s.note(entry{Queue: q.Name, Gone: true})
	})
}

func (s *Service) getQueueURL(c *call) (any, error) {
	var r struct{ QueueName, QueueOwnerAWSAccountId string }
	if err := c.decode(&r); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.queues[r.QueueName] == nil || r.QueueOwnerAWSAccountId != "" && r.QueueOwnerAWSAccountId != Account {
		return nil, noQueue()
	}
	return urlAnswer{c.url(r.QueueName)}, nil
}

// maxPage is how many queues one list names.
const maxPage = 1000

func (s *Service) listQueues(c *call) (any, error) {
	var r struct {
		QueueNamePrefix, NextToken string
		MaxResults                 int
	}
	if err := c.decode(&r); err != nil {
		return nil, err
	}
	page := maxPage
	if r.MaxResults != 0 {
		page = r.MaxResults
	}
	if page < 1 || page > maxPage {
		return nil, invalidValue("Value for parameter MaxResults is invalid. Reason: Must be between 1 and %d, if provided.", maxPage)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	answer := struct {
		QueueUrls []string `json:",omitempty"`
		NextToken string   `json:",omitempty"`
	}{}
	last := ""
	for _, q := range s.sorted() {
		if !strings.HasPrefix(q.Name, r.QueueNamePrefix) || q.Name <= r.NextToken {
			continue
		}
		if len(answer.QueueUrls) == page {
			if r.MaxResults != 0 {
				answer.NextToken = last
			}
			break
		}
		answer.QueueUrls, last = append(answer.QueueUrls, c.url(q.Name)), q.Name
	}
	return answer, nil
}

type getAttributes struct {
	queueRequest
	AttributeNames []string
}

func (s *Service) getAttributes(c *call) (any, error) {
	return about(s, c, func(q *queue, r *getAttributes) (any, error) {
		return struct {
			Attributes map[string]string `json:",omitempty"`
		}{chosen(q.attributes(s.now()), r.AttributeNames...)}, nil
	})
}

type setAttributes struct {
	queueRequest
	Attributes map[string]string
}

func (s *Service) setAttributes(c *call) (any, error) {
	return about(s, c, func(q *queue, r *setAttributes) (any, error) {
		next := q.settings
		if err := next.set(r.Attributes); err != nil {
			return nil, err
		}
		next.Modified = s.now()
		return nothing{}, s.note(entry{Queue: q.Name, Settings: &next})
	})
}

// purgeTime is how long after a purge another is refused.
const purgeTime = time.Minute

func (s *Service) purgeQueue(c *call) (any, error) {
	return about(s, c, func(q *queue, _ *queueRequest) (any, error) {
		now := s.now()
		if now.Sub(q.purged) < purgeTime {
			return nil, refuse("PurgeQueueInProgress", "Only one PurgeQueue operation on %s is allowed every 60 seconds.", q.Name)
		}
		q.purged = now
		s.remove(q, slices.Collect(maps.Keys(q.byNumber)))
		return nothing{}, nil
	})
}
