package delivery

import (
	"context"
	"fmt"
	"strconv"

	"github.com/vodfleet/vodfleet/internal/cloud"
	"github.com/vodfleet/vodfleet/internal/ledger"
	"github.com/vodfleet/vodfleet/internal/media"
)

// dash verifies an MPD and the files that it names.
func (c *check) dash(ctx context.Context, g cloud.OutputGroup, path string, p *ledger.Package, named *segments) error {
	body, ok, err := c.fetch(ctx, path, "")
	if !ok || err != nil {
		return err
	}
	mpd, err := media.ParseMPD(body)
	switch {
	case err != nil:
		c.add(path, "%v", err)
		return nil
	case mpd.Dynamic:
		c.add(path, "a live manifest (type dynamic)")
		return nil
	}
	c.kept.keep(c.prefix.Join(path), body)
	c.presented = max(c.presented, mpd.Duration)
	playable := make(map[string]bool) // representations, once over all periods
	for _, t := range mpd.Tracks {
		if len(t.Files) == 0 {
			c.add(path, "representation %s: no segments", clip(t.ID))
		}
		plays := !t.Trick && (t.Kind == media.TrackVideo || t.Kind == media.TrackAudio)
		shown := len(t.Files)
		if t.Kind == media.TrackImage {
			shown = c.pictured(path, t.Files)
		}
		for i, r := range t.Files {
			r.Optional = r.Optional || i >= shown
			file := c.follow(path, r)
			if plays && file != "" {
				named.byDASH(file, !r.Optional)
			}
		}
		if plays {
			playable[strconv.Quote(t.ID)+string(t.Kind)] = true
			c.spans = append(c.spans, span{
				class: dashClass(t.Kind, path, t.Period), path: path,
				name: fmt.Sprintf("representation %s ", clip(t.ID)), duration: t.Duration,
			})
		}
	}
	if len(playable) == 0 {
		c.add(path, "nothing to play")
	}
	c.enough(g, path, len(playable))
	if len(p.Renditions) == 0 {
		p.Renditions = renditions(mpd.Variants())
	}
	return nil
}

// pictured returns how many of a track's images have to be there: those up to
// the last that is, at least one. They are counted over the whole period, which
// sound may outlast the picture in; whether images show the whole picture is
// known from their playlist.
func (c *check) pictured(path string, images []media.Ref) int {
	for i := len(images) - 1; i > 0; i-- {
		file, err := media.Resolve(path, images[i].URI)
		if _, ok := c.files[file]; err == nil && ok {
			return i + 1
		}
	}
	return 1
}

// dashClass is the class of the tracks of one period. They are not compared
// with playlists: where segments are counted, a track lasts as its period does.
func dashClass(kind media.TrackKind, path string, period int) string {
	class := picture
	if kind == media.TrackAudio {
		class = sound
	}
	return fmt.Sprintf("%s of %s period %d", class, path, period)
}

// segments are the files of picture and sound that a package's two manifests
// name; true for those that the other manifest must name as well.
type segments struct{ hls, dash map[string]bool }

func (s *segments) byHLS(path string, must bool) {
	if s.hls == nil {
		s.hls = make(map[string]bool)
	}
	s.hls[path] = s.hls[path] || must
}

func (s *segments) byDASH(path string, must bool) {
	if s.dash == nil {
		s.dash = make(map[string]bool)
	}
	s.dash[path] = s.dash[path] || must
}

// same checks that the manifests of a CMAF package name the same segments: so a
// rendition that one of them truncates is found even if there is no other to
// compare it with. Whether there is a last segment may be rounding.
func (c *check) same(p ledger.Package, named segments) {
	if named.hls == nil || named.dash == nil {
		return // there is a problem already
	}
	if path := lacks(named.dash, named.hls); path != "" {
		c.add(p.DASH, "does not name %s, and the playlists of %s do", path, p.HLS)
	}
	if path := lacks(named.hls, named.dash); path != "" {
		c.add(p.HLS, "its playlists do not name %s, and %s does", path, p.DASH)
	}
}

// lacks returns the first path that must be in have, as it is in other.
func lacks(have, other map[string]bool) string {
	first := ""
	for path, must := range other {
		if _, ok := have[path]; !ok && must && (first == "" || path < first) {
			first = path
		}
	}
	return first
}
