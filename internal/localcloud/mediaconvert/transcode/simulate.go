package transcode

import (
	"bytes"
	"context"
	"fmt"
	"hash/fnv"
	"image"
	"image/jpeg"
	"io"
	"math"
	"path"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/vodfleet/vodfleet/internal/localcloud/clock"
	"github.com/vodfleet/vodfleet/internal/localcloud/ffmpeg"
	"github.com/vodfleet/vodfleet/internal/localcloud/mediaconvert/pack"
	"github.com/vodfleet/vodfleet/internal/localcloud/mediaconvert/rules"
	"github.com/vodfleet/vodfleet/internal/localcloud/objects"
)

// Simulator carries out tasks without ffmpeg. A job takes a time between Least
// and Most, in the cloud's time, by a hash of its ID, and writes small files
// that are valid of their kind.
//
// A source is what its name says: 1920 × 1080 pixels at 25 frames a second and
// stereo sound for 10 seconds, unless the name, between anything that is no
// letter or digit, has other words: "640x360", "90s", "30fps", "silent",
// "audioonly". One that is empty, or does not begin as one of the known
// containers does, is refused.
type Simulator struct {
	Objects objects.Store
	Clock   *clock.Clock
	Least   time.Duration
	Most    time.Duration
}

const simulatedSteps = 5 // reports of progress of a job

// Run carries out t as [Engine.Run] does.
func (e *Simulator) Run(ctx context.Context, t Task, progress func(Phase, int)) (*Result, error) {
	bucket, key, _ := rules.SplitS3(t.Settings.Inputs[0].FileInput)
	source, err := e.Probe(ctx, bucket, key)
	if err != nil {
		return nil, cause(ctx, jobFailure(t.Settings.Inputs[0].FileInput, err))
	}
	p, err := newPlan(t, source.Media)
	if err != nil {
		return nil, err
	}
	for step := range simulatedSteps {
		if err := e.Clock.Sleep(ctx, e.time(t.ID)/simulatedSteps); err != nil {
			return nil, cause(ctx, err)
		}
		if t.Fail != nil && step >= simulatedSteps/2 {
			return nil, t.Fail
		}
		progress(Transcoding, 90*(step+1)/simulatedSteps)
	}
	in := &input{uri: t.Settings.Inputs[0].FileInput, bucket: bucket, key: key, info: source.Info}
	if err := unchanged(ctx, e.Objects, in); err != nil {
		return nil, cause(ctx, err)
	}
	progress(Uploading, 95)
	r, err := p.deliver(ctx, &props{plan: p}, e.Objects, func(float64) {})
	if err != nil {
		return nil, cause(ctx, err)
	}
	return r, nil
}

// time is how long the job of an ID takes.
func (e *Simulator) time(id string) time.Duration {
	if e.Most <= e.Least {
		return e.Least
	}
	h := fnv.New64a()
	h.Write([]byte(id))
	return e.Least + time.Duration(h.Sum64()%uint64(e.Most-e.Least+1))
}

// Probe looks at an object as [Engine.Probe] does.
func (e *Simulator) Probe(ctx context.Context, bucket, key string) (*Source, error) {
	body, info, err := e.Objects.Get(ctx, bucket, key)
	if err != nil {
		return nil, err
	}
	defer body.Close()
	head := make([]byte, 16)
	n, err := io.ReadFull(body, head)
	if err != nil && n == 0 {
		return nil, fmt.Errorf("probe: %w (it has 0 bytes)", ffmpeg.ErrNotMedia)
	}
	format, brand := container(head[:n])
	if format == "" {
		return nil, fmt.Errorf("probe: %w (Invalid data found when processing input)", ffmpeg.ErrNotMedia)
	}
	m := simulated(path.Base(key))
	m.Format, m.Brand = format, brand
	return &Source{Info: info, Media: m}, nil
}

// container names the container whose files begin so, as ffprobe does.
func container(head []byte) (format, brand string) {
	if len(head) >= 12 && string(head[4:8]) == "ftyp" {
		return "mov,mp4,m4a,3gp,3g2,mj2", strings.TrimSpace(string(head[8:12]))
	}
	for _, c := range []struct{ magic, format string }{
		{"\x1a\x45\xdf\xa3", "matroska,webm"}, {"RIFF", "avi"}, {"\x47\x40", "mpegts"}, {"\x00\x00\x01\xba", "mpeg"},
		{"ID3", "mp3"}, {"\x06\x0e\x2b\x34", "mxf"}, {"FLV", "flv"}, {"OggS", "ogg"},
	} {
		if bytes.HasPrefix(head, []byte(c.magic)) {
			return c.format, ""
		}
	}
	return "", ""
}

var (
	nameWord = regexp.MustCompile(`[A-Za-z0-9]+`)
	nameSize = regexp.MustCompile(`^(\d{2,4})x(\d{2,4})$`)
	nameTime = regexp.MustCompile(`^(\d{1,5})s$`)
	nameRate = regexp.MustCompile(`^(\d{1,3})fps$`)
)

// simulated reads a source's media out of its name.
func simulated(name string) *ffmpeg.Media {
	video := ffmpeg.Stream{
		Type: "video", Codec: "h264", Profile: "High", Width: 1920, Height: 1080, SAR: ffmpeg.Rational{Num: 1, Den: 1},
		FrameRate: ffmpeg.Rational{Num: 25, Den: 1}, Constant: true, Bitrate: 5_000_000, PixelFmt: "yuv420p", BitDepth: 8,
	}
	audio := ffmpeg.Stream{Type: "audio", Codec: "aac", Channels: 2, SampleRate: 48000, Bitrate: 128_000}
	seconds, seen, heard := 10.0, true, true
	for _, w := range nameWord.FindAllString(name, -1) {
		if m := nameSize.FindStringSubmatch(w); m != nil {
			video.Width, _ = strconv.Atoi(m[1])
			video.Height, _ = strconv.Atoi(m[2])
		}
		if m := nameTime.FindStringSubmatch(w); m != nil {
			seconds, _ = strconv.ParseFloat(m[1], 64)
		}
		if m := nameRate.FindStringSubmatch(w); m != nil {
			video.FrameRate.Num, _ = strconv.Atoi(m[1])
		}
		switch strings.ToLower(w) {
		case "silent":
			heard = false
		case "audioonly":
			seen = false
		}
	}
	m := &ffmpeg.Media{Duration: math.Max(seconds, 1), Bitrate: 5_128_000}
	for _, s := range []struct {
		is     bool
		stream ffmpeg.Stream
	}{{seen, video}, {heard || !seen, audio}} {
		if s.is {
			s.stream.Index, s.stream.Duration = len(m.Streams), m.Duration
			m.Streams = append(m.Streams, s.stream)
		}
	}
	return m
}

// props makes media up for a plan.
type props struct {
	plan *plan
}

// sample describes the mezzanine's file at a path.
func (p *props) sample(file string) pack.Sample {
	for _, v := range p.plan.work.Videos {
		if v.Path == file {
			every := v.GOP
			if v.GOPFrames > 0 {
				every = float64(v.GOPFrames) / max(p.plan.frameRate(&v).Float(), 1)
			}
			return pack.Sample{Video: true, Width: v.Picture.Width, Height: v.Picture.Height, Seconds: p.plan.media.Duration, Every: every}
		}
	}
	for _, a := range p.plan.work.Audios {
		if a.Path == file {
			return pack.Sample{SampleRate: a.SampleRate, Seconds: p.plan.media.Duration, Every: 1}
		}
	}
	return pack.Sample{SampleRate: 48000, Seconds: p.plan.media.Duration, Every: 1}
}

func (p *props) track(file string) (*pack.Track, error) {
	b, err := pack.SampleFile([]pack.Sample{p.sample(file)}, false)
	if err != nil {
		return nil, err
	}
	return pack.Open(bytes.NewReader(b), int64(len(b)))
}

func (p *props) ts(_ context.Context, _ []string, seconds int) ([]pack.Piece, error) {
	var pieces []pack.Piece
	for left := p.plan.media.Duration; left > 0; left -= float64(seconds) {
		pieces = append(pieces, pack.Piece{Seconds: min(left, float64(seconds)), Body: pack.Bytes(pack.SampleTS())})
	}
	return pieces, nil
}

func (p *props) file(tracks []string, seconds float64, smooth bool) (pack.Body, error) {
	var samples []pack.Sample
	for _, t := range tracks {
		s := p.sample(t)
		if smooth {
			s.Every = seconds
		}
		samples = append(samples, s)
	}
	b, err := pack.SampleFile(samples, smooth)
	return pack.Bytes(b), err
}

func (p *props) mp4(_ context.Context, tracks []string) (pack.Body, error) {
	return p.file(tracks, 0, false)
}

func (p *props) ismv(_ context.Context, tracks []string, _ bool, seconds int) (pack.Body, error) {
	return p.file(tracks, float64(seconds), true)
}

func (p *props) images(pattern string, _ int) ([]pack.Body, error) {
	for _, s := range p.plan.work.Sheets {
		if s.Pattern == pattern {
			n := math.Ceil(p.plan.media.Duration / s.Interval / float64(s.Columns*s.Rows))
			return pictures(int(n), s.Width*s.Columns, s.Height*s.Rows)
		}
	}
	for _, c := range p.plan.work.Captures {
		if c.Pattern == pattern {
			n := int(p.plan.media.Duration/c.Interval) + 1
			if c.Most > 0 {
				n = min(n, c.Most)
			}
			return pictures(n, c.Picture.Width, c.Picture.Height)
		}
	}
	return nil, nil
}

// pictured keeps the grey pictures made, by size: there are few sizes.
var pictured sync.Map

const maxPicture = 8192 // pixels of a side

func pictures(n, width, height int) ([]pack.Body, error) {
	width, height = min(width, maxPicture), min(height, maxPicture)
	size := image.Pt(width, height)
	b, ok := pictured.Load(size)
	if !ok {
		var out bytes.Buffer
		if err := jpeg.Encode(&out, image.NewGray(image.Rectangle{Max: size}), nil); err != nil {
			return nil, fmt.Errorf("make up a picture: %w", err)
		}
		b, _ = pictured.LoadOrStore(size, out.Bytes())
	}
	list := make([]pack.Body, n)
	for i := range list {
		list[i] = pack.Bytes(b.([]byte))
	}
	return list, nil
}
