package media

import (
	"math"

	"github.com/vodfleet/vodfleet/internal/cloud"
)

// worth is how much larger than the next rung below a source must be to get a
// rendition of its own size: a fifth in each direction, so 576 above 480 and
// 1078 above 720, but not 544 above 480.
const worth = 1.2

// picture is the size of a source, after rotation.
type picture struct{ width, height int }

// displayed returns the size at which a track is seen. Pixels count as square:
// probes do not tell their shape, and a rendition that sets one side keeps it.
func displayed(container string, t cloud.Track) picture {
	turned := (t.Rotation%360 + 360) % 360
	if rotates(container) && (turned == 90 || turned == 270) {
		return picture{t.Height, t.Width}
	}
	return picture{t.Width, t.Height}
}

// rotates reports whether MediaConvert's automatic rotation looks at files of
// this container: only those of MP4 and QuickTime.
func rotates(container string) bool { return container == "mp4" || container == "quicktime" }

func (s picture) short() int { return min(s.width, s.height) }
func (s picture) long() int  { return max(s.width, s.height) }

// sized returns the one side to set, and 0 for the other, which follows from
// the source's shape, so that the short side is n.
func (s picture) sized(n int) (width, height int) {
	if s.width < s.height {
		return n, 0
	}
	return 0, n
}

// fit returns the largest short side that a rendition may have: even, not
// above the source's, and such that the long side is one that H.264 allows.
func (s picture) fit() (int, error) {
	switch {
	case s.long() > maxSource:
		return 0, unsupported("its picture of %d×%d pixels is larger than can be read", s.width, s.height)
	case s.short() < minSide:
		return 0, unsupported("its picture of %d×%d pixels is too small: each side needs at least %d", s.width, s.height, minSide)
	}
	n := min(s.short(), maxShort, maxLong*s.short()/s.long()) &^ 1
	if n < minSide {
		return 0, unsupported("its picture of %d×%d pixels is too long and thin: scaled to a length of %d it would be under %d across",
			s.width, s.height, maxLong, minSide)
	}
	return n, nil
}

// rungs returns the renditions of a source whose short side may be at most
// fit: every rung that is not above it. The lowest rung that does not fit is
// lowered to fit if that is worth it, which it always is where nothing else
// is left. So a source never gets more renditions than one that fills its next
// rung, 1078 lines are not cut to 720, and a tiny one gets its own size.
func (p Profile) rungs(fit int) []Rung {
	var fitting []Rung
	var lowest Rung // that does not fit
	for _, r := range p.Renditions {
		if r.ShortSide <= fit {
			fitting = append(fitting, r)
		} else {
			lowest = r
		}
	}
	if lowest.ShortSide == 0 {
		return fitting
	}
	if len(fitting) > 0 && float64(fit) < worth*float64(fitting[0].ShortSide) {
		return fitting
	}
	lowered := Rung{ShortSide: fit, MaxBitrate: between(fitting, lowest, fit), Quality: lowest.Quality}
	return append([]Rung{lowered}, fitting...)
}

// between returns the bitrate of a size below the rung above it: on the line
// through the two rungs around it when both axes are logarithmic. Below the
// lowest rung bits go with the 0.75th power of the number of pixels, a rule of
// thumb of encoding, down to 100 kb/s.
func between(fitting []Rung, above Rung, side int) int {
	scale := math.Log(float64(side) / float64(above.ShortSide))
	if len(fitting) == 0 {
		least := min(above.MaxBitrate, 100_000)
		return max(least, kilobits(float64(above.MaxBitrate)*math.Exp(1.5*scale)))
	}
	below := fitting[0]
	slope := math.Log(float64(above.MaxBitrate)/float64(below.MaxBitrate)) / math.Log(float64(above.ShortSide)/float64(below.ShortSide))
	return max(below.MaxBitrate, kilobits(float64(above.MaxBitrate)*math.Exp(slope*scale)))
}

// faster raises a bitrate for more than 30 frames a second, by half of what
// the frames are more, as streaming guides do: 50 frames ×1.33, 60 ×1.5, and
// at most ×2. Slower sources keep it: it is a cap, which QVBR stays below.
func faster(bitrate int, rate cloud.Rational) int {
	factor := min(1+(rate.Float()/30-1)/2, 2)
	if factor < 1.05 { // 30 and what rounding makes of it
		return bitrate
	}
	return min(kilobits(float64(bitrate)*factor), maxBitrate)
}

// kilobits rounds bits a second to whole kilobits, at least one.
func kilobits(bitrate float64) int { return max(minBitrate, int(math.Round(bitrate/1000))*1000) }
