package smooth

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"math/bits"
	"slices"
)

// Bounds of what a file's boxes may make the index read and keep. The boxes
// are those of two days in fragments of two seconds.
const (
	maxBoxes  = 200_000
	maxHeader = 4 << 20 // bytes of one moov, moof or mfra
	maxOpen   = 100     // fragments of one moof, each of a track
)

// Fragment is one moof with its mdat in a file.
type Fragment struct {
	Track          uint32 // its ID
	Time, Duration uint64 // in units of 1/10,000,000 s; the duration is 0 where none is told
	Offset, Size   int64  // bytes
}

// TimeScale is what times of fragments are in: units a second.
const TimeScale = 10_000_000

// Index tells where a file's fragments are.
type Index struct {
	fragments []Fragment // by track, time and offset
	tracks    int
}

// ReadIndex reads the index of a file of size bytes from the tfxd boxes of its
// fragments (MS-SSTR, 2.2.4.4), and where they have none from its mfra box (ISO/IEC
// 14496-12, 8.8.9). It stops at what is cut short: the fragments before are
// there. It reads headers of boxes and no media.
func ReadIndex(r io.ReaderAt, size int64) (*Index, error) {
	w := walk{r: r, size: size}
	if err := w.run(); err != nil {
		return nil, err
	}
	for _, f := range w.found {
		if !f.timed {
			var ok bool
			if f.Time, ok = w.listed[place{f.Track, f.Offset}]; !ok {
				continue // it can be asked for by no time
			}
		}
		w.fragments = append(w.fragments, f.Fragment)
	}
	slices.SortStableFunc(w.fragments, func(a, b Fragment) int {
		return cmp.Or(cmp.Compare(a.Track, b.Track), cmp.Compare(a.Time, b.Time), cmp.Compare(a.Offset, b.Offset))
	})
	ix := &Index{fragments: slices.Clip(w.fragments)}
	for i, f := range ix.fragments {
		if i == 0 || f.Track != ix.fragments[i-1].Track {
			ix.tracks++
		}
	}
	return ix, nil
}

// Len is the number of fragments.
func (x *Index) Len() int { return len(x.fragments) }

// Find returns the fragment of a track that begins at a time. Track 0 is the
// only one of the file.
func (x *Index) Find(track uint32, time uint64) (Fragment, bool) {
	if track == 0 {
		if x.tracks != 1 {
			return Fragment{}, false
		}
		track = x.fragments[0].Track
	}
	i, ok := slices.BinarySearchFunc(x.fragments, Fragment{Track: track, Time: time}, func(a, b Fragment) int {
		return cmp.Or(cmp.Compare(a.Track, b.Track), cmp.Compare(a.Time, b.Time))
	})
	if !ok {
		return Fragment{}, false
	}
	return x.fragments[i], true
}

// place is where a track fragment is, as mfra tells.
type place struct {
	track uint32
	moof  int64
}

// found is a fragment; timed says that it told its own time.
type found struct {
	Fragment
	timed bool
}

// walk is one pass over a file.
type walk struct {
	r    io.ReaderAt
	size int64

	open      []found // of the moof whose mdat is to come
	found     []found
	fragments []Fragment
	scales    map[uint32]uint64 // of tracks: units a second
	listed    map[place]uint64  // times by mfra
}

func (w *walk) run() error {
	boxes := 0
	for at := int64(0); at < w.size; boxes++ {
		if boxes == maxBoxes {
			return fmt.Errorf("more than %d boxes", maxBoxes)
		}
		b, err := readBox(w.r, at, w.size)
		if errors.Is(err, errCutShort) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read box at %d: %w", at, err)
		}
		if err := w.box(b); err != nil {
			return fmt.Errorf("read %s at %d: %w", b.kind, at, err)
		}
		at = b.end()
	}
	return nil
}

func (w *walk) box(b box) error {
	switch b.kind {
	case "moov", "moof", "mfra":
	case "mdat":
		if len(w.found)+len(w.open) > maxBoxes {
			return fmt.Errorf("more than %d fragments with it", maxBoxes)
		}
		for _, f := range w.open {
			f.Size = b.end() - f.Offset
			w.found = append(w.found, f)
		}
		w.open = nil
		return nil
	default:
		return nil
	}
	if b.size-b.head > maxHeader {
		return fmt.Errorf("%d bytes, want at most %d", b.size, maxHeader)
	}
	payload := make([]byte, b.size-b.head)
	if err := readAt(w.r, payload, b.offset+b.head); err != nil {
		return err
	}
	switch b.kind {
	case "moov":
		w.moov(payload)
	case "moof":
		return w.moof(payload, b.offset)
	case "mfra":
		w.mfra(payload)
	}
	return nil
}

// moov reads the time scale of each track.
func (w *walk) moov(b []byte) {
	w.scales = make(map[uint32]uint64)
	for kind, trak := range children(b) {
		if kind != "trak" {
			continue
		}
		var id uint32
		var scale uint64
		for kind, payload := range children(trak) {
			switch kind {
			case "tkhd":
				f := fields{b: payload}
				v := f.version()
				f.wide(v)
				f.wide(v)
				id = uint32(f.uint(4))
			case "mdia":
				for kind, payload := range children(payload) {
					if kind == "mdhd" {
						f := fields{b: payload}
						v := f.version()
						f.wide(v)
						f.wide(v)
						scale = f.uint(4)
					}
				}
			}
		}
		w.scales[id] = scale
	}
}

// tfxd is the identifier of boxes that tell a fragment's time and duration.
const tfxd = "\x6d\x1d\x9b\x05\x42\xd5\x44\xe6\x80\xe2\x14\x1d\xaf\xf7\x57\xb2"

func (w *walk) moof(b []byte, at int64) error {
	w.open = nil
	for kind, traf := range children(b) {
		if kind != "traf" {
			continue
		}
		f := found{Fragment: Fragment{Offset: at}}
		for kind, payload := range children(traf) {
			switch {
			case kind == "tfhd":
				h := fields{b: payload}
				h.version()
				f.Track = uint32(h.uint(4))
			case kind == "uuid" && len(payload) > 16 && string(payload[:16]) == tfxd:
				x := fields{b: payload[16:]}
				v := x.version()
				f.Time, f.Duration = x.wide(v), x.wide(v)
				f.timed = !x.bad
			}
		}
		switch {
		case f.Track == 0:
			continue // no track has this ID: it can be asked for by none
		case len(w.open) == maxOpen:
			return fmt.Errorf("more than %d fragments", maxOpen)
		}
		w.open = append(w.open, f)
	}
	return nil
}

func (w *walk) mfra(b []byte) {
	if w.listed == nil {
		w.listed = make(map[place]uint64)
	}
	for kind, payload := range children(b) {
		if kind != "tfra" {
			continue
		}
		f := fields{b: payload}
		v := f.version()
		id := uint32(f.uint(4))
		sizes := f.uint(4)
		rest := int(sizes>>4&3) + int(sizes>>2&3) + int(sizes&3) + 3
		for n := f.uint(4); n > 0 && !f.bad && len(w.listed) < maxBoxes; n-- {
			time, offset := f.wide(v), f.wide(v)
			for range rest { // numbers of traf, trun and sample
				f.uint(1)
			}
			if !f.bad && offset < 1<<62 {
				w.listed[place{id, int64(offset)}] = rescale(time, w.scales[id])
			}
		}
	}
}

// rescale brings a time to TimeScale; a scale of 0 is not known and taken for it.
func rescale(time, scale uint64) uint64 {
	if scale == 0 || scale == TimeScale {
		return time
	}
	hi, lo := bits.Mul64(time, TimeScale)
	if hi >= scale {
		return 1<<64 - 1
	}
	t, _ := bits.Div64(hi, lo, scale)
	return t
}
