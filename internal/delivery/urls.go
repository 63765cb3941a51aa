package delivery

import (
	"net/url"
	"strings"

	"github.com/vodfleet/vodfleet/internal/cloud"
	"github.com/vodfleet/vodfleet/internal/ledger"
	"github.com/vodfleet/vodfleet/internal/media"
)

// URLs lead to what viewers get of one asset: its current build.
type URLs struct {
	// Where players start: the stable entry if there is one, which a
	// replacement keeps, or else the build's own manifest.
	HLS    string `json:"hls,omitempty"`
	DASH   string `json:"dash,omitempty"`
	Smooth string `json:"smooth,omitempty"`

	Playback   string        `json:"playback"` // playback.json
	Poster     string        `json:"poster,omitempty"`
	Thumbnails string        `json:"thumbnails,omitempty"` // WebVTT
	Packages   []PackageURLs `json:"packages,omitempty"`
}

// PackageURLs lead to one package of one build. They never show another one.
type PackageURLs struct {
	Name   string   `json:"name"`
	HLS    string   `json:"hls,omitempty"`
	DASH   string   `json:"dash,omitempty"`
	Smooth string   `json:"smooth,omitempty"`
	Files  []string `json:"files,omitempty"` // of mp4, in the order of its renditions
}

// Names of the documents below watch/ASSET/.
const (
	entryHLS  = "master.m3u8"
	entryDASH = "manifest.mpd"
	playback  = "playback.json"
)

// LinkTo returns the URLs of r's current build, below viewerURL; see [New].
// Stable says whether its profile has stable entries. There are none, and it
// returns the zero value, while the asset has no current build.
//
// Every URL is escaped, as one that S3 and browsers read alike.
func LinkTo(viewerURL string, r *ledger.Record, stable bool) URLs {
	b := r.Build(r.Current)
	if b == nil || b.Outputs == nil {
		return URLs{}
	}
	root := strings.TrimRight(viewerURL, "/") + "/"
	watch := root + media.EscapePath(watchPath(r.Asset))
	folder := root + media.EscapePath(buildPath(r.Asset, b.Number))
	below := func(path string) string {
		if path == "" {
			return ""
		}
		return folder + media.EscapePath(path)
	}
	out := b.Outputs
	u := URLs{Playback: watch + playback, Poster: below(out.Poster), Thumbnails: below(out.Thumbnails)}
	for _, p := range out.Packages {
		links := PackageURLs{Name: p.Name, HLS: below(p.HLS), DASH: below(p.DASH)}
		if p.Smooth != "" {
			// With a capital M: "Serving Microsoft Smooth Streaming content" in
			// the CloudFront developer guide.
			links.Smooth = below(p.Smooth) + "/Manifest"
		}
		for _, f := range p.Files {
			links.Files = append(links.Files, below(f))
		}
		u.Packages = append(u.Packages, links)
	}
	hls, dash := startOf(out)
	u.HLS, u.DASH = below(hls), below(dash)
	if stable && hls != "" {
		u.HLS = watch + entryHLS
	}
	if stable && dash != "" {
		u.DASH = watch + entryDASH
	}
	for _, p := range u.Packages {
		if u.Smooth == "" {
			u.Smooth = p.Smooth
		}
	}
	return u
}

// URLs is [LinkTo] of the service's viewer URL.
func (s *Service) URLs(r *ledger.Record, stable bool) URLs { return LinkTo(s.viewer, r, stable) }

// EntryPaths returns the paths of an asset's stable entries, those that it may
// have had among them, as an invalidation names them: relative to the
// distribution, with a slash first, encoded for URLs.
func EntryPaths(viewerURL, asset string) []string {
	root := "/"
	if u, err := url.Parse(viewerURL); err == nil {
		root = strings.TrimRight(u.EscapedPath(), "/") + "/"
	}
	watch := root + media.EscapePath(watchPath(asset))
	return []string{watch + entryHLS, watch + entryDASH}
}

// startOf returns the manifests that players start from, within the build:
// those of the first package that has one.
func startOf(out *ledger.Outputs) (hls, dash string) {
	for _, p := range out.Packages {
		if hls == "" {
			hls = p.HLS
		}
		if dash == "" {
			dash = p.DASH
		}
	}
	return hls, dash
}

// watchPath is the folder of an asset's entry documents, below the output.
func watchPath(asset string) string { return "watch/" + asset + "/" }

// buildPath is the folder of a build, below the output.
func buildPath(asset string, build int) string {
	return media.BuildPrefix(cloud.Location{}, asset, build).Key
}
