package media

import (
	"fmt"
)

// FileTrack is what the moov box of a fragmented file tells of a track.
type FileTrack struct {
	ID       uint32
	Kind     TrackKind
	Scale    uint64 // units of time a second
	Duration uint64 // of a sample that tells none, in these units
}

const maxFileTracks = 100

// ReadTracks reads a moov box: what follows its header.
func ReadTracks(moov []byte) ([]FileTrack, error) {
	var tracks []FileTrack
	defaults := make(map[uint32]uint64)
	for kind, b := range boxes(moov) {
		switch kind {
		case "trak":
			if len(tracks) == maxFileTracks {
				return nil, fmt.Errorf("more than %d tracks: %w", maxFileTracks, ErrTooLarge)
			}
			tracks = append(tracks, trackOf(b))
		case "mvex":
			for kind, b := range boxes(b) {
				if kind == "trex" && len(defaults) < maxFileTracks {
					f := fields{b: b}
					f.full()
					id := uint32(f.uint(4))
					f.uint(4)
					defaults[id] = f.uint(4)
				}
			}
		}
	}
	for i := range tracks {
		t := &tracks[i]
		if t.ID == 0 || t.Scale == 0 {
			return nil, fmt.Errorf("track %d has no ID or no time scale", i+1)
		}
		t.Duration = defaults[t.ID]
	}
	return tracks, nil
}

func trackOf(trak []byte) FileTrack {
	t := FileTrack{Kind: TrackOther}
	for kind, b := range boxes(trak) {
		switch kind {
		case "tkhd":
			f := fields{b: b}
			v, _ := f.full()
			f.wide(v)
			f.wide(v)
			t.ID = uint32(f.uint(4))
		case "mdia":
			for kind, b := range boxes(b) {
				f := fields{b: b}
				v, _ := f.full()
				switch kind {
				case "mdhd":
					f.wide(v)
					f.wide(v)
					t.Scale = f.uint(4)
				case "hdlr":
					f.uint(4)
					switch f.uint(4) {
					case 0x76696465: // vide
						t.Kind = TrackVideo
					case 0x736f756e: // soun
						t.Kind = TrackAudio
					case 0x74657874, 0x73756274, 0x73756270: // text, subt, subp
						t.Kind = TrackText
					}
				}
			}
		}
	}
	return t
}

// FileFragment is one fragment of one track, in units of the track.
type FileFragment struct {
	Track           uint32
	Start, Duration uint64
	Timed, Lasts    bool // whether it tells its start, and its duration
}

// tfxd identifies the boxes by which fragments of Smooth Streaming tell their
// time and duration (MS-SSTR, 2.2.4.4).
const tfxd = "\x6d\x1d\x9b\x05\x42\xd5\x44\xe6\x80\xe2\x14\x1d\xaf\xf7\x57\xb2"

// ReadFragments reads a moof box: what follows its header. Times are those of
// tfxd boxes, which servers go by, or else those of tfdt and trun.
func ReadFragments(moof []byte, tracks []FileTrack) ([]FileFragment, error) {
	var all []FileFragment
	for kind, traf := range boxes(moof) {
		if kind != "traf" {
			continue
		}
		if len(all) == maxFileTracks {
			return nil, fmt.Errorf("more than %d track fragments: %w", maxFileTracks, ErrTooLarge)
		}
		f, err := fragmentOf(traf, tracks)
		if err != nil {
			return nil, err
		}
		all = append(all, f)
	}
	return all, nil
}

func fragmentOf(traf []byte, tracks []FileTrack) (FileFragment, error) {
	var frag, own FileFragment
	each := uint64(0) // duration of a sample that tells none
	var total uint64
	counted := true
	for kind, b := range boxes(traf) {
		f := fields{b: b}
		switch kind {
		case "tfhd":
			_, flags := f.full()
			frag.Track = uint32(f.uint(4))
			for _, t := range tracks {
				if t.ID == frag.Track {
					each = t.Duration
				}
			}
			if flags&0x1 != 0 { // base data offset
				f.uint(8)
			}
			if flags&0x2 != 0 { // sample description
				f.uint(4)
			}
			if flags&0x8 != 0 {
				each = f.uint(4)
			}
		case "tfdt":
			v, _ := f.full()
			frag.Start, frag.Timed = f.wide(v), true
		case "trun":
			d, ok := runLength(f, each)
			total, counted = total+d, counted && ok
		case "uuid":
			if len(b) > len(tfxd) && string(b[:len(tfxd)]) == tfxd {
				f.b = b[len(tfxd):]
				v, _ := f.full()
				own = FileFragment{Start: f.wide(v), Duration: f.wide(v), Timed: true, Lasts: true}
			}
		}
		if f.bad {
			return frag, fmt.Errorf("box %s: %w", kind, ErrCutShort)
		}
	}
	if frag.Track == 0 {
		return frag, fmt.Errorf("a track fragment without a track")
	}
	if own.Timed {
		own.Track = frag.Track
		return own, nil
	}
	frag.Duration, frag.Lasts = total, counted && total > 0
	return frag, nil
}

// runLength adds up the durations of a run of samples. It is not known where a
// sample tells none and nothing else does.
func runLength(f fields, each uint64) (uint64, bool) {
	_, flags := f.full()
	n := f.uint(4)
	if flags&0x1 != 0 { // data offset
		f.uint(4)
	}
	if flags&0x4 != 0 { // flags of the first sample
		f.uint(4)
	}
	if flags&0x100 == 0 {
		return n * each, each > 0 // both of 32 bits
	}
	rest := 0
	for _, flag := range []uint64{0x200, 0x400, 0x800} { // size, flags, composition
		if flags&flag != 0 {
			rest += 4
		}
	}
	var total uint64
	for ; n > 0 && !f.bad; n-- {
		total += f.uint(4)
		f.uint(rest)
	}
	return total, !f.bad
}

// IndexEntry is where a fragment of a track begins, by a file's index.
type IndexEntry struct {
	Start uint64 // in units of the track
	Moof  int64  // offset of the moof box
}

// MfroSize is the size of the box that ends an index, and so a file with one.
const MfroSize = 16

// IndexSize returns the size of the mfra box whose end is that of b, by the
// mfro box that ends it (ISO/IEC 14496-12, 8.8.11), and whether there is one.
func IndexSize(b []byte) (int64, bool) {
	if len(b) < MfroSize {
		return 0, false
	}
	f := fields{b: b[len(b)-MfroSize:]}
	head, kind := f.uint(4), f.uint(4)
	f.full()
	size := f.uint(4)
	return int64(size), head == MfroSize && kind == 0x6d66726f && size > MfroSize
}

// ReadIndex reads a mfra box, header and all: the fragments of each track in
// the order of the file. Of several entries of one fragment the first counts.
func ReadIndex(mfra []byte) (map[uint32][]IndexEntry, error) {
	x, err := ReadBox(mfra)
	if err != nil || x.Kind != "mfra" || x.Size != int64(len(mfra)) {
		return nil, fmt.Errorf("no mfra box of %d bytes", len(mfra))
	}
	index := make(map[uint32][]IndexEntry)
	left := maxFiles
	for kind, b := range boxes(mfra[x.Head:]) {
		if kind != "tfra" {
			continue
		}
		f := fields{b: b}
		v, _ := f.full()
		id, sizes, n := uint32(f.uint(4)), f.uint(4), f.uint(4)
		rest := int(sizes>>4&3) + int(sizes>>2&3) + int(sizes&3) + 3
		if len(index) == maxFileTracks {
			return nil, fmt.Errorf("more than %d tracks: %w", maxFileTracks, ErrTooLarge)
		}
		var list []IndexEntry
		for ; n > 0; n-- {
			start, at := f.wide(v), f.wide(v)
			for range rest { // numbers of the traf, the trun and the sample
				f.uint(1)
			}
			if f.bad {
				return nil, fmt.Errorf("box tfra of track %d: %w", id, ErrCutShort)
			}
			if at > 1<<62 {
				return nil, fmt.Errorf("box tfra of track %d: a fragment at %d", id, at)
			}
			if k := len(list); k > 0 && list[k-1].Moof == int64(at) {
				continue
			}
			if left--; left < 0 {
				return nil, fmt.Errorf("more than %d fragments: %w", maxFiles, ErrTooLarge)
			}
			list = append(list, IndexEntry{start, int64(at)})
		}
		index[id] = append(index[id], list...)
	}
	return index, nil
}
