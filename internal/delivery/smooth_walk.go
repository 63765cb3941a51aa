package delivery

import (
	"context"
	"errors"

	"github.com/vodfleet/vodfleet/internal/cloud"
	"github.com/vodfleet/vodfleet/internal/media"
)

// walk reads the boxes of all fragments from an offset on. Cut tells how the
// file is cut off, empty if it is whole.
func (f *smoothFile) walk(ctx context.Context, at int64) (found map[uint32][]media.FileFragment, cut string, err error) {
	found = make(map[uint32][]media.FileFragment)
	var open []media.FileFragment // of the moof whose mdat is to come
	for n := 0; at < f.size; n++ {
		if n == maxBoxes {
			return nil, "", faultf("more than %d boxes", maxBoxes)
		}
		x, err := f.box(ctx, at, boxPart)
		if why, ok := errors.AsType[fault](err); ok {
			return found, string(why), nil
		}
		if err != nil {
			return nil, "", err
		}
		switch x.Kind {
		case "moof":
			b, err := f.payload(ctx, x, at, maxMoov)
			if err != nil {
				return nil, "", err
			}
			if open, err = media.ReadFragments(b, f.tracks); err != nil {
				return nil, "", faultf("box moof at %d: %v", at, err)
			}
		case "mdat":
			for _, frag := range open {
				found[frag.Track] = append(found[frag.Track], frag)
			}
			open = nil
		}
		at += x.Size
	}
	if open != nil {
		cut = "ends with the boxes of a fragment without its media"
	}
	return found, cut, nil
}

// judge compares the fragments that are there with the chunks.
func (f *smoothFile) judge(found map[uint32][]media.FileFragment, cut string) error {
	for _, w := range f.wants {
		have, chunks := found[w.track.ID], w.stream.Chunks
		name := clip(w.stream.Name)
		switch {
		case cut != "":
			return faultf("%s; it has %d of the %d fragments of stream %s that %s lists", cut, len(have), len(chunks), name, f.client)
		case len(have) != len(chunks):
			return faultf("has %d fragments of track %d, and %s lists %d chunks of stream %s", len(have), w.track.ID, f.client, len(chunks), name)
		}
		next := uint64(0) // where the next fragment begins if it does not tell
		for i, frag := range have {
			if !frag.Timed {
				frag.Start, frag.Timed = next, true
			}
			if why := w.differs(i, frag); why != "" {
				return faultf("fragment %d of track %d %s, and %s has chunk %d of stream %s at %d for %d",
					i, w.track.ID, why, f.client, i, name, chunks[i].Start, chunks[i].Duration)
			}
			next = frag.Start + frag.Duration
		}
	}
	return nil
}

// fragment reads one fragment of a track, whose moof is at an offset, and
// returns where its media end.
func (f *smoothFile) fragment(ctx context.Context, at int64, track uint32) (media.FileFragment, int64, error) {
	x, err := f.box(ctx, at, boxPart)
	if err != nil {
		return media.FileFragment{}, 0, err
	}
	if x.Kind != "moof" {
		return media.FileFragment{}, 0, faultf("box %q at %d, where the index has a fragment", x.Kind, at)
	}
	b, err := f.payload(ctx, x, at, maxMoov)
	if err != nil {
		return media.FileFragment{}, 0, err
	}
	all, err := media.ReadFragments(b, f.tracks)
	if err != nil {
		return media.FileFragment{}, 0, faultf("box moof at %d: %v", at, err)
	}
	mdat, err := f.box(ctx, at+x.Size, media.MaxBoxHead)
	if err != nil {
		return media.FileFragment{}, 0, err
	}
	for _, frag := range all {
		if frag.Track == track && mdat.Kind == "mdat" {
			return frag, at + x.Size + mdat.Size, nil
		}
	}
	return media.FileFragment{}, 0, faultf("no fragment of track %d at %d", track, at)
}

// box reads the header of the box at an offset, which has to end in the file.
// It reads ahead bytes, so that what follows need not be read again.
func (f *smoothFile) box(ctx context.Context, at, ahead int64) (media.Box, error) {
	if at >= f.size {
		return media.Box{}, faultf("cut off: it ends at %d, in the middle of a fragment", f.size)
	}
	b, err := f.read(ctx, at, media.MaxBoxHead, ahead)
	if err != nil {
		return media.Box{}, err
	}
	x, err := media.ReadBox(b)
	switch {
	case errors.Is(err, media.ErrCutShort):
		return x, faultf("cut off: it ends at %d, in the head of a box", f.size)
	case err != nil:
		return x, faultf("at %d: %v", at, err)
	case x.Size == 0:
		x.Size = f.size - at
	case x.Size > f.size-at:
		return x, faultf("cut off: its box %q at %d has %d bytes, and the file ends at %d", x.Kind, at, x.Size, f.size)
	}
	return x, nil
}

// payload reads what is in a box.
func (f *smoothFile) payload(ctx context.Context, x media.Box, at, limit int64) ([]byte, error) {
	n := x.Size - x.Head
	if n > limit {
		return nil, faultf("box %s at %d has %d bytes, limit %d", x.Kind, at, x.Size, limit)
	}
	return f.read(ctx, at+x.Head, n, 0)
}

// part is a part of a file that was read.
type part struct {
	at int64
	b  []byte
}

// read returns n bytes of the file from an offset on, fewer at its end. It
// reads at least ahead bytes if it has to read, and keeps the first part and
// the two latest: what is asked for next is mostly in them.
func (f *smoothFile) read(ctx context.Context, at, n, ahead int64) ([]byte, error) {
	n = min(n, f.size-at)
	if n <= 0 {
		return nil, nil
	}
	for _, p := range f.kept {
		if at >= p.at && at+n <= p.at+int64(len(p.b)) {
			return p.b[at-p.at:][:n], nil
		}
	}
	from, want := at, min(max(n, ahead), f.size-at)
	if f.size <= headPart+tailPart { // one read will do for all of it
		from, want = 0, f.size
	}
	f.looks++
	f.peeked += want
	if f.looks > maxLooks || f.peeked > maxPeeked {
		return nil, faultf("with it, files of the package need more than %d reads or %d bytes to be looked at", maxLooks, maxPeeked)
	}
	b, err := f.store.GetRange(ctx, f.prefix.Join(f.path), from, want)
	switch {
	case errors.Is(err, cloud.ErrNotFound), errors.Is(err, cloud.ErrInvalid):
		return nil, faultf("%v", err) // it has changed since it was listed
	case err != nil:
		return nil, err
	case int64(len(b)) < want:
		return nil, faultf("has %d bytes, and was listed with %d", from+int64(len(b)), f.size)
	}
	if len(f.kept) == 3 {
		f.kept = append(f.kept[:1], f.kept[2])
	}
	f.kept = append(f.kept, part{from, b})
	return b[at-from:][:n], nil
}
