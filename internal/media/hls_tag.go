package media

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// tag takes one tag and what follows its colon.
func (p *hlsParser) tag(name, value string) error {
	attrs, known, err := list(name, value)
	if err != nil {
		return err
	}
	if !known {
		p.note(name)
	}
	switch name {
	case "EXTINF":
		return p.extinf(value)
	case "EXT-X-TARGETDURATION", "EXT-X-MEDIA-SEQUENCE", "EXT-X-MAP":
		p.media = true
	case "EXT-X-ENDLIST":
		p.Ended, p.media = true, true
	case "EXT-X-IMAGES-ONLY":
		p.Images, p.media = true, true
	case "EXT-X-BYTERANGE":
		r, err := parseByteRange(value)
		p.ranged, p.media = &r, true
		return err
	case "EXT-X-TILES":
		p.Images, p.media = true, true
		p.tiles, err = parseTiles(attrs)
		return err
	case "EXT-X-STREAM-INF":
		return p.streamInf(attrs)
	case "EXT-X-MEDIA", "EXT-X-I-FRAME-STREAM-INF", "EXT-X-IMAGE-STREAM-INF":
		return p.playlist(name, attrs)
	}
	return p.others(name, attrs)
}

func (p *hlsParser) extinf(value string) error {
	p.media = true
	if p.duration != nil {
		return errors.New("no segment after the one before")
	}
	number, _, _ := strings.Cut(value, ",")
	f, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
	if err != nil {
		return fmt.Errorf("a duration of %.40q", number)
	}
	d, err := seconds(f)
	p.duration = &d
	return err
}

func (p *hlsParser) streamInf(attrs []attribute) error {
	p.Multivariant = true
	if p.variant != nil {
		return errors.New("no playlist after the one before")
	}
	v, err := parseVariant(attrs)
	p.variant = &v
	return err
}

// playlist takes a tag that names a playlist by its URI attribute. EXT-X-MEDIA
// may go without: what it describes is in the variants themselves.
func (p *hlsParser) playlist(tag string, attrs []attribute) error {
	p.Multivariant = true
	l := Playlist{Kind: KindIFrames}
	if tag == "EXT-X-IMAGE-STREAM-INF" {
		l.Kind = KindImages
	}
	var err error
	if l.Variant, err = parseVariant(attrs); err != nil {
		return err
	}
	named := false
	for _, a := range attrs {
		switch {
		case a.name == "URI":
			l.URI, named = a.value, true
		case a.name == "TYPE" && tag == "EXT-X-MEDIA":
			l.Kind = PlaylistKind(strings.ToLower(a.value))
		}
	}
	switch {
	case named:
		p.Playlists = append(p.Playlists, l)
		return p.count()
	case tag == "EXT-X-MEDIA":
		return nil
	}
	return errors.New("no URI")
}

// others notes the files that any other tag names.
func (p *hlsParser) others(tag string, attrs []attribute) error {
	var r Range
	for _, a := range attrs {
		if a.name != "BYTERANGE" {
			continue
		}
		b, err := parseByteRange(a.value)
		if err != nil {
			return err
		}
		if b.placed { // else it goes on where another part ended
			r = b.Range
		}
	}
	for _, a := range attrs {
		if !a.namesFile() {
			continue
		}
		p.Others = append(p.Others, Ref{URI: a.value, By: tag, Range: r})
		if err := p.count(); err != nil {
			return err
		}
	}
	return nil
}

// parseVariant reads the attributes that describe a variant.
func parseVariant(attrs []attribute) (Variant, error) {
	var v Variant
	var err error
	for _, a := range attrs {
		switch a.name {
		case "BANDWIDTH":
			v.Bandwidth, err = parseCount(a.value)
		case "AVERAGE-BANDWIDTH":
			v.Average, err = parseCount(a.value)
		case "RESOLUTION":
			v.Width, v.Height, err = parseSize(a.value)
		case "CODECS":
			v.Codecs = a.value
		case "FRAME-RATE":
			v.FrameRate, err = strconv.ParseFloat(a.value, 64)
			if !(v.FrameRate >= 0 && v.FrameRate <= 1000) {
				err = errors.New("out of range")
			}
		}
		if err != nil {
			return Variant{}, fmt.Errorf("%s %.40q: %w", a.name, a.value, err)
		}
	}
	return v, nil
}

func parseTiles(attrs []attribute) (Tiles, error) {
	var t Tiles
	var err error
	for _, a := range attrs {
		switch a.name {
		case "RESOLUTION":
			t.Width, t.Height, err = parseSize(a.value)
		case "LAYOUT":
			t.Columns, t.Rows, err = parseSize(a.value)
		case "DURATION":
			var f float64
			if f, err = strconv.ParseFloat(a.value, 64); err == nil {
				t.Every, err = seconds(f)
			}
		}
		if err != nil {
			return Tiles{}, fmt.Errorf("%s %.40q: %w", a.name, a.value, err)
		}
	}
	return t, nil
}

// parseSize reads WIDTHxHEIGHT, each at most 65,535.
func parseSize(s string) (w, h int, err error) {
	ws, hs, ok := strings.Cut(s, "x")
	if !ok {
		return 0, 0, errors.New("want WIDTHxHEIGHT")
	}
	wn, werr := strconv.ParseUint(ws, 10, 16)
	hn, herr := strconv.ParseUint(hs, 10, 16)
	if werr != nil || herr != nil {
		return 0, 0, errors.New("want WIDTHxHEIGHT")
	}
	return int(wn), int(hn), nil
}

// parseCount reads a number of bits a second.
func parseCount(s string) (int, error) {
	n, err := strconv.ParseUint(s, 10, 40)
	if err != nil {
		return 0, errors.New("want a number")
	}
	return int(n), nil
}
