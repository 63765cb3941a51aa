package media

import (
	"time"

	"github.com/vodfleet/vodfleet/internal/cloud"
)

// capture plans a poster. MediaConvert captures the first frame and then one
// every interval: a poster from At is the second capture. Where the video may
// end before it, the poster is earlier, and the first frame of the shortest
// ones; so it exists for any duration.
func (p *Poster) capture(pic picture, fit int, shown, frame time.Duration) *cloud.FrameCapture {
	if p == nil {
		return nil
	}
	c := cloud.FrameCapture{Every: time.Second, Max: 1, Quality: p.Quality}
	c.Width, c.Height = pic.sized(min(p.ShortSide, fit))
	at := min(p.At, (shown / 2).Truncate(time.Second))
	if at > 0 && at >= frame && shown-at >= 2*frame {
		c.Every, c.Max = at, 2
	}
	return &c
}

// tiles plans thumbnails, for any duration few enough to fetch.
func (s *Sprite) tiles(pic picture, shown, frame time.Duration) *cloud.Tiles {
	if s == nil {
		return nil
	}
	ideal := shown / time.Duration(s.Thumbnails)
	t := cloud.Tiles{
		Every:   multiple(max(s.Every, min(ideal, s.EveryAtMost), frame), time.Second),
		Width:   s.thumbnail(pic),
		Columns: s.Columns,
	}
	t.Columns = max(1, min(s.Columns, maxTileWidth/t.Width))
	t.Rows = max(1, min(s.Rows, maxTileHeight/thumbnailHeight(pic, t.Width)))
	return &t
}

// thumbnail returns the width of one thumbnail: the profile's, unless the
// source is narrower, or so tall that one would be higher than an image of
// tiles may be, or so wide that one would be a line.
func (s *Sprite) thumbnail(pic picture) int {
	const lowest = 8 // pixels of height
	width := min(s.Width, max(thumbnailUnit, pic.width/thumbnailUnit*thumbnailUnit))
	for width > thumbnailUnit && thumbnailHeight(pic, width) > maxTileHeight {
		width -= thumbnailUnit
	}
	for width+thumbnailUnit <= min(pic.width, maxTileWidth) && width*pic.height < lowest*pic.width {
		width += thumbnailUnit
	}
	return width
}

// thumbnailHeight returns how high a thumbnail of this width may be at most: pixels
// that are not square, which a probe does not tell, make it up to a fifth
// higher than the source's numbers say.
func thumbnailHeight(pic picture, width int) int { return max(2, width*pic.height*6/(pic.width*5)+2) }
