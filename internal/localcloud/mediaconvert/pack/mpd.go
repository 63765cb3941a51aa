package pack

import (
	"encoding/xml"
	"fmt"
	"math"
	"slices"
	"strings"
)

// mpd writes the group's MPD (ISO/IEC 23009-1): one adaptation set for video,
// one for each audio output's language and name, one for thumbnails.
func (g *Group) mpd(reps []representation, images map[int][]Listed) {
	var duration, buffer float64
	for i := range g.Outputs {
		duration = math.Max(duration, g.Outputs[i].track().Duration())
		for _, l := range reps[i].listed {
			buffer = math.Max(buffer, l.Seconds)
		}
	}
	profile := "urn:mpeg:dash:profile:isoff-live:2011"
	if g.Single {
		profile = "urn:mpeg:dash:profile:isoff-on-demand:2011"
	}
	var b strings.Builder
	fmt.Fprintf(&b, `<?xml version="1.0" encoding="UTF-8"?>
<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" profiles="%s" type="static" minBufferTime="PT%.3fS" mediaPresentationDuration="PT%.3fS">
  <Period id="1" start="PT0S" duration="PT%.3fS">
`, profile, buffer, duration, duration)
	id := 0
	for _, set := range g.sets() {
		id++
		g.set(&b, id, set, reps)
	}
	for i := range g.Outputs {
		if list := images[i]; len(list) > 0 {
			id++
			g.imageSet(&b, id, i, list)
		}
	}
	b.WriteString("  </Period>\n</MPD>\n")
	g.manifest(g.Base+".mpd", typeDASH, b.String())
}

// sets groups the outputs: all video, then audio by language and name.
func (g *Group) sets() [][]int {
	var video []int
	var audio [][]int
	for i := range g.Outputs {
		o := &g.Outputs[i]
		if o.Video != nil {
			video = append(video, i)
			continue
		}
		at := slices.IndexFunc(audio, func(set []int) bool {
			p := &g.Outputs[set[0]]
			return p.Audio.Language == o.Audio.Language && p.Stream == o.Stream && p.AudioGroup == o.AudioGroup
		})
		if at < 0 {
			audio = append(audio, []int{i})
		} else {
			audio[at] = append(audio[at], i)
		}
	}
	if video == nil {
		return audio
	}
	return append([][]int{video}, audio...)
}

func (g *Group) set(b *strings.Builder, id int, outputs []int, reps []representation) {
	t := g.Outputs[outputs[0]].track()
	kind, mime := "audio", "audio/mp4"
	if t.Video {
		kind, mime = "video", "video/mp4"
	}
	fmt.Fprintf(b, `    <AdaptationSet id="%d" contentType="%s" mimeType="%s" segmentAlignment="true" startWithSAP="1" subsegmentAlignment="true" subsegmentStartsWithSAP="1"`, id, kind, mime)
	if t.Language != "" {
		fmt.Fprintf(b, ` lang="%s"`, attr(t.Language))
	}
	b.WriteString(">\n      <Role schemeIdUri=\"urn:mpeg:dash:role:2011\" value=\"main\"/>\n")
	for _, i := range outputs {
		g.representation(b, i, reps[i])
	}
	b.WriteString("    </AdaptationSet>\n")
}

func (g *Group) representation(b *strings.Builder, output int, r representation) {
	t := g.Outputs[output].track()
	fmt.Fprintf(b, `      <Representation id="%d" bandwidth="%d" codecs="%s"`, output+1, r.rate.peak, t.Codec)
	if t.Video {
		fmt.Fprintf(b, ` width="%d" height="%d" sar="%d:%d"`, t.Width, t.Height, t.SAR.Num, t.SAR.Den)
		if t.FrameRate.Float() > 0 {
			fmt.Fprintf(b, ` frameRate="%d/%d"`, t.FrameRate.Num, t.FrameRate.Den)
		}
		b.WriteString(">\n")
	} else {
		fmt.Fprintf(b, ` audioSamplingRate="%d">
        <AudioChannelConfiguration schemeIdUri="urn:mpeg:dash:23003:3:audio_channel_configuration:2011" value="%d"/>
`, t.SampleRate, max(t.Channels, 1))
	}
	if r.media == "" {
		fmt.Fprintf(b, `        <BaseURL>%s</BaseURL>
        <SegmentBase timescale="%d" indexRange="%d-%d">
          <Initialization range="0-%d"/>
        </SegmentBase>
`, attr(uri(r.init)), t.Timescale, r.index[0], r.index[1], r.initSize-1)
	} else {
		fmt.Fprintf(b, `        <SegmentTemplate timescale="%d" initialization="%s" media="%s$Number%%09d$.%s" startNumber="1">
          <SegmentTimeline>
`, t.Timescale, attr(uri(r.init)), attr(uri(r.media)), r.ext)
		timeline(b, r.segments)
		b.WriteString("          </SegmentTimeline>\n        </SegmentTemplate>\n")
	}
	b.WriteString("      </Representation>\n")
}

// timeline writes runs of equal durations without gaps as one element.
func timeline(b *strings.Builder, segments []Segment) {
	for i := 0; i < len(segments); {
		s, n := segments[i], 1
		for i+n < len(segments) && segments[i+n].Duration == s.Duration && segments[i+n].Start == segments[i+n-1].Start+s.Duration {
			n++
		}
		fmt.Fprintf(b, `            <S t="%d" d="%d"`, s.Start, s.Duration)
		if n > 1 {
			fmt.Fprintf(b, ` r="%d"`, n-1)
		}
		b.WriteString("/>\n")
		i += n
	}
}

// imageSet lists thumbnails (DASH-IF IOP 4.3, 6.2.6).
func (g *Group) imageSet(b *strings.Builder, id, output int, images []Listed) {
	s := g.Outputs[output].Sheets
	span := int64(math.Round(s.Interval * float64(s.Columns*s.Rows) * 1000))
	fmt.Fprintf(b, `    <AdaptationSet id="%d" contentType="image" mimeType="image/jpeg">
      <SegmentTemplate timescale="1000" duration="%d" media="%s$Number%%09d$.jpg" startNumber="1"/>
      <Representation id="thumbnails%d" bandwidth="%d" width="%d" height="%d">
        <EssentialProperty schemeIdUri="http://dashif.org/guidelines/thumbnail_tile" value="%dx%d"/>
      </Representation>
    </AdaptationSet>
`, id, span, attr(uri(g.Base+g.Outputs[output].Modifier+"_thumbnails_")), output+1, measure(images).peak, s.Width*s.Columns, s.Height*s.Rows, s.Columns, s.Rows)
}

// attr escapes text for XML.
func attr(s string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(s)) // a Builder does not fail
	return b.String()
}
