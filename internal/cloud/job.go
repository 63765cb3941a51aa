package cloud

import "time"

// JobSpec is what a transcode shall make. Its terms are MediaConvert's; values
// that are not here (H.264, AAC, QVBR, the source's frame rate and pixel
// aspect, automatic rotation, UTF-8 manifests) are the same in every job.
type JobSpec struct {
	Input      Location
	Template   string        // a job template's name: it replaces the settings of Groups, which then only name destinations
	Audio      int           // the audio track to use, from 1; 0 for none
	Groups     []OutputGroup // in a fixed order: it decides the job's JSON
	Accelerate bool
}

// GroupKind is the kind of an output group.
type GroupKind string

const (
	GroupCMAF   GroupKind = "cmaf" // one set of fMP4 segments, an HLS and a DASH manifest
	GroupHLS    GroupKind = "hls"  // MPEG-TS segments
	GroupDASH   GroupKind = "dash"
	GroupSmooth GroupKind = "smooth"
	GroupFile   GroupKind = "file" // one file an output: MP4, or JPEGs of a frame capture
)

// OutputGroup is one package: outputs that share manifests and a destination.
type OutputGroup struct {
	Package     string // the package's name: "cmaf", "hls", "dash", "smooth", "mp4", "thumbs"
	Kind        GroupKind
	Destination Location      // folder and base name of the files, s3://bucket/media/…/cmaf/video; names get the outputs' modifiers appended
	Segment     time.Duration // whole seconds, a multiple of Fragment; of cmaf, hls, dash
	Fragment    time.Duration // whole seconds, a multiple of the GOP; of cmaf, dash, smooth
	Tiles       *Tiles        // trick-play images, of cmaf and hls
	Outputs     []Output
}

// Output is one output of a group.
type Output struct {
	NameModifier string // appended to the base name: "_1080p"
	Video        *Video
	Audio        *Audio
	Capture      *FrameCapture
}

// Video is an H.264 rendition. One of Width and Height is zero, and follows
// from the source's shape: so pixels that are not square stay right.
type Video struct {
	Width, Height int           // pixels after rotation, even; 0 follows
	MaxBitrate    int           // bits a second
	Quality       int           // QVBR level, 1 to 10
	GOP           time.Duration // whole seconds, closed
	SinglePass    bool          // the cheapest tuning level
}

// Audio is an AAC-LC rendition in stereo.
type Audio struct {
	Bitrate    int // bits a second
	SampleRate int // Hz
}

// FrameCapture makes JPEGs: one every Every seconds, at most Max of them.
type FrameCapture struct {
	Width, Height int // as in [Video]
	Every         time.Duration
	Max           int
	Quality       int // JPEG quality, 1 to 100
}

// Tiles are images for scrubbing: thumbnails in a grid, several to a JPEG,
// listed in an image playlist beside the group's manifest.
type Tiles struct {
	Every         time.Duration // between thumbnails
	Width         int           // pixels of one thumbnail; the height follows
	Columns, Rows int           // thumbnails of one JPEG
}
