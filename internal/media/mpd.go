package media

import (
	"encoding/xml"
	"errors"
	"fmt"
	"slices"
	"time"
)

// MPD is a DASH manifest: what matters of it for verification and delivery.
// See ISO/IEC 23009-1.
//
// Where segments are counted from a duration instead of a timeline, rounding
// decides whether there is one more at the end: a last segment that would show
// less than half a second is optional.
type MPD struct {
	Dynamic  bool // a live manifest
	Duration time.Duration
	Tracks   []Track
}

// Track is a Representation of one Period.
type Track struct {
	Period int // from 0
	ID     string
	Kind   TrackKind
	Variant
	Trick    bool          // for trick play only
	Duration time.Duration // of its timeline; the period's where it has none
	Files    []Ref
}

// TrackKind is what a track carries.
type TrackKind string

const (
	TrackVideo TrackKind = "video"
	TrackAudio TrackKind = "audio"
	TrackImage TrackKind = "image" // thumbnails
	TrackText  TrackKind = "text"
	TrackOther TrackKind = "other"
)

// Variants returns the renditions that a player chooses from, each once: of
// video, or of audio where there is no video.
func (m MPD) Variants() []Variant {
	for _, kind := range []TrackKind{TrackVideo, TrackAudio} {
		var vs []Variant
		for _, t := range m.Tracks {
			if t.Kind == kind && !t.Trick && !slices.Contains(vs, t.Variant) {
				vs = append(vs, t.Variant)
			}
		}
		if vs != nil {
			return vs
		}
	}
	return nil
}

// ParseMPD reads a manifest of at most [MaxManifest] bytes and lists every
// file that it names. It refuses what would make a player look elsewhere or a
// parser work without end: document types and with them entities, remote
// elements (xlink), locations, several base URLs at one level, and templates
// that name more than 500,000 files. URIs are not checked: see [Resolve].
func ParseMPD(manifest []byte) (MPD, error) {
	m, err := parseMPD(manifest)
	if err != nil {
		return MPD{}, fmt.Errorf("parse MPD: %w", err)
	}
	return m, nil
}

func parseMPD(manifest []byte) (MPD, error) {
	if err := screenXML(manifest); err != nil {
		return MPD{}, err
	}
	var doc mpdXML
	if err := xml.Unmarshal(manifest, &doc); err != nil {
		return MPD{}, err
	}
	if len(doc.Location) > 0 {
		return MPD{}, errors.New("a Location: it names another manifest")
	}
	base, err := joinBase("", doc.BaseURL)
	if err != nil {
		return MPD{}, fmt.Errorf("MPD: %w", err)
	}
	m := MPD{Dynamic: doc.Type == "dynamic"}
	starts, lengths, err := doc.times()
	if err != nil {
		return MPD{}, err
	}
	e := expander{left: maxFiles, text: maxText}
	for i, p := range doc.Periods {
		if m.Duration = max(m.Duration, starts[i]+lengths[i]); m.Duration > maxDuration {
			return MPD{}, fmt.Errorf("longer than %v: %w", maxDuration, ErrTooLarge)
		}
		tracks, err := e.period(p, base, lengths[i])
		if err != nil {
			return MPD{}, fmt.Errorf("period %d: %w", i, err)
		}
		for _, t := range tracks {
			t.Period = i
			m.Tracks = append(m.Tracks, t)
		}
	}
	return m, nil
}

// times returns the start and the length of every period. What the manifest
// does not tell follows from its neighbours; a length that stays unknown is 0.
func (doc mpdXML) times() (starts, lengths []time.Duration, err error) {
	total, err := parseXSDuration(doc.Duration)
	if err != nil {
		return nil, nil, fmt.Errorf("mediaPresentationDuration: %w", err)
	}
	n := len(doc.Periods)
	starts, lengths = make([]time.Duration, n), make([]time.Duration, n)
	for i, p := range doc.Periods {
		if lengths[i], err = parseXSDuration(p.Duration); err != nil {
			return nil, nil, fmt.Errorf("period %d: duration: %w", i, err)
		}
		switch {
		case p.Start != "":
			if starts[i], err = parseXSDuration(p.Start); err != nil {
				return nil, nil, fmt.Errorf("period %d: start: %w", i, err)
			}
		case i > 0:
			starts[i] = min(starts[i-1]+lengths[i-1], maxDuration)
		}
		if i > 0 && lengths[i-1] == 0 {
			lengths[i-1] = max(0, starts[i]-starts[i-1])
		}
	}
	if n > 0 && lengths[n-1] == 0 {
		lengths[n-1] = max(0, total-starts[n-1])
	}
	return starts, lengths, nil
}

// expander lists files, as many as one manifest may name.
type expander struct {
	left int // files, or mentions of one
	text int // bytes of their names
}

func (e *expander) period(p periodXML, base string, length time.Duration) ([]Track, error) {
	base, err := joinBase(base, p.BaseURL)
	if err != nil {
		return nil, err
	}
	var tracks []Track
	for _, set := range p.Sets {
		setBase, err := joinBase(base, set.BaseURL)
		if err != nil {
			return nil, err
		}
		for _, r := range set.Representations {
			t, err := e.track(p, set, r, setBase, length)
			if err != nil {
				return nil, fmt.Errorf("representation %.40q: %w", r.ID, err)
			}
			tracks = append(tracks, t)
		}
	}
	return tracks, nil
}

func (e *expander) track(p periodXML, set setXML, r repXML, base string, length time.Duration) (Track, error) {
	base, err := joinBase(base, r.BaseURL)
	if err != nil {
		return Track{}, err
	}
	t := Track{ID: r.ID, Kind: kindOf(set, r), Trick: set.trick(), Duration: length}
	if t.Variant, err = variantOf(set, r); err != nil {
		return Track{}, err
	}
	l := listing{expander: e, base: base, id: r.ID, bandwidth: r.Bandwidth, length: length}
	switch s := choose(p.levels, set.levels, r.levels); {
	case s.template != nil:
		err = l.template(*s.template)
	case s.list != nil:
		err = l.list(*s.list)
	default:
		err = l.single(s.base)
	}
	if l.timeline > 0 {
		t.Duration = l.timeline
	}
	t.Files = l.files
	return t, err
}
