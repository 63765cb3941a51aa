package pack

import (
	"bytes"
	"io"
	"math"
)

// Segment is a run of fragments.
type Segment struct {
	Offset, Size    int64  // in the track's source
	Start, Duration uint64 // in units of the track's timescale
}

// Cuts returns where segments of at least length seconds begin, in seconds,
// the first one left out. A fragment that ends a hair early still fills one.
func (t *Track) Cuts(length float64) []float64 {
	var cuts []float64
	begun := t.Fragments[0].Start
	for _, f := range t.Fragments[1:] {
		if t.seconds(f.Start-begun) >= length*0.99 {
			cuts = append(cuts, t.seconds(f.Start))
			begun = f.Start
		}
	}
	return cuts
}

// Segments groups the fragments so that segments begin nearest to the cuts.
func (t *Track) Segments(cuts []float64) []Segment {
	var segments []Segment
	for i, f := range t.Fragments {
		cut := i == 0
		for len(cuts) > 0 && i > 0 && t.seconds(f.Start)+t.seconds(f.Duration)/2 > cuts[0] {
			cuts, cut = cuts[1:], true
		}
		if cut {
			segments = append(segments, Segment{Offset: f.Offset, Start: f.Start})
		}
		s := &segments[len(segments)-1]
		s.Size = f.Offset + f.Size - s.Offset
		s.Duration = f.Start + f.Duration - s.Start
	}
	return segments
}

// Body is the content of a file to be written. It can be opened again.
type Body struct {
	Size int64
	Open func() (io.ReadCloser, error)
}

// bytesBody is a body that is in memory.
func bytesBody(b []byte) Body {
	return Body{int64(len(b)), func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(b)), nil }}
}

// body is head followed by the segment's bytes.
func (t *Track) body(head []byte, s Segment) Body {
	return Body{int64(len(head)) + s.Size, func() (io.ReadCloser, error) {
		return io.NopCloser(io.MultiReader(bytes.NewReader(head), io.NewSectionReader(t.Source, s.Offset, s.Size))), nil
	}}
}

// rate is what a track or an output takes, in bits per second.
type rate struct{ peak, average int }

func (r rate) plus(o rate) rate { return rate{r.peak + o.peak, r.average + o.average} }

// measure gives the rates of segments: the peak leaves out segments shorter
// than half the longest (RFC 8216, 4.3.4.2: ranges of 0.5 to 1.5 of the target).
func measure(segments []Listed) rate {
	var longest, total, bits, peak float64
	for _, s := range segments {
		longest = math.Max(longest, s.Seconds)
		total += s.Seconds
		bits += float64(s.Size) * 8
	}
	for _, s := range segments {
		if s.Seconds >= longest/2 && s.Seconds > 0 {
			peak = math.Max(peak, float64(s.Size)*8/s.Seconds)
		}
	}
	if total <= 0 {
		return rate{1, 1}
	}
	average := int(math.Ceil(bits / total))
	return rate{max(int(math.Ceil(peak)), average, 1), max(average, 1)}
}
