package delivery

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/vodfleet/vodfleet/internal/cloud"
	"github.com/vodfleet/vodfleet/internal/ledger"
	"github.com/vodfleet/vodfleet/internal/media"
	"golang.org/x/sync/errgroup"
)

// LeftError says that the origin may still have something of an asset that was
// removed: caches that ask for it take it in.
type LeftError struct {
	Path string // below the output
	Why  string // "answers 200"
}

func (e *LeftError) Error() string { return fmt.Sprintf("the origin %s for %s", e.Why, e.Path) }

// Gone looks whether the origin has let go of an asset that was removed. Of every
// build whose outputs r still tells it asks for manifests, downloads and
// pictures, and for the first segment or the file of each rendition, under the
// names that MediaConvert gives these: what had others is taken for gone. Of the
// entries there may be the documents of [Service.Withdraw].
//
// It fails with a [*LeftError] of something that is left, also where the origin
// does not answer.
func (o *Origin) Gone(ctx context.Context, r *ledger.Record) error {
	look, stop := context.WithTimeout(ctx, originLook)
	defer stop()
	g, look := errgroup.WithContext(look)
	g.SetLimit(originAtOnce)
	for _, b := range r.Builds {
		if b.Outputs == nil {
			continue
		}
		prefix := media.BuildPrefix(o.output, r.Asset, b.Number)
		for _, file := range append(linked(b.Outputs), rendered(prefix, b.Spec)...) {
			g.Go(func() error { return o.gone(look, prefix.Join(file).Key, nil) })
		}
	}
	watch := o.output.Join(watchPath(r.Asset))
	for _, name := range []string{entryHLS, entryDASH, playback} {
		g.Go(func() error {
			withdrawn, _, err := o.store.Get(look, watch.Join(name), media.MaxManifest)
			if err != nil && !errors.Is(err, cloud.ErrNotFound) {
				return fmt.Errorf("read %s for the origin: %w", watch.Join(name), err)
			}
			return o.gone(look, watch.Join(name).Key, withdrawn)
		})
	}
	err := g.Wait()
	if err != nil && ctx.Err() != nil {
		return fmt.Errorf("ask the origin for removed asset %s: %w", r.Asset, context.Cause(ctx))
	}
	return err
}

// linked are the files of a build that links lead to, within it. Of Smooth it is
// both the file and what an origin that streams it makes of that.
func linked(out *ledger.Outputs) []string {
	files := []string{out.Poster, out.Thumbnails}
	for _, p := range out.Packages {
		files = append(append(files, p.HLS, p.DASH, p.Smooth), p.Files...)
		if p.Smooth != "" {
			files = append(files, p.Smooth+"/Manifest")
		}
	}
	return slices.DeleteFunc(files, func(f string) bool { return f == "" })
}

// rendered are files that the job of spec left for each rendition, within the
// build below prefix.
func rendered(prefix cloud.Location, spec *cloud.JobSpec) (files []string) {
	if spec == nil {
		return nil
	}
	for _, g := range spec.Groups {
		base, ok := strings.CutPrefix(g.Destination.Key, prefix.Key)
		if !ok {
			continue
		}
		for _, out := range g.Outputs {
			letter := "a"
			if out.Video != nil {
				letter = "v"
			}
			switch stem := base + out.NameModifier; g.Kind {
			case cloud.GroupCMAF:
				files = append(files, stem+".m3u8", stem+"_000000001.cmf"+letter)
			case cloud.GroupHLS:
				files = append(files, stem+".m3u8", stem+"_00001.ts")
			case cloud.GroupDASH:
				files = append(files, stem+"_000000001.mp4")
			case cloud.GroupSmooth:
				files = append(files, stem+".ism"+letter)
			}
		}
	}
	return files
}

// gone asks the origin for a key of the output, which it must not have, unless
// as the document that was put in its place.
func (o *Origin) gone(ctx context.Context, key string, instead []byte) error {
	path := strings.TrimPrefix(key, o.output.Join("").Key)
	got, status, _, err := o.get(ctx, http.MethodGet, o.url(key), int64(len(instead))+1)
	switch {
	case err != nil:
		return &LeftError{path, fmt.Sprintf("does not answer (%v)", err)}
	case status == http.StatusNotFound, status == http.StatusGone, status == http.StatusForbidden:
		return nil
	case status == http.StatusOK && instead != nil && string(got) == string(instead):
		return nil
	}
	return &LeftError{path, fmt.Sprintf("answers %d", status)}
}
