package delivery

import (
	"strings"

	"github.com/vodfleet/vodfleet/internal/ledger"
)

// StalePaths are those of [EntryPaths] that caches may hold of builds which had,
// or have, stable entries, given by their outputs.
func StalePaths(viewerURL, asset string, stable []*ledger.Outputs) []string {
	var hls, dash bool
	for _, out := range stable {
		h, d := startOf(out)
		hls, dash = hls || h != "", dash || d != ""
	}
	var paths []string
	for _, p := range EntryPaths(viewerURL, asset) {
		if hls && strings.HasSuffix(p, "/"+entryHLS) || dash && strings.HasSuffix(p, "/"+entryDASH) {
			// A star is a wildcard wherever it stands.
			paths = append(paths, strings.ReplaceAll(p, "*", "%2A"))
		}
	}
	return paths
}
