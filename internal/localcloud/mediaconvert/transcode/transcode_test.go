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
		t.Skip(err)
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
	_ = filepath.WalkDir(filepath.Join(dir, "vod-out"), func(path string, d fs.DirEntry, err error) error {
		info, _ := d.Info()
		t.Log(strings.TrimPrefix(path, dir), info.Size())
		return err
	})
	for _, doc := range []string{"cmaf/video.m3u8", "cmaf/video.mpd", "cmaf/video_180p.m3u8", "cmaf/video_audio.m3u8", "hls/video.m3u8", "hls/video_180p.m3u8", "dash_iso/video.mpd", "ms_smooth/video.ism", "ms_smooth/video.ismc"} {
		b, err := os.ReadFile(filepath.Join(dir, "vod-out", doc))
		t.Logf("%s %v\n%s", doc, err, b)
	}
}

var _ = context.Background
