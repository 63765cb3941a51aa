package media

import (
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
)

// Boxes of MP4 files (ISO/IEC 14496-12). Files are large and foreign, and only
// a few fields of a few boxes matter: so these are read here, out of parts of
// files, and no library decodes whole boxes with all the counts in them.

// Box is the header of a box.
type Box struct {
	Kind string // four characters
	Head int64  // bytes of the header
	Size int64  // bytes with the header; 0: up to the end of the file
}

// MaxBoxHead is how many bytes the header of a box has at most.
const MaxBoxHead = 16

// ErrCutShort is the cause of an error about a box that is longer than what
// there is.
var ErrCutShort = errors.New("cut short")

// ReadBox reads the header that b begins with.
func ReadBox(b []byte) (Box, error) {
	if len(b) < 8 {
		return Box{}, ErrCutShort
	}
	x := Box{Kind: string(b[4:8]), Head: 8, Size: int64(binary.BigEndian.Uint32(b))}
	switch x.Size {
	case 0:
		return x, nil
	case 1:
		if len(b) < MaxBoxHead {
			return Box{}, ErrCutShort
		}
		large := binary.BigEndian.Uint64(b[8:])
		if large > 1<<62 {
			return Box{}, fmt.Errorf("box %q of %d bytes: %w", x.Kind, large, ErrTooLarge)
		}
		x.Head, x.Size = MaxBoxHead, int64(large)
	}
	if x.Size < x.Head {
		return Box{}, fmt.Errorf("box %q of %d bytes", x.Kind, x.Size)
	}
	return x, nil
}

// boxes walks the boxes in b, as far as they are whole.
func boxes(b []byte) iter.Seq2[string, []byte] {
	return func(yield func(string, []byte) bool) {
		for len(b) > 0 {
			x, err := ReadBox(b)
			if x.Size == 0 {
				x.Size = int64(len(b))
			}
			if err != nil || x.Size > int64(len(b)) || !yield(x.Kind, b[x.Head:x.Size]) {
				return
			}
			b = b[x.Size:]
		}
	}
}

// fields reads numbers one after another; bad once it went beyond the end.
type fields struct {
	b   []byte
	bad bool
}

func (f *fields) uint(n int) (v uint64) {
	if n > len(f.b) {
		f.b, f.bad = nil, true
		return 0
	}
	for _, c := range f.b[:n] {
		v = v<<8 | uint64(c)
	}
	f.b = f.b[n:]
	return v
}

// full reads the version and the flags of a full box.
func (f *fields) full() (version, flags uint64) {
	v := f.uint(4)
	return v >> 24, v & 0xffffff
}

// wide reads 64 bits in version 1 of a box, 32 before.
func (f *fields) wide(version uint64) uint64 {
	if version == 1 {
		return f.uint(8)
	}
	return f.uint(4)
}
