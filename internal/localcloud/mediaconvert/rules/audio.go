package rules

import (
	"slices"
	"strconv"

	"github.com/vodfleet/vodfleet/internal/localcloud/mediaconvert/settings"
)

func itoa(n int) string { return strconv.Itoa(n) }

// aacBitrates are the constant bitrates that AAC can be asked for, in bits per
// second (user guide, "AAC audio support").
var aacBitrates = []int{
	6000, 7000, 8000, 10000, 12000, 14000, 16000, 20000, 24000, 28000, 32000, 40000, 48000, 56000, 64000, 80000, 96000,
	112000, 128000, 160000, 192000, 224000, 256000, 288000, 320000, 384000, 448000, 512000, 576000, 640000, 768000, 896000, 1024000,
}

var aacSampleRates = map[string][]int{ // Hz, by profile
	"LC":   {8000, 12000, 16000, 22050, 24000, 32000, 44100, 48000, 88200, 96000},
	"HEV1": {22050, 24000, 32000, 44100, 48000, 96000},
	"HEV2": {22050, 24000, 32000, 44100, 48000, 96000},
	"XHE":  {16000, 22050, 24000, 32000, 44100, 48000},
}

var aacChannels = map[string]int{
	"AD_RECEIVER_MIX": 1, "CODING_MODE_1_0": 1, "CODING_MODE_1_1": 2, "CODING_MODE_2_0": 2, "CODING_MODE_5_1": 6, "CODING_MODE_AUTO": 2,
}

func (c *checker) audio(job *settings.Job, a *settings.AudioDescription, container, at string) {
	c.selector(job, a.AudioSourceName, at)
	s := &a.CodecSettings
	at += "/codecSettings"
	if !c.require(s.Codec != "", at, "codec") {
		return
	}
	if !slices.Contains(audioIn[container], s.Codec) {
		c.add(at+"/codec", "Codec %s is not supported in container %s", s.Codec, container)
	}
	c.given(s.Given(), s.Codec, []string{"PASSTHROUGH"}, at)
	if s.Codec == "AAC" && s.AAC != nil {
		c.aac(s.AAC, at+"/aacSettings")
	}
}

// selector judges the name of an audio source: every input must have it. A job
// that names none gets "Audio Selector 1", the default one, or the first track.
func (c *checker) selector(job *settings.Job, name, at string) {
	if name == "" {
		return
	}
	for i, in := range job.Inputs {
		_, one := in.AudioSelectors[name]
		_, group := in.AudioSelectorGroups[name]
		if !one && !group {
			c.add(at+"/audioSourceName", "audio selector %q does not exist in input %d", name, i)
		}
	}
}

func (c *checker) aac(a *settings.AAC, at string) {
	coded := c.require(a.CodingMode != "", at, "codingMode")
	sampled := c.require(a.SampleRate != 0, at, "sampleRate")
	if !coded || !sampled {
		return
	}
	profile := a.CodecProfile
	if profile == "" {
		profile = "LC"
	}
	if !slices.Contains(aacSampleRates[profile], a.SampleRate) {
		c.add(at+"/sampleRate", "%d Hz is not supported by profile %s", a.SampleRate, profile)
		return
	}
	if profile == "HEV2" && a.CodingMode != "CODING_MODE_2_0" {
		c.add(at+"/codingMode", "Should match one of [CODING_MODE_2_0] for profile HEV2")
	}
	if a.RateControlMode == "VBR" {
		if a.Bitrate != 0 {
			c.add(at+"/bitrate", "Should be left out when rateControlMode is VBR")
		}
		return
	}
	if a.VbrQuality != "" {
		c.add(at+"/vbrQuality", "requires rateControlMode VBR")
	}
	if a.Bitrate == 0 {
		return
	}
	least, most := aacRange(profile, aacChannels[a.CodingMode], a.SampleRate)
	if !slices.Contains(aacBitrates, a.Bitrate) || a.Bitrate < least || a.Bitrate > most {
		c.add(at+"/bitrate", "%d is not a valid bitrate for profile %s, %s at %d Hz: want one of %v", a.Bitrate, profile, a.CodingMode, a.SampleRate, between(least, most))
	}
}

// aacRange bounds the bitrate: a frame of 1,024 samples holds at most 6,144
// bits a channel (ISO/IEC 14496-3, 4.5.3), HE frames code at half the sample
// rate, and HEV2 one channel for two. Below 2/3 of a bit a sample the encoder
// has no operating point.
func aacRange(profile string, channels, sampleRate int) (least, most int) {
	per := sampleRate * channels
	switch profile {
	case "HEV1", "XHE":
		return per / 6, per * 3 / 2
	case "HEV2":
		return per / 12, per * 3 / 4
	default:
		return per * 5 / 8, per * 6
	}
}

func between(least, most int) []int {
	var fit []int
	for _, b := range aacBitrates {
		if b >= least && b <= most {
			fit = append(fit, b)
		}
	}
	return fit
}
