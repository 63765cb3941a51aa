package awscloud

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/mediaconvert"
	"github.com/aws/aws-sdk-go-v2/service/mediaconvert/types"
	"github.com/vodfleet/vodfleet/internal/cloud"
)

// Templates are read again after a while, so that a library of videos costs
// one GetJobTemplate now and then and not one a job.
const (
	templateLife = 5 * time.Minute
	maxTemplates = 64
)

// Template implements [cloud.Transcoder].
func (t *transcoder) Template(ctx context.Context, name string) (cloud.JobSpec, error) {
	tpl, err := t.template(ctx, name, 0)
	if err != nil {
		return cloud.JobSpec{}, err
	}
	spec := cloud.JobSpec{Template: name}
	for i, g := range tpl.OutputGroups {
		group, err := readGroup(g)
		if err != nil {
			return cloud.JobSpec{}, invalid("GetJobTemplate", "template "+name, fmt.Errorf("output group %d: %w", i+1, err))
		}
		spec.Groups = append(spec.Groups, group)
	}
	if len(spec.Groups) == 0 {
		return cloud.JobSpec{}, invalid("GetJobTemplate", "template "+name, errors.New("no output group"))
	}
	return spec, nil
}

// template reads a job template, unless it was read within life.
func (t *transcoder) template(ctx context.Context, name string, life time.Duration) (*types.JobTemplateSettings, error) {
	const op = "GetJobTemplate"
	object := "template " + name
	t.mu.Lock()
	known, ok := t.templates[name]
	t.mu.Unlock()
	if ok && time.Since(known.read) < life {
		return known.settings, nil
	}
	if name == "" {
		return nil, &cloud.Error{Op: op, Object: object, Kind: cloud.ErrNotFound, Message: "no name"}
	}
	out, err := call(ctx, callTime, op, object, func(ctx context.Context) (*mediaconvert.GetJobTemplateOutput, error) {
		return t.api.GetJobTemplate(ctx, &mediaconvert.GetJobTemplateInput{Name: &name})
	})
	if err != nil {
		return nil, err
	}
	if out.JobTemplate == nil || out.JobTemplate.Settings == nil {
		return nil, &cloud.Error{Op: op, Object: object, Kind: cloud.ErrUnavailable, Message: "an answer without a template"}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.templates == nil || len(t.templates) >= maxTemplates {
		t.templates = map[string]template{}
	}
	t.templates[name] = template{out.JobTemplate.Settings, time.Now()}
	return out.JobTemplate.Settings, nil
}

// fromTemplate is the template's settings with the source and the destinations
// of s. The request bears them whole, beside the template's name: MediaConvert
// lays a request's settings over the template's, and how lists of them come
// together is nowhere promised. Nothing that tpl points at is changed.
func fromTemplate(s cloud.JobSpec, tpl *types.JobTemplateSettings) (*types.JobSettings, error) {
	if err := fits(s, tpl); err != nil {
		return nil, err
	}
	settings := new(types.JobSettings)
	sameFields(settings, tpl)
	own := inputOf(s)
	input := own
	if len(tpl.Inputs) > 0 {
		sameFields(&input, &tpl.Inputs[0])
	}
	if len(input.AudioSelectors) == 0 && len(input.AudioSelectorGroups) == 0 && len(input.DynamicAudioSelectors) == 0 {
		input.AudioSelectors = own.AudioSelectors
	}
	if input.VideoSelector == nil {
		input.VideoSelector = own.VideoSelector
	}
	settings.Inputs, settings.OutputGroups = []types.Input{input}, nil
	for i, g := range tpl.OutputGroups {
		g.OutputGroupSettings = placed(*g.OutputGroupSettings, destination(s.Groups[i].Destination))
		settings.OutputGroups = append(settings.OutputGroups, g)
	}
	return settings, nil
}

// sameFields sets dst's fields to those of src with the same name and type;
// both point at structs. A template's shapes are a job's with less in them.
func sameFields(dst, src any) {
	to, from := reflect.ValueOf(dst).Elem(), reflect.ValueOf(src).Elem()
	for i := range from.NumField() {
		f := from.Type().Field(i)
		if at := to.FieldByName(f.Name); f.IsExported() && at.IsValid() && at.Type() == f.Type {
			at.Set(from.Field(i))
		}
	}
}

// placed is a group's settings with a destination.
func placed(s types.OutputGroupSettings, at *string) *types.OutputGroupSettings {
	switch {
	case s.CmafGroupSettings != nil:
		g := *s.CmafGroupSettings
		g.Destination, s.CmafGroupSettings = at, &g
	case s.HlsGroupSettings != nil:
		g := *s.HlsGroupSettings
		g.Destination, s.HlsGroupSettings = at, &g
	case s.DashIsoGroupSettings != nil:
		g := *s.DashIsoGroupSettings
		g.Destination, s.DashIsoGroupSettings = at, &g
	case s.MsSmoothGroupSettings != nil:
		g := *s.MsSmoothGroupSettings
		g.Destination, s.MsSmoothGroupSettings = at, &g
	case s.FileGroupSettings != nil:
		g := *s.FileGroupSettings
		g.Destination, s.FileGroupSettings = at, &g
	}
	return &s
}

// kindOfGroup is empty for what has no settings of its type.
func kindOfGroup(s *types.OutputGroupSettings) cloud.GroupKind {
	switch {
	case s == nil:
	case s.Type == types.OutputGroupTypeCmafGroupSettings && s.CmafGroupSettings != nil:
		return cloud.GroupCMAF
	case s.Type == types.OutputGroupTypeHlsGroupSettings && s.HlsGroupSettings != nil:
		return cloud.GroupHLS
	case s.Type == types.OutputGroupTypeDashIsoGroupSettings && s.DashIsoGroupSettings != nil:
		return cloud.GroupDASH
	case s.Type == types.OutputGroupTypeMsSmoothGroupSettings && s.MsSmoothGroupSettings != nil:
		return cloud.GroupSmooth
	case s.Type == types.OutputGroupTypeFileGroupSettings && s.FileGroupSettings != nil:
		return cloud.GroupFile
	}
	return ""
}

// readGroup reads a template's group. It fails if the group's files could not
// be foretold or played.
func readGroup(g types.OutputGroup) (cloud.OutputGroup, error) {
	out := cloud.OutputGroup{Kind: kindOfGroup(g.OutputGroupSettings)}
	if out.Kind == "" {
		return out, errors.New("no settings of its type")
	}
	if err := readSettings(&out, g.OutputGroupSettings); err != nil {
		return out, err
	}
	for i, o := range g.Outputs {
		read, err := readOutput(out.Kind, o)
		if err != nil {
			return out, fmt.Errorf("output %d: %w", i+1, err)
		}
		out.Outputs = append(out.Outputs, read)
	}
	return out, nil
}

func readSettings(out *cloud.OutputGroup, s *types.OutputGroupSettings) error {
	switch out.Kind {
	case cloud.GroupCMAF:
		c := s.CmafGroupSettings
		if c.WriteHlsManifest == types.CmafWriteHLSManifestDisabled || c.WriteDashManifest == types.CmafWriteDASHManifestDisabled {
			return errors.New("without one of its two manifests: HLS and DASH are both published")
		}
		if c.ManifestCompression == types.CmafManifestCompressionGzip {
			return errors.New("compressed manifests cannot be read")
		}
		out.Segment, out.Fragment = lasting(c.SegmentLength), lasting(c.FragmentLength)
		if t := c.ImageBasedTrickPlaySettings; t != nil && c.ImageBasedTrickPlay == types.CmafImageBasedTrickPlayAdvanced {
			out.Tiles = readTiles(t.ThumbnailInterval, t.ThumbnailWidth, t.TileWidth, t.TileHeight)
		}
	case cloud.GroupHLS:
		h := s.HlsGroupSettings
		switch {
		case h.OutputSelection == types.HlsOutputSelectionSegmentsOnly:
			return errors.New("segments without a playlist")
		case h.ManifestCompression == types.HlsManifestCompressionGzip:
			return errors.New("compressed playlists cannot be read")
		}
		out.Segment = lasting(h.SegmentLength)
		if t := h.ImageBasedTrickPlaySettings; t != nil && h.ImageBasedTrickPlay == types.HlsImageBasedTrickPlayAdvanced {
			out.Tiles = readTiles(t.ThumbnailInterval, t.ThumbnailWidth, t.TileWidth, t.TileHeight)
		}
	case cloud.GroupDASH:
		out.Segment, out.Fragment = lasting(s.DashIsoGroupSettings.SegmentLength), lasting(s.DashIsoGroupSettings.FragmentLength)
	case cloud.GroupSmooth:
		out.Fragment = lasting(s.MsSmoothGroupSettings.FragmentLength)
	}
	return nil
}

func lasting(s *int32) time.Duration { return time.Duration(aws.ToInt32(s)) * time.Second }

func readTiles(every *float64, width, columns, rows *int32) *cloud.Tiles {
	return &cloud.Tiles{
		Every: seconds(every), Width: int(aws.ToInt32(width)),
		Columns: max(1, int(aws.ToInt32(columns))), Rows: max(1, int(aws.ToInt32(rows))),
	}
}

// extensions of files that are published as one, and of captures.
var extensions = map[types.ContainerType]string{types.ContainerTypeMp4: "mp4", types.ContainerTypeRaw: "jpg"}

func readOutput(kind cloud.GroupKind, o types.Output) (cloud.Output, error) {
	out := cloud.Output{NameModifier: aws.ToString(o.NameModifier)}
	if preset := aws.ToString(o.Preset); preset != "" {
		return out, fmt.Errorf("preset %q: what it makes is not told; put its settings into the template", preset)
	}
	if len(o.AudioDescriptions) > 0 {
		out.Audio = readAudio(o.AudioDescriptions[0])
	}
	if v := o.VideoDescription; v != nil {
		if v.CodecSettings != nil && v.CodecSettings.Codec == types.VideoCodecFrameCapture {
			out.Capture = readCapture(v)
		} else {
			out.Video = readVideo(v)
		}
	}
	if kind != cloud.GroupFile {
		return out, nil
	}
	container := types.ContainerType("")
	if o.ContainerSettings != nil {
		container = o.ContainerSettings.Container
	}
	want, ok := extensions[container]
	switch {
	case !ok || (container == types.ContainerTypeRaw) != (out.Capture != nil):
		return out, fmt.Errorf("container %q: want MP4, or RAW for frame captures", container)
	case o.Extension != nil && *o.Extension != "" && *o.Extension != want:
		return out, fmt.Errorf("extension %q: want %q", *o.Extension, want)
	}
	return out, nil
}

func readVideo(v *types.VideoDescription) *cloud.Video {
	video := &cloud.Video{Width: int(aws.ToInt32(v.Width)), Height: int(aws.ToInt32(v.Height))}
	if v.CodecSettings == nil || v.CodecSettings.H264Settings == nil {
		return video
	}
	h := v.CodecSettings.H264Settings
	video.MaxBitrate = int(max(aws.ToInt32(h.MaxBitrate), aws.ToInt32(h.Bitrate)))
	if h.QvbrSettings != nil {
		video.Quality = int(aws.ToInt32(h.QvbrSettings.QvbrQualityLevel))
	}
	if h.GopSizeUnits == types.H264GopSizeUnitsSeconds {
		video.GOP = seconds(h.GopSize)
	}
	video.SinglePass = h.QualityTuningLevel == types.H264QualityTuningLevelSinglePass
	return video
}

func readCapture(v *types.VideoDescription) *cloud.FrameCapture {
	c := &cloud.FrameCapture{Width: int(aws.ToInt32(v.Width)), Height: int(aws.ToInt32(v.Height))}
	if f := v.CodecSettings.FrameCaptureSettings; f != nil {
		c.Max, c.Quality = int(aws.ToInt32(f.MaxCaptures)), int(aws.ToInt32(f.Quality))
		if n := aws.ToInt32(f.FramerateNumerator); n > 0 {
			c.Every = time.Duration(aws.ToInt32(f.FramerateDenominator)) * time.Second / time.Duration(n)
		}
	}
	return c
}

func readAudio(a types.AudioDescription) *cloud.Audio {
	audio := new(cloud.Audio)
	if a.CodecSettings != nil && a.CodecSettings.AacSettings != nil {
		audio.Bitrate = int(aws.ToInt32(a.CodecSettings.AacSettings.Bitrate))
		audio.SampleRate = int(aws.ToInt32(a.CodecSettings.AacSettings.SampleRate))
	}
	return audio
}
