package origins

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/vodfleet/vodfleet/internal/localcloud/mediaconvert/folder"
	"github.com/vodfleet/vodfleet/internal/localcloud/mediaconvert/pack"
)

// stand has a bucket with a Smooth Streaming package of two fragments and more.
func stand(t *testing.T) Config {
	t.Helper()
	dir := t.TempDir()
	media, err := pack.SampleFile([]pack.Sample{{Video: true, Width: 320, Height: 180, Seconds: 4, Every: 2}}, true)
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"v/a b.ism":        `<smil><head><meta name="clientManifestRelativePath" content="a b.ismc"/></head><body><video src="a b_1.ismv" systemBitrate="9"/></body></smil>`,
		"v/a b.ismc":       "client",
		"v/a b_1.ismv":     string(media),
		"v/bad.ism":        "<smil",
		"v/x+y.jpg":        "1234567890",
		"v/empty.jpg":      "",
		"crossdomain.xml":  "<x/>",
		"v/deep/x.isma.js": "fine",
	} {
		path := filepath.Join(dir, "out", filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return Config{Objects: folder.Store(dir), Bucket: "out", Now: time.Now}
}

func ask(h http.Handler, request string, headers ...string) *httptest.ResponseRecorder {
	method, path, _ := strings.Cut(request, " ")
	r := httptest.NewRequest(method, path, nil)
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Set(name, value)
	}
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, r)
	return rec
}

func TestOrigins(t *testing.T) {
	c := stand(t)
	mirror, iis := Mirror(c), IIS(c)
	tag := ask(mirror, "HEAD /v/x+y.jpg").Header().Get("ETag")
	iisTag := ask(iis, "HEAD /v/x+y.jpg").Header().Get("ETag")
	for _, tt := range []struct {
		request string
		header  string
		mirror  int
		iis     int
		body    string // of both where they are as one, else of IIS; "*" for any
	}{
		{"GET /v/x+y.jpg", "", 200, 200, "1234567890"},
		{"HEAD /v/x+y.jpg", "", 200, 200, ""},
		{"GET /v/x%2By.jpg", "Range: bytes=2-4", 206, 206, "345"},
		{"GET /v/x+y.jpg", "Range: bytes=10-", 416, 416, "*"},
		{"GET /v/x+y.jpg", "If-None-Match: " + tag, 304, 200, "1234567890"},
		{"GET /v/x+y.jpg", "If-None-Match: " + iisTag, 200, 304, ""},
		{"GET /v/empty.jpg", "Range: bytes=0-9", 200, 200, ""},
		{"GET /crossdomain.xml", "", 200, 200, "<x/>"},
		{"GET /v/deep/x.isma.js", "", 200, 200, "fine"},
		{"GET /v/", "", 404, 404, "*"},
		{"GET /", "", 404, 404, "*"},
		{"GET /v/../../out/crossdomain.xml", "", 404, 404, "*"},
		{"GET /v/%2e%2e/%2e%2e/x", "", 404, 404, "*"},
		{"GET /nothing", "", 404, 404, "*"},
		{"PUT /v/x+y.jpg", "", 405, 405, "*"},
		{"GET /v/a%20b.ism", "", 200, 403, "*"},
		{"GET /v/a%20b.ismc", "", 200, 404, "*"},
		{"GET /v/A%20B.ISMV", "", 404, 404, "*"},
		{"GET /v/a%20b_1.ismv", "", 200, 404, "*"},
		{"GET /v/a%20b_1.isma", "", 404, 404, "*"},
		{"GET /v/a%20b.ism/Manifest", "", 404, 200, "client"},
		{"HEAD /v/a%20b.ism/manifest", "", 404, 200, ""},
		{"PUT /v/a%20b.ism/manifest", "", 405, 405, "*"},
		{"GET /v/a%20b.ism/qualitylevels(9)/fragments(video=20000000)", "", 404, 200, "*"},
		{"GET /v/a%20b.ism/QualityLevels(9)/Fragments(video=20000000)", "Range: bytes=4-7", 404, 206, "moof"},
		{"GET /v/a%20b.ism/QualityLevels(9)/Fragments(video=20000001)", "", 404, 404, "*"},
		{"GET /v/b.ism/Manifest", "", 404, 404, "*"},
		{"GET /v/bad.ism/Manifest", "", 404, 500, "*"},
	} {
		for name, s := range map[string]struct {
			http.Handler
			status int
			server string
		}{"mirror": {mirror, tt.mirror, "nginx"}, "IIS": {iis, tt.iis, "Microsoft-IIS/10.0"}} {
			got := ask(s, tt.request, tt.header)
			if got.Code != s.status || got.Header().Get("Server") != s.server {
				t.Errorf("%s: %s %s: %d by %s, want %d by %s", name, tt.request, tt.header, got.Code, got.Header().Get("Server"), s.status, s.server)
			}
			if (name == "IIS" || tt.mirror == tt.iis) && tt.body != "*" && got.Body.String() != tt.body {
				t.Errorf("%s: %s %s: %q, want %q", name, tt.request, tt.header, got.Body, tt.body)
			}
			if got.Code == 200 && (got.Header().Get("Last-Modified") == "" || got.Header().Get("Accept-Ranges") != "bytes") {
				t.Errorf("%s: %s has %v", name, tt.request, got.Header())
			}
		}
	}
	for path, want := range map[string]string{"/v/a%20b.ism/Manifest": "text/xml", "/v/a%20b.ism/QualityLevels(9)/Fragments(video=0)": "video/mp4", "/v/x+y.jpg": "application/octet-stream"} {
		if got := ask(iis, "GET "+path).Header().Get("Content-Type"); got != want {
			t.Errorf("%s is %s, want %s", path, got, want)
		}
	}
}

func TestLag(t *testing.T) {
	c := stand(t)
	info, err := c.Objects.Head(t.Context(), "out", "crossdomain.xml")
	if err != nil {
		t.Fatal(err)
	}
	now := info.LastModified
	c.Lag, c.Now = time.Minute, func() time.Time { return now }
	m, iis := Mirror(c), IIS(c)
	for _, tt := range []struct {
		pass time.Duration
		want int
	}{{0, 404}, {59 * time.Second, 404}, {time.Second, 200}} {
		now = now.Add(tt.pass)
		if got := ask(m, "GET /crossdomain.xml").Code; got != tt.want {
			t.Errorf("after %v more: %d, want %d", tt.pass, got, tt.want)
		}
		for _, path := range []string{"/crossdomain.xml", "/v/a%20b.ism/Manifest", "/v/a%20b.ism/QualityLevels(9)/Fragments(video=0)"} {
			if got := ask(iis, "GET "+path).Code; got != tt.want {
				t.Errorf("IIS, after %v more: %s is %d, want %d", tt.pass, path, got, tt.want)
			}
		}
	}
}
