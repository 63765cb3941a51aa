package ffmpeg

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
)

// Work is one pass over a source: every output that is encoded from it.
type Work struct {
	Input  string // path
	Media  *Media
	Rotate int // degrees clockwise the picture is turned by, 0, 90, 180 or 270

	Videos   []Video
	Audios   []Audio
	Sheets   []Sheet
	Captures []Capture
}

// Video is one H.264 track of the mezzanine.
type Video struct {
	Path      string // fragmented MP4 to write, a fragment for each GOP
	Picture   Picture
	FrameRate Rational // 0/1: the source's frames as they come
	GOP       float64  // seconds
	GOPFrames int      // frames; 0: by GOP
	CRF       float64  // quality, where not 0
	Bitrate   int      // average bits per second, where not 0
	Max       int      // bits per second, where not 0
	Profile   string   // baseline, main, high; empty: the encoder's choice
}

// Audio is one AAC track of the mezzanine.
type Audio struct {
	Path       string
	Stream     int // index in the file
	Bitrate    int // bits per second
	Channels   int
	SampleRate int // Hz
}

// Sheet is a series of tiled thumbnails, one every Interval seconds.
type Sheet struct {
	Pattern       string // path with %09d, from 1
	Interval      float64
	Width, Height int // pixels of a thumbnail
	Columns, Rows int
}

// Capture is a series of pictures, one every Interval seconds.
type Capture struct {
	Pattern  string // path with %07d, from 0
	Picture  Picture
	Interval float64
	Most     int // pictures; 0: no limit
	Quality  int // 1..100
}

// Encode makes the outputs of w. Progress goes from 0 to 1. On an error the
// files may be there in part; a repeat writes them anew.
func (t Tools) Encode(ctx context.Context, w Work, progress func(float64)) error {
	err := run(ctx, func(r io.Reader) error { return readProgress(r, w.Media.Duration, progress) }, t.ffmpeg(), w.args()...)
	if err != nil {
		return fmt.Errorf("encode: %w", err)
	}
	return nil
}

func (w *Work) args() []string {
	args := []string{
		"-hide_banner", "-nostdin", "-y", "-loglevel", "error", "-progress", "pipe:1", "-stats_period", "0.5",
		"-protocol_whitelist", "file,pipe", "-format_whitelist", inputFormats, "-noautorotate", "-i", "file:" + w.Input,
	}
	if graph := w.graph(); graph != "" {
		args = append(args, "-filter_complex", graph)
	}
	n := 0
	next := func() string { n++; return fmt.Sprintf("[v%d]", n-1) }
	for _, v := range w.Videos {
		args = append(args, v.args(next(), w.Media.Video())...)
	}
	for _, s := range w.Sheets {
		args = append(args, "-map", next(), "-fps_mode", "passthrough", "-c:v", "mjpeg", "-q:v", "4", "-f", "image2", "-start_number", "1", "file:"+s.Pattern)
	}
	for _, c := range w.Captures {
		args = append(args, "-map", next(), "-fps_mode", "passthrough", "-c:v", "mjpeg", "-q:v", strconv.Itoa(c.scale()))
		if c.Most > 0 {
			args = append(args, "-frames:v", strconv.Itoa(c.Most))
		}
		args = append(args, "-f", "image2", "-start_number", "0", "file:"+c.Pattern)
	}
	for _, a := range w.Audios {
		args = append(args, "-map", fmt.Sprintf("0:%d", a.Stream), "-af", "aresample=async=1:first_pts=0",
			"-c:a", "aac", "-b:a", strconv.Itoa(a.Bitrate), "-ac", strconv.Itoa(a.Channels), "-ar", strconv.Itoa(a.SampleRate))
		args = append(args, mezzanine("1000000")...)
		args = append(args, "file:"+a.Path)
	}
	return args
}

// graph is the filter graph: the picture turned once, split once, each branch
// made for one output.
func (w *Work) graph() string {
	var branches []string
	for _, v := range w.Videos {
		chain := v.Picture.filter()
		if v.FrameRate.Num > 0 {
			chain = fmt.Sprintf("fps=%d/%d,", v.FrameRate.Num, v.FrameRate.Den) + chain
		}
		branches = append(branches, chain+",format=yuv420p")
	}
	for _, s := range w.Sheets {
		branches = append(branches, fmt.Sprintf("%s,scale=%d:%d:flags=bilinear,setsar=1,tile=%dx%d,format=yuvj420p", every(s.Interval), s.Width, s.Height, s.Columns, s.Rows))
	}
	for _, c := range w.Captures {
		branches = append(branches, every(c.Interval)+","+c.Picture.filter()+",format=yuvj420p")
	}
	if len(branches) == 0 {
		return ""
	}
	var g strings.Builder
	fmt.Fprintf(&g, "[0:%d]%ssplit=%d", w.Media.Video().Index, turn(w.Rotate), len(branches))
	for i := range branches {
		fmt.Fprintf(&g, "[s%d]", i)
	}
	for i, b := range branches {
		fmt.Fprintf(&g, ";[s%d]%s[v%d]", i, b, i)
	}
	return g.String()
}

// every selects the first frame and then the first at or after each multiple
// of interval seconds.
func every(interval float64) string {
	return fmt.Sprintf("select='isnan(prev_selected_t)+gte(t-start_t,selected_n*%s)'", strconv.FormatFloat(interval, 'f', -1, 64))
}

func turn(degrees int) string {
	switch degrees {
	case 90:
		return "transpose=clock,"
	case 180:
		return "hflip,vflip,"
	case 270:
		return "transpose=cclock,"
	}
	return ""
}

func (v *Video) args(from string, src *Stream) []string {
	args := []string{
		"-map", from, "-fps_mode", "passthrough", "-enc_time_base", "-1",
		"-c:v", "libx264", "-preset", "ultrafast", "-bf", "0", "-sc_threshold", "0", "-flags", "+cgop",
	}
	frames := v.GOPFrames
	rate := v.FrameRate
	if rate.Num == 0 {
		rate = src.FrameRate
	}
	constant := v.FrameRate.Num > 0 || src.Constant
	if frames == 0 && constant {
		frames = int(math.Round(v.GOP * rate.Float()))
	}
	if frames > 0 {
		args = append(args, "-g", strconv.Itoa(frames), "-keyint_min", strconv.Itoa(frames))
	} else {
		args = append(args, "-g", "100000", "-keyint_min", "1", "-force_key_frames", "expr:gte(t,n_forced*"+strconv.FormatFloat(v.GOP, 'f', -1, 64)+")")
	}
	if v.Bitrate > 0 {
		args = append(args, "-b:v", strconv.Itoa(v.Bitrate))
	} else {
		args = append(args, "-crf", strconv.FormatFloat(v.CRF, 'f', 1, 64))
	}
	if v.Max > 0 {
		args = append(args, "-maxrate", strconv.Itoa(v.Max), "-bufsize", strconv.Itoa(2*v.Max))
	}
	if v.Profile != "" {
		args = append(args, "-profile:v", v.Profile)
	}
	args = append(args, mezzanine("")...)
	return append(args, "file:"+v.Path)
}

// mezzanine is the form of a track's file: fragments, each with its own
// decode time, times kept as they are (those below zero moved up).
func mezzanine(fragment string) []string {
	args := []string{"-f", "mp4", "-use_editlist", "0", "-avoid_negative_ts", "make_non_negative"}
	if fragment != "" {
		return append(args, "-movflags", "+empty_moov+default_base_moof", "-frag_duration", fragment)
	}
	return append(args, "-movflags", "+frag_keyframe+empty_moov+default_base_moof")
}

// scale turns a quality of 1..100 into ffmpeg's scale of 31 (worst) to 2.
func (c *Capture) scale() int {
	q := min(max(c.Quality, 1), 100)
	return 31 - (q-1)*29/99
}

// readProgress follows the report that -progress writes.
func readProgress(r io.Reader, total float64, progress func(float64)) error {
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		v, ok := strings.CutPrefix(lines.Text(), "out_time_us=")
		us, err := strconv.ParseFloat(v, 64)
		if !ok || err != nil || total <= 0 {
			continue
		}
		progress(min(max(us/1e6/total, 0), 1))
	}
	return lines.Err()
}
