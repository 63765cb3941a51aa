package awscloud

import (
	"fmt"
	"maps"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/mediaconvert"
	"github.com/aws/aws-sdk-go-v2/service/mediaconvert/types"
	"github.com/vodfleet/vodfleet/internal/cloud"
)

// What is the same in every job:
//
//   - The frame rate, the pixels' shape and the rotation are the source's.
//   - H.264 by QVBR in one high-quality pass. SINGLE_PASS_HQ is the lowest
//     level that goes with QVBR, in the basic price tier; MULTI_PASS_HQ would
//     be billed by the professional one.
//   - GOPs have whole seconds and are closed. Of 23.976 frames a second one of
//     2 s has 48 frames, 2.002 s: so segments end with the GOP that fills them
//     (GOP_MULTIPLE), not in the middle of one, and manifests tell segments'
//     lengths one by one, not rounded.
//   - AAC-LC in stereo of one audio track, no captions, no timed metadata.
//
// Sources: the API reference of each setting, and "Configuring QVBR" and
// "Setting the fragment length" in the MediaConvert user guide.

const audioSelector = "Audio Selector 1" // MediaConvert's name for the first

// createJob is the request for a job. tpl is the template that r names, nil
// if it names none. It fails if the template does not fit r.
func createJob(r cloud.JobRequest, tpl *types.JobTemplateSettings) (*mediaconvert.CreateJobInput, error) {
	in := &mediaconvert.CreateJobInput{
		ClientRequestToken:   &r.Token,
		Role:                 &r.Role,
		Queue:                optional(r.Queue),
		Priority:             aws.Int32(int32(r.Priority)),
		UserMetadata:         maps.Clone(r.Metadata),
		JobTemplate:          optional(r.Spec.Template),
		StatusUpdateInterval: types.StatusUpdateIntervalSeconds60,
		AccelerationSettings: &types.AccelerationSettings{Mode: types.AccelerationModeDisabled},
	}
	if r.Spec.Accelerate {
		in.AccelerationSettings.Mode = types.AccelerationModePreferred // not at all where the source or a setting forbids it
	}
	if tpl != nil {
		settings, err := fromTemplate(r.Spec, tpl)
		in.Settings = settings
		return in, err
	}
	in.Settings = &types.JobSettings{
		Inputs:         []types.Input{inputOf(r.Spec)},
		TimecodeConfig: &types.TimecodeConfig{Source: types.TimecodeSourceZerobased},
	}
	for _, g := range r.Spec.Groups {
		in.Settings.OutputGroups = append(in.Settings.OutputGroups, groupOf(g))
	}
	return in, nil
}

func inputOf(s cloud.JobSpec) types.Input {
	in := types.Input{
		FileInput:      new(s.Input.String()), // the key as it is
		TimecodeSource: types.InputTimecodeSourceZerobased,
		VideoSelector:  &types.VideoSelector{Rotate: types.InputRotateAuto},
	}
	if s.Audio > 0 {
		in.AudioSelectors = map[string]types.AudioSelector{audioSelector: {
			DefaultSelection: types.AudioDefaultSelectionDefault,
			SelectorType:     types.AudioSelectorTypeTrack,
			Tracks:           []int32{int32(s.Audio)},
		}}
	}
	return in
}

// destination writes a location as MediaConvert reads destinations: in them a
// dollar sign begins a variable, and two are one.
func destination(at cloud.Location) *string {
	return new("s3://" + at.Bucket + "/" + strings.ReplaceAll(at.Key, "$", "$$"))
}

func groupOf(g cloud.OutputGroup) types.OutputGroup {
	out := types.OutputGroup{CustomName: optional(g.Package)}
	pictures := false
	for _, o := range g.Outputs {
		pictures = pictures || o.Video != nil
	}
	switch g.Kind {
	case cloud.GroupCMAF:
		out.Name, out.OutputGroupSettings = new("CMAF"), cmaf(g, pictures)
	case cloud.GroupHLS:
		out.Name, out.OutputGroupSettings = new("Apple HLS"), hls(g, pictures)
	case cloud.GroupDASH:
		out.Name, out.OutputGroupSettings = new("DASH ISO"), dash(g, pictures)
	case cloud.GroupSmooth:
		out.Name, out.OutputGroupSettings = new("MS Smooth"), smooth(g, pictures)
	case cloud.GroupFile:
		out.Name, out.OutputGroupSettings = new("File Group"), &types.OutputGroupSettings{
			Type:              types.OutputGroupTypeFileGroupSettings,
			FileGroupSettings: &types.FileGroupSettings{Destination: destination(g.Destination)},
		}
	}
	for _, o := range g.Outputs {
		out.Outputs = append(out.Outputs, outputOf(g, o, pictures))
	}
	return out
}

func cmaf(g cloud.OutputGroup, pictures bool) *types.OutputGroupSettings {
	s := &types.CmafGroupSettings{
		Destination:                          destination(g.Destination),
		SegmentLength:                        whole(g.Segment),
		FragmentLength:                       whole(g.Fragment),
		SegmentControl:                       types.CmafSegmentControlSegmentedFiles,
		WriteHlsManifest:                     types.CmafWriteHLSManifestEnabled,
		WriteDashManifest:                    types.CmafWriteDASHManifestEnabled,
		WriteSegmentTimelineInRepresentation: types.CmafWriteSegmentTimelineInRepresentationEnabled,
		MpdProfile:                           types.CmafMpdProfileMainProfile,
		ManifestCompression:                  types.CmafManifestCompressionNone,
		ManifestDurationFormat:               types.CmafManifestDurationFormatFloatingPoint,
		StreamInfResolution:                  types.CmafStreamInfResolutionInclude,
		TargetDurationCompatibilityMode:      types.CmafTargetDurationCompatibilityModeSpecCompliant,
	}
	if pictures {
		s.SegmentLengthControl = types.CmafSegmentLengthControlGopMultiple
	}
	if t := g.Tiles; t != nil {
		s.ImageBasedTrickPlay = types.CmafImageBasedTrickPlayAdvanced
		s.ImageBasedTrickPlaySettings = &types.CmafImageBasedTrickPlaySettings{
			IntervalCadence: types.CmafIntervalCadenceFollowCustom, ThumbnailInterval: aws.Float64(t.Every.Seconds()),
			ThumbnailWidth: aws.Int32(int32(t.Width)), TileWidth: aws.Int32(int32(t.Columns)), TileHeight: aws.Int32(int32(t.Rows)),
		}
	}
	return &types.OutputGroupSettings{Type: types.OutputGroupTypeCmafGroupSettings, CmafGroupSettings: s}
}

func hls(g cloud.OutputGroup, pictures bool) *types.OutputGroupSettings {
	s := &types.HlsGroupSettings{
		Destination:                     destination(g.Destination),
		SegmentLength:                   whole(g.Segment),
		MinSegmentLength:                aws.Int32(0),
		SegmentControl:                  types.HlsSegmentControlSegmentedFiles,
		DirectoryStructure:              types.HlsDirectoryStructureSingleDirectory,
		OutputSelection:                 types.HlsOutputSelectionManifestsAndSegments,
		ManifestCompression:             types.HlsManifestCompressionNone,
		ManifestDurationFormat:          types.HlsManifestDurationFormatFloatingPoint,
		StreamInfResolution:             types.HlsStreamInfResolutionInclude,
		TargetDurationCompatibilityMode: types.HlsTargetDurationCompatibilityModeSpecCompliant,
	}
	if pictures {
		s.SegmentLengthControl = types.HlsSegmentLengthControlGopMultiple
	}
	if t := g.Tiles; t != nil {
		s.ImageBasedTrickPlay = types.HlsImageBasedTrickPlayAdvanced
		s.ImageBasedTrickPlaySettings = &types.HlsImageBasedTrickPlaySettings{
			IntervalCadence: types.HlsIntervalCadenceFollowCustom, ThumbnailInterval: aws.Float64(t.Every.Seconds()),
			ThumbnailWidth: aws.Int32(int32(t.Width)), TileWidth: aws.Int32(int32(t.Columns)), TileHeight: aws.Int32(int32(t.Rows)),
		}
	}
	return &types.OutputGroupSettings{Type: types.OutputGroupTypeHlsGroupSettings, HlsGroupSettings: s}
}

func dash(g cloud.OutputGroup, pictures bool) *types.OutputGroupSettings {
	s := &types.DashIsoGroupSettings{
		Destination:                          destination(g.Destination),
		SegmentLength:                        whole(g.Segment),
		FragmentLength:                       whole(g.Fragment),
		SegmentControl:                       types.DashIsoSegmentControlSegmentedFiles,
		WriteSegmentTimelineInRepresentation: types.DashIsoWriteSegmentTimelineInRepresentationEnabled,
		MpdProfile:                           types.DashIsoMpdProfileMainProfile,
	}
	if pictures {
		s.SegmentLengthControl = types.DashIsoSegmentLengthControlGopMultiple
	}
	return &types.OutputGroupSettings{Type: types.OutputGroupTypeDashIsoGroupSettings, DashIsoGroupSettings: s}
}

func smooth(g cloud.OutputGroup, pictures bool) *types.OutputGroupSettings {
	s := &types.MsSmoothGroupSettings{
		Destination:        destination(g.Destination),
		FragmentLength:     whole(g.Fragment),
		ManifestEncoding:   types.MsSmoothManifestEncodingUtf8,
		AudioDeduplication: types.MsSmoothAudioDeduplicationCombineDuplicateStreams,
	}
	if pictures {
		s.FragmentLengthControl = types.MsSmoothFragmentLengthControlGopMultiple
	}
	return &types.OutputGroupSettings{Type: types.OutputGroupTypeMsSmoothGroupSettings, MsSmoothGroupSettings: s}
}

func outputOf(g cloud.OutputGroup, o cloud.Output, pictures bool) types.Output {
	out := types.Output{NameModifier: optional(o.NameModifier), ContainerSettings: containerOf(g.Kind, o, pictures)}
	switch {
	case o.Capture != nil:
		out.VideoDescription = captureOf(*o.Capture)
	case o.Video != nil:
		out.VideoDescription = videoOf(*o.Video)
	}
	if o.Audio != nil {
		out.AudioDescriptions = []types.AudioDescription{audioOf(*o.Audio)}
	}
	if g.Kind == cloud.GroupHLS && o.Video == nil { // transport streams as all others
		out.OutputSettings = &types.OutputSettings{HlsSettings: &types.HlsSettings{AudioOnlyContainer: types.HlsAudioOnlyContainerM2ts}}
		if !pictures {
			out.OutputSettings.HlsSettings.AudioTrackType = types.HlsAudioTrackTypeAudioOnlyVariantStream
		}
	}
	return out
}

func containerOf(kind cloud.GroupKind, o cloud.Output, pictures bool) *types.ContainerSettings {
	switch kind {
	case cloud.GroupCMAF:
		s := &types.CmfcSettings{TimedMetadata: types.CmfcTimedMetadataNone}
		if o.Audio != nil && !pictures { // a playlist of nothing but alternate audio plays nothing
			s.AudioTrackType = types.CmfcAudioTrackTypeAudioOnlyVariantStream
		}
		return &types.ContainerSettings{Container: types.ContainerTypeCmfc, CmfcSettings: s}
	case cloud.GroupHLS:
		return &types.ContainerSettings{Container: types.ContainerTypeM3u8, M3u8Settings: &types.M3u8Settings{TimedMetadata: types.TimedMetadataNone}}
	case cloud.GroupDASH:
		return &types.ContainerSettings{Container: types.ContainerTypeMpd, MpdSettings: &types.MpdSettings{TimedMetadata: types.MpdTimedMetadataNone}}
	case cloud.GroupSmooth:
		return &types.ContainerSettings{Container: types.ContainerTypeIsmv}
	}
	if o.Capture != nil {
		return &types.ContainerSettings{Container: types.ContainerTypeRaw}
	}
	return &types.ContainerSettings{Container: types.ContainerTypeMp4, Mp4Settings: &types.Mp4Settings{MoovPlacement: types.Mp4MoovPlacementProgressiveDownload}}
}

func videoOf(v cloud.Video) *types.VideoDescription {
	h := &types.H264Settings{
		RateControlMode:    types.H264RateControlModeQvbr,
		MaxBitrate:         aws.Int32(int32(v.MaxBitrate)),
		QvbrSettings:       &types.H264QvbrSettings{QvbrQualityLevel: aws.Int32(int32(v.Quality))},
		QualityTuningLevel: types.H264QualityTuningLevelSinglePassHq,
		GopSizeUnits:       types.H264GopSizeUnitsAuto,
		GopClosedCadence:   aws.Int32(1),
		FramerateControl:   types.H264FramerateControlInitializeFromSource,
		ParControl:         types.H264ParControlInitializeFromSource,
		InterlaceMode:      types.H264InterlaceModeProgressive,
		SceneChangeDetect:  types.H264SceneChangeDetectTransitionDetection,
		CodecProfile:       types.H264CodecProfileHigh,
		CodecLevel:         types.H264CodecLevelAuto,
	}
	if v.GOP > 0 {
		h.GopSizeUnits, h.GopSize = types.H264GopSizeUnitsSeconds, aws.Float64(v.GOP.Seconds())
	}
	return sized(v.Width, v.Height, &types.VideoCodecSettings{Codec: types.VideoCodecH264, H264Settings: h})
}

// captureOf asks for a rate of one picture every c.Every, as a fraction.
func captureOf(c cloud.FrameCapture) *types.VideoDescription {
	pictures, seconds := int64(time.Second/time.Millisecond), c.Every.Milliseconds()
	by := gcd(pictures, seconds)
	return sized(c.Width, c.Height, &types.VideoCodecSettings{Codec: types.VideoCodecFrameCapture, FrameCaptureSettings: &types.FrameCaptureSettings{
		FramerateNumerator: aws.Int32(int32(pictures / by)), FramerateDenominator: aws.Int32(int32(seconds / by)),
		MaxCaptures: aws.Int32(int32(c.Max)), Quality: aws.Int32(int32(c.Quality)),
	}})
}

func gcd(a, b int64) int64 {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// sized leaves a side that follows the source's shape to MediaConvert.
func sized(width, height int, codec *types.VideoCodecSettings) *types.VideoDescription {
	v := &types.VideoDescription{CodecSettings: codec, ScalingBehavior: types.ScalingBehaviorDefault}
	if width > 0 {
		v.Width = aws.Int32(int32(width))
	}
	if height > 0 {
		v.Height = aws.Int32(int32(height))
	}
	return v
}

func audioOf(a cloud.Audio) types.AudioDescription {
	return types.AudioDescription{
		AudioSourceName:     new(audioSelector),
		LanguageCodeControl: types.AudioLanguageCodeControlFollowInput,
		CodecSettings: &types.AudioCodecSettings{Codec: types.AudioCodecAac, AacSettings: &types.AacSettings{
			Bitrate: aws.Int32(int32(a.Bitrate)), SampleRate: aws.Int32(int32(a.SampleRate)),
			CodecProfile: types.AacCodecProfileLc, CodingMode: types.AacCodingModeCodingMode20, RateControlMode: types.AacRateControlModeCbr,
		}},
	}
}

// whole is a length of whole seconds, which the spec's validity has seen to.
func whole(d time.Duration) *int32 { return aws.Int32(int32(d / time.Second)) }

// fits reports why a template cannot make what s asks for.
func fits(s cloud.JobSpec, tpl *types.JobTemplateSettings) error {
	if len(s.Groups) != len(tpl.OutputGroups) {
		return fmt.Errorf("template %s has %d output groups, not %d", s.Template, len(tpl.OutputGroups), len(s.Groups))
	}
	for i, g := range s.Groups {
		if kind := kindOfGroup(tpl.OutputGroups[i].OutputGroupSettings); kind != g.Kind {
			return fmt.Errorf("template %s: output group %d: is of kind %q, not %q", s.Template, i+1, kind, g.Kind)
		}
	}
	return nil
}
