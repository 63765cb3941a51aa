package media

import (
	"encoding/xml"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode"
)

// SmoothServer is a server manifest (.ism): the SMIL document that tells a
// Smooth Streaming server which file and track has which bitrate. See "IIS
// Smooth Streaming Server Manifest (On-Demand)".
type SmoothServer struct {
	Client string // path of the client manifest, not checked: see [ResolveFile]
	Tracks []SmoothTrack
}

// SmoothTrack is one track of one file.
type SmoothTrack struct {
	Kind     TrackKind // video, audio or text
	File     string    // path, not checked: see [ResolveFile]
	Bitrate  uint32    // systemBitrate, bits a second: clients ask by it
	Language string    // systemLanguage, empty where it is not told
	Name     string    // trackName: that of the client manifest's stream; the kind's where it is not told
	ID       uint32    // trackID within the file; 0: the only one of its kind there
}

// MaxServer bounds a server manifest: those of services have some hundred bytes
// a track.
const (
	MaxServer      = 1 << 20 // bytes
	maxServerTrack = 1000
)

// smoothKinds are the elements of tracks, and the types of streams.
var smoothKinds = map[string]TrackKind{"video": TrackVideo, "audio": TrackAudio, "textstream": TrackText, "text": TrackText}

// ParseSmoothServer reads a server manifest, in UTF-8 or UTF-16, of at most
// [MaxServer] bytes. It refuses document types, and with them entities, and
// one without tracks or without a client manifest. Paths are not checked.
func ParseSmoothServer(manifest []byte) (SmoothServer, error) {
	s, err := parseSmoothServer(manifest)
	if err != nil {
		return SmoothServer{}, fmt.Errorf("parse server manifest: %w", err)
	}
	return s, nil
}

func parseSmoothServer(manifest []byte) (SmoothServer, error) {
	if len(manifest) > MaxServer {
		return SmoothServer{}, fmt.Errorf("%d bytes: %w", len(manifest), ErrTooLarge)
	}
	var s SmoothServer
	open := 0 // depth of the track that is open
	err := eachElement(manifest, "smil", func(depth int, e xml.StartElement) error {
		switch name := e.Name.Local; name {
		case "meta":
			if n, _ := attrOf(e, "name"); n == "clientManifestRelativePath" {
				s.Client, _ = attrOf(e, "content")
			}
		case "video", "audio", "textstream":
			if open > 0 {
				return fmt.Errorf("%s within another track", name)
			}
			if len(s.Tracks) == maxServerTrack {
				return fmt.Errorf("more than %d tracks: %w", maxServerTrack, ErrTooLarge)
			}
			t, err := serverTrack(smoothKinds[name], e)
			if err != nil {
				return fmt.Errorf("%s %s: %w", name, shown(t.File), err)
			}
			s.Tracks, open = append(s.Tracks, t), depth
		case "param":
			if open > 0 {
				t := &s.Tracks[len(s.Tracks)-1]
				if err := t.param(e); err != nil {
					return fmt.Errorf("%s %s: %w", t.Kind, shown(t.File), err)
				}
			}
		}
		return nil
	}, func(depth int) error {
		if depth == open {
			open = 0
		}
		return nil
	})
	switch {
	case err != nil:
		return SmoothServer{}, err
	case len(s.Tracks) == 0:
		return SmoothServer{}, errors.New("no tracks")
	case s.Client == "":
		return SmoothServer{}, errors.New("names no client manifest (clientManifestRelativePath)")
	}
	for i := range s.Tracks {
		if t := &s.Tracks[i]; t.Name == "" {
			t.Name = string(t.Kind)
		}
	}
	return s, nil
}

func serverTrack(kind TrackKind, e xml.StartElement) (SmoothTrack, error) {
	t := SmoothTrack{Kind: kind}
	t.File, _ = attrOf(e, "src")
	t.Language, _ = attrOf(e, "systemLanguage")
	rate, _ := attrOf(e, "systemBitrate")
	n, err := strconv.ParseUint(rate, 10, 32)
	if err != nil {
		return t, fmt.Errorf("systemBitrate %s: want a number of bits a second", shown(rate))
	}
	t.Bitrate = uint32(n)
	return t, nil
}

func (t *SmoothTrack) param(e xml.StartElement) error {
	name, _ := attrOf(e, "name")
	value, _ := attrOf(e, "value")
	switch name {
	case "trackName":
		t.Name = value
	case "trackID":
		n, err := strconv.ParseUint(value, 10, 32)
		if err != nil || n == 0 {
			return fmt.Errorf("trackID %s: want a number above 0", shown(value))
		}
		t.ID = uint32(n)
	}
	return nil
}

// ResolveFile returns the path within the build of a file that a server
// manifest at the path manifest within the build names. Such a manifest names
// files, not URIs: nothing is percent-decoded. It follows none but those in the
// manifest's folder or below it: an absolute path, "..", a backslash, a drive or
// a scheme is a [*URIError].
func ResolveFile(manifest, file string) (string, error) {
	bad := ""
	first, _, _ := strings.Cut(file, "/")
	switch {
	case file == "":
		bad = "empty"
	case len(file) > maxURI:
		bad = fmt.Sprintf("longer than %d bytes", maxURI)
	case strings.HasPrefix(file, "/"):
		bad = "absolute path"
	case strings.Contains(file, `\`):
		bad = "backslash"
	case strings.Contains(first, ":"):
		bad = "absolute URI"
	case strings.ContainsFunc(file, unicode.IsControl):
		bad = "control character"
	}
	for segment := range strings.SplitSeq(file, "/") {
		switch {
		case bad != "":
		case segment == "..":
			bad = "leaves the folder"
		case segment == "." || segment == "":
			bad = "not a plain path"
		}
	}
	if bad != "" {
		return "", refuse(manifest, file, bad)
	}
	return manifest[:strings.LastIndexByte(manifest, '/')+1] + file, nil
}
