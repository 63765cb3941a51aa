package players

import (
	"errors"
	"fmt"
	"math"
	"testing"
	"time"
)

func TestCheck(t *testing.T) {
	w := Want{Identity: 7, Frames: 200, Aspect: 16.0 / 9, FPS: 25}
	good := Seen{Player: HLSJS, Package: "p", Rendition: "r", Width: 640, Height: 360, Aspect: 16.0 / 9, Frames: 200,
		Looks: []Look{{At: 4 * time.Second, Identity: 7, Counter: 100}}}
	for _, tt := range []struct {
		change func(*Seen)
		want   string
	}{
		{func(s *Seen) {}, "<nil>"},
		{func(s *Seen) { s.Frames = 202 }, "<nil>"},
		{func(s *Seen) { s.Frames = 203 }, "hls.js p r: 203 frames, want 200"},
		{func(s *Seen) { s.Frames = 0 }, "hls.js p r: 0 frames, want 200"},
		{func(s *Seen) { s.Skips = 3 }, "hls.js p r: 3 frames out of order"},
		{func(s *Seen) { s.Aspect = 1.7 }, "hls.js p r: aspect 1.700 (640x360), want 1.778"},
		{func(s *Seen) { s.Aspect = math.NaN() }, "hls.js p r: aspect NaN (640x360), want 1.778"},
		{func(s *Seen) { s.Looks = nil }, "hls.js p r: no picture"},
		{func(s *Seen) { s.Looks[0].Identity = -1 }, "hls.js p r: at 4s identity -1, want 7"},
		{func(s *Seen) { s.Looks[0].Counter = 98 }, "<nil>"},
		{func(s *Seen) { s.Looks[0].Counter = 97 }, "hls.js p r: at 4s frame 97, want 100"},
		{func(s *Seen) { s.Err = errors.New("broken") }, "hls.js p r: broken"},
	} {
		s := good
		s.Looks = append([]Look(nil), good.Looks...)
		tt.change(&s)
		if got := fmt.Sprint(s.Check(w)); got != tt.want {
			t.Errorf("Check = %s, want %s", got, tt.want)
		}
	}
	w.Near = 0.1
	for frames, want := range map[int]string{220: "<nil>", 180: "<nil>", 221: "hls.js p r: 221 frames, want 200"} {
		s := good
		s.Frames = frames
		if got := fmt.Sprint(s.Check(w)); got != want {
			t.Errorf("Check of %d frames, which may be off = %s, want %s", frames, got, want)
		}
	}
}

func TestTable(t *testing.T) {
	got := Table([]Seen{
		{Player: GStreamer, Package: "cmaf", Rendition: "640x360@700k", Width: 640, Height: 360, Aspect: 1.7777, Frames: 200, Looks: []Look{{Identity: 7}, {Identity: 8}, {Identity: 7}}},
		{Player: Native, Package: "mp4", Rendition: "all", Err: errors.New("no\nsuch")},
	})
	want := `player     package  rendition     frames  picture  aspect  identity  sound  
gstreamer  cmaf     640x360@700k  200     640x360  1.778   7,8       -      
chromium   mp4      all           0       0x0      0.000   -         no     no such
`
	if got != want {
		t.Errorf("Table = %s, want %s", got, want)
	}
}
