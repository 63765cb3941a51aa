// Package delivery stands between a build's files in the output bucket and the
// viewers: it verifies that a build is whole, writes the entry documents and
// playback.json that lead to it, tells its URLs, and removes builds.
//
// The layout below the output, which is the place that the viewer URL reaches:
//
//	media/ASSET/BUILD/…         a build's files, never rewritten
//	watch/ASSET/master.m3u8     stable entry of HLS
//	watch/ASSET/manifest.mpd    stable entry of DASH
//	watch/ASSET/playback.json   every URL of the current build
//
// What is in manifests is for package media; when a build is shown, and which,
// is for the ledger and the stages.
package delivery

import (
	"fmt"
	"strings"

	"github.com/vodfleet/vodfleet/internal/cloud"
)

// Service verifies, shows and removes builds in one output. It is safe for
// concurrent use, by any number of processes.
type Service struct {
	store  cloud.Store
	output cloud.Location
	viewer string
	kept   manifests
}

// New returns the service of one output, a bucket and a prefix that may be
// empty. Viewers reach the object at output.Join(path) as viewerURL/path.
// Without a viewer URL, URLs begin with the slash of the distribution's root.
func New(store cloud.Store, output cloud.Location, viewerURL string) *Service {
	return &Service{store: store, output: output, viewer: viewerURL}
}

// IncompleteError says that a build lacks something that its job should have
// left, or that something in it is not as it should be. Storage may show files
// late; so a repeat may find the build whole.
type IncompleteError struct {
	Prefix   cloud.Location // of the build
	Problems []Problem      // the first few
	More     int            // problems beyond those; counted up to a thousand
}

// Problem is one thing that is wrong with a build.
type Problem struct {
	Path string // within the build
	Why  string
}

func (e *IncompleteError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "build %s is incomplete: ", e.Prefix)
	for i, p := range e.Problems {
		if i > 0 {
			b.WriteString("; ")
		}
		fmt.Fprintf(&b, "%s: %s", p.Path, p.Why)
	}
	if e.More > 0 {
		fmt.Fprintf(&b, "; and %d more", e.More)
	}
	return b.String()
}

// Bounds of what an error tells.
const (
	maxProblems = 5
	maxCounted  = 1000
	maxShown    = 200 // bytes of a path or a reason
)

// problems collects what is wrong, each thing once.
type problems struct {
	first []Problem
	seen  map[Problem]bool
}

func (p *problems) add(path, format string, args ...any) {
	found := Problem{clip(path), clip(fmt.Sprintf(format, args...))}
	if len(p.seen) > maxCounted || p.seen[found] {
		return
	}
	if p.seen == nil {
		p.seen = make(map[Problem]bool)
	}
	p.seen[found] = true
	if len(p.first) < maxProblems {
		p.first = append(p.first, found)
	}
}

// clip returns s as printable UTF-8 of at most maxShown bytes or so.
func clip(s string) string {
	if len(s) > maxShown {
		s = s[:maxShown] + "…"
	}
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return '?'
		}
		return r
	}, strings.ToValidUTF8(s, "?"))
}

func (p *problems) err(prefix cloud.Location) error {
	if len(p.first) == 0 {
		return nil
	}
	return &IncompleteError{Prefix: prefix, Problems: p.first, More: len(p.seen) - len(p.first)}
}
