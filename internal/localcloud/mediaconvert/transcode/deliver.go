package transcode

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/vodfleet/vodfleet/internal/localcloud/ffmpeg"
	"github.com/vodfleet/vodfleet/internal/localcloud/mediaconvert/pack"
	"github.com/vodfleet/vodfleet/internal/localcloud/mediaconvert/rules"
	"github.com/vodfleet/vodfleet/internal/localcloud/mediaconvert/settings"
	"github.com/vodfleet/vodfleet/internal/localcloud/objects"
)

// media gives what an encode has made, in the containers that outputs take.
type media interface {
	track(path string) (*pack.Track, error)
	ts(ctx context.Context, tracks []string, seconds int) ([]pack.Piece, error)
	mp4(ctx context.Context, tracks []string) (pack.Body, error)
	ismv(ctx context.Context, tracks []string, video bool, seconds int) (pack.Body, error)
	images(pattern string, first int) ([]pack.Body, error)
}

// deliver packs the groups and writes their files: one group's manifests come
// after all that they name.
func (p *plan) deliver(ctx context.Context, m media, store objects.Store, progress func(float64)) (*Result, error) {
	r := &Result{Warnings: p.warnings}
	for i, g := range p.groups {
		files, err := p.pack(ctx, g, m)
		if err != nil {
			return nil, fmt.Errorf("pack output group %d: %w", i, err)
		}
		done := p.result(g)
		for _, late := range []bool{false, true} {
			for n, f := range files {
				if f.Manifest != late {
					continue
				}
				if err := p.put(ctx, store, g, f); err != nil {
					return nil, err
				}
				uri := "s3://" + g.bucket + "/" + g.folder + f.Name
				if late {
					done.Playlists = append(done.Playlists, uri)
				} else if f.Listed >= 0 {
					done.Outputs[f.Listed].Files = append(done.Outputs[f.Listed].Files, uri)
				}
				progress((float64(i) + float64(n)/float64(len(files))) / float64(len(p.groups)))
			}
		}
		r.Groups = append(r.Groups, done)
	}
	return r, nil
}

func (p *plan) put(ctx context.Context, store objects.Store, g *group, f pack.File) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	key := g.folder + f.Name
	body, err := f.Body.Open()
	if err != nil {
		return fmt.Errorf("read %s: %w", f.Name, err)
	}
	defer body.Close()
	if err := store.Put(ctx, g.bucket, key, f.Type, body, f.Body.Size); err != nil {
		if errors.Is(err, objects.ErrNotFound) {
			return fail(3404, "Unable to write to output file [s3://%s/%s]: [Failed to write data: NoSuchBucket: The specified bucket does not exist]", g.bucket, key)
		}
		return fail(3408, "Unable to write to output file [s3://%s/%s]: [Failed to write data: %v]", g.bucket, key, err)
	}
	return nil
}

// pack makes a group's files.
func (p *plan) pack(ctx context.Context, g *group, m media) ([]pack.File, error) {
	fragment, segment := rules.Lengths(g.OutputGroupSettings.Type, g.s)
	pg := &pack.Group{
		Base: g.base, Length: float64(segment), HLS: g.s.WriteHLSManifest != "DISABLED", DASH: g.s.WriteDASHManifest != "DISABLED",
		Single: g.s.SegmentControl != "SEGMENTED_FILES", // one file is the service's default
	}
	if g.OutputGroupSettings.Type == settings.File {
		return p.packFiles(ctx, g, m)
	}
	for _, o := range g.outputs {
		po, err := p.opened(o, m)
		if err != nil {
			return nil, err
		}
		switch g.OutputGroupSettings.Type {
		case settings.HLS:
			po.Pieces, err = m.ts(ctx, o.tracks(), segment)
		case settings.Smooth:
			po.Whole, err = m.ismv(ctx, o.tracks(), o.video != nil, fragment)
		}
		if err != nil {
			return nil, err
		}
		pg.Outputs = append(pg.Outputs, po)
	}
	switch g.OutputGroupSettings.Type {
	case settings.CMAF:
		return pg.CMAF()
	case settings.HLS:
		return pg.TS()
	case settings.DASH:
		return pg.DASHISO()
	case settings.Smooth:
		return pg.Smooth(g.s.ManifestEncoding == "UTF16")
	}
	return nil, fmt.Errorf("no packager for %s", g.OutputGroupSettings.Type)
}

// tracks lists the mezzanine's files that the output is made of.
func (o *output) tracks() []string {
	var paths []string
	if o.video != nil {
		paths = append(paths, o.video.Path)
	}
	return append(paths, o.audios...)
}

// opened opens what an output is made of.
func (p *plan) opened(o *output, m media) (pack.Output, error) {
	po := pack.Output{Modifier: o.modifier}
	var err error
	if o.video != nil {
		if po.Video, err = m.track(o.video.Path); err != nil {
			return po, err
		}
		po.Video.FrameRate, po.Video.SAR = p.frameRate(o.video), o.video.Picture.SAR
		po.Video.Bitrate = max(o.video.Bitrate, o.video.Max)
	}
	if len(o.audios) > 0 {
		if po.Audio, err = m.track(o.audios[0]); err != nil {
			return po, err
		}
		po.Audio.Language = o.languages[0]
		po.Stream = o.AudioDescriptions[0].StreamName
	}
	names := o.OutputSettings.HLS
	if c := o.ContainerSettings; c != nil && c.Container == "CMFC" {
		names = c.CMFC
	}
	po.AudioGroup, po.TrackType, po.AudioSets = names.AudioGroupID, names.AudioTrackType, split(names.AudioRenditionSets)
	if o.sheet != nil {
		images, err := m.images(o.sheet.Pattern, 1)
		if err != nil {
			return po, err
		}
		s := o.sheet
		po.Sheets = &pack.Sheets{Images: images, Interval: s.Interval, Width: s.Width, Height: s.Height, Columns: s.Columns, Rows: s.Rows, Duration: po.Video.Duration()}
	}
	return po, nil
}

func (p *plan) frameRate(v *ffmpeg.Video) ffmpeg.Rational {
	if v.FrameRate.Num > 0 {
		return v.FrameRate
	}
	return p.media.Video().FrameRate
}

// packFiles makes the files of a file group.
func (p *plan) packFiles(ctx context.Context, g *group, m media) ([]pack.File, error) {
	var files []pack.File
	for i, o := range g.outputs {
		name := g.base + o.modifier
		if o.capture != nil {
			images, err := m.images(o.capture.Pattern, 0)
			if err != nil {
				return nil, err
			}
			for n, b := range images {
				f := pack.File{Name: fmt.Sprintf("%s.%07d.%s", name, n, orExtension(o, "jpg")), Type: "image/jpeg", Body: b, Listed: -1}
				if n == len(images)-1 {
					f.Listed = i
				}
				files = append(files, f)
			}
			continue
		}
		b, err := m.mp4(ctx, o.tracks())
		if err != nil {
			return nil, err
		}
		kind := "video/mp4"
		if o.video == nil {
			kind = "audio/mp4"
		}
		files = append(files, pack.File{Name: name + "." + orExtension(o, "mp4"), Type: kind, Body: b, Listed: i})
	}
	return files, nil
}

func orExtension(o *output, usual string) string {
	if o.Extension != "" {
		return o.Extension
	}
	return usual
}

// result is what the API tells of a group that is done.
func (p *plan) result(g *group) GroupResult {
	var r GroupResult
	for _, o := range g.outputs {
		d := OutputResult{Duration: time.Duration(math.Round(p.media.Duration*1000)) * time.Millisecond}
		switch {
		case o.video != nil:
			d.Width, d.Height = o.video.Picture.Width, o.video.Picture.Height
		case o.capture != nil:
			d.Width, d.Height = o.capture.Picture.Width, o.capture.Picture.Height
		}
		r.Outputs = append(r.Outputs, d)
	}
	return r
}

// split reads a comma-separated list; nil for an empty one.
func split(list string) []string {
	if list == "" {
		return nil
	}
	return strings.Split(list, ",")
}
