package rules

import (
	"fmt"
	"math"
	"path"
	"slices"
	"strings"

	"github.com/vodfleet/vodfleet/internal/localcloud/mediaconvert/settings"
)

// The lengths that hold where none is given, in seconds.
const (
	DefaultSegmentLength  = 10 // HLS and CMAF
	DefaultDASHSegment    = 30
	DefaultFragmentLength = 2
	DefaultThumbnailWidth = 312 // pixels
	largestThumbnailSheet = 4096
)

// containers lists what each group type may hold.
var containers = map[string][]string{
	settings.CMAF:   {"CMFC"},
	settings.HLS:    {"M3U8"},
	settings.DASH:   {"MPD"},
	settings.Smooth: {"ISMV"},
	settings.File:   {"F4V", "GIF", "M2TS", "MOV", "MP4", "MXF", "OGG", "WEBM", "RAW", "Y4M"},
}

var groupMember = map[string]string{
	settings.CMAF: "cmafGroupSettings", settings.HLS: "hlsGroupSettings", settings.DASH: "dashIsoGroupSettings",
	settings.File: "fileGroupSettings", settings.Smooth: "msSmoothGroupSettings",
}

func (c *checker) groups(job *settings.Job) {
	if len(job.OutputGroups) == 0 {
		c.add("/outputGroups", "Should have at least 1 items")
	}
	taken := make(map[string]string) // destination + modifier + container -> place
	for i := range job.OutputGroups {
		g, at := &job.OutputGroups[i], fmt.Sprintf("/outputGroups/%d", i)
		if !c.groupSettings(g, at) {
			continue
		}
		c.names(g, at)
		for n := range g.Outputs {
			o, oat := &g.Outputs[n], fmt.Sprintf("%s/outputs/%d", at, n)
			c.output(job, g, o, oat)
			if o.ContainerSettings == nil {
				continue
			}
			key := strings.Join([]string{g.OutputGroupSettings.Group().Destination, o.NameModifier, o.ContainerSettings.Container}, "\x00")
			if first, dup := taken[key]; dup {
				c.add(oat, "writes the same files as %s", first)
			} else {
				taken[key] = oat
			}
		}
		c.lengths(g, at)
		c.trickPlay(g, at)
	}
}

// groupSettings judges what the group is; false: nothing more can be said.
func (c *checker) groupSettings(g *settings.OutputGroup, at string) bool {
	s := g.OutputGroupSettings
	at += "/outputGroupSettings"
	if !c.require(s.Type != "", at, "type") {
		return false
	}
	for kind, given := range map[string]bool{
		settings.CMAF: s.CMAF != nil, settings.HLS: s.HLS != nil, settings.DASH: s.DASH != nil,
		settings.File: s.File != nil, settings.Smooth: s.Smooth != nil,
	} {
		if given && kind != s.Type {
			c.add(at, "%s does not belong to the type %s", groupMember[kind], s.Type)
		}
	}
	group := s.Group()
	if !c.require(group != nil, at, groupMember[s.Type]) {
		return false
	}
	at += "/" + groupMember[s.Type]
	if c.require(group.Destination != "", at, "destination") {
		if err := Destination(group.Destination); err != nil {
			c.add(at+"/destination", "%v", err)
		}
	}
	if group.MpdProfile == "ON_DEMAND_PROFILE" && group.SegmentControl != "SINGLE_FILE" {
		c.add(at+"/mpdProfile", "ON_DEMAND_PROFILE requires segmentControl SINGLE_FILE")
	}
	if group.WriteHLSManifest == "DISABLED" && group.WriteDASHManifest == "DISABLED" {
		c.add(at, "Either writeHlsManifest or writeDashManifest must be ENABLED")
	}
	return true
}

// names judges name modifiers: parent and child playlists of HLS and CMAF
// would collide without one.
func (c *checker) names(g *settings.OutputGroup, at string) {
	if len(g.Outputs) == 0 {
		c.add(at+"/outputs", "Should have at least 1 items")
	}
	kind := g.OutputGroupSettings.Type
	playlists := kind == settings.HLS || kind == settings.CMAF
	seen := make(map[string]bool)
	for n, o := range g.Outputs {
		oat := fmt.Sprintf("%s/outputs/%d", at, n)
		switch {
		case o.NameModifier == "" && (len(g.Outputs) > 1 || playlists):
			c.add(oat, "nameModifier is a required property")
		case seen[o.NameModifier] && !sameNameAllowed(g, n):
			c.add(oat+"/nameModifier", "Should be unique within the output group: %q", o.NameModifier)
		case strings.Contains(o.NameModifier, "/"):
			c.add(oat+"/nameModifier", "Should not contain /")
		default:
			if _, err := Expand(o.NameModifier, Variables{}); err != nil {
				c.add(oat+"/nameModifier", "%v", err)
			}
		}
		seen[o.NameModifier] = true
	}
}

// sameNameAllowed: files of different kinds do not collide.
func sameNameAllowed(g *settings.OutputGroup, n int) bool {
	if g.OutputGroupSettings.Type != settings.File || g.Outputs[n].ContainerSettings == nil {
		return false
	}
	for i, o := range g.Outputs[:n] {
		if o.NameModifier == g.Outputs[n].NameModifier &&
			(o.ContainerSettings == nil || o.ContainerSettings.Container == g.Outputs[i+1].ContainerSettings.Container) {
			return false
		}
	}
	return true
}

// lengths judges GOP, fragment and segment against each other.
func (c *checker) lengths(g *settings.OutputGroup, at string) {
	kind, group := g.OutputGroupSettings.Type, g.OutputGroupSettings.Group()
	if kind == settings.File || kind == settings.HLS {
		return
	}
	at += "/outputGroupSettings/" + groupMember[kind]
	fragment, segment := Lengths(kind, group)
	if kind != settings.Smooth && group.SegmentLengthCtl != "GOP_MULTIPLE" && group.SegmentLengthCtl != "MATCH" && segment%fragment != 0 {
		c.add(at+"/segmentLength", "Segment length [%d] must be a multiple of fragment length [%d]", segment, fragment)
	}
	if group.FragmentLengthCtl == "GOP_MULTIPLE" {
		return
	}
	for n, o := range g.Outputs {
		if o.VideoDescription == nil || o.VideoDescription.CodecSettings.H264 == nil {
			continue
		}
		gop, ok := GOPSeconds(o.VideoDescription.CodecSettings.H264)
		if ok && !multiple(float64(fragment), gop) {
			c.add(at+"/fragmentLength", "Fragment length [%d] must be a multiple of the GOP length [%g] of output %d", fragment, gop, n)
		}
	}
}

// Lengths gives a group's fragment and segment lengths in seconds, with the
// service's defaults.
func Lengths(kind string, g *settings.GroupSettings) (fragment, segment int) {
	fragment, segment = g.FragmentLength, g.SegmentLength
	if fragment == 0 {
		fragment = DefaultFragmentLength
	}
	if segment == 0 {
		segment = DefaultSegmentLength
		if kind == settings.DASH {
			segment = DefaultDASHSegment
		}
	}
	return fragment, segment
}

// GOPSeconds gives the GOP's length where the settings alone decide it.
func GOPSeconds(h *settings.H264) (float64, bool) {
	switch {
	case h.GopSizeUnits == "SECONDS" && h.GopSize > 0:
		return h.GopSize, true
	case h.GopSizeUnits == "FRAMES" && h.GopSize > 0 && h.FramerateControl == "SPECIFIED" && h.FramerateNumerator > 0:
		return h.GopSize * float64(h.FramerateDenominator) / float64(h.FramerateNumerator), true
	}
	return 0, false
}

// multiple allows for GOPs of whole frames at 24000/1001 and the like.
func multiple(length, gop float64) bool {
	n := math.Round(length / gop)
	return n >= 1 && math.Abs(n*gop-length) <= length*0.0011
}

// trickPlay judges the thumbnails' settings.
func (c *checker) trickPlay(g *settings.OutputGroup, at string) {
	kind, group := g.OutputGroupSettings.Type, g.OutputGroupSettings.Group()
	at += "/outputGroupSettings/" + groupMember[kind] + "/imageBasedTrickPlaySettings"
	t := group.TrickPlaySettings
	if t != nil && group.TrickPlay != "ADVANCED" {
		c.add(at, "requires imageBasedTrickPlay ADVANCED")
	}
	if group.TrickPlay != "" && group.TrickPlay != "NONE" && !slices.ContainsFunc(g.Outputs, func(o settings.Output) bool { return o.VideoDescription != nil }) {
		c.add(path.Dir(at)+"/imageBasedTrickPlay", "requires an output with video in the group")
	}
	if t == nil {
		return
	}
	if t.ThumbnailWidth%8 != 0 {
		c.add(at+"/thumbnailWidth", "Should be a multiple of 8")
	}
	if t.ThumbnailHeight%2 != 0 {
		c.add(at+"/thumbnailHeight", "Should be a multiple of 2")
	}
	if t.ThumbnailHeight*max(t.TileHeight, 1) > largestThumbnailSheet {
		c.add(at, "Total tile height %d is more than %d", t.ThumbnailHeight*t.TileHeight, largestThumbnailSheet)
	}
	switch t.IntervalCadence {
	case "FOLLOW_CUSTOM":
		if t.ThumbnailInterval <= 0 {
			c.add(at, "thumbnailInterval is required when intervalCadence is FOLLOW_CUSTOM")
		}
	case "FOLLOW_SEGMENTATION":
		if max(t.TileHeight, 1)*max(t.TileWidth, 1) != 1 {
			c.add(at, "FOLLOW_SEGMENTATION requires a tile of 1x1")
		}
		fallthrough
	case "FOLLOW_IFRAME":
		if t.ThumbnailInterval > 0 {
			c.add(at+"/thumbnailInterval", "requires intervalCadence FOLLOW_CUSTOM")
		}
	}
}
