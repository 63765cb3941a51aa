package pack

import (
	"fmt"
	"net/url"
	"strings"
)

// Content types of the files, as the service stores them.
const (
	typeHLS    = "application/vnd.apple.mpegurl"
	typeDASH   = "application/dash+xml"
	typeTS     = "video/MP2T"
	typeMP4    = "video/mp4"
	typeM4A    = "audio/mp4"
	typeJPEG   = "image/jpeg"
	typeSmooth = "text/xml"
)

// File is one file of a group.
type File struct {
	Name     string // below the folder of the group's base
	Type     string // content type
	Body     Body
	Manifest bool // of the whole group: written when all else is there
	Listed   int  // the output that events list it under, -1: none
}

// Group is one package with the media of its outputs.
type Group struct {
	Base    string // name of the files before the modifier, without folders
	Length  float64
	Single  bool // one file a track instead of one a segment
	HLS     bool // write playlists
	DASH    bool // write an MPD
	Outputs []Output

	files []File
}

// Output is one output of a group.
type Output struct {
	Modifier string
	Video    *Track  // nil: none
	Audio    *Track  // nil: none
	Pieces   []Piece // of a transport stream
	Whole    Body    // of Smooth Streaming: fragments of all tracks in one file
	Sheets   *Sheets

	AudioGroup string   // that an audio output belongs to
	AudioSets  []string // groups that go with a video output; nil: all
	TrackType  string   // AudioTrackType of the settings
	Stream     string   // name of an audio track, for people
}

// Piece is one segment file of a transport stream.
type Piece struct {
	Seconds float64
	Body    Body
}

// Sheets are the thumbnails of an output, tiled.
type Sheets struct {
	Images        []Body
	Interval      float64 // seconds between thumbnails
	Width, Height int     // pixels of one
	Columns, Rows int
	Duration      float64 // seconds that all of them cover
}

// Listed is a segment as a playlist lists it.
type Listed struct {
	Name    string
	Seconds float64
	Size    int64
	Offset  int64 // in the file, where a track is one file
}

func (g *Group) add(output int, name, contentType string, body Body) {
	g.files = append(g.files, File{Name: name, Type: contentType, Body: body, Listed: output})
}

func (g *Group) manifest(name, contentType string, text string) {
	g.files = append(g.files, File{Name: name, Type: contentType, Body: bytesBody([]byte(text)), Manifest: true, Listed: -1})
}

// track is what an output of one track is made of.
func (o *Output) track() *Track {
	if o.Video != nil {
		return o.Video
	}
	return o.Audio
}

// lead is the track whose fragments decide where segments begin.
func (g *Group) lead() *Track {
	var lead *Track
	for i := range g.Outputs {
		t := g.Outputs[i].track()
		if t != nil && (lead == nil || t.Video && !lead.Video) {
			lead = t
		}
	}
	return lead
}

// uri is a file's name as a relative reference that no reader takes for a
// scheme or a template's variable.
func uri(name string) string {
	return strings.NewReplacer("$", "%24", ":", "%3A", "'", "%27").Replace(url.PathEscape(name))
}

// tiles writes the images of an output and their playlist's entries.
func (g *Group) tiles(n int) (listed []Listed) {
	o := &g.Outputs[n]
	left := o.Sheets.Duration
	span := o.Sheets.Interval * float64(o.Sheets.Columns*o.Sheets.Rows)
	for i, b := range o.Sheets.Images {
		name := fmt.Sprintf("%s%s_thumbnails_%09d.jpg", g.Base, o.Modifier, i+1)
		g.add(-1, name, typeJPEG, b)
		listed = append(listed, Listed{Name: name, Seconds: max(min(left, span), 0.001), Size: b.Size})
		left -= span
	}
	return listed
}
