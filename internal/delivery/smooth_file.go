package delivery

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/vodfleet/vodfleet/internal/media"
)

// smoothFile is an .ismv or .isma file and what it has to hold.
//
// Files have gigabytes, and what tells of their fragments are some kilobytes.
// So a file is looked at by few ranged reads: its head, with the moov box and
// mostly the first fragment's boxes; its tail, with the index (mfra) that
// players' seeks need anyway; and the boxes of the last fragment and of some
// between, spread over all ([spread]). A file that has lost its end has no
// index. The fragments that are read tell their times by themselves (tfxd), the
// others by the index, whose times may be shifted against the fragments' own, as
// ffmpeg's are where sound begins below zero: only their distances count. Each
// that is read has to end where the next one of the index begins. Where all this
// agrees with the client manifest, the file is good. Where it does not, or there
// is no index, the boxes of every fragment are read, and what they say is told:
// the index may be wrong, and a server that goes by the fragments does not mind.
type smoothFile struct {
	*check
	path           string
	size           int64
	client, server string // paths of the manifests
	wants          []wanted
	tracks         []media.FileTrack
	kept           []part // of the file: the head, and the two latest
}

// wanted is a track that a level is served from.
type wanted struct {
	id     uint32 // 0: the only one of its kind
	stream *media.SmoothStream
	track  media.FileTrack
}

// Bounds of what is read of files.
const (
	headPart  = 32 << 10  // bytes of the first read: a moov box has few
	tailPart  = 32 << 10  // of the last, beside its index: a fragment of sound may fit in
	entrySize = 28        // of a fragment in an index, at most
	boxPart   = 16 << 10  // of a fragment's boxes
	few       = 16        // fragments of a track that are all read
	some      = 8         // that are read of more
	maxMoov   = 4 << 20   // of a moov or moof box
	maxMfra   = 16 << 20  // of an index
	maxLooks  = 20_000    // reads of one build's files
	maxPeeked = 512 << 20 // bytes of them
	maxBoxes  = 1_000_000 // boxes of one file
)

// fault is something wrong with a file.
type fault string

func (f fault) Error() string { return string(f) }

func faultf(format string, args ...any) error { return fault(fmt.Sprintf(format, args...)) }

// verify checks that the file holds the fragments that are wanted of it.
func (f *smoothFile) verify(ctx context.Context) error {
	err := f.look(ctx)
	if why, ok := errors.AsType[fault](err); ok {
		f.add(f.path, "%s", why)
		return nil
	}
	return err
}

func (f *smoothFile) look(ctx context.Context) error {
	first, err := f.head(ctx)
	if err != nil {
		return err
	}
	if err := f.match(); err != nil {
		return err
	}
	good, err := f.indexed(ctx, first)
	if good || err != nil {
		return err
	}
	found, cut, err := f.walk(ctx, first)
	if err != nil {
		return err
	}
	return f.judge(found, cut)
}

// head reads the moov box and returns where it ends.
func (f *smoothFile) head(ctx context.Context) (int64, error) {
	for at := int64(0); at < f.size; {
		x, err := f.box(ctx, at, headPart)
		if err != nil {
			return 0, err
		}
		switch x.Kind {
		case "moov":
			b, err := f.payload(ctx, x, at, maxMoov)
			if err != nil {
				return 0, err
			}
			if f.tracks, err = media.ReadTracks(b); err != nil {
				return 0, faultf("box moov: %v", err)
			}
			return at + x.Size, nil
		case "moof", "mdat":
			return 0, faultf("not a file of Smooth Streaming: box %s before moov", x.Kind)
		}
		at += x.Size
	}
	return 0, faultf("not a file of Smooth Streaming: no box moov")
}

// match finds the tracks that are wanted.
func (f *smoothFile) match() error {
	for i := range f.wants {
		w := &f.wants[i]
		n := 0
		for _, t := range f.tracks {
			if w.id == t.ID || w.id == 0 && (t.Kind == w.stream.Kind || len(f.tracks) == 1) {
				w.track, n = t, n+1
			}
		}
		switch {
		case n == 0 && w.id > 0:
			return faultf("no track %d, which %s names", w.id, f.server)
		case n != 1:
			return faultf("%d %s tracks, and %s does not say which (trackID)", n, w.stream.Kind, f.server)
		case w.track.Kind != w.stream.Kind && w.track.Kind != media.TrackOther:
			return faultf("track %d is of kind %s, and %s has it as %s", w.track.ID, w.track.Kind, f.server, w.stream.Kind)
		}
	}
	return nil
}

// indexed reports whether the file's index, with some fragments of each track,
// agrees with the client manifest.
func (f *smoothFile) indexed(ctx context.Context, first int64) (bool, error) {
	n := int64(tailPart)
	for _, w := range f.wants {
		n += int64(len(w.stream.Chunks)) * entrySize
	}
	n = min(n, f.size, maxMfra)
	tail, err := f.read(ctx, f.size-n, n, 0)
	if err != nil {
		return false, err
	}
	length, ok := media.IndexSize(tail)
	if !ok || length > maxMfra || length > f.size-first {
		return false, nil
	}
	end := f.size - length // of the fragments
	b, err := f.read(ctx, end, length, 0)
	if err != nil {
		return false, err
	}
	index, err := media.ReadIndex(b)
	if err != nil {
		return false, nil // what is wrong shows when the fragments are read
	}
	ends := []int64{end}
	for _, entries := range index {
		for _, e := range entries {
			ends = append(ends, e.Moof)
		}
	}
	slices.Sort(ends)
	for _, w := range f.wants {
		if ok, err := f.listed(ctx, w, index[w.track.ID], ends); !ok || err != nil {
			return false, err
		}
	}
	return true, nil
}

// listed is indexed for one track, whose fragments end where others of the file
// begin, or its index: at ends, in their order.
func (f *smoothFile) listed(ctx context.Context, w wanted, entries []media.IndexEntry, ends []int64) (bool, error) {
	chunks := w.stream.Chunks
	if len(entries) != len(chunks) {
		return false, nil
	}
	for i := range chunks {
		if i > 0 && (entries[i].Moof <= entries[i-1].Moof || entries[i].Start < entries[0].Start || !w.follows(i)) {
			return false, nil
		}
	}
	var begin uint64
	for _, i := range spread(len(chunks)) {
		frag, stop, err := f.fragment(ctx, entries[i].Moof, w.track.ID)
		if _, broken := errors.AsType[fault](err); broken {
			return false, nil
		}
		if err != nil {
			return false, err
		}
		if !frag.Timed { // then nothing but the index tells
			frag.Start, frag.Timed = entries[i].Start, true
		}
		if i == 0 {
			begin = frag.Start
		}
		if end := ends[len(ends)-1]; stop > end {
			return false, faultf("its fragment at %d ends at %d, and its index begins at %d", entries[i].Moof, stop, end)
		}
		next, _ := slices.BinarySearch(ends, entries[i].Moof+1)
		if next == len(ends) || w.differs(i, frag) != "" {
			return false, nil
		}
		if ok, err := f.joined(ctx, stop, ends[next]); !ok || err != nil {
			return false, err
		}
	}
	for i := range chunks {
		at := begin + entries[i].Start - entries[0].Start
		if w.differs(i, media.FileFragment{Start: at, Timed: true}) != "" {
			return false, nil
		}
	}
	return true, nil
}

// joined reports whether a fragment that ends at an offset is followed by what
// begins at another one. Boxes of other kinds may lie between.
func (f *smoothFile) joined(ctx context.Context, at, next int64) (bool, error) {
	for n := 0; at < next; n++ {
		x, err := f.box(ctx, at, media.MaxBoxHead)
		if _, broken := errors.AsType[fault](err); broken || n == few || x.Kind == "moof" || x.Kind == "mdat" {
			return false, nil
		}
		if err != nil {
			return false, err
		}
		at += x.Size
	}
	return at == next, nil
}

// spread returns the numbers of those of n fragments that are read: the first,
// the last, and those between, all of a few and some of many.
func spread(n int) []int {
	count := n
	if n > few {
		count = some
	}
	order := []int{0}
	for i := count - 1; i > 0; i-- { // the last is in the tail, which was read just before
		order = append(order, i*(n-1)/(count-1))
	}
	return order
}

// follows reports whether chunk i begins where the one before it ends: so its
// time tells that one's duration too.
func (w wanted) follows(i int) bool {
	c := w.stream.Chunks
	return near(c[i-1].Start+c[i-1].Duration, w.stream.Scale, c[i].Start, w.stream.Scale, agreeing)
}

// agreeing is by how many seconds durations may differ: less than a frame.
// Times may not: players ask by them.
const agreeing = 0.01

// near reports whether two times are equal: to the unit, where they are in the
// same ones, or to the larger of the two units, or to within so many seconds.
func near(a, aScale, b, bScale uint64, within float64) bool {
	if aScale == bScale && a == b {
		return true
	}
	if aScale != bScale {
		within = max(within, 1.001/float64(min(aScale, bScale)))
	}
	return math.Abs(float64(a)/float64(aScale)-float64(b)/float64(bScale)) <= within && within > 0
}

// differs tells how a fragment differs from chunk i, empty if it does not.
// Fragments tell their times in units of the track, which encoders make those
// of 100 ns that MS-SSTR has by default; some tell them in these regardless.
func (w wanted) differs(i int, frag media.FileFragment) string {
	const usual = 10_000_000
	c, scale := w.stream.Chunks[i], w.stream.Scale
	why := ""
	for _, unit := range []uint64{w.track.Scale, usual} {
		switch {
		case frag.Timed && !near(c.Start, scale, frag.Start, unit, 0):
			why = fmt.Sprintf("begins at %d", frag.Start)
		case frag.Lasts && !near(c.Duration, scale, frag.Duration, unit, agreeing):
			why = fmt.Sprintf("lasts %d", frag.Duration)
		default:
			return ""
		}
	}
	return why
}
