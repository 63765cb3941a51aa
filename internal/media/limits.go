package media

import (
	"maps"
	"slices"
)

// Limits of MediaConvert, from its API model and, where a comment says so, from
// its user guide; those marked "ours" are narrower than the service's.
const (
	minSide       = 32            // pixels of either side of a picture
	maxShort      = 2160          // "Maximum supported output resolutions": H.264 at most 4096x2160 or 2160x4096
	maxLong       = 4096          // the same
	maxSource     = 1 << 16       // pixels of either side of a source; ours
	minBitrate    = 1_000         // bits a second of video
	maxBitrate    = 1_152_000_000 // the same
	minQuality    = 1             // QVBR level
	maxQuality    = 10
	minPriority   = -50
	maxPriority   = 50
	maxName       = 256   // characters of a queue's or template's name; ours
	maxRenditions = 10    // ours: each is billed by the minute
	maxLanguages  = 16    // ours
	maxTrack      = 64    // ours
	maxCadence    = 60    // seconds of a GOP, fragment or segment; ours
	maxPosterAt   = 3_600 // seconds; ours

	thumbnailUnit = 8 // the width of a thumbnail is a multiple of it, and at least it
	maxTileWidth  = 4096
	maxTileHeight = 4096 // a taller image of tiles makes the service refuse the job
	maxColumns    = 512
	maxRows       = 2048
	maxEvery      = 3_600  // seconds between thumbnails; ours
	maxThumbnails = 10_000 // ours
)

// aacBitrates are the bitrates of AAC-LC in stereo at constant bitrate, by
// sample rate: "AAC output reference tables" of the user guide. The service has
// rates above 48 kHz too, which players resample and nobody hears; not offered.
var aacBitrates = map[int][]int{
	8_000:  {16_000, 20_000},
	12_000: {16_000, 20_000},
	16_000: {16_000, 20_000, 24_000, 28_000, 32_000},
	22_050: {32_000},
	24_000: {32_000},
	32_000: {40_000, 48_000, 56_000, 64_000, 80_000, 96_000, 112_000, 128_000, 160_000, 192_000, 224_000, 256_000, 288_000, 320_000, 384_000},
	44_100: {64_000, 80_000, 96_000, 112_000, 128_000, 160_000, 192_000, 224_000, 256_000, 288_000, 320_000, 384_000, 448_000, 512_000},
	48_000: {64_000, 80_000, 96_000, 112_000, 128_000, 160_000, 192_000, 224_000, 256_000, 288_000, 320_000, 384_000, 448_000, 512_000, 576_000},
}

// sampleRates returns the keys of aacBitrates, ascending.
func sampleRates() []int { return slices.Sorted(maps.Keys(aacBitrates)) }
