package media

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/vodfleet/vodfleet/internal/cloud"
	"pgregory.net/rapid"
)

// clip is a minute of 1080p at 25 frames a second with sound.
func clip() cloud.Media { return shot(1920, 1080) }

// shot is a clip of another size.
func shot(width, height int) cloud.Media {
	return cloud.Media{Container: "mp4", Duration: time.Minute, Tracks: []cloud.Track{
		{Kind: cloud.TrackVideo, Index: 1, Codec: "AVC", Duration: time.Minute, Width: width, Height: height, FrameRate: cloud.Rational{Num: 25, Den: 1}},
		{Kind: cloud.TrackAudio, Index: 2, Codec: "AAC", Duration: time.Minute, Channels: 2, SampleRate: 48000},
	}}
}

// told writes a plan in one line for a table.
func told(p Plan) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%dx%d %v;", p.Width, p.Height, p.Duration)
	for _, r := range p.Renditions {
		fmt.Fprintf(&b, " %s %dx%d %dk q%d;", r.Name, r.Video.Width, r.Video.Height, r.Video.MaxBitrate/1000, r.Video.Quality)
	}
	fmt.Fprintf(&b, " audio %d; %v/%v/%v;", p.Audio, p.Segment, p.Fragment, p.GOP)
	if c := p.Poster; c != nil {
		fmt.Fprintf(&b, " poster %dx%d %v max %d;", c.Width, c.Height, c.Every, c.Max)
	}
	if t := p.Tiles; t != nil {
		fmt.Fprintf(&b, " tiles %v %d %dx%d;", t.Every, t.Width, t.Columns, t.Rows)
	}
	return b.String()
}

func TestPlan(t *testing.T) {
	const (
		full  = "1080p 0x1080 6000k q8; 720p 0x720 4000k q8; 480p 0x480 2000k q7; 360p 0x360 1000k q7; "
		rest  = "audio 1; 6s/2s/2s; poster 0x720 5s max 2; tiles 1s 160 5x5;"
		rest1 = "audio 1; 6s/2s/2s; "
	)
	rate := func(num, den int) func(m *cloud.Media) {
		return func(m *cloud.Media) { m.Tracks[0].FrameRate = cloud.Rational{Num: num, Den: den} }
	}
	length := func(d time.Duration) func(m *cloud.Media) {
		return func(m *cloud.Media) { m.Duration, m.Tracks[0].Duration, m.Tracks[1].Duration = d, d, d }
	}
	turned := func(degrees int, container string) func(m *cloud.Media) {
		return func(m *cloud.Media) { m.Tracks[0].Rotation, m.Container = degrees, container }
	}
	for _, tt := range []struct {
		name   string
		w, h   int
		change func(m *cloud.Media)
		want   string
	}{
		{"1080p", 1920, 1080, nil, "1920x1080 1m0s; " + full + rest},
		{"4K is not made larger than the profile", 3840, 2160, nil, "3840x2160 1m0s; " + full + rest},
		{"8K", 7680, 4320, nil, "7680x4320 1m0s; " + full + rest},
		{"1080 coded as 1088", 1920, 1088, nil, "1920x1088 1m0s; " + full + rest},
		{"1440p", 2560, 1440, nil, "2560x1440 1m0s; " + full + rest},
		{"cinema crop", 1920, 800, nil, "1920x800 1m0s; 720p 0x720 4000k q8; 480p 0x480 2000k q7; 360p 0x360 1000k q7; " + rest},
		{"a fifth above a rung", 1920, 864, nil, "1920x864 1m0s; 864p 0x864 4800k q8; 720p 0x720 4000k q8; 480p 0x480 2000k q7; 360p 0x360 1000k q7; " + rest},
		{"720p", 1280, 720, nil, "1280x720 1m0s; 720p 0x720 4000k q8; 480p 0x480 2000k q7; 360p 0x360 1000k q7; " + rest},
		{"odd 1279x719", 1279, 719, nil, "1279x719 1m0s; 718p 0x718 3981k q8; 480p 0x480 2000k q7; 360p 0x360 1000k q7; audio 1; 6s/2s/2s; poster 0x718 5s max 2; tiles 1s 160 5x5;"},
		{"odd 853x481", 853, 481, nil, "853x481 1m0s; 480p 0x480 2000k q7; 360p 0x360 1000k q7; " + rest1 + "poster 0x480 5s max 2; tiles 1s 160 5x5;"},
		{"PAL, whatever its pixels' shape", 720, 576, nil, "720x576 1m0s; 576p 0x576 2731k q8; 480p 0x480 2000k q7; 360p 0x360 1000k q7; " + rest1 + "poster 0x576 5s max 2; tiles 1s 160 5x5;"},
		{"NTSC 4:3", 640, 480, nil, "640x480 1m0s; 480p 0x480 2000k q7; 360p 0x360 1000k q7; " + rest1 + "poster 0x480 5s max 2; tiles 1s 160 5x5;"},
		{"between the lowest rungs", 432, 240, nil, "432x240 1m0s; 240p 0x240 544k q7; " + rest1 + "poster 0x240 5s max 2; tiles 1s 160 5x5;"},
		{"tiny", 64, 48, nil, "64x48 1m0s; 48p 0x48 100k q7; " + rest1 + "poster 0x48 5s max 2; tiles 1s 64 5x5;"},
		{"smallest", 33, 32, nil, "33x32 1m0s; 32p 0x32 100k q7; " + rest1 + "poster 0x32 5s max 2; tiles 1s 32 5x5;"},
		{"square", 1080, 1080, nil, "1080x1080 1m0s; " + full + rest},
		{"portrait", 1080, 1920, nil, "1080x1920 1m0s; 1080p 1080x0 6000k q8; 720p 720x0 4000k q8; 480p 480x0 2000k q7; 360p 360x0 1000k q7; " + rest1 + "poster 720x0 5s max 2; tiles 1s 160 5x5;"},
		{"portrait, odd", 481, 853, nil, "481x853 1m0s; 480p 480x0 2000k q7; 360p 360x0 1000k q7; " + rest1 + "poster 480x0 5s max 2; tiles 1s 160 5x5;"},
		{"panorama is as long as H.264 may be", 8192, 1024, nil, "8192x1024 1m0s; 480p 0x480 2000k q7; 360p 0x360 1000k q7; " + rest1 + "poster 0x512 5s max 2; tiles 1s 160 5x5;"},
		{"strip", 4000, 32, nil, "4000x32 1m0s; 32p 0x32 100k q7; " + rest1 + "poster 0x32 5s max 2; tiles 1s 1000 4x5;"},

		{"turned right", 1920, 1080, turned(90, "mp4"), "1080x1920 1m0s; 1080p 1080x0 6000k q8; 720p 720x0 4000k q8; 480p 480x0 2000k q7; 360p 360x0 1000k q7; " + rest1 + "poster 720x0 5s max 2; tiles 1s 160 5x5;"},
		{"turned left", 1920, 1080, turned(270, "quicktime"), "1080x1920 1m0s; 1080p 1080x0 6000k q8; 720p 720x0 4000k q8; 480p 480x0 2000k q7; 360p 360x0 1000k q7; " + rest1 + "poster 720x0 5s max 2; tiles 1s 160 5x5;"},
		{"counted the other way", 1920, 1080, turned(-90, "mp4"), "1080x1920 1m0s; 1080p 1080x0 6000k q8; 720p 720x0 4000k q8; 480p 480x0 2000k q7; 360p 360x0 1000k q7; " + rest1 + "poster 720x0 5s max 2; tiles 1s 160 5x5;"},
		{"upside down", 1920, 1080, turned(180, "mp4"), "1920x1080 1m0s; " + full + rest},
		{"turned where the service does not look", 1920, 1080, turned(90, "matroska"), "1920x1080 1m0s; " + full + rest},

		{"film", 1920, 1080, rate(24000, 1001), "1920x1080 1m0s; " + full + rest},
		{"NTSC", 1920, 1080, rate(30000, 1001), "1920x1080 1m0s; " + full + rest},
		{"30", 1920, 1080, rate(30, 1), "1920x1080 1m0s; " + full + rest},
		{"50", 1920, 1080, rate(50, 1), "1920x1080 1m0s; 1080p 0x1080 8000k q8; 720p 0x720 5333k q8; 480p 0x480 2667k q7; 360p 0x360 1333k q7; " + rest},
		{"59.94", 1920, 1080, rate(60000, 1001), "1920x1080 1m0s; 1080p 0x1080 8994k q8; 720p 0x720 5996k q8; 480p 0x480 2998k q7; 360p 0x360 1499k q7; " + rest},
		{"60", 1920, 1080, rate(60, 1), "1920x1080 1m0s; 1080p 0x1080 9000k q8; 720p 0x720 6000k q8; 480p 0x480 3000k q7; 360p 0x360 1500k q7; " + rest},
		{"a probe's nonsense", 1920, 1080, rate(90000, 1), "1920x1080 1m0s; 1080p 0x1080 12000k q8; 720p 0x720 8000k q8; 480p 0x480 4000k q7; 360p 0x360 2000k q7; " + rest},
		{"variable", 1920, 1080, rate(0, 0), "1920x1080 1m0s; " + full + rest},
		{"negative", 1920, 1080, rate(-25, 1), "1920x1080 1m0s; " + full + rest},
		{"a frame in 5 s", 1920, 1080, rate(1, 5), "1920x1080 1m0s; " + full + "audio 1; 10s/5s/5s; poster 0x720 5s max 2; tiles 5s 160 5x5;"},
		{"a frame in 5 s, which may be the last", 1920, 1080, func(m *cloud.Media) { length(12 * time.Second)(m); rate(1, 5)(m) },
			"1920x1080 12s; " + full + "audio 1; 10s/5s/5s; poster 0x720 1s max 1; tiles 5s 160 5x5;"},
		{"a frame in 60 s", 1920, 1080, rate(1, 60), "1920x1080 1m0s; " + full + "audio 1; 1m0s/1m0s/1m0s; poster 0x720 1s max 1; tiles 1m0s 160 5x5;"},
		{"three frames in 7 s", 1920, 1080, rate(3, 7), "1920x1080 1m0s; " + full + "audio 1; 6s/3s/3s; poster 0x720 5s max 2; tiles 3s 160 5x5;"},

		{"an instant", 1920, 1080, length(200 * time.Millisecond), "1920x1080 200ms; " + full + "audio 1; 6s/2s/2s; poster 0x720 1s max 1; tiles 1s 160 5x5;"},
		{"four seconds", 1920, 1080, length(4 * time.Second), "1920x1080 4s; " + full + "audio 1; 6s/2s/2s; poster 0x720 2s max 2; tiles 1s 160 5x5;"},
		{"ten minutes", 1920, 1080, length(10 * time.Minute), "1920x1080 10m0s; " + full + "audio 1; 6s/2s/2s; poster 0x720 5s max 2; tiles 6s 160 5x5;"},
		{"twelve hours", 1920, 1080, length(12 * time.Hour), "1920x1080 12h0m0s; " + full + "audio 1; 6s/2s/2s; poster 0x720 5s max 2; tiles 10s 160 5x5;"},
		{"only tracks tell how long", 1920, 1080, func(m *cloud.Media) { m.Duration = 0; m.Tracks[0].Duration = 90 * time.Second }, "1920x1080 1m30s; " + full + rest},
		{"sound runs on after the picture", 1920, 1080, func(m *cloud.Media) { m.Tracks[0].Duration = 2 * time.Second }, "1920x1080 1m0s; " + full + "audio 1; 6s/2s/2s; poster 0x720 1s max 2; tiles 1s 160 5x5;"},
		{"silent", 1920, 1080, func(m *cloud.Media) { m.Tracks = m.Tracks[:1] }, "1920x1080 1m0s; " + full + "audio 0; 6s/2s/2s; poster 0x720 5s max 2; tiles 1s 160 5x5;"},
		{"sound alone", 1920, 1080, func(m *cloud.Media) { m.Tracks = m.Tracks[1:] }, "0x0 1m0s; audio 1; 6s/2s/2s;"},
		{"sound with a cover", 600, 600, func(m *cloud.Media) { m.Container = "mp3" }, "0x0 1m0s; audio 1; 6s/2s/2s;"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := shot(tt.w, tt.h)
			if tt.change != nil {
				tt.change(&m)
			}

			plan, err := Default().Plan(m)

			if got := told(plan); err != nil || got != tt.want {
				t.Errorf("Plan = %s %v\nwant   %s", got, err, tt.want)
			}
		})
	}
}

// A profile's own ladder, images and cadence.
func TestPlanByProfile(t *testing.T) {
	for _, tt := range []struct {
		name, profile string
		m             cloud.Media
		want          string
	}{
		{"one rung", "renditions: [{short_side: 720}]", clip(),
			"1920x1080 1m0s; 720p 0x720 4000k q8; audio 1; 6s/2s/2s; poster 0x720 5s max 2; tiles 1s 160 5x5;"},
		{"4K", "renditions: [{short_side: 2160, max_bitrate: 20000000, quality: 9}, {short_side: 1080}]", shot(3840, 2160),
			"3840x2160 1m0s; 2160p 0x2160 20000k q9; 1080p 0x1080 6000k q8; audio 1; 6s/2s/2s; poster 0x720 5s max 2; tiles 1s 160 5x5;"},
		{"4K panorama may be 4096 long", "renditions: [{short_side: 2160, max_bitrate: 20000000, quality: 9}]", shot(5120, 2160),
			"5120x2160 1m0s; 1728p 0x1728 14311k q9; audio 1; 6s/2s/2s; poster 0x720 5s max 2; tiles 1s 160 5x5;"},
		{"every rung is above the source", "renditions: [{short_side: 2160, max_bitrate: 20000000, quality: 9}, {short_side: 1440, max_bitrate: 10000000, quality: 8}]", clip(),
			"1920x1080 1m0s; 1080p 0x1080 6495k q8; audio 1; 6s/2s/2s; poster 0x720 5s max 2; tiles 1s 160 5x5;"},
		{"a lowered rung costs no more than asked", "renditions: [{short_side: 1080, max_bitrate: 50000, quality: 1}]", shot(320, 240),
			"320x240 1m0s; 240p 0x240 50k q1; audio 1; 6s/2s/2s; poster 0x240 5s max 2; tiles 1s 160 5x5;"},
		{"fast at the limit", "renditions: [{short_side: 1080, max_bitrate: 1152000000, quality: 1}]", func() cloud.Media {
			m := clip()
			m.Tracks[0].FrameRate = cloud.Rational{Num: 60, Den: 1}
			return m
		}(), "1920x1080 1m0s; 1080p 0x1080 1152000k q1; audio 1; 6s/2s/2s; poster 0x720 5s max 2; tiles 1s 160 5x5;"},
		{"long cadence", "gop: 3\nfragment: 6\nsegment: 12", clip(),
			"1920x1080 1m0s; 1080p 0x1080 6000k q8; 720p 0x720 4000k q8; 480p 0x480 2000k q7; 360p 0x360 1000k q7; audio 1; 12s/6s/3s; poster 0x720 5s max 2; tiles 1s 160 5x5;"},
		{"no pictures", "thumbnails: off", clip(),
			"1920x1080 1m0s; 1080p 0x1080 6000k q8; 720p 0x720 4000k q8; 480p 0x480 2000k q7; 360p 0x360 1000k q7; audio 1; 6s/2s/2s;"},
		{"large tiles of a portrait", "thumbnails: {poster: off, sprite: {width: 512, columns: 8, rows: 14}}", shot(1080, 1920),
			"1080x1920 1m0s; 1080p 1080x0 6000k q8; 720p 720x0 4000k q8; 480p 480x0 2000k q7; 360p 360x0 1000k q7; audio 1; 6s/2s/2s; tiles 1s 512 8x3;"},
		{"poster of the start", "thumbnails: {poster: {at: 0, short_side: 2160}, sprite: off}", clip(),
			"1920x1080 1m0s; 1080p 0x1080 6000k q8; 720p 0x720 4000k q8; 480p 0x480 2000k q7; 360p 0x360 1000k q7; audio 1; 6s/2s/2s; poster 0x1080 1s max 1;"},
		{"a template decides the outputs", "template: t", clip(), "1920x1080 1m0s; audio 1; 0s/0s/0s;"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p, err := Parse([]byte(tt.profile))
			if err != nil {
				t.Fatal(err)
			}

			plan, err := p.Plan(tt.m)

			if got := told(plan); err != nil || got != tt.want {
				t.Errorf("Plan = %s %v\nwant   %s", got, err, tt.want)
			}
		})
	}
}

func TestPlanRefuses(t *testing.T) {
	for _, tt := range []struct {
		name   string
		m      func(m *cloud.Media)
		reason string
	}{
		{"no media", func(m *cloud.Media) { m.Container = "" }, "it is not a media file, or of a format that cannot be read"},
		{"no tracks", func(m *cloud.Media) { m.Tracks = nil }, "it has neither a picture nor sound"},
		{"captions alone", func(m *cloud.Media) { m.Tracks = []cloud.Track{{Kind: cloud.TrackData}} }, "it has neither a picture nor sound"},
		{"a cover alone", func(m *cloud.Media) { m.Container, m.Tracks = "mp3", m.Tracks[:1] }, "it has neither a picture nor sound"},
		{"no size", func(m *cloud.Media) { m.Tracks[0].Height = 0 }, "its picture has no size: the file may be cut off"},
		{"no duration", func(m *cloud.Media) { m.Duration, m.Tracks[0].Duration, m.Tracks[1].Duration = 0, 0, 0 }, "it has no duration: it may be empty or cut off"},
		{"unknown picture", func(m *cloud.Media) { m.Tracks[0].Codec = "UNKNOWN" }, "its picture is coded in a way that is not known (video track 1)"},
		{"unknown sound", func(m *cloud.Media) { m.Tracks[1].Codec = "" }, "its sound is coded in a way that is not known (audio track 2)"},
		{"too small", func(m *cloud.Media) { m.Tracks[0].Height = 31 }, "its picture of 1920×31 pixels is too small: each side needs at least 32"},
		{"too large", func(m *cloud.Media) { m.Tracks[0].Width = 65537 }, "its picture of 65537×1080 pixels is larger than can be read"},
		{"too thin", func(m *cloud.Media) { m.Tracks[0].Width, m.Tracks[0].Height = 8192, 60 }, "its picture of 8192×60 pixels is too long and thin: scaled to a length of 4096 it would be under 32 across"},
		{"too slow", func(m *cloud.Media) { m.Tracks[0].FrameRate = cloud.Rational{Num: 1, Den: 61} }, "it has less than one frame in 60 seconds"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := clip()
			tt.m(&m)

			plan, err := Default().Plan(m)

			u, ok := errors.AsType[*UnsupportedError](err)
			if !ok || u.Reason != tt.reason || err.Error() != "unsupported source: "+tt.reason {
				t.Errorf("Plan = %v\nwant %s", err, tt.reason)
			}
			if !reflect.DeepEqual(plan, Plan{}) {
				t.Errorf("Plan = %+v beside an error", plan)
			}
		})
	}
}

// checkPlan makes a plan and its job and judges what holds for all of them.
func checkPlan(t interface {
	Helper()
	Errorf(string, ...any)
}, p Profile, m cloud.Media) (Plan, cloud.JobSpec, bool) {
	t.Helper()
	plan, err := p.Plan(m)
	if err != nil {
		if _, ok := errors.AsType[*UnsupportedError](err); !ok {
			t.Errorf("Plan = %v: want an UnsupportedError", err)
		}
		return plan, cloud.JobSpec{}, false
	}
	short := min(plan.Width, plan.Height)
	names := map[string]bool{}
	for i, r := range plan.Renditions {
		size := r.Video.Width + r.Video.Height // one is 0
		if size > short || size%2 != 0 || r.Video.Width*r.Video.Height != 0 || (r.Video.Width > 0) != (plan.Width < plan.Height) {
			t.Errorf("rendition %s is %dx%d of %dx%d", r.Name, r.Video.Width, r.Video.Height, plan.Width, plan.Height)
		}
		if long := size * max(plan.Width, plan.Height) / short; long > maxLong {
			t.Errorf("rendition %s is %d pixels long", r.Name, long)
		}
		if names[r.Name] {
			t.Errorf("rendition %s twice", r.Name)
		}
		names[r.Name] = true
		if i > 0 && r.Video.MaxBitrate > plan.Renditions[i-1].Video.MaxBitrate {
			t.Errorf("rendition %s has more bits than the one above it", r.Name)
		}
	}
	if len(plan.Renditions) > max(len(p.Renditions), 1) {
		t.Errorf("%d renditions, the profile has %d", len(plan.Renditions), len(p.Renditions))
	}
	if c := plan.Poster; c != nil && c.Width+c.Height > short {
		t.Errorf("poster of %dx%d of %dx%d", c.Width, c.Height, plan.Width, plan.Height)
	}
	if s := plan.Tiles; s != nil && (s.Width*s.Columns > maxTileWidth || s.Width*plan.Height/plan.Width*s.Rows > maxTileHeight) {
		t.Errorf("tiles of %+v of %dx%d", *s, plan.Width, plan.Height)
	}
	if len(plan.Warnings) > maxWarnings+1 {
		t.Errorf("%d warnings", len(plan.Warnings))
	}
	if p.Template != "" {
		return plan, cloud.JobSpec{}, true
	}
	spec := p.Spec(plan, cloud.Location{Bucket: "in", Key: "a.mp4"}, BuildPrefix(cloud.Location{Bucket: "out"}, "ASSET", 1))
	if err := spec.Valid(); err != nil {
		t.Errorf("Spec: %v\n%+v", err, spec)
	}
	return plan, spec, true
}

// Whatever the source and the profile, the job is one that MediaConvert takes.
func TestEveryPlanIsLegal(t *testing.T) {
	planned := 0
	rapid.Check(t, func(t *rapid.T) {
		if _, _, ok := checkPlan(t, drawProfile(t), drawMedia(t)); ok {
			planned++
		}
	})
	if t.Logf("%d plans", planned); planned == 0 {
		t.Error("no source could be planned: the property was not tried")
	}
}
