package delivery

import (
	"strings"
	"time"
)

// span is how long one rendition lasts.
type span struct {
	class    string // renditions of one class last equally long
	path     string // of what declares it
	name     string // of the rendition within that, or empty
	duration time.Duration
	whole    bool // of the whole video; else of a period
}

// Classes of spans.
const (
	picture = "picture"
	sound   = "sound"
)

// tolerance is by how much renditions of one class may differ: packages count
// the last frame, which may be a slide that stands for a second, in their own
// ways. A segment that is cut off lasts longer.
const tolerance = 2 * time.Second

// agree compares the spans of each class: what is shorter than another is
// truncated. Sound and picture may differ, as they may in the source.
func (c *check) agree() {
	longest := make(map[string]span)
	for _, s := range c.spans {
		if s.duration > longest[s.class].duration {
			longest[s.class] = s
		}
	}
	for _, s := range c.spans {
		if l := longest[s.class]; l.duration-s.duration > tolerance {
			c.add(s.path, "%slasts %v and %s lasts %v", s.name, s.duration, l.path, l.duration)
		}
	}
}

// duration is what viewers get to see, or hear where there is no picture; zero
// if no manifest tells it.
func (c *check) duration() time.Duration {
	for _, class := range []string{picture, sound} {
		var d time.Duration
		for _, s := range c.spans {
			if s.whole && strings.HasPrefix(s.class, class) {
				d = max(d, s.duration)
			}
		}
		if d > 0 {
			return d
		}
	}
	return c.presented
}
