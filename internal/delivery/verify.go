package delivery

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/vodfleet/vodfleet/internal/cloud"
	"github.com/vodfleet/vodfleet/internal/ledger"
	"github.com/vodfleet/vodfleet/internal/media"
)

// Bounds of one build: a day of two-second segments in ten renditions.
const (
	maxObjects   = 1_000_000
	maxPlaylists = 200       // manifests of one build
	maxRead      = 128 << 20 // bytes of manifests of one build
)

// Verify checks the files of the build below prefix, which the job of spec has
// left: every manifest, and every file that a manifest names, is there, is not
// empty and holds the bytes that are named of it; no manifest leads out of the
// build; playlists have ended, and renditions last equally long. It then writes
// the thumbnails' WebVTT, [media.ThumbnailsFile], and returns what the build
// has. Of a job template's outputs less is known; they need not agree with
// spec, but what their manifests name must be there.
//
// It fails with [*IncompleteError] if something is missing or wrong, and with
// the store's errors. A repeat is safe and gives the same.
func (s *Service) Verify(ctx context.Context, prefix cloud.Location, spec cloud.JobSpec) (ledger.Outputs, error) {
	out, err := s.verify(ctx, prefix, spec)
	if err != nil {
		if _, ok := errors.AsType[*IncompleteError](err); ok {
			return ledger.Outputs{}, err
		}
		return ledger.Outputs{}, fmt.Errorf("verify build %s: %w", prefix, err)
	}
	return out, nil
}

func (s *Service) verify(ctx context.Context, prefix cloud.Location, spec cloud.JobSpec) (ledger.Outputs, error) {
	if !strings.HasSuffix(prefix.Key, "/") {
		return ledger.Outputs{}, errors.New("not a folder")
	}
	c := &check{Service: s, prefix: prefix, loose: spec.Template != "", left: maxRead, playlists: make(map[string]bool)}
	if err := c.list(ctx); err != nil {
		return ledger.Outputs{}, err
	}
	for _, g := range spec.Groups {
		if err := c.group(ctx, g, spec.Template); err != nil {
			return ledger.Outputs{}, err
		}
	}
	if len(c.out.Packages) == 0 {
		c.add("", "nothing that can be played")
	}
	c.agree()
	vtt := c.thumbnails()
	if err := c.err(prefix); err != nil {
		return ledger.Outputs{}, err
	}
	if vtt != nil {
		if err := c.writeThumbnails(ctx, vtt); err != nil {
			return ledger.Outputs{}, err
		}
	}
	return c.out, nil
}

// check is one look at one build.
type check struct {
	*Service
	problems
	prefix cloud.Location
	loose  bool // a template made it: what its manifests say need not agree with the spec
	files  map[string]file
	left   int64 // bytes of manifests that may still be read
	out    ledger.Outputs

	playlists map[string]bool // media playlists by path, each read once
	spans     []span
	presented time.Duration // by MPDs
	images    *media.HLS    // the first image playlist
	imagesAt  string        // its path
}

// file is what the listing tells of one.
type file struct {
	size     int64 // bytes
	archived bool
}

// list reads the names and sizes of all files below the prefix, once.
func (c *check) list(ctx context.Context) error {
	c.files = make(map[string]file)
	for o, err := range c.store.List(ctx, c.prefix, "") {
		if err != nil {
			return err
		}
		path := strings.TrimPrefix(o.Key, c.prefix.Key)
		c.files[path] = file{o.Size, o.Archived()}
		if path != media.ThumbnailsFile { // ours: an earlier call may have left it
			c.out.Files++
			c.out.Bytes += o.Size
		}
		if len(c.files) > maxObjects {
			c.add("", "more than %d files", maxObjects)
			return c.err(c.prefix)
		}
	}
	return nil
}

// group verifies one output group.
func (c *check) group(ctx context.Context, g cloud.OutputGroup, template string) error {
	p := ledger.Package{Name: g.Package}
	var named segments
	for _, e := range media.Expect(cloud.JobSpec{Template: template, Groups: []cloud.OutputGroup{g}}) {
		var err error
		switch e.Kind {
		case media.KindHLS:
			p.HLS = e.Path
			err = c.hls(ctx, g, e.Path, &p, &named)
		case media.KindDASH:
			p.DASH = e.Path
			err = c.dash(ctx, g, e.Path, &p, &named)
		case media.KindMP4:
			c.has(e.Path, "", 0)
			p.Files = append(p.Files, e.Path)
		case media.KindPoster:
			c.poster(e)
		default:
			c.add(e.Path, "files of kind %s cannot be verified", e.Kind)
		}
		if err != nil {
			return err
		}
	}
	if g.Kind == cloud.GroupCMAF && !c.loose {
		c.same(p, named)
	}
	if len(p.Files) > 0 {
		p.Renditions = declared(g)
	}
	if p.HLS != "" || p.DASH != "" || len(p.Files) > 0 {
		c.out.Packages = append(c.out.Packages, p)
	}
	return nil
}

// declared returns the renditions of a package without a manifest, as its job
// was asked for them. A side that follows from the source's shape is zero.
func declared(g cloud.OutputGroup) []ledger.Rendition {
	var rs []ledger.Rendition
	for _, o := range g.Outputs {
		if o.Capture != nil {
			continue
		}
		var r ledger.Rendition
		if o.Video != nil {
			r = ledger.Rendition{Width: o.Video.Width, Height: o.Video.Height, Bandwidth: o.Video.MaxBitrate}
		}
		if o.Audio != nil {
			r.Bandwidth += o.Audio.Bitrate
		}
		rs = append(rs, r)
	}
	return rs
}

// has checks that a file is there and holds at least so many bytes. By is the
// manifest that names it, or empty if the job should have left it.
func (c *check) has(path, by string, least int64) bool {
	f, ok := c.files[path]
	named := ""
	if by != "" {
		named = ", named by " + by
	}
	switch {
	case !ok:
		c.add(path, "missing%s", named)
	case f.size == 0:
		c.add(path, "empty%s", named)
	case f.size < least:
		c.add(path, "has %d bytes, and %s names a part that ends at %d", f.size, by, least)
	case f.archived:
		c.add(path, "archived: viewers cannot get it")
	default:
		return true
	}
	return false
}

// resolve returns the file that a manifest names, if it is in the build.
func (c *check) resolve(manifest, uri string) (string, bool) {
	path, err := media.Resolve(manifest, uri)
	if e, ok := errors.AsType[*media.URIError](err); ok {
		c.add(manifest, "URI %q: %s", e.URI, e.Why)
	} else if err != nil {
		c.add(manifest, "%v", err)
	}
	return path, err == nil
}

// follow checks a file that a manifest names and returns its path, or "".
func (c *check) follow(manifest string, r media.Ref) string {
	path, ok := c.resolve(manifest, r.URI)
	if !ok {
		return ""
	}
	if _, there := c.files[path]; !there && r.Optional {
		return ""
	}
	c.has(path, manifest, r.Range.End())
	return path
}

// fetch reads a manifest. Ok is false if there is a problem with it.
func (c *check) fetch(ctx context.Context, path, by string) (body []byte, ok bool, err error) {
	if !c.has(path, by, 0) {
		return nil, false, nil
	}
	size := c.files[path].size
	if size > media.MaxManifest {
		c.add(path, "%d bytes, limit %d", size, media.MaxManifest)
		return nil, false, nil
	}
	if c.left -= size; c.left < 0 {
		c.add(path, "with it, manifests have more than %d bytes", maxRead)
		return nil, false, nil
	}
	body, _, err = c.store.Get(ctx, c.prefix.Join(path), media.MaxManifest)
	switch {
	case errors.Is(err, cloud.ErrNotFound), errors.Is(err, cloud.ErrInvalid):
		c.add(path, "%v", err) // it has changed since it was listed
		return nil, false, nil
	case err != nil:
		return nil, false, err
	}
	return body, true, nil
}

// span is how long one rendition lasts.
type span struct {
	class    string // renditions of one class last equally long
	path     string // of what declares it
	name     string // of the rendition within that, or empty
	duration time.Duration
	whole    bool // of the whole video; else of a period
}

// Classes of spans.
const (
	picture = "picture"
	sound   = "sound"
)

// tolerance is by how much renditions of one class may differ: they end with
// different frames. A segment that is cut off lasts longer.
const tolerance = time.Second

// agree compares the spans of each class: what is shorter than another is
// truncated. Sound and picture may differ, as they may in the source.
func (c *check) agree() {
	longest := make(map[string]span)
	for _, s := range c.spans {
		if s.duration > longest[s.class].duration {
			longest[s.class] = s
		}
	}
	for _, s := range c.spans {
		if l := longest[s.class]; l.duration-s.duration > tolerance {
			c.add(s.path, "%slasts %v and %s lasts %v", s.name, s.duration, l.path, l.duration)
		}
	}
}

// duration is what viewers get to see, or hear where there is no picture; zero
// if no manifest tells it.
func (c *check) duration() time.Duration {
	for _, class := range []string{picture, sound} {
		var d time.Duration
		for _, s := range c.spans {
			if s.whole && strings.HasPrefix(s.class, class) {
				d = max(d, s.duration)
			}
		}
		if d > 0 {
			return d
		}
	}
	return c.presented
}

// renditions returns variants as the ledger keeps them, the best first.
func renditions(variants []media.Variant) []ledger.Rendition {
	var rs []ledger.Rendition
	for _, v := range variants {
		r := ledger.Rendition{Width: v.Width, Height: v.Height, Bandwidth: v.Bandwidth, Codecs: v.Codecs, FrameRate: v.FrameRate}
		if len(rs) < maxPlaylists && !slices.Contains(rs, r) {
			rs = append(rs, r)
		}
	}
	slices.SortStableFunc(rs, func(a, b ledger.Rendition) int {
		return cmp.Or(cmp.Compare(b.Width*b.Height, a.Width*a.Height), cmp.Compare(b.Bandwidth, a.Bandwidth))
	})
	return rs
}
