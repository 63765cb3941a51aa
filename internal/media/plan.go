package media

import (
	"fmt"
	"time"

	"github.com/vodfleet/vodfleet/internal/cloud"
)

// Plan is what a profile makes of one source.
type Plan struct {
	Duration time.Duration
	Width    int // pixels of the picture after rotation; 0 without one
	Height   int

	Renditions []Rendition // descending by size; empty without a picture or with a template
	Audio      int         // the audio track to use, counted among the audio tracks from 1; 0 for none
	Segment    time.Duration
	Fragment   time.Duration
	GOP        time.Duration
	Poster     *cloud.FrameCapture
	Tiles      *cloud.Tiles

	Warnings []string // what of the source viewers will not get
}

// Rendition is one quality of the picture.
type Rendition struct {
	Name  string // "1080p": the short side; unique in a plan
	Video cloud.Video
}

// UnsupportedError says why no streams can be made of a source. Only another
// source mends it.
type UnsupportedError struct {
	Reason string // for a person who may not know video
}

func (e *UnsupportedError) Error() string { return "unsupported source: " + e.Reason }

func unsupported(format string, args ...any) error {
	return &UnsupportedError{Reason: fmt.Sprintf(format, args...)}
}

// Plan chooses what to make of a source, never larger than it is. A source
// without sound gets silent streams, one without a picture gets streams of
// sound alone. It fails with [*UnsupportedError] if nothing can be made.
func (p Profile) Plan(m cloud.Media) (Plan, error) {
	t, err := p.choose(m)
	if err != nil {
		return Plan{}, err
	}
	plan := Plan{Duration: sourceDuration(m), Audio: t.audio, Warnings: t.warnings}
	if plan.Duration <= 0 {
		return Plan{}, unsupported("it has no duration: it may be empty or cut off")
	}
	plan.GOP, plan.Fragment, plan.Segment = p.GOP, p.Fragment, p.Segment
	if t.video == nil {
		return plan, nil
	}
	pic := displayed(m.Container, *t.video)
	plan.Width, plan.Height = pic.width, pic.height
	fit, err := pic.fit()
	if err != nil {
		return Plan{}, err
	}
	if p.Template != "" {
		return plan, nil
	}
	frame, err := frameLength(t.video.FrameRate)
	if err != nil {
		return Plan{}, err
	}
	plan.GOP = multiple(max(p.GOP, frame), time.Second)
	plan.Fragment = multiple(p.Fragment, plan.GOP)
	plan.Segment = multiple(p.Segment, plan.Fragment)
	for _, rung := range p.rungs(fit) {
		w, h := pic.sized(rung.ShortSide)
		plan.Renditions = append(plan.Renditions, Rendition{
			Name: fmt.Sprintf("%dp", rung.ShortSide),
			Video: cloud.Video{
				Width: w, Height: h,
				MaxBitrate: faster(rung.MaxBitrate, t.video.FrameRate),
				Quality:    rung.Quality,
				GOP:        plan.GOP,
				SinglePass: p.SinglePass,
			},
		})
	}
	shown := t.video.Duration // the container's counts sound that runs on
	if shown <= 0 || shown > plan.Duration {
		shown = plan.Duration
	}
	plan.Poster = p.Poster.capture(pic, fit, shown, frame)
	plan.Tiles = p.Sprite.tiles(pic, shown, frame)
	return plan, nil
}

// sourceDuration returns the container's duration, or the longest track's where the
// container does not tell.
func sourceDuration(m cloud.Media) time.Duration {
	d := m.Duration
	if d <= 0 {
		for _, t := range m.Tracks {
			d = max(d, t.Duration)
		}
	}
	return d
}

// frameLength returns how long one frame stays, 0 where the rate is not told.
// A GOP, and so a fragment, must hold a whole one.
func frameLength(rate cloud.Rational) (time.Duration, error) {
	f := rate.Float()
	if f <= 0 {
		return 0, nil
	}
	if f < 1.0/maxCadence {
		return 0, unsupported("it has less than one frame in %d seconds", maxCadence)
	}
	return time.Duration(float64(time.Second) / f), nil
}
