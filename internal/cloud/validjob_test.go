package cloud_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/vodfleet/vodfleet/internal/cloud"
)

// legal is a job with every kind of group, which MediaConvert takes.
func legal() cloud.JobSpec {
	at := func(name string) cloud.Location { return cloud.Location{Bucket: "out", Key: name + "/video"} }
	video := func() *cloud.Video {
		return &cloud.Video{Height: 720, MaxBitrate: 4_000_000, Quality: 8, GOP: 2 * time.Second}
	}
	sound := func() *cloud.Audio { return &cloud.Audio{Bitrate: 128_000, SampleRate: 48_000} }
	apart := func() []cloud.Output {
		return []cloud.Output{{NameModifier: "_720p", Video: video()}, {NameModifier: "_audio", Audio: sound()}}
	}
	muxed := func() []cloud.Output { return []cloud.Output{{NameModifier: "_720p", Video: video(), Audio: sound()}} }
	const two, six = 2 * time.Second, 6 * time.Second
	return cloud.JobSpec{Input: cloud.Location{Bucket: "in", Key: "a.mp4"}, Audio: 1, Groups: []cloud.OutputGroup{
		{Package: "cmaf", Kind: cloud.GroupCMAF, Destination: at("cmaf"), Segment: six, Fragment: two,
			Tiles: &cloud.Tiles{Every: time.Second, Width: 160, Columns: 5, Rows: 5}, Outputs: apart()},
		{Package: "hls", Kind: cloud.GroupHLS, Destination: at("hls"), Segment: six, Outputs: muxed()},
		{Package: "dash", Kind: cloud.GroupDASH, Destination: at("dash"), Segment: six, Fragment: two, Outputs: apart()},
		{Package: "smooth", Kind: cloud.GroupSmooth, Destination: at("smooth"), Fragment: two, Outputs: muxed()},
		{Package: "mp4", Kind: cloud.GroupFile, Destination: at("mp4"), Outputs: muxed()},
		{Package: "thumbs", Kind: cloud.GroupFile, Destination: at("thumbs"),
			Outputs: []cloud.Output{{Capture: &cloud.FrameCapture{Height: 720, Every: time.Second, Max: 1, Quality: 80}}}},
	}}
}

const cmaf, hls, dash, smooth, mp4, thumbs = 0, 1, 2, 3, 4, 5 // groups of legal

// Each rule once: one change to a legal job, and what is said of it.
func TestJobSpecValid(t *testing.T) {
	template := func(s *cloud.JobSpec) {
		s.Template, s.Audio = "t", 0
		for i := range s.Groups {
			s.Groups[i].Outputs, s.Groups[i].Tiles, s.Groups[i].Segment, s.Groups[i].Fragment = nil, nil, 0, 0
		}
	}
	video := func(s *cloud.JobSpec) *cloud.Video { return s.Groups[cmaf].Outputs[0].Video }
	sound := func(s *cloud.JobSpec) *cloud.Audio { return s.Groups[cmaf].Outputs[1].Audio }
	capture := func(s *cloud.JobSpec) *cloud.FrameCapture { return s.Groups[thumbs].Outputs[0].Capture }
	for _, tt := range []struct {
		name   string
		change func(s *cloud.JobSpec)
		want   string // <nil> for legal
	}{
		{"legal", func(*cloud.JobSpec) {}, "<nil>"},
		{"no input", func(s *cloud.JobSpec) { s.Input.Key = "" }, "input: no key"},
		{"nothing to make", func(s *cloud.JobSpec) { s.Groups = nil }, "no output group"},
		{"captures alone", func(s *cloud.JobSpec) { s.Groups = s.Groups[thumbs:] }, "frame captures alone: want an output with video or audio too"},
		{"one place twice", func(s *cloud.JobSpec) { s.Groups[hls].Destination = s.Groups[cmaf].Destination }, "group hls: destination s3://out/cmaf/video twice"},
		{"sound of no track", func(s *cloud.JobSpec) { s.Audio = 0 }, `group cmaf: output "_audio": audio of no track`},
		{"sound of a track before the first", func(s *cloud.JobSpec) { s.Audio = -1 }, `group cmaf: output "_audio": audio of no track`},

		{"no destination", func(s *cloud.JobSpec) { s.Groups[cmaf].Destination = cloud.Location{} }, "group cmaf: destination: no bucket"},
		{"no base name", func(s *cloud.JobSpec) { s.Groups[cmaf].Destination.Key = "cmaf/" }, "group cmaf: destination s3://out/cmaf/: no base name"},
		{"unknown kind", func(s *cloud.JobSpec) { s.Groups[cmaf].Kind = "gif" }, `group cmaf: unknown kind "gif"`},
		{"no outputs", func(s *cloud.JobSpec) { s.Groups[mp4].Outputs = nil }, "group mp4: no output"},
		{"no segments", func(s *cloud.JobSpec) { s.Groups[hls].Segment = 0 }, "group hls: segments of 0s: want whole seconds"},
		{"segments of half seconds", func(s *cloud.JobSpec) { s.Groups[dash].Segment = 6500 * time.Millisecond }, "group dash: segments of 6.5s: want whole seconds"},
		{"no fragments", func(s *cloud.JobSpec) { s.Groups[smooth].Fragment = 0 }, "group smooth: fragments of 0s: want whole seconds"},
		{"fragments of half seconds", func(s *cloud.JobSpec) { s.Groups[cmaf].Fragment = 1500 * time.Millisecond }, "group cmaf: fragments of 1.5s: want whole seconds"},
		{"segments of part fragments", func(s *cloud.JobSpec) { s.Groups[cmaf].Fragment = 4 * time.Second }, "group cmaf: segments of 6s are not whole fragments of 4s"},
		{"fragments of part GOPs", func(s *cloud.JobSpec) { video(s).GOP = 3 * time.Second }, `group cmaf: output "_720p": fragments of 2s are not whole GOPs of 3s`},
		{"GOPs as the service likes", func(s *cloud.JobSpec) { video(s).GOP = 0 }, "<nil>"},

		{"tiles where there are none", func(s *cloud.JobSpec) { s.Groups[dash].Tiles = s.Groups[cmaf].Tiles }, "group dash: tiles: none in a group of kind dash"},
		{"tiles of TS", func(s *cloud.JobSpec) { s.Groups[hls].Tiles = s.Groups[cmaf].Tiles }, "<nil>"},
		{"tiles at no interval", func(s *cloud.JobSpec) { s.Groups[cmaf].Tiles.Every = 0 }, "group cmaf: tiles: one every 0s"},
		{"narrow tiles", func(s *cloud.JobSpec) { s.Groups[cmaf].Tiles.Width = 0 }, "group cmaf: tiles: width 0: want 8 to 4096, a multiple of 8"},
		{"odd tiles", func(s *cloud.JobSpec) { s.Groups[cmaf].Tiles.Width = 164 }, "group cmaf: tiles: width 164: want 8 to 4096, a multiple of 8"},
		{"wide tiles", func(s *cloud.JobSpec) { s.Groups[cmaf].Tiles.Width = 4104 }, "group cmaf: tiles: width 4104: want 8 to 4096, a multiple of 8"},
		{"no grid", func(s *cloud.JobSpec) { s.Groups[cmaf].Tiles.Rows = 0 }, "group cmaf: tiles: grid of 5x0: want 1x1 to 512x2048"},
		{"wide grid", func(s *cloud.JobSpec) { s.Groups[cmaf].Tiles.Columns = 513 }, "group cmaf: tiles: grid of 513x5: want 1x1 to 512x2048"},
		{"high grid", func(s *cloud.JobSpec) { s.Groups[cmaf].Tiles.Rows = 2049 }, "group cmaf: tiles: grid of 5x2049: want 1x1 to 512x2048"},
		{"tiles of sound", func(s *cloud.JobSpec) { s.Groups[cmaf].Outputs = s.Groups[cmaf].Outputs[1:] }, "group cmaf: tiles: no video to take them from"},

		{"one name twice", func(s *cloud.JobSpec) { s.Groups[cmaf].Outputs[1].NameModifier = "_720p" }, `group cmaf: output "_720p": name modifier twice`},
		{"no name among several", func(s *cloud.JobSpec) { s.Groups[cmaf].Outputs[1].NameModifier = "" }, `group cmaf: output "": no name modifier`},
		{"no name alone", func(s *cloud.JobSpec) { s.Groups[mp4].Outputs[0].NameModifier = "" }, "<nil>"},
		{"a slash in a name", func(s *cloud.JobSpec) { s.Groups[mp4].Outputs[0].NameModifier = "/x" }, `group mp4: output "/x": name modifier: want at most 256 letters, digits and _.-`},
		{"a variable in a name", func(s *cloud.JobSpec) { s.Groups[mp4].Outputs[0].NameModifier = "$dt$" }, `group mp4: output "$dt$": name modifier: want at most 256 letters, digits and _.-`},
		{"a long name", func(s *cloud.JobSpec) { s.Groups[mp4].Outputs[0].NameModifier = strings.Repeat("x", 257) },
			`group mp4: output "` + strings.Repeat("x", 257) + `": name modifier: want at most 256 letters, digits and _.-`},
		{"an output of nothing", func(s *cloud.JobSpec) { s.Groups[mp4].Outputs[0] = cloud.Output{} }, `group mp4: output "": neither video nor audio nor captures`},
		{"captures beside video", func(s *cloud.JobSpec) { s.Groups[mp4].Outputs[0].Capture = capture(s) }, `group mp4: output "_720p": captures are an output of their own, of a file group`},
		{"captures of a stream", func(s *cloud.JobSpec) { s.Groups[hls].Outputs[0] = cloud.Output{Capture: capture(s)} }, `group hls: output "": captures are an output of their own, of a file group`},
		{"sound in CMAF's video", func(s *cloud.JobSpec) { s.Groups[cmaf].Outputs[0].Audio = sound(s) }, `group cmaf: output "_720p": audio beside video: they are outputs of their own in a group of kind cmaf`},
		{"sound in DASH's video", func(s *cloud.JobSpec) { s.Groups[dash].Outputs[0].Audio = sound(s) }, `group dash: output "_720p": audio beside video: they are outputs of their own in a group of kind dash`},

		{"small picture", func(s *cloud.JobSpec) { video(s).Height = 30 }, `group cmaf: output "_720p": video: size 0x30: want even numbers from 32 to 8192, or 0 to follow`},
		{"large picture", func(s *cloud.JobSpec) { video(s).Width = 8194 }, `group cmaf: output "_720p": video: size 8194x720: want even numbers from 32 to 8192, or 0 to follow`},
		{"odd picture", func(s *cloud.JobSpec) { video(s).Height = 481 }, `group cmaf: output "_720p": video: size 0x481: want even numbers from 32 to 8192, or 0 to follow`},
		{"picture as it is", func(s *cloud.JobSpec) { video(s).Height = 0 }, "<nil>"},
		{"few bits", func(s *cloud.JobSpec) { video(s).MaxBitrate = 999 }, `group cmaf: output "_720p": video: maximum bitrate 999: want 1000 to 1152000000`},
		{"many bits", func(s *cloud.JobSpec) { video(s).MaxBitrate = 1_152_000_001 }, `group cmaf: output "_720p": video: maximum bitrate 1152000001: want 1000 to 1152000000`},
		{"no quality", func(s *cloud.JobSpec) { video(s).Quality = 0 }, `group cmaf: output "_720p": video: quality 0: want 1 to 10`},
		{"too much quality", func(s *cloud.JobSpec) { video(s).Quality = 11 }, `group cmaf: output "_720p": video: quality 11: want 1 to 10`},
		{"GOPs of half seconds", func(s *cloud.JobSpec) { video(s).GOP = 500 * time.Millisecond }, `group cmaf: output "_720p": video: GOP of 500ms: want whole seconds, or 0 for the service's choice`},
		{"GOPs of less than nothing", func(s *cloud.JobSpec) { video(s).GOP = -time.Second }, `group cmaf: output "_720p": video: GOP of -1s: want whole seconds, or 0 for the service's choice`},

		{"a rate that AAC has not", func(s *cloud.JobSpec) { sound(s).SampleRate = 96_000 }, `group cmaf: output "_audio": audio: sample rate 96000: want 8000, 12000, 16000, 22050, 24000, 32000, 44100 or 48000`},
		{"too few bits of sound", func(s *cloud.JobSpec) { sound(s).Bitrate = 56_000 }, `group cmaf: output "_audio": audio: bitrate 56000 at 48000 Hz: want one of AAC-LC's stereo bitrates from 64000 to 576000`},
		{"too many", func(s *cloud.JobSpec) { sound(s).SampleRate, sound(s).Bitrate = 44_100, 576_000 }, `group cmaf: output "_audio": audio: bitrate 576000 at 44100 Hz: want one of AAC-LC's stereo bitrates from 64000 to 512000`},
		{"a number between", func(s *cloud.JobSpec) { sound(s).Bitrate = 100_000 }, `group cmaf: output "_audio": audio: bitrate 100000 at 48000 Hz: want one of AAC-LC's stereo bitrates from 64000 to 576000`},
		{"the only one", func(s *cloud.JobSpec) { sound(s).SampleRate, sound(s).Bitrate = 22_050, 32_000 }, "<nil>"},

		{"small capture", func(s *cloud.JobSpec) { capture(s).Height = 31 }, `group thumbs: output "": captures: size 0x31: want even numbers from 32 to 8192, or 0 to follow`},
		{"captures at no interval", func(s *cloud.JobSpec) { capture(s).Every = 0 }, `group thumbs: output "": captures: one every 0s: want whole milliseconds`},
		{"captures at an odd interval", func(s *cloud.JobSpec) { capture(s).Every = time.Second + time.Microsecond }, `group thumbs: output "": captures: one every 1.000001s: want whole milliseconds`},
		{"no capture", func(s *cloud.JobSpec) { capture(s).Max = 0 }, `group thumbs: output "": captures: at most 0: want 1 to 10000000`},
		{"many captures", func(s *cloud.JobSpec) { capture(s).Max = 10_000_001 }, `group thumbs: output "": captures: at most 10000001: want 1 to 10000000`},
		{"poor captures", func(s *cloud.JobSpec) { capture(s).Quality = 0 }, `group thumbs: output "": captures: quality 0: want 1 to 100`},
		{"rich captures", func(s *cloud.JobSpec) { capture(s).Quality = 101 }, `group thumbs: output "": captures: quality 101: want 1 to 100`},

		{"a template", template, "<nil>"},
		{"a template without a place", func(s *cloud.JobSpec) { template(s); s.Groups[hls].Destination.Key = "hls/" }, "group hls: destination s3://out/hls/: no base name"},
		{"a template at one place twice", func(s *cloud.JobSpec) { template(s); s.Groups[hls].Destination = s.Groups[cmaf].Destination }, "group hls: destination s3://out/cmaf/video twice"},
		{"a template of an unknown kind", func(s *cloud.JobSpec) { template(s); s.Groups[hls].Kind = "" }, `group hls: unknown kind ""`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := legal()
			tt.change(&s)

			if got := fmt.Sprint(s.Valid()); got != tt.want {
				t.Errorf("Valid = %s\nwant %s", got, tt.want)
			}
		})
	}
	s := legal()
	s.Input = cloud.Location{}
	if err := s.ValidOutputs(); err != nil {
		t.Errorf("ValidOutputs = %v: the input is none of its business", err)
	}
}
