// Package queues stands in for Amazon SQS: standard queues for unmodified SDKs
// and CLIs, by the JSON protocol and the older query protocol, and by Send for
// the cloud's own events. Like SQS it delivers at least once and in any order,
// and by its [Config] it does so on purpose. Requests and answers are held to
// the published model. Who sends what is left to package notices.
//
// Delays, visibility and retention go by the cloud's clock; how long a request
// waits for messages goes by the host's, as it does for whoever made it.
package queues

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"path/filepath"
	"regexp"
	"sync"
	"time"

	"github.com/vodfleet/vodfleet/internal/localcloud/clock"
	"github.com/vodfleet/vodfleet/internal/localcloud/journal"
)

// Account is whose the queues are.
const Account = "111122223333"

// Bounds of what is kept in memory, beyond which nothing more is taken.
const (
	maxBytes    = 256 << 20 // of messages' bodies and attributes
	maxMessages = 400_000
	maxQueues   = 1000
	maxInFlight = 120_000 // of one queue (SQS developer guide, quotas)
)

// Recorder counts calls, applies injected faults and notes what breaks the
// published model. [calls.Recorder] is one.
type Recorder interface {
	Wrap(service string, op func(*http.Request) string, refuse func(w http.ResponseWriter, req *http.Request, throttle bool, status int), next http.Handler) http.Handler
	Violation(service, op, text string)
}

// Config configures a Service. Dir and Clock are required.
type Config struct {
	Dir   string // the local cloud's; the state is in its folder "queues"
	Clock *clock.Clock
	Calls Recorder // nil: nothing is counted, no faults

	Duplicate float64          // share of messages that come twice, 0 to 1
	Reorder   float64          // share of receives that take a message out of turn, 0 to 1
	Lag       [2]time.Duration // range of how much later a message sent by Send arrives, in the cloud's time
}

// Service is the stand-in. It is safe for concurrent use.
type Service struct {
	cfg     Config
	journal *journal.Journal[entry]
	chance  func() float64 // in [0, 1)

	mu     sync.Mutex
	queues map[string]*queue
	last   uint64 // number of the latest message
	bytes  int    // of all messages
	count  int    // of all messages
	err    error  // the first that kept the state from being written
}

// New returns the service with the state found in cfg.Dir. Messages that were
// received and not deleted can be received again at once.
func New(cfg Config) (*Service, error) {
	for _, share := range []float64{cfg.Duplicate, cfg.Reorder} {
		if !(share >= 0 && share <= 1) {
			return nil, fmt.Errorf("queues: share %v: want 0 to 1", share)
		}
	}
	s := &Service{cfg: cfg, queues: make(map[string]*queue), chance: rand.Float64}
	j, err := journal.Open(filepath.Join(cfg.Dir, "queues", "journal.jsonl"), maxLine, func(e entry) error {
		if err := e.check(); err != nil {
			return err
		}
		s.apply(e)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("queues: %w", err)
	}
	s.journal = j
	if err := j.Replace(s.entries()); err != nil {
		return nil, fmt.Errorf("queues: %w", err)
	}
	return s, nil
}

func (s *Service) now() time.Time { return s.cfg.Clock.Now() }

// name is SQS's pattern of queue names. FIFO queues are not carried out.
var name = regexp.MustCompile(`^[A-Za-z0-9_-]{1,80}$`)

// Create makes a standard queue, and reports whether it is new. One that is
// there stays as it is. visibility 0 is SQS's default of 30 s; other values are
// rounded to whole seconds.
func (s *Service) Create(queue string, visibility time.Duration) (bool, error) {
	if !name.MatchString(queue) {
		return false, fmt.Errorf("create queue %q: want at most 80 letters, digits, hyphens and underscores", queue)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.queues[queue] != nil {
		return false, nil
	}
	settings := defaults()
	if visibility > 0 {
		settings.Visibility = min(max(int(visibility.Round(time.Second)/time.Second), 1), maxVisibility)
	}
	return true, s.create(queue, settings)
}

// Send puts a message into a queue, some time later as [Config.Lag] says. It
// does not wait. Where there is no room, or no such queue, the message is lost
// and counted in [Queue.Lost].
func (s *Service) Send(queue, body string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	q := s.queues[queue]
	if q == nil {
		return
	}
	lag := s.cfg.Lag[0]
	if span := s.cfg.Lag[1] - lag; span > 0 {
		lag += time.Duration(s.chance() * float64(span))
	}
	if _, err := s.send(q, &message{Body: body}, lag); err != nil {
		q.lost++
	}
}

// Queue is a queue as an operator of the local cloud sees it.
type Queue struct {
	Name     string `json:"name"`
	Visible  int    `json:"visible"`  // can be received
	InFlight int    `json:"inFlight"` // received and not deleted
	Delayed  int    `json:"delayed"`
	Sent     int    `json:"sent"`           // since the start, copies not counted
	Deleted  int    `json:"deleted"`        // since the start, copies counted
	Lost     int    `json:"lost,omitempty"` // since the start: found no room
}

// Queues returns every queue by name.
func (s *Service) Queues() []Queue {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	list := make([]Queue, 0, len(s.queues))
	for _, q := range s.sorted() {
		q.settle(now)
		v := Queue{Name: q.Name, Visible: len(q.ready), InFlight: q.inFlight, Sent: q.sent, Deleted: q.deleted, Lost: q.lost}
		v.Delayed = len(q.byNumber) - v.Visible - v.InFlight
		list = append(list, v)
	}
	return list
}

// Run drops messages whose time has passed until ctx ends, then closes the
// state. It can be called once.
func (s *Service) Run(ctx context.Context) error {
	tick := time.NewTicker(10 * time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			s.mu.Lock()
			defer s.mu.Unlock()
			return s.journal.Close()
		case <-tick.C:
			s.mu.Lock()
			for _, q := range s.queues {
				s.expire(q)
			}
			err := s.err
			s.mu.Unlock()
			if err != nil {
				return fmt.Errorf("queues: %w", err)
			}
		}
	}
}
