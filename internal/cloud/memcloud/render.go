package memcloud

import (
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/vodfleet/vodfleet/internal/cloud"
)

// file is one output of a job. Its body may be shared with other files.
type file struct {
	at          cloud.Location
	contentType string
	body        []byte
}

// Content types as the files are stored with.
const (
	typeHLS  = "application/vnd.apple.mpegurl"
	typeDASH = "application/dash+xml"
	typeTS   = "video/MP2T"
	typeMP4  = "video/mp4"
	typeM4A  = "audio/mp4"
	typeJPEG = "image/jpeg"
)

// render makes the files that MediaConvert would write for spec from a source
// like m: small, valid of their kind, and with its names.
func render(spec cloud.JobSpec, m cloud.Media) []file {
	var files []file
	for _, g := range spec.Groups {
		files = append(files, newGroup(g, m).render()...)
	}
	return files
}

// deliver writes a job's files, at the time when it ended.
func (s *Store) deliver(files []file, at time.Time) failure {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range files {
		if s.buckets[f.at.Bucket] == nil && len(s.c.opts.Buckets) > 0 {
			return failure{codeNoOutput, "the outputs' bucket " + f.at.Bucket + " is not there"}
		}
		s.write(f.at, f.body, cloud.Object{ContentType: f.contentType}).meta.LastModified = at.Truncate(time.Second)
	}
	return failure{}
}

// group renders one output group.
type group struct {
	cloud.OutputGroup
	dir      string // of the keys, with its slash
	base     string // name of the files before the modifier
	duration time.Duration
	source   shape
	fps      float64
	files    []file
}

// shape is a size in pixels.
type shape struct{ w, h int }

func newGroup(g cloud.OutputGroup, m cloud.Media) *group {
	cut := strings.LastIndexByte(g.Destination.Key, '/') + 1
	r := &group{
		OutputGroup: g, dir: g.Destination.Key[:cut], base: g.Destination.Key[cut:],
		duration: max(m.Duration, time.Second), source: shape{1920, 1080}, fps: 25,
	}
	for _, t := range m.Tracks {
		if t.Kind != cloud.TrackVideo || t.Width <= 0 || t.Height <= 0 {
			continue
		}
		r.source = shape{t.Width, t.Height}
		if turned(m.Container, t.Rotation) {
			r.source = shape{t.Height, t.Width}
		}
		if f := t.FrameRate.Float(); f > 0 {
			r.fps = f
		}
		break
	}
	return r
}

// turned reports whether MediaConvert's automatic rotation lays a picture on
// its side: it looks at MP4 and QuickTime files only, for whole right angles.
func turned(container string, rotation int) bool {
	return (container == "mp4" || container == "quicktime") && (rotation%360+360)%180 == 90
}

func (g *group) render() []file {
	switch g.Kind {
	case cloud.GroupCMAF:
		g.fragmented("cmfv", "cmfa")
		g.tiles()
		g.mediaPlaylists("cmfv", "cmfa")
		g.master()
		g.mpd("cmfv", "cmfa")
	case cloud.GroupDASH:
		g.fragmented("mp4", "mp4")
		g.mpd("mp4", "mp4")
	case cloud.GroupHLS:
		g.transport()
		g.tiles()
		g.mediaPlaylists("ts", "ts")
		g.master()
	case cloud.GroupSmooth:
		g.smooth()
	case cloud.GroupFile:
		g.whole()
	}
	return g.files
}

// add writes one file of the group.
func (g *group) add(name, contentType string, body []byte) {
	at := cloud.Location{Bucket: g.Destination.Bucket, Key: g.dir + name}
	g.files = append(g.files, file{at, contentType, body})
}

// size returns an output's size: what it does not say follows the source.
func (g *group) size(w, h int) shape {
	switch s := g.source; {
	case w > 0 && h > 0:
		return shape{w, h}
	case w > 0:
		return shape{w, even(w * s.h / s.w)}
	case h > 0:
		return shape{even(h * s.w / s.h), h}
	default:
		return shape{even(s.w), even(s.h)}
	}
}

func even(n int) int { return max(n&^1, 2) }

// segments returns the lengths of an output's segments, in order.
func (g *group) segments() []time.Duration {
	length := max(g.Segment, time.Second)
	var all []time.Duration
	for left := g.duration; left > 0; left -= length {
		all = append(all, min(left, length))
	}
	return all
}

// fragmented writes the init segments and segments of fMP4 outputs.
func (g *group) fragmented(video, audio string) {
	for _, o := range g.Outputs {
		ext, contentType, init := video, typeMP4, []byte(nil)
		if o.Video != nil {
			init = videoInit(g.size(o.Video.Width, o.Video.Height))
		} else {
			ext, contentType, init = audio, typeM4A, audioInit(o.Audio.SampleRate)
		}
		g.add(g.base+o.NameModifier+"init."+ext, contentType, init)
		for i, d := range g.segments() {
			g.add(fmt.Sprintf("%s%s_%09d.%s", g.base, o.NameModifier, i+1, ext), contentType, fragment(i+1, d, g.Segment))
		}
	}
}

// transport writes the segments of MPEG-TS outputs.
func (g *group) transport() {
	for _, o := range g.Outputs {
		for i := range g.segments() {
			g.add(fmt.Sprintf("%s%s_%05d.ts", g.base, o.NameModifier, i+1), typeTS, transportStream())
		}
	}
}

// whole writes the outputs of a file group.
func (g *group) whole() {
	for _, o := range g.Outputs {
		switch {
		case o.Capture != nil:
			s := g.size(o.Capture.Width, o.Capture.Height)
			n := min(int(g.duration/o.Capture.Every)+1, o.Capture.Max)
			for i := range n {
				g.add(fmt.Sprintf("%s%s.%07d.jpg", g.base, o.NameModifier, i), typeJPEG, picture(s))
			}
		case o.Video != nil:
			g.add(g.base+o.NameModifier+".mp4", typeMP4, wholeFile(videoInit(g.size(o.Video.Width, o.Video.Height)), g.duration))
		default:
			g.add(g.base+o.NameModifier+".mp4", typeM4A, wholeFile(audioInit(o.Audio.SampleRate), g.duration))
		}
	}
}

// tiles writes the thumbnails for scrubbing and their image playlist.
func (g *group) tiles() {
	t, o := g.Tiles, g.tiled()
	if t == nil || o == nil {
		return
	}
	thumb := g.size(t.Width, 0)
	span := t.Every * time.Duration(t.Columns*t.Rows)
	var list strings.Builder
	fmt.Fprintf(&list, "#EXTM3U\n#EXT-X-TARGETDURATION:%d\n#EXT-X-VERSION:7\n#EXT-X-MEDIA-SEQUENCE:1\n#EXT-X-PLAYLIST-TYPE:VOD\n#EXT-X-IMAGES-ONLY\n",
		int(math.Ceil(span.Seconds())))
	name := g.base + o.NameModifier + "_tiles"
	for i, left := 1, g.duration; left > 0; i, left = i+1, left-span {
		image := fmt.Sprintf("%s_%09d.jpg", name, i)
		fmt.Fprintf(&list, "#EXTINF:%.3f,\n#EXT-X-TILES:RESOLUTION=%dx%d,LAYOUT=%dx%d,DURATION=%.3f\n%s\n",
			min(left, span).Seconds(), thumb.w, thumb.h, t.Columns, t.Rows, t.Every.Seconds(), uri(image))
		g.add(image, typeJPEG, picture(shape{thumb.w * t.Columns, thumb.h * t.Rows}))
	}
	list.WriteString("#EXT-X-ENDLIST\n")
	g.add(name+".m3u8", typeHLS, []byte(list.String()))
}

// tiled returns the output that the tiles are made of, or nil.
func (g *group) tiled() *cloud.Output {
	for i := range g.Outputs {
		if g.Outputs[i].Video != nil {
			return &g.Outputs[i]
		}
	}
	return nil
}
