package transcode

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/vodfleet/vodfleet/internal/localcloud/mediaconvert/folder"
	"github.com/vodfleet/vodfleet/internal/localcloud/mediaconvert/rules"
	"github.com/vodfleet/vodfleet/internal/localcloud/mediaconvert/settings"
)

// stand is a store with a bucket "in" and a bucket "out".
func stand(t *testing.T) (*Engine, string) {
	t.Helper()
	e := new(Engine)
	if err := e.Tools.Check(); err != nil {
		t.Fatalf("%v (run `make setup`)", err)
	}
	dir := t.ArtifactDir()
	for _, b := range []string{"vod-in", "vod-out"} {
		if err := os.MkdirAll(filepath.Join(dir, b), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	e.Objects, e.Space = folder.Store(dir), 1<<30
	return e, dir
}

// clip makes a source of three seconds.
func clip(t *testing.T, path string, args ...string) {
	t.Helper()
	if len(args) == 0 {
		args = []string{"-f", "lavfi", "-i", "testsrc2=s=320x180:r=24000/1001:d=3", "-f", "lavfi", "-i", "sine=d=3:r=48000", "-pix_fmt", "yuv420p"}
	}
	args = append(append([]string{"-v", "error", "-y"}, args...), "-preset", "ultrafast", path)
	if out, err := exec.CommandContext(t.Context(), "ffmpeg", args...).CombinedOutput(); err != nil {
		t.Fatalf("make clip: %v: %s", err, out)
	}
}

const (
	aac   = `{"codecSettings":{"codec":"AAC","aacSettings":{"bitrate":96000,"codingMode":"CODING_MODE_2_0","sampleRate":48000}}}`
	both  = `{"codec":"H_264","h264Settings":{"rateControlMode":"QVBR","maxBitrate":1000000,"qvbrSettings":{"qvbrQualityLevel":7},"gopSize":1,"gopSizeUnits":"SECONDS","framerateControl":"INITIALIZE_FROM_SOURCE","parControl":"INITIALIZE_FROM_SOURCE"}}`
	large = `"videoDescription":{"height":180,"codecSettings":` + both + `}`
	small = `"videoDescription":{"height":90,"codecSettings":` + both + `}`
	sound = `"audioDescriptions":[` + aac + `]`
)

func job(groups ...string) string {
	return `{"inputs":[{"fileInput":"s3://vod-in/clip.mp4","audioSelectors":{"Audio Selector 1":{"defaultSelection":"DEFAULT"}},"videoSelector":{"rotate":"AUTO"}}],"outputGroups":[` + strings.Join(groups, ",") + `]}`
}

func asGroup(kind, member, more string, outputs ...string) string {
	return fmt.Sprintf(`{"outputGroupSettings":{"type":%q,%q:{"destination":"s3://vod-out/%s/video"%s}},"outputs":[%s]}`,
		kind, member, strings.ToLower(strings.TrimSuffix(kind, "_GROUP_SETTINGS")), more, strings.Join(outputs, ","))
}

func asOutput(modifier, container string, parts ...string) string {
	return fmt.Sprintf(`{"nameModifier":%q,"containerSettings":{"container":%q},%s}`, modifier, container, strings.Join(parts, ","))
}

func task(t *testing.T, doc string) Task {
	t.Helper()
	if !json.Valid([]byte(doc)) {
		t.Fatalf("not JSON: %s", doc)
	}
	s, err := settings.Decode([]byte(doc))
	if err != nil {
		t.Fatal(err)
	}
	if p := rules.Check(s); len(p) > 0 {
		t.Fatal(p)
	}
	if u := rules.Unsupported(s); len(u) > 0 {
		t.Fatal(u)
	}
	return Task{ID: "1-abcdef", Settings: s, Started: time.Unix(0, 0), Dir: filepath.Join(t.TempDir(), "work")}
}

var everyGroup = job(
	asGroup("CMAF_GROUP_SETTINGS", "cmafGroupSettings", `,"segmentControl":"SEGMENTED_FILES","segmentLength":2,"fragmentLength":1,"imageBasedTrickPlay":"ADVANCED","imageBasedTrickPlaySettings":{"intervalCadence":"FOLLOW_CUSTOM","thumbnailInterval":1,"thumbnailWidth":64,"tileWidth":2,"tileHeight":1}`,
		asOutput("_180p", "CMFC", large), asOutput("_90p", "CMFC", small), asOutput("_audio", "CMFC", sound)),
	asGroup("HLS_GROUP_SETTINGS", "hlsGroupSettings", `,"segmentLength":2,"minSegmentLength":0`, asOutput("_180p", "M3U8", large, sound), asOutput("_90p", "M3U8", small, sound)),
	asGroup("DASH_ISO_GROUP_SETTINGS", "dashIsoGroupSettings", `,"segmentLength":2,"fragmentLength":1`, asOutput("_180p", "MPD", large), asOutput("_audio", "MPD", sound)),
	asGroup("MS_SMOOTH_GROUP_SETTINGS", "msSmoothGroupSettings", `,"fragmentLength":2`, asOutput("_180p", "ISMV", large), asOutput("_90p", "ISMV", small), asOutput("_audio", "ISMV", sound)),
	asGroup("FILE_GROUP_SETTINGS", "fileGroupSettings", ``, asOutput("_90p", "MP4", small, sound),
		asOutput("_poster", "RAW", `"videoDescription":{"height":90,"codecSettings":{"codec":"FRAME_CAPTURE","frameCaptureSettings":{"framerateNumerator":1,"framerateDenominator":1,"maxCaptures":2,"quality":80}}}`)),
)

func TestEveryGroup(t *testing.T) {
	e, dir := stand(t)
	clip(t, filepath.Join(dir, "vod-in", "clip.mp4"))
	var last int
	tk := task(t, everyGroup)
	r, err := e.Run(t.Context(), tk, func(_ Phase, n int) {
		if n < last || n > 99 {
			t.Errorf("progress went from %d to %d", last, n)
		}
		last = n
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(r.Groups[0].Playlists); got != "[s3://vod-out/cmaf/video.m3u8 s3://vod-out/cmaf/video.mpd]" {
		t.Errorf("playlists of CMAF: %s", got)
	}
	if o := r.Groups[0].Outputs; o[0].Width != 320 || o[1].Height != 90 || o[2].Width != 0 || o[0].Duration.Round(100*time.Millisecond) != 3*time.Second {
		t.Errorf("outputs of CMAF: %+v", o)
	}
	if _, err := os.Stat(tk.Dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the work folder stays: %v", err)
	}
	for _, tt := range []struct{ file, want string }{ // want is in the file, or of ffprobe where it begins so
		{"cmaf/video.m3u8", "#EXT-X-INDEPENDENT-SEGMENTS\n"},
		{"cmaf/video.m3u8", `CODECS="avc1.42c014,mp4a.40.2",RESOLUTION=320x180,FRAME-RATE=23.976,AUDIO="program_audio_0"` + "\nvideo_180p.m3u8\n"},
		{"cmaf/video.m3u8", `RESOLUTION=64x36,CODECS="jpeg",URI="video_180p_thumbnails.m3u8"`},
		{"cmaf/video_180p.m3u8", "#EXTINF:2.002000,\nvideo_180p_000000001.cmfv\n#EXTINF:1.001000,\nvideo_180p_000000002.cmfv\n#EXT-X-ENDLIST\n"},
		{"cmaf/video_180p.m3u8", "ffprobe h264 320x180 1:1 24000/1001 72"},
		{"cmaf/video_180p_thumbnails.m3u8", "#EXT-X-TILES:RESOLUTION=64x36,LAYOUT=2x1,DURATION=1.000\nvideo_180p_thumbnails_000000002.jpg\n"},
		{"cmaf/video_180p_thumbnails_000000002.jpg", "ffprobe mjpeg 128x36"},
		{"cmaf/video.mpd", `<S t="0" d="48048"/>`},
		{"cmaf/video.mpd", `mediaPresentationDuration="PT3.029S"`},
		{"cmaf/video.mpd", "ffprobe h264 160x90 1:1 24000/1001 72"},
		{"hls/video.m3u8", "ffprobe h264 320x180 1:1 24000/1001 72"},
		{"hls/video_90p.m3u8", "#EXTINF:2.002000,\nvideo_90p_00001.ts\n"},
		{"dash_iso/video.mpd", `<Initialization range="0-790"/>`},
		{"dash_iso/video.mpd", "ffprobe h264 320x180 1:1 24000/1001 72"},
		{"ms_smooth/video.ism", `<video src="video_90p.ismv" systemBitrate="`},
		{"ms_smooth/video.ismc", `<c n="1" t="20020000" d="10010000"/>`},
		{"ms_smooth/video.ismc", `FourCC="AACL" SamplingRate="48000" Channels="2"`},
		{"file/video_90p.mp4", "ffprobe h264 160x90 1:1 24000/1001 72"},
		{"file/video_poster.0000001.jpg", "ffprobe mjpeg 160x90"},
	} {
		path := filepath.Join(dir, "vod-out", tt.file)
		var got string
		if strings.HasPrefix(tt.want, "ffprobe ") {
			got = probed(t, path)
		} else {
			b, err := os.ReadFile(path)
			if err != nil {
				t.Error(err)
			}
			got = string(b)
		}
		if !strings.Contains(got, tt.want) {
			t.Errorf("%s has no %q:\n%s", tt.file, tt.want, got)
		}
	}
}

// probed lists the tracks of a file or a manifest, each on a line that begins
// with "ffprobe".
func probed(t *testing.T, path string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "ffprobe", "-v", "error", "-allowed_extensions", "ALL", "-count_packets",
		"-show_entries", "stream=codec_name,width,height,sample_aspect_ratio,r_frame_rate,nb_read_packets", "-of", "json", path).Output()
	if err != nil {
		out, err = exec.CommandContext(t.Context(), "ffprobe", "-v", "error", "-count_packets",
			"-show_entries", "stream=codec_name,width,height,sample_aspect_ratio,r_frame_rate,nb_read_packets", "-of", "json", path).Output()
	}
	var answer struct {
		Streams []struct {
			Codec   string `json:"codec_name"`
			W       int    `json:"width"`
			H       int    `json:"height"`
			SAR     string `json:"sample_aspect_ratio"`
			Rate    string `json:"r_frame_rate"`
			Packets string `json:"nb_read_packets"`
		} `json:"streams"`
	}
	if err != nil || json.Unmarshal(out, &answer) != nil {
		t.Errorf("probe %s: %v", path, err)
	}
	var b strings.Builder
	for _, s := range answer.Streams {
		fmt.Fprintf(&b, "ffprobe %s %dx%d %s %s %s\n", s.Codec, s.W, s.H, s.SAR, s.Rate, s.Packets)
	}
	return b.String()
}

func TestSources(t *testing.T) {
	e, dir := stand(t)
	lavfi := func(src string) []string { return []string{"-f", "lavfi", "-i", src} }
	sine := lavfi("sine=d=2:r=44100")
	for _, tt := range []struct {
		name   string
		source []string // arguments of ffmpeg
		file   string
		want   []string // in the multivariant playlist
		track  string   // of the video
		not    string   // in the playlist
	}{
		{"pixels that are not square", append(lavfi("testsrc2=s=360x288:r=25:d=2,setsar=16/15"), sine...), "a.mp4", []string{"RESOLUTION=226x180"}, "ffprobe h264 226x180 16:15 25/1 50", "?"},
		{"portrait", append(lavfi("testsrc2=s=180x320:r=30:d=2"), sine...), "b.mkv", []string{"RESOLUTION=102x180"}, "ffprobe h264 102x180 1:1 30/1 60", "?"},
		{"silent", lavfi("testsrc2=s=320x180:r=25:d=2"), "c.MOV", []string{"RESOLUTION=320x180"}, "ffprobe h264 320x180 1:1 25/1 50", "EXT-X-MEDIA"},
		{"other track order and a name", append(append([]string{}, sine...), lavfi("testsrc2=s=320x180:r=25:d=2")...), "d%23 é+'$&.ts", []string{"AUDIO="}, "ffprobe h264 320x180 1:1 25/1 50", "?"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			clip(t, filepath.Join(dir, "vod-in", tt.file), append(tt.source, "-pix_fmt", "yuv420p")...)
			doc := job(asGroup("CMAF_GROUP_SETTINGS", "cmafGroupSettings", `,"segmentControl":"SEGMENTED_FILES","segmentLength":2,"fragmentLength":1`,
				asOutput("_180p", "CMFC", large), asOutput("_audio", "CMFC", sound)))
			r, err := e.Run(t.Context(), task(t, strings.Replace(doc, "clip.mp4", tt.file, 1)), func(Phase, int) {})
			if err != nil {
				t.Fatal(err)
			}
			if (tt.not == "EXT-X-MEDIA") != (len(r.Warnings) == 1) {
				t.Errorf("warnings %+v", r.Warnings)
			}
			b, err := os.ReadFile(filepath.Join(dir, "vod-out/cmaf/video.m3u8"))
			if err != nil || strings.Contains(string(b), tt.not) {
				t.Errorf("%v; %s", err, b)
			}
			for _, w := range tt.want {
				if !strings.Contains(string(b), w) {
					t.Errorf("no %q in\n%s", w, b)
				}
			}
			if got := probed(t, filepath.Join(dir, "vod-out/cmaf/video_180p.m3u8")); !strings.Contains(got, tt.track) {
				t.Errorf("video is %s, want %s", got, tt.track)
			}
		})
	}
}

func TestRotation(t *testing.T) {
	e, dir := stand(t)
	plain := filepath.Join(dir, "plain.mp4")
	clip(t, plain, "-f", "lavfi", "-i", "testsrc2=s=320x180:r=25:d=1", "-pix_fmt", "yuv420p")
	out, err := exec.CommandContext(t.Context(), "ffmpeg", "-v", "error", "-y", "-i", plain, "-c", "copy", "-metadata:s:v", "rotate=90", filepath.Join(dir, "vod-in/clip.mp4")).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	doc := job(asGroup("FILE_GROUP_SETTINGS", "fileGroupSettings", "", asOutput("_180p", "MP4", large)))
	for rotate, want := range map[string]string{"AUTO": "h264 102x180", "DEGREE_0": "h264 320x180"} {
		if _, err := e.Run(t.Context(), task(t, strings.Replace(doc, `"AUTO"`, `"`+rotate+`"`, 1)), func(Phase, int) {}); err != nil {
			t.Fatal(err)
		}
		if got := probed(t, filepath.Join(dir, "vod-out/file/video_180p.mp4")); !strings.Contains(got, want) {
			t.Errorf("%s: %s, want %s", rotate, got, want)
		}
	}
}

func TestAudioOnly(t *testing.T) {
	e, dir := stand(t)
	clip(t, filepath.Join(dir, "vod-in/clip.mp4"), "-f", "lavfi", "-i", "sine=d=3:r=48000")
	doc := job(
		asGroup("CMAF_GROUP_SETTINGS", "cmafGroupSettings", `,"segmentLength":2,"fragmentLength":1`, asOutput("_audio", "CMFC", sound)),
		asGroup("HLS_GROUP_SETTINGS", "hlsGroupSettings", `,"segmentLength":2,"minSegmentLength":0`, asOutput("_audio", "M3U8", sound)))
	if _, err := e.Run(t.Context(), task(t, doc), func(Phase, int) {}); err != nil {
		t.Fatal(err)
	}
	for _, f := range []string{"cmaf/video.m3u8", "hls/video.m3u8"} {
		b, err := os.ReadFile(filepath.Join(dir, "vod-out", f))
		if err != nil || !strings.Contains(string(b), `CODECS="mp4a.40.2"`+"\nvideo_audio.m3u8\n") {
			t.Errorf("%s: %v\n%s", f, err, b)
		}
		if got := probed(t, filepath.Join(dir, "vod-out", f)); !strings.Contains(got, "ffprobe aac") {
			t.Errorf("%s: %s", f, got)
		}
	}
}

func TestBadSources(t *testing.T) {
	e, dir := stand(t)
	whole := filepath.Join(dir, "whole.mp4")
	clip(t, whole)
	early := filepath.Join(dir, "early.mp4") // with its index first
	clip(t, early, "-f", "lavfi", "-i", "testsrc2=s=160x90:r=25:d=10", "-f", "lavfi", "-i", "sine=d=10:r=48000", "-pix_fmt", "yuv420p", "-movflags", "+faststart")
	cut, err := os.ReadFile(early)
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(whole)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name    string
		content []byte // nil: no object
		code    int
		text    string
	}{
		{"missing", nil, 1404, "HTTP 404"},
		{"empty", []byte{}, 1010, "it has 0 bytes"},
		{"text", []byte("#EXTM3U\n#EXTINF:1,\n/etc/passwd\n"), 1010, "no parser found for container"},
		{"without its index", b[:len(b)/2], 1030, "moov atom not found"},
		{"cut after its index", cut[:len(cut)*6/10], 1030, "truncated"},
		{"a picture", []byte("\xff\xd8\xff\xe0\x00\x10JFIF"), 1010, "no parser found for container"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			file := filepath.Join(dir, "vod-in/clip.mp4")
			os.Remove(file)
			if tt.content != nil {
				if err := os.WriteFile(file, tt.content, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			tk := task(t, everyGroup)
			_, err := e.Run(t.Context(), tk, func(Phase, int) {})
			f, ok := errors.AsType[*Failure](err)
			if !ok || f.Code != tt.code || !strings.Contains(f.Message, tt.text) || strings.Contains(f.Message, tk.Dir) || !strings.Contains(f.Message, "s3://vod-in/clip.mp4") {
				t.Errorf("Run = %v, want %d with %q", err, tt.code, tt.text)
			}
		})
	}
}

func TestSourceThatChanges(t *testing.T) {
	e, dir := stand(t)
	file := filepath.Join(dir, "vod-in/clip.mp4")
	clip(t, file)
	_, err := e.Run(t.Context(), task(t, everyGroup), func(p Phase, n int) {
		if n == 1 {
			if err := os.WriteFile(file+"~", []byte("other"), 0o644); err != nil {
				t.Error(err)
			}
			if err := os.Rename(file+"~", file); err != nil {
				t.Error(err)
			}
		}
	})
	if f, ok := errors.AsType[*Failure](err); !ok || f.Code != 1076 {
		t.Errorf("Run = %v, want 1076", err)
	}
}

func TestStopKillsTheWork(t *testing.T) {
	e, dir := stand(t)
	clip(t, filepath.Join(dir, "vod-in/clip.mp4"), "-f", "lavfi", "-i", "testsrc2=s=640x360:r=30:d=20", "-pix_fmt", "yuv420p")
	why := errors.New("stopped")
	ctx, stop := context.WithCancelCause(t.Context())
	tk := task(t, everyGroup)
	begun := time.Now()
	_, err := e.Run(ctx, tk, func(_ Phase, n int) {
		if n == 1 {
			time.AfterFunc(200*time.Millisecond, func() { stop(why) })
		}
	})
	if !errors.Is(err, why) || time.Since(begun) > 10*time.Second {
		t.Errorf("Run = %v after %v", err, time.Since(begun))
	}
	if _, err := os.Stat(tk.Dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the work folder stays: %v", err)
	}

	e.Space = 1
	_, err = e.Run(t.Context(), task(t, everyGroup), func(Phase, int) {})
	if f, ok := errors.AsType[*Failure](err); !ok || f.Code != 1050 {
		t.Errorf("Run with one byte of space = %v, want 1050", err)
	}
}
