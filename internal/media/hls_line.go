package media

import (
	"errors"
	"fmt"
	"iter"
	"strings"
)

// hlsLine is one line of a playlist, without its end and the space around it.
type hlsLine struct {
	number int    // from 1
	text   string // trimmed
	start  int    // of text in the playlist
}

const bom = "\xef\xbb\xbf"

// hlsLines yields the lines of a playlist, whose ends are LF or CRLF. It is the
// one reading of a playlist: what parses and what rewrites see the same lines.
func hlsLines(playlist []byte) iter.Seq[hlsLine] {
	return func(yield func(hlsLine) bool) {
		s := string(playlist)
		at := 0
		if strings.HasPrefix(s, bom) {
			at = len(bom)
		}
		for n := 1; at < len(s); n++ {
			line := s[at:]
			next := len(s)
			if i := strings.IndexByte(line, '\n'); i >= 0 {
				line, next = line[:i], at+i+1
			}
			left := strings.TrimLeft(line, " \t\r")
			text := strings.TrimRight(left, " \t\r")
			if !yield(hlsLine{n, text, at + len(line) - len(left)}) {
				return
			}
			at = next
		}
	}
}

// attribute is one of an attribute list: RFC 8216, section 4.2.
type attribute struct {
	name  string
	value string // without quotes
	at    int    // where value begins in the list
}

// maxAttributes bounds the attributes of one tag; the specification's largest
// has about twenty.
const maxAttributes = 100

// attributes reads an attribute list. Values without quotes are taken for any
// attribute, as players do.
func attributes(list string) ([]attribute, error) {
	var attrs []attribute
	for at := 0; at < len(list); {
		if len(attrs) == maxAttributes {
			return nil, fmt.Errorf("more than %d attributes: %w", maxAttributes, ErrTooLarge)
		}
		for at < len(list) && list[at] == ' ' {
			at++
		}
		eq := strings.IndexByte(list[at:], '=')
		if eq <= 0 || strings.ContainsAny(list[at:at+eq], `",`) {
			return nil, fmt.Errorf("attribute list broken at %.40q", list[at:])
		}
		a := attribute{name: strings.TrimRight(list[at:at+eq], " "), at: at + eq + 1}
		if strings.HasPrefix(list[a.at:], `"`) {
			a.at++
			end := strings.IndexByte(list[a.at:], '"')
			if end < 0 {
				return nil, errors.New("attribute list with an open quote")
			}
			a.value = list[a.at : a.at+end]
			at = a.at + end + 1
		} else {
			a.value, _, _ = strings.Cut(list[a.at:], ",")
			at = a.at + len(a.value)
		}
		attrs = append(attrs, a)
		switch {
		case at == len(list):
		case list[at] == ',':
			at++
		default:
			return nil, fmt.Errorf("attribute list broken at %.40q", list[at:])
		}
	}
	return attrs, nil
}

// namesFile reports whether an attribute's value is a URI, in the tags of
// today and, by the habit of their names, of tomorrow.
func (a attribute) namesFile() bool {
	return strings.HasSuffix(a.name, "URI") || a.name == "X-ASSET-LIST"
}

// plainTags have values that are no attribute lists, or none.
var plainTags = map[string]bool{
	"EXTM3U": true, "EXTINF": true, "EXT-X-VERSION": true, "EXT-X-BYTERANGE": true,
	"EXT-X-DISCONTINUITY": true, "EXT-X-PROGRAM-DATE-TIME": true, "EXT-X-GAP": true,
	"EXT-X-BITRATE": true, "EXT-X-TARGETDURATION": true, "EXT-X-MEDIA-SEQUENCE": true,
	"EXT-X-DISCONTINUITY-SEQUENCE": true, "EXT-X-ENDLIST": true, "EXT-X-PLAYLIST-TYPE": true,
	"EXT-X-I-FRAMES-ONLY": true, "EXT-X-IMAGES-ONLY": true, "EXT-X-INDEPENDENT-SEGMENTS": true,
	"EXT-X-ALLOW-CACHE": true,
}

// listTags have attribute lists.
var listTags = map[string]bool{
	"EXT-X-KEY": true, "EXT-X-MAP": true, "EXT-X-DATERANGE": true, "EXT-X-SKIP": true,
	"EXT-X-PART": true, "EXT-X-PART-INF": true, "EXT-X-PRELOAD-HINT": true,
	"EXT-X-RENDITION-REPORT": true, "EXT-X-SERVER-CONTROL": true, "EXT-X-START": true,
	"EXT-X-DEFINE": true, "EXT-X-MEDIA": true, "EXT-X-STREAM-INF": true,
	"EXT-X-I-FRAME-STREAM-INF": true, "EXT-X-IMAGE-STREAM-INF": true, "EXT-X-TILES": true,
	"EXT-X-SESSION-DATA": true, "EXT-X-SESSION-KEY": true, "EXT-X-CONTENT-STEERING": true,
}

// list reads the attributes of a tag. Those of an unknown tag are read where
// they are an attribute list; where they are not, but seem to name a file, the
// playlist is refused rather than half understood.
func list(tag, value string) (attrs []attribute, known bool, err error) {
	if plainTags[tag] {
		return nil, true, nil
	}
	known = listTags[tag]
	attrs, err = attributes(value)
	if err != nil && !known && !strings.Contains(value, "URI=") {
		return nil, false, nil
	}
	return attrs, known, err
}
