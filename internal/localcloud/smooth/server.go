package smooth

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strconv"
	"strings"
)

// Bounds of a server manifest. Those of services have a few tracks and hundreds
// of bytes for each.
const (
	MaxServer = 1 << 20 // bytes
	maxTracks = 1000
	maxDepth  = 32 // elements inside each other
)

// Server is a server manifest (.ism): the SMIL document that says which file
// and track has which bitrate.
type Server struct {
	Client string // path of the client manifest, from the folder of the server manifest
	Tracks []Track
}

// Track is one quality level of a stream.
type Track struct {
	Kind     string // video, audio, textstream
	File     string // path from the folder of the server manifest
	Bitrate  uint64 // bits per second
	Language string
	ID       uint32 // of the track in the file; 0: the only one there
	Name     string // that clients ask by; empty: the kind
	Params   map[string]string
}

// ParseServer reads a server manifest, in UTF-8 or UTF-16. Paths that lead out
// of its folder, and entities beyond XML's own, are refused. It fails where
// the document is no SMIL that a server could work by.
func ParseServer(b []byte) (*Server, error) {
	if len(b) > MaxServer {
		return nil, fmt.Errorf("server manifest of %d bytes, want at most %d", len(b), MaxServer)
	}
	text, err := toUTF8(b)
	if err != nil {
		return nil, fmt.Errorf("server manifest: %w", err)
	}
	s := new(Server)
	if err := s.read(text); err != nil {
		return nil, fmt.Errorf("server manifest: %w", err)
	}
	if s.Client != "" && !fs.ValidPath(s.Client) {
		return nil, fmt.Errorf("server manifest: client manifest %q is not in its folder", s.Client)
	}
	return s, nil
}

func (s *Server) read(text []byte) error {
	d := xml.NewDecoder(bytes.NewReader(text))
	d.CharsetReader = func(label string, r io.Reader) (io.Reader, error) {
		if !strings.EqualFold(label, "utf-16") { // it is UTF-8 by now
			return nil, fmt.Errorf("encoding %q, want utf-8 or utf-16", label)
		}
		return r, nil
	}
	var track *Track // that is open
	for depth := 0; ; {
		t, err := d.Token()
		switch {
		case errors.Is(err, io.EOF) && len(s.Tracks) == 0:
			return errors.New("no tracks")
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
		switch t := t.(type) {
		case xml.StartElement:
			if depth++; depth == 1 && t.Name.Local != "smil" {
				return fmt.Errorf("root element %s, want smil", t.Name.Local)
			}
			if depth > maxDepth {
				return fmt.Errorf("elements more than %d deep", maxDepth)
			}
			switch name := t.Name.Local; name {
			case "meta":
				if attr(t, "name") == "clientManifestRelativePath" {
					s.Client = attr(t, "content")
				}
			case "video", "audio", "textstream":
				if len(s.Tracks) == maxTracks {
					return fmt.Errorf("more than %d tracks", maxTracks)
				}
				s.Tracks = append(s.Tracks, Track{Kind: name, Params: make(map[string]string)})
				track = &s.Tracks[len(s.Tracks)-1]
				if err := track.attributes(t); err != nil {
					return err
				}
			case "param":
				if track != nil {
					if err := track.param(attr(t, "name"), attr(t, "value")); err != nil {
						return err
					}
				}
			}
		case xml.EndElement:
			depth--
			if slices.Contains([]string{"video", "audio", "textstream"}, t.Name.Local) {
				track = nil
			}
		}
	}
}

func attr(e xml.StartElement, name string) string {
	for _, a := range e.Attr {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}

func (t *Track) attributes(e xml.StartElement) error {
	t.File, t.Language = attr(e, "src"), attr(e, "systemLanguage")
	if !fs.ValidPath(t.File) || t.File == "." {
		return fmt.Errorf("%s with the file %q, which is not in the manifest's folder", t.Kind, t.File)
	}
	var ok bool
	if t.Bitrate, ok = number(attr(e, "systemBitrate")); !ok {
		return fmt.Errorf("%s %s with systemBitrate %q, want a number", t.Kind, t.File, attr(e, "systemBitrate"))
	}
	return nil
}

func (t *Track) param(name, value string) error {
	t.Params[name] = value
	switch name {
	case "trackID":
		id, err := strconv.ParseUint(value, 10, 32)
		if err != nil || id == 0 {
			return fmt.Errorf("%s %s with trackID %q, want a number above 0", t.Kind, t.File, value)
		}
		t.ID = uint32(id)
	case "trackName":
		t.Name = value
	}
	return nil
}

// Find returns the track that a request for a fragment names.
func (s *Server) Find(r Request) (Track, bool) {
	for _, t := range s.Tracks {
		name := t.Name
		if name == "" {
			name = t.Kind
		}
		if t.Bitrate == r.Bitrate && name == r.Track && t.has(r.Attributes) {
			return t, true
		}
	}
	return Track{}, false
}

// has reports whether no attribute asks for something else than the track is.
func (t *Track) has(attributes [][2]string) bool {
	for _, a := range attributes {
		if v, given := t.Params[a[0]]; given && v != a[1] {
			return false
		}
	}
	return true
}
