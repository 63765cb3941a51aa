package clips

import (
	"fmt"
	"path/filepath"
	"strings"
)

// containers are ffmpeg's names of the containers by extension.
var containers = map[string]string{".mp4": "mp4", ".m4v": "mp4", ".m4a": "mp4", ".mov": "mov", ".mkv": "matroska", ".ts": "mpegts"}

// args are ffmpeg's arguments for the clip, to be run in the folder that
// receives it.
func (s Spec) args(titled bool) []string {
	args := []string{"-hide_banner", "-nostdin", "-v", "error", "-y"}
	seconds := fmt.Sprintf("%.6f", s.Length.Seconds())
	if s.Kind != AudioOnly {
		whole := s
		whole.Kind = Whole
		length := (float64(whole.Frames()) - 0.5) / s.FPS() // half a frame short: the last one begins within
		picture := fmt.Sprintf("testsrc2=size=480x272:rate=%s:duration=%.6f", s.rate(), length)
		args = append(args, "-f", "lavfi", "-i", picture)
	}
	if !s.Silent || s.Kind == AudioOnly {
		args = append(args, "-f", "lavfi", "-i", fmt.Sprintf("sine=frequency=%d:sample_rate=48000:duration=%s", s.Pitch(), seconds))
		args = append(args, "-c:a", "aac", "-ac", "2", "-b:a", "96k")
	}
	if s.Kind != AudioOnly {
		// x264 takes odd sizes only where chroma is not halved.
		pixels := "yuv420p"
		if s.Width%2+s.Height%2 > 0 {
			pixels = "yuv444p"
		}
		args = append(args, "-vf", s.filters(titled),
			"-c:v", "libx264", "-preset", "ultrafast", "-crf", "26", "-pix_fmt", pixels,
			"-g", fmt.Sprint(int(2*s.FPS()+0.5)))
	}
	format := containers[strings.ToLower(filepath.Ext(s.Name))]
	if format == "" {
		format = "mp4"
	}
	return append(args, "-f", format, made)
}

func (s Spec) rate() string {
	if s.Rate == (Ratio{}) {
		return "25"
	}
	return fmt.Sprintf("%d/%d", s.Rate.Num, s.Rate.Den)
}

// filters draw the identity and the frame's number on a small picture, which is
// quick, then stretch it, write the title and say what shape a pixel has.
func (s Spec) filters(titled bool) string {
	var all []string
	box := func(a area, color, enable string) {
		f := fmt.Sprintf("drawbox=x=iw*%.4f:y=ih*%.4f:w=iw*%.4f:h=ih*%.4f:t=fill:color=%s", a.x, a.y, a.w, a.h, color)
		if enable != "" {
			f += ":enable='" + enable + "'"
		}
		all = append(all, f)
	}
	box(identityGrid.frame(), "black", "")
	code := encode(s.Identity)
	for bit := range identityGrid.cells() {
		if code>>bit&1 == 1 {
			box(identityGrid.cell(bit), "white", "")
		}
	}
	box(counterGrid.frame(), "black", "")
	for bit := range counterGrid.cells() {
		box(counterGrid.cell(bit), "white", fmt.Sprintf("gte(mod(n,%d),%d)", 2<<bit, 1<<bit))
	}
	all = append(all, fmt.Sprintf("scale=%d:%d:flags=fast_bilinear", s.Width, s.Height))
	if titled {
		all = append(all, "drawtext=textfile="+title+":expansion=none:fontcolor=white:fontsize=w/24:box=1:boxcolor=black@0.7:boxborderw=8:x=(w-text_w)/2:y=h*0.5-text_h/2")
	}
	pixel := s.Pixel
	if pixel == (Ratio{}) {
		pixel = Ratio{1, 1}
	}
	return strings.Join(append(all, fmt.Sprintf("setsar=%d/%d", pixel.Num, pixel.Den)), ",")
}
