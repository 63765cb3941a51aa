package delivery

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/vodfleet/vodfleet/internal/cloud"
	"github.com/vodfleet/vodfleet/internal/ledger"
	"github.com/vodfleet/vodfleet/internal/media"
)

// smooth verifies a Smooth Streaming package. A client asks for a fragment by
// what the client manifest tells: the stream's name, a level's bitrate, a
// chunk's time. The server finds the file and track of that name and bitrate in
// the server manifest, and in the file the fragment of that time. So the two
// manifests have to agree, and the files' fragments with the chunks.
func (c *check) smooth(ctx context.Context, g cloud.OutputGroup, path string, p *ledger.Package) error {
	body, ok, err := c.fetch(ctx, path, "")
	if !ok || err != nil {
		return err
	}
	server, err := media.ParseSmoothServer(body)
	if err != nil {
		c.add(path, "%v", err)
		return nil
	}
	at, ok := c.beside(path, server.Client)
	if !ok {
		return nil
	}
	if body, ok, err = c.fetch(ctx, at, path); !ok || err != nil {
		return err
	}
	client, err := media.ParseSmoothClient(body)
	switch {
	case err != nil:
		c.add(at, "%v", err)
		return nil
	case client.Live:
		c.add(at, "a live manifest (IsLive)")
		return nil
	}
	s := &smooth{check: c, server: path, client: at, group: g, tracks: server.Tracks, used: make([]bool, len(server.Tracks))}
	for i := range client.Streams {
		s.stream(&client.Streams[i])
	}
	s.rest()
	c.enough(g, at, s.levels)
	if end := latest(client.Streams); (client.Duration - end).Abs() > tolerance {
		c.add(at, "says that it lasts %v, and its chunks end at %v", client.Duration, end)
	}
	for _, f := range s.files {
		if err := f.verify(ctx); err != nil {
			return err
		}
	}
	p.Smooth, p.Renditions = path, renditions(s.variants(client.Streams))
	return nil
}

// beside returns the file that a server manifest names, if it is in its folder.
func (c *check) beside(manifest, file string) (string, bool) {
	path, err := media.ResolveFile(manifest, file)
	if e, ok := errors.AsType[*media.URIError](err); ok {
		c.add(manifest, "file %q: %s", e.URI, e.Why)
	}
	return path, err == nil
}

// smooth is one look at one package's manifests.
type smooth struct {
	*check
	server, client string // paths
	group          cloud.OutputGroup
	tracks         []media.SmoothTrack // of the server manifest
	used           []bool              // those that a level goes with
	levels         int                 // of video and sound
	files          []*smoothFile
}

// stream checks one stream of the client manifest against the server manifest,
// and notes what its files have to hold.
func (s *smooth) stream(st *media.SmoothStream) {
	name := clip(st.Name)
	rates := make(map[uint32]bool)
	for _, l := range st.Levels {
		if rates[l.Bitrate] {
			s.add(s.client, "stream %s: two quality levels of %d bits a second: players ask by it", name, l.Bitrate)
			continue
		}
		rates[l.Bitrate] = true
		if why := foreign(st.Kind, l.FourCC); why != "" && !s.loose {
			s.add(s.client, "stream %s: %s", name, why)
		}
		if st.Kind == media.TrackVideo || st.Kind == media.TrackAudio {
			s.levels++
		}
		s.level(st, l)
	}
	switch {
	case len(st.Chunks) == 0 && st.Kind == media.TrackText: // its text is in the manifest
	case len(st.Chunks) == 0:
		s.add(s.client, "stream %s: no chunks", name)
	case st.Kind != media.TrackText:
		class := picture
		if st.Kind == media.TrackAudio {
			class = sound
		}
		if s.loose { // its packages need not be of one kind
			class += " of " + s.group.Package
		}
		s.spans = append(s.spans, span{class: class, path: s.client, name: fmt.Sprintf("stream %s ", name), duration: st.Length(), whole: true})
	}
}

// foreign tells what is wrong with a level's codec: nothing but H.264 and AAC
// was asked for.
func foreign(kind media.TrackKind, fourCC string) string {
	known := []string{"H264", "AVC1"}
	switch kind {
	case media.TrackVideo:
	case media.TrackAudio:
		known = []string{"AACL"}
	default:
		return fmt.Sprintf("of kind %s, and the job makes none", kind)
	}
	if slices.Contains(known, strings.ToUpper(fourCC)) {
		return ""
	}
	return fmt.Sprintf("codec %q, want %s", clip(fourCC), known[0])
}

// level finds the track that goes with a quality level.
func (s *smooth) level(st *media.SmoothStream, l media.SmoothLevel) {
	found := -1
	for i, t := range s.tracks {
		if t.Kind != st.Kind || t.Name != st.Name || t.Bitrate != l.Bitrate {
			continue
		}
		if found >= 0 {
			s.add(s.server, "two %s tracks named %s of systemBitrate %d", t.Kind, clip(t.Name), t.Bitrate)
			return
		}
		found = i
	}
	if found < 0 {
		s.add(s.server, "no %s track named %s of systemBitrate %d, which %s has", st.Kind, clip(st.Name), l.Bitrate, s.client)
		return
	}
	t := s.tracks[found]
	s.used[found] = true
	if t.Language != "" && st.Language != "" && !strings.EqualFold(t.Language, st.Language) {
		s.add(s.server, "track %s is in language %s, and in %s it is in %s", clip(t.Name), clip(t.Language), s.client, clip(st.Language))
	}
	path, ok := s.beside(s.server, t.File)
	if !ok || !s.has(path, s.server, 0) || len(st.Chunks) == 0 {
		return
	}
	i := slices.IndexFunc(s.files, func(f *smoothFile) bool { return f.path == path })
	if i < 0 {
		i = len(s.files)
		s.files = append(s.files, &smoothFile{check: s.check, path: path, size: s.check.files[path].size, client: s.client, server: s.server})
	}
	s.files[i].wants = append(s.files[i].wants, wanted{id: t.ID, stream: st})
}

// rest checks the tracks that no level goes with: no player asks for them.
func (s *smooth) rest() {
	for i, t := range s.tracks {
		if s.used[i] {
			continue
		}
		if path, ok := s.beside(s.server, t.File); ok {
			s.has(path, s.server, 0)
		}
		s.add(s.client, "no %s stream named %s with a quality level of %d bits a second, which %s has", t.Kind, clip(t.Name), t.Bitrate, s.server)
	}
}

// latest is where the last of all chunks ends.
func latest(streams []media.SmoothStream) time.Duration {
	var end time.Duration
	for _, st := range streams {
		if st.Kind != media.TrackText {
			end = max(end, st.End())
		}
	}
	return end
}

// variants returns the qualities of video, or of sound where there is no video.
func (s *smooth) variants(streams []media.SmoothStream) []media.Variant {
	for _, kind := range []media.TrackKind{media.TrackVideo, media.TrackAudio} {
		var vs []media.Variant
		for _, st := range streams {
			for _, l := range st.Levels {
				if st.Kind == kind {
					vs = append(vs, l.Variant())
				}
			}
		}
		if vs != nil {
			return vs
		}
	}
	return nil
}
