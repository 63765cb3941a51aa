package media

import (
	"errors"
	"fmt"
	"math/bits"
	"strconv"
	"strings"
	"time"
)

// joinBase resolves the BaseURL of one level against the one above. Several
// are alternatives, of which a player may choose any, so they are refused.
func joinBase(above string, urls []string) (string, error) {
	switch len(urls) {
	case 0:
		return above, nil
	case 1:
		joined := joinURI(above, strings.TrimSpace(urls[0]))
		if len(joined) > maxURI {
			return "", fmt.Errorf("BaseURL: %w", ErrTooLarge)
		}
		return joined, nil
	}
	return "", errors.New("several BaseURLs")
}

// joinURI resolves ref against base by text alone. What is wrong with either
// stays visible to [Resolve].
func joinURI(base, ref string) string {
	if ref == "" {
		return base
	}
	if first, _, _ := strings.Cut(ref, "/"); first == "" || strings.ContainsRune(first, ':') {
		return ref // absolute
	}
	return base[:strings.LastIndexByte(base, '/')+1] + ref
}

// chosen is how a representation names its segments, merged over the levels.
type chosen struct{ template, list, base *segmentsXML }

// choose merges what stands at period, adaptation set and representation. The
// lowest level that has any decides how segments are named.
func choose(above ...levels) chosen {
	var c chosen
	for _, l := range above {
		switch {
		case l.Template != nil:
			c = chosen{template: l.Template.over(c.template)}
		case l.List != nil:
			c = chosen{list: l.List.over(c.list)}
		case l.Base != nil:
			c = chosen{base: l.Base.over(c.base)}
		}
	}
	return c
}

func or[T any](a, b *T) *T {
	if a != nil {
		return a
	}
	return b
}

// over returns s with what it does not tell taken from above.
func (s *segmentsXML) over(above *segmentsXML) *segmentsXML {
	if above == nil {
		return s
	}
	m := segmentsXML{
		Timescale: or(s.Timescale, above.Timescale), Duration: or(s.Duration, above.Duration),
		Start: or(s.Start, above.Start), End: or(s.End, above.End), Offset: or(s.Offset, above.Offset),
		Media: or(s.Media, above.Media), Init: or(s.Init, above.Init), Index: or(s.Index, above.Index),
		Switch: or(s.Switch, above.Switch), InitURL: or(s.InitURL, above.InitURL),
		IndexURL: or(s.IndexURL, above.IndexURL), SwitchURL: or(s.SwitchURL, above.SwitchURL),
		Timeline: or(s.Timeline, above.Timeline), Segments: s.Segments,
	}
	if m.Segments == nil {
		m.Segments = above.Segments
	}
	return &m
}

// listing lists the files of one representation.
type listing struct {
	*expander
	base      string // URI
	id        string
	bandwidth uint32
	length    time.Duration // of the period
	timeline  time.Duration // of the segments, where they have one
	files     []Ref
}

func (l *listing) add(r Ref) error {
	r.URI = joinURI(l.base, r.URI)
	l.left--
	l.text -= len(r.URI)
	if l.left < 0 || l.text < 0 {
		return fmt.Errorf("names more than %d files, or with more than %d bytes: %w", maxFiles, maxText, ErrTooLarge)
	}
	if n := len(l.files); n > 0 && l.files[n-1].URI == r.URI {
		// Ranges of one file: what reaches farthest stands for all.
		if last := &l.files[n-1]; r.Range.End() > last.Range.End() {
			last.Range = r.Range
		}
		return nil
	}
	l.files = append(l.files, r)
	return nil
}

// room refuses n further files, before they are listed, if they are too many.
func (l *listing) room(n uint64) error {
	if l.left < 0 || n > uint64(l.left) {
		return fmt.Errorf("names more than %d files: %w", maxFiles, ErrTooLarge)
	}
	return nil
}

// single lists a representation that is one file.
func (l *listing) single(s *segmentsXML) error {
	if l.base == "" || strings.HasSuffix(l.base, "/") {
		return errors.New("names no file")
	}
	if err := l.add(Ref{By: "BaseURL"}); err != nil || s == nil {
		return err
	}
	return l.elements(*s)
}

// elements adds the files that stand beside the segments.
func (l *listing) elements(s segmentsXML) error {
	for _, e := range []struct {
		by string
		*urlXML
	}{{"Initialization", s.InitURL}, {"RepresentationIndex", s.IndexURL}, {"BitstreamSwitching", s.SwitchURL}} {
		if e.urlXML == nil {
			continue
		}
		if err := l.part(e.by, e.Source, e.Range); err != nil {
			return err
		}
	}
	return nil
}

// part adds a file, or a part of it. Without a name it is the base's own file.
func (l *listing) part(by, uri, within string) error {
	r, err := parseURLRange(within)
	if err == nil {
		err = l.add(Ref{URI: uri, By: by, Range: r})
	}
	if err != nil {
		return fmt.Errorf("%s: %w", by, err)
	}
	return nil
}

// list lists the files of a SegmentList.
func (l *listing) list(s segmentsXML) error {
	if err := l.elements(s); err != nil {
		return err
	}
	if len(s.Segments) == 0 {
		return errors.New("a SegmentList without segments")
	}
	for _, u := range s.Segments {
		if err := l.part("SegmentURL", u.Media, u.MediaRange); err != nil {
			return err
		}
		if u.Index == "" && u.IndexRange == "" {
			continue
		}
		if err := l.part("SegmentURL index", u.Index, u.IndexRange); err != nil {
			return err
		}
	}
	scale := s.timescale()
	switch {
	case scale == 0:
		return errors.New("a time scale of zero")
	case s.Duration != nil:
		return l.lasts(uint64(len(s.Segments)), *s.Duration, scale)
	}
	return nil
}

// lasts notes how long n segments of d units last, at most the period.
func (l *listing) lasts(n, d, scale uint64) error {
	hi, total := bits.Mul64(n, d)
	if hi != 0 {
		return fmt.Errorf("longer than %v: %w", maxDuration, ErrTooLarge)
	}
	t, err := units(total, scale)
	if l.length > 0 {
		t = min(t, l.length)
	}
	l.timeline = t
	return err
}

func (s segmentsXML) timescale() uint64 {
	if s.Timescale == nil {
		return 1
	}
	return uint64(*s.Timescale)
}

// units turns n units of a time scale into a duration.
func units(n, scale uint64) (time.Duration, error) {
	return seconds(float64(n) / float64(scale))
}

// parseURLRange reads FIRST-LAST, both inclusive. Empty is the whole file.
func parseURLRange(s string) (Range, error) {
	if s == "" {
		return Range{}, nil
	}
	first, last, ok := strings.Cut(s, "-")
	a, err1 := strconv.ParseInt(first, 10, 62)
	b, err2 := strconv.ParseInt(last, 10, 62)
	if !ok || err1 != nil || err2 != nil || a < 0 || b < a {
		return Range{}, fmt.Errorf("byte range %.40q", s)
	}
	return Range{Offset: a, Length: b - a + 1}, nil
}
