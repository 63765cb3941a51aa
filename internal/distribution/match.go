package distribution

import (
	"strings"

	"github.com/vodfleet/vodfleet/internal/cloud"
)

// Match reports whether a behaviour's pattern matches the path of a URL: "*" is
// any number of characters, slashes among them, "?" is exactly one; case
// counts, and a slash in front of the pattern does not. The empty pattern, of
// the default behaviour, matches everything. Source: "Path pattern" in "Cache
// behavior settings", CloudFront developer guide.
func Match(pattern, path string) bool {
	if pattern == "" {
		return true
	}
	return wild(strings.TrimPrefix(pattern, "/"), strings.TrimPrefix(path, "/"), false)
}

// covers reports whether every path that p matches is matched by q too, as far
// as the text tells: it never says so of one that is not.
func covers(q, p string) bool {
	if q == "" {
		return true
	}
	return wild(strings.TrimPrefix(q, "/"), strings.TrimPrefix(p, "/"), true)
}

// wild matches in time that is bounded by the product of the lengths. Of a
// pattern's text, a "*" is matched by a "*" only.
func wild(pattern, text string, isPattern bool) bool {
	i, star, mark := 0, -1, 0
	for k := 0; k < len(text); {
		switch {
		case i < len(pattern) && pattern[i] == '*':
			star, mark = i, k
			i++
		case i < len(pattern) && (pattern[i] == '?' && !(isPattern && text[k] == '*') || pattern[i] == text[k] && pattern[i] != '?'):
			i++
			k++
		case star >= 0:
			mark++
			i, k = star+1, mark
		default:
			return false
		}
	}
	for i < len(pattern) && pattern[i] == '*' {
		i++
	}
	return i == len(pattern)
}

// Choose returns the behaviour that a path of a URL gets: the first whose
// pattern matches. It returns nil only where there is no default behaviour.
func Choose(c *cloud.DistributionConfig, path string) *cloud.Behavior {
	for i := range c.Behaviors {
		if Match(c.Behaviors[i].Pattern, path) {
			return &c.Behaviors[i]
		}
	}
	return nil
}

// sample stands for an asset in the paths that are tried.
const sample = "AAAAAAAAAAAAAAAAAAAAAAAAAA"

// Paths of one asset below the output, one of each sort that a pattern may
// tell from the others.
var (
	mediaPaths = []string{
		"media/" + sample + "/1/cmaf/video.m3u8", "media/" + sample + "/1/cmaf/video.mpd", "media/" + sample + "/1/cmaf/video_720p_000000001.cmfv",
		"media/" + sample + "/1/hls/video.m3u8", "media/" + sample + "/1/hls/video_720p_00001.ts", "media/" + sample + "/1/dash/video.mpd",
		"media/" + sample + "/1/dash/video_720p.mp4", "media/" + sample + "/1/mp4/video_720p.mp4", "media/" + sample + "/1/thumbs/sprite.0000000.jpg",
	}
	entryPaths = []string{"watch/" + sample + "/master.m3u8", "watch/" + sample + "/manifest.mpd", "watch/" + sample + "/playback.json"}
)

// smoothPath is that of a server manifest, below the output.
const smoothPath = "media/" + sample + "/1/smooth/video.ism"

// requests are the paths that players of the Smooth package at a path, that of
// its server manifest, ask for. Source: "[MS-SSTR] Smooth Streaming Protocol".
func requests(ism string) []string {
	return []string{ism + "/Manifest", ism + "/QualityLevels(900000)/Fragments(video=0)"}
}

// chosen returns the behaviours that paths below the output get, each once, in
// their order.
func (j *judge) chosen(paths ...string) []*cloud.Behavior {
	hit := map[*cloud.Behavior]bool{}
	for _, p := range paths {
		if b := Choose(&j.c, j.root+"/"+p); b != nil {
			hit[b] = true
		}
	}
	var list []*cloud.Behavior
	for i := range j.c.Behaviors {
		if b := &j.c.Behaviors[i]; hit[b] {
			list = append(list, b)
		}
	}
	return list
}

// media are the behaviours of all that never changes.
func (j *judge) media() []*cloud.Behavior {
	if j.d.Smooth {
		return j.chosen(append(requests(smoothPath), mediaPaths...)...)
	}
	return j.chosen(mediaPaths...)
}

// entries are the behaviours of the documents that replacements rewrite.
func (j *judge) entries() []*cloud.Behavior { return j.chosen(entryPaths...) }

// all are the behaviours of everything that is delivered, or of what alone is
// judged.
func (j *judge) all() []*cloud.Behavior {
	if j.only != nil {
		return j.chosen(j.only...)
	}
	paths := append(mediaPaths[:len(mediaPaths):len(mediaPaths)], entryPaths...)
	if j.d.Smooth {
		paths = append(paths, requests(smoothPath)...)
	}
	return j.chosen(paths...)
}
