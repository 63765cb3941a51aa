package queues

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
)

const (
	maxLines = 50_000  // of the journal beyond twice what it says, before it is written anew
	maxLine  = 8 << 20 // bytes: a message of 1 MiB, each byte of it escaped
)

// entry is one line of the journal: what became of a queue.
type entry struct {
	Queue    string    `json:"queue"`
	Settings *settings `json:"settings,omitempty"` // it was made or changed
	Gone     bool      `json:"gone,omitempty"`     // it was deleted
	Put      *message  `json:"put,omitempty"`
	Drop     []uint64  `json:"drop,omitempty"`
}

// check refuses what is of no queue.
func (e entry) check() error {
	if !name.MatchString(e.Queue) {
		return errors.New("no queue")
	}
	return nil
}

// note applies e and writes it down. s.mu is held.
func (s *Service) note(e entry) error {
	s.apply(e)
	err := s.journal.Append(e)
	if err == nil && s.journal.Lines > maxLines+2*(s.count+len(s.queues)) {
		err = s.journal.Replace(s.entries())
	}
	if err != nil {
		s.err = cmp.Or(s.err, err)
		return fmt.Errorf("note queue %s: %w", e.Queue, err)
	}
	return nil
}

// apply does what an entry says.
func (s *Service) apply(e entry) {
	q := s.queues[e.Queue]
	switch {
	case e.Settings != nil && q == nil:
		s.queues[e.Queue] = &queue{Name: e.Queue, settings: *e.Settings, byNumber: make(map[uint64]*message), arrived: make(chan struct{})}
	case e.Settings != nil:
		q.settings = *e.Settings
	case q == nil:
	case e.Gone:
		for _, m := range q.byNumber {
			s.bytes -= m.size()
			s.count--
		}
		close(q.arrived) // who waits finds it gone
		delete(s.queues, e.Queue)
	case e.Put != nil && q.byNumber[e.Put.Number] == nil:
		m := e.Put
		q.byNumber[m.Number] = m
		q.place(m, s.now())
		s.last = max(s.last, m.Number)
		s.bytes += m.size()
		s.count++
	}
	if q == nil {
		return
	}
	for _, number := range e.Drop {
		if m := q.byNumber[number]; m != nil {
			q.drop(m)
			q.deleted++
			s.bytes -= m.size()
			s.count--
		}
	}
}

// entries returns the state as the fewest entries that say it.
func (s *Service) entries() []entry {
	var all []entry
	for _, q := range s.sorted() {
		all = append(all, entry{Queue: q.Name, Settings: new(q.settings)})
		for _, number := range slices.Sorted(maps.Keys(q.byNumber)) {
			all = append(all, entry{Queue: q.Name, Put: q.byNumber[number]})
		}
	}
	return all
}
