package media

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/vodfleet/vodfleet/internal/cloud"
)

// The jobs as the ledger keeps them, and the files that they must leave.
func TestSpec(t *testing.T) {
	silent := clip()
	silent.Tracks = silent.Tracks[:1]
	sound := clip()
	sound.Tracks = sound.Tracks[1:]
	dubbed := clip()
	dubbed.Tracks = append(dubbed.Tracks, cloud.Track{Kind: cloud.TrackAudio, Index: 3, Codec: "AAC", Language: "deu"})
	instant := shot(853, 481)
	instant.Duration = 200 * time.Millisecond
	for _, tt := range []struct {
		name, profile string
		m             cloud.Media
		files         string // that the job must leave
	}{
		{"landscape", "{}", clip(), "hls cmaf/video.m3u8; dash cmaf/video.mpd; poster thumbs/poster.0000001.jpg or thumbs/poster.0000000.jpg; "},
		{"portrait", "{}", shot(1080, 1920), "hls cmaf/video.m3u8; dash cmaf/video.mpd; poster thumbs/poster.0000001.jpg or thumbs/poster.0000000.jpg; "},
		{"silent", "{}", silent, "hls cmaf/video.m3u8; dash cmaf/video.mpd; poster thumbs/poster.0000001.jpg or thumbs/poster.0000000.jpg; "},
		{"sound", "{}", sound, "hls cmaf/video.m3u8; dash cmaf/video.mpd; "},
		{"instant", "{}", instant, "hls cmaf/video.m3u8; dash cmaf/video.mpd; poster thumbs/poster.0000000.jpg; "},
		{"hls-mp4", "packages: [mp4, hls]\nrenditions: [{short_side: 720}, {short_side: 360}]\naudio: {languages: [ger], bitrate: 96000, sample_rate: 44100}\nacceleration: on\nsingle_pass: true", dubbed,
			"hls hls/video.m3u8; mp4 mp4/video_720p.mp4; mp4 mp4/video_360p.mp4; poster thumbs/poster.0000001.jpg or thumbs/poster.0000000.jpg; "},
		{"hls-mp4-sound", "packages: [mp4, hls]", sound, "hls hls/video.m3u8; mp4 mp4/video_audio.mp4; "},
		{"every-package", "packages: [smooth, dash, cmaf, mp4, hls]\nthumbnails: off\nrenditions: [{short_side: 480}]", clip(),
			"hls cmaf/video.m3u8; dash cmaf/video.mpd; hls hls/video.m3u8; dash dash/video.mpd; smooth smooth/video.ism; mp4 mp4/video_480p.mp4; "},
		{"smooth", "packages: [smooth]\nrenditions: [{short_side: 720}, {short_side: 360}]\ngop: 1\nfragment: 4\naudio: {languages: [deu]}", dubbed,
			"smooth smooth/video.ism; poster thumbs/poster.0000001.jpg or thumbs/poster.0000000.jpg; "},
		{"smooth-silent", "packages: [smooth]\nrenditions: [{short_side: 720}]\nthumbnails: off", silent, "smooth smooth/video.ism; "},
		{"smooth-sound", "packages: [smooth]", sound, "smooth smooth/video.ism; "},
		{"smooth-slow", "packages: [smooth, hls]\nrenditions: [{short_side: 720}]\nthumbnails: off\nfragment: 4", slides(), "hls hls/video.m3u8; smooth smooth/video.ism; "},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p, err := Parse([]byte(tt.profile))
			if err != nil {
				t.Fatal(err)
			}

			_, spec, ok := checkPlan(t, p, tt.m)

			if !ok {
				t.Fatal("no plan")
			}
			golden(t, "spec-"+tt.name+".json", indented(t, spec))
			if got := expected(spec); got != tt.files {
				t.Errorf("Expect = %s\nwant %s", got, tt.files)
			}
		})
	}
}

// slides has a frame in five seconds: GOPs and fragments grow to hold one.
func slides() cloud.Media {
	m := clip()
	m.Tracks[0].FrameRate = cloud.Rational{Num: 1, Den: 5}
	return m
}

func indented(t *testing.T, spec cloud.JobSpec) []byte {
	t.Helper()
	b, err := json.MarshalIndent(spec, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	return append(b, '\n')
}

func expected(spec cloud.JobSpec) (s string) {
	for _, e := range Expect(spec) {
		s += fmt.Sprintf("%s %s", e.Kind, e.Path)
		if e.Fallback != "" {
			s += " or " + e.Fallback
		}
		s += "; "
	}
	return s
}

// house is a template as the port tells one: no input, no destinations.
func house() cloud.JobSpec {
	video := &cloud.Video{Height: 720, MaxBitrate: 3_000_000, Quality: 7}
	sound := &cloud.Audio{Bitrate: 96_000, SampleRate: 48_000}
	return cloud.JobSpec{Groups: []cloud.OutputGroup{
		{Kind: cloud.GroupFile, Outputs: []cloud.Output{{NameModifier: "-still", Capture: &cloud.FrameCapture{Height: 360, Every: 10 * time.Second, Max: 2, Quality: 90}}}},
		{Kind: cloud.GroupHLS, Segment: 10 * time.Second, Outputs: []cloud.Output{{NameModifier: "-hi", Video: video, Audio: sound}}},
		{Kind: cloud.GroupFile, Outputs: []cloud.Output{{Video: video, Audio: sound}}},
	}}
}

func TestTemplateSpec(t *testing.T) {
	p, err := Parse([]byte("template: house\naudio: {track: 2}\nacceleration: on"))
	if err != nil {
		t.Fatal(err)
	}
	plan, err := p.Plan(clip())
	if err != nil {
		t.Fatal(err)
	}
	tpl := house()
	tpl.Groups = append(tpl.Groups, cloud.OutputGroup{Kind: cloud.GroupSmooth, Fragment: 2 * time.Second, Outputs: tpl.Groups[1].Outputs})

	spec, err := p.TemplateSpec(tpl, plan, cloud.Location{Bucket: "in", Key: "a.mp4"}, BuildPrefix(cloud.Location{Bucket: "out", Key: "vod"}, "ASSET", 3))

	if err != nil {
		t.Fatal(err)
	}
	golden(t, "spec-template.json", indented(t, spec))
	if err := spec.Valid(); err != nil {
		t.Errorf("Valid = %v", err)
	}
	// Which capture is the last is the template's business: the first is there.
	if got, want := expected(spec), "poster thumbs/poster-still.0000000.jpg; hls hls/video.m3u8; mp4 mp4/video.mp4; smooth smooth/video.ism; "; got != want {
		t.Errorf("Expect = %s\nwant %s", got, want)
	}
	if tpl.Groups[0].Package != "" || tpl.Groups[0].Destination != (cloud.Location{}) {
		t.Errorf("the template was changed: %+v", tpl.Groups[0])
	}
}

func TestTemplateSpecRefuses(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(tpl *cloud.JobSpec, plan *Plan)
		want   string
	}{
		{"a second file group", func(tpl *cloud.JobSpec, _ *Plan) { tpl.Groups = append(tpl.Groups, tpl.Groups[2]) },
			`template "house": output group 4: a second mp4 group: their files would have the same names`},
		{"a second smooth group", func(tpl *cloud.JobSpec, _ *Plan) {
			tpl.Groups[1].Kind = cloud.GroupSmooth
			tpl.Groups = append(tpl.Groups, tpl.Groups[1])
		}, `template "house": output group 4: a second smooth group: their files would have the same names`},
		{"an unknown kind", func(tpl *cloud.JobSpec, _ *Plan) { tpl.Groups[1].Kind = "gif" },
			`template "house": output group 2: kind "gif" is not known`},
		{"variables in names", func(tpl *cloud.JobSpec, _ *Plan) { tpl.Groups[1].Outputs[0].NameModifier = "$dt$" },
			`template "house": output group 2: name modifier "$dt$": file names with variables cannot be foretold`},
		{"captures beside files", func(tpl *cloud.JobSpec, _ *Plan) {
			tpl.Groups[2].Outputs = append(tpl.Groups[2].Outputs, tpl.Groups[0].Outputs...)
		}, `template "house": output group 3: frame captures and other files in one group: give the captures a group of their own`},
		{"no outputs", func(tpl *cloud.JobSpec, _ *Plan) { tpl.Groups[1].Outputs = nil }, `template "house": output group 2: no outputs`},
		{"captures alone", func(tpl *cloud.JobSpec, _ *Plan) { tpl.Groups = tpl.Groups[:1] }, `template "house": it makes nothing that can be played`},
		{"nothing", func(tpl *cloud.JobSpec, _ *Plan) { tpl.Groups = nil }, `template "house": it makes nothing that can be played`},
		{"sound alone", func(_ *cloud.JobSpec, plan *Plan) { plan.Width, plan.Height = 0, 0 },
			`unsupported source: it has sound only, and the template "house" makes pictures`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tpl, plan := house(), Plan{Duration: time.Minute, Width: 1280, Height: 720, Audio: 1}
			tt.change(&tpl, &plan)

			spec, err := Profile{Template: "house"}.TemplateSpec(tpl, plan, cloud.Location{Bucket: "in", Key: "a"}, cloud.Location{Bucket: "out", Key: "x/"})

			if got := fmt.Sprint(err); got != tt.want || len(spec.Groups) > 0 {
				t.Errorf("TemplateSpec = %s\nwant %s", got, tt.want)
			}
		})
	}
}

func TestBuildPrefix(t *testing.T) {
	for _, tt := range []struct{ output, want string }{
		{"s3://out", "s3://out/media/A/7/"}, {"s3://out/vod", "s3://out/vod/media/A/7/"}, {"s3://out/vod/", "s3://out/vod/media/A/7/"},
	} {
		at, err := cloud.ParseLocation(tt.output)
		if err != nil {
			t.Fatal(err)
		}
		if got := BuildPrefix(at, "A", 7).String(); got != tt.want {
			t.Errorf("BuildPrefix(%s) = %s, want %s", tt.output, got, tt.want)
		}
	}
}
