package clips

import (
	"image"
	"image/color"
)

// Read tells which clip a picture shows. It is not ok where the picture shows
// none, or not clearly. The picture may have any size and shape but must be
// the whole frame.
func Read(m image.Image) (identity int, ok bool) {
	code, ok := identityGrid.read(m)
	if !ok || encode(uint16(code)) != code {
		return 0, false
	}
	return int(code & 0xFFFF), true
}

// Counter is the number of the frame within its clip, from 0, modulo 65536. It
// has no check sum: ask [Read] first whether the picture is a clip's.
func Counter(m image.Image) (frame int, ok bool) {
	code, ok := counterGrid.read(m)
	return int(code), ok
}

// read returns the bits of g, unless a cell is neither black nor white.
func (g grid) read(m image.Image) (bits uint32, ok bool) {
	const dark, light = 100, 156
	for bit := range g.cells() {
		switch y := brightness(m, g.cell(bit)); {
		case y >= light:
			bits |= 1 << bit
		case y > dark:
			return 0, false
		}
	}
	return bits, !m.Bounds().Empty()
}

// brightness is the mean of up to 8 x 8 points of the middle of a.
func brightness(m image.Image, a area) int {
	const points = 8
	b, sum := m.Bounds(), 0
	if b.Empty() {
		return 0
	}
	for i := range points {
		for j := range points {
			x := a.x + a.w*(0.25+0.5*(float64(i)+0.5)/points)
			y := a.y + a.h*(0.25+0.5*(float64(j)+0.5)/points)
			c := m.At(b.Min.X+int(x*float64(b.Dx())), b.Min.Y+int(y*float64(b.Dy())))
			sum += int(color.GrayModel.Convert(c).(color.Gray).Y)
		}
	}
	return sum / (points * points)
}
