package players

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"time"
)

// Heard is what GStreamer played of a stream's sound.
type Heard struct {
	Length time.Duration
	Pitch  float64 // hertz, of a plain tone
	Err    error   // also where there is no sound
}

const (
	hearRate  = 8000 // samples per second
	maxListen = 10 * time.Minute
)

// Listen plays the sound of p from start to end, at most ten minutes of it.
func (h *Harness) Listen(ctx context.Context, p Package, o Options) (heard Heard) {
	path, err := h.path(p.URL, "")
	if err != nil {
		return Heard{Err: fmt.Errorf("listen to %s: %w", p.Name, err)}
	}
	l, err := h.line(Link{}, nil)
	if err != nil {
		return Heard{Err: fmt.Errorf("listen to %s: %w", p.Name, err)}
	}
	defer l.close()
	ctx, cancel := o.bound(ctx)
	defer cancel()
	_, err = launch(ctx, heard.count, "uridecodebin", "uri="+l.at+path, "caps=audio/x-raw(ANY)", "expose-all-streams=false",
		"!", "audioconvert", "!", "audioresample", "!", fmt.Sprintf("audio/x-raw,format=S16LE,rate=%d,channels=1", hearRate), "!", "fdsink", "fd=3")
	if err != nil {
		heard.Err = fmt.Errorf("listen to %s: %w", p.Name, err)
	}
	return heard
}

// count measures the length, and the pitch by how often the sound passes from
// below zero to above.
func (heard *Heard) count(pipe io.Reader) {
	samples, crossings, below := 0, 0, false
	buffer := make([]byte, 2*hearRate)
	for samples < hearRate*int(maxListen/time.Second) {
		n, err := io.ReadFull(pipe, buffer)
		for at := 0; at+1 < n; at += 2 {
			sample := int16(binary.LittleEndian.Uint16(buffer[at:]))
			switch {
			case sample < 0:
				below = true
			case sample > 0 && below:
				crossings++
				below = false
			}
			samples++
		}
		if err != nil {
			break
		}
	}
	heard.Length = time.Duration(samples) * time.Second / hearRate
	if samples > 0 {
		heard.Pitch = float64(crossings) / heard.Length.Seconds()
	}
}

// Check is nil if a tone of the pitch was heard for the length, each within 5 %.
func (heard Heard) Check(length time.Duration, pitch int) error {
	const near = 0.05
	switch {
	case heard.Err != nil:
		return heard.Err
	case math.Abs(heard.Length.Seconds()-length.Seconds()) > near*length.Seconds():
		return fmt.Errorf("%v of sound, want %v", heard.Length, length)
	case math.Abs(heard.Pitch-float64(pitch)) > near*float64(pitch):
		return fmt.Errorf("sound of %.0f Hz, want %d Hz", heard.Pitch, pitch)
	}
	return nil
}
