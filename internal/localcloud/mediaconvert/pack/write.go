package pack

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/Eyevinn/mp4ff/mp4"
)

// kinds of names: extension of video and audio files.
type naming struct{ video, audio string }

var (
	cmafNames = naming{"cmfv", "cmfa"}
	dashNames = naming{"mp4", "mp4"}
)

// styp marks a segment file (ISO/IEC 14496-12, 8.16.2).
var styp = []byte("\x00\x00\x00\x18stypmsdh\x00\x00\x00\x00msdhmsix")

// CMAF returns the files of a group with one set of fragmented segments and
// the manifests that the group asks for.
func (g *Group) CMAF() ([]File, error) { return g.fragmented(cmafNames) }

// DASHISO returns the files of a DASH ISO group.
func (g *Group) DASHISO() ([]File, error) {
	g.HLS, g.DASH = false, true
	return g.fragmented(dashNames)
}

func (g *Group) fragmented(names naming) ([]File, error) {
	lead := g.lead()
	if lead == nil {
		return nil, errors.New("no media in the group")
	}
	cuts := lead.Cuts(g.Length)
	streams := make([]stream, len(g.Outputs))
	reps := make([]representation, len(g.Outputs))
	images := make(map[int][]Listed)
	for i := range g.Outputs {
		o := &g.Outputs[i]
		t := o.track()
		ext, kind := names.audio, typeM4A
		if t.Video {
			ext, kind = names.video, typeMP4
		}
		var err error
		if reps[i], err = g.writeTrack(i, t, t.Segments(cuts), ext, kind); err != nil {
			return nil, fmt.Errorf("output %d: %w", i, err)
		}
		streams[i] = stream{measure(reps[i].listed), g.Base + o.Modifier + ".m3u8"}
		reps[i].rate = streams[i].rate
		if g.HLS {
			g.playlist(i, reps[i].init, reps[i].initSize, reps[i].listed)
		}
		if o.Sheets != nil {
			images[i] = g.tiles(i)
		}
	}
	if g.HLS {
		g.master(streams, images)
	}
	if g.DASH {
		g.mpd(reps, images)
	}
	return g.files, nil
}

// representation is an output as an MPD lists it.
type representation struct {
	rate     rate
	init     string // name of the file with the initialization
	media    string // name of segment files before their number; empty: one file
	ext      string
	initSize int64    // where one file: its bytes of initialization, of index after that
	index    [2]int64 // first and last byte
	segments []Segment
	listed   []Listed
}

func (g *Group) writeTrack(output int, t *Track, segments []Segment, ext, kind string) (representation, error) {
	stem := g.Base + g.Outputs[output].Modifier
	r := representation{ext: ext, segments: segments}
	if g.Single {
		return r, g.writeSingle(output, t, &r, stem+"."+ext, kind)
	}
	r.init, r.media = stem+"init."+ext, stem+"_"
	g.add(-1, r.init, kind, bytesBody(t.Init))
	for i, s := range segments {
		name := fmt.Sprintf("%s%09d.%s", r.media, i+1, ext)
		body := t.body(styp, s)
		g.add(-1, name, kind, body)
		r.listed = append(r.listed, Listed{Name: name, Seconds: t.seconds(s.Duration), Size: body.Size})
	}
	return r, nil
}

// writeSingle writes a track as one file: initialization, index, fragments.
func (g *Group) writeSingle(output int, t *Track, r *representation, name, kind string) error {
	sidx := &mp4.SidxBox{Version: 1, ReferenceID: 1, Timescale: t.Timescale, EarliestPresentationTime: r.segments[0].Start}
	for _, s := range r.segments {
		if s.Size >= 1<<31 || s.Duration >= 1<<32 {
			return fmt.Errorf("segment of %d bytes and %d units is too long for an index", s.Size, s.Duration)
		}
		sidx.SidxRefs = append(sidx.SidxRefs, mp4.SidxRef{ReferencedSize: uint32(s.Size), SubSegmentDuration: uint32(s.Duration), StartsWithSAP: 1, SAPType: 1})
	}
	var head bytes.Buffer
	head.Write(t.Init)
	if err := sidx.Encode(&head); err != nil {
		return fmt.Errorf("write index: %w", err)
	}
	r.init, r.initSize = name, int64(len(t.Init))
	r.index = [2]int64{r.initSize, int64(head.Len()) - 1}
	at, first := int64(head.Len()), r.segments[0]
	whole := first
	for _, s := range r.segments {
		r.listed = append(r.listed, Listed{Name: name, Seconds: t.seconds(s.Duration), Size: s.Size, Offset: at + s.Offset - first.Offset})
		whole.Size = s.Offset + s.Size - first.Offset
	}
	g.add(output, name, kind, t.body(head.Bytes(), whole))
	return nil
}

// TS returns the files of a group of transport streams.
func (g *Group) TS() ([]File, error) {
	streams := make([]stream, len(g.Outputs))
	images := make(map[int][]Listed)
	for i := range g.Outputs {
		o := &g.Outputs[i]
		var listed []Listed
		for n, p := range o.Pieces {
			name := fmt.Sprintf("%s%s_%05d.ts", g.Base, o.Modifier, n+1)
			g.add(-1, name, typeTS, p.Body)
			listed = append(listed, Listed{Name: name, Seconds: p.Seconds, Size: p.Body.Size})
		}
		if len(listed) == 0 {
			return nil, fmt.Errorf("output %d: no segments", i)
		}
		streams[i] = stream{measure(listed), g.Base + o.Modifier + ".m3u8"}
		g.playlist(i, "", 0, listed)
		if o.Sheets != nil {
			images[i] = g.tiles(i)
		}
	}
	g.master(streams, images)
	return g.files, nil
}
