package rules

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/vodfleet/vodfleet/internal/localcloud/mediaconvert/settings"
)

// Unsupported lists the settings that MediaConvert carries out and the local
// cloud does not, although they would change what viewers get.
func Unsupported(job *settings.Job) []string {
	u := new(unsupported)
	u.is(len(job.Inputs) > 1, "more than one input", "/inputs")
	for i, in := range job.Inputs {
		at := fmt.Sprintf("/inputs/%d", i)
		_, _, s3 := SplitS3(in.FileInput)
		u.is(!s3, "an input that is not in S3", at+"/fileInput")
		u.is(len(in.InputClippings) > 0, "input clippings", at)
		u.is(len(in.VideoOverlays) > 0 || present(in.ImageInserter), "overlays", at)
		u.is(present(in.Crop) || present(in.Position) || present(in.VideoGenerator) || present(in.DecryptionSettings), "crop, position, generator or decryption", at)
		for name, s := range in.AudioSelectors {
			u.is(s.ExternalAudioFileInput != "" || present(s.RemixSettings), "external or remixed audio", at+"/audioSelectors/"+name)
			u.is(!slices.Contains([]string{"", "TRACK", "LANGUAGE_CODE", "STREAM"}, s.SelectorType), "selector type "+s.SelectorType, at+"/audioSelectors/"+name)
		}
	}
	for i, g := range job.OutputGroups {
		at := fmt.Sprintf("/outputGroups/%d", i)
		u.is(present(g.AutomatedEncodingSettings), "automated ABR", at)
		if s := g.OutputGroupSettings.Group(); s != nil {
			u.group(s, at)
		}
		for n, o := range g.Outputs {
			u.output(&o, fmt.Sprintf("%s/outputs/%d", at, n))
		}
	}
	return u.found
}

type unsupported struct{ found []string }

func (u *unsupported) is(given bool, what, at string) {
	if given {
		u.found = append(u.found, at+": "+what)
	}
}

func (u *unsupported) group(s *settings.GroupSettings, at string) {
	u.is(present(s.Encryption), "encryption", at)
	u.is(present(s.AdditionalManifests), "additional manifests", at)
	u.is(s.TrickPlay == "THUMBNAIL_AND_FULLFRAME" || s.TrickPlay == "VARIANTS", "trick play "+s.TrickPlay, at)
	u.is(s.ManifestCompression == "GZIP", "compressed manifests", at)
	u.is(s.DirectoryStructure == "SUBDIRECTORY_PER_STREAM" || s.OutputSelection == "SEGMENTS_ONLY", "another layout of files", at)
	u.is(s.BaseURL != "", "a base URL", at)
}

func (u *unsupported) output(o *settings.Output, at string) {
	u.is(o.Preset != "", "presets", at)
	u.is(len(o.CaptionDescriptions) > 0, "captions", at)
	u.is(o.OutputSettings.HLS.SegmentModifier != "", "segment modifiers", at)
	if c := o.ContainerSettings; c != nil {
		u.is(!slices.Contains([]string{"CMFC", "M3U8", "MPD", "MP4", "RAW", "ISMV"}, c.Container), "container "+c.Container, at)
		u.is(c.CMFC.IFrameOnlyManifest == "INCLUDE" || o.OutputSettings.HLS.IFrameOnlyManifest == "INCLUDE" || o.OutputSettings.HLS.IFrameOnlyManifest == "INCLUDE_AS_TS", "I-frame playlists", at)
	}
	if v := o.VideoDescription; v != nil {
		s := v.CodecSettings
		u.is(s.Codec != "H_264" && s.Codec != "FRAME_CAPTURE", "codec "+s.Codec, at)
		u.is(v.Crop != nil || v.Position != nil || present(v.VideoPreprocessors), "crop, position or preprocessors", at)
		u.is(v.ScalingBehavior == "SMART_CROP", "smart crop", at)
		if s.H264 != nil {
			u.is(s.H264.InterlaceMode != "" && s.H264.InterlaceMode != "PROGRESSIVE", "interlaced output", at)
			u.is(s.H264.Telecine != "" && s.H264.Telecine != "NONE" || s.H264.SlowPal == "ENABLED", "telecine or slow PAL", at)
		}
	}
	for _, a := range o.AudioDescriptions {
		u.is(a.CodecSettings.Codec != "AAC", "codec "+a.CodecSettings.Codec, at)
		u.is(present(a.RemixSettings), "remix", at)
		if aac := a.CodecSettings.AAC; aac != nil {
			u.is(aac.CodecProfile != "" && aac.CodecProfile != "LC", "AAC profile "+aac.CodecProfile, at)
		}
	}
}

// present tells a setting with content from an absent or empty one.
func present(raw json.RawMessage) bool {
	raw = bytes.TrimSpace(raw)
	return len(raw) > 0 && !bytes.Equal(raw, []byte("{}")) && !bytes.Equal(raw, []byte("null")) && !bytes.Equal(raw, []byte("[]"))
}
