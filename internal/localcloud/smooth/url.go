package smooth

import (
	"net/url"
	"strconv"
	"strings"
)

// Request is what a player asks of a presentation.
type Request struct {
	Folder string // escaped path of the server manifest up to and with its last slash
	Name   string // of the server manifest's file, not escaped: "video.ism"

	Manifest bool // the client manifest; else a fragment:

	Bitrate    uint64      // bits per second
	Attributes [][2]string // names and values that a level must have beside its bitrate
	Track      string      // type, or name of the track
	Time       uint64      // in units of the client manifest's time scale
}

// Parse reads a request's escaped path: …/NAME.ism/Manifest, or
// …/NAME.ism/QualityLevels(BITRATE,NAME=VALUE…)/Fragments(TRACK=TIME) (MS-SSTR,
// 2.2.1 and 2.2.3). The parentheses and what is within may be percent-encoded.
// Case counts, as in the links that CloudFront documents (capital M), unless
// fold is set, as on Windows.
func Parse(path string, fold bool) (Request, bool) {
	var r Request
	rest, last, ok := cutLast(path)
	if !ok {
		return r, false
	}
	same := func(a, b string) bool { return a == b || fold && strings.EqualFold(a, b) }
	switch fragment, isFragment := call(last, "Fragments", same); {
	case same(last, "Manifest"):
		r.Manifest = true
	case isFragment:
		var level string
		if rest, level, ok = cutLast(rest); !ok {
			return r, false
		}
		if level, ok = call(level, "QualityLevels", same); !ok || !r.level(level) || !r.fragment(fragment) {
			return r, false
		}
	default:
		return r, false
	}
	cut := strings.LastIndexByte(rest, '/') + 1
	name, err := url.PathUnescape(rest[cut:])
	if err != nil || cut == 0 || len(name) <= len(Extension) || !same(name[len(name)-len(Extension):], Extension) || strings.ContainsAny(name, "/\x00") {
		return r, false
	}
	r.Folder, r.Name = rest[:cut], name
	return r, true
}

// Extension is that of server manifests.
const Extension = ".ism"

// cutLast takes the last segment off a path and undoes its escapes.
func cutLast(path string) (rest, last string, ok bool) {
	i := strings.LastIndexByte(path, '/')
	if i < 0 {
		return "", "", false
	}
	last, err := url.PathUnescape(path[i+1:])
	return path[:i], last, err == nil
}

// call returns what is in the parentheses of NAME(…).
func call(s, name string, same func(a, b string) bool) (string, bool) {
	head, args, ok := strings.Cut(s, "(")
	if !ok || !same(head, name) {
		return "", false
	}
	return strings.CutSuffix(args, ")")
}

// level reads a bitrate and what else the level is chosen by.
func (r *Request) level(s string) bool {
	rate, more, given := strings.Cut(s, ",")
	var ok bool
	if r.Bitrate, ok = number(rate); !ok {
		return false
	}
	if !given {
		return true
	}
	for pair := range strings.SplitSeq(more, ",") {
		name, value, ok := strings.Cut(pair, "=")
		if !ok || name == "" {
			return false
		}
		r.Attributes = append(r.Attributes, [2]string{name, value})
	}
	return true
}

// fragment reads the name of a track and a time.
func (r *Request) fragment(s string) bool {
	cut := strings.LastIndexByte(s, '=')
	if cut < 1 {
		return false
	}
	var ok bool
	r.Track = s[:cut]
	r.Time, ok = number(s[cut+1:])
	return ok
}

// number reads digits alone: no sign, no other base.
func number(s string) (uint64, bool) {
	if s == "" || strings.Trim(s, "0123456789") != "" {
		return 0, false
	}
	n, err := strconv.ParseUint(s, 10, 64)
	return n, err == nil
}
