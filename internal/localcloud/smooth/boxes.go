package smooth

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"iter"
)

// box is one box (ISO/IEC 14496-12, 4.2) of a file or of another box.
type box struct {
	kind   string
	offset int64 // of its header
	head   int64 // bytes of the header
	size   int64 // bytes, with the header
}

// end is where the next one begins.
func (b box) end() int64 { return b.offset + b.size }

var errCutShort = errors.New("cut short")

// readBox reads the header of the box at an offset of what ends at end. It
// fails with errCutShort where less is there than the box has by its header.
func readBox(r io.ReaderAt, at, end int64) (box, error) {
	var head [16]byte
	n := min(int64(len(head)), end-at)
	if n < 8 {
		return box{}, errCutShort
	}
	if err := readAt(r, head[:n], at); err != nil {
		return box{}, err
	}
	b := box{kind: string(head[4:8]), offset: at, head: 8, size: int64(binary.BigEndian.Uint32(head[:]))}
	switch b.size {
	case 0: // up to the end
		b.size = end - at
	case 1:
		if n < 16 {
			return b, errCutShort
		}
		large := binary.BigEndian.Uint64(head[8:])
		if large > 1<<62 {
			return b, errCutShort
		}
		b.head, b.size = 16, int64(large)
	}
	switch {
	case b.size < b.head:
		return b, fmt.Errorf("box %q at %d has %d bytes", b.kind, at, b.size)
	case b.size > end-at:
		return b, errCutShort
	}
	return b, nil
}

// readAt fills b from an offset.
func readAt(r io.ReaderAt, b []byte, at int64) error {
	n, err := r.ReadAt(b, at)
	if n == len(b) { // some say io.EOF with the last bytes
		return nil
	}
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// children walks the boxes in b, as far as they are whole.
func children(b []byte) iter.Seq2[string, []byte] {
	return func(yield func(string, []byte) bool) {
		for len(b) >= 8 {
			size, head := uint64(binary.BigEndian.Uint32(b)), uint64(8)
			switch {
			case size == 0:
				size = uint64(len(b))
			case size == 1 && len(b) >= 16:
				size, head = binary.BigEndian.Uint64(b[8:]), 16
			}
			if size < head || size > uint64(len(b)) {
				return
			}
			if !yield(string(b[4:8]), b[head:size]) {
				return
			}
			b = b[size:]
		}
	}
}

// fields reads numbers one after another, zeros beyond the end.
type fields struct {
	b   []byte
	bad bool // it went beyond the end
}

func (f *fields) uint(n int) uint64 {
	if len(f.b) < n {
		f.b, f.bad = nil, true
		return 0
	}
	var v uint64
	for _, c := range f.b[:n] {
		v = v<<8 | uint64(c)
	}
	f.b = f.b[n:]
	return v
}

// wide reads 64 bits in version 1 of a box, 32 before.
func (f *fields) wide(version uint64) uint64 {
	if version == 1 {
		return f.uint(8)
	}
	return f.uint(4)
}

// version reads the version of a full box and leaves its flags out.
func (f *fields) version() uint64 { return f.uint(4) >> 24 }
