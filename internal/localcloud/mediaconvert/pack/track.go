// Package pack lists media for players: it groups the fragments of mezzanine
// tracks into segments and writes HLS playlists, DASH manifests and Smooth
// Streaming manifests by the segments' real times and sizes. Names are
// MediaConvert's: the group's base name, the output's modifier, a number. It
// encodes nothing and writes no files: see package transcode.
package pack

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/Eyevinn/mp4ff/mp4"

	"github.com/vodfleet/vodfleet/internal/localcloud/ffmpeg"
)

// Bounds of what a mezzanine file's boxes may take in memory.
const (
	maxHeader    = 16 << 20 // bytes of one ftyp, moov or moof
	maxFragments = 1 << 20
)

// Track is one track of the mezzanine: a fragmented MP4 file with one track.
type Track struct {
	Source    io.ReaderAt
	Init      []byte // ftyp and moov
	Timescale uint32
	Fragments []Fragment

	Video         bool
	Codec         string // RFC 6381
	Private       []byte // codec configuration: SPS and PPS with start codes, or AudioSpecificConfig
	Width, Height int    // pixels as coded
	SAR           ffmpeg.Rational
	FrameRate     ffmpeg.Rational // 0/1: none that is known
	Bitrate       int             // bits per second that the settings allow; 0: not said
	Channels      int
	SampleRate    int    // Hz
	Language      string // ISO 639-2, empty where unknown
}

// Fragment is one moof with its mdat.
type Fragment struct {
	Offset, Size    int64
	Start, Duration uint64 // in units of the track's timescale
}

// Open reads the boxes of a mezzanine file of size bytes.
func Open(r io.ReaderAt, size int64) (*Track, error) {
	t := &Track{Source: r, SAR: ffmpeg.Rational{Num: 1, Den: 1}}
	var defaults uint32 // sample duration of trex
	for at := int64(0); at < size; {
		h, err := mp4.DecodeHeader(io.NewSectionReader(r, at, size-at))
		if err != nil {
			return nil, fmt.Errorf("read box at %d: %w", at, err)
		}
		length := int64(h.Size)
		if length < int64(h.Hdrlen) || length > size-at {
			return nil, fmt.Errorf("read box at %d: %s of %d bytes in a file of %d", at, h.Name, length, size)
		}
		switch h.Name {
		case "ftyp", "moov":
			b, err := read(r, at, length)
			if err != nil {
				return nil, err
			}
			t.Init = append(t.Init, b...)
			if h.Name == "moov" {
				if defaults, err = t.moov(b); err != nil {
					return nil, fmt.Errorf("read moov: %w", err)
				}
			}
		case "moof":
			b, err := read(r, at, length)
			if err != nil {
				return nil, err
			}
			f, err := fragment(b, defaults)
			if err != nil {
				return nil, fmt.Errorf("read moof at %d: %w", at, err)
			}
			if len(t.Fragments) == maxFragments {
				return nil, errors.New("too many fragments")
			}
			f.Offset, f.Size = at, length
			t.Fragments = append(t.Fragments, f)
		case "mdat":
			if n := len(t.Fragments); n > 0 {
				t.Fragments[n-1].Size = at + length - t.Fragments[n-1].Offset
			}
		}
		at += length
	}
	switch {
	case t.Timescale == 0:
		return nil, errors.New("no track in it")
	case len(t.Fragments) == 0:
		return nil, errors.New("no fragments in it")
	}
	return t, nil
}

func read(r io.ReaderAt, at, length int64) ([]byte, error) {
	if length > maxHeader {
		return nil, fmt.Errorf("read box at %d: %d bytes are too many", at, length)
	}
	b := make([]byte, length)
	if _, err := r.ReadAt(b, at); err != nil {
		return nil, fmt.Errorf("read box at %d: %w", at, err)
	}
	return b, nil
}

// moov takes what players are told of the track.
func (t *Track) moov(b []byte) (defaults uint32, err error) {
	box, err := mp4.DecodeBox(0, bytes.NewReader(b))
	if err != nil {
		return 0, err
	}
	moov, ok := box.(*mp4.MoovBox)
	if !ok || moov.Trak == nil || moov.Trak.Mdia == nil || moov.Trak.Mdia.Mdhd == nil || moov.Trak.Mdia.Minf == nil ||
		moov.Trak.Mdia.Minf.Stbl == nil || moov.Trak.Mdia.Minf.Stbl.Stsd == nil {
		return 0, errors.New("incomplete")
	}
	t.Timescale = moov.Trak.Mdia.Mdhd.Timescale
	if moov.Mvex != nil && moov.Mvex.Trex != nil {
		defaults = moov.Mvex.Trex.DefaultSampleDuration
	}
	switch stsd := moov.Trak.Mdia.Minf.Stbl.Stsd; {
	case stsd.AvcX != nil && stsd.AvcX.AvcC != nil:
		return defaults, t.avc(stsd.AvcX)
	case stsd.Mp4a != nil && stsd.Mp4a.Esds != nil:
		return defaults, t.aac(stsd.Mp4a)
	}
	return 0, errors.New("neither H.264 nor AAC")
}

func (t *Track) avc(e *mp4.VisualSampleEntryBox) error {
	c := e.AvcC
	if len(c.SPSnalus) == 0 || len(c.PPSnalus) == 0 {
		return errors.New("no parameter sets")
	}
	t.Video, t.Width, t.Height = true, int(e.Width), int(e.Height)
	t.Codec = fmt.Sprintf("avc1.%02x%02x%02x", c.AVCProfileIndication, c.ProfileCompatibility, c.AVCLevelIndication)
	for _, nalu := range [][]byte{c.SPSnalus[0], c.PPSnalus[0]} {
		t.Private = append(append(t.Private, 0, 0, 0, 1), nalu...)
	}
	if e.Pasp != nil && e.Pasp.HSpacing > 0 && e.Pasp.VSpacing > 0 {
		t.SAR = ffmpeg.Rational{Num: int(e.Pasp.HSpacing), Den: int(e.Pasp.VSpacing)}
	}
	return nil
}

func (t *Track) aac(e *mp4.AudioSampleEntryBox) error {
	t.Channels, t.SampleRate = int(e.ChannelCount), int(e.SampleRate)
	d := e.Esds.DecConfigDescriptor
	if d == nil || d.DecSpecificInfo == nil || len(d.DecSpecificInfo.DecConfig) < 2 {
		return errors.New("no audio configuration")
	}
	t.Private = d.DecSpecificInfo.DecConfig
	t.Codec = fmt.Sprintf("mp4a.40.%d", t.Private[0]>>3)
	return nil
}

// fragment reads the times of one moof with one track.
func fragment(b []byte, defaults uint32) (Fragment, error) {
	box, err := mp4.DecodeBox(0, bytes.NewReader(b))
	if err != nil {
		return Fragment{}, err
	}
	moof, ok := box.(*mp4.MoofBox)
	if !ok || moof.Traf == nil || moof.Traf.Tfhd == nil || moof.Traf.Tfdt == nil {
		return Fragment{}, errors.New("incomplete")
	}
	if moof.Traf.Tfhd.HasDefaultSampleDuration() {
		defaults = moof.Traf.Tfhd.DefaultSampleDuration
	}
	f := Fragment{Start: moof.Traf.Tfdt.BaseMediaDecodeTime()}
	for _, trun := range moof.Traf.Truns {
		f.Duration += trun.Duration(defaults)
	}
	return f, nil
}

// seconds converts from the track's units.
func (t *Track) seconds(units uint64) float64 { return float64(units) / float64(t.Timescale) }

// Duration is the end of the last fragment, in seconds.
func (t *Track) Duration() float64 {
	last := t.Fragments[len(t.Fragments)-1]
	return t.seconds(last.Start + last.Duration)
}
