package media

import (
	"bytes"
	"reflect"
	"strings"
	"testing"
)

// The golden files are what each playlist becomes, to the byte.
func TestRewriteHLS(t *testing.T) {
	const prefix = "../../media/ASSET/7/cmaf/"
	for _, name := range []string{"cmaf.m3u8", "cmaf_1080p.m3u8", "ts.m3u8", "ranges.m3u8", "iframes.m3u8", "tiles.m3u8", "odd.m3u8"} {
		t.Run(name, func(t *testing.T) {
			in := playlist(t, name)

			out, err := RewriteHLS(in, prefix)

			if err != nil {
				t.Fatal(err)
			}
			golden(t, "rewritten-"+name, out)
			if back := strings.ReplaceAll(string(out), prefix, ""); back != string(in) {
				t.Errorf("without the prefix it is\n%s\nwant\n%s", back, in)
			}
			comparePlaylists(t, in, out, prefix)
		})
	}
}

// What a playlist says must not depend on where it lies; only its URIs do.
func comparePlaylists(t *testing.T, in, out []byte, prefix string) {
	t.Helper()
	want, err := ParseHLS(in)
	if err != nil {
		t.Fatal(err)
	}
	for i := range want.Playlists {
		want.Playlists[i].URI = prefix + want.Playlists[i].URI
	}
	for i := range want.Segments {
		want.Segments[i].URI = prefix + want.Segments[i].URI
	}
	for i := range want.Others {
		want.Others[i].URI = prefix + want.Others[i].URI
	}
	if got, err := ParseHLS(out); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("the rewritten playlist is %+v, %v\nwant %+v\n%q", got, err, want, out)
	}
}

func TestRewriteHLSRefuses(t *testing.T) {
	for _, tt := range []struct{ name, text, want string }{
		{"an absolute segment", "#EXTM3U\n#EXTINF:1,\nhttps://example.com/a.ts\n", "rewrite playlist: line 3: absolute URI"},
		{"a segment of the root", "#EXTM3U\n#EXTINF:1,\n/a.ts\n", "rewrite playlist: line 3: absolute path"},
		{"an absolute key", "#EXTM3U\n#EXT-X-KEY:METHOD=X,URI=\"skd://k\"\n", `rewrite playlist: line 2: EXT-X-KEY: URI "skd://k": absolute URI`},
		{"an empty URI", "#EXTM3U\n#EXT-X-MEDIA:TYPE=AUDIO,URI=\"\"\n", `rewrite playlist: line 2: EXT-X-MEDIA: URI "": empty`},
		{"steering elsewhere", "#EXTM3U\n#EXT-X-CONTENT-STEERING:SERVER-URI=\"//s/x\"\n", `rewrite playlist: line 2: EXT-X-CONTENT-STEERING: URI "//s/x": another host`},
		{"no playlist", "x", "parse playlist: line 1: does not begin with #EXTM3U"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if out, err := RewriteHLS([]byte(tt.text), "x/"); err == nil || err.Error() != tt.want || out != nil {
				t.Errorf("RewriteHLS = %q, %v\nwant %s", out, err, tt.want)
			}
		})
	}
}

func seedPlaylists(f *testing.F) {
	for _, name := range []string{"cmaf.m3u8", "cmaf_1080p.m3u8", "ts.m3u8", "ranges.m3u8", "iframes.m3u8", "tiles.m3u8", "odd.m3u8"} {
		f.Add(playlist(f, name))
	}
	f.Add([]byte("#EXTM3U\n#EXT-X-SESSION-DATA:DATA-ID=\"t\",URI=\"t.json\"\n#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=1,URI=i.m3u8\n"))
}

func FuzzParseHLS(f *testing.F) {
	seedPlaylists(f)
	f.Fuzz(func(t *testing.T, text []byte) {
		h, err := ParseHLS(text)
		if err != nil {
			if !reflect.DeepEqual(h, HLS{}) {
				t.Errorf("ParseHLS = %+v, %v", h, err)
			}
			return
		}
		for r := range h.Refs() {
			if r.By == "" || r.Range.Offset < 0 || r.Range.Length < 0 || r.Range.End() < 0 {
				t.Errorf("ParseHLS refers to %+v", r)
			}
		}
		if h.Duration < 0 || h.Duration > maxDuration || h.Multivariant && len(h.Segments) > 0 {
			t.Errorf("ParseHLS = %+v", h)
		}
		if vtt, err := Thumbnails("cmaf/t.m3u8", h, 0); err == nil && !bytes.HasPrefix(vtt, []byte("WEBVTT\n\n")) {
			t.Errorf("Thumbnails = %q", vtt)
		}
	})
}

func FuzzRewriteHLS(f *testing.F) {
	seedPlaylists(f)
	f.Fuzz(func(t *testing.T, text []byte) {
		const prefix = "https://viewer.example/b/"
		out, err := RewriteHLS(text, prefix)
		if err != nil {
			return
		}
		comparePlaylists(t, text, out, prefix)
	})
}
