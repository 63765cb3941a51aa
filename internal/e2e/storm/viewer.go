package storm

import (
	"encoding/json"
	"encoding/xml"
	"fmt"
	"net/url"
	"path"
	"regexp"
	"strconv"
	"strings"
)

// Files are what viewers can get, by path from the distribution's root.
type Files interface {
	Has(path string) (bool, error)
	Read(path string) ([]byte, error)
}

// Viewer follows what leads to an asset's streams, and sees what is missing.
// It goes by the formats alone and shares no code with what it looks at.
type Viewer struct {
	Files Files
	Base  string // the viewer URL, without a final slash
}

// playback is playback.json.
type playback struct {
	Asset    string         `json:"asset"`
	Seq      int            `json:"seq"`
	Build    int            `json:"build"`
	Revision string         `json:"revision"`
	URLs     map[string]any `json:"urls"`
}

// Asset follows playback.json of an asset and all that it names, and returns
// it with what is wrong.
func (v *Viewer) Asset(asset string) (p playback, wrong []string, err error) {
	name := "watch/" + asset + "/playback.json"
	body, err := v.Files.Read(name)
	if err != nil {
		return p, nil, fmt.Errorf("read %s: %w", name, err)
	}
	if err := json.Unmarshal(body, &p); err != nil {
		return p, []string{name + " is not JSON"}, nil
	}
	var urls []string
	leaves(p.URLs, &urls)
	if len(urls) < 2 { // itself and a stream
		wrong = append(wrong, name+" names no stream")
	}
	w := walk{viewer: v, seen: make(map[string]bool)}
	for _, u := range urls {
		to, ok := strings.CutPrefix(u, v.Base+"/")
		if !ok {
			if strings.HasPrefix(u, "http") {
				w.wrong = append(w.wrong, fmt.Sprintf("%s names %s, which is not below %s", name, u, v.Base))
			}
			continue // a package's name
		}
		if to, err = url.PathUnescape(to); err != nil {
			return p, nil, err
		}
		if err := w.follow(name, to); err != nil {
			return p, nil, err
		}
	}
	return p, append(wrong, w.wrong...), nil
}

// leaves collects the strings of a JSON value.
func leaves(v any, to *[]string) {
	switch v := v.(type) {
	case string:
		*to = append(*to, v)
	case []any:
		for _, x := range v {
			leaves(x, to)
		}
	case map[string]any:
		for _, x := range v {
			leaves(x, to)
		}
	}
}

// walk is one way through the files.
type walk struct {
	viewer *Viewer
	seen   map[string]bool
	wrong  []string
}

// follow looks at a file that from names, and at those that it names itself.
func (w *walk) follow(from, to string) error {
	if w.seen[to] {
		return nil
	}
	w.seen[to] = true
	there, err := w.viewer.Files.Has(to)
	if err != nil {
		return err
	}
	if !there {
		w.wrong = append(w.wrong, fmt.Sprintf("%s names %s, which is not there", from, to))
		return nil
	}
	var named []string
	switch path.Ext(to) {
	case ".m3u8", ".mpd":
		body, err := w.viewer.Files.Read(to)
		if err != nil {
			return err
		}
		if path.Ext(to) == ".mpd" {
			named, err = mpdNames(body)
		} else {
			named, err = playlistNames(body)
		}
		if err != nil {
			w.wrong = append(w.wrong, fmt.Sprintf("%s: %v", to, err))
			return nil
		}
		if len(named) == 0 {
			w.wrong = append(w.wrong, to+" names nothing")
		}
	}
	base := &url.URL{Scheme: "http", Host: "viewers", Path: "/" + to}
	for _, n := range named {
		if own, ok := strings.CutPrefix(n, w.viewer.Base+"/"); ok {
			n = "/" + own
		}
		u, err := base.Parse(n)
		if err != nil || u.Host != base.Host {
			w.wrong = append(w.wrong, fmt.Sprintf("%s names %s, which leads away", to, n))
			continue
		}
		if err := w.follow(to, strings.TrimPrefix(u.Path, "/")); err != nil {
			return err
		}
	}
	return nil
}

var uriAttribute = regexp.MustCompile(`[:,]URI="([^"]*)"`)

// playlistNames returns what an HLS playlist names (RFC 8216).
func playlistNames(body []byte) ([]string, error) {
	if !strings.HasPrefix(string(body), "#EXTM3U") {
		return nil, fmt.Errorf("not a playlist")
	}
	var named []string
	for line := range strings.Lines(string(body)) {
		line = strings.TrimSpace(line)
		switch {
		case line == "":
		case !strings.HasPrefix(line, "#"):
			named = append(named, line)
		default:
			for _, m := range uriAttribute.FindAllStringSubmatch(line, -1) {
				named = append(named, m[1])
			}
		}
	}
	return named, nil
}

// template is a SegmentTemplate of ISO/IEC 23009-1.
type template struct {
	Initialization string `xml:"initialization,attr"`
	Media          string `xml:"media,attr"`
	Start          *int   `xml:"startNumber,attr"`
	S              []struct {
		R int `xml:"r,attr"`
	} `xml:"SegmentTimeline>S"`
}

// representation is a Representation, or the adaptation set around it.
type representation struct {
	ID       string    `xml:"id,attr"`
	BaseURL  string    `xml:"BaseURL"`
	Template *template `xml:"SegmentTemplate"`
}

// mpdNames returns what a DASH manifest names by templates with numbers.
func mpdNames(body []byte) ([]string, error) {
	var doc struct {
		BaseURL string `xml:"BaseURL"`
		Periods []struct {
			BaseURL string `xml:"BaseURL"`
			Sets    []struct {
				representation
				Representations []representation `xml:"Representation"`
			} `xml:"AdaptationSet"`
		} `xml:"Period"`
	}
	if err := xml.Unmarshal(body, &doc); err != nil {
		return nil, err
	}
	var named []string
	for _, p := range doc.Periods {
		for _, set := range p.Sets {
			for _, r := range set.Representations {
				t := r.Template
				if t == nil {
					t = set.Template
				}
				base := doc.BaseURL + p.BaseURL + set.BaseURL + r.BaseURL // all relative, but for the first
				if t == nil {
					named = append(named, base)
					continue
				}
				named = append(named, t.names(base, r.ID)...)
			}
		}
	}
	return named, nil
}

var numbered = regexp.MustCompile(`\$Number(%0\d+d)?\$`)

func (t *template) names(base, id string) []string {
	fill := func(s string) string { return base + strings.ReplaceAll(s, "$RepresentationID$", id) }
	var named []string
	if t.Initialization != "" {
		named = append(named, fill(t.Initialization))
	}
	number := 1
	if t.Start != nil {
		number = *t.Start
	}
	count := 0
	for _, s := range t.S {
		count += s.R + 1
	}
	for range max(count, 1) { // without a timeline the first at least
		named = append(named, numbered.ReplaceAllStringFunc(fill(t.Media), func(m string) string {
			form := strings.Trim(strings.TrimPrefix(m, "$Number"), "$")
			if form == "" {
				return strconv.Itoa(number)
			}
			return fmt.Sprintf(form, number)
		}))
		number++
	}
	return named
}
