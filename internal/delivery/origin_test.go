package delivery

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vodfleet/vodfleet/internal/cloud"
	"github.com/vodfleet/vodfleet/internal/cloud/memcloud"
)

// TestOrigin asks mirrors that lack something.
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
		build  string // what is wrong with the build
		shown  string // and with the entries
	}{
		{"whole", func(map[string]string) {}, "", ""},
		{"late", func(all map[string]string) { delete(all, "/mirror/media/"+asset+"/1/hls/a b.ts") }, "hls/a b.ts: the origin answers 404", ""},
		{"half", func(all map[string]string) { all["/mirror/media/"+asset+"/1/hls/video.m3u8"] = "#EXT" }, "hls/video.m3u8: the origin has 4 bytes, want 8", ""},
		{"an older entry", func(all map[string]string) { all["/mirror/watch/"+asset+"/master.m3u8"] = "#EXTM3U\n# Switch 1.\n" }, "", "master.m3u8: the origin has another one"},
		{"no entry", func(all map[string]string) { delete(all, "/mirror/watch/"+asset+"/playback.json") }, "", "playback.json: the origin answers 404"},
		{"no server manifest", func(all map[string]string) { delete(all, "/mirror/media/"+asset+"/1/smooth/video.ism") }, "smooth/video.ism: the origin answers 404", ""},
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
				body, ok := all[r.URL.Path]
				if !ok {
					http.NotFound(w, r)
					return
				}
				_, _ = w.Write([]byte(body))
			}))
			defer server.Close()
			o := NewOrigin(mem.Store, output, server.URL+"/mirror/", false)
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
	err := NewOrigin(mem.Store, cloud.Location{Bucket: "out"}, server.URL, false).Arrived(t.Context(), prefix)
	if err == nil || !strings.Contains(err.Error(), "the origin does not answer") {
		t.Errorf("Arrived = %v", err)
	}
}

// Of an origin that streams Smooth itself the files are hidden: what counts is
// what it makes of them.
func TestOriginIIS(t *testing.T) {
	f := setUp(t, oneSmooth)
	for _, tt := range []struct {
		name   string
		header string // Server
		iis    bool   // by the setting
		manifest,
		lacks string // what it answers 503 to, by a part of its path
		want string // what is wrong; empty: nothing
	}{
		{"whole", "Microsoft-IIS/10.0", false, "", "-", ""},
		{"by a setting", "", true, "", "-", ""},
		{"in capitals", "MICROSOFT-IIS/8.5", false, "", "-", ""},
		{"without a word", "", false, "", "-", ": the origin answers 403; "},
		{"without its manifest", "Microsoft-IIS/10.0", false, "", "/Manifest", server + ": the origin answers 503 for its Manifest"},
		{"with half a manifest", "", true, "<SmoothStreamingMedia MajorVersion=\"2\"", "-", server + ": the origin's Manifest: parse client manifest: "},
		{"without a file", "Microsoft-IIS/10.0", false, "", "QualityLevels(1000000)", server + ": the origin answers 503 for its QualityLevels(1000000)/Fragments(video=0); " +
			server + ": the origin answers 503 for its QualityLevels(1000000)/Fragments(video=280000000)"},
		{"without the end of its sound", "", true, "", "Fragments(audio=280000000)", server + ": the origin answers 503 for its QualityLevels(128000)/Fragments(audio=280000000)"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if tt.header != "" {
					w.Header().Set("Server", tt.header)
				}
				switch {
				case strings.Contains(r.URL.Path, tt.lacks):
					w.WriteHeader(http.StatusServiceUnavailable)
				case strings.HasSuffix(r.URL.Path, ".ism/Manifest"):
					_, _ = w.Write([]byte(cmp.Or(tt.manifest, f.read(client))))
				case !strings.Contains(r.URL.Path, ".ism/QualityLevels("):
					w.WriteHeader(http.StatusForbidden)
				}
			}))
			defer server.Close()

			err := NewOrigin(f.Store, output, server.URL, tt.iis).Arrived(t.Context(), f.prefix)

			e, _ := errors.AsType[*IncompleteError](err)
			if (err != nil) != (tt.want != "") || e != nil && !strings.Contains(sorted(e), tt.want) {
				t.Errorf("Arrived = %v, want %q", err, tt.want)
			}
		})
	}
}

// sorted is what is wrong, in the order of its text.
func sorted(e *IncompleteError) string {
	var all []string
	for _, p := range e.Problems {
		all = append(all, p.Path+": "+p.Why)
	}
	slices.Sort(all)
	return strings.Join(all, "; ")
}

// Very many segments hide no other file that lacks, nor the end of a series.
func TestOriginOfManyFiles(t *testing.T) {
	mem := memcloud.New(memcloud.Options{Buckets: []string{"out"}})
	prefix := cloud.Location{Bucket: "out", Key: "media/" + asset + "/1/"}
	single := []string{
		"cmaf/video.m3u8", "smooth/video.ism", "smooth/video.ismc", "smooth/video_1080p.ismv", "smooth/video_720p.ismv", "smooth/video_1.ismv",
		"smooth/video_2.ismv", "smooth/video_audio.isma", "mp4/video_720p.mp4", "thumbs/poster.0000000.jpg", "thumbs/thumbnails.vtt",
		"cmaf/video_720p_000002700.cmfv", "cmaf/video_480p_000002700.cmfv",
	}
	files := slices.Clone(single)
	for i := range 2700 {
		files = append(files, fmt.Sprintf("cmaf/video_720p_%09d.cmfv", i), fmt.Sprintf("cmaf/video_480p_%09d.cmfv", i))
	}
	for _, name := range files {
		mem.Store.Seed(cloud.Put{Location: prefix.Join(name), Body: []byte("x")})
	}
	var lacks string
	var asked atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		if strings.HasSuffix(r.URL.Path, lacks) {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		_, _ = w.Write([]byte("x"))
	}))
	defer server.Close()
	o := NewOrigin(mem.Store, cloud.Location{Bucket: "out"}, server.URL, false)
	for _, lacks = range single {
		err := o.Arrived(t.Context(), prefix)
		if want := lacks + ": the origin answers 404"; !strings.HasSuffix(fmt.Sprint(err), want) {
			t.Errorf("Arrived = %v, want %q", err, want)
		}
	}
	asked.Store(0)
	lacks = "-"
	if err := o.Arrived(t.Context(), prefix); err != nil || asked.Load() > int32(originSampled+len(single)) {
		t.Errorf("Arrived = %v after %d questions", err, asked.Load())
	}
	asked.Store(0)
	lacks = ".cmfv"
	if err := o.Arrived(t.Context(), prefix); err == nil || asked.Load() > int32(len(single)+originEnough+originAtOnce) {
		t.Errorf("Arrived = %v after %d questions of an origin without any segment", err, asked.Load())
	}
}

// transport answers as it likes.
type transport func(r *http.Request) (*http.Response, error)

func (t transport) RoundTrip(r *http.Request) (*http.Response, error) { return t(r) }

// A worker waits for no origin that does not answer, or that takes for ever.
func TestOriginIsSlow(t *testing.T) {
	for _, tt := range []struct {
		name   string
		answer time.Duration // until each
		want   string
		after  time.Duration
	}{
		{"never answers", time.Hour, "the origin does not answer: ", originPatient},
		{"answers each, and late", originPatient - time.Second, "the origin takes more than 2m0s to answer for 1000 files", originLook},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				mem := memcloud.New(memcloud.Options{Buckets: []string{"out"}})
				prefix := cloud.Location{Bucket: "out", Key: "media/" + asset + "/1/"}
				for i := range 1000 {
					mem.Store.Seed(cloud.Put{Location: prefix.Join(fmt.Sprintf("cmaf/%d.cmfv", i)), Body: []byte("x")})
				}
				o := NewOrigin(mem.Store, cloud.Location{Bucket: "out"}, "http://mirror.example", false)
				o.http.Transport = transport(func(r *http.Request) (*http.Response, error) {
					select {
					case <-time.After(tt.answer):
						return &http.Response{StatusCode: http.StatusOK, Body: http.NoBody, ContentLength: 1}, nil
					case <-r.Context().Done():
						return nil, r.Context().Err()
					}
				})
				begun := time.Now()

				err := o.Arrived(t.Context(), prefix)

				e, _ := errors.AsType[*IncompleteError](err)
				if e == nil || !strings.Contains(e.Error(), tt.want) || time.Since(begun) != tt.after {
					t.Errorf("Arrived = %v after %v, want %q after %v", err, time.Since(begun), tt.want, tt.after)
				}
			})
		})
	}
}
