package transcode

import (
	"slices"
	"strings"

	"github.com/vodfleet/vodfleet/internal/localcloud/ffmpeg"
	"github.com/vodfleet/vodfleet/internal/localcloud/mediaconvert/settings"
)

// defaultSelector is the selector that an audio description without a source
// takes.
const defaultSelector = "Audio Selector 1"

// audio asks the mezzanine for a track of an output's sound. An input without
// sound gives none.
func (p *plan) audio(o *output, d *settings.AudioDescription) error {
	tracks := p.media.Audio()
	if len(tracks) == 0 {
		return nil
	}
	track, err := p.selected(d.AudioSourceName, tracks)
	if err != nil {
		return err
	}
	aac := d.CodecSettings.AAC
	if aac == nil {
		aac = new(settings.AAC)
	}
	a := ffmpeg.Audio{Stream: track.Index, Bitrate: aac.Bitrate, SampleRate: aac.SampleRate}
	switch aac.CodingMode {
	case "CODING_MODE_1_0", "AD_RECEIVER_MIX":
		a.Channels = 1
	case "CODING_MODE_5_1":
		a.Channels = 6
	default:
		a.Channels = 2
	}
	if a.SampleRate == 0 {
		a.SampleRate = 48000
	}
	if a.Bitrate == 0 {
		a.Bitrate = 64000 * a.Channels
	}
	file, known := p.audios[a]
	if !known {
		file = p.file("a", len(p.audios))
		p.audios[a] = file
		asked := a
		asked.Path = file
		p.work.Audios = append(p.work.Audios, asked)
	}
	language := track.Language
	if d.LanguageCodeControl == "USE_CONFIGURED" || language == "" {
		if code := strings.ToLower(d.LanguageCode); code != "" {
			language = code
		}
		if d.CustomLanguageCode != "" {
			language = d.CustomLanguageCode
		}
	}
	o.audios, o.languages = append(o.audios, file), append(o.languages, language)
	return nil
}

// selected picks the input's track that a selector names.
func (p *plan) selected(name string, tracks []*ffmpeg.Stream) (*ffmpeg.Stream, error) {
	in := p.task.Settings.Inputs[0]
	if group, ok := in.AudioSelectorGroups[name]; ok && len(group.AudioSelectorNames) > 0 {
		name = group.AudioSelectorNames[0]
	}
	if name == "" {
		name = defaultSelector
	}
	s, ok := in.AudioSelectors[name]
	if !ok {
		for _, any := range in.AudioSelectors {
			if any.DefaultSelection == "DEFAULT" {
				s = any
			}
		}
	}
	missing := func(what string) error {
		return fail(1040, "Invalid selector [%s]: the input has no audio %s", name, what)
	}
	switch {
	case len(s.Tracks) > 0:
		if n := s.Tracks[0]; n < 1 || n > len(tracks) {
			return nil, missing("track of that number")
		}
		return tracks[s.Tracks[0]-1], nil
	case len(s.Streams) > 0:
		at := slices.IndexFunc(tracks, func(t *ffmpeg.Stream) bool { return t.Index == s.Streams[0] })
		if at < 0 {
			return nil, missing("stream of that number")
		}
		return tracks[at], nil
	case s.SelectorType == "LANGUAGE_CODE":
		code := strings.ToLower(s.LanguageCode)
		if s.CustomLanguageCode != "" {
			code = strings.ToLower(s.CustomLanguageCode)
		}
		at := slices.IndexFunc(tracks, func(t *ffmpeg.Stream) bool { return strings.EqualFold(t.Language, code) })
		if at < 0 {
			return nil, missing("track in language " + code)
		}
		return tracks[at], nil
	}
	return tracks[0], nil
}
