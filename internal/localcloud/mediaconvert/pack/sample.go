package pack

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"

	"github.com/Eyevinn/mp4ff/aac"
	"github.com/Eyevinn/mp4ff/mp4"
)

// Sample describes a track that is made up: its boxes and times are right, and
// there is nothing to see or hear.
type Sample struct {
	Video         bool
	Width, Height int     // pixels, of video
	SampleRate    int     // Hz, of audio
	Seconds       float64 // in all
	Every         float64 // seconds of a fragment
}

// sampleTimescale is that of made-up video: it counts the frames of all usual
// rates exactly enough.
const sampleTimescale = 90000

// Parameter sets and one slice of baseline H.264, and a frame of stereo AAC
// silence.
var (
	sampleSPS     = unhex("6742c028da05067e7c04400000030040002ee003c50aa8")
	samplePPS     = unhex("68ce0fc8")
	sampleSlice   = unhex("00000008658884000f0a0180")
	sampleSilence = unhex("21100460" + "8c1c")
)

func unhex(s string) []byte {
	b, err := hex.DecodeString(s)
	if err != nil {
		panic(err) // a constant of ours
	}
	return b
}

// SampleFile returns a fragmented MP4 file with the tracks of samples. A smooth
// one is as Smooth Streaming wants it: all times in units of smoothTimescale,
// which clients take those of fragments to be in, a tfxd box in each fragment,
// and an mfra box at the end.
func SampleFile(samples []Sample, smooth bool) ([]byte, error) {
	init := mp4.CreateEmptyInit()
	scales := make([]uint32, len(samples))
	for i, s := range samples {
		scales[i] = s.timescale()
		if smooth {
			scales[i] = smoothTimescale
		}
		if err := s.describe(init, scales[i]); err != nil {
			return nil, fmt.Errorf("make up a track: %w", err)
		}
	}
	var b bytes.Buffer
	if err := init.Encode(&b); err != nil {
		return nil, fmt.Errorf("make up a track: %w", err)
	}
	number, index := uint32(0), new(mp4.MfraBox)
	for i, s := range samples {
		tfra := &mp4.TfraBox{Version: 1, TrackID: uint32(i + 1)}
		for _, c := range s.times(scales[i]) {
			number++
			tfra.Entries = append(tfra.Entries, mp4.TfraEntry{Time: c.start, MoofOffset: uint64(b.Len()), TrafNumber: 1, TrunNumber: 1, SampleNumber: 1})
			if err := s.fragment(&b, number, tfra.TrackID, c, smooth); err != nil {
				return nil, fmt.Errorf("make up a fragment: %w", err)
			}
		}
		if err := index.AddChild(tfra); err != nil {
			return nil, fmt.Errorf("make up an index: %w", err)
		}
	}
	if smooth {
		mfro := new(mp4.MfroBox)
		if err := index.AddChild(mfro); err != nil {
			return nil, fmt.Errorf("make up an index: %w", err)
		}
		mfro.ParentSize = uint32(index.Size())
		if err := index.Encode(&b); err != nil {
			return nil, fmt.Errorf("make up an index: %w", err)
		}
	}
	return b.Bytes(), nil
}

func (s *Sample) timescale() uint32 {
	if s.Video {
		return sampleTimescale
	}
	return uint32(s.SampleRate)
}

func (s *Sample) describe(init *mp4.InitSegment, scale uint32) error {
	if !s.Video {
		return init.AddEmptyTrack(scale, "audio", "und").SetAACDescriptor(aac.AAClc, s.SampleRate)
	}
	trak := init.AddEmptyTrack(scale, "video", "und")
	if err := trak.SetAVCDescriptor("avc1", [][]byte{sampleSPS}, [][]byte{samplePPS}, true); err != nil {
		return err
	}
	entry := trak.Mdia.Minf.Stbl.Stsd.AvcX
	entry.Width, entry.Height = uint16(s.Width), uint16(s.Height)
	trak.Tkhd.Width, trak.Tkhd.Height = mp4.Fixed32(s.Width<<16), mp4.Fixed32(s.Height<<16)
	return nil
}

// times cuts the track into fragments, in units of the scale.
func (s *Sample) times(scale uint32) []chunk {
	units := func(seconds float64) uint64 { return uint64(math.Max(1, math.Round(seconds*float64(scale)))) }
	end, step := units(s.Seconds), min(units(s.Every), math.MaxUint32) // what a sample's duration holds
	var list []chunk
	for at := uint64(0); at < end && len(list) < maxFragments; at += step {
		list = append(list, chunk{at, min(step, end-at)})
	}
	return list
}

func (s *Sample) fragment(b *bytes.Buffer, number, track uint32, c chunk, smooth bool) error {
	f, err := mp4.CreateFragment(number, track)
	if err != nil {
		return err
	}
	data, flags := sampleSilence, uint32(mp4.SyncSampleFlags)
	if s.Video {
		data = sampleSlice
	}
	f.AddFullSample(mp4.FullSample{Sample: mp4.Sample{Flags: flags, Dur: uint32(c.duration), Size: uint32(len(data))}, DecodeTime: c.start, Data: data})
	if smooth {
		tfxd := mp4.NewTfxdBox(c.start, c.duration)
		tfxd.Tfxd.Version = 1 // 64 bits: 32 of them hold seven minutes
		if err := f.Moof.Traf.AddChild(tfxd); err != nil {
			return err
		}
	}
	return f.Encode(b)
}

// SampleTS returns a transport stream without pictures: the two tables and
// padding (ISO/IEC 13818-1).
func SampleTS() []byte {
	pat := section(0x00, 1, []byte{0x00, 0x01, 0xe1, 0x00})                               // program 1: PID 0x100
	pmt := section(0x02, 1, []byte{0xe1, 0x01, 0xf0, 0x00, 0x1b, 0xe1, 0x01, 0xf0, 0x00}) // H.264 on PID 0x101
	stream := append(packet(0x000, true, append([]byte{0}, pat...)), packet(0x100, true, append([]byte{0}, pmt...))...)
	for range 4 {
		stream = append(stream, packet(0x1fff, false, nil)...)
	}
	return stream
}

// packet is one packet of 188 bytes.
func packet(pid uint16, start bool, payload []byte) []byte {
	p := bytes.Repeat([]byte{0xff}, 188)
	p[0], p[1], p[2], p[3] = 0x47, byte(pid>>8), byte(pid), 0x10
	if start {
		p[1] |= 0x40
	}
	copy(p[4:], payload)
	return p
}

// section is a table with its checksum.
func section(table byte, id uint16, body []byte) []byte {
	length := 5 + len(body) + 4
	s := []byte{table, 0xb0 | byte(length>>8), byte(length), byte(id >> 8), byte(id), 0xc1, 0, 0}
	s = append(s, body...)
	return binary.BigEndian.AppendUint32(s, crcMPEG(s))
}

func crcMPEG(b []byte) uint32 {
	crc := uint32(math.MaxUint32)
	for _, c := range b {
		crc ^= uint32(c) << 24
		for range 8 {
			if crc&(1<<31) != 0 {
				crc = crc<<1 ^ 0x04c11db7
			} else {
				crc <<= 1
			}
		}
	}
	return crc
}

// Bytes is a body that is in memory.
func Bytes(b []byte) Body { return bytesBody(b) }
