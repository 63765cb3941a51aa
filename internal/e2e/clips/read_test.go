package clips

import (
	"image"
	"image/color"
	"image/draw"
	"math/bits"
	"testing"
)

// paint draws the code of an identity without ffmpeg.
func paint(size image.Rectangle, code uint32, black, white color.Gray) *image.Gray {
	m := image.NewGray(size)
	draw.Draw(m, size, image.NewUniform(black), image.Point{}, draw.Src)
	for bit := range identityGrid.cells() {
		if code>>bit&1 == 1 {
			a := identityGrid.cell(bit)
			w, h := float64(size.Dx()), float64(size.Dy())
			cell := image.Rect(int(a.x*w), int(a.y*h), int((a.x+a.w)*w+0.5), int((a.y+a.h)*h+0.5)).Add(size.Min)
			draw.Draw(m, cell, image.NewUniform(white), image.Point{}, draw.Src)
		}
	}
	return m
}

func TestRead(t *testing.T) {
	wide := image.Rect(0, 0, 640, 360)
	for _, tt := range []struct {
		name string
		m    image.Image
		want int
		ok   bool
	}{
		{"plain", paint(wide, encode(4711), color.Gray{0}, color.Gray{255}), 4711, true},
		{"limited range", paint(wide, encode(4711), color.Gray{16}, color.Gray{235}), 4711, true},
		{"not at the origin", paint(wide.Add(image.Pt(77, -99)), encode(4711), color.Gray{0}, color.Gray{255}), 4711, true},
		{"a sheet's tile", paint(image.Rect(0, 0, 900, 900), encode(4711), color.Gray{0}, color.Gray{255}).SubImage(image.Rect(0, 0, 900, 900)), 4711, true},
		{"half of it", paint(wide, encode(4711), color.Gray{0}, color.Gray{255}).SubImage(image.Rect(0, 0, 320, 360)), 0, false},
		{"grey", paint(wide, encode(4711), color.Gray{110}, color.Gray{140}), 0, false},
		{"black", paint(wide, 0, color.Gray{0}, color.Gray{255}), 0, false},
		{"white", paint(wide, 1<<24-1, color.Gray{0}, color.Gray{255}), 0, false},
		{"empty", image.NewGray(image.Rectangle{}), 0, false},
		{"one pixel", image.NewGray(image.Rect(0, 0, 1, 1)), 0, false},
	} {
		if got, ok := Read(tt.m); got != tt.want || ok != tt.ok {
			t.Errorf("%s: Read = %d, %v, want %d, %v", tt.name, got, ok, tt.want, tt.ok)
		}
	}
}

// TestCode flips every one and two bits of codes: none may pass for another.
func TestCode(t *testing.T) {
	codes := map[uint32]bool{}
	for identity := range 1 << 16 {
		codes[encode(uint16(identity))] = true
	}
	for code := range codes {
		for a := range 24 {
			for b := range a + 1 { // b = a: one bit
				if wrong := code ^ (1<<a | 1<<b); codes[wrong] {
					t.Fatalf("%06x and %06x differ in %d bits and are both codes", code, wrong, bits.OnesCount32(code^wrong))
				}
			}
		}
	}
}
