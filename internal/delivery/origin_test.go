package delivery

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/vodfleet/vodfleet/internal/cloud"
	"github.com/vodfleet/vodfleet/internal/cloud/memcloud"
)

// TestOrigin asks mirrors that lack something, and one that is IIS.
func TestOrigin(t *testing.T) {
	files := map[string]string{"hls/video.m3u8": "#EXTM3U\n", "hls/a b.ts": "segment", "smooth/video.ism": "<smil/>", "smooth/video.ismv": "boxes"}
	watch := map[string]string{"master.m3u8": "#EXTM3U\n# Switch 2.\n", "playback.json": "{}"}
	mem := memcloud.New(memcloud.Options{Buckets: []string{"out"}})
	output := cloud.Location{Bucket: "out", Key: "vod"}
	prefix := output.Join("media/" + asset + "/1/")
	for name, body := range files {
		mem.Store.Seed(cloud.Put{Location: prefix.Join(name), Body: []byte(body)})
	}
	for name, body := range watch {
		mem.Store.Seed(cloud.Put{Location: output.Join("watch/" + asset + "/" + name), Body: []byte(body)})
	}
	for _, tt := range []struct {
		name   string
		change func(all map[string]string)
		iis    bool
		build  string // what is wrong with the build
		shown  string // and with the entries
	}{
		{"whole", func(map[string]string) {}, false, "", ""},
		{"late", func(all map[string]string) { delete(all, "/mirror/media/"+asset+"/1/hls/a b.ts") }, false, "hls/a b.ts: the origin answers 404", ""},
		{"half", func(all map[string]string) { all["/mirror/media/"+asset+"/1/hls/video.m3u8"] = "#EXT" }, false, "hls/video.m3u8: the origin has 4 bytes, want 8", ""},
		{"an older entry", func(all map[string]string) { all["/mirror/watch/"+asset+"/master.m3u8"] = "#EXTM3U\n# Switch 1.\n" }, false, "", "master.m3u8: the origin has another one"},
		{"no entry", func(all map[string]string) { delete(all, "/mirror/watch/"+asset+"/playback.json") }, false, "", "playback.json: the origin answers 404"},
		{"IIS", func(all map[string]string) {
			for _, name := range []string{"video.ism", "video.ismv"} {
				delete(all, "/mirror/media/"+asset+"/1/smooth/"+name)
			}
			all["/mirror/media/"+asset+"/1/smooth/video.ism/Manifest"] = "<SmoothStreamingMedia/>"
		}, true, "", ""},
		{"IIS without its manifest", func(all map[string]string) { delete(all, "/mirror/media/"+asset+"/1/smooth/video.ism") }, true, "smooth/video.ism: the origin answers 404 for its Manifest", ""},
		{"not IIS", func(all map[string]string) { delete(all, "/mirror/media/"+asset+"/1/smooth/video.ism") }, false, "smooth/video.ism: the origin answers 404", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			all := map[string]string{}
			for name, body := range files {
				all["/mirror/media/"+asset+"/1/"+name] = body
			}
			for name, body := range watch {
				all["/mirror/watch/"+asset+"/"+name] = body
			}
			tt.change(all)
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if tt.iis {
					w.Header().Set("Server", "Microsoft-IIS/10.0")
				}
				body, ok := all[r.URL.Path]
				if !ok {
					http.NotFound(w, r)
					return
				}
				_, _ = w.Write([]byte(body))
			}))
			defer server.Close()
			o := NewOrigin(mem.Store, output, server.URL+"/mirror/")
			for _, look := range []struct {
				err  error
				want string
			}{{o.Arrived(t.Context(), prefix), tt.build}, {o.Shows(t.Context(), asset), tt.shown}} {
				if look.want == "" && look.err != nil || look.want != "" && (look.err == nil || !strings.HasSuffix(look.err.Error(), look.want)) {
					t.Errorf("%v, want %q", look.err, look.want)
				}
			}
		})
	}
}

// TestOriginAway is of a server that is not there.
func TestOriginAway(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	mem := memcloud.New(memcloud.Options{Buckets: []string{"out"}})
	prefix := cloud.Location{Bucket: "out", Key: "media/" + asset + "/1/"}
	mem.Store.Seed(cloud.Put{Location: prefix.Join("video.m3u8"), Body: []byte("x")})
	err := NewOrigin(mem.Store, cloud.Location{Bucket: "out"}, server.URL).Arrived(t.Context(), prefix)
	if err == nil || !strings.Contains(err.Error(), "the origin does not answer") {
		t.Errorf("Arrived = %v", err)
	}
}
