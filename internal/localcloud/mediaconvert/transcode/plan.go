package transcode

import (
	"fmt"
	"path"
	"path/filepath"

	"github.com/vodfleet/vodfleet/internal/localcloud/ffmpeg"
	"github.com/vodfleet/vodfleet/internal/localcloud/mediaconvert/rules"
	"github.com/vodfleet/vodfleet/internal/localcloud/mediaconvert/settings"
)

// Warning codes (user guide, "MediaConvert warning codes").
const warnNoAudio = 230001

// plan is a job's settings made fit for one source: what to encode, and what
// each output takes of it. Outputs that ask for the same get the same.
type plan struct {
	task     Task
	media    *ffmpeg.Media
	work     ffmpeg.Work
	source   ffmpeg.Source // after rotation
	groups   []*group
	warnings []Warning

	videos map[ffmpeg.Video]string // path by what is asked for
	audios map[ffmpeg.Audio]string
}

// group is an output group with what it is made of.
type group struct {
	*settings.OutputGroup
	s       *settings.GroupSettings
	bucket  string
	folder  string // of the keys, with its slash
	base    string // file name before the modifier
	outputs []*output
}

// output is an output with what it is made of.
type output struct {
	*settings.Output
	modifier  string
	video     *ffmpeg.Video
	audios    []string // paths in the mezzanine
	languages []string // with audios
	sheet     *ffmpeg.Sheet
	capture   *ffmpeg.Capture
}

func newPlan(t Task, m *ffmpeg.Media) (*plan, error) {
	p := &plan{task: t, media: m, videos: make(map[ffmpeg.Video]string), audios: make(map[ffmpeg.Audio]string)}
	p.work.Media = m
	if v := m.Video(); v != nil {
		if t.Settings.Inputs[0].VideoSelector.Rotate == "AUTO" && v.Rotation%90 == 0 {
			p.work.Rotate = v.Rotation
		}
		p.source = v.Upright(p.work.Rotate)
	}
	for i := range t.Settings.OutputGroups {
		if err := p.group(&t.Settings.OutputGroups[i]); err != nil {
			return nil, err
		}
	}
	return p, nil
}

func (p *plan) variables() rules.Variables {
	name, ext := rules.InputName(p.task.Settings.Inputs[0].FileInput)
	return rules.Variables{FileName: name, Extension: ext, Time: p.task.Started, JobID: p.task.ID}
}

func (p *plan) group(s *settings.OutputGroup) error {
	g := &group{OutputGroup: s, s: s.OutputGroupSettings.Group()}
	bucket, base, err := rules.Base(g.s.Destination, p.variables())
	if err != nil {
		return fail(1040, "Invalid destination: %v", err)
	}
	g.bucket = bucket
	g.folder, g.base = path.Split(base)
	for i := range s.Outputs {
		o, err := p.output(g, &s.Outputs[i])
		if err != nil {
			return err
		}
		if o != nil {
			g.outputs = append(g.outputs, o)
		}
	}
	if len(g.outputs) == 0 {
		return fail(1010, "Unable to find media for output group [%s]: the input has none of the tracks that it asks for", orName(s))
	}
	p.sheets(g)
	p.groups = append(p.groups, g)
	return nil
}

func orName(s *settings.OutputGroup) string {
	for _, n := range []string{s.CustomName, s.Name} {
		if n != "" {
			return n
		}
	}
	return s.OutputGroupSettings.Type
}

// output plans one output; nil: the input has nothing for it.
func (p *plan) output(g *group, s *settings.Output) (*output, error) {
	o := &output{Output: s}
	v := p.variables()
	if d := s.VideoDescription; d != nil {
		if p.media.Video() == nil {
			return nil, fail(1030, "Unable to create output [%s]: the input has no video track", s.NameModifier)
		}
		if d.CodecSettings.FrameCapture != nil {
			p.captured(o, d)
			v.Width, v.Height = o.capture.Picture.Width, o.capture.Picture.Height
		} else {
			p.video(g, o, d)
			v.Width, v.Height = o.video.Picture.Width, o.video.Picture.Height
			v.Bitrate = max(o.video.Bitrate, o.video.Max)
		}
		v.FrameRate = p.media.Video().FrameRate.Float()
	}
	for i := range s.AudioDescriptions {
		if err := p.audio(o, &s.AudioDescriptions[i]); err != nil {
			return nil, err
		}
	}
	if len(s.AudioDescriptions) > 0 && len(o.audios) == 0 {
		p.warn(warnNoAudio, fmt.Sprintf("Output [%s] asks for audio, but the input has no audio track", s.NameModifier))
		if o.video == nil {
			return nil, nil
		}
	}
	var err error
	if o.modifier, err = rules.Expand(s.NameModifier, v); err != nil {
		return nil, fail(1040, "Invalid name modifier: %v", err)
	}
	return o, nil
}

func (p *plan) warn(code int, message string) {
	p.warnings = append(p.warnings, Warning{code, message})
}

func (p *plan) file(kind string, n int) string {
	return filepath.Join(p.task.Dir, fmt.Sprintf("%s%d.mp4", kind, n))
}

// video asks the mezzanine for an output's picture.
func (p *plan) video(g *group, o *output, d *settings.VideoDescription) {
	h := d.CodecSettings.H264
	if h == nil {
		h = new(settings.H264)
	}
	v := ffmpeg.Video{Picture: p.picture(d, h)}
	if h.FramerateControl == "SPECIFIED" {
		v.FrameRate = ffmpeg.Rational{Num: h.FramerateNumerator, Den: h.FramerateDenominator}
	}
	switch h.GopSizeUnits {
	case "SECONDS":
		v.GOP = h.GopSize
	case "FRAMES":
		v.GOPFrames = int(h.GopSize)
	default:
		v.GOP = automaticGOP(g)
	}
	v.Max, v.Bitrate = h.MaxBitrate, h.Bitrate
	if h.RateControlMode == "QVBR" {
		level := 7.0
		if h.QVBR != nil && h.QVBR.QualityLevel > 0 {
			level = float64(h.QVBR.QualityLevel) + h.QVBR.FineTune
		}
		v.CRF, v.Bitrate = 33.5-1.5*level, 0
	} else if v.Max == 0 {
		v.Max = v.Bitrate
	}
	switch h.CodecProfile {
	case "BASELINE":
		v.Profile = "baseline"
	case "HIGH":
		v.Profile = "high"
	case "", "MAIN":
		v.Profile = "main"
	}
	file, known := p.videos[v]
	if !known {
		file = p.file("v", len(p.videos))
		p.videos[v] = file
		asked := v
		asked.Path = file
		p.work.Videos = append(p.work.Videos, asked)
	}
	v.Path = file
	o.video = &v
}

// automaticGOP is a GOP that divides the group's fragments and segments.
func automaticGOP(g *group) float64 {
	fragment, segment := rules.Lengths(g.OutputGroupSettings.Type, g.s)
	if g.OutputGroupSettings.Type == settings.HLS {
		fragment = segment
	}
	if fragment%2 == 0 {
		return 2
	}
	return 1
}

func (p *plan) picture(d *settings.VideoDescription, h *settings.H264) ffmpeg.Picture {
	var par ffmpeg.Rational
	if h.ParControl == "SPECIFIED" {
		par = ffmpeg.Rational{Num: h.ParNumerator, Den: h.ParDenominator}
	}
	return ffmpeg.Fit(p.source, d.Width, d.Height, par, d.ScalingBehavior)
}

// captured asks for an output's frame captures.
func (p *plan) captured(o *output, d *settings.VideoDescription) {
	s := d.CodecSettings.FrameCapture
	c := ffmpeg.Capture{
		Pattern:  filepath.Join(p.task.Dir, fmt.Sprintf("c%d-%%07d.jpg", len(p.work.Captures))),
		Picture:  ffmpeg.Fit(p.source, d.Width, d.Height, ffmpeg.Rational{Num: 1, Den: 1}, d.ScalingBehavior),
		Interval: 1, Most: s.MaxCaptures, Quality: s.Quality,
	}
	if s.FramerateNumerator > 0 && s.FramerateDenominator > 0 {
		c.Interval = float64(s.FramerateDenominator) / float64(s.FramerateNumerator)
	}
	if c.Quality == 0 {
		c.Quality = 80
	}
	p.work.Captures = append(p.work.Captures, c)
	o.capture = &c
}

// sheets asks for a group's thumbnails, which belong to its first output with
// video.
func (p *plan) sheets(g *group) {
	if g.s.TrickPlay == "" || g.s.TrickPlay == "NONE" {
		return
	}
	for _, o := range g.outputs {
		if o.video == nil {
			continue
		}
		s := settings.TrickPlay{}
		if g.s.TrickPlaySettings != nil {
			s = *g.s.TrickPlaySettings
		}
		_, segment := rules.Lengths(g.OutputGroupSettings.Type, g.s)
		interval := s.ThumbnailInterval
		switch {
		case s.IntervalCadence == "FOLLOW_CUSTOM" && interval > 0:
		case s.IntervalCadence == "FOLLOW_IFRAME" && o.video.GOP > 0:
			interval = o.video.GOP
		default:
			interval = float64(segment)
		}
		width := s.ThumbnailWidth
		if width == 0 && s.ThumbnailHeight == 0 {
			width = rules.DefaultThumbnailWidth
		}
		pic := ffmpeg.Fit(p.source, width, s.ThumbnailHeight, ffmpeg.Rational{Num: 1, Den: 1}, "STRETCH_TO_OUTPUT")
		o.sheet = &ffmpeg.Sheet{
			Pattern:  filepath.Join(p.task.Dir, fmt.Sprintf("s%d-%%09d.jpg", len(p.work.Sheets))),
			Interval: interval, Width: pic.Width, Height: pic.Height, Columns: max(s.TileWidth, 1), Rows: max(s.TileHeight, 1),
		}
		p.work.Sheets = append(p.work.Sheets, *o.sheet)
		return
	}
}
