package media

import (
	"errors"
	"fmt"
	"strings"

	"github.com/vodfleet/vodfleet/internal/cloud"
)

// TemplateSpec returns the job that makes what the profile's job template says
// of input. tpl is the template as [cloud.Transcoder] tells it; its groups get
// a package's name and a destination below prefix. It fails with
// [*UnsupportedError] if the template cannot be used on this source, and with
// another error if it can be used on none: the template must be changed.
func (p Profile) TemplateSpec(tpl cloud.JobSpec, plan Plan, input, prefix cloud.Location) (cloud.JobSpec, error) {
	spec := cloud.JobSpec{Input: input, Template: p.Template, Audio: plan.Audio, Accelerate: p.Accelerate}
	streams := false
	have := make(map[string]bool)
	for i, g := range tpl.Groups {
		name, err := templatePackage(g)
		if err == nil && have[name] {
			err = fmt.Errorf("a second %s group: their files would have the same names", name)
		}
		if err != nil {
			return cloud.JobSpec{}, fmt.Errorf("template %q: output group %d: %w", p.Template, i+1, err)
		}
		if plan.Width == 0 && showsPicture(g) {
			return cloud.JobSpec{}, unsupported("it has sound only, and the template %q makes pictures", p.Template)
		}
		have[name] = true
		base := baseVideo
		if name == PackageThumbs {
			base = basePoster
		} else {
			streams = true
		}
		g.Package = name
		g.Destination = destination(prefix, name, base)
		spec.Groups = append(spec.Groups, g)
	}
	if !streams {
		return cloud.JobSpec{}, fmt.Errorf("template %q: it makes nothing that can be played", p.Template)
	}
	return spec, nil
}

// templatePackage returns the package that a template's group is.
func templatePackage(g cloud.OutputGroup) (string, error) {
	captures := 0
	for _, o := range g.Outputs {
		if strings.Contains(o.NameModifier, "$") {
			return "", fmt.Errorf("name modifier %q: file names with variables cannot be foretold", o.NameModifier)
		}
		if o.Capture != nil {
			captures++
		}
	}
	if len(g.Outputs) == 0 {
		return "", errors.New("no outputs")
	}
	switch g.Kind {
	case cloud.GroupCMAF:
		return PackageCMAF, nil
	case cloud.GroupHLS:
		return PackageHLS, nil
	case cloud.GroupDASH:
		return PackageDASH, nil
	case cloud.GroupSmooth:
		return PackageSmooth, nil
	case cloud.GroupFile:
		switch captures {
		case 0:
			return PackageMP4, nil
		case len(g.Outputs):
			return PackageThumbs, nil
		}
		return "", errors.New("frame captures and other files in one group: give the captures a group of their own")
	}
	return "", fmt.Errorf("kind %q is not known", g.Kind)
}

// showsPicture reports whether any output of g shows the source's picture.
func showsPicture(g cloud.OutputGroup) bool {
	for _, o := range g.Outputs {
		if o.Video != nil || o.Capture != nil {
			return true
		}
	}
	return false
}
