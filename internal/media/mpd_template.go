package media

import (
	"errors"
	"fmt"
	"math/bits"
	"strconv"
	"strings"
	"time"
)

// template lists the files of a SegmentTemplate: by its timeline, or counted
// from a duration or an end number.
func (l *listing) template(s segmentsXML) error {
	if s.Media == nil {
		return errors.New("a SegmentTemplate without media")
	}
	scale := s.timescale()
	if scale == 0 {
		return errors.New("a time scale of zero")
	}
	// The specification allows neither $Number$ nor $Time$ in these two.
	if s.Init != nil {
		if err := l.fill("initialization", *s.Init, nil, nil, false); err != nil {
			return err
		}
	}
	if s.Switch != nil {
		if err := l.fill("bitstreamSwitching", *s.Switch, nil, nil, false); err != nil {
			return err
		}
	}
	if err := l.elements(s); err != nil {
		return err
	}
	if s.Timeline != nil {
		return l.walk(s, scale)
	}
	return l.number(s, scale)
}

// segment adds one segment and its index.
func (l *listing) segment(s segmentsXML, number, at *uint64, optional bool) error {
	if err := l.fill("media", *s.Media, number, at, optional); err != nil || s.Index == nil {
		return err
	}
	return l.fill("index", *s.Index, number, at, optional)
}

func (l *listing) fill(by, template string, number, at *uint64, optional bool) error {
	uri, err := l.expand(template, number, at)
	if err != nil {
		return fmt.Errorf("%s template %.100q: %w", by, template, err)
	}
	return l.add(Ref{URI: uri, By: "SegmentTemplate " + by, Optional: optional})
}

// number counts segments of equal length.
func (l *listing) number(s segmentsXML, scale uint64) error {
	first := uint64(1)
	if s.Start != nil {
		first = *s.Start
	}
	var count uint64
	optional := false
	switch {
	case s.End != nil:
		if *s.End < first || *s.End-first >= maxFiles {
			return fmt.Errorf("segments %d to %d", first, *s.End)
		}
		count = *s.End - first + 1
	case s.Duration == nil:
		return errors.New("a SegmentTemplate with neither timeline nor duration")
	case *s.Duration == 0:
		return errors.New("segments of no duration")
	case l.length == 0:
		return errors.New("segments to count and a period of unknown length")
	default:
		each := float64(*s.Duration) / float64(scale) // seconds
		n := l.length.Seconds() / each
		if n > maxFiles {
			return l.room(maxFiles + 1)
		}
		whole := uint64(n)
		if rest := l.length.Seconds() - float64(whole)*each; rest > 1e-6 || whole == 0 {
			whole++
			optional = rest < 0.5 && whole > 1
		}
		count = whole
	}
	if err := l.room(count); err != nil {
		return err
	}
	for i := range count {
		n := first + i
		var at *uint64
		if s.Duration != nil {
			at = new(i * *s.Duration)
		}
		if err := l.segment(s, &n, at, optional && i == count-1); err != nil {
			return err
		}
	}
	return nil
}

// walk follows a SegmentTimeline.
func (l *listing) walk(s segmentsXML, scale uint64) error {
	number, at := uint64(1), uint64(0)
	if s.Start != nil {
		number = *s.Start
	}
	var total uint64
	for i, e := range s.Timeline.S {
		if e.T != nil {
			at = *e.T
		}
		if e.D == 0 || e.R < -1 {
			return fmt.Errorf("timeline entry %d: d=%d r=%d", i, e.D, e.R)
		}
		count := uint64(e.R) + 1
		if e.R == -1 {
			end, err := l.until(s, i, scale)
			if err != nil {
				return fmt.Errorf("timeline entry %d: %w", i, err)
			}
			if end > at {
				count = (end-at-1)/e.D + 1
			}
		}
		hi, lasts := bits.Mul64(count, e.D)
		if hi != 0 || count > maxFiles || at+lasts < at || total+lasts < total {
			return fmt.Errorf("timeline entry %d: %w", i, ErrTooLarge)
		}
		if err := l.room(count); err != nil {
			return err
		}
		for range count {
			if err := l.segment(s, &number, &at, false); err != nil {
				return err
			}
			number++
			at += e.D
		}
		total += lasts
	}
	if total == 0 {
		return errors.New("an empty SegmentTimeline")
	}
	var err error
	l.timeline, err = units(total, scale)
	return err
}

// until is where an entry that repeats without number ends, in the timeline's
// units: at the next entry, or with the period.
func (l *listing) until(s segmentsXML, i int, scale uint64) (uint64, error) {
	if i+1 < len(s.Timeline.S) {
		if next := s.Timeline.S[i+1].T; next != nil {
			return *next, nil
		}
		return 0, errors.New("repeats up to an entry that does not tell its time")
	}
	if l.length == 0 {
		return 0, errors.New("repeats up to the end of a period of unknown length")
	}
	end := uint64(l.length / time.Microsecond)
	hi, lo := bits.Mul64(end, scale)
	if hi != 0 {
		return 0, ErrTooLarge
	}
	end = lo / 1e6
	if s.Offset != nil {
		if end+*s.Offset < end {
			return 0, ErrTooLarge
		}
		end += *s.Offset
	}
	return end, nil
}

// expand fills in a template: $RepresentationID$, $Bandwidth$, $Number$ and
// $Time$, the last three with a width such as %09d, and $$ for a dollar.
func (l *listing) expand(template string, number, at *uint64) (string, error) {
	var b strings.Builder
	for {
		text, rest, found := strings.Cut(template, "$")
		b.WriteString(text)
		if b.Len() > maxURI {
			return "", ErrTooLarge
		}
		if !found {
			return b.String(), nil
		}
		id, after, closed := strings.Cut(rest, "$")
		if !closed {
			return "", errors.New("an open $")
		}
		template = after
		name, format, formatted := strings.Cut(id, "%")
		var value *uint64
		switch name {
		case "":
			b.WriteByte('$')
		case "RepresentationID":
			b.WriteString(l.id)
		case "Bandwidth":
			value = new(uint64(l.bandwidth))
		case "Number":
			value = number
		case "Time":
			value = at
		}
		if value == nil {
			if formatted || name != "" && name != "RepresentationID" {
				return "", fmt.Errorf("$%.40s$ cannot be filled in", id)
			}
			continue
		}
		width, err := parseWidth(format, formatted)
		if err != nil {
			return "", err
		}
		fmt.Fprintf(&b, "%0*d", width, *value)
	}
}

// parseWidth reads the rest of a format %0WIDTHd, after its percent sign.
func parseWidth(format string, given bool) (int, error) {
	if !given {
		return 1, nil
	}
	digits, d := strings.CutSuffix(format, "d")
	digits, zero := strings.CutPrefix(digits, "0")
	width, err := strconv.ParseUint(digits, 10, 8)
	if !d || !zero || err != nil || width < 1 || width > 40 {
		return 0, fmt.Errorf("format %%%.20s", format)
	}
	return int(width), nil
}
