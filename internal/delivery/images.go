package delivery

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/vodfleet/vodfleet/internal/cloud"
	"github.com/vodfleet/vodfleet/internal/media"
)

const (
	typeVTT   = "text/vtt"
	maxVTT    = 64 << 20 // bytes of a WebVTT to compare with
	immutable = "public, max-age=31536000, immutable"
)

// poster verifies a still picture; the first one is the build's poster.
func (c *check) poster(e media.Expected) {
	path := e.Path
	if _, ok := c.files[path]; !ok && e.Fallback != "" {
		if _, ok := c.files[e.Fallback]; ok {
			path = e.Fallback
		}
	}
	if c.has(path, "", 0) && c.out.Poster == "" {
		c.out.Poster = path
	}
}

// thumbnails makes the WebVTT of the build's image playlist, nil if it has none.
func (c *check) thumbnails() []byte {
	c.out.Duration = c.duration()
	if c.images == nil {
		return nil
	}
	vtt, err := media.Thumbnails(c.imagesAt, *c.images, c.out.Duration)
	if err != nil {
		if !c.loose { // pictures without a grid are of use to players that know them
			c.add(c.imagesAt, "%v", err)
		}
		return nil
	}
	// The last thumbnail shows what begins at it, so images may end early.
	every := c.images.Segments[len(c.images.Segments)-1].Tiles.Every
	if c.out.Duration-c.images.Duration > 2*every+tolerance {
		c.add(c.imagesAt, "shows %v of %v", c.images.Duration, c.out.Duration)
	}
	return vtt
}

// writeThumbnails writes the WebVTT unless it is there. One that an earlier
// version wrote in other words stands, if the images that it names are there.
func (c *check) writeThumbnails(ctx context.Context, vtt []byte) error {
	at := c.prefix.Join(media.ThumbnailsFile)
	_, there := c.files[media.ThumbnailsFile]
	if !there {
		_, err := c.store.Put(ctx, cloud.Put{
			Location: at, Body: vtt, ContentType: typeVTT, CacheControl: immutable, If: cloud.Condition{Absent: true},
		})
		there = errors.Is(err, cloud.ErrPrecondition) || errors.Is(err, cloud.ErrConflict)
		if err != nil && !there {
			return fmt.Errorf("write %s: %w", media.ThumbnailsFile, err)
		}
	}
	if there {
		old, _, err := c.store.Get(ctx, at, maxVTT)
		if err != nil {
			return fmt.Errorf("compare %s: %w", media.ThumbnailsFile, err)
		}
		if !bytes.Equal(old, vtt) && !c.usable(old) {
			c.add(media.ThumbnailsFile, "is there with other content")
			return c.err(c.prefix)
		}
		vtt = old
	}
	c.out.Thumbnails = media.ThumbnailsFile
	c.out.Files++
	c.out.Bytes += int64(len(vtt))
	return nil
}

// usable reports whether a WebVTT leads to images of this build, and no others.
func (c *check) usable(vtt []byte) bool {
	if !bytes.HasPrefix(vtt, []byte("WEBVTT")) {
		return false
	}
	cues := 0
	for line := range bytes.Lines(vtt) {
		uri, _, cue := bytes.Cut(line, []byte("#xywh="))
		if !cue {
			continue
		}
		path, err := media.Resolve(media.ThumbnailsFile, string(uri))
		if f, ok := c.files[path]; err != nil || !ok || f.size == 0 {
			return false
		}
		cues++
	}
	return cues > 0
}
