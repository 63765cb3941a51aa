package smooth

import (
	"bytes"
	"encoding/binary"
	"errors"
	"unicode/utf16"
	"unicode/utf8"
)

// toUTF8 returns a document in UTF-8 without a byte order mark. UTF-16 is known
// by its mark or, as XML 1.0 appendix F says, by the zeros in "<?".
func toUTF8(b []byte) ([]byte, error) {
	switch {
	case bytes.HasPrefix(b, []byte("\xef\xbb\xbf")):
		return b[3:], nil
	case bytes.HasPrefix(b, []byte("\xff\xfe")):
		return fromUTF16(b[2:], binary.LittleEndian)
	case bytes.HasPrefix(b, []byte("\xfe\xff")):
		return fromUTF16(b[2:], binary.BigEndian)
	case bytes.HasPrefix(b, []byte("<\x00")):
		return fromUTF16(b, binary.LittleEndian)
	case bytes.HasPrefix(b, []byte("\x00<")):
		return fromUTF16(b, binary.BigEndian)
	}
	return b, nil
}

func fromUTF16(b []byte, order binary.ByteOrder) ([]byte, error) {
	if len(b)%2 != 0 {
		return nil, errors.New("UTF-16 with half a character at its end")
	}
	out := make([]byte, 0, len(b))
	for len(b) > 0 {
		r := rune(order.Uint16(b))
		b = b[2:]
		if utf16.IsSurrogate(r) {
			if len(b) < 2 {
				return nil, errors.New("UTF-16 with half a pair at its end")
			}
			if r = utf16.DecodeRune(r, rune(order.Uint16(b))); r == utf8.RuneError {
				return nil, errors.New("UTF-16 with half a pair")
			}
			b = b[2:]
		}
		out = utf8.AppendRune(out, r)
	}
	return out, nil
}
