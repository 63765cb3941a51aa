package sim

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/vodfleet/vodfleet/internal/cloud"
	"github.com/vodfleet/vodfleet/internal/delivery"
	"github.com/vodfleet/vodfleet/internal/media"
)

// viewers look at everything that is shown, at every moment when it changes:
// what they could read must lead to files that are there.
type viewers struct {
	w      *world
	seq    map[string]int // by document: the highest switch that it showed
	half   []string       // what was visible and not whole
	others []string       // what was shown and made of other bytes than it should
	looks  int
}

const maxHalf = 5 // more tell nothing new

// happened has viewers look if a call may have changed what they see.
func (w *world) happened(op, at string) {
	watch, built, records := output.Join("watch/").String(), output.Join("media/").String(), shelf.Join("ledger/").String()
	switch {
	case op == "Store.Put" && strings.HasPrefix(at, watch):
		w.seen.look(strings.TrimPrefix(at, watch)[:26])
	case op == "Store.Put" && strings.HasPrefix(at, records) && strings.HasSuffix(at, ".json"):
		w.lives.look(strings.TrimSuffix(path.Base(at), ".json"))
	case op == "Store.Delete" && strings.HasPrefix(at, built):
		w.seen.look(strings.TrimPrefix(at, built)[:26])
	}
}

func (v *viewers) fail(format string, args ...any) {
	if len(v.half) < maxHalf {
		v.half = append(v.half, fmt.Sprintf(format, args...))
	}
}

// look reads an asset's documents and follows them to the last file.
func (v *viewers) look(asset string) {
	v.looks++
	for _, name := range []string{"master.m3u8", "manifest.mpd", "playback.json"} {
		at := output.Join("watch/" + asset + "/" + name)
		body, o, err := v.read(at)
		if errors.Is(err, cloud.ErrNotFound) {
			continue
		}
		seq, _ := strconv.Atoi(o.Metadata["seq"])
		build, _ := strconv.Atoi(o.Metadata["build"])
		withdrawn := o.Metadata["build"] == "0" && err == nil
		if err != nil || seq < 1 || build < 1 && !withdrawn {
			v.fail("%s: seq %d, build %d, %v", at, seq, build, err)
			continue
		}
		if v.seq == nil {
			v.seq = map[string]int{}
		}
		last := v.seq[at.Key]
		switch {
		case seq < last:
			v.fail("%s went back from switch %d to %d", at, last, seq)
		case seq > last:
			v.seq[at.Key] = seq
			if !withdrawn {
				v.content(asset, seq, build)
			}
		}
		switch {
		case name != "playback.json":
			v.follow(at, body)
		case !withdrawn:
			v.smooth(at, body)
		}
	}
}

// smooth follows the link to the Smooth Streaming package to its last file.
func (v *viewers) smooth(at cloud.Location, body []byte) {
	var shown delivery.Playback
	if err := json.Unmarshal(body, &shown); err != nil {
		v.fail("%s: %v", at, err)
		return
	}
	link, ok := strings.CutPrefix(strings.TrimSuffix(shown.URLs.Smooth, "/Manifest"), viewerURL+"/")
	link, err := url.PathUnescape(link)
	if !ok || err != nil {
		v.fail("%s links to %q, %v", at, shown.URLs.Smooth, err)
		return
	}
	text, _, err := v.read(output.Join(link))
	if err != nil {
		v.fail("%s links to %s: %v", at, link, err)
		return
	}
	m, err := media.ParseSmoothServer(text)
	if err != nil {
		v.fail("%s: %v", link, err)
		return
	}
	files := []string{m.Client}
	for _, t := range m.Tracks {
		files = append(files, t.File)
	}
	for _, f := range files {
		file, err := media.ResolveFile(link, f)
		if err == nil {
			_, err = v.w.mem.Store.Head(context.Background(), output.Join(file))
		}
		if err != nil {
			v.fail("%s names %s: %v", link, f, err)
		}
	}
}

// follow reads all that a manifest names.
func (v *viewers) follow(at cloud.Location, body []byte) {
	var refs []media.Ref
	var lists []string
	if strings.HasSuffix(at.Key, ".m3u8") {
		list, err := media.ParseHLS(body)
		if err != nil {
			v.fail("%s: %v", at, err)
			return
		}
		for _, p := range list.Playlists {
			lists = append(lists, p.URI)
		}
		for r := range list.Refs() {
			refs = append(refs, r)
		}
	} else {
		m, err := media.ParseMPD(body)
		if err != nil {
			v.fail("%s: %v", at, err)
			return
		}
		for _, t := range m.Tracks {
			refs = append(refs, t.Files...)
		}
	}
	for _, r := range refs {
		file, err := media.Resolve(strings.TrimPrefix(at.Key, output.Key+"/"), r.URI)
		if err == nil && !r.Optional {
			_, err = v.w.mem.Store.Head(context.Background(), output.Join(file))
		}
		if err != nil {
			v.fail("%s names %s: %v", at, r.URI, err)
		}
	}
	for _, uri := range lists {
		file, err := media.Resolve(strings.TrimPrefix(at.Key, output.Key+"/"), uri)
		if err != nil || path.Ext(file) != ".m3u8" {
			continue
		}
		if body, _, err := v.read(output.Join(file)); err == nil {
			v.follow(output.Join(file), body)
		}
	}
}

func (v *viewers) read(at cloud.Location) ([]byte, cloud.Object, error) {
	return v.w.mem.Store.Get(context.Background(), at, media.MaxManifest)
}

// content compares the bytes that the shown build was made of with those of its
// revision. Bytes that came back to what they were cannot be told from those
// that never changed, by anyone.
func (v *viewers) content(asset string, seq, build int) {
	rec, err := v.w.book.Get(context.Background(), asset)
	if err != nil || rec.Build(build) == nil {
		v.fail("switch %d shows build %d, which the ledger does not know: %v", seq, build, err)
		return
	}
	b := rec.Build(build)
	if b.Outputs == nil {
		v.fail("switch %d shows build %d, which has not been verified", seq, build)
	}
	for _, j := range v.w.mem.Transcoder.Jobs() {
		if j.ID != b.Job {
			continue
		}
		if read := v.w.sky.since(rec.Location, j.Finished); read != nil && !read[b.Revision.Source] {
			v.others = append(v.others, fmt.Sprintf("switch %d shows build %d of %s as %s", seq, build, b.Job, b.Revision.Source))
		}
	}
}

// sources remembers what was where, by the cloud's clock.
type sources struct {
	w    *world
	all  map[cloud.Location][]version
	last []cloud.Location // in order of their first upload
}

type version struct {
	at   time.Time
	hash string // empty: nothing
}

func (s *sources) note(at cloud.Location, hash string) {
	if s.all == nil {
		s.all = map[cloud.Location][]version{}
	}
	if s.all[at] == nil {
		s.last = append(s.last, at)
	}
	s.all[at] = append(s.all[at], version{s.w.mem.Store.Now(), hash})
}

// now is the version that is there.
func (s *sources) now(at cloud.Location) string {
	if all := s.all[at]; len(all) > 0 {
		return all[len(all)-1].hash
	}
	return ""
}

// since tells what has been at a place since t, with what was there then; nil
// if that was nothing.
func (s *sources) since(at cloud.Location, t time.Time) map[string]bool {
	all := map[string]bool{}
	then := ""
	for _, v := range s.all[at] {
		if v.at.After(t) {
			all[v.hash] = true
		} else {
			then = v.hash
		}
	}
	if then == "" {
		return nil
	}
	all[then] = true
	return all
}
