package queues

import (
	"cmp"
	"container/heap"
	"maps"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/google/uuid"
)

// SQS's limits of a queue's attributes, in seconds and bytes.
const (
	maxVisibility = 12 * 60 * 60
	maxDelay      = 15 * 60
	maxWait       = 20
	minRetention  = 60
	maxRetention  = 14 * 24 * 60 * 60
	minSize       = 1 << 10
	maxSize       = 1 << 20
)

// settings are a queue's attributes that can be set.
type settings struct {
	Visibility int    `json:"visibility"` // seconds
	Delay      int    `json:"delay"`      // seconds
	Wait       int    `json:"wait"`       // seconds
	Retention  int    `json:"retention"`  // seconds
	Size       int    `json:"size"`       // bytes
	Policy     string `json:"policy,omitempty"`

	Created  time.Time `json:"created"`
	Modified time.Time `json:"modified"`
}

func defaults() settings {
	return settings{Visibility: 30, Retention: 4 * 24 * 60 * 60, Size: maxSize}
}

// queue is a queue. Each message is in exactly one of ready and later.
type queue struct {
	Name string
	settings

	byNumber map[uint64]*message
	ready    []*message // can be received, the oldest first
	later    timeline   // delayed or in flight
	inFlight int
	arrived  chan struct{} // closed and replaced when a message can be received
	purged   time.Time

	sent, deleted, lost int
}

// message is one copy of a message.
type message struct {
	Number     uint64               `json:"number"`
	ID         string               `json:"id"`
	Body       string               `json:"body"`
	Attributes map[string]attribute `json:"attributes,omitempty"`
	Trace      string               `json:"trace,omitempty"` // AWSTraceHeader
	Sent       time.Time            `json:"sent"`

	from     time.Time // when it can be received
	first    time.Time // when it was first received
	receives int
	flying   bool // received, and not visible again yet
	index    int  // in later; -1 in ready
}

func (m *message) size() int {
	n := len(m.Body) + len(m.Trace)
	for name, a := range m.Attributes {
		n += len(name) + len(a.DataType) + len(a.StringValue) + len(a.BinaryValue)
	}
	return n
}

// sorted returns the queues by name. s.mu is held.
func (s *Service) sorted() []*queue {
	return slices.SortedFunc(maps.Values(s.queues), func(a, b *queue) int { return cmp.Compare(a.Name, b.Name) })
}

// create makes a queue. s.mu is held.
func (s *Service) create(name string, set settings) error {
	if len(s.queues) >= maxQueues {
		return refuse("OverLimit", "The account has %d queues.", maxQueues)
	}
	set.Created, set.Modified = s.now(), s.now()
	return s.note(entry{Queue: name, Settings: &set})
}

// send puts a message into q, twice now and then, and returns it. s.mu is held.
func (s *Service) send(q *queue, m *message, delay time.Duration) (*message, error) {
	copies := 1
	if s.cfg.Duplicate > 0 && s.chance() < s.cfg.Duplicate {
		copies = 2
	}
	if s.bytes+m.size()*copies > maxBytes || s.count+copies > maxMessages {
		return nil, unavailable("The queues of the local cloud are full.")
	}
	now := s.now()
	m.ID, m.Sent = uuid.NewString(), now
	for n := range copies {
		each := *m
		each.Number, each.from = s.last+1, now.Add(delay)
		if n > 0 { // a copy comes when the first may be done with
			each.from = each.from.Add(time.Duration(s.chance() * float64(time.Duration(q.Visibility)*time.Second)))
		}
		if err := s.note(entry{Queue: q.Name, Put: &each}); err != nil {
			return nil, err
		}
		*m = each
	}
	q.sent++
	return m, nil
}

// place makes m wait until it can be received, from then on again.
func (q *queue) place(m *message, now time.Time) {
	if m.from.After(now) {
		heap.Push(&q.later, m)
		return
	}
	m.index = -1
	q.ready = append(q.ready, m)
	close(q.arrived)
	q.arrived = make(chan struct{})
}

// settle makes visible what is due.
func (q *queue) settle(now time.Time) {
	for len(q.later) > 0 && !q.later[0].from.After(now) {
		m := heap.Pop(&q.later).(*message)
		if m.flying {
			m.flying = false
			q.inFlight--
		}
		q.place(m, now)
	}
}

// receive takes up to n messages that can be received, and hides them.
func (s *Service) receive(q *queue, n int, visibility time.Duration) []*message {
	now := s.now()
	q.settle(now)
	var got []*message
	for len(got) < n && len(q.ready) > 0 && q.inFlight < maxInFlight {
		i := 0
		if s.cfg.Reorder > 0 && s.chance() < s.cfg.Reorder {
			i = rand.IntN(min(len(q.ready), 50))
		}
		m := q.ready[i]
		q.ready[i] = q.ready[0]
		q.ready[0] = nil
		q.ready = q.ready[1:]
		if m.receives++; m.receives == 1 {
			m.first = now
		}
		m.from, m.flying = now.Add(visibility), true
		q.inFlight++
		heap.Push(&q.later, m)
		got = append(got, m)
	}
	return got
}

// reschedule changes when a message in flight can be received again.
func (q *queue) reschedule(m *message, from time.Time) {
	m.from = from
	heap.Fix(&q.later, m.index)
}

// drop takes a message out of q; it is in later or in ready.
func (q *queue) drop(m *message) {
	if m.flying {
		q.inFlight--
	}
	if m.index >= 0 {
		heap.Remove(&q.later, m.index)
	} else if i := slices.Index(q.ready, m); i >= 0 {
		q.ready = slices.Delete(q.ready, i, i+1)
	}
	delete(q.byNumber, m.Number)
}

// expire drops messages that are older than the queue keeps them. s.mu is held.
func (s *Service) expire(q *queue) {
	old := s.now().Add(-time.Duration(q.Retention) * time.Second)
	var gone []uint64
	for number, m := range q.byNumber {
		if m.Sent.Before(old) {
			gone = append(gone, number)
		}
	}
	s.remove(q, gone)
}

// remove drops messages by number and notes it. s.mu is held.
func (s *Service) remove(q *queue, numbers []uint64) {
	if len(numbers) == 0 {
		return
	}
	_ = s.note(entry{Queue: q.Name, Drop: numbers}) // s.err has it; in memory it is done
}

// timeline is a heap of messages by when they can be received.
type timeline []*message

func (l timeline) Len() int           { return len(l) }
func (l timeline) Less(a, b int) bool { return l[a].from.Before(l[b].from) }
func (l timeline) Swap(a, b int) {
	l[a], l[b] = l[b], l[a]
	l[a].index, l[b].index = a, b
}
func (l *timeline) Push(x any) {
	m := x.(*message)
	m.index = len(*l)
	*l = append(*l, m)
}
func (l *timeline) Pop() any {
	last := len(*l) - 1
	m := (*l)[last]
	(*l)[last] = nil
	*l = (*l)[:last]
	m.index = -1
	return m
}
