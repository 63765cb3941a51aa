package memcloud

import (
	"bytes"
	"encoding/hex"
	"encoding/xml"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/Eyevinn/mp4ff/mp4"
	"github.com/vodfleet/vodfleet/internal/cloud"
)

const (
	typeSmooth  = "text/xml"
	smoothScale = 10_000_000 // units a second, of all times in a package
)

// track is one track of a Smooth Streaming package, as both manifests tell it.
type track struct {
	kind    string // video, audio
	file    string
	id      int // within the file
	bitrate int // bits a second, its own among those of its kind
	size    shape
	rate    int // Hz
}

// smooth writes a Smooth Streaming package: the server manifest, the client
// manifest and one file an output. Sound that several outputs repeat is in the
// manifests once.
func (g *group) smooth() {
	var tracks []track
	taken := make(map[int]bool) // bitrates of pictures
	apart := slices.ContainsFunc(g.Outputs, func(o cloud.Output) bool { return o.Video == nil && o.Audio != nil })
	for _, o := range g.Outputs {
		name, contentType, id := g.base+o.NameModifier+".ismv", typeMP4, 0
		if o.Video == nil {
			name, contentType = g.base+o.NameModifier+".isma", typeM4A
		}
		var in []track
		if o.Video != nil {
			id++
			t := track{kind: "video", file: name, id: id, bitrate: max(o.Video.MaxBitrate, 1), size: g.size(o.Video.Width, o.Video.Height)}
			for taken[t.bitrate] {
				t.bitrate++
			}
			taken[t.bitrate] = true
			tracks, in = append(tracks, t), append(in, t)
		}
		if o.Audio != nil {
			id++
			t := track{kind: "audio", file: name, id: id, bitrate: max(o.Audio.Bitrate, 1), rate: o.Audio.SampleRate}
			in = append(in, t)
			known := slices.ContainsFunc(tracks, func(t track) bool { return t.kind == "audio" })
			if !known && (o.Video == nil || !apart) {
				tracks = append(tracks, t)
			}
		}
		g.add(name, contentType, smoothFile(in, g.duration, g.fragmentLength()))
	}
	g.add(g.base+".ismc", typeSmooth, []byte(g.client(tracks)))
	g.add(g.base+".ism", typeSmooth, []byte(g.server(tracks)))
}

func (g *group) fragmentLength() time.Duration { return max(g.Fragment, time.Second) }

// server is the server manifest (SMIL).
func (g *group) server(tracks []track) string {
	var b strings.Builder
	fmt.Fprintf(&b, `<?xml version="1.0" encoding="utf-8"?>
<smil xmlns="http://www.w3.org/2001/SMIL20/Language">
  <head>
    <meta name="clientManifestRelativePath" content="%s"/>
  </head>
  <body>
    <switch>
`, escaped(g.base+".ismc"))
	for _, t := range tracks {
		fmt.Fprintf(&b, `      <%s src="%s" systemBitrate="%d">
        <param name="trackID" value="%d" valuetype="data"/>
        <param name="trackName" value="%s" valuetype="data"/>
      </%[1]s>
`, t.kind, escaped(t.file), t.bitrate, t.id, t.kind)
	}
	b.WriteString("    </switch>\n  </body>\n</smil>\n")
	return b.String()
}

// client is the client manifest (MS-SSTR, 2.2.2).
func (g *group) client(tracks []track) string {
	var b strings.Builder
	fmt.Fprintf(&b, "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<SmoothStreamingMedia MajorVersion=\"2\" MinorVersion=\"0\" TimeScale=\"%d\" Duration=\"%d\">\n",
		smoothScale, units(g.duration))
	list := cut(g.duration, g.fragmentLength())
	for _, kind := range []string{"video", "audio"} {
		var levels strings.Builder
		n := 0
		for _, t := range tracks {
			if t.kind != kind {
				continue
			}
			if kind == "video" {
				fmt.Fprintf(&levels, "    <QualityLevel Index=\"%d\" Bitrate=\"%d\" FourCC=\"H264\" MaxWidth=\"%d\" MaxHeight=\"%d\" CodecPrivateData=\"00000001%X00000001%X\"/>\n",
					n, t.bitrate, t.size.w, t.size.h, sps, pps)
			} else {
				fmt.Fprintf(&levels, "    <QualityLevel Index=\"%d\" Bitrate=\"%d\" FourCC=\"AACL\" SamplingRate=\"%d\" Channels=\"2\" BitsPerSample=\"16\" PacketSize=\"4\" AudioTag=\"255\" CodecPrivateData=\"%s\"/>\n",
					n, t.bitrate, t.rate, audioConfig(t.rate))
			}
			n++
		}
		if n == 0 {
			continue
		}
		fmt.Fprintf(&b, "  <StreamIndex Type=\"%s\" Name=\"%[1]s\" Chunks=\"%d\" QualityLevels=\"%d\" Url=\"QualityLevels({bitrate})/Fragments(%[1]s={start time})\">\n%[4]s",
			kind, len(list), n, levels.String())
		for i, d := range list {
			fmt.Fprintf(&b, "    <c n=\"%d\" d=\"%d\"/>\n", i, units(d))
		}
		b.WriteString("  </StreamIndex>\n")
	}
	b.WriteString("</SmoothStreamingMedia>\n")
	return b.String()
}

// audioConfig is the AudioSpecificConfig of AAC-LC in stereo, in hexadecimal
// digits (ISO/IEC 14496-3, 1.6.2.1).
func audioConfig(rate int) string {
	rates := []int{96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000}
	index := max(slices.Index(rates, rate), 0)
	config := 2<<11 | index<<7 | 2<<3
	return strings.ToUpper(hex.EncodeToString([]byte{byte(config >> 8), byte(config)}))
}

// escaped is text as it stands in an attribute of XML.
func escaped(text string) string {
	var b bytes.Buffer
	_ = xml.EscapeText(&b, []byte(text)) // a buffer takes all
	return b.String()
}

// units is d in units of a package.
func units(d time.Duration) uint64 { return uint64(d) / 100 }

// cut returns the lengths of what is cut out of a whole.
func cut(whole, each time.Duration) []time.Duration {
	var all []time.Duration
	for left := whole; left > 0; left -= each {
		all = append(all, min(left, each))
	}
	return all
}

// smoothFile is a file of fragments with its index: each of one sample of a
// track, whose time and duration a tfxd box tells.
func smoothFile(tracks []track, d, each time.Duration) []byte {
	type key struct {
		looks   string // all of the tracks but their names and bitrates
		d, each time.Duration
	}
	k := key{d: d, each: each}
	for _, t := range tracks {
		k.looks += fmt.Sprint(t.kind, t.size, t.rate, " ")
	}
	return shared(k, func() []byte {
		init := mp4.CreateEmptyInit()
		for _, t := range tracks {
			describe(init, t)
		}
		b := bytes.NewBuffer(encode(init))
		index := make([]*mp4.TfraBox, len(tracks))
		number, start := uint32(0), uint64(0)
		for _, d := range cut(d, each) {
			for i := range tracks {
				number++
				if index[i] == nil {
					index[i] = &mp4.TfraBox{Version: 1, TrackID: uint32(i + 1)}
				}
				index[i].Entries = append(index[i].Entries, mp4.TfraEntry{Time: start, MoofOffset: uint64(b.Len()), TrafNumber: 1, TrunNumber: 1, SampleNumber: 1})
				b.Write(smoothFragment(number, uint32(i+1), start, units(d)))
			}
			start += units(d)
		}
		mfra, mfro := new(mp4.MfraBox), new(mp4.MfroBox)
		for _, tfra := range index {
			must(mfra.AddChild(tfra))
		}
		must(mfra.AddChild(mfro))
		mfro.ParentSize = uint32(mfra.Size())
		b.Write(encode(mfra))
		return b.Bytes()
	})
}

func describe(init *mp4.InitSegment, t track) {
	if t.kind == "audio" {
		must(init.AddEmptyTrack(smoothScale, "audio", "und").SetAACDescriptor(2, t.rate)) // the rate is one of [cloud.JobSpec.Valid]'s
		return
	}
	trak := init.AddEmptyTrack(smoothScale, "video", "und")
	must(trak.SetAVCDescriptor("avc1", [][]byte{sps}, [][]byte{pps}, true))
	trak.Mdia.Minf.Stbl.Stsd.AvcX.Width, trak.Mdia.Minf.Stbl.Stsd.AvcX.Height = uint16(t.size.w), uint16(t.size.h)
	trak.Tkhd.Width, trak.Tkhd.Height = mp4.Fixed32(t.size.w<<16), mp4.Fixed32(t.size.h<<16)
}

func smoothFragment(number, track uint32, start, duration uint64) []byte {
	f, err := mp4.CreateFragment(number, track)
	must(err)
	data := []byte{0, 0, 0, 2, 9, 0xf0} // an access unit delimiter
	f.AddFullSample(mp4.FullSample{
		Sample: mp4.Sample{Flags: mp4.SyncSampleFlags, Dur: uint32(duration), Size: uint32(len(data))}, DecodeTime: start, Data: data,
	})
	tfxd := mp4.NewTfxdBox(start, duration)
	tfxd.Tfxd.Version = 1 // 64 bits: 32 of them hold seven minutes
	must(f.Moof.Traf.AddChild(tfxd))
	return encode(f)
}

// must is for what is made of constants.
func must(err error) {
	if err != nil {
		panic(err)
	}
}
