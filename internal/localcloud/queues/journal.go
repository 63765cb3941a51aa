package queues

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
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

// note applies e and writes it down. s.mu is held.
func (s *Service) note(e entry) error {
	s.apply(e)
	err := s.journal.append(e)
	if err == nil && s.journal.lines > maxLines+2*(s.count+len(s.queues)) {
		err = s.journal.replace(s.entries())
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

// journal is a file of JSON lines that is appended to with one write each, so
// that a killed process loses nothing it has noted.
type journal struct {
	path  string
	file  *os.File
	lines int
}

// openJournal passes what the journal in dir says to apply.
func openJournal(dir string, apply func(entry)) (*journal, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	j := &journal{path: filepath.Join(dir, "journal.jsonl")}
	b, err := os.Open(j.path)
	if errors.Is(err, os.ErrNotExist) {
		return j, nil
	}
	if err != nil {
		return nil, err
	}
	defer b.Close()
	if err := readJournal(b, apply); err != nil {
		return nil, fmt.Errorf("read %s: %w", j.path, err)
	}
	return j, nil
}

// readJournal reads entries up to the end of r, leaving out a last line
// without its newline.
func readJournal(r io.Reader, apply func(entry)) error {
	lines := bufio.NewReaderSize(r, maxLine)
	for n := 1; ; n++ {
		line, err := lines.ReadSlice('\n')
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return fmt.Errorf("line %d: %w", n, err)
		}
		var e entry
		d := json.NewDecoder(bytes.NewReader(line))
		d.DisallowUnknownFields()
		if err := d.Decode(&e); err != nil {
			return fmt.Errorf("line %d: %w", n, err)
		}
		if !name.MatchString(e.Queue) {
			return fmt.Errorf("line %d: no queue", n)
		}
		apply(e)
	}
}

// append writes e at the end.
func (j *journal) append(e entry) error {
	if j.file == nil {
		return os.ErrClosed
	}
	line, err := json.Marshal(e)
	if err != nil {
		return err
	}
	j.lines++
	_, err = j.file.Write(append(line, '\n'))
	return err
}

// replace writes the journal anew with es alone, at once for whoever opens it.
func (j *journal) replace(es []entry) error {
	next, err := os.CreateTemp(filepath.Dir(j.path), "journal-*.tmp")
	if err != nil {
		return err
	}
	lines := bufio.NewWriter(next)
	to := json.NewEncoder(lines)
	for _, e := range es {
		if err = to.Encode(e); err != nil {
			break
		}
	}
	if err == nil {
		err = lines.Flush()
	}
	if err == nil {
		err = os.Rename(next.Name(), j.path)
	}
	if err != nil {
		next.Close()
		os.Remove(next.Name())
		return err
	}
	if j.file != nil {
		j.file.Close() // its name is gone; what it held has been written anew
	}
	j.file, j.lines = next, len(es)
	return nil
}

func (j *journal) close() error {
	if j.file == nil {
		return nil
	}
	f := j.file
	j.file = nil
	return f.Close()
}
