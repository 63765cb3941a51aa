package media

import (
	"encoding/xml"
	"errors"
	"fmt"
	"strconv"
)

// chunkList lists the c elements of one stream (MS-SSTR, 2.2.2.6). Each tells
// its time (t), its duration (d) or both: a time follows from the chunk before,
// a duration from the chunk after. One may stand for several of one duration
// (r, the first of them counted).
type chunkList struct {
	limit  uint64 // that no chunk ends beyond
	chunks []Chunk
	owing  bool // the last chunk's duration follows from the next one's time
}

// add takes in one element, which may be worth left chunks, and returns how
// many it is worth.
func (l *chunkList) add(e xml.StartElement, left int) (int, error) {
	t, timed, err := l.number(e, "t")
	if err != nil {
		return 0, err
	}
	d, lasts, err := l.number(e, "d")
	if err != nil {
		return 0, err
	}
	r, repeats, err := l.number(e, "r")
	switch {
	case err != nil:
		return 0, err
	case !repeats:
		r = 1
	case r == 0:
		return 0, errors.New("r 0: it counts the chunk itself")
	case r > 1 && !lasts:
		return 0, fmt.Errorf("r %d without a duration", r)
	}
	switch {
	case !timed && !lasts:
		return 0, errors.New("neither a time nor a duration")
	case lasts && d == 0:
		return 0, errors.New("a duration of 0")
	case r > uint64(left):
		return 0, fmt.Errorf("more than %d chunks: %w", maxFiles, ErrTooLarge)
	}
	if err := l.start(&t, timed); err != nil {
		return 0, err
	}
	for range r {
		if d > l.limit || t > l.limit-d {
			return 0, fmt.Errorf("ends after %v: %w", maxDuration, ErrTooLarge)
		}
		l.chunks = append(l.chunks, Chunk{Start: t, Duration: d})
		t += d
	}
	l.owing = !lasts
	return int(r), nil
}

// start settles when a chunk begins, and how long the one before it lasts.
func (l *chunkList) start(t *uint64, timed bool) error {
	if len(l.chunks) == 0 {
		return nil // at 0 if it is not told
	}
	before := &l.chunks[len(l.chunks)-1]
	switch {
	case timed && *t <= before.Start:
		return fmt.Errorf("begins at %d, and the one before it at %d", *t, before.Start)
	case timed && l.owing:
		before.Duration = *t - before.Start
	case !timed && l.owing:
		return errors.New("no time, and the chunk before it has no duration")
	case !timed:
		*t = before.Start + before.Duration
	}
	return nil
}

// end settles the list.
func (l *chunkList) end() error {
	if l.owing {
		return errors.New("the last chunk has no duration")
	}
	return nil
}

func (l *chunkList) number(e xml.StartElement, name string) (uint64, bool, error) {
	told, ok := attrOf(e, name)
	if !ok {
		return 0, false, nil
	}
	n, err := strconv.ParseUint(told, 10, 64)
	if err != nil {
		return 0, false, fmt.Errorf("%s %s: want a number", name, shown(told))
	}
	return n, true, nil
}
