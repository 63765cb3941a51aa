package media

import (
	"errors"
	"net/url"
	"strings"
	"testing"
	"time"
)

func TestResolve(t *testing.T) {
	for _, tt := range []struct {
		name, manifest, uri string
		want                string // the path, or why not
	}{
		{"beside", "cmaf/video.m3u8", "video_1080p.m3u8", "cmaf/video_1080p.m3u8"},
		{"of the root", "video.m3u8", "a.ts", "a.ts"},
		{"below", "cmaf/video.m3u8", "a/b/c.ts", "cmaf/a/b/c.ts"},
		{"here", "cmaf/video.m3u8", "./a.ts", "cmaf/a.ts"},
		{"across", "cmaf/video.m3u8", "../hls/a.ts", "hls/a.ts"},
		{"up and down", "cmaf/video.m3u8", "a/../b.ts", "cmaf/b.ts"},
		{"escaped", "cmaf/video.m3u8", "a%20b%2bc%25.ts", "cmaf/a b+c%.ts"},
		{"space and plus", "cmaf/video.m3u8", "a b+c.ts", "cmaf/a b+c.ts"},
		{"not ASCII", "cmaf/video.m3u8", "sch%C3%B6n ü.ts", "cmaf/schön ü.ts"},
		{"colon after a slash", "cmaf/video.m3u8", "./a:b.ts", "cmaf/a:b.ts"},
		{"empty segment", "cmaf/video.m3u8", "a//b.ts", "cmaf/a//b.ts"},
		{"escaped hash", "cmaf/video.m3u8", "a%23%3f.ts", "cmaf/a#?.ts"},
		{"three dots", "cmaf/video.m3u8", ".../a.ts", "cmaf/.../a.ts"},
		{"as long as may be", "m", strings.Repeat("a", 4096), strings.Repeat("a", 4096)},

		{"empty", "cmaf/video.m3u8", "", "empty"},
		{"absolute", "cmaf/video.m3u8", "https://example.com/a.ts", "absolute URI"},
		{"another scheme", "cmaf/video.m3u8", "data:text/plain,x", "absolute URI"},
		{"scheme in capitals", "cmaf/video.m3u8", "HTTPS:a.ts", "absolute URI"},
		{"scheme-relative", "cmaf/video.m3u8", "//example.com/a.ts", "another host"},
		{"root-relative", "cmaf/video.m3u8", "/a.ts", "absolute path"},
		{"out", "cmaf/video.m3u8", "../../a.ts", "leaves the build"},
		{"out and in", "cmaf/video.m3u8", "../../cmaf/a.ts", "leaves the build"},
		{"out of the root", "video.m3u8", "../a.ts", "leaves the build"},
		{"encoded dots", "cmaf/video.m3u8", "%2e%2E/a.ts", "encoded dot segment"},
		{"half encoded dots", "cmaf/video.m3u8", ".%2e/a.ts", "encoded dot segment"},
		{"encoded dot", "cmaf/video.m3u8", "%2e/a.ts", "encoded dot segment"},
		{"encoded slash", "cmaf/video.m3u8", "..%2fa.ts", "encoded slash"},
		{"encoded backslash", "cmaf/video.m3u8", "a%5Cb.ts", "encoded slash"},
		{"backslash", "cmaf/video.m3u8", `..\a.ts`, "backslash"},
		{"two backslashes", "cmaf/video.m3u8", `\\example.com\a.ts`, "backslash"},
		{"query", "cmaf/video.m3u8", "a.ts?x=1", "query string"},
		{"fragment", "cmaf/video.m3u8", "a.ts#x", "fragment"},
		{"variable", "cmaf/video.m3u8", "{$base}/a.ts", "variable"},
		{"folder", "cmaf/video.m3u8", "a/", "names a folder"},
		{"this folder", "cmaf/video.m3u8", ".", "names a folder"},
		{"the folder above", "cmaf/video.m3u8", "a/..", "names a folder"},
		{"leading space", "cmaf/video.m3u8", " //example.com/a.ts", "space at an end"},
		{"trailing space", "cmaf/video.m3u8", "a.ts ", "space at an end"},
		{"broken escape", "cmaf/video.m3u8", "a%zz.ts", "broken percent-encoding"},
		{"cut escape", "cmaf/video.m3u8", "a%2", "broken percent-encoding"},
		{"not UTF-8", "cmaf/video.m3u8", "a%ff.ts", "not UTF-8"},
		{"tab", "cmaf/video.m3u8", "a\tb.ts", "control character"},
		{"encoded line end", "cmaf/video.m3u8", "a%0Ab.ts", "control character"},
		{"encoded NUL", "cmaf/video.m3u8", "a%00.ts", "control character"},
		{"too long", "m", strings.Repeat("a", 4097), "longer than 4096 bytes"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := Resolve(tt.manifest, tt.uri)

			if e, ok := errors.AsType[*URIError](err); ok {
				if e.Manifest != tt.manifest || !strings.HasPrefix(tt.uri, e.URI) || len(e.URI) > 200 {
					t.Errorf("Resolve = %#v", e)
				}
				got += e.Why
			} else if err != nil {
				t.Errorf("Resolve = %v, want a URIError", err)
			}
			if got != tt.want {
				t.Errorf("Resolve(%s, %q) = %q, want %q", tt.manifest, tt.uri, got, tt.want)
			}
		})
	}
}

func TestURIError(t *testing.T) {
	_, err := Resolve("cmaf/video.m3u8", "http://x/\n")
	if got, want := err.Error(), `cmaf/video.m3u8: URI "http://x/\n": absolute URI`; got != want {
		t.Errorf("Error = %s, want %s", got, want)
	}
}

// Where Resolve finds a file, a player that follows the standard finds it too.
func FuzzResolve(f *testing.F) {
	for _, uri := range []string{"a.ts", "../hls/a.ts", "a//b/./../c", "a%20b", "%2e%2e/x", "//h/x", `a\b`, "./a:b", "a b", "é", "http:x", "..", "a/..%2f"} {
		f.Add("cmaf/video.m3u8", uri)
	}
	f.Fuzz(func(t *testing.T, manifest, uri string) {
		if strings.ContainsAny(manifest, "%?#\\") || strings.Contains("/"+manifest+"/", "/./") || strings.Contains("/"+manifest+"/", "/../") || strings.HasPrefix(manifest, "/") {
			return // not a path within a build
		}
		path, err := Resolve(manifest, uri)
		if err != nil {
			if _, ok := errors.AsType[*URIError](err); !ok || path != "" {
				t.Fatalf("Resolve = %q, %v", path, err)
			}
			return
		}
		if strings.HasPrefix(path, "../") || strings.Contains(path, "/../") || strings.HasSuffix(path, "/") || path == "" {
			t.Errorf("Resolve(%q, %q) = %q", manifest, uri, path)
		}
		base := url.URL{Scheme: "https", Host: "viewer.example", Path: "/build/" + manifest}
		ref, err := url.Parse(uri)
		if err != nil {
			return // stricter than we are
		}
		if got := base.ResolveReference(ref); got.Host != base.Host || got.Path != "/build/"+path {
			t.Errorf("Resolve(%q, %q) = %q, a player asks for %s", manifest, uri, path, got)
		}
	})
}

func TestEscapePath(t *testing.T) {
	for _, tt := range []struct{ path, want string }{
		{"cmaf/video.m3u8", "cmaf/video.m3u8"},
		{"a b+c%#?/ü", "a%20b%2Bc%25%23%3F/%C3%BC"},
		{"", ""},
		{"/a//b", "/a//b"},
	} {
		if got := EscapePath(tt.path); got != tt.want {
			t.Errorf("EscapePath(%q) = %q, want %q", tt.path, got, tt.want)
		}
	}
}

func TestSeconds(t *testing.T) {
	for _, tt := range []struct {
		s    float64
		want time.Duration
		ok   bool
	}{
		{0, 0, true}, {6.006, 6006 * time.Millisecond, true}, {3_600_000, 1000 * time.Hour, true},
		{3_600_001, 0, false}, {-1, 0, false}, {nan(), 0, false},
	} {
		if got, err := seconds(tt.s); got != tt.want || (err == nil) != tt.ok {
			t.Errorf("seconds(%v) = %v, %v; want %v, ok %t", tt.s, got, err, tt.want, tt.ok)
		}
	}
}

func nan() float64 { zero := 0.0; return zero / zero }
