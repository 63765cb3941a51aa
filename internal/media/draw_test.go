package media

import (
	"slices"
	"strings"
	"time"

	"github.com/vodfleet/vodfleet/internal/cloud"
	"pgregory.net/rapid"
)

// drawProfile draws a profile as [Parse] would return it.
func drawProfile(t *rapid.T) Profile {
	p := Profile{
		AudioTrack: rapid.IntRange(1, maxTrack).Draw(t, "track"),
		Delivery:   rapid.SampledFrom([]Delivery{Stable, Versioned}).Draw(t, "delivery"),
		Queue:      rapid.SampledFrom([]string{"", "bulk", "arn:aws:mediaconvert:eu-west-1:111122223333:queues/a b"}).Draw(t, "queue"),
		Priority:   rapid.IntRange(minPriority, maxPriority).Draw(t, "priority"),
		Accelerate: rapid.Bool().Draw(t, "accelerate"),
	}
	if l := rapid.SliceOfNDistinct(rapid.StringMatching("[d-z]{3}"), 0, 3, rapid.ID).Draw(t, "languages"); len(l) > 0 {
		for i := range l {
			l[i] = language(l[i])
		}
		slices.Sort(l)
		p.Languages = slices.Compact(l)
	}
	if rapid.IntRange(0, 9).Draw(t, "template") == 0 {
		p.Template = rapid.StringMatching("[A-Za-z0-9_.:-]{1,40}").Draw(t, "name")
		return p
	}
	p.Packages = rapid.SliceOfNDistinct(rapid.SampledFrom(packages), 1, len(packages), rapid.ID).Draw(t, "packages")
	slices.SortFunc(p.Packages, func(a, b string) int { return slices.Index(packages, a) - slices.Index(packages, b) })
	p.Renditions = drawRungs(t)
	p.SampleRate = rapid.SampledFrom(sampleRates()).Draw(t, "sample rate")
	p.Bitrate = rapid.SampledFrom(aacBitrates[p.SampleRate]).Draw(t, "bitrate")
	p.GOP = drawSeconds(t, "gop", 1, 20)
	p.Fragment = p.GOP * time.Duration(rapid.IntRange(1, int(maxCadence*time.Second/p.GOP)).Draw(t, "fragment"))
	p.Segment = p.Fragment * time.Duration(rapid.IntRange(1, int(maxCadence*time.Second/p.Fragment)).Draw(t, "segment"))
	p.SinglePass = rapid.Bool().Draw(t, "single pass")
	if rapid.Bool().Draw(t, "poster") {
		p.Poster = &Poster{
			At:        drawSeconds(t, "at", 0, maxPosterAt),
			ShortSide: 2 * rapid.IntRange(minSide/2, maxShort/2).Draw(t, "poster size"),
			Quality:   rapid.IntRange(1, 100).Draw(t, "poster quality"),
		}
	}
	if p.tiled() != "" && rapid.Bool().Draw(t, "sprite") {
		p.Sprite = drawSprite(t)
	}
	return p
}

func drawSeconds(t *rapid.T, name string, low, high int) time.Duration {
	return time.Duration(rapid.IntRange(low, high).Draw(t, name)) * time.Second
}

func drawRungs(t *rapid.T) []Rung {
	n := rapid.IntRange(1, maxRenditions).Draw(t, "renditions")
	sides := rapid.SliceOfNDistinct(rapid.IntRange(minSide/2, maxShort/2), n, n, rapid.ID).Draw(t, "sides")
	rates := rapid.SliceOfNDistinct(rapid.IntRange(minBitrate, 50_000_000), n, n, rapid.ID).Draw(t, "rates")
	slices.Sort(sides)
	slices.Sort(rates)
	var rungs []Rung
	for i := n - 1; i >= 0; i-- {
		rungs = append(rungs, Rung{ShortSide: 2 * sides[i], MaxBitrate: rates[i], Quality: rapid.IntRange(1, 10).Draw(t, "quality")})
	}
	return rungs
}

func drawSprite(t *rapid.T) *Sprite {
	s := &Sprite{
		Every:      drawSeconds(t, "every", 1, maxEvery),
		Thumbnails: rapid.IntRange(1, maxThumbnails).Draw(t, "thumbnails"),
		Width:      thumbnailUnit * rapid.IntRange(1, 64).Draw(t, "width"),
	}
	s.EveryAtMost = max(s.Every, drawSeconds(t, "every at most", 1, maxEvery))
	s.Columns = rapid.IntRange(1, min(maxColumns, maxTileWidth/s.Width)).Draw(t, "columns")
	s.Rows = rapid.IntRange(1, min(maxRows, maxTileHeight/max(2, s.Width*9/16))).Draw(t, "rows")
	return s
}

// drawMedia draws what a probe might tell of any file.
func drawMedia(t *rapid.T) cloud.Media {
	m := cloud.Media{
		Container: rapid.SampledFrom([]string{"mp4", "mp4", "quicktime", "matroska", "mxf", "mpegts", "mp3", "wave", ""}).Draw(t, "container"),
		Duration:  drawDuration(t),
	}
	for i := range rapid.SampledFrom([]int{1, 2, 2, 2, 3, 5, 0}).Draw(t, "tracks") {
		m.Tracks = append(m.Tracks, drawTrack(t, i+1))
	}
	return m
}

func drawDuration(t *rapid.T) time.Duration {
	return rapid.SampledFrom([]time.Duration{
		10*time.Second + 17*time.Millisecond, 45 * time.Minute, 12 * time.Hour, 400 * time.Hour, time.Second, 200 * time.Millisecond, time.Millisecond, 0,
	}).Draw(t, "duration")
}

func drawTrack(t *rapid.T, index int) cloud.Track {
	k := cloud.Track{
		Kind:     rapid.SampledFrom([]cloud.TrackKind{cloud.TrackVideo, cloud.TrackVideo, cloud.TrackAudio, cloud.TrackData}).Draw(t, "kind"),
		Index:    index,
		Codec:    rapid.SampledFrom([]string{"AVC", "HEVC", "AAC", "AC3", "MPEG2", "PCM", "PRORES", strings.Repeat("x", 99), "UNKNOWN", ""}).Draw(t, "codec"),
		Duration: drawDuration(t),
		Language: rapid.SampledFrom([]string{"", "eng", "ger", "\xff"}).Draw(t, "language"),
	}
	if k.Kind == cloud.TrackVideo {
		side := rapid.OneOf(rapid.SampledFrom([]int{1080, 1920, 720, 480, 853, 1279, 64, 4096, 33, 32, 31, 0}), rapid.IntRange(100, 5000), rapid.IntRange(32, 9000), rapid.IntRange(-1, 1<<20))
		k.Width, k.Height = side.Draw(t, "width"), side.Draw(t, "height")
		k.Rotation = rapid.SampledFrom([]int{0, 90, 180, 270, -90, 45}).Draw(t, "rotation")
		k.FrameRate = rapid.SampledFrom([]cloud.Rational{
			{}, {Num: 24000, Den: 1001}, {Num: 25, Den: 1}, {Num: 60, Den: 1}, {Num: 1, Den: 7}, {Num: 1, Den: 60}, {Num: 1, Den: 90}, {Num: 90000, Den: 1}, {Num: -1, Den: 1}, {Num: 1, Den: 0},
		}).Draw(t, "frame rate")
	}
	return k
}
