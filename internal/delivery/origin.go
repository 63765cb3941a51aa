package delivery

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/vodfleet/vodfleet/internal/cloud"
	"github.com/vodfleet/vodfleet/internal/media"
	"golang.org/x/sync/errgroup"
)

const (
	originAtOnce  = 8
	originPatient = 20 * time.Second // one request
	originFiles   = 1000             // of one build that are asked for, manifests not counted
)

// Origin is a server that mirrors the output and is asked by the distribution in
// its place, such as a web server or IIS. It is safe for concurrent use.
type Origin struct {
	store  cloud.Store
	output cloud.Location
	base   string
	http   *http.Client
}

// NewOrigin returns the origin that serves the object at output.Join(path) as
// base/path. Redirects are not followed: CloudFront does not, either.
func NewOrigin(store cloud.Store, output cloud.Location, base string) *Origin {
	return &Origin{store, output, strings.TrimRight(base, "/"), &http.Client{
		Timeout:       originPatient,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// Arrived looks whether a build's files are at the origin, each with its size:
// every manifest, and of very many other files some that are spread over all. It
// fails with an [*IncompleteError] that names those that are not there.
func (o *Origin) Arrived(ctx context.Context, prefix cloud.Location) error {
	var manifests, others []cloud.Object
	for f, err := range o.store.List(ctx, prefix, "") {
		if err != nil {
			return fmt.Errorf("list %s for the origin: %w", prefix, err)
		}
		if isManifest(f.Key) {
			manifests = append(manifests, f)
		} else {
			others = append(others, f)
		}
	}
	for i, stride := 0, 1+len(others)/originFiles; i < len(others); i += stride {
		manifests = append(manifests, others[i])
	}
	var wrong problems
	var mu sync.Mutex
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(originAtOnce)
	for _, f := range manifests {
		g.Go(func() error {
			why := o.look(gctx, f)
			if why != "" && gctx.Err() == nil {
				mu.Lock()
				defer mu.Unlock()
				wrong.add(strings.TrimPrefix(f.Key, prefix.Key), "the origin %s", why)
			}
			return context.Cause(gctx)
		})
	}
	if err := g.Wait(); err != nil {
		return fmt.Errorf("ask the origin for %s: %w", prefix, err)
	}
	return wrong.err(prefix)
}

// Shows looks whether the origin has an asset's entries as they are in the
// output. It fails with an [*IncompleteError].
func (o *Origin) Shows(ctx context.Context, asset string) error {
	watch := o.output.Join(watchPath(asset))
	var wrong problems
	for _, name := range []string{entryHLS, entryDASH, playback} {
		want, _, err := o.store.Get(ctx, watch.Join(name), media.MaxManifest)
		if errors.Is(err, cloud.ErrNotFound) {
			continue
		}
		if err != nil {
			return fmt.Errorf("read %s for the origin: %w", watch.Join(name), err)
		}
		got, status, _, err := o.get(ctx, http.MethodGet, o.url(watch.Join(name).Key), int64(len(want))+1)
		switch {
		case ctx.Err() != nil:
			return fmt.Errorf("ask the origin for %s: %w", watch, context.Cause(ctx))
		case err != nil:
			wrong.add(name, "the origin does not answer: %v", err)
		case status != http.StatusOK:
			wrong.add(name, "the origin answers %d", status)
		case string(got) != string(want):
			wrong.add(name, "the origin has another one")
		}
	}
	return wrong.err(watch)
}

// look says what is wrong with one file at the origin; empty if nothing is.
func (o *Origin) look(ctx context.Context, f cloud.Object) string {
	_, status, header, err := o.get(ctx, http.MethodHead, o.url(f.Key), 0)
	switch {
	case err != nil:
		return fmt.Sprintf("does not answer: %v", err)
	case status == http.StatusOK:
		if size, err := strconv.ParseInt(header.Get("Content-Length"), 10, 64); err == nil && size != f.Size {
			return fmt.Sprintf("has %d bytes, want %d", size, f.Size)
		}
		return ""
	case !isSmooth(f.Key) || !strings.Contains(header.Get("Server"), "Microsoft-IIS"):
		return fmt.Sprintf("answers %d", status)
	case path.Ext(f.Key) != ".ism":
		return "" // IIS reads it itself, and hands no such file out
	}
	if _, status, _, err = o.get(ctx, http.MethodGet, o.url(f.Key)+"/Manifest", media.MaxManifest); err != nil {
		return fmt.Sprintf("does not answer for its Manifest: %v", err)
	}
	if status != http.StatusOK {
		return fmt.Sprintf("answers %d for its Manifest", status)
	}
	return ""
}

// get asks for a URL and reads the body up to limit.
func (o *Origin) get(ctx context.Context, method, url string, limit int64) ([]byte, int, http.Header, error) {
	req, err := http.NewRequestWithContext(ctx, method, url, nil)
	if err != nil {
		return nil, 0, nil, err
	}
	req.Header.Set("Accept-Encoding", "identity")
	resp, err := o.http.Do(req)
	if err != nil {
		return nil, 0, nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, limit))
	return body, resp.StatusCode, resp.Header, err
}

// url is where the origin has a key of the output.
func (o *Origin) url(key string) string {
	return o.base + "/" + media.EscapePath(strings.TrimPrefix(key, o.output.Join("").Key))
}

func isManifest(key string) bool {
	switch path.Ext(key) {
	case ".m3u8", ".mpd", ".ism", ".ismc":
		return true
	}
	return false
}

func isSmooth(key string) bool { return strings.HasPrefix(path.Ext(key), ".ism") }
