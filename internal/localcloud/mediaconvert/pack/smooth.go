package pack

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"unicode/utf16"
)

// level is one track of a Smooth Streaming group.
type level struct {
	output   int
	track    *Track
	file     string
	id       uint32 // of the track in the file
	bitrate  int
	chunks   []chunk
	language string
	name     string
}

// Smooth returns the files of a Microsoft Smooth Streaming group: the
// fragments, a server manifest (.ism) and a client manifest (.ismc), as
// MS-SSTR and the SMIL profile of IIS Media Services describe them.
func (g *Group) Smooth(utf16Manifests bool) ([]File, error) {
	var video, audio []level
	for i := range g.Outputs {
		o := &g.Outputs[i]
		ext, kind := "ismv", typeMP4
		if o.Video == nil {
			ext, kind = "isma", typeM4A
		}
		name := g.Base + o.Modifier + "." + ext
		lists, sizes, err := chunks(o.Whole)
		if err != nil {
			return nil, fmt.Errorf("output %d: %w", i, err)
		}
		g.add(i, name, kind, o.Whole)
		id := uint32(0)
		for _, t := range []*Track{o.Video, o.Audio} {
			if t == nil {
				continue
			}
			id++
			l := level{output: i, track: t, file: name, id: id, chunks: lists[id], language: t.Language, name: o.Stream}
			if len(l.chunks) == 0 {
				return nil, fmt.Errorf("output %d: no fragments of track %d", i, id)
			}
			l.bitrate = max(int(float64(sizes[id])*8/t.Duration()), 1)
			if t.Video {
				if len(video) > 0 && !equal(video[0].chunks, l.chunks) {
					return nil, fmt.Errorf("output %d: its fragments begin at other times than those of output %d", i, video[0].output)
				}
				video = distinct(video, l)
			} else if o.Video == nil || !slices.ContainsFunc(audio, func(a level) bool { return a.language == l.language && a.name == l.name }) {
				audio = append(audio, l)
			}
		}
	}
	g.manifest(g.Base+".ismc", typeSmooth, encode(g.client(video, audio), utf16Manifests))
	g.manifest(g.Base+".ism", typeSmooth, encode(g.server(video, audio), utf16Manifests))
	return g.files, nil
}

// distinct adds a level with a bitrate of its own: clients name levels by it.
func distinct(levels []level, l level) []level {
	for slices.ContainsFunc(levels, func(o level) bool { return o.bitrate == l.bitrate }) {
		l.bitrate++
	}
	return append(levels, l)
}

// encode is the text as it is stored.
func encode(text string, wide bool) string {
	const declaration = `<?xml version="1.0" encoding="%s"?>` + "\n"
	if !wide {
		return fmt.Sprintf(declaration, "utf-8") + text
	}
	b := []byte{0xff, 0xfe}
	for _, u := range utf16.Encode([]rune(fmt.Sprintf(declaration, "utf-16") + text)) {
		b = binary.LittleEndian.AppendUint16(b, u)
	}
	return string(b)
}

// server is the .ism: which file and track has which bitrate.
func (g *Group) server(video, audio []level) string {
	var b strings.Builder
	fmt.Fprintf(&b, `<smil xmlns="http://www.w3.org/2001/SMIL20/Language">
  <head>
    <meta name="clientManifestRelativePath" content="%s"/>
  </head>
  <body>
    <switch>
`, attr(g.Base+".ismc"))
	for n, levels := range [][]level{video, audio} {
		kind := []string{"video", "audio"}[n]
		for i, l := range levels {
			fmt.Fprintf(&b, `      <%s src="%s" systemBitrate="%d"`, kind, attr(l.file), l.bitrate)
			if l.language != "" {
				fmt.Fprintf(&b, ` systemLanguage="%s"`, attr(l.language))
			}
			fmt.Fprintf(&b, ">\n        <param name=\"trackID\" value=\"%d\" valuetype=\"data\"/>\n", l.id)
			if kind == "audio" {
				fmt.Fprintf(&b, "        <param name=\"trackName\" value=\"%s\" valuetype=\"data\"/>\n", attr(audioName(i)))
			}
			fmt.Fprintf(&b, "      </%s>\n", kind)
		}
	}
	b.WriteString("    </switch>\n  </body>\n</smil>\n")
	return b.String()
}

// audioName is the name by which clients ask for an audio track.
func audioName(n int) string {
	if n == 0 {
		return "audio"
	}
	return fmt.Sprintf("audio_%d", n)
}

// client is the .ismc: what there is to be asked for.
func (g *Group) client(video, audio []level) string {
	var end uint64
	for _, l := range append(slices.Clone(video), audio...) {
		last := l.chunks[len(l.chunks)-1]
		end = max(end, last.start+last.duration)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "<SmoothStreamingMedia MajorVersion=\"2\" MinorVersion=\"2\" TimeScale=\"%d\" Duration=\"%d\">\n", smoothTimescale, end)
	if len(video) > 0 {
		width, height := 0, 0
		for _, l := range video {
			width, height = max(width, l.track.Width), max(height, l.track.Height)
		}
		fmt.Fprintf(&b, `  <StreamIndex Type="video" Name="video" Chunks="%d" QualityLevels="%d" MaxWidth="%d" MaxHeight="%d" DisplayWidth="%d" DisplayHeight="%d" Url="QualityLevels({bitrate})/Fragments(video={start time})">
`, len(video[0].chunks), len(video), width, height, displayWidth(video[0].track, width), height)
		for i, l := range video {
			fmt.Fprintf(&b, `    <QualityLevel Index="%d" Bitrate="%d" FourCC="H264" MaxWidth="%d" MaxHeight="%d" CodecPrivateData="%s"/>
`, i, l.bitrate, l.track.Width, l.track.Height, strings.ToUpper(hex.EncodeToString(l.track.Private)))
		}
		writeChunks(&b, video[0].chunks)
	}
	for n, l := range audio {
		fmt.Fprintf(&b, `  <StreamIndex Type="audio" Name="%s" Chunks="%d" QualityLevels="1"`, attr(audioName(n)), len(l.chunks))
		if l.language != "" {
			fmt.Fprintf(&b, ` Language="%s"`, attr(l.language))
		}
		fmt.Fprintf(&b, ` Url="QualityLevels({bitrate})/Fragments(%s={start time})">
    <QualityLevel Index="0" Bitrate="%d" FourCC="AACL" SamplingRate="%d" Channels="%d" BitsPerSample="16" PacketSize="4" AudioTag="255" CodecPrivateData="%s"/>
`, attr(audioName(n)), l.bitrate, l.track.SampleRate, max(l.track.Channels, 1), strings.ToUpper(hex.EncodeToString(l.track.Private)))
		writeChunks(&b, l.chunks)
	}
	b.WriteString("</SmoothStreamingMedia>\n")
	return b.String()
}

func displayWidth(t *Track, width int) int {
	if f := t.SAR.Float(); f > 0 {
		return int(float64(width)*f + 0.5)
	}
	return width
}

func writeChunks(b *strings.Builder, list []chunk) {
	for i, c := range list {
		fmt.Fprintf(b, "    <c n=\"%d\" t=\"%d\" d=\"%d\"/>\n", i, c.start, c.duration)
	}
	b.WriteString("  </StreamIndex>\n")
}
