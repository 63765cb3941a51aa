package ffmpeg

import (
	"fmt"
	"math"
)

// Picture is the geometry of an output: the source scaled to ContentWidth ×
// ContentHeight, cropped or padded to Width × Height, with pixels of the shape
// SAR. All sizes are even numbers of pixels.
type Picture struct {
	Width, Height               int
	ContentWidth, ContentHeight int
	SAR                         Rational
}

// Source is the picture that comes out of decoder and rotation.
type Source struct {
	Width, Height int
	SAR           Rational
}

// Upright gives the source's picture after turning it by degrees clockwise.
func (s *Stream) Upright(degrees int) Source {
	if degrees%180 == 90 {
		return Source{s.Height, s.Width, Rational{s.SAR.Den, s.SAR.Num}}
	}
	return Source{s.Width, s.Height, s.SAR}
}

// Fit chooses the geometry for a wanted width and height, either of which may
// be 0 to follow the source's display aspect, and a pixel shape, which is the
// source's if par is 0/0. With both given, scaling says what becomes of the
// difference in aspect: DEFAULT pads, STRETCH_TO_OUTPUT distorts, FIT and
// FIT_NO_UPSCALE shrink the output to the picture, FILL crops.
func Fit(src Source, width, height int, par Rational, scaling string) Picture {
	if par.Num <= 0 || par.Den <= 0 {
		par = src.SAR
	}
	// aspect is the width of the picture in output pixels for a height of 1.
	aspect := float64(src.Width) * src.SAR.Float() / float64(src.Height) / par.Float()
	switch {
	case width == 0 && height == 0:
		height = even(float64(src.Height))
		width = even(float64(src.Height) * aspect)
	case width == 0:
		width = even(float64(height) * aspect)
	case height == 0:
		height = even(float64(width) / aspect)
	default:
		return fitBoth(src, width, height, par, aspect, scaling)
	}
	return Picture{width, height, width, height, par}
}

func fitBoth(src Source, width, height int, par Rational, aspect float64, scaling string) Picture {
	boxed := func(w, h float64) (int, int) { return even(w), even(h) }
	cw, ch := boxed(math.Min(float64(width), float64(height)*aspect), math.Min(float64(height), float64(width)/aspect))
	switch scaling {
	case "STRETCH_TO_OUTPUT":
		cw, ch = width, height
	case "FILL":
		cw, ch = boxed(math.Max(float64(width), float64(height)*aspect), math.Max(float64(height), float64(width)/aspect))
	case "FIT", "FIT_NO_UPSCALE":
		if scaling == "FIT_NO_UPSCALE" && ch > src.Height {
			cw, ch = boxed(float64(src.Height)*aspect, float64(src.Height))
		}
		width, height = cw, ch
	default:
		// A bar of a pixel or two is rounding, not a difference in aspect.
		if width-cw <= 2 {
			cw = width
		}
		if height-ch <= 2 {
			ch = height
		}
	}
	return Picture{width, height, cw, ch, par}
}

func even(f float64) int { return max(2, 2*int(math.Round(f/2))) }

// DisplayWidth is the width in square pixels.
func (p Picture) DisplayWidth() int {
	return int(math.Round(float64(p.Width) * p.SAR.Float()))
}

// filter is the chain of ffmpeg filters that makes the picture.
func (p Picture) filter() string {
	chain := fmt.Sprintf("scale=%d:%d:flags=bilinear", p.ContentWidth, p.ContentHeight)
	if p.ContentWidth > p.Width || p.ContentHeight > p.Height {
		chain += fmt.Sprintf(",crop=%d:%d", p.Width, p.Height)
	} else if p.ContentWidth < p.Width || p.ContentHeight < p.Height {
		chain += fmt.Sprintf(",pad=%d:%d:(ow-iw)/2:(oh-ih)/2", p.Width, p.Height)
	}
	return chain + fmt.Sprintf(",setsar=%d/%d", p.SAR.Num, p.SAR.Den)
}
