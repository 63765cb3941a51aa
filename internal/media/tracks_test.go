package media

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/vodfleet/vodfleet/internal/cloud"
)

// Which tracks are used, and what is told of those that are not.
func TestChoose(t *testing.T) {
	video := func(index int, w, h int, codec string) cloud.Track {
		return cloud.Track{Kind: cloud.TrackVideo, Index: index, Codec: codec, Width: w, Height: h, Duration: time.Minute}
	}
	audio := func(index int, codec, language string) cloud.Track {
		return cloud.Track{Kind: cloud.TrackAudio, Index: index, Codec: codec, Language: language, Duration: time.Minute}
	}
	data := func(index int, codec, language string) cloud.Track {
		return cloud.Track{Kind: cloud.TrackData, Index: index, Codec: codec, Language: language}
	}
	picture := video(1, 640, 480, "AVC")
	dub := []cloud.Track{picture, audio(2, "AAC", "eng"), audio(3, "AC3", "ger"), audio(4, "AAC", "fra")}
	for _, tt := range []struct {
		name, profile string
		tracks        []cloud.Track
		video         int // index
		audio         int // among the audio tracks
		warnings      []string
	}{
		{"one of each", "{}", dub[:2], 1, 1, nil},
		{"the first, the others told", "{}", dub, 1, 1, []string{
			"audio track 3 (AC3, ger) is dropped: one audio track is kept", "audio track 4 (AAC, fra) is dropped: one audio track is kept"}},
		{"by language, bibliographic and terminological", "audio: {languages: [deu]}", dub, 1, 2, []string{
			"audio track 2 (AAC, eng) is dropped: one audio track is kept", "audio track 4 (AAC, fra) is dropped: one audio track is kept"}},
		{"the most wanted first", "audio: {languages: [spa, fre, eng]}", dub, 1, 3, []string{
			"audio track 2 (AAC, eng) is dropped: one audio track is kept", "audio track 3 (AC3, ger) is dropped: one audio track is kept"}},
		{"no such language, so the track", "audio: {languages: [spa], track: 2}", dub, 1, 2, []string{
			"audio track 2 (AAC, eng) is dropped: one audio track is kept", "audio track 4 (AAC, fra) is dropped: one audio track is kept"}},
		{"no such track, so the first", "audio: {track: 9}", dub, 1, 1, []string{
			"audio track 3 (AC3, ger) is dropped: one audio track is kept", "audio track 4 (AAC, fra) is dropped: one audio track is kept"}},
		{"not one that cannot be decoded", "audio: {languages: [eng]}", []cloud.Track{picture, audio(2, "UNKNOWN", "eng"), audio(3, "AAC", "")}, 1, 2, []string{
			"audio track 2 (codec unknown, eng) is dropped: one audio track is kept"}},
		{"nor one by its number", "audio: {track: 1}", []cloud.Track{picture, audio(2, "", ""), audio(3, "AAC", "")}, 1, 2, []string{
			"audio track 2 (codec unknown) is dropped: one audio track is kept"}},
		{"tracks told out of order", "{}", []cloud.Track{audio(3, "AC3", ""), audio(2, "AAC", ""), picture}, 1, 1, []string{
			"audio track 3 (AC3) is dropped: one audio track is kept"}},
		{"one picture", "{}", []cloud.Track{picture, video(2, 320, 240, "MJPEG"), audio(3, "AAC", "")}, 1, 1, []string{
			"video track 2 (MJPEG) is dropped: one picture is kept"}},
		{"the first with a size", "{}", []cloud.Track{video(1, 0, 0, "AVC"), video(2, 320, 240, "AVC")}, 2, 0, []string{
			"video track 1 (AVC) is dropped: one picture is kept"}},
		{"captions and data", "{}", []cloud.Track{picture, data(2, "C608", "eng"), data(3, "WEBVTT", ""), data(4, "UNKNOWN", "")}, 1, 0, []string{
			"captions track 2 (C608, eng) is dropped: captions and data are not kept", "captions track 3 (WEBVTT) is dropped: captions and data are not kept",
			"data track 4 (codec unknown) is dropped: captions and data are not kept"}},
		{"a foreign file's words are cut", "{}", []cloud.Track{picture, data(2, strings.Repeat("é", 20), "\xff\x00")}, 1, 0, []string{
			"data track 2 (" + strings.Repeat("é", 16) + ", ??) is dropped: captions and data are not kept"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p, err := Parse([]byte(tt.profile))
			if err != nil {
				t.Fatal(err)
			}
			m := cloud.Media{Container: "mp4", Duration: time.Minute, Tracks: tt.tracks}

			s, err := p.choose(m)

			if err != nil || s.video.Index != tt.video || s.audio != tt.audio || !reflect.DeepEqual(s.warnings, tt.warnings) {
				t.Errorf("choose = video %+v, audio %d, %v\n%q\nwant %d, %d\n%q", s.video, s.audio, err, s.warnings, tt.video, tt.audio, tt.warnings)
			}
			if plan, err := p.Plan(m); err != nil || !reflect.DeepEqual(plan.Warnings, tt.warnings) {
				t.Errorf("Plan warns of %q, %v", plan.Warnings, err)
			}
		})
	}
}

func TestChooseWarnings(t *testing.T) {
	m := clip()
	m.Container, m.Tracks[0].Rotation = "matroska", 90
	s, err := Default().choose(m)
	if want := "[video track 1 is marked as rotated by 90°, which is not applied in matroska files]"; err != nil || fmt.Sprint(s.warnings) != want {
		t.Errorf("choose warns of %v, %v; want %s", s.warnings, err, want)
	}

	for i := range 1000 {
		m.Tracks = append(m.Tracks, cloud.Track{Kind: cloud.TrackData, Index: i + 3})
	}
	s, err = Default().choose(m)
	if n := len(s.warnings); err != nil || n != maxWarnings+1 || s.warnings[maxWarnings] != "and 951 more" {
		t.Errorf("choose = %d warnings, the last %q, %v; want %d and 951 more", n, s.warnings[n-1], err, maxWarnings+1)
	}
}
