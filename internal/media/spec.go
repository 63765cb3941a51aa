package media

import (
	"slices"

	"github.com/vodfleet/vodfleet/internal/cloud"
)

// Base names of the files of a build. Fixed: a build's prefix tells builds
// apart, and a source's own name is nothing that viewers need to see.
const (
	baseVideo  = "video"
	basePoster = "poster"
	audioMark  = "_audio" // name modifier of an output of sound alone
)

// Spec returns the job that makes plan of input, with its files below prefix,
// which is from [BuildPrefix]. It is for profiles without a template; see
// [Profile.TemplateSpec]. Equal arguments give equal specs.
//
// Locations are as S3 has them: what MediaConvert wants escaped in a
// destination, such as "$", the one who talks to it escapes.
func (p Profile) Spec(plan Plan, input, prefix cloud.Location) cloud.JobSpec {
	spec := cloud.JobSpec{Input: input, Audio: plan.Audio, Accelerate: p.Accelerate}
	for _, name := range packages {
		if slices.Contains(p.Packages, name) {
			g := p.group(name, plan)
			g.Destination = destination(prefix, name, baseVideo)
			spec.Groups = append(spec.Groups, g)
		}
	}
	if plan.Poster != nil {
		spec.Groups = append(spec.Groups, cloud.OutputGroup{
			Package:     PackageThumbs,
			Kind:        cloud.GroupFile,
			Destination: destination(prefix, PackageThumbs, basePoster),
			Outputs:     []cloud.Output{{Capture: plan.Poster}},
		})
	}
	return spec
}

// destination is where a package's files go, without their modifiers.
func destination(prefix cloud.Location, name, base string) cloud.Location {
	return prefix.Join(name + "/" + base)
}

// group returns one package of the plan, without its destination.
func (p Profile) group(name string, plan Plan) cloud.OutputGroup {
	g := cloud.OutputGroup{Package: name}
	apart := false // sound is an output of its own
	switch name {
	case PackageCMAF:
		g.Kind, apart = cloud.GroupCMAF, true
		g.Segment, g.Fragment = plan.Segment, plan.Fragment
	case PackageHLS:
		g.Kind = cloud.GroupHLS
		g.Segment = plan.Segment
	case PackageDASH:
		g.Kind, apart = cloud.GroupDASH, true
		g.Segment, g.Fragment = plan.Segment, plan.Fragment
	case PackageSmooth:
		g.Kind, apart = cloud.GroupSmooth, true
		g.Fragment = plan.Fragment
	case PackageMP4:
		g.Kind = cloud.GroupFile
	}
	if name == p.tiled() {
		g.Tiles = plan.Tiles
	}
	var audio *cloud.Audio
	if plan.Audio > 0 {
		audio = &cloud.Audio{Bitrate: p.Bitrate, SampleRate: p.SampleRate}
	}
	for _, r := range plan.Renditions {
		o := cloud.Output{NameModifier: "_" + r.Name, Video: new(r.Video)}
		if !apart && audio != nil {
			o.Audio = new(*audio)
		}
		g.Outputs = append(g.Outputs, o)
	}
	if audio != nil && (apart || len(plan.Renditions) == 0) {
		g.Outputs = append(g.Outputs, cloud.Output{NameModifier: audioMark, Audio: audio})
	}
	return g
}
