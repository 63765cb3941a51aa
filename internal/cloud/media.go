package cloud

import "time"

// Media is what a probe tells of a source.
type Media struct {
	Container string // "mp4", "quicktime", "matroska", …; empty if unknown
	Duration  time.Duration
	Size      int64  // bytes
	ETag      string // of the probed object, without quotes; empty if not told
	Tracks    []Track
}

// TrackKind is what a track carries.
type TrackKind string

const (
	TrackVideo TrackKind = "video"
	TrackAudio TrackKind = "audio"
	TrackData  TrackKind = "data" // captions, timecode and the like
)

// Track is one track of a source.
type Track struct {
	Kind     TrackKind
	Index    int    // in the container, from 1
	Codec    string // "AVC", "AAC", …; empty if unknown
	Duration time.Duration
	Language string // ISO 639, where told

	// Of video.
	Width, Height int // pixels as coded, before rotation
	Rotation      int // degrees clockwise, 0, 90, 180 or 270
	FrameRate     Rational

	// Of audio.
	Channels   int
	SampleRate int // Hz
}

// Rational is a fraction, such as a frame rate. The zero value is "not told".
type Rational struct{ Num, Den int }

// Float returns the fraction's value, 0 where it has none.
func (r Rational) Float() float64 {
	if r.Den == 0 {
		return 0
	}
	return float64(r.Num) / float64(r.Den)
}
