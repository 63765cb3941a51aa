package storm

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
)

// Bounds of what a proxy reads at once.
const (
	maxLine  = 64 << 10 // bytes
	maxBulk  = 64 << 20 // bytes
	maxItems = 1 << 20
	maxDepth = 8
)

var errNotRESP = errors.New("not the protocol of Redis")

// value is one value as it came over the wire.
type value struct {
	raw  []byte
	kind byte     // its first byte
	args []string // of an array of strings, which a command is
}

// readValue reads one value of Redis's protocol, RESP2 or RESP3
// (https://redis.io/docs/latest/develop/reference/protocol-spec/).
func readValue(r *bufio.Reader) (value, error) {
	var v value
	var raw bytes.Buffer
	kind, err := read(r, &raw, 0, &v.args)
	v.kind, v.raw = kind, raw.Bytes()
	return v, err
}

// read copies one value to raw and notes the strings of an outermost array.
func read(r *bufio.Reader, raw *bytes.Buffer, depth int, args *[]string) (byte, error) {
	line, err := r.ReadSlice('\n')
	if err != nil {
		return 0, err
	}
	if len(line) < 3 || len(line) > maxLine || depth > maxDepth {
		return 0, errNotRESP
	}
	raw.Write(line)
	kind, rest := line[0], string(line[1:len(line)-2])
	switch kind {
	case '+', '-', ':', '_', ',', '#', '(':
		return kind, nil
	case '$', '=', '!':
		n, err := length(rest, maxBulk)
		if err != nil || n < 0 {
			return kind, err
		}
		at := raw.Len()
		if _, err := io.CopyN(raw, r, int64(n)+2); err != nil {
			return kind, err
		}
		if depth == 1 && args != nil {
			*args = append(*args, string(raw.Bytes()[at:at+n]))
		}
		return kind, nil
	case '*', '~', '>', '%', '|':
		n, err := length(rest, maxItems)
		if err != nil {
			return kind, err
		}
		if kind == '%' || kind == '|' {
			n *= 2
		}
		for range n {
			if _, err := read(r, raw, depth+1, args); err != nil {
				return kind, err
			}
		}
		if kind == '|' { // attributes of the value that follows
			return read(r, raw, depth, args)
		}
		return kind, nil
	}
	return 0, fmt.Errorf("%w: a value of kind %q", errNotRESP, kind)
}

// length reads a length; -1 is of a value that is none.
func length(text string, limit int) (int, error) {
	n, err := strconv.Atoi(text)
	if err != nil || n < -1 || n > limit {
		return 0, fmt.Errorf("%w: a length of %q", errNotRESP, text)
	}
	return n, nil
}
