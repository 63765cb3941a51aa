package edge

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/vodfleet/vodfleet/internal/localcloud/cloudfront"
)

const etag = `"e807f1fcf82d132f9bb018ca6738a19f"` // MD5 of 1234567890

func TestContent(t *testing.T) {
	for _, tt := range []struct {
		name    string
		request string
		headers []string
		status  int
		body    string
		want    string // headers that are to be there
	}{
		{"whole", "GET /x", nil, 200, "1234567890", "Content-Type: video/mp4, Content-Length: 10, Etag: " + etag + ", Last-Modified: Sun, 01 Mar 2026 12:00:00 GMT, Accept-Ranges: bytes, X-Amz-Meta-Seq: 7, Server: AmazonS3"},
		{"head", "HEAD /x", nil, 200, "", "Content-Length: 10, Etag: " + etag},
		{"a range", "GET /x", []string{"Range: bytes=2-4"}, 206, "345", "Content-Range: bytes 2-4/10, Content-Length: 3"},
		{"the end", "GET /x", []string{"Range: bytes=-3"}, 206, "890", "Content-Range: bytes 7-9/10"},
		{"an open range", "GET /x", []string{"Range: bytes=8-"}, 206, "90", "Content-Range: bytes 8-9/10"},
		{"a range beyond", "GET /x", []string{"Range: bytes=10-"}, 416, "*", "Content-Range: bytes */10"},
		{"many ranges are the whole", "GET /x", []string{"Range: bytes=0-1,4-5"}, 200, "1234567890", ""},
		{"a range of what it was", "GET /x", []string{"Range: bytes=0-1", "If-Range: " + etag}, 206, "12", ""},
		{"a range of another", "GET /x", []string{"Range: bytes=0-1", `If-Range: "other"`}, 200, "1234567890", ""},
		{"not modified", "GET /x", []string{"If-None-Match: " + etag}, 304, "", "Etag: " + etag},
		{"modified", "GET /x", []string{`If-None-Match: "other"`}, 200, "1234567890", ""},
		{"not modified since", "GET /x", []string{"If-Modified-Since: Sun, 01 Mar 2026 12:00:00 GMT"}, 304, "", ""},
		{"not there", "GET /y", nil, 403, "*", "Content-Type: application/xml, X-Cache: Error from cloudfront"},
		{"head of what is not there", "HEAD /y", nil, 403, "", ""},
		{"a query is no part of the key", "GET /x?v=2", nil, 200, "1234567890", ""},
		{"a key with a space and more", "GET /a%20b%2Bc%C3%BC", nil, 200, "odd", ""},
		{"a plus is a space", "GET /a+b%2Bc%C3%BC", nil, 200, "odd", ""},
		{"a broken escape", "GET /x%2", nil, 400, "*", ""},
		{"bytes that are no text", "GET /%ff", nil, 400, "*", "Content-Type: application/xml"},
		{"the bucket's list", "GET /", nil, 403, "*", ""},
		{"a write", "PUT /x", nil, 403, "*", ""},
	} {
		for _, large := range []bool{false, true} {
			t.Run(fmt.Sprint(tt.name, ", large ", large), func(t *testing.T) {
				w := newWorld(t, func(c *Config) {
					if large {
						c.MaxObject = 2
					}
				})
				w.put("x", object{body: "1234567890", contentType: "video/mp4"})
				w.put("a b+cü", object{body: "odd"})
				method, path, _ := strings.Cut(tt.request, " ")
				if _, err := url.ParseRequestURI(path); err != nil { // the server refuses it before us
					return
				}
				for range 2 { // the second may come from the cache
					got := w.ask(method+" "+path, tt.headers...)
					if got.Code != tt.status || tt.body != "*" && got.Body.String() != tt.body {
						t.Errorf("%d %q, want %d %q", got.Code, got.Body, tt.status, tt.body)
					}
					for h := range strings.SplitSeq(tt.want, ", ") {
						if name, value, ok := strings.Cut(h, ": "); ok && !strings.HasPrefix(got.Header().Get(name), value) {
							t.Errorf("%s is %q, want %q", name, got.Header().Get(name), value)
						}
					}
					if via := got.Header().Get("Via"); via != "1.1 d1.cloudfront.net (CloudFront)" {
						t.Errorf("Via: %s", via)
					}
				}
			})
		}
	}
}

func TestBehaviours(t *testing.T) {
	w := newWorld(t)
	w.view.Origins["other"] = cloudfront.Origin{Bucket: "nowhere", Headers: http.Header{}}
	w.view.Behaviors = append([]cloudfront.Behavior{
		{Pattern: "secure/*", Origin: "s3", Methods: []string{"GET", "HEAD"}, ViewerProtocol: "redirect-to-https"},
		{Pattern: "tls/*", Origin: "s3", Methods: []string{"GET", "HEAD"}, ViewerProtocol: "https-only"},
		{Pattern: "signed/*", Origin: "s3", Methods: []string{"GET", "HEAD"}, Signed: true},
		{Pattern: "*.gone", Origin: "other", Methods: []string{"GET", "HEAD"}},
	}, w.view.Behaviors...)
	w.view.RootObject = "index.html"
	w.put("index.html", object{body: "welcome"})
	w.view.Origins["s3"] = cloudfront.Origin{Bucket: "out", Headers: http.Header{}}
	for _, tt := range []struct {
		request string
		status  int
		want    string // in the body or the Location
	}{
		{"GET /", 200, "welcome"},
		{"GET /index.html", 200, "welcome"},
		{"GET /secure/x?a=b", 301, "https://example.com/secure/x?a=b"},
		{"GET /tls/x", 403, "Bad request."},
		{"GET /signed/x", 403, "MissingKey"},
		{"GET /a/b.gone", 404, "NoSuchBucket"},
		{"DELETE /index.html", 403, "not configured to allow the HTTP request method"},
		{"GET /signed/../index.html", 403, "AccessDenied"}, // chosen without the dots, asked with them
	} {
		got := w.ask(tt.request)
		if got.Code != tt.status || !strings.Contains(got.Body.String()+got.Header().Get("Location"), tt.want) {
			t.Errorf("%s: %d %s%s, want %d %s", tt.request, got.Code, got.Body, got.Header().Get("Location"), tt.status, tt.want)
		}
	}
	w.view.Enabled = false
	if got := w.ask("GET /"); got.Code != 403 {
		t.Errorf("disabled: %d, want 403", got.Code)
	}
	w.view = nil
	if got := w.ask("GET /"); got.Code != 403 {
		t.Errorf("no distribution: %d, want 403", got.Code)
	}
}

func TestCORS(t *testing.T) {
	const from = "Origin: https://player.example.com"
	any := &cloudfront.CORS{Origins: []string{"*"}, Methods: []string{"GET", "HEAD"}, Headers: []string{"*"}, Expose: []string{"*"}, MaxAge: 600}
	one := &cloudfront.CORS{Origins: []string{"https://*.example.com"}, Methods: []string{"ALL"}, Headers: []string{"Range"}, MaxAge: -1, Credentials: true}
	for _, tt := range []struct {
		name    string
		cors    *cloudfront.CORS
		request string
		headers []string
		want    string // every Access-Control header, sorted by name
	}{
		{"any origin", any, "GET /x", []string{from}, "Allow-Origin=* Expose-Headers=*"},
		{"no origin asks", any, "GET /x", nil, ""},
		{"preflight", any, "OPTIONS /x", []string{from, "Access-Control-Request-Method: GET"}, "Allow-Headers=* Allow-Methods=GET, HEAD Allow-Origin=* Expose-Headers=* Max-Age=600"},
		{"one origin", one, "GET /x", []string{from}, "Allow-Credentials=true Allow-Origin=https://player.example.com"},
		{"another origin", one, "GET /x", []string{"Origin: https://evil.com"}, ""},
		{"preflight for one", one, "OPTIONS /x", []string{from, "Access-Control-Request-Method: GET"}, "Allow-Credentials=true Allow-Headers=Range Allow-Methods=GET, HEAD, PUT, POST, PATCH, DELETE, OPTIONS Allow-Origin=https://player.example.com"},
		{"of an error too", any, "GET /nothing", []string{from}, "Allow-Origin=* Expose-Headers=*"},
		{"no policy", nil, "GET /x", []string{from}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			w.put("x", object{body: "x"})
			w.view.Behaviors[2].Headers = &cloudfront.HeadersPolicy{CORS: tt.cors, Set: []cloudfront.Header{{Name: "Cache-Control", Value: "immutable"}}}
			if tt.cors == nil {
				w.view.Behaviors[2].Headers = nil
			}
			for range 2 {
				h := w.ask(tt.request, tt.headers...).Header()
				var got []string
				for _, name := range []string{"Allow-Credentials", "Allow-Headers", "Allow-Methods", "Allow-Origin", "Expose-Headers", "Max-Age"} {
					if v := h.Get("Access-Control-" + name); v != "" {
						got = append(got, name+"="+v)
					}
				}
				if s := strings.Join(got, " "); s != tt.want {
					t.Errorf("%s, want %s", s, tt.want)
				}
			}
		})
	}
}

func TestCORSOfTheOrigin(t *testing.T) {
	r := httptest.NewRequest(http.MethodGet, "/x", nil)
	r.Header.Set("Origin", "https://player.example.com")
	for override, want := range map[bool]string{false: "https://origin.example.com", true: "*"} {
		h := http.Header{"Access-Control-Allow-Origin": {"https://origin.example.com"}}
		addCORS(h, r, &cloudfront.CORS{Origins: []string{"*"}, Override: override})
		if got := h.Get("Access-Control-Allow-Origin"); got != want {
			t.Errorf("override %v: %s, want %s", override, got, want)
		}
	}
}

func TestHeadersPolicy(t *testing.T) {
	w := newWorld(t)
	w.put("own", object{body: "x", cacheControl: "max-age=60"})
	w.put("none", object{body: "x"})
	w.view.Behaviors[2].Headers = &cloudfront.HeadersPolicy{
		Set:    []cloudfront.Header{{Name: "Cache-Control", Value: "immutable"}, {Name: "Server", Value: "vodfleet", Override: true}},
		Remove: []string{"X-Amz-Meta-Seq"},
	}
	for path, want := range map[string]string{"/own": "max-age=60", "/none": "immutable"} {
		h := w.ask("GET " + path).Header()
		if h.Get("Cache-Control") != want || h.Get("Server") != "vodfleet" || h.Get("X-Amz-Meta-Seq") != "" {
			t.Errorf("%s has %v, want Cache-Control %s", path, h, want)
		}
	}
}

func TestCustomOrigin(t *testing.T) {
	var asked []string
	etagOf := `"v1"`
	origin := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.Method+" "+r.URL.String()+" "+r.Header.Get("X-Key"))
		w.Header().Set("ETag", etagOf)
		if r.Header.Get("If-None-Match") == etagOf {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		fmt.Fprint(w, "page")
	}))
	defer origin.Close()
	u, _ := url.Parse(origin.URL)
	port, _ := strconv.Atoi(u.Port())
	w := newWorld(t)
	w.view.Origins["s3"] = cloudfront.Origin{Domain: "localhost", HTTPPort: port, Path: "/base", Headers: http.Header{"X-Key": {"v"}}, Read: 5 * time.Second}
	w.view.Origins["away"] = cloudfront.Origin{Domain: "203.0.113.1", HTTPPort: 80, Headers: http.Header{}, Read: 5 * time.Second}
	w.view.Behaviors = append([]cloudfront.Behavior{{Pattern: "away/*", Origin: "away", Methods: []string{"GET"}}}, w.view.Behaviors...)
	for i, want := range []string{"OK, Miss", "OK, Hit, 0 s", "OK, RefreshHit, 0 s"} {
		if i == 2 {
			w.pass(time.Minute)
		}
		if got := w.ask("GET /p?q=1"); short(got) != want || got.Body.String() != "page" {
			t.Errorf("answer %d: %s %q, want %s", i+1, short(got), got.Body, want)
		}
	}
	if want := []string{"GET /base/p v", "GET /base/p v"}; fmt.Sprint(asked) != fmt.Sprint(want) {
		t.Errorf("the origin was asked %q, want %q", asked, want)
	}
	if got := w.ask("GET /away/x"); got.Code != 502 || !strings.Contains(got.Body.String(), "on this machine only") {
		t.Errorf("an origin elsewhere: %d %s, want 502", got.Code, got.Body)
	}
}

func FuzzRequest(f *testing.F) {
	for _, s := range []string{
		"/x", "/../../etc/passwd", "/%2e%2e/x", "/a%00b", "//x", "/%", "/watch/./a/..", "/x?y=%zz&&=", "/\xff",
		"/v/x.ism/Manifest", "/v/x.ism/QualityLevels(9,a=b)/Fragments(video%3D20000000)", "/../x.ism/Manifest", "/%ff.ism/Manifest",
	} {
		f.Add(s, "bytes=0-1")
	}
	f.Fuzz(func(t *testing.T, target, ranges string) {
		w := smoothWorld(t, cloudfront.Origin{Bucket: "out"})
		presentation(t, w)
		w.put("x", object{body: "x"})
		u, err := url.ParseRequestURI(target)
		if err != nil || !strings.HasPrefix(target, "/") {
			return
		}
		r := &http.Request{Method: http.MethodGet, URL: u, RequestURI: target, Host: "h", Header: http.Header{"Range": {ranges}}, Body: http.NoBody}
		rec := httptest.NewRecorder()
		w.Handler().ServeHTTP(rec, r)
		if rec.Code < 200 || rec.Code > 599 {
			t.Errorf("status %d", rec.Code)
		}
	})
}
