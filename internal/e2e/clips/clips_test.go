package clips

import (
	"context"
	"errors"
	"fmt"
	"image"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// TestMake makes clips, has ffmpeg scale them as a transcoder might, and reads
// every frame.
func TestMake(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		spec   Spec
		scales []image.Point
	}{
		{Spec{Name: "wide.mp4", Identity: 0xA5C3, Title: "It's 50% \\ wide: ok", Width: 1280, Height: 720, Rate: Ratio{30, 1}, Length: time.Second},
			[]image.Point{{1280, 720}, {640, 360}, {320, 180}, {96, 54}}},
		{Spec{Name: "anamorphic.mov", Identity: 1, Width: 720, Height: 576, Pixel: Ratio{16, 15}, Length: time.Second},
			[]image.Point{{768, 576}, {480, 360}}},
		{Spec{Name: "Ü pright.mkv", Identity: 0xFFFF, Title: "Übergröße 日本", Width: 720, Height: 1280, Rate: Ratio{24000, 1001}, Length: time.Second},
			[]image.Point{{202, 360}, {102, 180}}},
		{Spec{Name: "odd", Identity: 0, Width: 641, Height: 361, Length: time.Second, Silent: true},
			[]image.Point{{642, 362}}},
	} {
		t.Run(tt.spec.Name, func(t *testing.T) {
			t.Parallel()
			path, err := Make(t.Context(), t.TempDir(), tt.spec)
			if err != nil {
				t.Fatal(err)
			}
			for _, size := range tt.scales {
				frames := decode(t, path, size)
				if len(frames) != tt.spec.Frames() {
					t.Errorf("%v: %d frames, want %d", size, len(frames), tt.spec.Frames())
				}
				for n, frame := range frames {
					if identity, ok := Read(frame); !ok || identity != int(tt.spec.Identity) {
						t.Fatalf("%v: frame %d reads %d, %v, want %d", size, n, identity, ok, tt.spec.Identity)
					}
					if counter, ok := Counter(frame); !ok || counter != n {
						t.Fatalf("%v: frame %d counts %d, %v", size, n, counter, ok)
					}
				}
			}
		})
	}
}

// decode returns all frames of the video at path, scaled to size by way of a
// hard compression.
func decode(t *testing.T, path string, size image.Point) []image.Image {
	t.Helper()
	hard := filepath.Join(t.TempDir(), "hard.mkv")
	scale := fmt.Sprintf("scale=%d:%d", size.X, size.Y)
	if out, err := exec.CommandContext(t.Context(), "ffmpeg", "-v", "error", "-i", path, "-vf", scale, "-c:v", "libx264", "-preset", "ultrafast",
		"-crf", "38", "-pix_fmt", "yuv420p", "-an", hard).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	raw, err := exec.CommandContext(t.Context(), "ffmpeg", "-v", "error", "-i", hard, "-f", "rawvideo", "-pix_fmt", "rgba", "-").Output()
	if err != nil {
		t.Fatal(err)
	}
	var frames []image.Image
	for bytes := 4 * size.X * size.Y; len(raw) >= bytes; raw = raw[bytes:] {
		frames = append(frames, &image.RGBA{Pix: raw[:bytes], Stride: 4 * size.X, Rect: image.Rectangle{Max: size}})
	}
	return frames
}

// TestKinds asks ffprobe what the files are.
func TestKinds(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		kind Kind
		want string // streams; "" where ffprobe finds no media
	}{
		{Whole, "video\naudio\n"},
		{AudioOnly, "audio\n"},
		{Text, ""},
		{Truncated, ""},
		{Empty, ""},
	} {
		t.Run(fmt.Sprint(tt.kind), func(t *testing.T) {
			t.Parallel()
			path, err := Make(t.Context(), t.TempDir(), Spec{Name: "a.mp4", Kind: tt.kind, Width: 320, Height: 180, Length: time.Second})
			if err != nil {
				t.Fatal(err)
			}
			got, _ := exec.CommandContext(t.Context(), "ffprobe", "-v", "quiet", "-show_entries", "stream=codec_type", "-of", "csv=p=0", path).Output()
			if string(got) != tt.want {
				t.Errorf("ffprobe says %q, want %q", got, tt.want)
			}
		})
	}
}

func TestLibraries(t *testing.T) {
	seen := map[uint16]string{}
	for _, s := range append(Library(), Disappointing()...) {
		if err := s.check(); err != nil {
			t.Errorf("%s: %v", s.Name, err)
		}
		if other, twice := seen[s.Identity]; twice && s.Identity != 0 {
			t.Errorf("%s has the identity of %s", s.Name, other)
		}
		seen[s.Identity] = s.Name
	}
}

func TestSpec(t *testing.T) {
	for _, tt := range []struct {
		spec   Spec
		frames int
		aspect string
	}{
		{Spec{Width: 1920, Height: 1080, Rate: Ratio{30, 1}, Length: 8 * time.Second}, 240, "1.778"},
		{Spec{Width: 720, Height: 576, Pixel: Ratio{16, 15}, Length: 8 * time.Second}, 200, "1.333"},
		{Spec{Width: 720, Height: 1280, Rate: Ratio{24000, 1001}, Length: 10 * time.Second}, 240, "0.562"},
		{Spec{Kind: Truncated, Width: 16, Height: 16, Length: time.Second}, 0, "1.000"},
	} {
		if frames, aspect := tt.spec.Frames(), fmt.Sprintf("%.3f", tt.spec.Aspect()); frames != tt.frames || aspect != tt.aspect {
			t.Errorf("%+v: %d frames, aspect %s, want %d, %s", tt.spec, frames, aspect, tt.frames, tt.aspect)
		}
	}
}

func TestMakeRefuses(t *testing.T) {
	good := Spec{Name: "a.mp4", Width: 320, Height: 180, Length: time.Second}
	for _, tt := range []struct {
		want   string
		change func(*Spec)
	}{
		{`make clip: name "../a.mp4" is not a file name`, func(s *Spec) { s.Name = "../a.mp4" }},
		{`make clip: name "" is not a file name`, func(s *Spec) { s.Name = "" }},
		{"make clip: length 1h0m0s is not within 0 and 10m0s", func(s *Spec) { s.Length = time.Hour }},
		{"make clip: 320x0 is not within 16 and 7680", func(s *Spec) { s.Height = 0 }},
		{"make clip: rate 25/0 is not within 0 and 240", func(s *Spec) { s.Rate = Ratio{25, 0} }},
		{"make clip: pixel 0:1 has no shape", func(s *Spec) { s.Pixel = Ratio{0, 1} }},
		{"make clip: unknown kind 9", func(s *Spec) { s.Kind = 9 }},
	} {
		bad := good
		tt.change(&bad)
		if _, err := Make(t.Context(), t.TempDir(), bad); fmt.Sprint(err) != tt.want {
			t.Errorf("Make = %v, want %s", err, tt.want)
		}
	}
}

// TestMakeCancelled leaves nothing behind.
func TestMakeCancelled(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeoutCause(t.Context(), 300*time.Millisecond, errors.New("enough"))
	defer cancel()
	dir := t.TempDir()
	_, err := Make(ctx, dir, Spec{Name: "long.mp4", Width: 3840, Height: 2160, Length: maxLength})
	if want := "make clip " + filepath.Join(dir, "long.mp4") + ": enough"; fmt.Sprint(err) != want {
		t.Errorf("Make = %v, want %s", err, want)
	}
	if left, _ := os.ReadDir(dir); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}
