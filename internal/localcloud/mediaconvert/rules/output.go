package rules

import (
	"slices"
	"strings"

	"github.com/vodfleet/vodfleet/internal/localcloud/mediaconvert/settings"
)

// videoIn and audioIn list the codecs that a container takes (user guide,
// "Supported output codecs and containers").
var (
	videoIn = map[string][]string{
		"CMFC": {"H_264", "H_265", "AV1"},
		"M3U8": {"H_264", "H_265", "MPEG2"},
		"MPD":  {"H_264", "H_265", "AV1", "VP9"},
		"ISMV": {"H_264"},
		"MP4":  {"H_264", "H_265", "AV1", "PASSTHROUGH"},
		"MOV":  {"H_264", "H_265", "PRORES", "MPEG2", "AV1", "UNCOMPRESSED", "PASSTHROUGH"},
		"M2TS": {"H_264", "H_265", "MPEG2"},
		"F4V":  {"H_264"},
		"WEBM": {"VP8", "VP9", "AV1"},
		"MXF":  {"H_264", "MPEG2", "AVC_INTRA", "PRORES", "VC3", "XAVC"},
		"GIF":  {"GIF"},
		"Y4M":  {"UNCOMPRESSED"},
		"RAW":  {"FRAME_CAPTURE", "MPEG2", "AVC_INTRA"},
	}
	audioIn = map[string][]string{
		"CMFC": {"AAC", "AC3", "EAC3", "EAC3_ATMOS", "AC4", "PASSTHROUGH"},
		"M3U8": {"AAC", "AC3", "EAC3", "EAC3_ATMOS", "MP3", "PASSTHROUGH"},
		"MPD":  {"AAC", "AC3", "EAC3", "EAC3_ATMOS", "AC4", "OPUS", "PASSTHROUGH"},
		"ISMV": {"AAC", "AC3", "EAC3"},
		"MP4":  {"AAC", "AC3", "EAC3", "EAC3_ATMOS", "AC4", "MP2", "MP3", "OPUS", "WAV", "FLAC", "PASSTHROUGH"},
		"MOV":  {"AAC", "AC3", "EAC3", "AIFF", "MP2", "MP3", "WAV", "PASSTHROUGH"},
		"M2TS": {"AAC", "AC3", "EAC3", "EAC3_ATMOS", "MP2", "MP3", "WAV", "PASSTHROUGH"},
		"F4V":  {"AAC"},
		"WEBM": {"VORBIS", "OPUS"},
		"OGG":  {"VORBIS", "OPUS", "FLAC"},
		"MXF":  {"WAV", "AAC"},
		"RAW":  {"AAC", "AC3", "EAC3", "AIFF", "FLAC", "MP2", "MP3", "WAV"},
	}
)

// alone lists the containers whose outputs carry video or audio, not both, and
// one audio track at most.
var alone = []string{"CMFC", "MPD"}

func (c *checker) output(job *settings.Job, g *settings.OutputGroup, o *settings.Output, at string) {
	if o.VideoDescription == nil && len(o.AudioDescriptions) == 0 && len(o.CaptionDescriptions) == 0 {
		c.add(at, "Should have at least one of videoDescription, audioDescriptions and captionDescriptions")
	}
	if !c.require(o.ContainerSettings != nil, at, "containerSettings") {
		return
	}
	kind, container := g.OutputGroupSettings.Type, o.ContainerSettings.Container
	if !c.require(container != "", at+"/containerSettings", "container") {
		return
	}
	if !slices.Contains(containers[kind], container) {
		c.add(at+"/containerSettings/container", "Should match one of [%s] in an output group of type %s", strings.Join(containers[kind], ", "), kind)
		return
	}
	if slices.Contains(alone, container) {
		switch {
		case o.VideoDescription != nil && len(o.AudioDescriptions) > 0:
			c.add(at, "container %s takes video and audio in outputs of their own", container)
		case len(o.AudioDescriptions) > 1:
			c.add(at+"/audioDescriptions", "Should have at most 1 items in container %s", container)
		}
	}
	if o.VideoDescription != nil {
		c.video(o.VideoDescription, container, at+"/videoDescription")
		if o.VideoDescription.CodecSettings.Codec == "FRAME_CAPTURE" && len(o.AudioDescriptions) > 0 {
			c.add(at+"/audioDescriptions", "Should be empty beside a frame capture")
		}
	}
	for n := range o.AudioDescriptions {
		c.audio(job, &o.AudioDescriptions[n], container, at+"/audioDescriptions/"+itoa(n))
	}
}

func (c *checker) video(v *settings.VideoDescription, container, at string) {
	for name, n := range map[string]int{"width": v.Width, "height": v.Height} {
		if n%2 != 0 {
			c.add(at+"/"+name, "Should be a multiple of 2")
		}
	}
	for name, r := range map[string]*settings.Rectangle{"crop": v.Crop, "position": v.Position} {
		if r != nil && (r.X%2 != 0 || r.Y%2 != 0 || r.Width%2 != 0 || r.Height%2 != 0) {
			c.add(at+"/"+name, "Should be multiples of 2")
		}
	}
	s := &v.CodecSettings
	at += "/codecSettings"
	if !c.require(s.Codec != "", at, "codec") {
		return
	}
	if !slices.Contains(videoIn[container], s.Codec) {
		c.add(at+"/codec", "Codec %s is not supported in container %s", s.Codec, container)
	}
	c.given(s.Given(), s.Codec, []string{"PASSTHROUGH", "UNCOMPRESSED", "H_265"}, at)
	if s.Codec == "H_264" && s.H264 != nil {
		c.h264(s.H264, at+"/h264Settings")
	}
}

// given judges which codec's settings there are.
func (c *checker) given(given []string, codec string, optional []string, at string) {
	for _, g := range given {
		if g != codec {
			c.add(at, "settings of codec %s beside codec %s", g, codec)
		}
	}
	if !slices.Contains(given, codec) && !slices.Contains(optional, codec) {
		c.add(at, "the settings of codec %s are a required property", codec)
	}
}

func (c *checker) h264(h *settings.H264, at string) {
	c.rate(h, at)
	switch h.GopSizeUnits {
	case "AUTO", "":
		if h.GopSize != 0 {
			c.add(at+"/gopSize", "Should be left out when gopSizeUnits is AUTO")
		}
	default:
		if h.GopSize <= 0 {
			c.add(at+"/gopSize", "Should be greater than 0 when gopSizeUnits is %s", h.GopSizeUnits)
		}
		if h.GopSizeUnits == "FRAMES" && h.GopSize != float64(int64(h.GopSize)) {
			c.add(at+"/gopSize", "Should be a whole number of frames")
		}
	}
	if h.FramerateControl == "SPECIFIED" && (h.FramerateNumerator == 0 || h.FramerateDenominator == 0) {
		c.add(at, "framerateNumerator and framerateDenominator are required when framerateControl is SPECIFIED")
	}
	if h.ParControl == "SPECIFIED" && (h.ParNumerator == 0 || h.ParDenominator == 0) {
		c.add(at, "parNumerator and parDenominator are required when parControl is SPECIFIED")
	}
	if (h.CodecProfile == "BASELINE") && (h.BFrames > 0 || h.EntropyEncoding == "CABAC") {
		c.add(at, "codecProfile BASELINE has neither B-frames nor CABAC")
	}
}

// rate judges the rate control (user guide, "Using QVBR"; API reference).
func (c *checker) rate(h *settings.H264, at string) {
	switch h.RateControlMode {
	case "QVBR":
		if h.MaxBitrate == 0 {
			c.add(at, "maxBitrate is required when rateControlMode is QVBR")
		}
		if h.Bitrate != 0 {
			c.add(at+"/bitrate", "Should be left out when rateControlMode is QVBR")
		}
		if h.QualityTuningLevel == "SINGLE_PASS" {
			c.add(at+"/qualityTuningLevel", "Should match one of [SINGLE_PASS_HQ, MULTI_PASS_HQ] when rateControlMode is QVBR")
		}
		if q := h.QVBR; q != nil && q.MaxAverageBitrate != 0 && (h.QualityTuningLevel != "MULTI_PASS_HQ" || q.MaxAverageBitrate > h.MaxBitrate) {
			c.add(at+"/qvbrSettings/maxAverageBitrate", "requires MULTI_PASS_HQ and at most maxBitrate")
		}
		return
	case "CBR":
		if h.MaxBitrate != 0 {
			c.add(at+"/maxBitrate", "Should be left out when rateControlMode is CBR")
		}
	default: // VBR
		if h.MaxBitrate != 0 && h.MaxBitrate < h.Bitrate {
			c.add(at+"/maxBitrate", "Should be at least bitrate")
		}
	}
	if h.Bitrate == 0 {
		c.add(at, "bitrate is required when rateControlMode is %s", orVBR(h.RateControlMode))
	}
	if h.QVBR != nil {
		c.add(at+"/qvbrSettings", "requires rateControlMode QVBR")
	}
}

func orVBR(mode string) string {
	if mode == "" {
		return "VBR"
	}
	return mode
}
