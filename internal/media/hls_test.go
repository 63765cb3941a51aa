package media

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

func playlist(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// A multivariant playlist as MediaConvert's CMAF group writes one.
func TestParseHLSMultivariant(t *testing.T) {
	h, err := ParseHLS(playlist(t, "cmaf.m3u8"))

	want := HLS{Multivariant: true, Playlists: []Playlist{
		{URI: "video_audio.m3u8", Kind: KindAudio},
		{URI: "video_1080p.m3u8", Kind: KindVariant, Variant: Variant{Width: 1920, Height: 1080, Bandwidth: 6_140_000, Average: 3_021_457, Codecs: "avc1.640028,mp4a.40.2", FrameRate: 25}},
		{URI: "video_360p.m3u8", Kind: KindVariant, Variant: Variant{Width: 640, Height: 360, Bandwidth: 1_140_000, Average: 721_003, Codecs: "avc1.64001e,mp4a.40.2", FrameRate: 25}},
		{URI: "video_1080p_tiles.m3u8", Kind: KindImages, Variant: Variant{Width: 160, Height: 90, Bandwidth: 15_522, Codecs: "jpeg"}},
	}}
	if err != nil || !reflect.DeepEqual(h, want) {
		t.Errorf("ParseHLS = %+v, %v\nwant %+v", h, err, want)
	}
}

func TestParseHLSMedia(t *testing.T) {
	six := Segment{Duration: 6 * time.Second}
	named := func(s Segment, uri string) Segment { s.URI = uri; return s }
	ranged := func(uri string, d time.Duration, at, n int64) Segment {
		return Segment{URI: uri, Duration: d, Range: Range{Offset: at, Length: n}}
	}
	for _, tt := range []struct {
		file string
		want HLS
	}{
		{"cmaf_1080p.m3u8", HLS{ // MediaConvert, CMAF
			Segments: []Segment{named(six, "video_1080p_000000001.cmfv"), named(six, "video_1080p_000000002.cmfv"), {URI: "video_1080p_000000003.cmfv", Duration: 2400 * time.Millisecond}},
			Others:   []Ref{{URI: "video_1080pinit.cmfv", By: "EXT-X-MAP"}}, Duration: 14400 * time.Millisecond, Ended: true,
		}},
		{"ts.m3u8", HLS{ // ffmpeg's hls muxer
			Segments: []Segment{{URI: "00001.ts", Duration: 6006 * time.Millisecond}, {URI: "00002.ts", Duration: 1501500 * time.Microsecond}},
			Duration: 7507500 * time.Microsecond, Ended: true,
		}},
		{"ranges.m3u8", HLS{ // one file, fMP4, CRLF, a byte order mark
			Segments: []Segment{ranged("main.mp4", 4*time.Second, 800, 1000), ranged("main.mp4", 4*time.Second, 1800, 2000), ranged("other.mp4", time.Second, 0, 10)},
			Others:   []Ref{{URI: "main.mp4", By: "EXT-X-MAP", Range: Range{0, 800}}}, Duration: 9 * time.Second, Ended: true,
		}},
		{"iframes.m3u8", HLS{
			Segments: []Segment{ranged("a.ts", 2*time.Second, 376, 9400), ranged("a.ts", 2*time.Second, 62_000, 8800)},
			Duration: 4 * time.Second, Ended: true,
		}},
		{"tiles.m3u8", HLS{
			Segments: []Segment{
				{URI: "t_1.jpg", Duration: 25 * time.Second, Tiles: Tiles{160, 90, 5, 5, time.Second}},
				{URI: "t_2.jpg", Duration: 3500 * time.Millisecond, Tiles: Tiles{160, 90, 5, 5, time.Second}},
			},
			Duration: 28500 * time.Millisecond, Ended: true, Images: true,
		}},
		{"odd.m3u8", HLS{ // comments, tags of tomorrow, keys, parts, a live playlist
			Segments: []Segment{{URI: "a b.ts", Duration: 0}},
			Others: []Ref{
				{URI: "key.bin", By: "EXT-X-KEY"}, {URI: "p.mp4", By: "EXT-X-PART", Range: Range{5, 20}}, {URI: "list.json", By: "EXT-X-DATERANGE"},
				{URI: "x.bin", By: "EXT-X-TOMORROW"}, {URI: "y,z.bin", By: "EXT-X-TOMORROW"}, {URI: "p2.mp4", By: "EXT-X-PRELOAD-HINT"},
			},
			Unknown: []string{"EXT-X-TOMORROW", "EXT-X-CUE-OUT"},
		}},
	} {
		t.Run(tt.file, func(t *testing.T) {
			h, err := ParseHLS(playlist(t, tt.file))

			if err != nil || !reflect.DeepEqual(h, tt.want) {
				t.Errorf("ParseHLS = %+v, %v\nwant %+v", h, err, tt.want)
			}
		})
	}
}

func TestParseHLSRefuses(t *testing.T) {
	const master, media = "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\na.m3u8\n", "#EXTM3U\n#EXT-X-TARGETDURATION:6\n#EXTINF:6,\na.ts\n"
	for _, tt := range []struct{ name, text, want string }{
		{"nothing", "", "empty"},
		{"a mark alone", "\xef\xbb\xbf", "empty"},
		{"no beginning", "a.ts\n#EXTM3U\n", "line 1: does not begin with #EXTM3U"},
		{"an error page", "<html>", "line 1: does not begin with #EXTM3U"},
		{"cut after a variant's tag", "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1", "ends after EXT-X-STREAM-INF, before its playlist"},
		{"cut after a segment's tag", "#EXTM3U\n#EXTINF:6,\n", "ends after EXTINF, before its segment"},
		{"two variants' tags", "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n#EXT-X-STREAM-INF:BANDWIDTH=1\na", "line 3: EXT-X-STREAM-INF: no playlist after the one before"},
		{"two segments' tags", "#EXTM3U\n#EXTINF:6,\n#EXTINF:6,\na", "line 3: EXTINF: no segment after the one before"},
		{"a bare URI", "#EXTM3U\na.ts", "line 2: a URI without EXTINF or EXT-X-STREAM-INF"},
		{"both kinds", master + "#EXTINF:6,\nb.ts\n", "line 4: EXTINF: tags of multivariant and of media playlists in one"},
		{"both kinds, the other way", media + "#EXT-X-MEDIA:TYPE=AUDIO\n", "line 5: EXT-X-MEDIA: tags of multivariant and of media playlists in one"},
		{"a duration of words", "#EXTM3U\n#EXTINF:six,\na", `line 2: EXTINF: a duration of "six"`},
		{"a negative duration", "#EXTM3U\n#EXTINF:-1,\na", "line 2: EXTINF: a duration of -1 s"},
		{"no number", "#EXTM3U\n#EXTINF:NaN,\na", "line 2: EXTINF: a duration of NaN s"},
		{"for ever", "#EXTM3U\n#EXTINF:Inf,\na", "line 2: EXTINF: a duration of +Inf s"},
		{"too long", "#EXTM3U\n" + strings.Repeat("#EXTINF:3000000,\na\n", 2), "line 5: longer than 1000h0m0s: too large"},
		{"a broken range", "#EXTM3U\n#EXT-X-BYTERANGE:x@1\n", `line 2: EXT-X-BYTERANGE: byte range "x@1"`},
		{"an empty range", "#EXTM3U\n#EXT-X-BYTERANGE:0@1\n", `line 2: EXT-X-BYTERANGE: byte range "0@1"`},
		{"a range beyond all", "#EXTM3U\n#EXT-X-BYTERANGE:99999999999999999999\n", `line 2: EXT-X-BYTERANGE: byte range "99999999999999999999"`},
		{"a range that goes on from nothing", "#EXTM3U\n#EXTINF:1,\n#EXT-X-BYTERANGE:10\na", "line 4: a byte range that goes on from nothing"},
		{"a range that goes on in another file", "#EXTM3U\n#EXTINF:1,\n#EXT-X-BYTERANGE:10@0\na\n#EXTINF:1,\n#EXT-X-BYTERANGE:10\nb", "line 7: a byte range that goes on from nothing"},
		{"a range of a map", "#EXTM3U\n#EXT-X-MAP:URI=\"a\",BYTERANGE=\"1@x\"", `line 2: EXT-X-MAP: byte range "1@x"`},
		{"an open quote", "#EXTM3U\n#EXT-X-MAP:URI=\"a", "line 2: EXT-X-MAP: attribute list with an open quote"},
		{"no name", "#EXTM3U\n#EXT-X-MAP:=a", `line 2: EXT-X-MAP: attribute list broken at "=a"`},
		{"no equals sign", "#EXTM3U\n#EXT-X-MAP:a", `line 2: EXT-X-MAP: attribute list broken at "a"`},
		{"words after a quote", "#EXTM3U\n#EXT-X-MAP:URI=\"a\"b", `line 2: EXT-X-MAP: attribute list broken at "b"`},
		{"many attributes", "#EXTM3U\n#EXT-X-MAP:" + strings.Repeat("A=1,", 101), "line 2: EXT-X-MAP: more than 100 attributes: too large"},
		{"an unknown tag, half understood", "#EXTM3U\n#EXT-X-TOMORROW:x URI=\"a\"\"", `line 2: EXT-X-TOMORROW: attribute list broken at "\""`},
		{"i-frames of nowhere", "#EXTM3U\n#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=1", "line 2: EXT-X-I-FRAME-STREAM-INF: no URI"},
		{"a size of words", "#EXTM3U\n#EXT-X-STREAM-INF:RESOLUTION=HD\na", `line 2: EXT-X-STREAM-INF: RESOLUTION "HD": want WIDTHxHEIGHT`},
		{"a huge size", "#EXTM3U\n#EXT-X-STREAM-INF:RESOLUTION=65536x1\na", `line 2: EXT-X-STREAM-INF: RESOLUTION "65536x1": want WIDTHxHEIGHT`},
		{"a rate of words", "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=fast\na", `line 2: EXT-X-STREAM-INF: BANDWIDTH "fast": want a number`},
		{"an average of words", "#EXTM3U\n#EXT-X-STREAM-INF:AVERAGE-BANDWIDTH=-1\na", `line 2: EXT-X-STREAM-INF: AVERAGE-BANDWIDTH "-1": want a number`},
		{"no frame rate", "#EXTM3U\n#EXT-X-STREAM-INF:FRAME-RATE=NaN\na", `line 2: EXT-X-STREAM-INF: FRAME-RATE "NaN": out of range`},
		{"tiles of words", "#EXTM3U\n#EXT-X-TILES:LAYOUT=many\n", `line 2: EXT-X-TILES: LAYOUT "many": want WIDTHxHEIGHT`},
		{"tiles for ever", "#EXTM3U\n#EXT-X-TILES:DURATION=Inf\n", `line 2: EXT-X-TILES: DURATION "Inf": a duration of +Inf s`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h, err := ParseHLS([]byte(tt.text))

			if got, want := fmt.Sprint(err), "parse playlist: "+tt.want; got != want || !reflect.DeepEqual(h, HLS{}) {
				t.Errorf("ParseHLS = %+v, %s\nwant %s", h, got, want)
			}
			if _, err := RewriteHLS([]byte(tt.text), "x/"); err == nil {
				t.Error("RewriteHLS took it")
			}
		})
	}
}

func TestParseHLSBounds(t *testing.T) {
	_, err := ParseHLS(make([]byte, MaxManifest+1))
	if !errors.Is(err, ErrTooLarge) || err.Error() != "parse playlist: 16777217 bytes: too large" {
		t.Errorf("ParseHLS = %v", err)
	}
	many := "#EXTM3U\n" + strings.Repeat("#EXTINF:0,\na\n", maxFiles+1)
	if _, err := ParseHLS([]byte(many)); !errors.Is(err, ErrTooLarge) || !strings.Contains(err.Error(), "names more than 500000 files") {
		t.Errorf("ParseHLS = %v", err)
	}
	h, err := ParseHLS([]byte(many[:len(many)-13]))
	if err != nil || len(h.Segments) != maxFiles {
		t.Errorf("ParseHLS = %d segments, %v", len(h.Segments), err)
	}
	var strange strings.Builder
	strange.WriteString("#EXTM3U\n")
	for i := range 100 {
		strange.WriteString(fmt.Sprintf("#EXT-X-%d%s\n", i, strings.Repeat("X", 1000)))
	}
	if h, err := ParseHLS([]byte(strange.String())); err != nil || len(h.Unknown) != 16 || len(h.Unknown[0]) != 64 {
		t.Errorf("ParseHLS = %d unknown tags, %v", len(h.Unknown), err)
	}
}

func TestHLSRefs(t *testing.T) {
	h, err := ParseHLS(playlist(t, "cmaf_1080p.m3u8"))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for r := range h.Refs() {
		got = append(got, r.By+" "+r.URI)
	}
	want := []string{"segment video_1080p_000000001.cmfv", "segment video_1080p_000000002.cmfv", "segment video_1080p_000000003.cmfv", "EXT-X-MAP video_1080pinit.cmfv"}
	if !slices.Equal(got, want) {
		t.Errorf("Refs = %q, want %q", got, want)
	}
	for r := range h.Refs() { // a consumer may stop
		if r.URI == "" {
			t.Error("empty")
		}
		break
	}
}
