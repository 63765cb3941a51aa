package edge

import (
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/vodfleet/vodfleet/internal/localcloud/cloudfront"
)

// TestTTL asks for one object three times: at once, and after two waits.
func TestTTL(t *testing.T) {
	const hit, miss, refresh = "Hit", "Miss", "RefreshHit"
	for _, tt := range []struct {
		name, path, cacheControl string
		waits                    [2]time.Duration
		want                     [3]string
	}{
		{"default", "/x", "", [2]time.Duration{59 * time.Second, time.Second}, [3]string{miss, hit, refresh}},
		{"the origin's, within bounds", "/x", "max-age=120", [2]time.Duration{119 * time.Second, time.Second}, [3]string{miss, hit, refresh}},
		{"the least", "/x", "max-age=1", [2]time.Duration{9 * time.Second, time.Second}, [3]string{miss, hit, refresh}},
		{"the least, even of no-store", "/x", "no-store", [2]time.Duration{9 * time.Second, time.Second}, [3]string{miss, hit, refresh}},
		{"the most", "/x", "max-age=86400", [2]time.Duration{time.Hour - time.Second, time.Second}, [3]string{miss, hit, refresh}},
		{"s-maxage before max-age", "/watch/a/master.m3u8", "max-age=0, s-maxage=3600", [2]time.Duration{time.Hour - time.Second, time.Second}, [3]string{miss, hit, refresh}},
		{"no-cache", "/watch/a/playback.json", "no-cache", [2]time.Duration{}, [3]string{miss, miss, miss}},
		{"nothing said and no default", "/watch/a/x", "", [2]time.Duration{}, [3]string{miss, miss, miss}},
		{"media", "/media/a/1/s.m4s", "", [2]time.Duration{time.Hour - time.Second, time.Second}, [3]string{miss, hit, refresh}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			w.put(tt.path[1:], object{body: "x", cacheControl: tt.cacheControl})
			for i, want := range tt.want {
				if i > 0 {
					w.pass(tt.waits[i-1])
				}
				got := w.ask("GET " + tt.path)
				if s := short(got); s != "OK, "+want && s[:len("OK, "+want)] != "OK, "+want || got.Body.String() != "x" {
					t.Errorf("answer %d: %s %q, want %s", i+1, s, got.Body, want)
				}
			}
		})
	}
}

func TestAge(t *testing.T) {
	w := newWorld(t)
	w.put("x", object{body: "x"})
	for _, tt := range []struct {
		wait time.Duration
		want string
	}{
		{0, "OK, Miss"}, {0, "OK, Hit, 0 s"}, {59 * time.Second, "OK, Hit, 59 s"}, {2 * time.Second, "OK, RefreshHit, 0 s"}, {time.Second, "OK, Hit, 1 s"},
	} {
		w.pass(tt.wait)
		if got := short(w.ask("GET /x")); got != tt.want {
			t.Errorf("after %v: %s, want %s", tt.wait, got, tt.want)
		}
	}
	w.pass(time.Hour)
	w.put("x", object{body: "new"})
	if got := w.ask("GET /x"); short(got) != "OK, Miss" || got.Body.String() != "new" {
		t.Errorf("after a change: %s %q, want the new one, missed", short(got), got.Body)
	}
}

func TestErrorsAreCached(t *testing.T) {
	for _, tt := range []struct {
		name   string
		errors map[int]cloudfront.ErrorResponse
		wait   time.Duration
		want   string // once the object is there
	}{
		{"ten seconds are not over", nil, 9 * time.Second, "Forbidden, Error"},
		{"ten seconds are over", nil, 10 * time.Second, "OK, Miss"},
		{"no caching", map[int]cloudfront.ErrorResponse{403: {}}, 0, "OK, Miss"},
		{"a minute", map[int]cloudfront.ErrorResponse{403: {CacheFor: time.Minute}}, 59 * time.Second, "Forbidden, Error"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			if tt.errors != nil {
				w.view.Errors = tt.errors
			}
			if got := short(w.ask("GET /watch/a/master.m3u8")); got != "Forbidden, Error" {
				t.Fatalf("nothing there: %s", got)
			}
			w.put("watch/a/master.m3u8", object{body: "x"})
			w.pass(tt.wait)
			if got := w.ask("GET /watch/a/master.m3u8"); short(got)[:len(tt.want)] != tt.want {
				t.Errorf("after %v: %s, want %s", tt.wait, short(got), tt.want)
			}
		})
	}
}

func TestErrorPage(t *testing.T) {
	w := newWorld(t)
	w.view.Errors[403] = cloudfront.ErrorResponse{Page: "/missing.html", Status: 404, CacheFor: time.Minute}
	if got := w.ask("GET /nothing"); got.Code != 403 {
		t.Errorf("without the page: %d, want 403", got.Code)
	}
	w.put("missing.html", object{body: "gone", contentType: "text/html"})
	w.pass(time.Minute)
	if got := w.ask("GET /nothing"); got.Code != 404 || got.Body.String() != "gone" || short(got) != "Not Found, Error" {
		t.Errorf("with the page: %s %q, want a 404 with it", short(got), got.Body)
	}
}

func TestStaleIsServedWhileTheOriginFails(t *testing.T) {
	w := newWorld(t)
	w.put("x", object{body: "x"})
	w.ask("GET /x")
	w.pass(time.Hour)
	w.broken = errors.New("disk on fire")
	if got := w.ask("GET /x"); got.Code != 200 || got.Body.String() != "x" {
		t.Errorf("kept: %s %q, want the stale one", short(got), got.Body)
	}
	if got := w.ask("GET /y"); short(got) != "Internal Server Error, Error" {
		t.Errorf("not kept: %s", short(got))
	}
}

func TestInvalidation(t *testing.T) {
	for _, tt := range []struct {
		name, path  string
		invalidated []string
		purged      bool
	}{
		{"the path", "/watch/a/master.m3u8", []string{"/x", "/watch/a/master.m3u8"}, true},
		{"a wildcard", "/watch/a/master.m3u8", []string{"/watch/a/*"}, true},
		{"a wildcard within a name", "/watch/a/master.m3u8", []string{"/watch/a/mas*"}, true},
		{"everything", "/watch/a/master.m3u8", []string{"/*"}, true},
		{"another path", "/watch/a/master.m3u8", []string{"/watch/a/master.m3u"}, false},
		{"a folder without a wildcard", "/watch/a/master.m3u8", []string{"/watch/a/"}, false},
		{"another case", "/watch/a/master.m3u8", []string{"/Watch/a/*"}, false},
		{"escaped as it was asked", "/a%20b%C3%BC", []string{"/a%20b%C3%BC"}, true},
		{"escaped in lower case", "/a%20b%C3%BC", []string{"/a%20b%c3%bc"}, true},
		{"a tilde, unsafe once", "/a~b", []string{"/a%7Eb"}, true},
		{"a character that needs no escape", "/a-b", []string{"/a%2Db"}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			for _, key := range []string{"watch/a/master.m3u8", "a bü", "a-b", "a~b"} {
				w.put(key, object{body: "old", cacheControl: "s-maxage=3600"})
			}
			w.ask("GET " + tt.path)
			for _, key := range []string{"watch/a/master.m3u8", "a bü", "a-b", "a~b"} {
				w.put(key, object{body: "new", cacheControl: "s-maxage=3600"})
			}
			w.invalidate(tt.invalidated...)
			want := "old"
			if tt.purged {
				want = "new"
			}
			if got := w.ask("GET " + tt.path); got.Body.String() != want {
				t.Errorf("after the invalidation of %q: %q, want %q", tt.invalidated, got.Body, want)
			}
		})
	}
}

func TestSmoothIsNeverInvalidated(t *testing.T) {
	m := newMatcher(cloudfront.Purge{Distribution: "E1", Paths: []string{"/*"}})
	if m.matches("E1", "/media/a/1/smooth/video.ism/Manifest", true) || !m.matches("E1", "/media/a/1/smooth/video.ism/Manifest", false) || m.matches("E2", "/x", false) {
		t.Error("an invalidation of everything names what it should not, or not what it should")
	}
}

func TestOneFetchForMany(t *testing.T) {
	w := newWorld(t)
	w.put("x", object{body: "x"})
	w.gate = make(chan struct{})
	var wg sync.WaitGroup
	for range 10 {
		wg.Go(func() {
			if got := w.ask("GET /x"); got.Body.String() != "x" {
				t.Errorf("body %q", got.Body)
			}
		})
	}
	<-w.held
	close(w.gate)
	wg.Wait()
	if w.reads != 1 {
		t.Errorf("%d reads, want 1", w.reads)
	}
}

func TestInvalidationDuringAFetch(t *testing.T) {
	w := newWorld(t)
	w.put("x", object{body: "old"})
	gate := make(chan struct{})
	w.gate = gate
	var wg sync.WaitGroup
	wg.Go(func() { w.ask("GET /x") })
	<-w.held // "old" is on its way
	w.mu.Lock()
	w.gate = nil
	w.mu.Unlock()
	w.put("x", object{body: "new"})
	w.invalidate("/x")
	if got := w.ask("GET /x"); got.Body.String() != "new" {
		t.Errorf("during the fetch: %q, want new", got.Body)
	}
	close(gate)
	wg.Wait()
	if got := w.ask("GET /x"); got.Body.String() != "new" {
		t.Errorf("after the fetch: %q, want new", got.Body)
	}
}

func TestMemoryIsBounded(t *testing.T) {
	w := newWorld(t, func(c *Config) { c.MaxBytes = 5000 })
	for _, key := range []string{"a", "b", "c", "d", "a"} {
		w.put(key, object{body: string(make([]byte, 400))})
		w.ask("GET /" + key)
	}
	if w.cache.used > 5000 || len(w.cache.byKey) != 3 {
		t.Errorf("%d bytes in %d entries, want at most 5000 in 3", w.cache.used, len(w.cache.byKey))
	}
	if got := short(w.ask("GET /b")); got != "OK, Miss" {
		t.Errorf("the one unused for longest: %s, want it gone", got)
	}
}
