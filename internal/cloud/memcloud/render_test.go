package memcloud_test

import (
	"bytes"
	"image/jpeg"
	"path"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/Eyevinn/mp4ff/mp4"
	"github.com/vodfleet/vodfleet/internal/cloud"
	"github.com/vodfleet/vodfleet/internal/cloud/memcloud"
	"github.com/vodfleet/vodfleet/internal/media"
)

// sources are what jobs are made of.
func sources() map[string]cloud.Media {
	picture := func(w, h, rotation int) cloud.Track {
		return cloud.Track{Kind: cloud.TrackVideo, Index: 1, Codec: "AVC", Duration: 61 * time.Second, Width: w, Height: h, Rotation: rotation, FrameRate: cloud.Rational{Num: 24000, Den: 1001}}
	}
	sound := cloud.Track{Kind: cloud.TrackAudio, Index: 2, Codec: "AAC", Duration: 61 * time.Second, Channels: 2, SampleRate: 48000}
	of := func(tracks ...cloud.Track) cloud.Media {
		return cloud.Media{Container: "mp4", Duration: 61 * time.Second, Tracks: tracks}
	}
	return map[string]cloud.Media{
		"landscape": of(picture(1920, 1080, 0), sound), "portrait": of(picture(1920, 1080, 90), sound), "odd": of(picture(723, 481, 0), sound),
		"silent": of(picture(640, 480, 0)), "sound": of(sound),
	}
}

// TestOutputs runs a job of every package on every source and holds what it
// leaves to what package media expects of MediaConvert: all that is expected is
// there, and all that a manifest names, and nothing else but images.
func TestOutputs(t *testing.T) {
	for name, m := range sources() {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, prefix, spec := made(t, "packages: [cmaf, hls, dash, mp4]", m)
				named := map[string]bool{}
				for _, e := range media.Expect(spec) {
					named[e.Path] = true
					body := read(t, c, prefix.Join(e.Path))
					switch e.Kind {
					case media.KindHLS:
						checkHLS(t, c, prefix, e.Path, body, named)
					case media.KindDASH:
						checkMPD(t, c, prefix, e.Path, body, named)
					case media.KindPoster:
						checkPicture(t, e.Path, body)
					}
				}
				for o, err := range c.Store.List(t.Context(), prefix, "") {
					if err != nil {
						t.Fatal(err)
					}
					file := strings.TrimPrefix(o.Key, prefix.Key)
					if !named[file] && !strings.HasPrefix(file, "thumbs/") {
						t.Errorf("nothing names %s", file)
					}
					if o.Size == 0 {
						t.Errorf("%s is empty", file)
					}
				}
			})
		})
	}
}

// made runs the job that a profile makes of a source.
func made(t *testing.T, yaml string, m cloud.Media) (*memcloud.Cloud, cloud.Location, cloud.JobSpec) {
	t.Helper()
	c := memcloud.New(memcloud.Options{})
	input := cloud.Location{Bucket: "library", Key: "in.mp4"}
	c.Store.Seed(cloud.Put{Location: input, Body: []byte("media")})
	c.Transcoder.SetMedia(input, m, nil)
	probed, err := c.Transcoder.Probe(t.Context(), input)
	if err != nil {
		t.Fatal(err)
	}
	profile, err := media.Parse([]byte(yaml))
	if err != nil {
		t.Fatal(err)
	}
	plan, err := profile.Plan(probed)
	if err != nil {
		t.Fatal(err)
	}
	prefix := media.BuildPrefix(cloud.Location{Bucket: "streams", Key: "a $b"}, "asset", 1)
	spec := profile.Spec(plan, input, prefix)
	job, err := c.Transcoder.Submit(t.Context(), cloud.JobRequest{Token: "t", Role: "r", Spec: spec})
	if err != nil {
		t.Fatal(err)
	}
	time.Sleep(time.Minute)
	if job, err = c.Transcoder.Job(t.Context(), job.ID); err != nil || job.State != cloud.JobComplete || job.Duration != m.Duration {
		t.Fatalf("job %+v, %v; want it complete", job, err)
	}
	return c, prefix, spec
}

func read(t *testing.T, c *memcloud.Cloud, at cloud.Location) []byte {
	t.Helper()
	body, o, err := c.Store.Get(t.Context(), at, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	if o.ContentType == "" {
		t.Errorf("%s has no content type", at)
	}
	return body
}

// resolve is the path of a file that a manifest names, which must be there.
func resolve(t *testing.T, c *memcloud.Cloud, prefix cloud.Location, manifest, uri string, named map[string]bool) string {
	t.Helper()
	file, err := media.Resolve(manifest, uri)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Store.Head(t.Context(), prefix.Join(file)); err != nil {
		t.Errorf("%s names %s: %v", manifest, uri, err)
	}
	named[file] = true
	return file
}

func checkHLS(t *testing.T, c *memcloud.Cloud, prefix cloud.Location, at string, body []byte, named map[string]bool) {
	t.Helper()
	h, err := media.ParseHLS(body)
	if err != nil || len(h.Unknown) > 0 {
		t.Fatalf("%s: %v, unknown tags %q", at, err, h.Unknown)
	}
	variants := 0
	for ref := range h.Refs() {
		file := resolve(t, c, prefix, at, ref.URI, named)
		switch path.Ext(file) {
		case ".m3u8":
			checkHLS(t, c, prefix, file, read(t, c, prefix.Join(file)), named)
		case ".cmfv", ".cmfa":
			checkBoxes(t, file, read(t, c, prefix.Join(file)))
		case ".ts":
			if ts := read(t, c, prefix.Join(file)); len(ts)%188 != 0 || ts[0] != 0x47 {
				t.Errorf("%s is no transport stream", file)
			}
		case ".jpg":
			checkPicture(t, file, read(t, c, prefix.Join(file)))
		}
	}
	for _, p := range h.Playlists {
		if p.Kind == media.KindVariant {
			variants++
		}
	}
	if h.Multivariant && variants == 0 {
		t.Errorf("%s has no variant", at)
	}
	if !h.Multivariant && (!h.Ended || h.Duration.Round(time.Second) != 61*time.Second) {
		t.Errorf("%s lasts %v, ended %v", at, h.Duration, h.Ended)
	}
}

func checkMPD(t *testing.T, c *memcloud.Cloud, prefix cloud.Location, at string, body []byte, named map[string]bool) {
	t.Helper()
	m, err := media.ParseMPD(body)
	if err != nil {
		t.Fatalf("%s: %v", at, err)
	}
	if m.Dynamic || m.Duration.Round(time.Second) != 61*time.Second || len(m.Variants()) == 0 {
		t.Errorf("%s: %+v", at, m)
	}
	for _, track := range m.Tracks {
		for _, ref := range track.Files {
			resolve(t, c, prefix, at, ref.URI, named)
		}
	}
}

func checkBoxes(t *testing.T, file string, body []byte) {
	t.Helper()
	f, err := mp4.DecodeFile(bytes.NewReader(body))
	if err != nil || f.Init == nil && len(f.Segments) == 0 {
		t.Errorf("%s: %v", file, err)
	}
}

func checkPicture(t *testing.T, file string, body []byte) {
	t.Helper()
	if _, err := jpeg.Decode(bytes.NewReader(body)); err != nil {
		t.Errorf("%s: %v", file, err)
	}
}

// TestSizes holds sizes that follow the source to its shape as it is seen.
func TestSizes(t *testing.T) {
	for name, want := range map[string][2]int{"landscape": {1920, 1080}, "portrait": {1080, 1920}, "odd": {720, 480}} {
		synctest.Test(t, func(t *testing.T) {
			c, prefix, _ := made(t, "packages: [cmaf]", sources()[name])
			h, err := media.ParseHLS(read(t, c, prefix.Join("cmaf/video.m3u8")))
			if err != nil {
				t.Fatal(err)
			}
			m, err := media.ParseMPD(read(t, c, prefix.Join("cmaf/video.mpd")))
			if err != nil {
				t.Fatal(err)
			}
			hls, dash := h.Playlists[1].Variant, m.Variants()[0] // behind the sound
			if hls.Width != want[0] || hls.Height != want[1] || dash.Width != want[0] || dash.Height != want[1] {
				t.Errorf("%s is %dx%d by HLS and %dx%d by DASH, want %v", name, hls.Width, hls.Height, dash.Width, dash.Height, want)
			}
		})
	}
}

func TestSmooth(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := memcloud.New(memcloud.Options{})
		input := cloud.Location{Bucket: "library", Key: "in.mp4"}
		c.Store.Seed(cloud.Put{Location: input, Body: []byte("media")})
		_, err := c.Transcoder.Submit(t.Context(), cloud.JobRequest{Token: "t", Role: "r", Spec: cloud.JobSpec{Input: input, Audio: 1, Groups: []cloud.OutputGroup{{
			Package: "smooth", Kind: cloud.GroupSmooth, Destination: cloud.Location{Bucket: "streams", Key: "smooth/video"}, Fragment: 2 * time.Second,
			Outputs: []cloud.Output{
				{NameModifier: "_720p", Video: &cloud.Video{Height: 720, MaxBitrate: 4_000_000, Quality: 8, GOP: 2 * time.Second}},
				{NameModifier: "_audio", Audio: &cloud.Audio{Bitrate: 128_000, SampleRate: 48_000}},
			},
		}}}})
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		for name, holds := range map[string]string{
			"smooth/video.ism": `src="video_720p.ismv"`, "smooth/video.ismc": `Chunks="5"`, "smooth/video_720p.ismv": "moov", "smooth/video_audio.isma": "moof",
		} {
			if body := read(t, c, cloud.Location{Bucket: "streams", Key: name}); !bytes.Contains(body, []byte(holds)) {
				t.Errorf("%s has no %s", name, holds)
			}
		}
	})
}
