package ffmpeg

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"time"
)

// ErrNotMedia is returned for a file that holds no audio or video in a
// container that can be read.
var ErrNotMedia = errors.New("no parser found for container")

// noIndex is ffprobe's complaint about an MP4 or QuickTime file that was cut
// short before its index.
const noIndex = "moov atom not found"

// probeTimeout bounds one look at a file.
const probeTimeout = 60 * time.Second

// maxProbeOutput bounds ffprobe's answer.
const maxProbeOutput = 4 << 20

// Media is what a source holds.
type Media struct {
	Format   string  // the demuxer's names, such as "mov,mp4,m4a,3gp,3g2,mj2"
	Brand    string  // the major brand of an ISO file
	Duration float64 // seconds; 0: unknown
	Bitrate  int     // bits per second; 0: unknown
	Streams  []Stream
}

// Stream is one track of a source.
type Stream struct {
	Index      int // in the file
	Type       string
	Codec      string // ffmpeg's name, such as "h264"
	Profile    string
	Duration   float64 // seconds; 0: unknown
	Start      float64 // seconds
	Bitrate    int     // bits per second; 0: unknown
	Width      int     // pixels as coded, before rotation
	Height     int
	SAR        Rational // of a pixel; 1/1 where unknown
	FrameRate  Rational // the average; 0/1 where unknown
	Constant   bool     // whether the frame rate looks constant
	Rotation   int      // degrees clockwise, 0..359, that the picture is to be turned for showing
	PixelFmt   string
	BitDepth   int
	Primaries  string
	Transfer   string
	Matrix     string
	Channels   int
	SampleRate int    // Hz
	Language   string // ISO 639-2, "" where unknown
}

// Rational is a ratio.
type Rational struct{ Num, Den int }

// Float is the ratio's value, 0 without a denominator.
func (r Rational) Float() float64 {
	if r.Den == 0 {
		return 0
	}
	return float64(r.Num) / float64(r.Den)
}

// Video returns the first track of moving pictures, or nil; cover art is none.
func (m *Media) Video() *Stream {
	for i := range m.Streams {
		if m.Streams[i].Type == "video" {
			return &m.Streams[i]
		}
	}
	return nil
}

// Audio returns the audio tracks in order.
func (m *Media) Audio() []*Stream {
	var tracks []*Stream
	for i := range m.Streams {
		if m.Streams[i].Type == "audio" {
			tracks = append(tracks, &m.Streams[i])
		}
	}
	return tracks
}

// Probe looks at the file at path. It fails with [ErrNotMedia] if there is
// nothing to be seen or heard in it.
func (t Tools) Probe(ctx context.Context, path string) (*Media, error) {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	var answer probeAnswer
	err := run(ctx, func(r io.Reader) error {
		return json.NewDecoder(io.LimitReader(r, maxProbeOutput)).Decode(&answer)
	}, t.ffprobe(), "-v", "error", "-protocol_whitelist", "file", "-format_whitelist", inputFormats,
		"-show_format", "-show_streams", "-of", "json", "file:"+path)
	if e, failed := errors.AsType[*ExitError](err); failed {
		if strings.Contains(e.Complaint, noIndex) { // said before the last complaint
			return nil, fmt.Errorf("probe: %w (%s)", ErrNotMedia, noIndex)
		}
		return nil, fmt.Errorf("probe: %w (%s)", ErrNotMedia, scrub(Complaint(err), path))
	}
	if err != nil {
		return nil, fmt.Errorf("probe: %w", err)
	}
	m := answer.media()
	if m.Video() == nil && len(m.Audio()) == 0 {
		return nil, fmt.Errorf("probe: %w (no audio or video in it)", ErrNotMedia)
	}
	return m, nil
}

// scrub takes the local path out of a complaint.
func scrub(complaint, path string) string {
	complaint = strings.ReplaceAll(complaint, "file:"+path, "input")
	return strings.ReplaceAll(complaint, path, "input")
}

// probeAnswer is ffprobe's JSON, as far as it is used.
type probeAnswer struct {
	Format struct {
		Name     string            `json:"format_name"`
		Duration string            `json:"duration"`
		Bitrate  string            `json:"bit_rate"`
		Tags     map[string]string `json:"tags"`
	} `json:"format"`
	Streams []struct {
		Index       int               `json:"index"`
		Type        string            `json:"codec_type"`
		Codec       string            `json:"codec_name"`
		Profile     string            `json:"profile"`
		Duration    string            `json:"duration"`
		Start       string            `json:"start_time"`
		Bitrate     string            `json:"bit_rate"`
		Width       int               `json:"width"`
		Height      int               `json:"height"`
		SAR         string            `json:"sample_aspect_ratio"`
		Average     string            `json:"avg_frame_rate"`
		Real        string            `json:"r_frame_rate"`
		PixelFmt    string            `json:"pix_fmt"`
		RawBits     string            `json:"bits_per_raw_sample"`
		Bits        int               `json:"bits_per_sample"`
		Primaries   string            `json:"color_primaries"`
		Transfer    string            `json:"color_transfer"`
		Matrix      string            `json:"color_space"`
		Channels    int               `json:"channels"`
		SampleRate  string            `json:"sample_rate"`
		Tags        map[string]string `json:"tags"`
		Disposition struct {
			AttachedPic int `json:"attached_pic"`
		} `json:"disposition"`
		SideData []struct {
			Rotation float64 `json:"rotation"`
		} `json:"side_data_list"`
	} `json:"streams"`
}

func (a *probeAnswer) media() *Media {
	m := &Media{Format: a.Format.Name, Brand: strings.TrimSpace(a.Format.Tags["major_brand"]), Duration: seconds(a.Format.Duration), Bitrate: whole(a.Format.Bitrate)}
	for _, s := range a.Streams {
		if s.Type == "video" && s.Disposition.AttachedPic != 0 {
			continue
		}
		st := Stream{
			Index: s.Index, Type: s.Type, Codec: s.Codec, Profile: s.Profile,
			Duration: seconds(s.Duration), Start: seconds(s.Start), Bitrate: whole(s.Bitrate),
			Width: s.Width, Height: s.Height, SAR: ratio(s.SAR, ":"), FrameRate: ratio(s.Average, "/"),
			PixelFmt: s.PixelFmt, BitDepth: whole(s.RawBits), Primaries: s.Primaries, Transfer: s.Transfer, Matrix: s.Matrix,
			Channels: s.Channels, SampleRate: whole(s.SampleRate), Language: s.Tags["language"],
		}
		if st.SAR.Num <= 0 || st.SAR.Den <= 0 {
			st.SAR = Rational{1, 1}
		}
		if st.Type == "audio" && s.Bits > 0 {
			st.BitDepth = s.Bits
		}
		if st.Language == "und" {
			st.Language = ""
		}
		real := ratio(s.Real, "/")
		if st.FrameRate.Float() == 0 {
			st.FrameRate = real
		}
		st.Constant = real.Float() > 0 && math.Abs(real.Float()-st.FrameRate.Float()) < 0.01*real.Float()
		for _, d := range s.SideData {
			if d.Rotation != 0 { // counter-clockwise
				st.Rotation = ((-int(math.Round(d.Rotation)))%360 + 360) % 360
			}
		}
		m.Streams = append(m.Streams, st)
	}
	if m.Duration == 0 {
		for _, s := range m.Streams {
			m.Duration = max(m.Duration, s.Duration)
		}
	}
	return m
}

func seconds(s string) float64 {
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || math.IsNaN(f) || math.IsInf(f, 0) {
		return 0
	}
	return f
}

func whole(s string) int {
	n, _ := strconv.Atoi(s)
	return n
}

func ratio(s, sep string) Rational {
	a, b, _ := strings.Cut(s, sep)
	r := Rational{whole(a), whole(b)}
	if r.Den == 0 {
		return Rational{0, 1}
	}
	return r
}
