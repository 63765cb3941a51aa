package players

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"
)

// Package is a stream to play.
type Package struct {
	Name string // for the report
	URL  string // of the master playlist, the MPD, the Smooth manifest or the file, on the edge
	Kind Kind
}

// Kind is how a package is delivered.
type Kind int

// The kinds of package.
const (
	HLS Kind = iota
	DASH
	Smooth
	File // one file, such as an MP4
)

// Players are those that play packages of kind k.
func (k Kind) Players() []Player {
	switch k {
	case HLS:
		return []Player{GStreamer, HLSJS, Native}
	case DASH, Smooth:
		return []Player{GStreamer, DashJS}
	default:
		return []Player{GStreamer, Native}
	}
}

// Options bound and thin out what is played.
type Options struct {
	Patience time.Duration // for one player and rendition, three times that where Chromium hangs; 0 is a minute
	Rate     float64       // of playback in browsers; 0 is 4
	Each     []Player      // of those that can, which play each rendition alone; nil is all
	Whole    []Player      // of those that can, which play the uncut package; nil is none

	// Link is each player's own. Where it narrows, browsers buffer two seconds
	// only and start with the best rendition.
	Link Link
	// Pause, if not nil, is called while a browser's player stands still after a
	// third of the stream, having buffered two seconds of the rest; each one's
	// is. It goes on when Pause has returned, which must be within two minutes,
	// or fails with its error.
	Pause func(context.Context) error
}

func (o Options) patience() time.Duration { return cmp.Or(o.Patience, time.Minute) }

// bound ends the patience with a player by ctx.
func (o Options) bound(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, o.patience(), fmt.Errorf("did not end within %v", o.patience()))
}

// Renditions are the video renditions of p as its manifest declares them; nil
// for a file.
func (h *Harness) Renditions(ctx context.Context, p Package) ([]Rendition, error) {
	if p.Kind == File {
		return nil, nil
	}
	path, err := h.path(p.URL, "")
	if err != nil {
		return nil, fmt.Errorf("renditions of %s: %w", p.Name, err)
	}
	m, _, err := h.manifest(ctx, h.edge.Scheme+"://"+h.edge.Host+path)
	if err != nil {
		return nil, fmt.Errorf("renditions of %s: %w", p.Name, err)
	}
	return m.renditions, nil
}

// Play plays p with each player that can, rendition by rendition, and then
// whole, one after the other. It fails if the manifest cannot be read; a stream
// that does not play is a report with an error in it.
func (h *Harness) Play(ctx context.Context, p Package, o Options) ([]Seen, error) {
	all, err := h.Renditions(ctx, p)
	if err != nil {
		return nil, err
	}
	var seen []Seen
	for _, r := range all {
		for _, player := range p.Kind.Players() {
			if o.Each == nil || slices.Contains(o.Each, player) {
				s := h.one(ctx, player, p, r.ID, o)
				s.Rendition = r.String()
				seen = append(seen, s)
			}
		}
	}
	for _, player := range p.Kind.Players() {
		if slices.Contains(o.Whole, player) || p.Kind == File && (o.Each == nil || slices.Contains(o.Each, player)) {
			seen = append(seen, h.one(ctx, player, p, "", o))
		}
	}
	return seen, nil
}

// one plays one rendition, or the uncut package if id is empty.
func (h *Harness) one(ctx context.Context, player Player, p Package, id string, o Options) (s Seen) {
	path, err := h.path(p.URL, id)
	if err != nil {
		return Seen{Player: player, Package: p.Name, Err: err}
	}
	l, err := h.line(o.Link, o.Pause)
	if err != nil {
		return Seen{Player: player, Package: p.Name, Err: err}
	}
	defer l.close()
	if player == GStreamer {
		ctx, cancel := o.bound(ctx)
		defer cancel()
		s = gstreamer(ctx, l.at+path)
	} else {
		patience := o.patience()
		if o.Pause != nil {
			patience += longestPause
		}
		s = h.browser.play(ctx, patience, l.at+pagePath, order{
			Player: player, URL: l.at + path, Rate: cmp.Or(o.Rate, 4), Seeks: []float64{0.5, 0.1, 0.9},
			Pause: o.Pause != nil, Lean: o.Pause != nil || o.Link.Narrow > 0,
		})
		if o.Pause != nil {
			s.Later = int(l.media.Load() - l.paused.Load())
		}
	}
	s.Package, s.Rendition = p.Name, "all"
	return s
}
