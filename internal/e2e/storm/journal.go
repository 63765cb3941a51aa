package storm

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// Entry is one line of a journal.
type Entry struct {
	At      time.Time       `json:"at"`
	Session int             `json:"session"` // runs of the driver, counted from 1
	What    string          `json:"what"`    // begin, kill, stall, flush, redis, batch, create, figures, exit, calm, converged
	N       int             `json:"n,omitempty"`
	Slot    int             `json:"slot,omitempty"`
	Point   *Point          `json:"point,omitempty"` // none: at random
	About   string          `json:"about,omitempty"`
	Took    float64         `json:"took,omitempty"` // seconds
	Text    string          `json:"text,omitempty"`
	Figures *Figures        `json:"figures,omitempty"` // of the session so far
	Plan    json.RawMessage `json:"plan,omitempty"`    // of begin
}

// Journal is what a storm has done so far, a line each, for a later run to go
// on from. It is safe for concurrent use.
type Journal struct {
	mu      sync.Mutex
	file    *os.File
	session int
	entries []Entry
	err     error
}

// OpenJournal opens the journal in dir, with what is there. A last line that a
// crash has cut short is dropped.
func OpenJournal(dir string) (*Journal, error) {
	path := filepath.Join(dir, "journal.jsonl")
	j := &Journal{session: 1}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	whole := int64(0)
	lines := bufio.NewReader(file)
	for {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			break
		}
		var e Entry
		if err := json.Unmarshal(line, &e); err != nil {
			return nil, errors.Join(fmt.Errorf("journal %s: byte %d: %w", path, whole, err), file.Close())
		}
		whole += int64(len(line))
		j.entries = append(j.entries, e)
		j.session = max(j.session, e.Session+1)
	}
	if err := file.Truncate(whole); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	if _, err := file.Seek(whole, 0); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	j.file = file
	return j, nil
}

// Note adds an entry, which is on disk when Note returns.
func (j *Journal) Note(e Entry) {
	j.mu.Lock()
	defer j.mu.Unlock()
	e.Session = j.session
	if e.At.IsZero() {
		e.At = time.Now()
	}
	line, err := json.Marshal(e)
	if err == nil {
		_, err = j.file.Write(append(line, '\n'))
	}
	j.entries = append(j.entries, e)
	j.err = errors.Join(j.err, err)
}

// Entries returns all entries, oldest first.
func (j *Journal) Entries() []Entry {
	j.mu.Lock()
	defer j.mu.Unlock()
	return append([]Entry(nil), j.entries...)
}

// Of returns the entries of a kind.
func (j *Journal) Of(what string) []Entry {
	var of []Entry
	for _, e := range j.Entries() {
		if e.What == what {
			of = append(of, e)
		}
	}
	return of
}

// Close closes the journal and says whether all of it was written.
func (j *Journal) Close() error { return errors.Join(j.err, j.file.Close()) }
