package players

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/vodfleet/vodfleet/internal/e2e/clips"
)

const libraries = "../../../enqueuer/web/vendor"

// harness serves the folder dir as an edge would, with a harness before it.
func harness(t *testing.T, dir string) *Harness {
	t.Helper()
	edge := httptest.NewServer(http.FileServer(http.Dir(dir)))
	t.Cleanup(edge.Close)
	h, err := Open(t.Context(), edge.URL, libraries)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(h.Close)
	return h
}

func clip(t *testing.T, dir string, spec clips.Spec) string {
	t.Helper()
	path, err := clips.Make(t.Context(), dir, spec)
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// rung is one rendition of a test's ladder.
type rung struct {
	source string // path of the clip
	filter string // of ffmpeg
}

// pack encodes the rungs, each with GOPs of a second, and has ffmpeg package
// them: kind "cmaf" gives DIR/NAME.mpd and DIR/master.m3u8, "ts" a
// DIR/master.m3u8, "mp4" a DIR/NAME.mp4 of the first rung.
func pack(t *testing.T, dir, kind string, fps float64, rungs ...rung) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	var inputs, maps, graph []string
	for i, r := range rungs {
		inputs = append(inputs, "-i", r.source)
		graph = append(graph, fmt.Sprintf("[%d:v]%s[v%d]", i, r.filter, i))
		maps = append(maps, "-map", fmt.Sprintf("[v%d]", i))
	}
	gop := fmt.Sprint(int(fps + 0.5))
	args := append([]string{"-v", "error", "-y"}, inputs...)
	args = append(args, "-filter_complex", strings.Join(graph, ";"))
	args = append(args, maps...)
	args = append(args, "-map", "0:a?", "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-b:v", "500k",
		"-g", gop, "-keyint_min", gop, "-sc_threshold", "0", "-c:a", "aac", "-vsync", "passthrough")
	switch kind {
	case "cmaf":
		args = append(args, "-f", "dash", "-seg_duration", "2", "-hls_playlist", "1", "-adaptation_sets", "id=0,streams=v id=1,streams=a", "manifest.mpd")
	case "ts":
		var streams []string
		for i := range rungs {
			streams = append(streams, fmt.Sprintf("v:%d", i))
		}
		args = append(args, "-f", "hls", "-hls_time", "2", "-hls_playlist_type", "vod", "-master_pl_name", "master.m3u8",
			"-hls_segment_filename", "s%v_%d.ts", "-var_stream_map", strings.Join(streams, " "), "v%v.m3u8")
	case "mp4":
		args = append(args, "-movflags", "+faststart", "video.mp4")
	}
	cmd := exec.CommandContext(t.Context(), "ffmpeg", args...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if kind == "cmaf" {
		exact(t, filepath.Join(dir, "manifest.mpd"))
	}
}

func want(s clips.Spec) Want {
	return Want{Identity: int(s.Identity), Frames: s.Frames(), Aspect: s.Aspect(), FPS: s.FPS()}
}

var (
	upright = clips.Spec{Name: "upright.mp4", Identity: 1234, Width: 360, Height: 640, Rate: clips.Ratio{Num: 24000, Den: 1001}, Length: 5 * time.Second}
	sd      = clips.Spec{Name: "sd.mp4", Identity: 4321, Width: 720, Height: 576, Pixel: clips.Ratio{Num: 16, Den: 15}, Length: 5 * time.Second, Silent: true}
	other   = clips.Spec{Name: "other.mp4", Identity: 999, Width: 360, Height: 640, Rate: upright.Rate, Length: 5 * time.Second}
)

// play plays and logs.
func play(t *testing.T, h *Harness, p Package, o Options) []Seen {
	t.Helper()
	seen, err := h.Play(t.Context(), p, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Log("\n" + Table(seen))
	return seen
}
