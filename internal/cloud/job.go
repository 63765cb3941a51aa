package cloud

import "time"

// JobSpec is what a transcode shall make. Its terms are MediaConvert's; values
// that are not here (H.264, AAC, QVBR, the source's frame rate and pixel
// aspect, automatic rotation, UTF-8 manifests) are the same in every job.
//
// The ledger stores specs as JSON, so the members' names are for good.
// Durations are whole nanoseconds there, in members whose names end in "_ns".
type JobSpec struct {
	Input      Location      `json:"input"`
	Template   string        `json:"template,omitempty"` // a job template's name: it replaces the settings of Groups, which then only name destinations
	Audio      int           `json:"audio,omitempty"`    // the audio track to use, from 1; 0 for none
	Groups     []OutputGroup `json:"groups,omitempty"`   // in a fixed order: it decides the job's JSON
	Accelerate bool          `json:"accelerate,omitempty"`
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
	Package     string        `json:"package"` // the package's name: "cmaf", "hls", "dash", "smooth", "mp4", "thumbs"
	Kind        GroupKind     `json:"kind"`
	Destination Location      `json:"destination"`           // folder and base name of the files, s3://bucket/media/…/cmaf/video; names get the outputs' modifiers appended
	Segment     time.Duration `json:"segment_ns,omitempty"`  // whole seconds, a multiple of Fragment; of cmaf, hls, dash
	Fragment    time.Duration `json:"fragment_ns,omitempty"` // whole seconds, a multiple of the GOP; of cmaf, dash, smooth
	Tiles       *Tiles        `json:"tiles,omitempty"`       // trick-play images, of cmaf and hls
	Outputs     []Output      `json:"outputs,omitempty"`
}

// Output is one output of a group.
type Output struct {
	NameModifier string        `json:"name_modifier,omitempty"` // appended to the base name: "_1080p"
	Video        *Video        `json:"video,omitempty"`
	Audio        *Audio        `json:"audio,omitempty"`
	Capture      *FrameCapture `json:"capture,omitempty"`
}

// Video is an H.264 rendition. One of Width and Height is zero, and follows
// from the source's shape: so pixels that are not square stay right.
type Video struct {
	Width      int           `json:"width,omitempty"` // pixels after rotation, even; 0 follows
	Height     int           `json:"height,omitempty"`
	MaxBitrate int           `json:"max_bitrate"`           // bits a second
	Quality    int           `json:"quality"`               // QVBR level, 1 to 10
	GOP        time.Duration `json:"gop_ns"`                // whole seconds, closed; 0 for the service's choice
	SinglePass bool          `json:"single_pass,omitempty"` // the cheapest tuning level
}

// Audio is an AAC-LC rendition in stereo.
type Audio struct {
	Bitrate    int `json:"bitrate"`     // bits a second
	SampleRate int `json:"sample_rate"` // Hz
}

// FrameCapture makes JPEGs: one every Every seconds, at most Max of them.
type FrameCapture struct {
	Width   int           `json:"width,omitempty"` // as in [Video]
	Height  int           `json:"height,omitempty"`
	Every   time.Duration `json:"every_ns"`
	Max     int           `json:"max"`
	Quality int           `json:"quality"` // JPEG quality, 1 to 100
}

// Tiles are images for scrubbing: thumbnails in a grid, several to a JPEG,
// listed in an image playlist beside the group's manifest.
type Tiles struct {
	Every   time.Duration `json:"every_ns"` // between thumbnails
	Width   int           `json:"width"`    // pixels of one thumbnail; the height follows
	Columns int           `json:"columns"`  // thumbnails of one JPEG, across
	Rows    int           `json:"rows"`     // and down
}
