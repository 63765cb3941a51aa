package queues

import (
	"net/url"
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
	var r queueRequest
	if err := c.decode(&r); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	q, err := s.find(r.QueueUrl)
	if err != nil {
		return nil, err
	}
	return nothing{}, s.note(entry{Queue: q.Name, Gone: true})
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

func (s *Service) getAttributes(c *call) (any, error) {
	var r struct {
		QueueUrl       string
		AttributeNames []string
	}
	if err := c.decode(&r); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	q, err := s.find(r.QueueUrl)
	if err != nil {
		return nil, err
	}
	answer := struct {
		Attributes map[string]string `json:",omitempty"`
	}{chosen(q.attributes(s.now()), r.AttributeNames...)}
	return answer, nil
}

func (s *Service) setAttributes(c *call) (any, error) {
	var r struct {
		QueueUrl   string
		Attributes map[string]string
	}
	if err := c.decode(&r); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	q, err := s.find(r.QueueUrl)
	if err != nil {
		return nil, err
	}
	next := q.settings
	if err := next.set(r.Attributes); err != nil {
		return nil, err
	}
	next.Modified = s.now()
	return nothing{}, s.note(entry{Queue: q.Name, Settings: &next})
}

// purgeTime is how long after a purge another is refused.
const purgeTime = time.Minute

func (s *Service) purgeQueue(c *call) (any, error) {
	var r queueRequest
	if err := c.decode(&r); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	q, err := s.find(r.QueueUrl)
	if err != nil {
		return nil, err
	}
	now := s.now()
	if now.Sub(q.purged) < purgeTime {
		return nil, refuse("PurgeQueueInProgress", "Only one PurgeQueue operation on %s is allowed every 60 seconds.", q.Name)
	}
	q.purged = now
	var all []uint64
	for number := range q.byNumber {
		all = append(all, number)
	}
	s.remove(q, all)
	return nothing{}, nil
}
