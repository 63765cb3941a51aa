package delivery

import (
	"context"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/vodfleet/vodfleet/internal/cloud"
	"github.com/vodfleet/vodfleet/internal/ledger"
	"github.com/vodfleet/vodfleet/internal/media"
)

// hls verifies a multivariant playlist and all that it leads to.
func (c *check) hls(ctx context.Context, g cloud.OutputGroup, path string, p *ledger.Package, named *segments) error {
	list, err := c.playlist(ctx, path, "")
	if list == nil || err != nil {
		return err
	}
	if !list.Multivariant {
		c.add(path, "not a multivariant playlist")
		return nil
	}
	for _, r := range list.Others {
		c.follow(path, r)
	}
	var variants []media.Variant
	var playable []string // paths of playlists of picture or sound
	for _, l := range list.Playlists {
		child, ok := c.resolve(path, l.URI)
		if !ok {
			continue
		}
		if l.Kind == media.KindVariant {
			variants = append(variants, l.Variant)
		}
		switch l.Kind {
		case media.KindVariant, media.KindAudio, media.KindVideo:
			if !slices.Contains(playable, child) {
				playable = append(playable, child)
			}
		}
		if c.playlists[child] {
			continue
		}
		if len(c.playlists) == maxPlaylists {
			c.add(path, "names more than %d playlists", maxPlaylists)
			break
		}
		if err := c.media(ctx, child, path, l, g, named); err != nil {
			return err
		}
	}
	if len(variants) == 0 {
		c.add(path, "names no variant")
	}
	c.enough(g, path, len(playable))
	if g.Tiles != nil && !c.loose && !slices.ContainsFunc(list.Playlists, showsImages) {
		c.add(path, "names no image playlist, and the job makes one")
	}
	p.Renditions = renditions(variants)
	return nil
}

func showsImages(l media.Playlist) bool { return l.Kind == media.KindImages }

// enough checks that a manifest has all the renditions that the job makes.
func (c *check) enough(g cloud.OutputGroup, path string, have int) {
	want := 0
	for _, o := range g.Outputs {
		if o.Video != nil || o.Audio != nil {
			want++
		}
	}
	if have < want && !c.loose {
		c.add(path, "names %d renditions, and the job makes %d", have, want)
	}
}

// media verifies a media playlist that the multivariant playlist by names as l.
func (c *check) media(ctx context.Context, path, by string, l media.Playlist, g cloud.OutputGroup, named *segments) error {
	c.playlists[path] = true
	list, err := c.playlist(ctx, path, by)
	if list == nil || err != nil {
		return err
	}
	switch {
	case list.Multivariant:
		c.add(path, "a multivariant playlist, named by another")
		return nil
	case len(list.Segments) == 0:
		c.add(path, "no segments")
		return nil
	case !list.Ended && l.Kind != media.KindImages:
		c.add(path, "not ended: no EXT-X-ENDLIST")
	}
	playable := l.Kind == media.KindVariant || l.Kind == media.KindAudio
	for _, r := range list.Others {
		if file := c.follow(path, r); playable && file != "" {
			named.byHLS(file, false)
		}
	}
	for i, s := range list.Segments {
		file := c.follow(path, media.Ref{URI: s.URI, Range: s.Range})
		if playable && file != "" {
			named.byHLS(file, i < len(list.Segments)-1)
		}
	}
	if class := classOf(l); class != "" {
		if c.loose { // its packages need not be of one kind
			class += " of " + g.Package
		}
		c.spans = append(c.spans, span{class: class, path: path, duration: list.Duration, whole: true})
	}
	if l.Kind == media.KindImages && c.images == nil {
		c.images, c.imagesAt = list, path
		if g.Tiles != nil {
			*c.images = list.PerThumbnail(*g.Tiles)
		}
	}
	return nil
}

// classOf tells with what a playlist has to agree.
func classOf(l media.Playlist) string {
	switch l.Kind {
	case media.KindVariant:
		if hasPicture(l.Variant) {
			return picture
		}
		return sound
	case media.KindVideo, media.KindIFrames:
		return picture
	case media.KindAudio:
		return sound
	}
	return ""
}

// hasPicture reports whether a variant is more than sound, as far as it tells.
func hasPicture(v media.Variant) bool {
	if v.Width > 0 {
		return true
	}
	for codec := range strings.SplitSeq(v.Codecs, ",") {
		switch name, _, _ := strings.Cut(strings.TrimSpace(codec), "."); name {
		case "avc1", "avc3", "hvc1", "hev1", "dvh1", "dvhe", "av01", "vp09":
			return true
		}
	}
	return false
}

// playlist reads a playlist. It is nil if there is a problem with it.
func (c *check) playlist(ctx context.Context, path, by string) (*media.HLS, error) {
	body, ok, err := c.fetch(ctx, path, by)
	if !ok || err != nil {
		return nil, err
	}
	if !utf8.Valid(body) { // RFC 8216, section 4.1
		c.add(path, "not UTF-8")
		return nil, nil
	}
	list, err := media.ParseHLS(body)
	if err != nil {
		c.add(path, "%v", err)
		return nil, nil
	}
	if list.Multivariant {
		c.kept.keep(c.prefix.Join(path), body)
	}
	return &list, nil
}
