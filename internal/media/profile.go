// Package media decides what is made of a source video: which renditions, in
// which packages, under which names. It reads profiles, plans a source by one,
// writes the plan as a job, tells which files that job must leave, and reads
// the manifests among them.
//
// Everything here is pure: no I/O, no clock, the same answer for the same
// input. Probing, transcoding and storage are for package cloud's ports, and
// looking whether the files are there is for package delivery.
package media

import (
	"slices"
	"time"
)

// Names of packages. A package is one output group and one folder of a build.
const (
	PackageCMAF   = "cmaf" // HLS and DASH over one set of fMP4 segments
	PackageHLS    = "hls"  // HLS over MPEG-TS segments
	PackageDASH   = "dash"
	PackageSmooth = "smooth" // Microsoft Smooth Streaming: one .ismv a rendition, sound apart
	PackageMP4    = "mp4"    // one file for each rendition
	PackageThumbs = "thumbs" // the poster; follows from the profile's thumbnails
)

// packages are those that a profile may ask for, in the order of a job's
// output groups.
var packages = []string{PackageCMAF, PackageHLS, PackageDASH, PackageSmooth, PackageMP4}

// Delivery is how viewers reach a build.
type Delivery string

const (
	Stable    Delivery = "stable"    // entry documents that keep their URL over replacements
	Versioned Delivery = "versioned" // every build has URLs of its own, and only those
)

// Profile is what to make of a source. It comes from [Parse] or [Default],
// which leave nothing unset and nothing that MediaConvert would refuse.
type Profile struct {
	// Template names a MediaConvert job template that decides everything about
	// the outputs. With one, the fields up to Sprite are empty.
	Template string

	Packages   []string // in the order of a job's output groups
	Renditions []Rung   // descending by ShortSide
	Bitrate    int      // of sound, bits a second
	SampleRate int      // of sound, Hz
	Segment    time.Duration
	Fragment   time.Duration // divides Segment
	GOP        time.Duration // divides Fragment
	SinglePass bool          // the cheapest and lowest of the encoder's tuning levels
	Poster     *Poster       // nil for none
	Sprite     *Sprite       // nil for none

	Languages  []string // of sound, ISO 639-2/T, the most wanted first
	AudioTrack int      // the audio track to use, from 1, if no language is found
	Delivery   Delivery
	Queue      string // MediaConvert queue, name or ARN; empty for the fleet's
	Priority   int    // in the queue, -50 to 50
	Accelerate bool   // moves every output to the professional tier
}

// Rung is one step of the ladder of renditions.
type Rung struct {
	ShortSide  int // pixels, even
	MaxBitrate int // bits a second, for up to 30 frames a second
	Quality    int // QVBR level, 1 to 10
}

// Poster is a still picture of the video.
type Poster struct {
	At        time.Duration // from the start; earlier in a source shorter than twice that
	ShortSide int           // pixels, even; less where the source is smaller
	Quality   int           // JPEG quality, 1 to 100
}

// Sprite is a set of thumbnails for scrubbing, in grids of several to a JPEG.
// The interval is the source's duration divided by Thumbnails, kept within
// Every and EveryAtMost.
type Sprite struct {
	Every         time.Duration
	EveryAtMost   time.Duration
	Thumbnails    int
	Width         int // pixels of one thumbnail, a multiple of 8
	Columns, Rows int // thumbnails of one JPEG
}

// ladder is the default. Sizes and levels are those of MediaConvert's QVBR
// guide (1080p 9 or 8 at 6 Mb/s, 720p 8 at 4, 480p 7 at 1, 360p 7 at 0.7). The
// two lower rungs have more room than there: the guide's step from 4 to 1 Mb/s
// is twice what Apple's HLS authoring specification allows (adjacent variants
// a factor of 1.5 to 2 apart), and AWS's own Video on Demand solution gives
// 540p 3.5 and 360p 1.5 Mb/s. These are caps: QVBR spends less where it can.
var ladder = []Rung{
	{ShortSide: 1080, MaxBitrate: 6_000_000, Quality: 8},
	{ShortSide: 720, MaxBitrate: 4_000_000, Quality: 8},
	{ShortSide: 480, MaxBitrate: 2_000_000, Quality: 7},
	{ShortSide: 360, MaxBitrate: 1_000_000, Quality: 7},
}

// Defaults of what a profile does not say. A stored profile says everything
// (see [Profile.Canonical]), so a change here reaches new profiles only.
const (
	defaultBitrate    = 128_000
	defaultSampleRate = 48_000
	defaultGOP        = 2 * time.Second // Apple's authoring specification: a key frame every 2 s
	defaultSegment    = 6 * time.Second // the same: segments of 6 s
)

var (
	defaultPoster = Poster{At: 5 * time.Second, ShortSide: 720, Quality: 80}
	defaultSprite = Sprite{Every: time.Second, EveryAtMost: 10 * time.Second, Thumbnails: 100, Width: 160, Columns: 5, Rows: 5}
)

// Default is the profile of a fleet that was given none: CMAF with a poster
// and thumbnails, four renditions, stable URLs.
func Default() Profile {
	p, err := read(document{})
	if err != nil {
		panic("media: the default profile is not legal: " + err.Error())
	}
	return p
}

// tiled returns the package that carries the sprite: MediaConvert makes tiles
// in its CMAF and HLS groups, and one set is enough. Empty if p has neither.
func (p Profile) tiled() string {
	for _, name := range []string{PackageCMAF, PackageHLS} {
		if slices.Contains(p.Packages, name) {
			return name
		}
	}
	return ""
}
