package media

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
)

// RewriteMPD returns the manifest with its files found below base, a relative
// or absolute URL that ends in a slash: a BaseURL becomes the first child of
// the MPD after its ProgramInformation, or the one that is there, which must be
// relative, is put below base. Every other byte stays as it was. It fails where
// [ParseMPD] fails.
func RewriteMPD(manifest []byte, base string) ([]byte, error) {
	if _, err := ParseMPD(manifest); err != nil {
		return nil, err
	}
	at, err := findBase(manifest)
	if err != nil {
		return nil, fmt.Errorf("rewrite MPD: %w", err)
	}
	var text bytes.Buffer
	if err := xml.EscapeText(&text, []byte(joinURI(base, at.url))); err != nil {
		return nil, fmt.Errorf("rewrite MPD: %w", err)
	}
	before, after := manifest[:at.start], manifest[at.end:]
	if !at.inside {
		space := after[:len(after)-len(bytes.TrimLeft(after, " \t\r\n"))]
		text = *bytes.NewBuffer(fmt.Appendf(nil, "%s<%[2]sBaseURL>%[3]s</%[2]sBaseURL>", space, at.prefix, text.Bytes()))
	}
	return bytes.Join([][]byte{before, text.Bytes(), after}, nil), nil
}

// basePlace is the part of a manifest to replace.
type basePlace struct {
	start, end int
	inside     bool   // it is the content of a BaseURL; else a whole element goes there
	url        string // what is there
	prefix     string // of the manifest's own elements: "" or "dash:"
}

// findBase walks the raw tokens, which keep their places. A new BaseURL goes
// before the first child of the MPD that is not ProgramInformation.
func findBase(manifest []byte) (basePlace, error) {
	d := xml.NewDecoder(bytes.NewReader(manifest))
	var p basePlace
	depth := 0
	placed, inBase := false, false
	for {
		from := int(d.InputOffset())
		token, err := d.RawToken()
		if errors.Is(err, io.EOF) {
			return p, nil
		}
		if err != nil {
			return p, err
		}
		to := int(d.InputOffset())
		switch t := token.(type) {
		case xml.StartElement:
			switch depth++; {
			case depth == 1:
				if bytes.HasSuffix(manifest[:to], []byte("/>")) {
					return p, errors.New("an MPD without content")
				}
				p.start, p.end = to, to
				if t.Name.Space != "" {
					p.prefix = t.Name.Space + ":"
				}
			case depth == 2 && t.Name.Local == "BaseURL":
				p.start, inBase = to, true
			case depth == 2 && t.Name.Local != "ProgramInformation":
				placed = true
			case inBase:
				return p, errors.New("an element in a BaseURL")
			}
		case xml.CharData:
			if inBase {
				p.url += string(t)
			}
		case xml.EndElement:
			switch depth--; {
			case depth == 1 && inBase:
				return p.within(manifest, from)
			case depth == 1 && !placed:
				p.start, p.end = to, to
			}
		}
	}
}

// within makes p the content of the BaseURL that ends at end.
func (p basePlace) within(manifest []byte, end int) (basePlace, error) {
	p.url = strings.TrimSpace(p.url)
	if p.url != "" {
		if err := checkRelative(p.url); err != nil {
			return p, fmt.Errorf("BaseURL %.200q: %w", p.url, err)
		}
	}
	p.end, p.inside = end, true
	if bytes.HasSuffix(manifest[:p.start], []byte("/>")) { // <BaseURL/> has no inside
		p.start, p.inside = bytes.LastIndexByte(manifest[:p.start], '<'), false
	}
	return p, nil
}
