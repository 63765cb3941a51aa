// Package players plays streams with real players, without a screen, and
// reports what they showed: GStreamer, hls.js and dash.js in Chromium, and
// Chromium's own video element. Each rendition of a package is played alone,
// through a small proxy that cuts the manifests (see [Harness]), so that no
// player's own choice hides a bad one.
//
// What was shown is read from the pictures (package clips); what should have
// been shown is for the caller to say (see [Want]).
package players

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"strings"
	"text/tabwriter"
	"time"
)

// Player names a player.
type Player string

// The players. Native is Chromium's own video element.
const (
	GStreamer Player = "gstreamer"
	HLSJS     Player = "hls.js"
	DashJS    Player = "dash.js"
	Native    Player = "chromium"
)

// Seen is what one player showed of one rendition.
type Seen struct {
	Player    Player
	Package   string // as the caller named it
	Rendition string // from the manifest; "all" where the player chose

	Width, Height int      // of the decoded picture; in Chromium, as it is to be shown
	Aspect        float64  // of the picture as it is to be shown, width by height
	Frames        int      // decoded from the first to the end
	Skips         int      // frames whose number does not follow the one before; -1 where not every frame was looked at
	Looks         []Look   // at least one, unless there was no picture
	Sizes         []string // of the decoded pictures, "640x360", in order: more than one where the player switched
	Later         int      // files of media asked for after a pause
	Sound         bool     // whether sound was decoded, too; GStreamer looks at pictures only
	Err           error    // why it did not play to the end
}

// Look is what one picture showed.
type Look struct {
	At       time.Duration // in the presentation
	Identity int           // -1 where the picture names no clip
	Counter  int           // the number burned into it; -1 where unreadable
}

// Want is what should be seen.
type Want struct {
	Identity int
	Frames   int
	Aspect   float64
	FPS      float64 // for the frame that a seek shows; 0: not checked
	Near     float64 // share by which frames may be off, as players decode some twice where they stood still or switched; 0: 1 %
}

const tolerance = 0.01 // of frames and of shape

// Check is nil if s shows what w wants: the identity in every look, its shape
// within 1 % and its frames as nearly as w wants, frames in order, and after a seek the frame of
// that time. The error names everything that differs.
func (s Seen) Check(w Want) error {
	var all []error
	wrong := func(format string, args ...any) { all = append(all, fmt.Errorf(format, args...)) }
	if s.Err != nil {
		all = append(all, s.Err)
	}
	near := cmp.Or(w.Near, tolerance)
	if math.Abs(float64(s.Frames-w.Frames)) > near*float64(w.Frames) {
		wrong("%d frames, want %d", s.Frames, w.Frames)
	}
	if s.Skips > int(near*float64(w.Frames)) {
		wrong("%d frames out of order", s.Skips)
	}
	if !(math.Abs(s.Aspect-w.Aspect) <= tolerance*w.Aspect) { // NaN is wrong, too
		wrong("aspect %.3f (%dx%d), want %.3f", s.Aspect, s.Width, s.Height, w.Aspect)
	}
	if len(s.Looks) == 0 {
		wrong("no picture")
	}
	for _, look := range s.Looks {
		if look.Identity != w.Identity {
			wrong("at %v identity %d, want %d", look.At, look.Identity, w.Identity)
			break
		}
		const frames = 2 // by which a seek may be off
		if want := look.At.Seconds() * w.FPS; w.FPS > 0 && math.Abs(float64(look.Counter)-want) > frames {
			wrong("at %v frame %d, want %.0f", look.At, look.Counter, want)
		}
	}
	if len(all) == 0 {
		return nil
	}
	return fmt.Errorf("%s %s %s: %w", s.Player, s.Package, s.Rendition, errors.Join(all...))
}

// Table shows what was seen, one line each, for a test's log.
func Table(all []Seen) string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "player\tpackage\trendition\tframes\tpicture\taspect\tidentity\tsound\t")
	for _, s := range all {
		sound := "no"
		switch {
		case s.Player == GStreamer:
			sound = "-"
		case s.Sound:
			sound = "yes"
		}
		end := ""
		if s.Err != nil {
			const most = 200
			end = strings.Join(strings.Fields(s.Err.Error()), " ")
			end = end[:min(len(end), most)]
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%dx%d\t%.3f\t%s\t%s\t%s\n",
			s.Player, s.Package, s.Rendition, s.Frames, s.Width, s.Height, s.Aspect, s.identities(), sound, end)
	}
	w.Flush()
	return b.String()
}

// identities are the different ones in the order of appearance.
func (s Seen) identities() string {
	var all []string
	seen := map[int]bool{}
	for _, look := range s.Looks {
		if !seen[look.Identity] {
			seen[look.Identity] = true
			all = append(all, fmt.Sprint(look.Identity))
		}
	}
	if len(all) == 0 {
		return "-"
	}
	return strings.Join(all, ",")
}
