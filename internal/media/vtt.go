package media

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/vodfleet/vodfleet/internal/cloud"
)

// ThumbnailsFile is the path of the thumbnails' WebVTT within a build.
const ThumbnailsFile = "thumbs/thumbnails.vtt"

// maxCues bounds the thumbnails of one video: a day, two a second.
const maxCues = 200_000

// Thumbnails makes the WebVTT by which players find the thumbnails of a
// moment: a cue each, naming a rectangle of an image by a media fragment
// (#xywh=x,y,w,h). images is the image playlist at the path playlist within
// the build, duration the video's: the last image may be partly filled, and
// shows nothing beyond it; zero trusts the image playlist. The URIs are
// relative to the folder of [ThumbnailsFile].
func Thumbnails(playlist string, images HLS, duration time.Duration) ([]byte, error) {
	if duration <= 0 {
		duration = images.Duration
	}
	w := cueWriter{end: duration.Truncate(time.Millisecond)}
	w.WriteString("WEBVTT\n")
	var start time.Duration
	for i, s := range images.Segments {
		path, err := Resolve(playlist, s.URI)
		if err != nil {
			return nil, err
		}
		if err := w.image(fromThumbs(path), s, start); err != nil {
			return nil, fmt.Errorf("%s: image %d: %w", playlist, i, err)
		}
		start += s.Duration
	}
	if w.cues == 0 {
		return nil, fmt.Errorf("%s: no thumbnails within %v", playlist, duration)
	}
	return w.Bytes(), nil
}

// PerThumbnail returns an image playlist whose tile sizes are those of single
// thumbnails, as the image playlists' specification has them. MediaConvert has
// written them so, and at other times as those of the whole image: which it is
// shows in the width of the thumbnails that the job asked for.
func (h HLS) PerThumbnail(asked cloud.Tiles) HLS {
	h.Segments = slices.Clone(h.Segments)
	for i := range h.Segments {
		if t := &h.Segments[i].Tiles; t.Columns > 1 && t.Width == asked.Width*t.Columns {
			t.Width, t.Height = t.Width/t.Columns, t.Height/max(1, t.Rows)
		}
	}
	return h
}

// fromThumbs makes a path within the build a URI relative to ThumbnailsFile.
func fromThumbs(path string) string {
	folder := ThumbnailsFile[:strings.LastIndexByte(ThumbnailsFile, '/')+1]
	if below, ok := strings.CutPrefix(path, folder); ok {
		return EscapePath("./" + below)
	}
	return EscapePath("../" + path)
}

type cueWriter struct {
	bytes.Buffer
	end  time.Duration // of the video
	cues int
}

// image writes the cues of one image, left to right, then down.
func (w *cueWriter) image(uri string, s Segment, start time.Duration) error {
	t := s.Tiles
	switch {
	case t.Columns < 1 || t.Rows < 1 || t.Width < 1 || t.Height < 1:
		return errors.New("no EXT-X-TILES with RESOLUTION and LAYOUT")
	case t.Every <= 0:
		t.Every = s.Duration / time.Duration(t.Columns*t.Rows)
	}
	end := min(start+s.Duration, w.end)
	if end <= start || t.Every < time.Millisecond {
		return nil
	}
	n := min(t.Columns*t.Rows, int((end-start-1)/t.Every)+1)
	if w.cues+n > maxCues {
		return fmt.Errorf("more than %d thumbnails: %w", maxCues, ErrTooLarge)
	}
	for i := range n {
		from := start + time.Duration(i)*t.Every
		to := min(from+t.Every, end)
		if to.Milliseconds() <= from.Milliseconds() {
			break
		}
		w.cues++
		fmt.Fprintf(w, "\n%s --> %s\n%s#xywh=%d,%d,%d,%d\n", clock(from), clock(to), uri,
			i%t.Columns*t.Width, i/t.Columns*t.Height, t.Width, t.Height)
	}
	return nil
}

// clock writes a WebVTT timestamp, HH:MM:SS.mmm.
func clock(d time.Duration) string {
	ms := d.Milliseconds()
	return fmt.Sprintf("%02d:%02d:%02d.%03d", ms/3_600_000, ms/60_000%60, ms/1000%60, ms%1000)
}
