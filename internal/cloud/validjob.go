package cloud

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Valid reports what MediaConvert would refuse in s, or would take and make
// files of that players choke on, naming the group and output. The rules are
// those of its API reference and of the pages of its user guide that are named
// below; what only a source can tell is not checked.
func (s JobSpec) Valid() error {
	if err := s.Input.Valid(); err != nil {
		return fmt.Errorf("input: %w", err)
	}
	return s.ValidOutputs()
}

// ValidOutputs is [JobSpec.Valid] without the input.
func (s JobSpec) ValidOutputs() error {
	if len(s.Groups) == 0 {
		return errors.New("no output group")
	}
	// "File group with a frame capture output": a job of captures alone is refused.
	played := s.Template != ""
	bases := map[Location]bool{}
	for _, g := range s.Groups {
		if err := g.valid(s.Template != ""); err != nil {
			return fmt.Errorf("group %s: %w", g.Package, err)
		}
		if bases[g.Destination] {
			return fmt.Errorf("group %s: destination %v twice", g.Package, g.Destination)
		}
		bases[g.Destination] = true
		for _, o := range g.Outputs {
			played = played || o.Capture == nil
			if o.Audio != nil && s.Audio < 1 && s.Template == "" {
				return fmt.Errorf("group %s: output %q: audio of no track", g.Package, o.NameModifier)
			}
		}
	}
	if !played {
		return errors.New("frame captures alone: want an output with video or audio too")
	}
	return nil
}

func (g OutputGroup) valid(template bool) error {
	if err := g.Destination.Valid(); err != nil {
		return fmt.Errorf("destination: %w", err)
	}
	if strings.HasSuffix(g.Destination.Key, "/") {
		return fmt.Errorf("destination %v: no base name", g.Destination)
	}
	switch g.Kind {
	case GroupCMAF, GroupHLS, GroupDASH, GroupSmooth, GroupFile:
	default:
		return fmt.Errorf("unknown kind %q", g.Kind)
	}
	if template {
		return nil
	}
	if err := g.validTimes(); err != nil {
		return err
	}
	if g.Tiles != nil {
		if err := g.validTiles(); err != nil {
			return fmt.Errorf("tiles: %w", err)
		}
	}
	if len(g.Outputs) == 0 {
		return errors.New("no output")
	}
	seen := map[string]bool{}
	for _, o := range g.Outputs {
		if err := o.valid(g, len(g.Outputs) > 1); err != nil {
			return fmt.Errorf("output %q: %w", o.NameModifier, err)
		}
		if seen[o.NameModifier] {
			return fmt.Errorf("output %q: name modifier twice", o.NameModifier)
		}
		seen[o.NameModifier] = true
	}
	return nil
}

// validTimes holds the rule of "Setting the fragment length": whole seconds,
// and a multiple of the GOP.
func (g OutputGroup) validTimes() error {
	segments := g.Kind == GroupCMAF || g.Kind == GroupDASH || g.Kind == GroupHLS
	fragments := g.Kind == GroupCMAF || g.Kind == GroupDASH || g.Kind == GroupSmooth
	switch {
	case segments && !wholeSeconds(g.Segment):
		return fmt.Errorf("segments of %v: want whole seconds", g.Segment)
	case fragments && !wholeSeconds(g.Fragment):
		return fmt.Errorf("fragments of %v: want whole seconds", g.Fragment)
	case segments && fragments && g.Segment%g.Fragment != 0:
		return fmt.Errorf("segments of %v are not whole fragments of %v", g.Segment, g.Fragment)
	}
	return nil
}

func (g OutputGroup) validTiles() error {
	t := g.Tiles
	switch {
	case g.Kind != GroupCMAF && g.Kind != GroupHLS:
		return fmt.Errorf("none in a group of kind %s", g.Kind)
	case t.Every <= 0:
		return fmt.Errorf("one every %v", t.Every)
	case t.Width < 8 || t.Width > 4096 || t.Width%8 != 0:
		return fmt.Errorf("width %d: want 8 to 4096, a multiple of 8", t.Width)
	case t.Columns < 1 || t.Columns > 512 || t.Rows < 1 || t.Rows > 2048:
		return fmt.Errorf("grid of %dx%d: want 1x1 to 512x2048", t.Columns, t.Rows)
	case !slices.ContainsFunc(g.Outputs, func(o Output) bool { return o.Video != nil }):
		return errors.New("no video to take them from")
	}
	return nil
}

func (o Output) valid(g OutputGroup, several bool) error {
	if len(o.NameModifier) > 256 || strings.ContainsFunc(o.NameModifier, notName) {
		return errors.New("name modifier: want at most 256 letters, digits and _.-")
	}
	if several && o.NameModifier == "" {
		return errors.New("no name modifier")
	}
	parts := 0
	for _, is := range []bool{o.Video != nil, o.Audio != nil, o.Capture != nil} {
		if is {
			parts++
		}
	}
	muxed := g.Kind == GroupHLS || g.Kind == GroupFile || g.Kind == GroupSmooth
	switch {
	case parts == 0:
		return errors.New("neither video nor audio nor captures")
	case o.Capture != nil && (g.Kind != GroupFile || parts > 1):
		return errors.New("captures are an output of their own, of a file group")
	case parts > 1 && !muxed:
		return fmt.Errorf("audio beside video: they are outputs of their own in a group of kind %s", g.Kind)
	}
	if o.Video != nil {
		if err := o.Video.valid(); err != nil {
			return fmt.Errorf("video: %w", err)
		}
		if g.Fragment > 0 && o.Video.GOP > 0 && g.Fragment%o.Video.GOP != 0 {
			return fmt.Errorf("fragments of %v are not whole GOPs of %v", g.Fragment, o.Video.GOP)
		}
	}
	if o.Audio != nil {
		if err := o.Audio.valid(); err != nil {
			return fmt.Errorf("audio: %w", err)
		}
	}
	if o.Capture != nil {
		if err := o.Capture.valid(); err != nil {
			return fmt.Errorf("captures: %w", err)
		}
	}
	return nil
}

func (v Video) valid() error {
	if err := validSize(v.Width, v.Height); err != nil {
		return err
	}
	switch {
	case v.MaxBitrate < 1000 || v.MaxBitrate > 1_152_000_000:
		return fmt.Errorf("maximum bitrate %d: want 1000 to 1152000000", v.MaxBitrate)
	case v.Quality < 1 || v.Quality > 10:
		return fmt.Errorf("quality %d: want 1 to 10", v.Quality)
	case v.GOP != 0 && !wholeSeconds(v.GOP):
		return fmt.Errorf("GOP of %v: want whole seconds, or 0 for the service's choice", v.GOP)
	}
	return nil
}

func (c FrameCapture) valid() error {
	if err := validSize(c.Width, c.Height); err != nil {
		return err
	}
	switch {
	case c.Every < time.Millisecond || c.Every%time.Millisecond != 0:
		return fmt.Errorf("one every %v: want whole milliseconds", c.Every)
	case c.Max < 1 || c.Max > 10_000_000:
		return fmt.Errorf("at most %d: want 1 to 10000000", c.Max)
	case c.Quality < 1 || c.Quality > 100:
		return fmt.Errorf("quality %d: want 1 to 100", c.Quality)
	}
	return nil
}

// aacBitrates are all that MediaConvert knows for AAC-LC, CBR, 2.0; aacRange
// says which of them go with a sample rate ("AAC output reference tables").
var (
	aacBitrates = []int{
		16000, 20000, 24000, 28000, 32000, 40000, 48000, 56000, 64000, 80000, 96000, 112000, 128000,
		160000, 192000, 224000, 256000, 288000, 320000, 384000, 448000, 512000, 576000,
	}
	aacRange = map[int][2]int{ // by sample rate
		8000: {16000, 20000}, 12000: {16000, 20000}, 16000: {16000, 32000}, 22050: {32000, 32000}, 24000: {32000, 32000},
		32000: {40000, 384000}, 44100: {64000, 512000}, 48000: {64000, 576000},
	}
)

func (a Audio) valid() error {
	limits, ok := aacRange[a.SampleRate]
	if !ok {
		return fmt.Errorf("sample rate %d: want 8000, 12000, 16000, 22050, 24000, 32000, 44100 or 48000", a.SampleRate)
	}
	if a.Bitrate < limits[0] || a.Bitrate > limits[1] || !slices.Contains(aacBitrates, a.Bitrate) {
		return fmt.Errorf("bitrate %d at %d Hz: want one of AAC-LC's stereo bitrates from %d to %d", a.Bitrate, a.SampleRate, limits[0], limits[1])
	}
	return nil
}

func validSize(width, height int) error {
	for _, n := range []int{width, height} {
		if n != 0 && (n < 32 || n > 8192 || n%2 != 0) {
			return fmt.Errorf("size %dx%d: want even numbers from 32 to 8192, or 0 to follow", width, height)
		}
	}
	return nil
}

func wholeSeconds(d time.Duration) bool { return d >= time.Second && d%time.Second == 0 }

func notName(r rune) bool {
	return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '_' || r == '.' || r == '-')
}
