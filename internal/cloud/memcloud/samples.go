package memcloud

import (
	"bytes"
	"encoding/hex"
	"hash/crc32"
	"image"
	"image/jpeg"
	"io"
	"math/bits"
	"sync"
	"time"

	"github.com/Eyevinn/mp4ff/mp4"
)

// Bodies are made once and shared by all files that look alike.
var bodies sync.Map

func shared(key any, make func() []byte) []byte {
	if b, ok := bodies.Load(key); ok {
		return b.([]byte)
	}
	b, _ := bodies.LoadOrStore(key, make())
	return b.([]byte)
}

const timescale = 90000

// Parameter sets of a 1280x720 High profile stream.
var (
	sps = unhex("67640020accac05005bb0169e0000003002000000c9c4c000432380008647c12401cb1c31380")
	pps = unhex("68b5df20")
)

func unhex(s string) []byte {
	b, err := hex.DecodeString(s)
	if err != nil {
		panic(err) // a constant
	}
	return b
}

// videoInit is an init segment of H.264 of a size.
func videoInit(s shape) []byte {
	type key shape
	return shared(key(s), func() []byte {
		init := mp4.CreateEmptyInit()
		trak := init.AddEmptyTrack(timescale, "video", "und")
		if err := trak.SetAVCDescriptor("avc1", [][]byte{sps}, [][]byte{pps}, true); err != nil {
			panic(err) // of constants
		}
		trak.Mdia.Minf.Stbl.Stsd.AvcX.Width, trak.Mdia.Minf.Stbl.Stsd.AvcX.Height = uint16(s.w), uint16(s.h)
		trak.Tkhd.Width, trak.Tkhd.Height = mp4.Fixed32(s.w<<16), mp4.Fixed32(s.h<<16)
		return encode(init)
	})
}

// audioInit is an init segment of AAC-LC.
func audioInit(rate int) []byte {
	type key int
	return shared(key(rate), func() []byte {
		init := mp4.CreateEmptyInit()
		trak := init.AddEmptyTrack(timescale, "audio", "und")
		if err := trak.SetAACDescriptor(2, rate); err != nil {
			panic(err) // the rate is one of [cloud.JobSpec.Valid]'s
		}
		return encode(init)
	})
}

// fragment is the numbered segment of a track: one sample of its duration,
// after segments of each.
func fragment(number int, d, each time.Duration) []byte {
	type key struct {
		number  int
		d, each time.Duration
	}
	return shared(key{number, d, each}, func() []byte {
		f, err := mp4.CreateFragment(uint32(number), 1)
		if err != nil {
			panic(err) // of one track
		}
		ticks := func(d time.Duration) uint64 { return uint64(d) * timescale / uint64(time.Second) }
		data := []byte{0, 0, 0, 2, 9, 0xf0} // an access unit delimiter
		f.AddFullSample(mp4.FullSample{
			Sample:     mp4.Sample{Flags: mp4.SyncSampleFlags, Dur: uint32(ticks(d)), Size: uint32(len(data))},
			DecodeTime: ticks(time.Duration(number-1) * each), Data: data,
		})
		seg := mp4.NewMediaSegment()
		seg.AddFragment(f)
		return encode(seg)
	})
}

// wholeFile is a file of one track: its init segment and one fragment.
func wholeFile(init []byte, d time.Duration) []byte {
	return append(bytes.Clone(init), fragment(1, d, d)...)
}

func encode(box interface{ Encode(io.Writer) error }) []byte {
	var b bytes.Buffer
	if err := box.Encode(&b); err != nil {
		panic(err) // a buffer takes all
	}
	return b.Bytes()
}

// picture is a black JPEG of a size.
func picture(s shape) []byte {
	type key shape
	return shared(key(s), func() []byte {
		var b bytes.Buffer
		if err := jpeg.Encode(&b, image.NewGray(image.Rect(0, 0, s.w, s.h)), &jpeg.Options{Quality: 1}); err != nil {
			panic(err) // a buffer takes all
		}
		return b.Bytes()
	})
}

// transportStream is a PAT, a PMT of one H.264 stream, and a null packet.
func transportStream() []byte {
	type key struct{}
	return shared(key{}, func() []byte {
		pat := section(0, []byte{0x00, 0xb0, 13, 0, 1, 0xc1, 0, 0, 0, 1, 0xe1, 0xe0})
		pmt := section(480, []byte{0x02, 0xb0, 18, 0, 1, 0xc1, 0, 0, 0xe1, 0xe1, 0xf0, 0, 0x1b, 0xe1, 0xe1, 0xf0, 0})
		null := packet(0x1fff, nil)
		return bytes.Join([][]byte{pat, pmt, null}, nil)
	})
}

// section is a packet that holds one table with its checksum (ISO/IEC 13818-1,
// 2.4.4).
func section(pid int, table []byte) []byte {
	crc := ^uint32(0)
	for _, b := range table { // most significant bit first, not inverted
		crc = crc<<8 ^ mpegTable[byte(crc>>24)^b]
	}
	return packet(pid|0x4000, append(append([]byte{0}, table...), byte(crc>>24), byte(crc>>16), byte(crc>>8), byte(crc)))
}

var mpegTable = func() (t [256]uint32) {
	poly := bits.Reverse32(crc32.IEEE)
	for i := range t {
		c := uint32(i) << 24
		for range 8 {
			if c&(1<<31) != 0 {
				c = c<<1 ^ poly
			} else {
				c <<= 1
			}
		}
		t[i] = c
	}
	return t
}()

func packet(pid int, payload []byte) []byte {
	p := bytes.Repeat([]byte{0xff}, 188)
	copy(p, []byte{0x47, byte(pid >> 8), byte(pid), 0x10})
	copy(p[4:], payload)
	return p
}
