package media

import (
	"errors"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"
	"time"
)

// HLS is a playlist: what matters of it for verification and delivery. See
// RFC 8216 and its successor draft, and Roku's image playlists for the tiles.
type HLS struct {
	Multivariant bool       // it names playlists; else segments
	Playlists    []Playlist // of a multivariant playlist, in order
	Segments     []Segment  // of a media playlist, in order
	Others       []Ref      // all else that is named: initialisations, keys, parts, session data, …
	Duration     time.Duration
	Ended        bool     // EXT-X-ENDLIST is there
	Images       bool     // EXT-X-IMAGES-ONLY or EXT-X-TILES is there
	Unknown      []string // tags that this package does not know, each once, the first few
}

// PlaylistKind says how a multivariant playlist uses another playlist.
type PlaylistKind string

const (
	KindVariant   PlaylistKind = "variant"
	KindAudio     PlaylistKind = "audio"
	KindVideo     PlaylistKind = "video"
	KindSubtitles PlaylistKind = "subtitles"
	KindIFrames   PlaylistKind = "i-frames"
	KindImages    PlaylistKind = "images"
)

// Playlist is one that a multivariant playlist names.
type Playlist struct {
	URI  string
	Kind PlaylistKind
	Variant
}

// Segment is one of a media playlist.
type Segment struct {
	URI      string
	Duration time.Duration
	Range    Range
	Tiles    Tiles // of an image playlist
}

// Tiles is the grid of thumbnails in one image of an image playlist.
type Tiles struct {
	Width, Height int           // pixels of one thumbnail
	Columns, Rows int           // zero if the image is one picture
	Every         time.Duration // each thumbnail's share of the time
}

// Refs yields every file that the playlist names, its own kind first.
func (h HLS) Refs() iter.Seq[Ref] {
	return func(yield func(Ref) bool) {
		for _, p := range h.Playlists {
			if !yield(Ref{URI: p.URI, By: string(p.Kind)}) {
				return
			}
		}
		for _, s := range h.Segments {
			if !yield(Ref{URI: s.URI, By: "segment", Range: s.Range}) {
				return
			}
		}
		for _, r := range h.Others {
			if !yield(r) {
				return
			}
		}
	}
}

// ParseHLS reads a playlist of at most [MaxManifest] bytes. A byte order mark,
// CRLF, comments and unknown tags are taken; an unknown tag's URI attribute
// counts as naming a file. URIs are not checked: see [Resolve].
func ParseHLS(playlist []byte) (HLS, error) {
	if len(playlist) > MaxManifest {
		return HLS{}, fmt.Errorf("parse playlist: %d bytes: %w", len(playlist), ErrTooLarge)
	}
	var p hlsParser
	for l := range hlsLines(playlist) {
		if err := p.line(l); err != nil {
			return HLS{}, fmt.Errorf("parse playlist: line %d: %w", l.number, err)
		}
	}
	if err := p.end(); err != nil {
		return HLS{}, fmt.Errorf("parse playlist: %w", err)
	}
	return p.HLS, nil
}

// hlsParser holds what tags say of the URI line that follows them.
type hlsParser struct {
	HLS
	begun    bool           // EXTM3U has been read
	media    bool           // a tag of media playlists has been read
	variant  *Variant       // EXT-X-STREAM-INF
	duration *time.Duration // EXTINF
	tiles    Tiles          // EXT-X-TILES: it holds until the next
	ranged   *byteRange     // EXT-X-BYTERANGE
	last     Segment        // where a range without an offset goes on
}

func (p *hlsParser) line(l hlsLine) error {
	switch {
	case !p.begun:
		if l.text != "#EXTM3U" {
			return errors.New("does not begin with #EXTM3U")
		}
		p.begun = true
		return nil
	case l.text == "":
		return nil
	case !strings.HasPrefix(l.text, "#"):
		return p.uri(l.text)
	case !strings.HasPrefix(l.text, "#EXT"):
		return nil // a comment
	}
	name, value, _ := strings.Cut(l.text[1:], ":")
	if err := p.tag(name, value); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if p.Multivariant && p.media {
		return fmt.Errorf("%s: tags of multivariant and of media playlists in one", name)
	}
	return nil
}

func (p *hlsParser) end() error {
	switch {
	case !p.begun:
		return errors.New("empty")
	case p.variant != nil:
		return errors.New("ends after EXT-X-STREAM-INF, before its playlist")
	case p.duration != nil:
		return errors.New("ends after EXTINF, before its segment")
	}
	return nil
}

// uri takes the line of a variant or a segment.
func (p *hlsParser) uri(uri string) error {
	if p.variant != nil {
		p.Playlists = append(p.Playlists, Playlist{URI: uri, Kind: KindVariant, Variant: *p.variant})
		p.variant = nil
		return p.count()
	}
	if p.duration == nil {
		return errors.New("a URI without EXTINF or EXT-X-STREAM-INF")
	}
	s := Segment{URI: uri, Duration: *p.duration, Tiles: p.tiles}
	if p.ranged != nil {
		var err error
		if s.Range, err = p.ranged.after(uri, p.last); err != nil {
			return err
		}
	}
	p.Segments = append(p.Segments, s)
	p.Duration += s.Duration
	if p.Duration > maxDuration {
		return fmt.Errorf("longer than %v: %w", maxDuration, ErrTooLarge)
	}
	p.last, p.duration, p.ranged = s, nil, nil
	return p.count()
}

func (p *hlsParser) count() error {
	if n := len(p.Playlists) + len(p.Segments) + len(p.Others); n > maxFiles {
		return fmt.Errorf("names more than %d files: %w", maxFiles, ErrTooLarge)
	}
	return nil
}

// byteRange is LENGTH[@OFFSET]; without an offset it goes on where the
// previous segment, of the same file, ended.
type byteRange struct {
	Range
	placed bool
}

func parseByteRange(s string) (byteRange, error) {
	length, offset, placed := strings.Cut(s, "@")
	r := byteRange{placed: placed}
	var err error
	if r.Length, err = strconv.ParseInt(length, 10, 62); err != nil || r.Length < 1 {
		return r, fmt.Errorf("byte range %.40q", s)
	}
	if placed {
		if r.Offset, err = strconv.ParseInt(offset, 10, 62); err != nil || r.Offset < 0 {
			return r, fmt.Errorf("byte range %.40q", s)
		}
	}
	return r, nil
}

func (r byteRange) after(uri string, last Segment) (Range, error) {
	if r.placed {
		return r.Range, nil
	}
	if last.URI != uri || last.Range.Length == 0 {
		return Range{}, errors.New("a byte range that goes on from nothing")
	}
	r.Offset = last.Range.End()
	if r.Offset > 1<<61 {
		return Range{}, errors.New("a byte range beyond any file")
	}
	return r.Range, nil
}

// note reports an unknown tag, once each, for the first few.
func (p *hlsParser) note(tag string) {
	const most, longest = 16, 64
	tag = tag[:min(len(tag), longest)]
	if len(p.Unknown) < most && !slices.Contains(p.Unknown, tag) {
		p.Unknown = append(p.Unknown, tag)
	}
}
