package delivery

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/vodfleet/vodfleet/internal/cloud"
	"github.com/vodfleet/vodfleet/internal/cloud/memcloud"
	"github.com/vodfleet/vodfleet/internal/ledger"
	"github.com/vodfleet/vodfleet/internal/media"
)

func TestVerify(t *testing.T) {
	f := setUp(t, "packages: [cmaf, mp4]\nrenditions: [{short_side: 720, max_bitrate: 4000000, quality: 8}]")
	want := ledger.Outputs{
		Packages: []ledger.Package{
			{
				Name: "cmaf", HLS: "cmaf/video.m3u8", DASH: "cmaf/video.mpd",
				Renditions: []ledger.Rendition{{Width: 1280, Height: 720, Bandwidth: 4540800, Codecs: "avc1.64001f,mp4a.40.2", FrameRate: 25}},
			},
			{Name: "mp4", Files: []string{"mp4/video_720p.mp4"}, Renditions: []ledger.Rendition{{Height: 720, Bandwidth: 4128000}}},
		},
		Poster: "thumbs/poster.0000001.jpg", Thumbnails: "thumbs/thumbnails.vtt",
		Duration: 30 * time.Second, Files: 23,
	}
	for run := range 2 { // a repeat finds the thumbnails there
		got, err := f.Verify(t.Context(), f.prefix, f.spec)
		if got.Bytes < 20_000 {
			t.Errorf("run %d: %d bytes", run, got.Bytes)
		}
		want.Bytes = got.Bytes
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("run %d: Verify =\n%+v, %v, want\n%+v", run, got, err, want)
		}
		want = got
	}
	o, err := f.Store.Head(t.Context(), f.at(media.ThumbnailsFile))
	if err != nil || o.ContentType != "text/vtt" || o.CacheControl != "public, max-age=31536000, immutable" {
		t.Errorf("thumbnails are %+v, %v", o, err)
	}
	if vtt := f.read(media.ThumbnailsFile); strings.Count(vtt, "../cmaf/video_720p_tiles_") != 30 {
		t.Errorf("thumbnails:\n%s", vtt)
	}
}

// TestVerifyKinds verifies whole builds of every kind.
func TestVerifyKinds(t *testing.T) {
	silent, audio, portrait, short := film(), film(), film(), film()
	silent.Tracks = silent.Tracks[:1]
	audio.Tracks = audio.Tracks[1:]
	portrait.Tracks[0].Rotation = 90
	short.Duration = 700 * time.Millisecond
	for _, tt := range []struct {
		name, profile string
		source        cloud.Media
		packages      int
		renditions    int // of the first package
		poster        string
		thumbnails    bool
		duration      time.Duration
	}{
		{"default", "{}", film(), 1, 4, "thumbs/poster.0000001.jpg", true, 30 * time.Second},
		{"all packages", "packages: [cmaf, hls, dash, mp4]", film(), 4, 4, "thumbs/poster.0000001.jpg", true, 30 * time.Second},
		{"hls", "packages: [hls]", film(), 1, 4, "thumbs/poster.0000001.jpg", true, 30 * time.Second},
		{"dash", "packages: [dash]\nthumbnails: {sprite: off}", film(), 1, 4, "thumbs/poster.0000001.jpg", false, 30 * time.Second},
		{"mp4", "packages: [mp4]\nthumbnails: {poster: off, sprite: off}", film(), 1, 4, "", false, 0},
		{"silent", "{}", silent, 1, 4, "thumbs/poster.0000001.jpg", true, 30 * time.Second},
		{"sound only", "packages: [cmaf, hls]", audio, 2, 1, "", false, 30 * time.Second},
		{"portrait", "{}", portrait, 1, 4, "thumbs/poster.0000001.jpg", true, 30 * time.Second},
		{"shorter than a second", "{}", short, 1, 4, "thumbs/poster.0000000.jpg", true, time.Second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := setUp(t, "{}")
			f.build(2, tt.profile, tt.source)
			got, err := f.Verify(t.Context(), f.prefix, f.spec)
			if err != nil {
				t.Fatal(err)
			}
			if len(got.Packages) != tt.packages || len(got.Packages[0].Renditions) != tt.renditions || got.Poster != tt.poster ||
				(got.Thumbnails != "") != tt.thumbnails || got.Duration != tt.duration {
				t.Errorf("Verify = %+v", got)
			}
		})
	}
}

// TestVerifyIncomplete breaks one thing at a time in a build.
func TestVerifyIncomplete(t *testing.T) {
	const (
		master, mpd     = "cmaf/video.m3u8", "cmaf/video.mpd"
		child, audio    = "cmaf/video_480p.m3u8", "cmaf/video_audio.m3u8"
		segment, images = "cmaf/video_480p_000000003.cmfv", "cmaf/video_1080p_tiles.m3u8"
		last            = "#EXTINF:6.00000,\nvideo_480p_000000005.cmfv\n"
		lastSound       = "#EXTINF:6.00000,\nvideo_audio_000000005.cmfa\n"
	)
	for _, tt := range []struct {
		name string
		harm func(f *fixture)
		want string // the error after "build … is incomplete: "
	}{
		{"no manifest", func(f *fixture) { f.drop(master) }, "cmaf/video.m3u8: missing"},
		{"no MPD", func(f *fixture) { f.drop(mpd) }, "cmaf/video.mpd: missing"},
		{"no child playlist", func(f *fixture) { f.drop(child) }, "cmaf/video_480p.m3u8: missing, named by cmaf/video.m3u8; " +
			"cmaf/video.m3u8: its playlists do not name cmaf/video_480p_000000001.cmfv, and cmaf/video.mpd does"},
		{"no segment", func(f *fixture) { f.drop(segment) }, "cmaf/video_480p_000000003.cmfv: missing, named by cmaf/video_480p.m3u8; " +
			"cmaf/video_480p_000000003.cmfv: missing, named by cmaf/video.mpd"},
		{"no initialisation", func(f *fixture) { f.drop("cmaf/video_480pinit.cmfv") }, "cmaf/video_480pinit.cmfv: missing, named by cmaf/video_480p.m3u8; " +
			"cmaf/video_480pinit.cmfv: missing, named by cmaf/video.mpd"},
		{"no tiles", func(f *fixture) { f.drop("cmaf/video_1080p_tiles_000000002.jpg") },
			"cmaf/video_1080p_tiles_000000002.jpg: missing, named by cmaf/video_1080p_tiles.m3u8"},
		{"no first tiles", func(f *fixture) { f.drop("cmaf/video_1080p_tiles_000000001.jpg") },
			"cmaf/video_1080p_tiles_000000001.jpg: missing, named by cmaf/video_1080p_tiles.m3u8; cmaf/video_1080p_tiles_000000001.jpg: missing, named by cmaf/video.mpd"},
		{"no poster", func(f *fixture) { f.drop("thumbs/poster.0000000.jpg"); f.drop("thumbs/poster.0000001.jpg") }, "thumbs/poster.0000001.jpg: missing"},
		{"empty poster", func(f *fixture) { f.put("thumbs/poster.0000001.jpg", "") }, "thumbs/poster.0000001.jpg: empty"},
		{"empty segment", func(f *fixture) { f.put(segment, "") }, "cmaf/video_480p_000000003.cmfv: empty, named by cmaf/video_480p.m3u8; " +
			"cmaf/video_480p_000000003.cmfv: empty, named by cmaf/video.mpd"},
		{"empty playlist", func(f *fixture) { f.put(audio, "") }, "cmaf/video_audio.m3u8: empty, named by cmaf/video.m3u8; " +
			"cmaf/video.m3u8: its playlists do not name cmaf/video_audio_000000001.cmfa, and cmaf/video.mpd does"},
		{"archived segment", func(f *fixture) { f.Store.SetClass(f.at(segment), "DEEP_ARCHIVE", false) },
			"cmaf/video_480p_000000003.cmfv: archived: viewers cannot get it"},
		{"oversize playlist", func(f *fixture) { f.put(child, strings.Repeat("#\n", media.MaxManifest/2+1)) },
			"cmaf/video_480p.m3u8: 16777218 bytes, limit 16777216; cmaf/video.m3u8: its playlists do not name cmaf/video_480p_000000001.cmfv, and cmaf/video.mpd does"},
		{"oversize MPD", func(f *fixture) { f.put(mpd, strings.Repeat(" ", media.MaxManifest+1)) }, "cmaf/video.mpd: 16777217 bytes, limit 16777216"},
		{"absolute URI", func(f *fixture) { f.edit(child, "video_480p_000000003.cmfv", "https://evil.example/x.cmfv") },
			`cmaf/video_480p.m3u8: URI "https://evil.example/x.cmfv": absolute URI; cmaf/video.m3u8: its playlists do not name cmaf/video_480p_000000003.cmfv, and cmaf/video.mpd does`},
		{"root-relative URI", func(f *fixture) { f.edit(master, "\nvideo_480p.m3u8", "\n/media/"+asset+"/1/cmaf/video_480p.m3u8") },
			`cmaf/video.m3u8: URI "/media/` + asset + `/1/cmaf/video_480p.m3u8": absolute path; cmaf/video.m3u8: names 4 renditions, and the job makes 5; ` +
				"cmaf/video.m3u8: its playlists do not name cmaf/video_480p_000000001.cmfv, and cmaf/video.mpd does"},
		{"URI out of the build", func(f *fixture) { f.edit(child, "video_480p_000000003.cmfv", "../../2/cmaf/video_480p_000000003.cmfv") },
			`cmaf/video_480p.m3u8: URI "../../2/cmaf/video_480p_000000003.cmfv": leaves the build; ` +
				"cmaf/video.m3u8: its playlists do not name cmaf/video_480p_000000003.cmfv, and cmaf/video.mpd does"},
		{"key elsewhere", func(f *fixture) {
			f.edit(child, "#EXT-X-MAP", "#EXT-X-KEY:METHOD=AES-128,URI=\"//keys.example/1\"\n#EXT-X-MAP")
		},
			`cmaf/video_480p.m3u8: URI "//keys.example/1": another host`},
		{"unknown tag elsewhere", func(f *fixture) { f.edit(master, "#EXT-X-MEDIA", "#EXT-X-NEW:X-URI=\"data:x\"\n#EXT-X-MEDIA") },
			`cmaf/video.m3u8: URI "data:x": absolute URI`},
		{"truncated rendition", func(f *fixture) { f.edit(child, last, "") },
			"cmaf/video.m3u8: its playlists do not name cmaf/video_480p_000000005.cmfv, and cmaf/video.mpd does; cmaf/video_480p.m3u8: lasts 24s and cmaf/video_1080p.m3u8 lasts 30s"},
		{"truncated sound", func(f *fixture) { f.edit(audio, lastSound, "") },
			"cmaf/video.m3u8: its playlists do not name cmaf/video_audio_000000005.cmfa, and cmaf/video.mpd does"},
		{"truncated images", func(f *fixture) { cut(f, images, "#EXTINF:5.000") }, "cmaf/video_1080p_tiles.m3u8: shows 25s of 30s"},
		{"truncated MPD", func(f *fixture) { f.edit(mpd, `duration="PT30.000S" id`, `duration="PT12.000S" id`) },
			"cmaf/video.mpd: does not name cmaf/video_1080p_000000003.cmfv, and the playlists of cmaf/video.m3u8 do"},
		{"half an MPD", func(f *fixture) { f.put(mpd, f.read(mpd)[:1000]) }, "cmaf/video.mpd: parse MPD: XML syntax error on line 11: unexpected EOF"},
		{"not ended", func(f *fixture) { f.edit(child, "#EXT-X-ENDLIST\n", "") }, "cmaf/video_480p.m3u8: not ended: no EXT-X-ENDLIST"},
		{"ends in a segment", func(f *fixture) { cut(f, child, "video_480p_000000005") },
			"cmaf/video_480p.m3u8: parse playlist: ends after EXTINF, before its segment; cmaf/video.m3u8: its playlists do not name cmaf/video_480p_000000001.cmfv, and cmaf/video.mpd does"},
		{"no segments", func(f *fixture) { f.put(child, "#EXTM3U\n#EXT-X-TARGETDURATION:6\n#EXT-X-ENDLIST\n") },
			"cmaf/video_480p.m3u8: no segments; cmaf/video.m3u8: its playlists do not name cmaf/video_480p_000000001.cmfv, and cmaf/video.mpd does"},
		{"no rendition", func(f *fixture) { f.put(master, "#EXTM3U\n") }, "cmaf/video.m3u8: not a multivariant playlist"},
		{"a rendition too few", func(f *fixture) { cut(f, master, "#EXT-X-STREAM-INF:BANDWIDTH=1240800") },
			"cmaf/video.m3u8: names 4 renditions, and the job makes 5; cmaf/video.m3u8: names no image playlist, and the job makes one; " +
				"cmaf/video.m3u8: its playlists do not name cmaf/video_360p_000000001.cmfv, and cmaf/video.mpd does"},
		{"playlist of playlists of playlists", func(f *fixture) { f.put(child, f.read(master)) },
			"cmaf/video_480p.m3u8: a multivariant playlist, named by another; cmaf/video.m3u8: its playlists do not name cmaf/video_480p_000000001.cmfv, and cmaf/video.mpd does"},
		{"byte range beyond the file", func(f *fixture) {
			f.edit(child, "video_480p_000000003", "#EXT-X-BYTERANGE:100@90\nvideo_480p_000000003")
		},
			"cmaf/video_480p_000000003.cmfv: has 138 bytes, and cmaf/video_480p.m3u8 names a part that ends at 190"},
		{"not UTF-8", func(f *fixture) { f.edit(child, "#EXT-X-MAP", "#\xff\n#EXT-X-MAP") },
			"cmaf/video_480p.m3u8: not UTF-8; cmaf/video.m3u8: its playlists do not name cmaf/video_480p_000000001.cmfv, and cmaf/video.mpd does"},
		{"MPD not UTF-8", func(f *fixture) { f.edit(mpd, "<Period", "\xff<Period") }, "cmaf/video.mpd: parse MPD: XML syntax error on line 3: invalid UTF-8"},
		{"live MPD", func(f *fixture) { f.edit(mpd, `type="static"`, `type="dynamic"`) }, "cmaf/video.mpd: a live manifest (type dynamic)"},
		{"MPD that leads elsewhere", func(f *fixture) { f.edit(mpd, "<Period", "<BaseURL>https://evil.example/</BaseURL><Period") },
			`cmaf/video.mpd: URI "https://evil.example/video_1080pinit.cmfv": absolute URI; cmaf/video.mpd: URI "https://evil.example/video_1080p_000000001.cmfv": absolute URI; ` +
				`cmaf/video.mpd: URI "https://evil.example/video_1080p_000000002.cmfv": absolute URI; cmaf/video.mpd: URI "https://evil.example/video_1080p_000000003.cmfv": absolute URI; ` +
				`cmaf/video.mpd: URI "https://evil.example/video_1080p_000000004.cmfv": absolute URI; and 27 more`},
		{"MPD with a segment too many", func(f *fixture) { f.edit(mpd, `duration="PT30.000S" id`, `duration="PT35.000S" id`) },
			"cmaf/video_1080p_000000006.cmfv: missing, named by cmaf/video.mpd; cmaf/video_720p_000000006.cmfv: missing, named by cmaf/video.mpd; " +
				"cmaf/video_480p_000000006.cmfv: missing, named by cmaf/video.mpd; cmaf/video_360p_000000006.cmfv: missing, named by cmaf/video.mpd; " +
				"cmaf/video_audio_000000006.cmfa: missing, named by cmaf/video.mpd; and 1 more"},
		{"MPD with a rendition too few", func(f *fixture) { f.edit(mpd, `mimeType="audio/mp4"`, `mimeType="text/mp4"`) },
			"cmaf/video.mpd: names 4 renditions, and the job makes 5; cmaf/video.mpd: does not name cmaf/video_audio_000000001.cmfa, and the playlists of cmaf/video.m3u8 do"},
		{"empty build", func(f *fixture) { _ = f.Remove(f.Context(), f.prefix) },
			"cmaf/video.m3u8: missing; cmaf/video.mpd: missing; thumbs/poster.0000001.jpg: missing"},
		{"other thumbnails", func(f *fixture) {
			f.put("thumbs/thumbnails.vtt", "WEBVTT\n\n00:00.000 --> 00:01.000\n../../2/x.jpg#xywh=0,0,1,1\n")
		},
			"thumbs/thumbnails.vtt: is there with other content"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := setUp(t, "{}")
			tt.harm(f)
			out, err := f.Verify(t.Context(), f.prefix, f.spec)
			got, ok := strings.CutPrefix(fmt.Sprint(err), "build s3://out/vod/media/"+asset+"/1/ is incomplete: ")
			if !ok || got != tt.want {
				t.Errorf("Verify = %v\nwant %s", err, tt.want)
			}
			if _, ok := errors.AsType[*IncompleteError](err); !ok || !reflect.DeepEqual(out, ledger.Outputs{}) {
				t.Errorf("Verify = %+v, %T", out, err)
			}
			if _, err := f.Store.Head(t.Context(), f.at(media.ThumbnailsFile)); tt.name != "other thumbnails" && !errors.Is(err, cloud.ErrNotFound) {
				t.Errorf("thumbnails of an incomplete build: %v", err)
			}
		})
	}
}

// cut ends a file of the build before the line that begins with mark.
func cut(f *fixture, path, mark string) {
	f.Helper()
	body, _, ok := strings.Cut(f.read(path), "\n"+mark)
	if !ok {
		f.Fatalf("%s has no line %q", path, mark)
	}
	f.put(path, body+"\n")
}

// TestVerifyTolerates changes what is none of Verify's business.
func TestVerifyTolerates(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(f *fixture)
	}{
		{"byte order mark and CRLF", func(f *fixture) {
			f.put("cmaf/video.m3u8", "\ufeff"+strings.ReplaceAll(f.read("cmaf/video.m3u8"), "\n", "\r\n"))
		}},
		{"unknown tags", func(f *fixture) { f.edit("cmaf/video_480p.m3u8", "#EXT-X-MAP", "#EXT-X-NEW:1\n#EXT-X-MAP") }},
		{"a byte range within the file", func(f *fixture) {
			f.edit("cmaf/video_480p.m3u8", "video_480p_000000003", "#EXT-X-BYTERANGE:48@90\nvideo_480p_000000003")
		}},
		{"dot segments within the build", func(f *fixture) {
			f.edit("cmaf/video_480p.m3u8", "video_480p_000000003", "../cmaf/./video_480p_000000003")
		}},
		{"escaped names", func(f *fixture) { f.edit("cmaf/video_480p.m3u8", "video_480p_000000003", "video%5F480p_000000003") }},
		{"other files", func(f *fixture) { f.put("cmaf/notes.txt", "") }},
		{"the poster's fallback", func(f *fixture) { f.drop("thumbs/poster.0000001.jpg") }},
		{"a rounded last segment", func(f *fixture) { f.edit("cmaf/video.mpd", `duration="PT30.000S" id`, `duration="PT30.100S" id`) }},
		{"fewer images than the period is long", func(f *fixture) {
			f.edit("cmaf/video.mpd", `timescale="1000" duration="25000"`, `timescale="1000" duration="5000"`)
		}},
		{"a frame less", func(f *fixture) {
			f.edit("cmaf/video_480p.m3u8", "#EXTINF:6.00000,\nvideo_480p_000000005", "#EXTINF:5.96,\nvideo_480p_000000005")
		}},
		{"sound that ends early", func(f *fixture) {
			f.edit("cmaf/video_audio.m3u8", "#EXTINF:6.00000,\nvideo_audio_000000005", "#EXTINF:1.5,\nvideo_audio_000000005")
		}},
		{"thumbnails of another version", func(f *fixture) {
			f.put("thumbs/thumbnails.vtt", "WEBVTT\n\n00:00.000 --> 00:01.000\n../cmaf/video_1080p_tiles_000000001.jpg#xywh=0,0,1,1\n")
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := setUp(t, "{}")
			tt.change(f)
			if _, err := f.Verify(t.Context(), f.prefix, f.spec); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestVerifyTiles: tiles whose size is given as that of the whole image.
func TestVerifyTiles(t *testing.T) {
	f := setUp(t, "{}")
	f.verify()
	want := f.read(media.ThumbnailsFile)
	f.drop(media.ThumbnailsFile)
	const playlist = "cmaf/video_1080p_tiles.m3u8"
	f.put(playlist, strings.ReplaceAll(f.read(playlist), "RESOLUTION=160x90,", "RESOLUTION=800x450,"))
	f.verify()
	if got := f.read(media.ThumbnailsFile); got != want {
		t.Errorf("thumbnails are\n%s\nwant\n%s", got, want)
	}
}

// TestVerifyTemplate verifies what a job template makes, which the spec in the
// ledger does not tell in full.
func TestVerifyTemplate(t *testing.T) {
	f := setUp(t, "{}")
	f.Transcoder.AddTemplate("theirs", f.spec)
	f.prefix = media.BuildPrefix(output, asset, 2)
	f.spec.Template = "theirs"
	for i, name := range []string{"cmaf/video", "thumbs/poster"} {
		f.spec.Groups[i].Destination = f.at(name)
	}
	// A rendition more, and no tiles, as far as the spec tells.
	f.spec.Groups[0].Outputs = append(f.spec.Groups[0].Outputs, cloud.Output{NameModifier: "_x", Audio: &cloud.Audio{Bitrate: 1, SampleRate: 1}})
	f.transcode("template")
	f.edit("cmaf/video_1080p_tiles.m3u8", "LAYOUT=5x5,", "")

	out, err := f.Verify(t.Context(), f.prefix, f.spec)
	if err != nil || len(out.Packages) != 1 || out.Thumbnails != "" || out.Poster != "thumbs/poster.0000000.jpg" {
		t.Errorf("Verify = %+v, %v", out, err)
	}
	f.drop("cmaf/video_audio_000000002.cmfa")
	want := "cmaf/video_audio_000000002.cmfa: missing, named by cmaf/video_audio.m3u8"
	if _, err := f.Verify(t.Context(), f.prefix, f.spec); !strings.Contains(fmt.Sprint(err), want) {
		t.Errorf("Verify = %v, want %s", err, want)
	}
}

// TestVerifyPasses: what the store answers is not the build's fault.
func TestVerifyPasses(t *testing.T) {
	for _, op := range []string{"Store.List", "Store.Get", "Store.Put"} {
		for _, kind := range []error{cloud.ErrThrottled, cloud.ErrDenied, cloud.ErrUnavailable} {
			f := setUp(t, "{}")
			f.SetHooks(hooksOf(op, "", 1, kind, false))
			_, err := f.Verify(t.Context(), f.prefix, f.spec)
			if _, ok := errors.AsType[*IncompleteError](err); ok || !errors.Is(err, kind) {
				t.Errorf("%s: Verify = %v, want %v", op, err, kind)
			}
			f.verify() // and a repeat is as if nothing had been
		}
	}
	f := setUp(t, "{}")
	if _, err := New(f.Store, output, "").Verify(t.Context(), cloud.Location{Bucket: "nowhere", Key: "x/"}, f.spec); !errors.Is(err, cloud.ErrNotFound) {
		t.Errorf("no bucket: Verify = %v", err)
	}
	if _, err := f.Verify(t.Context(), cloud.Location{Bucket: "out", Key: "vod/media/" + asset + "/1"}, f.spec); err == nil {
		t.Error("a prefix that is no folder was verified")
	}
}

// TestVerifyRaces: a thumbnails file that another run has just written.
func TestVerifyRaces(t *testing.T) {
	f := setUp(t, "{}")
	want := f.verify().Builds[0].Outputs
	vtt := f.read(media.ThumbnailsFile)
	f.drop(media.ThumbnailsFile)
	f.SetHooks(memcloud.Hooks{Before: func(op, _ string) error {
		if op == "Store.Put" {
			f.put(media.ThumbnailsFile, vtt)
		}
		return nil
	}})
	got, err := f.Verify(t.Context(), f.prefix, f.spec)
	if err != nil || !reflect.DeepEqual(&got, want) {
		t.Errorf("Verify = %+v, %v, want %+v", got, err, *want)
	}
}

var fuzzed = []string{"cmaf/video.m3u8", "cmaf/video.mpd", "cmaf/video_480p.m3u8", "cmaf/video_1080p_tiles.m3u8"}

// FuzzVerify puts foreign bytes in the place of manifests.
func FuzzVerify(f *testing.F) {
	seeds := setUp(f, "{}")
	for i, path := range fuzzed {
		f.Add([]byte(seeds.read(path)), uint8(i))
	}
	f.Add([]byte("#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nvideo.m3u8\n"), uint8(0))
	f.Add([]byte("#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n../../../../secret\n"), uint8(0))
	f.Fuzz(func(t *testing.T, body []byte, which uint8) {
		s := setUp(t, "{}")
		s.put(fuzzed[int(which)%len(fuzzed)], string(body))
		s.SetHooks(memcloud.Hooks{Before: func(op, at string) error {
			if !strings.HasPrefix(at, s.prefix.String()) {
				t.Errorf("%s %s: out of the build", op, at)
			}
			return nil
		}})
		out, err := s.Verify(t.Context(), s.prefix, s.spec)
		if _, ok := errors.AsType[*IncompleteError](err); err != nil && !ok {
			t.Fatalf("Verify = %v", err)
		}
		s.SetHooks(memcloud.Hooks{})
		if err == nil {
			if err := s.Write(t.Context(), record(1, 1, out), true); err != nil {
				t.Errorf("a verified build cannot be shown: %v", err)
			}
		} else if len(err.Error()) > 5000 {
			t.Errorf("an error of %d bytes", len(err.Error()))
		}
	})
}
