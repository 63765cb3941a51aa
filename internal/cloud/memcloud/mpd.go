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
