package players

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestPlay packages clips by plain ffmpeg and has every player play every
// rendition.
func TestPlay(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	tall, wide := clip(t, dir, upright), clip(t, dir, sd)
	pack(t, filepath.Join(dir, "cmaf"), "cmaf", upright.FPS(), rung{tall, "null"}, rung{tall, "scale=202:360"})
	pack(t, filepath.Join(dir, "ts"), "ts", sd.FPS(), rung{wide, "null"}, rung{wide, "scale=480:360,setsar=1"})
	pack(t, filepath.Join(dir, "mp4"), "mp4", sd.FPS(), rung{wide, "scale=360:288"})
	h := harness(t, dir)
	for _, tt := range []struct {
		p     Package
		want  Want
		sizes string // of the pictures that GStreamer decoded
		plays int
		sound bool
	}{
		{Package{"cmaf as hls", "/cmaf/master.m3u8", HLS}, want(upright), "360x640 202x360", 6, true},
		{Package{"cmaf as dash", "/cmaf/manifest.mpd", DASH}, want(upright), "360x640 202x360", 4, true},
		{Package{"hls of ts", "/ts/master.m3u8", HLS}, want(sd), "720x576 480x360", 6, false},
		{Package{"mp4", "/mp4/video.mp4", File}, want(sd), "360x288", 2, false},
	} {
		t.Run(tt.p.Name, func(t *testing.T) {
			t.Parallel()
			seen := play(t, h, tt.p, Options{})
			var sizes []string
			for _, s := range seen {
				if err := s.Check(tt.want); err != nil {
					t.Error(err)
				}
				if s.Player == GStreamer {
					sizes = append(sizes, fmt.Sprintf("%dx%d", s.Width, s.Height))
				} else if s.Sound != tt.sound {
					t.Errorf("%s %s: sound %v, want %v", s.Player, s.Rendition, s.Sound, tt.sound)
				}
			}
			if got := strings.Join(sizes, " "); got != tt.sizes || len(seen) != tt.plays {
				t.Errorf("%d plays, sizes %s, want %d, %s", len(seen), got, tt.plays, tt.sizes)
			}
		})
	}
	t.Run("sound", func(t *testing.T) {
		t.Parallel()
		heard := h.Listen(t.Context(), Package{"cmaf", "/cmaf/master.m3u8", HLS}, Options{})
		if err := heard.Check(upright.Length, upright.Pitch()); err != nil {
			t.Error(err)
		}
		if err := heard.Check(upright.Length, other.Pitch()); err == nil {
			t.Error("another tone passes")
		}
		if heard := h.Listen(t.Context(), Package{"ts", "/ts/master.m3u8", HLS}, Options{}); heard.Err == nil {
			t.Errorf("a silent stream was heard: %+v", heard)
		}
	})
}

// TestBroken plays what is wrong in one way and expects every player to notice.
func TestBroken(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	tall, foreign := clip(t, dir, upright), clip(t, dir, other)
	for _, tt := range []struct {
		name string
		rung rung
		lost string // file that is missing
		want string // in each player's error; "" for any
	}{
		{"identity", rung{foreign, "null"}, "", "identity 999, want 1234"},
		{"frames", rung{tall, "select='not(between(n,50,55))'"}, "", "114 frames, want 120"},
		{"shape", rung{tall, "scale=480:640,setsar=1"}, "", "aspect 0.750 (480x640), want 0.562"},
		{"segment", rung{tall, "null"}, "chunk-stream0-00002.m4s", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			folder := filepath.Join(dir, tt.name)
			pack(t, folder, "cmaf", upright.FPS(), tt.rung)
			if tt.lost != "" {
				if err := os.Remove(filepath.Join(folder, tt.lost)); err != nil {
					t.Fatal(err)
				}
			}
			h := harness(t, folder)
			o := Options{}
			if tt.want == "" { // hls.js asks again and again for what is lost
				o.Patience = 10 * time.Second
			}
			seen := play(t, h, Package{"hls", "/master.m3u8", HLS}, o)
			seen = append(seen, play(t, h, Package{"dash", "/manifest.mpd", DASH}, o)...)
			if len(seen) != 5 {
				t.Errorf("%d plays, want 5", len(seen))
			}
			for _, s := range seen {
				if err := s.Check(want(upright)); err == nil || !strings.Contains(err.Error(), tt.want) {
					t.Errorf("%s noticed %v, want %s", s.Player, err, tt.want)
				}
			}
		})
	}
}
