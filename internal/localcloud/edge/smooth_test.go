package edge

import (
	"encoding/xml"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/vodfleet/vodfleet/internal/localcloud/cloudfront"
	"github.com/vodfleet/vodfleet/internal/localcloud/mediaconvert/pack"
	"github.com/vodfleet/vodfleet/internal/localcloud/origins"
)

// TestMatrix has a package with other content beside it, behind every kind of
// origin and behaviour.
func TestMatrix(t *testing.T) {
	if _, err := exec.LookPath("ffmpeg"); err != nil {
		t.Fatalf("%v (run `make setup`)", err)
	}
	store := transcoded(t, false, smoothGroup("UTF8", large, heard(48000, 1)), others)
	raw := []string{"a%20b.ism", "a%20b.ismc", "a%20b_1.ismv", "a%20b_2.isma"}
	beside := []string{"p_1.0000000.jpg", "hls/x.m3u8", "hls/x_1.m3u8", "hls/x_1_00001.ts"}
	for _, tt := range []struct {
		name   string
		origin cloudfront.Origin
		flag   bool
		plays  bool
		raw    bool // .ism and its like come as they are
	}{
		{"s3", cloudfront.Origin{Bucket: "out"}, true, true, true},
		{"s3 without the flag", cloudfront.Origin{Bucket: "out"}, false, false, true},
		{"custom", custom(t, origins.Mirror(mirrorOf(store))), true, true, true},
		{"custom without the flag", custom(t, origins.Mirror(mirrorOf(store))), false, false, true},
		{"IIS", custom(t, origins.IIS(mirrorOf(store))), false, true, false},
		{"IIS with the flag", custom(t, origins.IIS(mirrorOf(store))), true, false, false},
	} {
		for _, other := range []bool{false, true} {
			t.Run(fmt.Sprint(tt.name, ", other behaviour ", other), func(t *testing.T) {
				tt.origin.Path = "/base"
				w := smoothWorld(t, tt.origin, func(c *Config) { c.Objects = store })
				w.view.Behaviors[0].Smooth = tt.flag
				if other { // the default one is of no use
					b := w.view.Behaviors[0]
					b.Pattern = "v/*"
					w.view.Origins["none"] = cloudfront.Origin{Bucket: "none", Headers: http.Header{}}
					w.view.Behaviors = []cloudfront.Behavior{b, {Origin: "none", Smooth: !tt.flag, Methods: b.Methods}}
				}
				manifest := w.ask("GET /v/a%20b.ism/Manifest")
				if plays := manifest.Code == 200; plays != tt.plays {
					t.Fatalf("manifest is %d: %s", manifest.Code, manifest.Body)
				}
				if tt.plays {
					m := readClient(t, manifest.Body.Bytes())
					for _, s := range m.Streams {
						c := s.Chunks[1]
						checkFragment(t, w, fmt.Sprintf("/v/a%%20b.ism/QualityLevels(%d)/Fragments(%s=%d)", s.Quality[0].Bitrate, s.Name, c.Time), s.Type, c.Time, c.Duration)
					}
				}
				paths := beside
				if tt.raw {
					paths = append(paths, raw...)
				}
				for _, p := range paths {
					want, err := os.ReadFile(filepath.Join(string(store), "out/base/v", strings.ReplaceAll(p, "%20", " ")))
					if err != nil {
						t.Fatal(err)
					}
					if got := w.ask("GET /v/" + p); got.Code != 200 || got.Body.String() != string(want) {
						t.Errorf("%s: %d and %d bytes, want the %d of the origin", p, got.Code, got.Body.Len(), len(want))
					}
				}
			})
		}
	}
}

// presentation puts a made-up package below v/ and returns its fragment at 2 s.
func presentation(t *testing.T, w *world) string {
	t.Helper()
	b, err := pack.SampleFile([]pack.Sample{{Video: true, Width: 320, Height: 180, Seconds: 4, Every: 2}}, true)
	if err != nil {
		t.Fatal(err)
	}
	w.put("v/x.ism", object{body: `<smil><head><meta name="clientManifestRelativePath" content="x.ismc"/></head><body>
		<video src="x_1.ismv" systemBitrate="9"><param name="trackID" value="1"/></video>
		<video src="gone.ismv" systemBitrate="8"/><video src="cut.ismv" systemBitrate="7"/><video src="text.ismv" systemBitrate="6"/></body></smil>`})
	w.put("v/x.ismc", object{body: "<client/>", contentType: "application/octet-stream", cacheControl: "max-age=120"})
	w.put("v/x_1.ismv", object{body: string(b), contentType: "application/octet-stream", cacheControl: "max-age=300"})
	w.put("v/cut.ismv", object{body: string(b[:strings.LastIndex(string(b), "mdat")+4])})
	w.put("v/text.ismv", object{body: "not a box at all, not even one"})
	w.put("v/bad.ism", object{body: "<smil"})
	w.put("v/lost.ism", object{body: `<smil><head><meta name="clientManifestRelativePath" content="lost.ismc"/></head><body><video src="x" systemBitrate="1"/></body></smil>`})
	w.put("v/up.ism", object{body: `<smil><head><meta name="clientManifestRelativePath" content="../x.ismc"/></head><body><video src="x" systemBitrate="1"/></body></smil>`})
	body := w.ask("GET /v/x_1.ismv").Body.String()
	first := strings.Index(body, "moof") - 4
	second := first + strings.Index(body[first+8:], "moof") + 4
	return body[second : strings.Index(body, "mfra")-4]
}

func TestSmoothAnswers(t *testing.T) {
	const from = "Origin: https://player.example.com"
	for _, tt := range []struct {
		request string
		header  string
		status  int
		body    string // "F" for the fragment; "*" for any
		want    string // headers that are to be there
	}{
		{"GET /v/x.ism/Manifest", "", 200, "<client/>", "Content-Type: text/xml, Cache-Control: max-age=120, Content-Length: 9, Accept-Ranges: bytes"},
		{"GET /v/x.ism/Manifest?x=y", "", 200, "<client/>", ""},
		{"HEAD /v/x.ism/Manifest", "", 200, "", "Content-Length: 9, Content-Type: text/xml"},
		{"GET /v/x.ism/Manifest", "Range: bytes=1-6", 206, "client", "Content-Range: bytes 1-6/9"},
		{"GET /v/x.ism/Manifest", from, 200, "<client/>", "Access-Control-Allow-Origin: *"},
		{"OPTIONS /v/x.ism/Manifest", from + "\nAccess-Control-Request-Method: GET", 200, "", "Access-Control-Allow-Origin: *"},
		{"POST /v/x.ism/Manifest", "", 403, "*", ""},
		{"GET /v/x.ism/manifest", "", 403, "*", "Server: AmazonS3"}, // not the documented form: an object, which is not there
		{"GET /v/x.ism/QualityLevels(9)/Fragments(video=20000000)", "", 200, "F", "Content-Type: video/mp4, Cache-Control: max-age=300"},
		{"GET /v/x.ism/QualityLevels%289%29/Fragments%28video%3D20000000%29", "", 200, "F", ""},
		{"GET /v/x.ism/QualityLevels(9,hardwareProfile=1)/Fragments(video=20000000)", "", 200, "F", ""},
		{"HEAD /v/x.ism/QualityLevels(9)/Fragments(video=20000000)", "", 200, "", "Content-Type: video/mp4"},
		{"GET /v/x.ism/QualityLevels(9)/Fragments(video=20000000)", "Range: bytes=4-7", 206, "moof", ""},
		{"GET /v/x.ism/QualityLevels(9)/Fragments(video=20000000)", from, 200, "F", "Access-Control-Allow-Origin: *"},
		{"GET /v/x.ism/QualityLevels(9)/Fragments(video=1)", "", 404, "*", "X-Cache: Error from cloudfront"},
		{"GET /v/x.ism/QualityLevels(9)/Fragments(video=1)", from, 404, "*", "Access-Control-Allow-Origin: *"},
		{"GET /v/x.ism/QualityLevels(9)/Fragments(audio=20000000)", "", 404, "*", ""},
		{"GET /v/x.ism/QualityLevels(1)/Fragments(video=20000000)", "", 404, "*", ""},
		{"GET /v/x.ism/QualityLevels(8)/Fragments(video=0)", "", 404, "*", ""}, // its file is gone
		{"GET /v/x.ism/QualityLevels(7)/Fragments(video=0)", "", 200, "*", ""}, // its file is cut short after that
		{"GET /v/x.ism/QualityLevels(7)/Fragments(video=20000000)", "", 404, "*", ""},
		{"GET /v/x.ism/QualityLevels(6)/Fragments(video=0)", "", 404, "*", ""},
		{"GET /v/x.ism/QualityLevels(9)/Fragments(video=x)", "", 403, "*", "Server: AmazonS3"},
		{"GET /v/y.ism/Manifest", "", 403, "*", "Server: AmazonS3"}, // as of any object
		{"GET /v/lost.ism/Manifest", "", 404, "*", ""},
		{"GET /v/bad.ism/Manifest", "", 502, "*", ""},
		{"GET /v/up.ism/Manifest", "", 502, "*", ""},
		{"GET /v/huge.ism/Manifest", "", 502, "*", ""},
		{"GET /v/long.ism/Manifest", "", 502, "*", ""},
		{"GET /v/x.ism", "", 200, "*", "Content-Type: binary/octet-stream"},
	} {
		t.Run(tt.request+" "+tt.header, func(t *testing.T) {
			w := smoothWorld(t, cloudfront.Origin{Bucket: "out"})
			w.view.Behaviors[0].Headers = &cloudfront.HeadersPolicy{CORS: &cloudfront.CORS{Origins: []string{"*"}, Methods: []string{"GET"}, Headers: []string{"*"}}}
			fragment := presentation(t, w)
			w.put("v/huge.ism", object{body: strings.Repeat("<smil>", 1<<18)})
			w.put("v/long.ism", object{body: `<smil><head><meta name="clientManifestRelativePath" content="long.ismc"/></head><body><video src="x" systemBitrate="1"/></body></smil>`})
			w.put("v/long.ismc", object{body: strings.Repeat("x", 9<<20)})
			for range 2 { // the second may come from the cache
				var headers []string
				if tt.header != "" {
					headers = strings.Split(tt.header, "\n")
				}
				got := w.ask(tt.request, headers...)
				body := strings.Replace(got.Body.String(), fragment, "F", 1)
				if got.Code != tt.status || tt.body != "*" && body != tt.body {
					t.Errorf("%d %.200q, want %d %q", got.Code, body, tt.status, tt.body)
				}
				for h := range strings.SplitSeq(tt.want, ", ") {
					if name, value, ok := strings.Cut(h, ": "); ok && got.Header().Get(name) != value {
						t.Errorf("%s is %q, want %q", name, got.Header().Get(name), value)
					}
				}
			}
		})
	}
}

// TestSmoothIsCached asks for a fragment and a manifest over time.
func TestSmoothIsCached(t *testing.T) {
	w := smoothWorld(t, cloudfront.Origin{Bucket: "out"})
	presentation(t, w)
	const fragment, manifest = "GET /v/x.ism/QualityLevels(9)/Fragments(video=20000000)", "GET /v/x.ism/Manifest"
	for _, tt := range []struct {
		wait               time.Duration
		manifest, fragment string
	}{
		{0, "OK, Miss", "OK, Miss"},
		{119 * time.Second, "OK, Hit, 119 s", "OK, Hit, 119 s"},
		{time.Second, "OK, RefreshHit, 0 s", "OK, Hit, 120 s"}, // max-age of .ismc is 120, of .ismv 300
		{180 * time.Second, "OK, RefreshHit, 0 s", "OK, RefreshHit, 0 s"},
	} {
		w.pass(tt.wait)
		if m, f := short(w.ask(manifest)), short(w.ask(fragment)); m != tt.manifest || f != tt.fragment {
			t.Errorf("after %v: %s and %s, want %s and %s", tt.wait, m, f, tt.manifest, tt.fragment)
		}
	}
	for _, r := range []string{manifest, fragment} {
		if got := w.ask(r, "If-None-Match: "+w.ask(r).Header().Get("ETag")); got.Code != 304 {
			t.Errorf("%s: %s, want that it has not been modified", r, short(got))
		}
	}
	tags := make(map[string]bool)
	for _, p := range []string{"/x.ism/Manifest", "/x.ism/QualityLevels(9)/Fragments(video=0)", "/x.ism/QualityLevels(9)/Fragments(video=20000000)", "/x_1.ismv"} {
		tags[w.ask("GET /v"+p).Header().Get("ETag")] = true
	}
	if len(tags) != 4 || tags[""] {
		t.Errorf("ETags %v, want four", tags)
	}
	w.pass(time.Hour)
	w.put("v/x.ismc", object{body: "<new/>"})
	if got := w.ask(manifest); short(got) != "OK, Miss" || got.Body.String() != "<new/>" {
		t.Errorf("after a change: %s %s", short(got), got.Body)
	}
	w.pass(time.Hour)
	w.broken = errors.New("disk on fire")
	if got := w.ask(manifest); got.Code != 200 || got.Body.String() != "<new/>" {
		t.Errorf("while the origin fails: %s %s, want the stale one", short(got), got.Body)
	}
	w.broken = nil
	missing := "GET /v/x.ism/QualityLevels(8)/Fragments(video=20000000)"
	if got := short(w.ask(missing)); got != "Not Found, Error" {
		t.Errorf("missing: %s", got)
	}
	w.put("v/gone.ismv", object{body: w.ask("GET /v/x_1.ismv").Body.String()})
	for _, wait := range []time.Duration{9 * time.Second, time.Second} {
		w.pass(wait)
		want := map[bool]string{true: "Not Found, Error", false: "OK, Miss"}[wait > time.Second]
		if got := short(w.ask(missing)); got != want {
			t.Errorf("%v later: %s, want %s", wait, got, want)
		}
	}
}

func TestSmoothStaysWhateverIsInvalidated(t *testing.T) {
	const fragment, manifest = "/v/x.ism/QualityLevels(9)/Fragments(video=20000000)", "/v/x.ism/Manifest"
	for _, tt := range []struct {
		name  string
		paths []string
		all   bool // so many that the edge cannot tell which
	}{
		{"by path", []string{fragment, manifest, "/v/x_1.ismv", "/v/x.ism"}, false},
		{"by wildcard", []string{"/v/*"}, false},
		{"everything", []string{"/*"}, false},
		{"more than are kept", nil, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := smoothWorld(t, cloudfront.Origin{Bucket: "out"})
			presentation(t, w)
			paths := []string{fragment, manifest, "/v/x_1.ismv", "/v/x.ism"}
			for _, p := range paths {
				w.ask("GET " + p)
			}
			w.put("v/x.ismc", object{body: "<new/>"})
			w.put("v/x_1.ismv", object{body: "new"})
			w.put("v/x.ism", object{body: "new"})
			w.invalidate(tt.paths...)
			if tt.all {
				w.mu.Lock()
				w.purged = -1
				w.mu.Unlock()
			}
			for i, want := range []string{"Hit", "Hit", "Hit", "Miss"} { // the last is no media
				if got := w.ask("GET " + paths[i]); !strings.HasPrefix(short(got), "OK, "+want) {
					t.Errorf("%s: %s, want %s", paths[i], short(got), want)
				}
			}
		})
	}
}

func TestSmoothNeedsMore(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(*cloudfront.View)
		want   int
	}{
		{"nothing", func(*cloudfront.View) {}, 200},
		{"no flag", func(v *cloudfront.View) { v.Behaviors[0].Smooth = false }, 403},
		{"an edge function", func(v *cloudfront.View) { v.Functions = true }, 403},
		{"many tenants", func(v *cloudfront.View) { v.TenantOnly = true }, 403},
	} {
		w := smoothWorld(t, cloudfront.Origin{Bucket: "out"})
		presentation(t, w)
		tt.change(w.view)
		if got := w.ask("GET /v/x.ism/Manifest"); got.Code != tt.want {
			t.Errorf("%s: %d %s, want %d", tt.name, got.Code, got.Body, tt.want)
		}
	}
}

// TestOddOrigins has custom origins that do not do as web servers should.
func TestOddOrigins(t *testing.T) {
	const fragment, manifest = "/v/x.ism/QualityLevels(9)/Fragments(video=20000000)", "/v/x.ism/Manifest"
	plain := func(w http.ResponseWriter, r *http.Request, body string) {
		http.ServeContent(w, r, "", time.Time{}, strings.NewReader(body))
	}
	for _, tt := range []struct {
		name   string
		origin func(w http.ResponseWriter, r *http.Request, body string)
		path   string
		status int
		text   string // in the body
	}{
		{"as it should", plain, fragment, 200, "mdat"},
		{"a file above a block", func(w http.ResponseWriter, r *http.Request, body string) {
			if strings.HasSuffix(r.URL.Path, "ismv") {
				body = "\x00\x01\x86\xa0free" + strings.Repeat(" ", 100_000-8) + body
			}
			plain(w, r, body)
		}, fragment, 200, "mdat"},
		{"no ranges, of a small file", func(w http.ResponseWriter, _ *http.Request, body string) { fmt.Fprint(w, body) }, manifest, 200, "<client/>"},
		{"no ranges, of a large file", func(w http.ResponseWriter, _ *http.Request, body string) {
			fmt.Fprint(w, body, strings.Repeat(" ", block))
		}, fragment, 502, "answers no ranges, and the file is above 65536 bytes"},
		{"another range", func(w http.ResponseWriter, _ *http.Request, body string) {
			w.Header().Set("Content-Range", fmt.Sprintf("bytes 1-%d/%d", len(body)-1, len(body)))
			w.WriteHeader(206)
			fmt.Fprint(w, body[1:])
		}, manifest, 502, "answered the Content-Range"},
		{"less than it says", func(w http.ResponseWriter, _ *http.Request, body string) {
			w.Header().Set("Content-Range", fmt.Sprintf("bytes 0-%d/%d", len(body), len(body)+1))
			w.WriteHeader(206)
			fmt.Fprint(w, body)
		}, manifest, 502, "bytes of a file of"},
		{"an empty file", func(w http.ResponseWriter, _ *http.Request, _ string) {
			w.Header().Set("Content-Range", "bytes */0")
			w.WriteHeader(416)
		}, manifest, 502, "no tracks"},
		{"a file that changes", func(w http.ResponseWriter, r *http.Request, body string) {
			if strings.HasSuffix(r.URL.Path, "ismv") {
				body = "\x00\x01\x86\xa0free" + strings.Repeat(" ", 100_000-8) + body
				w.Header().Set("ETag", `"`+r.Header.Get("Range")+`"`)
			}
			plain(w, r, body)
		}, fragment, 502, "changed while it was read"},
		{"compressed for who takes that", func(w http.ResponseWriter, r *http.Request, body string) {
			if r.Header.Get("Accept-Encoding") != "identity" {
				body = "\x1f\x8b"
			}
			plain(w, r, body)
		}, manifest, 200, "<client/>"},
		{"its own error", func(w http.ResponseWriter, _ *http.Request, _ string) { http.Error(w, "teapot", http.StatusTeapot) }, manifest, 418, "teapot"},
		{"broken off", func(w http.ResponseWriter, _ *http.Request, body string) {
			w.Header().Set("Content-Length", "1000000")
			fmt.Fprint(w, body)
			_ = http.NewResponseController(w).Flush() // the edge may be gone
			panic(http.ErrAbortHandler)
		}, manifest, 502, "broke off"},
		{"silent", func(_ http.ResponseWriter, r *http.Request, _ string) {
			<-r.Context().Done()
		}, manifest, 504, "i/o timeout"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			files := newWorld(t)
			presentation(t, files)
			o := custom(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				tt.origin(w, r, files.stored[strings.TrimPrefix(r.URL.Path, "/")].body)
			}))
			o.Read = 100 * time.Millisecond
			w := smoothWorld(t, o)
			w.view.Behaviors[0].Forward.Headers = cloudfront.Selection{Mode: "allViewer"}
			if got := w.ask("GET "+tt.path, "Accept-Encoding: gzip"); got.Code != tt.status || !strings.Contains(got.Body.String(), tt.text) {
				t.Errorf("%d %.300q, want %d with %q", got.Code, got.Body, tt.status, tt.text)
			}
		})
	}
}

// TestOddNames has names that need escapes in XML, in URLs or in both.
func TestOddNames(t *testing.T) {
	b, err := pack.SampleFile([]pack.Sample{{SampleRate: 48000, Seconds: 2, Every: 2}}, true)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"a b", "a+b", "a%20b", "a#b?c", "ä&<\"'>", "𝄞", "a;b=c,d(e)", "x.ism", "~!$@:*|"} {
		files := newWorld(t)
		var xmlName strings.Builder
		if err := xml.EscapeText(&xmlName, []byte(name)); err != nil {
			t.Fatal(err)
		}
		folder := "f/" + name + "/"
		files.put(folder+name+".ism", object{body: fmt.Sprintf(`<smil><head><meta name="clientManifestRelativePath" content="%s.ismc"/></head><body><audio src="sub/%[1]s.isma" systemBitrate="9"><param name="trackName" value="%[1]s"/></audio></body></smil>`, xmlName.String())})
		files.put(folder+name+".ismc", object{body: "<client/>"})
		files.put(folder+"sub/"+name+".isma", object{body: string(b)})
		escaped := strings.ReplaceAll(url.PathEscape(name), "+", "%2B")
		for kind, o := range map[string]cloudfront.Origin{
			"s3": {Bucket: "out"}, "custom": custom(t, origins.Mirror(origins.Config{Objects: files, Bucket: "out", Now: files.Now})),
		} {
			w := smoothWorld(t, o, func(c *Config) { c.Objects = files })
			path := "/f/" + escaped + "/" + escaped + ".ism"
			if got := w.ask("GET " + path + "/Manifest"); got.Body.String() != "<client/>" {
				t.Errorf("%s of %s: manifest is %d %s", name, kind, got.Code, got.Body)
			}
			checkFragment(t, w, path+"/QualityLevels(9)/Fragments("+escaped+"=0)", "audio", 0, 20_000_000)
		}
	}
}

func FuzzContentRange(f *testing.F) {
	f.Add("bytes 2-4/10")
	f.Add("bytes */0")
	f.Fuzz(func(t *testing.T, s string) {
		from, size, ok := contentRange(s)
		if ok && (from < 0 || size <= from) {
			t.Errorf("%q is from %d of %d", s, from, size)
		}
	})
}
