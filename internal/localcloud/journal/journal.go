// Package journal keeps the state of a stand-in's service in a file: JSON lines
// that are appended to with one write each, so that a killed process loses
// nothing it has noted. What a line means is its caller's.
package journal

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

// Journal is a file of entries of one kind. It is not safe for concurrent use.
type Journal[E any] struct {
	// Lines is how many were written since the file was written anew.
	Lines int

	path    string
	maxLine int
	file    *os.File
}

// Open passes what the file at path says to apply, whose error ends it; a file
// that is not there says nothing. Lines are shorter than maxLine bytes. The
// file is written to once it has been written anew by [Journal.Replace].
func Open[E any](path string, maxLine int, apply func(E) error) (*Journal[E], error) {
	j := &Journal[E]{path: path, maxLine: maxLine}
	b, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return j, nil
	}
	if err != nil {
		return nil, fmt.Errorf("open journal: %w", err)
	}
	defer b.Close()
	if err := Read(b, maxLine, apply); err != nil {
		return nil, fmt.Errorf("read journal %s: %w", path, err)
	}
	return j, nil
}

// Read reads entries up to the end of r, leaving out a last line without its
// newline: a crash cut it short.
func Read[E any](r io.Reader, maxLine int, apply func(E) error) error {
	lines := bufio.NewReaderSize(r, maxLine)
	for n := 1; ; n++ {
		line, err := lines.ReadSlice('\n')
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return fmt.Errorf("line %d: %w", n, err)
		}
		var e E
		d := json.NewDecoder(bytes.NewReader(line))
		d.DisallowUnknownFields()
		if err := d.Decode(&e); err != nil {
			return fmt.Errorf("line %d: %w", n, err)
		}
		if err := apply(e); err != nil {
			return fmt.Errorf("line %d: %w", n, err)
		}
	}
}

// Append writes e at the end. It fails with [os.ErrClosed] before the first
// Replace and after Close.
func (j *Journal[E]) Append(e E) error {
	if j.file == nil {
		return os.ErrClosed
	}
	line, err := j.line(e)
	if err != nil {
		return err
	}
	j.Lines++
	_, err = j.file.Write(line)
	return err
}

func (j *Journal[E]) line(e E) ([]byte, error) {
	line, err := json.Marshal(e)
	if err == nil && len(line) >= j.maxLine {
		err = fmt.Errorf("entry of %d bytes: want less than %d", len(line), j.maxLine)
	}
	return append(line, '\n'), err
}

// Replace writes the journal anew with es alone, at once for whoever opens it.
// After an error it is as it was.
func (j *Journal[E]) Replace(es []E) error {
	if err := j.replace(es); err != nil {
		return fmt.Errorf("write journal %s anew: %w", j.path, err)
	}
	return nil
}

func (j *Journal[E]) replace(es []E) error {
	dir := filepath.Dir(j.path)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	next, err := os.CreateTemp(dir, "journal-*.tmp")
	if err != nil {
		return err
	}
	if err := j.fill(next, es); err != nil {
		next.Close()
		os.Remove(next.Name())
		return err
	}
	if j.file != nil {
		j.file.Close() // its name is gone; what it held has been written anew
	}
	j.file, j.Lines = next, len(es)
	return nil
}

func (j *Journal[E]) fill(next *os.File, es []E) error {
	lines := bufio.NewWriter(next)
	for _, e := range es {
		line, err := j.line(e)
		if err != nil {
			return err
		}
		if _, err := lines.Write(line); err != nil {
			return err
		}
	}
	if err := lines.Flush(); err != nil {
		return err
	}
	return os.Rename(next.Name(), j.path)
}

// Close closes the file. A repeat is harmless.
func (j *Journal[E]) Close() error {
	if j.file == nil {
		return nil
	}
	f := j.file
	j.file = nil
	return f.Close()
}
