package players

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
)

// Rendition is one video rendition as a manifest declares it.
type Rendition struct {
	ID            string // a representation's in DASH, the place in the master playlist in HLS, the bitrate in Smooth
	Width, Height int    // stored pixels; 0 where undeclared
	Bandwidth     int    // bits per second
}

func (r Rendition) String() string {
	return fmt.Sprintf("%dx%d@%dk", r.Width, r.Height, r.Bandwidth/1000)
}

// span is a range of bytes.
type span struct{ from, to int64 }

// manifest is a master playlist, an MPD or a Smooth client manifest in UTF-8,
// taken apart as far as is needed to leave renditions out.
type manifest struct {
	text       []byte
	renditions []Rendition
	spans      []span // of each rendition
	sets       []set
}

// set is what goes, too, when all of its renditions go.
type set struct {
	span
	members []int
}

const maxRenditions = 200

func parse(text []byte) (*manifest, error) {
	m := &manifest{text: text}
	var err error
	if bytes.HasPrefix(bytes.TrimPrefix(text, []byte("\xef\xbb\xbf")), []byte("#EXTM3U")) {
		m.master()
	} else {
		err = m.xml()
	}
	switch {
	case err != nil:
		return nil, err
	case len(m.renditions) == 0:
		return nil, errors.New("no video rendition")
	case len(m.renditions) > maxRenditions:
		return nil, fmt.Errorf("%d renditions, limit %d", len(m.renditions), maxRenditions)
	}
	return m, nil
}

// only is the manifest with the renditions of one ID alone.
func (m *manifest) only(id string) ([]byte, error) {
	var cut []span
	for i, r := range m.renditions {
		if r.ID != id {
			cut = append(cut, m.spans[i])
		}
	}
	if len(cut) == len(m.renditions) {
		return nil, fmt.Errorf("no rendition %q", id)
	}
	gone := make([]bool, len(m.text))
	for _, set := range m.sets {
		all := len(set.members) > 0
		for _, i := range set.members {
			all = all && m.renditions[i].ID != id
		}
		if all {
			cut = append(cut, set.span)
		}
	}
	for _, s := range cut {
		for i := s.from; i < s.to; i++ {
			gone[i] = true
		}
	}
	var kept []byte
	for i, c := range m.text {
		if !gone[i] {
			kept = append(kept, c)
		}
	}
	return kept, nil
}

var (
	resolution = regexp.MustCompile(`[:,]RESOLUTION=(\d{1,5})x(\d{1,5})`)
	bandwidth  = regexp.MustCompile(`[:,]BANDWIDTH=(\d{1,12})`)
)

// master takes a master playlist apart (RFC 8216): a variant is its tag and the
// next line that is neither blank nor a tag.
func (m *manifest) master() {
	at, start := int64(0), int64(-1)
	var now Rendition
	for line := range bytes.Lines(m.text) {
		end := at + int64(len(line))
		switch text := strings.TrimSpace(string(line)); {
		case strings.HasPrefix(text, "#EXT-X-STREAM-INF:"):
			start, now = at, Rendition{ID: strconv.Itoa(len(m.renditions))}
			if found := resolution.FindStringSubmatch(text); found != nil {
				now.Width, _ = strconv.Atoi(found[1])
				now.Height, _ = strconv.Atoi(found[2])
			}
			if found := bandwidth.FindStringSubmatch(text); found != nil {
				now.Bandwidth, _ = strconv.Atoi(found[1])
			}
		case text != "" && !strings.HasPrefix(text, "#") && start >= 0:
			m.renditions = append(m.renditions, now)
			m.spans = append(m.spans, span{start, end})
			start = -1
		}
		at = end
	}
}

// element is one whose end has not been met.
type element struct {
	from  int64
	attrs map[string]string
}

// xml takes an MPD (ISO/IEC 23009-1) or a Smooth client manifest (MS-SSTR,
// 2.2.2) apart. Only representations and quality levels count that say they
// are video; attributes of a set hold for its representations.
func (m *manifest) xml() error {
	var within *set
	var outer, inner element
	d := xml.NewDecoder(bytes.NewReader(m.text))
	for {
		from := d.InputOffset()
		token, err := d.RawToken()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read as XML: %w", err)
		}
		switch token := token.(type) {
		case xml.StartElement:
			switch token.Name.Local {
			case "AdaptationSet", "StreamIndex":
				outer, within = element{from, attributes(token)}, new(set)
			case "Representation", "QualityLevel":
				inner = element{from, attributes(token)}
			}
		case xml.EndElement:
			if within == nil {
				continue
			}
			var r Rendition
			var video bool
			switch token.Name.Local {
			case "AdaptationSet":
				within.span = span{outer.from, d.InputOffset()}
				m.sets, within = append(m.sets, *within), nil
				continue
			case "StreamIndex": // stays, and its chunks with it
				within = nil
				continue
			case "Representation":
				r, video = representation(outer, inner)
			case "QualityLevel":
				r, video = level(outer, inner)
			}
			if video {
				within.members = append(within.members, len(m.renditions))
				m.renditions = append(m.renditions, r)
				m.spans = append(m.spans, span{inner.from, d.InputOffset()})
			}
		}
	}
}

// representation reads one of an MPD, and whether it is video.
func representation(set, own element) (r Rendition, video bool) {
	attr := func(name string) string {
		if v, is := own.attrs[name]; is {
			return v
		}
		return set.attrs[name]
	}
	r.ID = attr("id")
	r.Width, _ = strconv.Atoi(attr("width"))
	r.Height, _ = strconv.Atoi(attr("height"))
	r.Bandwidth, _ = strconv.Atoi(attr("bandwidth"))
	return r, attr("contentType") == "video" || strings.HasPrefix(attr("mimeType"), "video/")
}

// level reads one of a Smooth client manifest, and whether it is video.
func level(stream, own element) (r Rendition, video bool) {
	r.ID = own.attrs["Bitrate"]
	r.Width, _ = strconv.Atoi(own.attrs["MaxWidth"])
	r.Height, _ = strconv.Atoi(own.attrs["MaxHeight"])
	r.Bandwidth, _ = strconv.Atoi(r.ID)
	return r, stream.attrs["Type"] == "video"
}

func attributes(e xml.StartElement) map[string]string {
	all := make(map[string]string, len(e.Attr))
	for _, a := range e.Attr {
		if a.Name.Space == "" {
			all[a.Name.Local] = a.Value
		}
	}
	return all
}
