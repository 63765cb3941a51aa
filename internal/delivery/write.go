package delivery

import (
	"context"
	"errors"
	"fmt"

	"github.com/vodfleet/vodfleet/internal/cloud"
	"github.com/vodfleet/vodfleet/internal/ledger"
	"github.com/vodfleet/vodfleet/internal/media"
)

const (
	typeHLS  = "application/vnd.apple.mpegurl"
	typeDASH = "application/dash+xml"
	typeJSON = "application/json"

	// The distribution keeps an entry until it is invalidated; players ask
	// every time.
	cacheEntry    = "max-age=0, s-maxage=31536000"
	cachePlayback = "no-cache"
)

// Write writes the documents that lead to r's current build: the stable
// entries, if stable, which are its own manifests pointed into the build, and
// then playback.json. Each carries the record's seq, and none replaces one of
// a higher seq: then a newer switch has been shown already, and Write succeeds
// without having written all.
//
// A stable entry of an earlier build that has no successor, since the profile
// dropped its package or its stable URLs, is withdrawn: replaced by a document
// that plays nothing. It would go on naming files that are deleted one day; and
// were it deleted itself, a late writer of an earlier switch would find nothing
// that tells it to stop.
//
// A repeat is safe, and writes only what is not there yet. An error means that
// some documents may be written and others not. It fails with the store's
// errors.
func (s *Service) Write(ctx context.Context, r *ledger.Record, stable bool) error {
	b := r.Build(r.Current)
	if b == nil || b.Outputs == nil || !isAsset(r.Asset) {
		return fmt.Errorf("write entries of asset %q: it has no current build with outputs", r.Asset)
	}
	docs, err := s.documents(ctx, r, b, stable)
	if err != nil {
		return fmt.Errorf("write entries of asset %s build %d: %w", r.Asset, b.Number, err)
	}
	var all []made
	for _, d := range docs {
		d.stamp()
		m, err := s.put(ctx, d)
		switch {
		case errors.Is(err, errNewer):
			return s.undo(ctx, all)
		case err != nil:
			return fmt.Errorf("write entries of asset %s switch %d: %s: %w", r.Asset, r.Seq, d.at.Key, err)
		case m.etag != "" && d.withdrawn != nil:
			all = append(all, m)
		}
	}
	return nil
}

// document is one to write below watch/ASSET/.
type document struct {
	at           cloud.Location
	body         []byte // nil: withdraw the one that is there
	withdrawn    []byte // what takes its place then; nil if it is never withdrawn
	contentType  string
	cacheControl string
	seq, build   int
}

// stamp makes an entry's bytes those of its switch alone. An ETag tells bytes
// apart and nothing else: a writer that was held up while others showed another
// build and then the first one again would take the document for the one it saw,
// and go back to its own.
func (d *document) stamp() {
	format := "# Switch %d.\n"
	switch d.contentType {
	case typeHLS:
	case typeDASH:
		format = "<!-- Switch %d. -->\n"
	default:
		return // it tells by itself
	}
	for _, body := range []*[]byte{&d.body, &d.withdrawn} {
		b := *body
		if b == nil {
			continue
		}
		b = b[:len(b):len(b)]
		if len(b) > 0 && b[len(b)-1] != '\n' {
			b = append(b, '\n')
		}
		*body = fmt.Appendf(b, format, d.seq)
	}
}

// Documents that play nothing.
const (
	withdrawnHLS  = "#EXTM3U\n# Withdrawn: this video is not offered under this address any more.\n"
	withdrawnDASH = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<!-- Withdrawn: this video is not offered under this address any more. -->\n" +
		"<MPD xmlns=\"urn:mpeg:dash:schema:mpd:2011\" type=\"static\" profiles=\"urn:mpeg:dash:profile:full:2011\" minBufferTime=\"PT1S\"/>\n"
)

// documents renders what r's current build b is shown by, playback.json last:
// it names the others.
func (s *Service) documents(ctx context.Context, r *ledger.Record, b *ledger.Build, stable bool) ([]document, error) {
	watch := s.output.Join(watchPath(r.Asset))
	hls, dash := startOf(b.Outputs)
	if !stable {
		hls, dash = "", ""
	}
	var docs []document
	for _, e := range []struct {
		name, manifest         string
		rewrite                func([]byte, string) ([]byte, error)
		withdrawn, contentType string
	}{
		{entryHLS, hls, media.RewriteHLS, withdrawnHLS, typeHLS},
		{entryDASH, dash, media.RewriteMPD, withdrawnDASH, typeDASH},
	} {
		d := document{
			at: watch.Join(e.name), withdrawn: []byte(e.withdrawn),
			contentType: e.contentType, cacheControl: cacheEntry, seq: r.Seq, build: b.Number,
		}
		switch {
		case e.manifest != "":
			var err error
			if d.body, err = s.entry(ctx, r.Asset, b.Number, e.manifest, e.rewrite); err != nil {
				return nil, fmt.Errorf("%s: %w", e.manifest, err)
			}
		case r.Seq == 1:
			continue // there was no earlier build
		}
		docs = append(docs, d)
	}
	body, err := playbackOf(r, b, s.URLs(r, stable)).encode()
	if err != nil {
		return nil, err
	}
	return append(docs, document{
		at: watch.Join(playback), body: body, contentType: typeJSON, cacheControl: cachePlayback, seq: r.Seq, build: b.Number,
	}), nil
}

// entry returns a build's manifest with its URIs pointed from watch/ASSET/ into
// the build, by relative references: so it holds on every domain.
func (s *Service) entry(ctx context.Context, asset string, build int, manifest string, rewrite func([]byte, string) ([]byte, error)) ([]byte, error) {
	at := media.BuildPrefix(s.output, asset, build).Join(manifest)
	body, ok := s.kept.get(at)
	if !ok {
		var err error
		if body, _, err = s.store.Get(ctx, at, media.MaxManifest); err != nil {
			return nil, err
		}
	}
	return rewrite(body, "../../"+media.EscapePath(buildPath(asset, build)+folderOf(manifest)))
}

// folderOf is the part of a path up to its last slash.
func folderOf(path string) string {
	for i := len(path); i > 0; i-- {
		if path[i-1] == '/' {
			return path[:i]
		}
	}
	return ""
}
