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
	looks  int   // reads of parts of files so far
	peeked int64 // bytes of them
	out    ledger.Outputs

	playlists map[string]bool // media playlists by path, each read once
	spans     []span
	presented time.Duration // by MPDs
	images    *media.HLS    // the first image playlist
	imagesAt  string        // its path
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
		case media.KindSmooth:
			err = c.smooth(ctx, g, e.Path, &p)
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
	if p.HLS != "" || p.DASH != "" || p.Smooth != "" || len(p.Files) > 0 {
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
