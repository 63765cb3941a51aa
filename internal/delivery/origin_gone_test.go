package delivery

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/vodfleet/vodfleet/internal/cloud"
	"github.com/vodfleet/vodfleet/internal/cloud/memcloud"
	"github.com/vodfleet/vodfleet/internal/ledger"
)

// TestOriginGone asks origins that have something of a removed asset left, of
// each of its builds and of its entries, and some that have not.
func TestOriginGone(t *testing.T) {
	mem := memcloud.New(memcloud.Options{Buckets: []string{"out"}})
	output := cloud.Location{Bucket: "out", Key: "vod"}
	if err := New(mem.Store, output, "").Withdraw(t.Context(), asset, 3); err != nil {
		t.Fatal(err)
	}
	r := &ledger.Record{Asset: asset, Builds: []ledger.Build{
		{Number: 1},
		{Number: 2, Outputs: &ledger.Outputs{Packages: []ledger.Package{{Name: "hls", HLS: "hls/a b.m3u8"}}}},
		{Number: 3, Outputs: &ledger.Outputs{
			Packages: []ledger.Package{
				{Name: "cmaf", HLS: "cmaf/video.m3u8", DASH: "cmaf/video.mpd"}, {Name: "smooth", Smooth: "smooth/video.ism"},
				{Name: "mp4", Files: []string{"mp4/video_720p.mp4"}},
			},
			Poster: "thumbs/poster.jpg", Thumbnails: "thumbs/thumbs.vtt",
		}, Spec: &cloud.JobSpec{Groups: []cloud.OutputGroup{
			{Kind: cloud.GroupCMAF, Destination: output.Join("media/" + asset + "/3/cmaf/video"), Outputs: []cloud.Output{
				{NameModifier: "_720p", Video: &cloud.Video{}}, {NameModifier: "_audio", Audio: &cloud.Audio{}},
			}},
			{Kind: cloud.GroupHLS, Destination: output.Join("media/" + asset + "/3/hls/video"), Outputs: []cloud.Output{{NameModifier: "_720p", Video: &cloud.Video{}}}},
			{Kind: cloud.GroupDASH, Destination: output.Join("media/" + asset + "/3/dash/video"), Outputs: []cloud.Output{{NameModifier: "_720p", Video: &cloud.Video{}}}},
			{Kind: cloud.GroupSmooth, Destination: output.Join("media/" + asset + "/3/smooth/video"), Outputs: []cloud.Output{{NameModifier: "_720p", Video: &cloud.Video{}}}},
			{Kind: cloud.GroupHLS, Destination: cloud.Location{Bucket: "elsewhere", Key: "video"}, Outputs: []cloud.Output{{}}},
		}}},
	}}
	type answer struct {
		status int
		body   string
	}
	withdrawn := func(name string) string {
		body, _, err := mem.Store.Get(t.Context(), output.Join("watch/"+asset+"/"+name), 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		return string(body)
	}
	build := func(path string) string { return "media/" + asset + "/" + path }
	entry := func(name string) string { return "watch/" + asset + "/" + name }
	for _, tt := range []struct {
		name string
		has  map[string]answer // by path; else 404
		want string            // what is left; empty: nothing
	}{
		{"nothing", nil, ""},
		{"documents that play nothing", map[string]answer{
			entry("master.m3u8"): {200, withdrawn("master.m3u8")}, entry("manifest.mpd"): {200, withdrawn("manifest.mpd")}, entry("playback.json"): {200, withdrawn("playback.json")},
		}, ""},
		{"what nobody may get", map[string]answer{build("3/smooth/video.ism"): {403, ""}, entry("master.m3u8"): {410, ""}}, ""},
		{"an earlier build", map[string]answer{build("2/hls/a b.m3u8"): {200, "#EXTM3U\n"}}, "answers 200 for " + build("2/hls/a b.m3u8")},
		{"HLS", map[string]answer{build("3/cmaf/video.m3u8"): {200, "#EXTM3U\n"}}, "answers 200 for " + build("3/cmaf/video.m3u8")},
		{"DASH", map[string]answer{build("3/cmaf/video.mpd"): {200, "<MPD/>"}}, "answers 200 for " + build("3/cmaf/video.mpd")},
		{"Smooth", map[string]answer{build("3/smooth/video.ism"): {200, "<smil/>"}}, "answers 200 for " + build("3/smooth/video.ism")},
		{"Smooth of IIS", map[string]answer{build("3/smooth/video.ism"): {403, ""}, build("3/smooth/video.ism/Manifest"): {200, "<SmoothStreamingMedia/>"}}, "answers 200 for " + build("3/smooth/video.ism/Manifest")},
		{"a download", map[string]answer{build("3/mp4/video_720p.mp4"): {200, "boxes"}}, "answers 200 for " + build("3/mp4/video_720p.mp4")},
		{"the poster", map[string]answer{build("3/thumbs/poster.jpg"): {200, "JFIF"}}, "answers 200 for " + build("3/thumbs/poster.jpg")},
		{"thumbnails", map[string]answer{build("3/thumbs/thumbs.vtt"): {500, ""}}, "answers 500 for " + build("3/thumbs/thumbs.vtt")},
		{"a segment of video", map[string]answer{build("3/cmaf/video_720p_000000001.cmfv"): {200, "boxes"}}, "answers 200 for " + build("3/cmaf/video_720p_000000001.cmfv")},
		{"a segment of audio", map[string]answer{build("3/cmaf/video_audio_000000001.cmfa"): {200, "boxes"}}, "answers 200 for " + build("3/cmaf/video_audio_000000001.cmfa")},
		{"a media playlist", map[string]answer{build("3/cmaf/video_720p.m3u8"): {200, "#EXTM3U"}}, "answers 200 for " + build("3/cmaf/video_720p.m3u8")},
		{"a segment of HLS", map[string]answer{build("3/hls/video_720p_00001.ts"): {200, "packets"}}, "answers 200 for " + build("3/hls/video_720p_00001.ts")},
		{"a segment of DASH", map[string]answer{build("3/dash/video_720p_000000001.mp4"): {200, "boxes"}}, "answers 200 for " + build("3/dash/video_720p_000000001.mp4")},
		{"a file of Smooth", map[string]answer{build("3/smooth/video_720p.ismv"): {200, "boxes"}}, "answers 200 for " + build("3/smooth/video_720p.ismv")},
		{"an entry", map[string]answer{entry("manifest.mpd"): {200, "<MPD/>"}}, "answers 200 for " + entry("manifest.mpd")},
		{"an entry that begins as it should", map[string]answer{entry("playback.json"): {200, withdrawn("playback.json") + " "}}, "answers 200 for " + entry("playback.json")},
		{"a redirect", map[string]answer{entry("playback.json"): {302, ""}}, "answers 302 for " + entry("playback.json")},
	} {
		t.Run(tt.name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				a, ok := tt.has[strings.TrimPrefix(r.URL.Path, "/mirror/")]
				if !ok {
					a.status = http.StatusNotFound
				}
				w.WriteHeader(a.status)
				_, _ = w.Write([]byte(a.body))
			}))
			defer server.Close()
			err := NewOrigin(mem.Store, output, server.URL+"/mirror", false).Gone(t.Context(), r)
			left, _ := errors.AsType[*LeftError](err)
			if got := fmt.Sprint(err); tt.want == "" && err != nil || tt.want != "" && (left == nil || got != "the origin "+tt.want) {
				t.Errorf("Gone = %v, want %q", err, tt.want)
			}
		})
	}
}

// TestOriginGoneAway: who does not answer may have everything left.
func TestOriginGoneAway(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	mem := memcloud.New(memcloud.Options{Buckets: []string{"out"}})
	o := NewOrigin(mem.Store, cloud.Location{Bucket: "out"}, server.URL, false)
	err := o.Gone(t.Context(), &ledger.Record{Asset: asset})
	if _, ok := errors.AsType[*LeftError](err); !ok || !strings.Contains(err.Error(), "the origin does not answer") {
		t.Errorf("Gone = %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err = o.Gone(ctx, &ledger.Record{Asset: asset})
	if _, ok := errors.AsType[*LeftError](err); ok || !errors.Is(err, context.Canceled) {
		t.Errorf("Gone = %v after the end of its run", err)
	}
}
