package media

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/vodfleet/vodfleet/internal/cloud"
)

func TestThumbnails(t *testing.T) {
	images, err := ParseHLS(playlist(t, "tiles.m3u8"))
	if err != nil {
		t.Fatal(err)
	}

	vtt, err := Thumbnails("cmaf/video_tiles.m3u8", images, 28200*time.Millisecond)

	if err != nil {
		t.Fatal(err)
	}
	golden(t, "thumbnails.vtt", vtt)
}

func TestThumbnailsOf(t *testing.T) {
	image := func(uri string, d time.Duration, grid Tiles) Segment {
		return Segment{URI: uri, Duration: d, Tiles: grid}
	}
	two := Tiles{Width: 100, Height: 50, Columns: 2, Rows: 1, Every: 2 * time.Second}
	for _, tt := range []struct {
		name     string
		playlist string
		duration time.Duration
		images   []Segment
		want     string // the cues, or the error
	}{
		{"escaped", "cmaf/t.m3u8", 0, []Segment{image("a b%2b.jpg", 4*time.Second, two)},
			"\n00:00:00.000 --> 00:00:02.000\n../cmaf/a%20b%2B.jpg#xywh=0,0,100,50\n\n00:00:02.000 --> 00:00:04.000\n../cmaf/a%20b%2B.jpg#xywh=100,0,100,50\n"},
		{"beside", "thumbs/t.m3u8", 0, []Segment{image("./a:b.jpg", 2*time.Second, two)},
			"\n00:00:00.000 --> 00:00:02.000\n./a:b.jpg#xywh=0,0,100,50\n"},
		{"hours", "t.m3u8", 0, []Segment{image("a.jpg", 100*time.Hour, Tiles{1, 1, 1, 1, 100 * time.Hour})},
			"\n00:00:00.000 --> 100:00:00.000\n../a.jpg#xywh=0,0,1,1\n"},
		{"its share where the tag does not tell", "t.m3u8", 0, []Segment{image("a.jpg", 3*time.Second, Tiles{10, 10, 1, 2, 0})},
			"\n00:00:00.000 --> 00:00:01.500\n../a.jpg#xywh=0,0,10,10\n\n00:00:01.500 --> 00:00:03.000\n../a.jpg#xywh=0,10,10,10\n"},
		{"nothing beyond the video", "t.m3u8", 2500 * time.Millisecond, []Segment{image("a.jpg", 4*time.Second, two), image("b.jpg", 4*time.Second, two)},
			"\n00:00:00.000 --> 00:00:02.000\n../a.jpg#xywh=0,0,100,50\n\n00:00:02.000 --> 00:00:02.500\n../a.jpg#xywh=100,0,100,50\n"},
		{"no images", "t.m3u8", time.Second, nil, "t.m3u8: no thumbnails within 1s"},
		{"images of no time", "t.m3u8", time.Second, []Segment{image("a.jpg", 0, two)}, "t.m3u8: no thumbnails within 1s"},
		{"no grid", "t.m3u8", 0, []Segment{image("a.jpg", time.Second, Tiles{})}, "t.m3u8: image 0: no EXT-X-TILES with RESOLUTION and LAYOUT"},
		{"elsewhere", "t.m3u8", 0, []Segment{image("http://x/a.jpg", time.Second, two)}, `t.m3u8: URI "http://x/a.jpg": absolute URI`},
		{"too many", "t.m3u8", 0, []Segment{image("a.jpg", 1000*time.Hour, Tiles{1, 1, 65535, 65535, time.Millisecond})}, "t.m3u8: image 0: more than 200000 thumbnails: too large"},
		{"a grid without time", "t.m3u8", 0, []Segment{image("a.jpg", time.Second, Tiles{1, 1, 65535, 65535, 0})}, "t.m3u8: no thumbnails within 1s"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			images := HLS{Segments: tt.images}
			for _, s := range tt.images {
				images.Duration += s.Duration
			}

			vtt, err := Thumbnails(tt.playlist, images, tt.duration)

			want := tt.want
			if err == nil {
				want = "WEBVTT\n" + want
			}
			if got := string(vtt) + errText(err); got != want {
				t.Errorf("Thumbnails = %.500s\nwant %s", got, want)
			}
			if tt.name == "too many" && !errors.Is(err, ErrTooLarge) {
				t.Errorf("Thumbnails = %v, want ErrTooLarge", err)
			}
		})
	}
}

func TestPerThumbnail(t *testing.T) {
	for _, tt := range []struct {
		name        string
		asked       int // pixels of width
		tiles, want Tiles
	}{
		{"of one", 160, Tiles{160, 90, 5, 4, time.Second}, Tiles{160, 90, 5, 4, time.Second}},
		{"of the whole", 160, Tiles{800, 360, 5, 4, time.Second}, Tiles{160, 90, 5, 4, time.Second}},
		{"one column", 160, Tiles{160, 90, 1, 4, time.Second}, Tiles{160, 90, 1, 4, time.Second}},
		{"something else", 160, Tiles{320, 180, 5, 4, time.Second}, Tiles{320, 180, 5, 4, time.Second}},
		{"no grid", 160, Tiles{}, Tiles{}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := HLS{Segments: []Segment{{URI: "a.jpg", Tiles: tt.tiles}}}

			got := h.PerThumbnail(cloud.Tiles{Width: tt.asked})

			if got.Segments[0].Tiles != tt.want || h.Segments[0].Tiles != tt.tiles {
				t.Errorf("PerThumbnail = %+v, want %+v", got.Segments[0].Tiles, tt.want)
			}
		})
	}
}

func errText(err error) string {
	if err == nil {
		return ""
	}
	return fmt.Sprint(err)
}
