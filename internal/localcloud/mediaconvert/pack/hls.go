package pack

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// defaultAudioGroup is what audio outputs without a group belong to.
const defaultAudioGroup = "program_audio_0"

// stream is an output as the multivariant playlist lists it.
type stream struct {
	rate     rate
	playlist string
}

// playlist writes an output's media playlist (RFC 8216). mapping is the name
// of the initialization segment, empty for none; initSize its bytes at the
// start of the one file, 0 if it is a file of its own.
func (g *Group) playlist(output int, mapping string, initSize int64, segments []Listed) {
	var b strings.Builder
	version := 6
	if initSize == 0 && mapping == "" {
		version = 3
	}
	fmt.Fprintf(&b, "#EXTM3U\n#EXT-X-VERSION:%d\n#EXT-X-INDEPENDENT-SEGMENTS\n#EXT-X-TARGETDURATION:%d\n#EXT-X-MEDIA-SEQUENCE:1\n#EXT-X-PLAYLIST-TYPE:VOD\n", version, target(segments))
	switch {
	case mapping != "" && initSize > 0:
		fmt.Fprintf(&b, "#EXT-X-MAP:URI=\"%s\",BYTERANGE=\"%d@0\"\n", uri(mapping), initSize)
	case mapping != "":
		fmt.Fprintf(&b, "#EXT-X-MAP:URI=\"%s\"\n", uri(mapping))
	}
	for _, s := range segments {
		fmt.Fprintf(&b, "#EXTINF:%.6f,\n", s.Seconds)
		if initSize > 0 {
			fmt.Fprintf(&b, "#EXT-X-BYTERANGE:%d@%d\n", s.Size, s.Offset)
		}
		b.WriteString(uri(s.Name) + "\n")
	}
	b.WriteString("#EXT-X-ENDLIST\n")
	g.add(output, g.Base+g.Outputs[output].Modifier+".m3u8", typeHLS, bytesBody([]byte(b.String())))
}

// target is the longest segment, rounded (RFC 8216, 4.3.3.1).
func target(segments []Listed) int {
	most := 1
	for _, s := range segments {
		most = max(most, int(math.Round(s.Seconds)))
	}
	return most
}

// imagePlaylist writes the playlist of an output's thumbnails (Roku's
// image-based trick play).
func (g *Group) imagePlaylist(output int, images []Listed) string {
	o := &g.Outputs[output]
	var b strings.Builder
	fmt.Fprintf(&b, "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:%d\n#EXT-X-MEDIA-SEQUENCE:1\n#EXT-X-PLAYLIST-TYPE:VOD\n#EXT-X-IMAGES-ONLY\n", target(images))
	for _, s := range images {
		fmt.Fprintf(&b, "#EXTINF:%.6f,\n#EXT-X-TILES:RESOLUTION=%dx%d,LAYOUT=%dx%d,DURATION=%.3f\n%s\n",
			s.Seconds, o.Sheets.Width, o.Sheets.Height, o.Sheets.Columns, o.Sheets.Rows, o.Sheets.Interval, uri(s.Name))
	}
	b.WriteString("#EXT-X-ENDLIST\n")
	name := g.Base + o.Modifier + "_thumbnails.m3u8"
	g.add(-1, name, typeHLS, bytesBody([]byte(b.String())))
	return name
}

// master writes the multivariant playlist. streams go with the outputs.
func (g *Group) master(streams []stream, images map[int][]Listed) {
	var b strings.Builder
	b.WriteString("#EXTM3U\n#EXT-X-VERSION:6\n#EXT-X-INDEPENDENT-SEGMENTS\n")
	var groups []audioGroup
	if slices.ContainsFunc(g.Outputs, func(o Output) bool { return o.Video != nil }) {
		groups = g.audioGroups(&b, streams)
	}
	for i := range g.Outputs {
		o := &g.Outputs[i]
		if o.Video == nil {
			if len(groups) == 0 {
				variant(&b, o, streams[i], nil)
			}
			continue
		}
		alone := true
		for _, a := range groups {
			if len(o.AudioSets) == 0 || slices.Contains(o.AudioSets, a.id) {
				variant(&b, o, streams[i], &a)
				alone = false
			}
		}
		if alone {
			variant(&b, o, streams[i], nil)
		}
	}
	for i := range g.Outputs {
		if list := images[i]; len(list) > 0 {
			s := g.Outputs[i].Sheets
			fmt.Fprintf(&b, "#EXT-X-IMAGE-STREAM-INF:BANDWIDTH=%d,RESOLUTION=%dx%d,CODECS=\"jpeg\",URI=\"%s\"\n",
				measure(list).peak, s.Width, s.Height, uri(g.imagePlaylist(i, list)))
		}
	}
	g.manifest(g.Base+".m3u8", typeHLS, b.String())
}

// audioGroup is one group of audio renditions.
type audioGroup struct {
	id    string
	rate  rate // of the largest rendition
	codec string
}

// audioGroups lists the outputs that are audio alone beside those with video.
func (g *Group) audioGroups(b *strings.Builder, streams []stream) []audioGroup {
	var groups []audioGroup
	for i := range g.Outputs {
		o := &g.Outputs[i]
		if o.Video != nil || o.Audio == nil {
			continue
		}
		id := o.AudioGroup
		if id == "" {
			id = defaultAudioGroup
		}
		at := slices.IndexFunc(groups, func(a audioGroup) bool { return a.id == id })
		first := at < 0
		if first {
			at = len(groups)
			groups = append(groups, audioGroup{id: id, codec: o.Audio.Codec})
		}
		groups[at].rate = rate{max(groups[at].rate.peak, streams[i].rate.peak), max(groups[at].rate.average, streams[i].rate.average)}
		standard, auto := "NO", "YES"
		switch o.TrackType {
		case "ALTERNATE_AUDIO_AUTO_SELECT":
		case "ALTERNATE_AUDIO_NOT_AUTO_SELECT":
			auto = "NO"
		default:
			if first {
				standard = "YES"
			}
		}
		name := o.Stream
		if name == "" {
			name = "audio" + o.Modifier
		}
		fmt.Fprintf(b, "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=%s,NAME=%s", quoted(id), quoted(name))
		if o.Audio.Language != "" {
			fmt.Fprintf(b, ",LANGUAGE=%s", quoted(o.Audio.Language))
		}
		fmt.Fprintf(b, ",DEFAULT=%s,AUTOSELECT=%s,CHANNELS=\"%d\",URI=\"%s\"\n", standard, auto, max(o.Audio.Channels, 1), uri(streams[i].playlist))
	}
	return groups
}

func variant(b *strings.Builder, o *Output, s stream, audio *audioGroup) {
	var codecs []string
	r := s.rate
	if o.Video != nil {
		codecs = append(codecs, o.Video.Codec)
	}
	if o.Audio != nil {
		codecs = append(codecs, o.Audio.Codec)
	}
	if audio != nil {
		r = r.plus(audio.rate)
		if !slices.Contains(codecs, audio.codec) {
			codecs = append(codecs, audio.codec)
		}
	}
	fmt.Fprintf(b, "#EXT-X-STREAM-INF:BANDWIDTH=%d,AVERAGE-BANDWIDTH=%d,CODECS=\"%s\"", r.peak, r.average, strings.Join(codecs, ","))
	if o.Video != nil {
		fmt.Fprintf(b, ",RESOLUTION=%dx%d", o.Video.Width, o.Video.Height)
		if f := o.Video.FrameRate.Float(); f > 0 {
			fmt.Fprintf(b, ",FRAME-RATE=%.3f", f)
		}
	}
	if audio != nil {
		fmt.Fprintf(b, ",AUDIO=%s", quoted(audio.id))
	}
	b.WriteString("\n" + uri(s.playlist) + "\n")
}

// quoted is a quoted string, which can hold neither quotes nor line ends
// (RFC 8216, 4.2).
func quoted(s string) string {
	return `"` + strings.NewReplacer(`"`, "'", "\n", " ", "\r", " ").Replace(s) + `"`
}
