package media

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/vodfleet/vodfleet/internal/cloud"
)

// maxWarnings bounds what one strange source can write into its record.
const maxWarnings = 50

// selection is the tracks of a source that its streams are made of.
type selection struct {
	video    *cloud.Track
	audio    int // counted among the audio tracks from 1; 0 for none
	warnings []string
}

// choose picks the first video track that has a picture, which is the one that
// MediaConvert takes, and one audio track.
func (p Profile) choose(m cloud.Media) (selection, error) {
	var c selection
	if m.Container == "" {
		return c, unsupported("it is not a media file, or of a format that cannot be read")
	}
	tracks := slices.Clone(m.Tracks)
	slices.SortStableFunc(tracks, func(a, b cloud.Track) int { return cmp.Compare(a.Index, b.Index) })
	var videos, audios []cloud.Track
	for _, t := range tracks {
		switch t.Kind {
		case cloud.TrackVideo:
			videos = append(videos, t)
		case cloud.TrackAudio:
			audios = append(audios, t)
		}
	}
	var err error
	if c.video, err = pictureTrack(m.Container, videos); err != nil {
		return c, err
	}
	if c.video == nil && len(audios) == 0 {
		return c, unsupported("it has neither a picture nor sound")
	}
	if c.audio, err = p.sound(audios); err != nil {
		return c, err
	}
	c.warnings = dropped(tracks, c)
	if v := c.video; v != nil && v.Rotation%360 != 0 && !rotates(m.Container) {
		c.warnings = append(c.warnings, fmt.Sprintf("video track %d is marked as rotated by %d°, which is not applied in %s files",
			v.Index, v.Rotation, m.Container))
	}
	if extra := len(c.warnings) - maxWarnings; extra > 0 {
		c.warnings = append(c.warnings[:maxWarnings], fmt.Sprintf("and %d more", extra))
	}
	return c, nil
}

// pictureTrack returns the video track to use, nil where there is none.
func pictureTrack(container string, videos []cloud.Track) (*cloud.Track, error) {
	if len(videos) == 0 || container == "mp3" || container == "wave" {
		return nil, nil // the picture in a file of sound is its cover
	}
	i := slices.IndexFunc(videos, func(t cloud.Track) bool { return t.Width > 0 && t.Height > 0 })
	if i < 0 {
		return nil, unsupported("its picture has no size: the file may be cut off")
	}
	if unknownCodec(videos[i]) {
		return nil, unsupported("its picture is coded in a way that is not known (video track %d)", videos[i].Index)
	}
	return &videos[i], nil
}

// sound returns which of the audio tracks to use, from 1: the first of the
// most wanted language, else the profile's track, else the first; of those
// whose codec is known.
func (p Profile) sound(audios []cloud.Track) (int, error) {
	if len(audios) == 0 {
		return 0, nil
	}
	for _, wanted := range p.Languages {
		for i, t := range audios {
			if language(t.Language) == wanted && !unknownCodec(t) {
				return i + 1, nil
			}
		}
	}
	if n := p.AudioTrack; n >= 1 && n <= len(audios) && !unknownCodec(audios[n-1]) {
		return n, nil
	}
	for i, t := range audios {
		if !unknownCodec(t) {
			return i + 1, nil
		}
	}
	return 0, unsupported("its sound is coded in a way that is not known (audio track %d)", audios[0].Index)
}

// unknownCodec reports whether the probe could not tell the track's codec.
func unknownCodec(t cloud.Track) bool { return t.Codec == "" || strings.EqualFold(t.Codec, "UNKNOWN") }

// dropped names each track that viewers will not get.
func dropped(tracks []cloud.Track, c selection) []string {
	var warnings []string
	audio := 0
	for _, t := range tracks {
		switch t.Kind {
		case cloud.TrackVideo:
			if c.video == nil {
				warnings = append(warnings, fmt.Sprintf("video track %s is dropped: the picture in a file of sound is its cover", label(t)))
			} else if t.Index != c.video.Index {
				warnings = append(warnings, fmt.Sprintf("video track %s is dropped: one picture is kept", label(t)))
			}
		case cloud.TrackAudio:
			if audio++; audio != c.audio {
				warnings = append(warnings, fmt.Sprintf("audio track %s is dropped: one audio track is kept", label(t)))
			}
		default:
			kind := "data"
			switch strings.ToUpper(t.Codec) {
			case "C608", "C708", "WEBVTT":
				kind = "captions"
			}
			warnings = append(warnings, fmt.Sprintf("%s track %s is dropped: captions and data are not kept", kind, label(t)))
		}
	}
	return warnings
}

// label is a track's index, codec and language for a message.
func label(t cloud.Track) string {
	facts := []string{"codec unknown"}
	if !unknownCodec(t) {
		facts[0] = bounded(t.Codec)
	}
	if t.Language != "" {
		facts = append(facts, bounded(t.Language))
	}
	return fmt.Sprintf("%d (%s)", t.Index, strings.Join(facts, ", "))
}

// bounded cuts a word of a foreign file, and blots what a terminal might obey.
func bounded(word string) string {
	if len(word) > 32 {
		word = word[:32]
	}
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return '?'
		}
		return r
	}, strings.ToValidUTF8(word, "?"))
}
