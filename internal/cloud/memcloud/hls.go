package memcloud

import (
	"fmt"
	"math"
	"net/url"
	"strings"

	"github.com/vodfleet/vodfleet/internal/cloud"
)

const audioGroup = "program_audio_0"

// master writes the group's multivariant playlist.
func (g *group) master() {
	var b strings.Builder
	b.WriteString("#EXTM3U\n#EXT-X-VERSION:6\n#EXT-X-INDEPENDENT-SEGMENTS\n")
	apart := "" // attribute that points variants at audio of its own
	sound := 0  // bits a second of that audio
	if g.Kind == cloud.GroupCMAF && g.tiled() != nil {
		for _, o := range g.Outputs {
			if o.Audio == nil {
				continue
			}
			first := map[bool]string{true: "YES", false: "NO"}[apart == ""]
			fmt.Fprintf(&b, "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=%q,NAME=%q,AUTOSELECT=YES,DEFAULT=%s,CHANNELS=\"2\",URI=%q\n",
				audioGroup, "audio"+o.NameModifier, first, uri(g.base+o.NameModifier+".m3u8"))
			apart, sound = fmt.Sprintf(",AUDIO=%q", audioGroup), max(sound, o.Audio.Bitrate)
		}
	}
	for _, o := range g.Outputs {
		if o.Video == nil && apart != "" {
			continue
		}
		g.variant(&b, o, sound, apart)
	}
	if g.Tiles != nil && g.tiled() != nil {
		thumb := g.size(g.Tiles.Width, 0)
		fmt.Fprintf(&b, "#EXT-X-IMAGE-STREAM-INF:BANDWIDTH=20000,RESOLUTION=%dx%d,CODECS=\"jpeg\",URI=%q\n",
			thumb.w, thumb.h, uri(g.base+g.tiled().NameModifier+"_tiles.m3u8"))
	}
	g.add(g.base+".m3u8", typeHLS, []byte(b.String()))
}

// variant writes one variant stream.
func (g *group) variant(b *strings.Builder, o cloud.Output, sound int, apart string) {
	var codecs []string
	rate, shown := sound, ""
	if o.Video != nil {
		s := g.size(o.Video.Width, o.Video.Height)
		codecs = append(codecs, avcCodec(s))
		rate += o.Video.MaxBitrate
		shown = fmt.Sprintf(",RESOLUTION=%dx%d,FRAME-RATE=%.3f", s.w, s.h, g.fps)
	}
	if o.Audio != nil {
		rate += o.Audio.Bitrate
	}
	if o.Audio != nil || apart != "" {
		codecs = append(codecs, "mp4a.40.2")
	}
	fmt.Fprintf(b, "#EXT-X-STREAM-INF:BANDWIDTH=%d,AVERAGE-BANDWIDTH=%d,CODECS=%q%s%s\n%s\n",
		rate+rate/10, rate, strings.Join(codecs, ","), shown, apart, uri(g.base+o.NameModifier+".m3u8"))
}

// mediaPlaylists writes each output's playlist of segments.
func (g *group) mediaPlaylists(video, audio string) {
	target := 1
	for _, d := range g.segments() {
		target = max(target, int(math.Ceil(d.Seconds())))
	}
	for _, o := range g.Outputs {
		ext := audio
		if o.Video != nil {
			ext = video
		}
		var b strings.Builder
		fmt.Fprintf(&b, "#EXTM3U\n#EXT-X-VERSION:6\n#EXT-X-TARGETDURATION:%d\n#EXT-X-MEDIA-SEQUENCE:1\n#EXT-X-PLAYLIST-TYPE:VOD\n", target)
		if ext != "ts" {
			fmt.Fprintf(&b, "#EXT-X-MAP:URI=%q\n", uri(g.base+o.NameModifier+"init."+ext))
		}
		for i, d := range g.segments() {
			name := fmt.Sprintf("%s%s_%09d.%s", g.base, o.NameModifier, i+1, ext)
			if ext == "ts" {
				name = fmt.Sprintf("%s%s_%05d.ts", g.base, o.NameModifier, i+1)
			}
			fmt.Fprintf(&b, "#EXTINF:%.5f,\n%s\n", d.Seconds(), uri(name))
		}
		b.WriteString("#EXT-X-ENDLIST\n")
		g.add(g.base+o.NameModifier+".m3u8", typeHLS, []byte(b.String()))
	}
}

// avcCodec names H.264 High at the level that a size needs.
func avcCodec(s shape) string {
	switch n := s.w * s.h; {
	case n <= 720*576:
		return "avc1.64001e"
	case n <= 1280*720:
		return "avc1.64001f"
	case n <= 1920*1088:
		return "avc1.640028"
	default:
		return "avc1.640033"
	}
}

// uri is a file's name as a relative reference.
func uri(name string) string { return url.PathEscape(name) }
