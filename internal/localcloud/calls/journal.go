package calls

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

const (
	maxLines = 100_000 // in the journal before it is written anew
	maxLine  = 64 << 10
)

// entry is one line of the journal: so many calls of an operation answered
// with a status, or a violation.
type entry struct {
	Op        string     `json:"op,omitempty"`
	Status    string     `json:"status,omitempty"`
	N         int        `json:"n,omitempty"`
	Violation *Violation `json:"violation,omitempty"`
}

// journal is a file of JSON lines that is appended to with one write each, so
// that a killed process loses nothing it has noted.
type journal struct {
	path  string
	file  *os.File
	lines int
}

// openJournal passes what the file at path says to apply; a file that is not
// there says nothing.
func openJournal(path string, apply func(entry) bool) (*journal, error) {
	b, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return &journal{path: path}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("open record of calls: %w", err)
	}
	defer b.Close()
	if err := readJournal(b, apply); err != nil {
		return nil, fmt.Errorf("read record of calls %s: %w", path, err)
	}
	return &journal{path: path}, nil
}

// readJournal reads entries up to the end of r, leaving out a last line
// without its newline.
func readJournal(r io.Reader, apply func(entry) bool) error {
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
		if e.Violation == nil && (e.Op == "" || e.N < 0) {
			return fmt.Errorf("line %d: no call", n)
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
	if len(line) >= maxLine {
		return fmt.Errorf("entry of %d bytes is longer than %d", len(line), maxLine)
	}
	j.lines++
	_, err = j.file.Write(append(line, '\n'))
	return err
}

// replace writes the journal anew with es alone, at once for whoever opens it.
func (j *journal) replace(es []entry) error {
	next, err := os.CreateTemp(filepath.Dir(j.path), "calls-*.tmp")
	if err != nil {
		return fmt.Errorf("replace record of calls: %w", err)
	}
	old := *j
	j.file, j.lines = next, 0
	for _, e := range es {
		if err = j.append(e); err != nil {
			break
		}
	}
	if err == nil {
		err = os.Rename(next.Name(), j.path)
	}
	if err != nil {
		next.Close()
		os.Remove(next.Name())
		*j = old
		return fmt.Errorf("replace record of calls: %w", err)
	}
	if old.file != nil {
		old.file.Close() // its name is gone; what it held has been written anew
	}
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
