package pack

import (
	"bytes"
	"fmt"
	"io"
	"slices"

	"github.com/Eyevinn/mp4ff/mp4"
)

// chunk is one fragment as a Smooth client manifest lists it, in units of
// 1/10,000,000 s.
type chunk struct{ start, duration uint64 }

// smoothTimescale is the unit of tfxd boxes and client manifests.
const smoothTimescale = 10_000_000

// chunks reads, by track ID, the chunks that the tfxd boxes of a Smooth
// Streaming file tell (MS-SSTR, 2.2.4.4). ffmpeg's tfra boxes do not always
// agree with them, and clients ask by them.
func chunks(b Body) (map[uint32][]chunk, map[uint32]int64, error) {
	r, err := b.Open()
	if err != nil {
		return nil, nil, fmt.Errorf("open fragments: %w", err)
	}
	defer r.Close()
	found, sizes := make(map[uint32][]chunk), make(map[uint32]int64)
	var last uint32
	for at := int64(0); at < b.Size; {
		h, err := mp4.DecodeHeader(r)
		if err != nil {
			return nil, nil, fmt.Errorf("read box at %d: %w", at, err)
		}
		rest := int64(h.Size) - int64(h.Hdrlen)
		if rest < 0 || at+int64(h.Size) > b.Size {
			return nil, nil, fmt.Errorf("read box at %d: %s of %d bytes in a file of %d", at, h.Name, h.Size, b.Size)
		}
		if h.Name != "moof" {
			if h.Name == "mdat" {
				sizes[last] += rest
			}
			if _, err := io.CopyN(io.Discard, r, rest); err != nil {
				return nil, nil, fmt.Errorf("read box at %d: %w", at, err)
			}
		} else {
			if rest > maxHeader {
				return nil, nil, fmt.Errorf("read box at %d: %d bytes are too many", at, rest)
			}
			payload := make([]byte, rest)
			if _, err := io.ReadFull(r, payload); err != nil {
				return nil, nil, fmt.Errorf("read box at %d: %w", at, err)
			}
			id, c, err := tfxd(h, payload)
			if err != nil {
				return nil, nil, fmt.Errorf("read moof at %d: %w", at, err)
			}
			found[id], last = append(found[id], c), id
		}
		at += int64(h.Size)
	}
	return found, sizes, nil
}

func tfxd(h mp4.BoxHeader, payload []byte) (uint32, chunk, error) {
	box, err := mp4.DecodeMoof(h, 0, bytes.NewReader(payload))
	if err != nil {
		return 0, chunk{}, err
	}
	moof := box.(*mp4.MoofBox)
	if moof.Traf == nil || moof.Traf.Tfhd == nil || len(moof.Trafs) != 1 {
		return 0, chunk{}, fmt.Errorf("%d track fragments, want 1", len(moof.Trafs))
	}
	for _, b := range moof.Traf.Children {
		if u, ok := b.(*mp4.UUIDBox); ok && u.Tfxd != nil {
			return moof.Traf.Tfhd.TrackID, chunk{u.Tfxd.FragmentAbsoluteTime, u.Tfxd.FragmentAbsoluteDuration}, nil
		}
	}
	return 0, chunk{}, fmt.Errorf("no tfxd")
}

// equal reports whether clients can switch between two lists.
func equal(a, b []chunk) bool {
	return slices.EqualFunc(a, b, func(x, y chunk) bool { return x.start == y.start })
}
