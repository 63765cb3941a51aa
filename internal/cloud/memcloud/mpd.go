package memcloud

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"strings"
	"time"
)

// mpd writes the group's DASH manifest.
func (g *group) mpd(video, audio string) {
	var b strings.Builder
	fmt.Fprintf(&b, `<?xml version="1.0" encoding="UTF-8"?>
<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" profiles="urn:mpeg:dash:profile:isoff-live:2011" minBufferTime="PT30S" mediaPresentationDuration="%s">
  <Period start="PT0S" duration="%[1]s" id="1">
`, period(g.duration))
	id := 0
	for _, kind := range []string{"video", "audio"} {
		g.adaptations(&b, kind, map[string]string{"video": video, "audio": audio}[kind], &id)
	}
	if t, o := g.Tiles, g.tiled(); t != nil && o != nil {
		thumb := g.size(t.Width, 0)
		fmt.Fprintf(&b, `    <AdaptationSet mimeType="image/jpeg" contentType="image">
      <SegmentTemplate media="%s_tiles_$Number%%09d$.jpg" startNumber="1" timescale="1000" duration="%d"/>
      <Representation id="%d" bandwidth="20000" width="%d" height="%d">
        <EssentialProperty schemeIdUri="http://dashif.org/guidelines/thumbnail_tile" value="%dx%d"/>
      </Representation>
    </AdaptationSet>
`, template(g.base+o.NameModifier), (t.Every * time.Duration(t.Columns*t.Rows)).Milliseconds(), id+1,
			thumb.w*t.Columns, thumb.h*t.Rows, t.Columns, t.Rows)
	}
	b.WriteString("  </Period>\n</MPD>\n")
	g.add(g.base+".mpd", typeDASH, []byte(b.String()))
}

// adaptations writes the adaptation set of the group's video or audio outputs.
func (g *group) adaptations(b *strings.Builder, kind, ext string, id *int) {
	open := false
	for _, o := range g.Outputs {
		if (o.Video != nil) != (kind == "video") {
			continue
		}
		if !open {
			fmt.Fprintf(b, "    <AdaptationSet mimeType=\"%s/mp4\" segmentAlignment=\"true\" startWithSAP=\"1\">\n", kind)
			open = true
		}
		*id++
		name := template(g.base + o.NameModifier)
		if o.Video != nil {
			s := g.size(o.Video.Width, o.Video.Height)
			fmt.Fprintf(b, "      <Representation id=\"%d\" width=\"%d\" height=\"%d\" frameRate=\"%s\" bandwidth=\"%d\" codecs=\"%s\">\n",
				*id, s.w, s.h, frameRate(g.fps), o.Video.MaxBitrate, avcCodec(s))
		} else {
			fmt.Fprintf(b, "      <Representation id=\"%d\" bandwidth=\"%d\" audioSamplingRate=\"%d\" codecs=\"mp4a.40.2\">\n",
				*id, o.Audio.Bitrate, o.Audio.SampleRate)
		}
		fmt.Fprintf(b, "        <SegmentTemplate timescale=\"1000\" media=\"%s_$Number%%09d$.%s\" initialization=\"%[1]sinit.%[2]s\" duration=\"%d\" startNumber=\"1\"/>\n      </Representation>\n",
			name, ext, g.Segment.Milliseconds())
	}
	if open {
		b.WriteString("    </AdaptationSet>\n")
	}
}

// template escapes a name for the template of an XML attribute.
func template(name string) string {
	var b bytes.Buffer
	_ = xml.EscapeText(&b, []byte(strings.ReplaceAll(uri(name), "$", "$$"))) // a buffer takes all
	return b.String()
}

// period is d as an XML Schema duration.
func period(d time.Duration) string { return fmt.Sprintf("PT%.3fS", d.Seconds()) }

func frameRate(fps float64) string { return fmt.Sprintf("%d/1000", int(fps*1000+0.5)) }

// smooth writes a Smooth Streaming package: the server manifest, the client
// manifest and one file an output.
func (g *group) smooth() {
	var tracks, streams strings.Builder
	chunks := int((g.duration + max(g.Fragment, time.Second) - 1) / max(g.Fragment, time.Second))
	for _, o := range g.Outputs {
		name := g.base + o.NameModifier + ".ismv"
		if o.Video == nil {
			name = g.base + o.NameModifier + ".isma"
		}
		if o.Video != nil {
			s := g.size(o.Video.Width, o.Video.Height)
			fmt.Fprintf(&tracks, "      <video src=%q systemBitrate=\"%d\"/>\n", name, o.Video.MaxBitrate)
			fmt.Fprintf(&streams, "  <StreamIndex Type=\"video\" Chunks=\"%d\" Url=\"QualityLevels({bitrate})/Fragments(video={start time})\">\n    <QualityLevel Index=\"0\" Bitrate=\"%d\" FourCC=\"H264\" MaxWidth=\"%d\" MaxHeight=\"%d\"/>\n%s  </StreamIndex>\n",
				chunks, o.Video.MaxBitrate, s.w, s.h, g.chunks(chunks))
			g.add(name, typeMP4, wholeFile(videoInit(s), g.duration))
		}
		if o.Audio != nil {
			fmt.Fprintf(&tracks, "      <audio src=%q systemBitrate=\"%d\"/>\n", name, o.Audio.Bitrate)
			fmt.Fprintf(&streams, "  <StreamIndex Type=\"audio\" Chunks=\"%d\" Url=\"QualityLevels({bitrate})/Fragments(audio={start time})\">\n    <QualityLevel Index=\"0\" Bitrate=\"%d\" FourCC=\"AACL\" SamplingRate=\"%d\" Channels=\"2\"/>\n%s  </StreamIndex>\n",
				chunks, o.Audio.Bitrate, o.Audio.SampleRate, g.chunks(chunks))
			if o.Video == nil {
				g.add(name, typeM4A, wholeFile(audioInit(o.Audio.SampleRate), g.duration))
			}
		}
	}
	g.add(g.base+".ismc", "text/xml", fmt.Appendf(nil, "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<SmoothStreamingMedia MajorVersion=\"2\" MinorVersion=\"0\" TimeScale=\"10000000\" Duration=\"%d\">\n%s</SmoothStreamingMedia>\n",
		g.duration.Nanoseconds()/100, streams.String()))
	g.add(g.base+".ism", "text/xml", fmt.Appendf(nil, "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<smil xmlns=\"http://www.w3.org/2001/SMIL20/Language\">\n  <head><meta name=\"clientManifestRelativePath\" content=%q/></head>\n  <body>\n    <switch>\n%s    </switch>\n  </body>\n</smil>\n",
		g.base+".ismc", tracks.String()))
}

// chunks lists n fragments of the client manifest.
func (g *group) chunks(n int) string {
	var b strings.Builder
	for i := range n {
		d := min(g.Fragment, g.duration-time.Duration(i)*g.Fragment)
		fmt.Fprintf(&b, "    <c n=\"%d\" d=\"%d\"/>\n", i, d.Nanoseconds()/100)
	}
	return b.String()
}
