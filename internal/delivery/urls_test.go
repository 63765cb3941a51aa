package delivery

import (
	"reflect"
	"testing"

	"github.com/vodfleet/vodfleet/internal/ledger"
)

func TestLinkTo(t *testing.T) {
	out := ledger.Outputs{
		Packages: []ledger.Package{
			{Name: "smooth", Smooth: "smooth/video.ism"},
			{Name: "hls", HLS: "hls/video.m3u8"},
			{Name: "cmaf", HLS: "cmaf/a b+c%2F#?.m3u8", DASH: "cmaf/ü.mpd"},
			{Name: "mp4", Files: []string{"mp4/video_720p.mp4"}},
		},
		Poster: "thumbs/poster.0000001.jpg", Thumbnails: "thumbs/thumbnails.vtt",
	}
	const w, b = "/watch/" + asset + "/", "/media/" + asset + "/2/"
	urls := func(root string) URLs {
		return URLs{
			HLS: root + w + "master.m3u8", DASH: root + w + "manifest.mpd", Smooth: root + b + "smooth/video.ism/Manifest",
			Playback: root + w + "playback.json", Poster: root + b + "thumbs/poster.0000001.jpg", Thumbnails: root + b + "thumbs/thumbnails.vtt",
			Packages: []PackageURLs{
				{Name: "smooth", Smooth: root + b + "smooth/video.ism/Manifest"},
				{Name: "hls", HLS: root + b + "hls/video.m3u8"},
				{Name: "cmaf", HLS: root + b + "cmaf/a%20b%2Bc%252F%23%3F.m3u8", DASH: root + b + "cmaf/%C3%BC.mpd"},
				{Name: "mp4", Files: []string{root + b + "mp4/video_720p.mp4"}},
			},
		}
	}
	versioned := urls("https://cdn.example")
	versioned.HLS, versioned.DASH = "https://cdn.example"+b+"hls/video.m3u8", "https://cdn.example"+b+"cmaf/%C3%BC.mpd"
	mp4 := ledger.Outputs{Packages: out.Packages[3:]}
	for _, tt := range []struct {
		name, viewer string
		r            *ledger.Record
		stable       bool
		want         URLs
	}{
		{"stable", "https://cdn.example", record(3, 2, out), true, urls("https://cdn.example")},
		{"below a path, with a slash", "https://cdn.example/a/b/", record(3, 2, out), true, urls("https://cdn.example/a/b")},
		{"versioned", "https://cdn.example/", record(3, 2, out), false, versioned},
		{"no viewer URL", "", record(3, 2, out), true, urls("")},
		{"mp4 alone has nothing stable", "https://cdn.example", record(3, 2, mp4), true, URLs{
			Playback: "https://cdn.example" + w + "playback.json",
			Packages: []PackageURLs{{Name: "mp4", Files: []string{"https://cdn.example" + b + "mp4/video_720p.mp4"}}},
		}},
		{"nothing current", "https://cdn.example", &ledger.Record{Asset: asset}, true, URLs{}},
	} {
		if got := LinkTo(tt.viewer, tt.r, tt.stable); !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s: LinkTo =\n%+v, want\n%+v", tt.name, got, tt.want)
		}
	}
}
