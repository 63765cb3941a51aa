package mediaconvert

import (
	"cmp"
	"encoding/hex"
	"slices"
	"strings"
	"time"
)

// The account and region of every ARN.
const (
	arnPrefix    = "arn:aws:mediaconvert:us-east-1:111122223333:"
	defaultQueue = "Default"
	queueActive  = "ACTIVE"
)

// queue is an on-demand queue.
type queue struct {
	Name        string            `json:"name"`
	Description string            `json:"description,omitempty"`
	Status      string            `json:"status"` // ACTIVE, PAUSED
	Created     time.Time         `json:"created"`
	Updated     time.Time         `json:"updated"`
	Tags        map[string]string `json:"tags,omitempty"`
}

func (q *queue) arn() string { return arnPrefix + "queues/" + q.Name }

// fileName is a resource's name as a file's.
func fileName(name string) string { return hex.EncodeToString([]byte(name)) }

// queueOf finds a queue by name or ARN. The caller holds s.mu.
func (s *Service) queueOf(name string) (*queue, error) {
	if name == "" {
		name = defaultQueue
	}
	name = strings.TrimPrefix(name, arnPrefix+"queues/")
	if q := s.queues[name]; q != nil {
		return q, nil
	}
	return nil, notFound("The queue %q does not exist.", name)
}

// view is a queue as the API shows it. The caller holds s.mu.
func (s *Service) viewQueue(q *queue) doc {
	submitted, progressing := 0, 0
	for _, j := range s.active {
		switch {
		case j.Queue != q.Name:
		case j.Status == statusSubmitted:
			submitted++
		default:
			progressing++
		}
	}
	kind := "CUSTOM"
	if q.Name == defaultQueue {
		kind = "SYSTEM"
	}
	d := doc{
		"arn": q.arn(), "name": q.Name, "status": q.Status, "type": kind, "pricingPlan": "ON_DEMAND",
		"createdAt": q.Created.Unix(), "lastUpdated": q.Updated.Unix(),
		"concurrentJobs": s.cfg.Quotas.ConcurrentJobs, "submittedJobsCount": submitted, "progressingJobsCount": progressing,
	}
	if q.Description != "" {
		d["description"] = q.Description
	}
	return d
}

type queueBody struct {
	Name           string            `json:"name"`
	Description    *string           `json:"description"`
	Status         string            `json:"status"`
	PricingPlan    string            `json:"pricingPlan"`
	ConcurrentJobs *int              `json:"concurrentJobs"`
	Tags           map[string]string `json:"tags"`
}

func (s *Service) createQueue(r *request) (doc, error) {
	var b queueBody
	if err := r.decode(&b); err != nil {
		return nil, err
	}
	switch {
	case b.PricingPlan == "RESERVED":
		return nil, unserved("reserved queues")
	case b.Name == "" || len(b.Name) > 255 || strings.ContainsAny(b.Name, "/:"):
		return nil, badRequest("/name: Should be a name of 1 to 255 characters")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.queues[b.Name] != nil {
		return nil, conflict("The queue %q already exists.", b.Name)
	}
	if len(s.queues) >= s.cfg.Quotas.Queues {
		return nil, quotaExceeded("You have reached the limit of %d on-demand queues.", s.cfg.Quotas.Queues)
	}
	q := &queue{Name: b.Name, Status: cmp.Or(b.Status, queueActive), Created: s.now(), Updated: s.now(), Tags: b.Tags}
	if b.Description != nil {
		q.Description = *b.Description
	}
	if err := s.saveQueue(q); err != nil {
		return nil, err
	}
	return doc{"queue": s.viewQueue(q)}, nil
}

// saveQueue keeps q under its name. The caller holds s.mu.
func (s *Service) saveQueue(q *queue) error {
	if err := s.files.save("queues", fileName(q.Name), q); err != nil {
		return err
	}
	s.queues[q.Name] = q
	s.stir()
	return nil
}

func (s *Service) getQueue(r *request) (doc, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	q, err := s.queueOf(r.parts["name"])
	if err != nil {
		return nil, err
	}
	return doc{"queue": s.viewQueue(q)}, nil
}

func (s *Service) updateQueue(r *request) (doc, error) {
	var b queueBody
	if err := r.decode(&b); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	q, err := s.queueOf(r.parts["name"])
	if err != nil {
		return nil, err
	}
	changed := *q
	changed.Updated, changed.Status = s.now(), cmp.Or(b.Status, q.Status)
	if b.Description != nil {
		changed.Description = *b.Description
	}
	if err := s.saveQueue(&changed); err != nil {
		return nil, err
	}
	return doc{"queue": s.viewQueue(&changed)}, nil
}

func (s *Service) deleteQueue(r *request) (doc, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	q, err := s.queueOf(r.parts["name"])
	if err != nil {
		return nil, err
	}
	if q.Name == defaultQueue {
		return nil, badRequest("The default queue cannot be deleted.")
	}
	for _, j := range s.active {
		if j.Queue == q.Name {
			return nil, conflict("The queue %q has jobs that are not finished.", q.Name)
		}
	}
	if err := s.files.remove("queues", fileName(q.Name)); err != nil {
		return nil, err
	}
	delete(s.queues, q.Name)
	return doc{}, nil
}

func (s *Service) listQueues(r *request) (doc, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []*queue
	for _, q := range s.queues {
		all = append(all, q)
	}
	byCreation := r.query.Get("listBy") != "NAME"
	slices.SortFunc(all, func(a, b *queue) int {
		if byCreation {
			if c := a.Created.Compare(b.Created); c != 0 {
				return c
			}
		}
		return strings.Compare(a.Name, b.Name)
	})
	if r.query.Get("order") == "DESCENDING" {
		slices.Reverse(all)
	}
	page, next, err := pageOf(r, all, func(q *queue) string { return q.Name })
	if err != nil {
		return nil, err
	}
	list := []any{}
	for _, q := range page {
		list = append(list, s.viewQueue(q))
	}
	return withNext(doc{"queues": list}, next), nil
}

func withNext(d doc, next string) doc {
	if next != "" {
		d["nextToken"] = next
	}
	return d
}
