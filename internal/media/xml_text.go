package media

import (
	"bytes"
	"encoding/binary"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// utf8Text returns an XML document in UTF-8 without a byte order mark. UTF-16
// is known by its byte order mark, or by how "<" looks in it (XML 1.0, appendix
// F); all else is taken for UTF-8.
func utf8Text(doc []byte) ([]byte, error) {
	switch {
	case bytes.HasPrefix(doc, []byte("\xef\xbb\xbf")):
		doc = doc[3:]
	case bytes.HasPrefix(doc, []byte("\xff\xfe")):
		return fromUTF16(doc[2:], binary.LittleEndian)
	case bytes.HasPrefix(doc, []byte("\xfe\xff")):
		return fromUTF16(doc[2:], binary.BigEndian)
	case bytes.HasPrefix(doc, []byte("<\x00")):
		return fromUTF16(doc, binary.LittleEndian)
	case bytes.HasPrefix(doc, []byte("\x00<")):
		return fromUTF16(doc, binary.BigEndian)
	}
	if !utf8.Valid(doc) {
		return nil, errors.New("neither UTF-8 nor UTF-16")
	}
	return doc, nil
}

func fromUTF16(b []byte, order binary.ByteOrder) ([]byte, error) {
	if len(b)%2 != 0 {
		return nil, errors.New("UTF-16 with half a character at its end")
	}
	text := make([]byte, 0, len(b)/2+len(b)/8)
	for len(b) > 0 {
		r := rune(order.Uint16(b))
		b = b[2:]
		if utf16.IsSurrogate(r) {
			low := rune(0)
			if len(b) >= 2 {
				low = rune(order.Uint16(b))
				b = b[2:]
			}
			if r = utf16.DecodeRune(r, low); r == utf8.RuneError {
				return nil, errors.New("UTF-16 with half a pair of surrogates")
			}
		}
		text = utf8.AppendRune(text, r)
	}
	return text, nil
}

// eachElement calls start and end for the elements of a document whose root is
// named root. It refuses what no manifest has: document types, and with them
// entities, a second root, and elements deeper than any need to be.
func eachElement(doc []byte, root string, start func(depth int, e xml.StartElement) error, end func(depth int) error) error {
	text, err := utf8Text(doc)
	if err != nil {
		return err
	}
	d := xml.NewDecoder(bytes.NewReader(text))
	d.CharsetReader = func(label string, r io.Reader) (io.Reader, error) {
		if !strings.EqualFold(label, "utf-16") { // it is UTF-8 by now
			return nil, fmt.Errorf("encoding %.40q: want utf-8 or utf-16", label)
		}
		return r, nil
	}
	for depth, roots := 0, 0; ; {
		token, err := d.Token()
		switch {
		case errors.Is(err, io.EOF) && roots == 0:
			return fmt.Errorf("no %s element", root)
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
		switch t := token.(type) {
		case xml.Directive:
			return errors.New("a document type: entities are not expanded")
		case xml.StartElement:
			if depth++; depth > maxDepth {
				return fmt.Errorf("more than %d elements deep: %w", maxDepth, ErrTooLarge)
			}
			if depth == 1 {
				roots++
			}
			switch {
			case roots > 1:
				return fmt.Errorf("elements after %s", root)
			case depth == 1 && t.Name.Local != root:
				return fmt.Errorf("root element %.40q: want %s", t.Name.Local, root)
			}
			if err := start(depth, t); err != nil {
				return err
			}
		case xml.EndElement:
			if err := end(depth); err != nil {
				return err
			}
			depth--
		}
	}
}

// attrOf returns an element's attribute, and whether it is there.
func attrOf(e xml.StartElement, name string) (string, bool) {
	for _, a := range e.Attr {
		if a.Name.Local == name && a.Name.Space == "" {
			return a.Value, true
		}
	}
	return "", false
}
