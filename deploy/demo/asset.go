package main

import (
	"time"

	"github.com/vodfleet/vodfleet/internal/delivery"
	"github.com/vodfleet/vodfleet/internal/ledger"
	"github.com/vodfleet/vodfleet/tasks"
)

// asset is one file of the library on its way to viewers.
type asset struct {
	key      string
	file     video // as it was brought
	id       string
	version  string    // of the source, as the bucket has it
	uploaded time.Time // when this run brought it, or found it there
	fresh    bool      // this run brought it
	want     string    // the state that it should end in; empty: any

	state    string // in words for people
	percent  int    // of its transcode
	reason   string // of failed and skipped
	class    ledger.Class
	ended    bool
	playable time.Time // when its entry was first answered through the edge
	urls     delivery.URLs
}

func newAsset(v video, etag string, fresh bool, now time.Time) *asset {
	return &asset{
		key: v.key, file: v, id: tasks.AssetID(libraryBucket, v.key), version: tasks.SourceVersion(etag, v.size),
		uploaded: now, fresh: fresh, state: "waiting",
	}
}

// take takes in what the ledger says, and reports whether that is news.
func (a *asset) take(rec *ledger.Record, viewer string) bool {
	before := a.state
	switch {
	case rec == nil || !rec.Knows(a.version):
		a.state = "waiting"
	case rec.Wanted.Source != a.version:
		a.state = "looked at again"
	default:
		a.state = rec.Status()
		a.ended = !rec.Open()
		a.reason, a.class = "", ""
		if f := rec.Failed(); f != nil {
			a.reason, a.class = f.Message, f.Class
		}
		if a.state == "published" {
			a.urls = delivery.LinkTo(viewer, rec, true)
		}
	}
	return a.state != before
}

// entry is where a player starts.
func (a *asset) entry() string {
	for _, url := range []string{a.urls.HLS, a.urls.DASH, a.urls.Smooth} {
		if url != "" {
			return url
		}
	}
	for _, p := range a.urls.Packages {
		if len(p.Files) > 0 {
			return p.Files[0]
		}
	}
	return ""
}

// right reports whether the asset ended as it should. A file of the user's may
// fail, with a reason.
func (a *asset) right() bool {
	switch {
	case !a.ended:
		return false
	case a.state == "published":
		return !a.playable.IsZero() && (a.want == "" || a.want == "published")
	case a.state == "failed" && a.want == "failed":
		return a.class == ledger.BadSource && a.reason != ""
	}
	return a.want == "" && a.reason != ""
}
