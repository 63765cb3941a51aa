package media

import (
	"bytes"
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vodfleet/vodfleet/internal/cloud"
	"github.com/vodfleet/vodfleet/internal/cloud/memcloud"
	"pgregory.net/rapid"
)

// made runs the job of spec over a source like m and returns its files, by
// their paths below prefix.
func made(t rapid.TB, spec cloud.JobSpec, m cloud.Media, prefix cloud.Location) map[string][]byte {
	ctx := context.Background()
	c := memcloud.New(memcloud.Options{Run: func(cloud.JobSpec) time.Duration { return 0 }})
	c.Store.Seed(cloud.Put{Location: spec.Input, Body: []byte("x")})
	c.Transcoder.SetMedia(spec.Input, m, nil)
	job, err := c.Transcoder.Submit(ctx, cloud.JobRequest{Token: "t", Role: "r", Spec: spec})
	if err != nil {
		t.Fatalf("Submit: %v", err)
	}
	if job, err = c.Transcoder.Job(ctx, job.ID); err != nil || job.State != cloud.JobComplete {
		t.Fatalf("Job = %+v, %v", job, err)
	}
	files := map[string][]byte{}
	for o, err := range c.Store.List(ctx, prefix, "") {
		if err != nil {
			t.Fatal(err)
		}
		body, _, err := c.Store.Get(ctx, o.Location, MaxManifest)
		if err != nil {
			t.Fatal(err)
		}
		files[strings.TrimPrefix(o.Key, prefix.Key)] = body
	}
	return files
}

// Whatever the job, the files that we expect are there, every file that a
// manifest among them names is there, and nothing else is.
func TestOutputsAreExpected(t *testing.T) {
	jobs := 0
	rapid.Check(t, func(t *rapid.T) {
		p, m := drawProfile(t), drawMedia(t)
		m.Duration = min(m.Duration, time.Minute)
		for i := range m.Tracks {
			m.Tracks[i].Duration = min(m.Tracks[i].Duration, time.Minute)
			if m.Tracks[i].FrameRate.Float() > 1000 {
				m.Tracks[i].FrameRate = cloud.Rational{}
			}
		}
		plan, spec, ok := checkPlan(t, p, m)
		if !ok || p.Template != "" {
			return
		}
		jobs++
		m.Duration = plan.Duration
		prefix := BuildPrefix(cloud.Location{Bucket: "out"}, "ASSET", 1)
		files := made(t, spec, m, prefix)

		named := map[string]bool{}
		for _, e := range Expect(spec) {
			if files[e.Path] == nil && files[e.Fallback] == nil {
				t.Errorf("%s %s is not among %q", e.Kind, e.Path, keys(files))
			}
			named[e.Path], named[e.Fallback] = true, true
			follow(t, e, files, named)
		}
		for path := range files {
			if !named[path] {
				t.Errorf("%s is there and not expected", path)
			}
		}
	})
	if t.Logf("%d jobs", jobs); jobs == 0 {
		t.Error("no job was made: the property was not tried")
	}
}

func keys(files map[string][]byte) []string {
	var all []string
	for k := range files {
		all = append(all, k)
	}
	slices.Sort(all)
	return all
}

// follow notes all that an expected manifest names.
func follow(t *rapid.T, e Expected, files map[string][]byte, named map[string]bool) {
	note := func(manifest string, r Ref) string {
		path, err := Resolve(manifest, r.URI)
		if err != nil {
			t.Fatalf("Resolve: %v", err)
		}
		if files[path] == nil && !r.Optional {
			t.Errorf("%s names %s, which is not among %v", manifest, path, keys(files))
		}
		named[path] = true
		return path
	}
	switch e.Kind {
	case KindHLS:
		master, err := ParseHLS(files[e.Path])
		if err != nil || !master.Multivariant || len(master.Playlists) == 0 {
			t.Fatalf("%s = %+v, %v", e.Path, master, err)
		}
		for r := range master.Refs() {
			at := note(e.Path, r)
			list, err := ParseHLS(files[at])
			if err != nil || !list.Ended || len(list.Segments) == 0 || len(list.Unknown) > 0 {
				t.Fatalf("%s = %+v, %v", at, list, err)
			}
			for r := range list.Refs() {
				note(at, r)
			}
			if list.Images {
				if vtt, err := Thumbnails(at, list, 0); err != nil || !bytes.HasPrefix(vtt, []byte("WEBVTT\n\n00:00:00.000")) {
					t.Errorf("Thumbnails = %s, %v", vtt, err)
				}
			}
		}
	case KindSmooth:
		server, err := ParseSmoothServer(files[e.Path])
		if err != nil {
			t.Fatalf("%s: %v\n%s", e.Path, err, files[e.Path])
		}
		named[e.Path[:strings.LastIndexByte(e.Path, '/')+1]+server.Client] = true
		for _, track := range server.Tracks {
			path, err := ResolveFile(e.Path, track.File)
			if err != nil || files[path] == nil {
				t.Errorf("%s names %s, %v, which is not among %v", e.Path, track.File, err, keys(files))
			}
			named[path] = true
		}
	case KindDASH:
		m, err := ParseMPD(files[e.Path])
		if err != nil || len(m.Tracks) == 0 {
			t.Fatalf("%s = %+v, %v\n%s", e.Path, m, err, files[e.Path])
		}
		for _, track := range m.Tracks {
			for _, r := range track.Files {
				note(e.Path, r)
			}
		}
	}
}

// The names themselves, as MediaConvert's own jobs have been seen to give them.
func TestOutputNames(t *testing.T) {
	p, err := Parse([]byte("packages: [cmaf, hls, dash, smooth, mp4]\nrenditions: [{short_side: 360}]\nthumbnails: {sprite: off}\nsegment: 60"))
	if err != nil {
		t.Fatal(err)
	}
	_, spec, _ := checkPlan(t, p, clip())

	got := keys(made(t, spec, clip(), BuildPrefix(cloud.Location{Bucket: "out"}, "ASSET", 1)))

	want := []string{
		"cmaf/video.m3u8", "cmaf/video.mpd", "cmaf/video_360p.m3u8", "cmaf/video_360p_000000001.cmfv", "cmaf/video_360pinit.cmfv",
		"cmaf/video_audio.m3u8", "cmaf/video_audio_000000001.cmfa", "cmaf/video_audioinit.cmfa",
		"dash/video.mpd", "dash/video_360p_000000001.mp4", "dash/video_360pinit.mp4", "dash/video_audio_000000001.mp4", "dash/video_audioinit.mp4",
		"hls/video.m3u8", "hls/video_360p.m3u8", "hls/video_360p_00001.ts",
		"mp4/video_360p.mp4", "smooth/video.ism", "smooth/video.ismc", "smooth/video_360p.ismv", "smooth/video_audio.isma", "thumbs/poster.0000000.jpg", "thumbs/poster.0000001.jpg",
	}
	if !slices.Equal(got, want) {
		t.Fatalf("files = %q\nwant %q", got, want)
	}
}
