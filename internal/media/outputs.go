package media

import (
	"fmt"
	"strings"

	"github.com/vodfleet/vodfleet/internal/cloud"
)

// BuildPrefix returns the folder of one build's files below the fleet's output:
// OUTPUT/media/ASSET/BUILD/. No other build, of this asset or another, has it.
func BuildPrefix(output cloud.Location, asset string, build int) cloud.Location {
	return output.Join(fmt.Sprintf("media/%s/%d/", asset, build))
}

// Kind is what an expected file is to a player.
type Kind string

const (
	KindHLS    Kind = "hls"    // a multivariant playlist
	KindDASH   Kind = "dash"   // an MPD
	KindSmooth Kind = "smooth" // a server manifest
	KindMP4    Kind = "mp4"
	KindPoster Kind = "poster" // JPEG
)

// Expected is a file that a job must leave; what it names, if it is a
// manifest, must be there as well.
type Expected struct {
	Package string
	Kind    Kind
	Path    string // relative to the build's prefix

	// Fallback is another file that serves if the one at Path is not there:
	// for a poster, the capture before it. Empty where there is none.
	Fallback string
}

// Expect returns the files that the job of spec leaves under names known
// beforehand, in the order of spec. MediaConvert does not tell them; it makes
// them of the destination, the output's name modifier, and for a frame capture
// a number of seven digits from zero.
func Expect(spec cloud.JobSpec) []Expected {
	var files []Expected
	for _, g := range spec.Groups {
		base := relative(g.Destination)
		add := func(kind Kind, path, fallback string) {
			files = append(files, Expected{g.Package, kind, path, fallback})
		}
		switch g.Kind {
		case cloud.GroupCMAF:
			add(KindHLS, base+".m3u8", "")
			add(KindDASH, base+".mpd", "")
		case cloud.GroupHLS:
			add(KindHLS, base+".m3u8", "")
		case cloud.GroupDASH:
			add(KindDASH, base+".mpd", "")
		case cloud.GroupSmooth:
			add(KindSmooth, base+".ism", "")
		case cloud.GroupFile:
			for _, o := range g.Outputs {
				name := base + o.NameModifier
				first := name + ".0000000.jpg"
				switch {
				case o.Capture == nil:
					add(KindMP4, name+".mp4", "")
				case spec.Template == "" && o.Capture.Max == 2: // see Poster.capture
					add(KindPoster, name+".0000001.jpg", first)
				default:
					add(KindPoster, first, "")
				}
			}
		}
	}
	return files
}

// relative returns a destination's last two segments, the package's folder and
// the base name, which is its path within the build.
func relative(destination cloud.Location) string {
	key := destination.Key
	base := strings.LastIndexByte(key, '/')
	if base < 0 {
		return key
	}
	return key[strings.LastIndexByte(key[:base], '/')+1:]
}
