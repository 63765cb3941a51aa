package media

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// renditions reads the ladder.
func (r *reader) renditions(p *Profile, given *[]rungDocument) {
	if given == nil {
		p.Renditions = slices.Clone(ladder)
		return
	}
	if len(*given) == 0 || len(*given) > maxRenditions {
		r.fault("renditions", strconv.Itoa(len(*given))+" of them", fmt.Sprintf("1 to %d", maxRenditions))
		return
	}
	for i, doc := range *given {
		r.rung(p, fmt.Sprintf("renditions[%d]", i), doc)
	}
	slices.SortFunc(p.Renditions, func(a, b Rung) int { return cmp.Compare(b.ShortSide, a.ShortSide) })
	for i, rung := range p.Renditions {
		if i == 0 {
			continue
		}
		switch above := p.Renditions[i-1]; {
		case rung.ShortSide == above.ShortSide:
			r.fault("renditions", fmt.Sprintf("short_side %d twice", rung.ShortSide), "each size once")
		case rung.MaxBitrate >= above.MaxBitrate:
			r.fault("renditions", fmt.Sprintf("max_bitrate %d at short_side %d", rung.MaxBitrate, rung.ShortSide),
				fmt.Sprintf("less than the %d at short_side %d", above.MaxBitrate, above.ShortSide))
		}
	}
}

// rung reads one rendition. Bitrate and quality of a size in the default
// ladder may be left out.
func (r *reader) rung(p *Profile, field string, doc rungDocument) {
	if doc.ShortSide == nil {
		r.fault(field+".short_side", "", fmt.Sprintf("an even number from %d to %d", minSide, maxShort))
		return
	}
	before := len(r.faults)
	rung := Rung{ShortSide: r.number(field+".short_side", doc.ShortSide, 0, minSide, maxShort, 2)}
	if i := slices.IndexFunc(ladder, func(l Rung) bool { return l.ShortSide == rung.ShortSide }); i >= 0 {
		rung = ladder[i]
	}
	rung.MaxBitrate = r.number(field+".max_bitrate", doc.MaxBitrate, rung.MaxBitrate, minBitrate, maxBitrate, 1)
	rung.Quality = r.number(field+".quality", doc.Quality, rung.Quality, minQuality, maxQuality, 1)
	if len(r.faults) == before && rung.MaxBitrate == 0 {
		r.fault(field+".max_bitrate", "", fmt.Sprintf("a whole number from %d to %d", minBitrate, maxBitrate))
	}
	if len(r.faults) == before && rung.Quality == 0 {
		r.fault(field+".quality", "", fmt.Sprintf("a whole number from %d to %d", minQuality, maxQuality))
	}
	if len(r.faults) == before {
		p.Renditions = append(p.Renditions, rung)
	}
}

// choice reads which of a source's audio tracks to use.
func (r *reader) choice(p *Profile, audio audioDocument) {
	p.AudioTrack = r.number("audio.track", audio.Track, 1, 1, maxTrack, 1)
	if audio.Languages == nil {
		return
	}
	if len(*audio.Languages) > maxLanguages {
		r.fault("audio.languages", strconv.Itoa(len(*audio.Languages))+" of them", fmt.Sprintf("at most %d", maxLanguages))
		return
	}
	for _, given := range *audio.Languages {
		switch code := language(given); {
		case !isLanguage(code):
			r.fault("audio.languages", given, "three letters of ISO 639-2, such as eng")
		case slices.Contains(p.Languages, code):
			r.fault("audio.languages", given, "each language once")
		default:
			p.Languages = append(p.Languages, code)
		}
	}
}

// sound reads how to encode sound.
func (r *reader) sound(p *Profile, audio audioDocument) {
	rates := sampleRates()
	p.SampleRate = r.number("audio.sample_rate", audio.SampleRate, defaultSampleRate, rates[0], rates[len(rates)-1], 1)
	p.Bitrate = r.number("audio.bitrate", audio.Bitrate, defaultBitrate, 6_000, 1_024_000, 1)
	legal, ok := aacBitrates[p.SampleRate]
	switch {
	case !ok:
		r.fault("audio.sample_rate", strconv.Itoa(p.SampleRate), "one of "+listed(rates))
	case !slices.Contains(legal, p.Bitrate):
		r.fault("audio.bitrate", strconv.Itoa(p.Bitrate), fmt.Sprintf("for AAC-LC in stereo at %d Hz one of %s", p.SampleRate, listed(legal)))
	}
}

// cadence reads the lengths of GOPs, fragments and segments. What is left out
// follows from what is given: a fragment is one GOP, a segment as many
// fragments as make six seconds.
func (r *reader) cadence(p *Profile, doc document) {
	p.GOP = r.seconds("gop", doc.GOP, defaultGOP, 1, maxCadence)
	p.Fragment = r.seconds("fragment", doc.Fragment, p.GOP, 1, maxCadence)
	p.Segment = r.seconds("segment", doc.Segment, multiple(defaultSegment, p.Fragment), 1, maxCadence)
	if len(r.faults) > 0 {
		return
	}
	if p.Fragment%p.GOP != 0 {
		r.fault("fragment", p.Fragment.String(), fmt.Sprintf("a multiple of the GOP, %v", p.GOP))
	}
	if p.Segment%p.Fragment != 0 {
		r.fault("segment", p.Segment.String(), fmt.Sprintf("a multiple of the fragment, %v", p.Fragment))
	}
}

// multiple returns the smallest multiple of unit that is at least d.
func multiple(d, unit time.Duration) time.Duration { return (d + unit - 1) / unit * unit }

// images reads the poster and the sprite. A sprite that was not asked for is
// left out where no package can carry it.
func (r *reader) images(p *Profile, given *orOff[imageDocument]) {
	var doc imageDocument
	if given != nil {
		if r.off("thumbnails", given.word) {
			return
		}
		doc = given.value
	}
	var poster posterDocument
	if doc.Poster != nil {
		poster = doc.Poster.value
	}
	if doc.Poster == nil || !r.off("thumbnails.poster", doc.Poster.word) {
		p.Poster = &Poster{
			At:        r.seconds("thumbnails.poster.at", poster.At, defaultPoster.At, 0, maxPosterAt),
			ShortSide: r.number("thumbnails.poster.short_side", poster.ShortSide, defaultPoster.ShortSide, minSide, maxShort, 2),
			Quality:   r.number("thumbnails.poster.quality", poster.Quality, defaultPoster.Quality, 1, 100, 1),
		}
	}
	switch {
	case doc.Sprite == nil && p.tiled() != "":
		p.Sprite = new(defaultSprite)
	case doc.Sprite != nil && !r.off("thumbnails.sprite", doc.Sprite.word):
		r.sprite(p, doc.Sprite.value)
	}
}

func (r *reader) sprite(p *Profile, v spriteDocument) {
	const field = "thumbnails.sprite"
	if p.tiled() == "" {
		r.fault(field, "with packages "+strings.Join(p.Packages, ", "), "cmaf or hls among the packages, which alone carry tiles, or off")
		return
	}
	s := Sprite{
		Every:      r.seconds(field+".every", v.Every, defaultSprite.Every, 1, maxEvery),
		Thumbnails: r.number(field+".thumbnails", v.Thumbnails, defaultSprite.Thumbnails, 1, maxThumbnails, 1),
		Width:      r.number(field+".width", v.Width, defaultSprite.Width, thumbnailUnit, maxTileWidth, thumbnailUnit),
		Columns:    r.number(field+".columns", v.Columns, defaultSprite.Columns, 1, maxColumns, 1),
		Rows:       r.number(field+".rows", v.Rows, defaultSprite.Rows, 1, maxRows, 1),
	}
	longest := defaultSprite.EveryAtMost
	if v.Every != nil {
		longest = s.Every
	}
	s.EveryAtMost = r.seconds(field+".every_at_most", v.EveryAtMost, longest, 1, maxEvery)
	if s.EveryAtMost < s.Every {
		r.fault(field+".every_at_most", s.EveryAtMost.String(), fmt.Sprintf("at least every, %v", s.Every))
	}
	if s.Columns*s.Width > maxTileWidth {
		r.fault(field+".columns", strconv.Itoa(s.Columns), fmt.Sprintf("at most %d of width %d: an image of tiles is at most %d pixels wide", maxTileWidth/s.Width, s.Width, maxTileWidth))
	}
	if height := max(2, s.Width*9/16); s.Rows*height > maxTileHeight {
		r.fault(field+".rows", strconv.Itoa(s.Rows), fmt.Sprintf("at most %d of width %d: an image of tiles is at most %d pixels high", maxTileHeight/height, s.Width, maxTileHeight))
	}
	p.Sprite = &s
}

// listed puts numbers into a message.
func listed(numbers []int) string {
	words := make([]string, len(numbers))
	for i, n := range numbers {
		words[i] = strconv.Itoa(n)
	}
	return strings.Join(words, ", ")
}
