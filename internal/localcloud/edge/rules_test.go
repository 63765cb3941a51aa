package edge

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/vodfleet/vodfleet/internal/localcloud/cloudfront"
	"github.com/vodfleet/vodfleet/internal/localcloud/origins"
)

func TestChoose(t *testing.T) {
	v := &cloudfront.View{}
	for _, p := range []string{"media/a/*", "*.ism/*", "media/*", "/root/*.jpg", "x?y", ""} {
		v.Behaviors = append(v.Behaviors, cloudfront.Behavior{Pattern: p})
	}
	for path, want := range map[string]string{
		"/media/a/1/smooth/video.ism/Manifest":             "media/a/*", // the first that matches, not the longest
		"/media/b/1/smooth/video.ism/Manifest":             "*.ism/*",
		"/media/b/1/smooth/video.ismv":                     "media/*",
		"/b/video.ism/QualityLevels(1)/Fragments(video=0)": "*.ism/*",
		"/b/video.ism":            "",
		"/Media/b":                "", // case counts
		"/root/deep/x.jpg":        "/root/*.jpg",
		"/root/x.JPG":             "",
		"/xay":                    "x?y",
		"/xy":                     "",
		"/m%65dia/b":              "media/*",
		"/nothing/../media/b":     "media/*",
		"/media/b/../../media/a/": "media/a/*",
		"/":                       "",
	} {
		if got := choose(v, path).Pattern; got != want {
			t.Errorf("%s goes to %q, want %q", path, got, want)
		}
	}
}

// TestLifetime has the rules of how long an answer is kept.
func TestLifetime(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	usual := cloudfront.CachePolicy{Min: 10 * time.Second, Default: time.Minute, Max: time.Hour}
	open := cloudfront.CachePolicy{Default: time.Minute, Max: time.Hour} // no minimum
	off := cloudfront.CachePolicy{}
	at := func(d time.Duration) string { return "Expires: " + now.Add(d).Format(http.TimeFormat) }
	for _, tt := range []struct {
		status int
		policy cloudfront.CachePolicy
		header string // lines
		want   time.Duration
	}{
		{200, usual, "", time.Minute},
		{200, usual, "Cache-Control: max-age=120", 2 * time.Minute},
		{200, usual, "Cache-Control: max-age=1", 10 * time.Second},
		{200, usual, "Cache-Control: max-age=7200", time.Hour},
		{200, usual, "Cache-Control: max-age=1, s-maxage=120", 2 * time.Minute},
		{200, usual, "Cache-Control: s-maxage=120\nCache-Control: max-age=1", 2 * time.Minute},
		{200, usual, `Cache-Control: Public, Max-Age="120"`, 2 * time.Minute},
		{200, usual, "Cache-Control: max-age=-1", time.Minute}, // not a number of seconds: nothing said
		{200, usual, "Cache-Control: max-age=99999999999999999999", time.Minute},
		{200, usual, "Cache-Control: no-cache, max-age=120", 10 * time.Second},
		{200, open, "Cache-Control: no-store", 0},
		{200, open, "Cache-Control: private", 0},
		{200, open, "Cache-Control: max-age=0", 0},
		{200, open, at(2 * time.Minute), 2 * time.Minute},
		{200, open, at(-time.Minute), 0},
		{200, open, "Expires: 0", time.Minute}, // no time: nothing said
		{200, open, at(2*time.Minute) + "\nCache-Control: max-age=30", 30 * time.Second},
		{200, open, at(2*time.Minute) + "\nDate: " + now.Add(time.Minute).Format(http.TimeFormat), time.Minute},
		{200, off, "", 0},
		{200, off, "Cache-Control: max-age=120", 0},
		{404, usual, "", 10 * time.Second},
		{404, usual, "Cache-Control: max-age=120", 2 * time.Minute},
		{404, usual, "Cache-Control: max-age=1", 10 * time.Second},
		{404, usual, "Cache-Control: no-cache", 10 * time.Second},
		{403, usual, "", 5 * time.Minute}, // by the distribution's error responses
		{503, usual, "", 0},
	} {
		v := &cloudfront.View{Errors: map[int]cloudfront.ErrorResponse{403: {CacheFor: 5 * time.Minute}, 503: {}}}
		h := make(http.Header)
		for line := range strings.SplitSeq(tt.header, "\n") {
			if name, value, ok := strings.Cut(line, ": "); ok {
				h.Add(name, value)
			}
		}
		if got := lifetime(tt.status, h, now, v, tt.policy); got != tt.want {
			t.Errorf("%d with %q within %v to %v: %v, want %v", tt.status, tt.header, tt.policy.Min, tt.policy.Max, got, tt.want)
		}
	}
}

// TestCacheKey asks twice and tells whether the second was another object.
func TestCacheKey(t *testing.T) {
	all := cloudfront.Selection{Mode: "all"}
	list := func(mode string, names ...string) cloudfront.Selection {
		return cloudfront.Selection{Mode: mode, Names: names}
	}
	for _, tt := range []struct {
		name                    string
		query, headers, cookies cloudfront.Selection
		first, second           string // path, then headers
		same                    bool
	}{
		{"nothing counts", cloudfront.Selection{}, cloudfront.Selection{}, cloudfront.Selection{}, "/x?a=1\nOrigin: a\nCookie: c=1", "/x?a=2\nOrigin: b\nCookie: c=2", true},
		{"the path", all, cloudfront.Selection{}, cloudfront.Selection{}, "/x", "/X", false},
		{"a path's spelling", all, cloudfront.Selection{}, cloudfront.Selection{}, "/%78", "/x", true},
		{"every parameter", all, cloudfront.Selection{}, cloudfront.Selection{}, "/x?a=1", "/x?a=2", false},
		{"a listed parameter", list("whitelist", "a"), cloudfront.Selection{}, cloudfront.Selection{}, "/x?a=1&b=1", "/x?a=2&b=1", false},
		{"another parameter", list("whitelist", "a"), cloudfront.Selection{}, cloudfront.Selection{}, "/x?a=1&b=1", "/x?b=2&a=1", true},
		{"all parameters but one", list("allExcept", "a"), cloudfront.Selection{}, cloudfront.Selection{}, "/x?a=1&b=1", "/x?a=2&b=1", true},
		{"a listed header", cloudfront.Selection{}, list("whitelist", "origin"), cloudfront.Selection{}, "/x\nOrigin: a", "/x\nOrigin: b", false},
		{"another header", cloudfront.Selection{}, list("whitelist", "origin"), cloudfront.Selection{}, "/x\nAccept: a", "/x\nAccept: b", true},
		{"a listed cookie", cloudfront.Selection{}, cloudfront.Selection{}, list("whitelist", "c"), "/x\nCookie: c=1; d=1", "/x\nCookie: c=2; d=1", false},
		{"the order of cookies", cloudfront.Selection{}, cloudfront.Selection{}, list("whitelist", "c", "d"), "/x\nCookie: c=1; d=1", "/x\nCookie: d=1; c=1", true},
		{"another cookie", cloudfront.Selection{}, cloudfront.Selection{}, list("whitelist", "c"), "/x\nCookie: c=1; d=1", "/x\nCookie: d=2; c=1", true},
	} {
		w := newWorld(t)
		c := &w.view.Behaviors[2].Cache
		c.Query, c.Headers, c.Cookies = tt.query, tt.headers, tt.cookies
		w.put("x", object{body: "x"})
		w.put("X", object{body: "X"})
		var got *httptest.ResponseRecorder
		for _, r := range []string{tt.first, tt.second} {
			lines := strings.Split(r, "\n")
			got = w.ask("GET "+lines[0], lines[1:]...)
		}
		if same := strings.HasPrefix(short(got), "OK, Hit"); same != tt.same {
			t.Errorf("%s: %s, want the same %v", tt.name, short(got), tt.same)
		}
	}
}

// TestContentOfACustomOrigin has objects within and above what is cached.
func TestContentOfACustomOrigin(t *testing.T) {
	files := newWorld(t)
	files.put("v/x", object{body: "1234567890", contentType: "video/mp4", cacheControl: "max-age=60"})
	o := custom(t, origins.Mirror(origins.Config{Objects: files, Bucket: "out", Now: files.Now}))
	o.Path, o.Headers = "/v", http.Header{}
	for _, large := range []bool{false, true} {
		w := newWorld(t, func(c *Config) {
			if large {
				c.MaxObject = 2
			}
		})
		w.view.Origins["s3"] = o
		tag := w.ask("HEAD /x").Header().Get("ETag")
		for _, tt := range []struct {
			request, header string
			status          int
			body            string
			want            string // a header
		}{
			{"GET /x", "", 200, "1234567890", "Content-Type: video/mp4"},
			{"HEAD /x", "", 200, "", "Content-Length: 10"},
			{"GET /x", "Range: bytes=2-4", 206, "345", "Content-Range: bytes 2-4/10"},
			{"GET /x", "Range: bytes=-3", 206, "890", "Content-Range: bytes 7-9/10"},
			{"GET /x", "Range: bytes=10-", 416, "*", "Content-Range: bytes */10"},
			{"GET /x", "If-None-Match: " + tag, 304, "", "Etag: " + tag},
			{"GET /x", `If-None-Match: "other"`, 200, "1234567890", "Etag: " + tag},
			{"GET /x", "If-Modified-Since: Sun, 01 Mar 2026 12:00:00 GMT", 304, "", ""},
			{"GET /y", "", 404, "*", "X-Cache: Error from cloudfront"},
			{"HEAD /y", "", 404, "", ""},
		} {
			t.Run(fmt.Sprint(tt.request, " ", tt.header, ", large ", large), func(t *testing.T) {
				for range 2 {
					got := w.ask(tt.request, tt.header)
					if got.Code != tt.status || tt.body != "*" && got.Body.String() != tt.body {
						t.Errorf("%d %q, want %d %q", got.Code, got.Body, tt.status, tt.body)
					}
					if name, value, ok := strings.Cut(tt.want, ": "); ok && got.Header().Get(name) != value {
						t.Errorf("%s is %q, want %q", name, got.Header().Get(name), value)
					}
				}
			})
		}
	}
}
