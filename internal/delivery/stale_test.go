package delivery

import (
	"slices"
	"testing"

	"github.com/vodfleet/vodfleet/internal/cloud"
	"github.com/vodfleet/vodfleet/internal/ledger"
)

func TestStalePaths(t *testing.T) {
	const asset = "5XDW6LWF2LX4HBG4PJHMY7OH2Q"
	const hls, dash = "/watch/" + asset + "/master.m3u8", "/watch/" + asset + "/manifest.mpd"
	out := func(p ...ledger.Package) *ledger.Outputs { return &ledger.Outputs{Packages: p} }
	cmaf := ledger.Package{Name: "cmaf", HLS: "cmaf/video.m3u8", DASH: "cmaf/video.mpd"}
	ts := ledger.Package{Name: "hls", HLS: "hls/video.m3u8"}
	mpd := ledger.Package{Name: "dash", DASH: "dash/video.mpd"}
	ism := ledger.Package{Name: "smooth", Smooth: "smooth/video.ism"}
	for _, tt := range []struct {
		name   string
		viewer string
		stable []*ledger.Outputs
		want   []string
	}{
		{"none was stable", "https://d.example", nil, nil},
		{"both", "https://d.example", []*ledger.Outputs{out(cmaf)}, []string{hls, dash}},
		{"HLS alone", "https://d.example", []*ledger.Outputs{out(ts)}, []string{hls}},
		{"DASH alone", "https://d.example/", []*ledger.Outputs{out(mpd)}, []string{dash}},
		{"one after the other", "https://d.example", []*ledger.Outputs{out(ts), out(mpd)}, []string{hls, dash}},
		{"Smooth is never invalidated", "https://d.example", []*ledger.Outputs{out(ism)}, nil},
		{"below a path", "https://d.example/vod/of ü", []*ledger.Outputs{out(ts)}, []string{"/vod/of%20%C3%BC" + hls}},
		{"below an escaped path", "https://d.example/a%20b/c%2Ad", []*ledger.Outputs{out(ts)}, []string{"/a%20b/c%2Ad" + hls}},
		{"a star is no wildcard", "https://d.example/a*b", []*ledger.Outputs{out(ts)}, []string{"/a%2Ab" + hls}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := StalePaths(tt.viewer, asset, tt.stable)
			if !slices.Equal(got, tt.want) {
				t.Errorf("StalePaths = %q, want %q", got, tt.want)
			}
			if len(got) > 0 {
				if err := cloud.ValidPaths(got); err != nil {
					t.Error(err)
				}
			}
		})
	}
}
