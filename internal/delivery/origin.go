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
	originLook    = 2 * time.Minute  // those for one build
	originSampled = 1000             // numbered files of one build that are asked for
	originEnough  = 3                // files that lack
)

// Origin is a server that mirrors the output and is asked by the distribution in
// its place, such as a web server or IIS. It is safe for concurrent use.
type Origin struct {
	store  cloud.Store
	output cloud.Location
	base   string
	iis    bool
	http   *http.Client
}

// NewOrigin returns the origin that serves the object at output.Join(path) as
// base/path. With iis it is one that streams Smooth itself and hands out no
// files of it, as IIS does; one that says that it is IIS is known without.
// Redirects are not followed: CloudFront does not, either.
func NewOrigin(store cloud.Store, output cloud.Location, base string, iis bool) *Origin {
	return &Origin{store, output, strings.TrimRight(base, "/"), iis, &http.Client{
		Timeout:       originPatient,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// Arrived looks whether a build's files are at the origin, each with its size:
// all but the numbered ones, such as segments, and of these the last of each
// series and of very many some that are spread over all. An origin that streams
// Smooth itself is asked for the Manifest and for the first and the last
// fragment of every level instead of the files that it makes them of.
//
// It fails with an [*IncompleteError] that names the first that are not there,
// and looks for no more then: the origin may be far from ready, or not answer.
func (o *Origin) Arrived(ctx context.Context, prefix cloud.Location) error {
	files, err := o.files(ctx, prefix)
	if err != nil {
		return fmt.Errorf("list %s for the origin: %w", prefix, err)
	}
	look, stop := context.WithTimeout(ctx, originLook)
	defer stop()
	var wrong problems
	files, questions := o.streamed(look, prefix, files, &wrong)
	for _, f := range files {
		questions = append(questions, question{name: strings.TrimPrefix(f.Key, prefix.Key), method: http.MethodHead, url: o.url(f.Key), size: f.Size})
	}
	o.ask(look, questions, &wrong)
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("ask the origin for %s: %w", prefix, context.Cause(ctx))
	case look.Err() != nil:
		wrong.add("", "the origin takes more than %v to answer for %d files", originLook, len(questions))
	}
	return wrong.err(prefix)
}

// files lists what of a build the origin is asked for.
func (o *Origin) files(ctx context.Context, prefix cloud.Location) ([]cloud.Object, error) {
	var files, numbered []cloud.Object
	last := make(map[string]int) // of a series, in numbered
	for f, err := range o.store.List(ctx, prefix, "") {
		if err != nil {
			return nil, err
		}
		if name, ok := series(f.Key); ok {
			last[name] = len(numbered)
			numbered = append(numbered, f)
		} else {
			files = append(files, f)
		}
	}
	stride := 1 + len(numbered)/originSampled
	for i, f := range numbered {
		if name, _ := series(f.Key); i%stride == 0 || i == last[name] {
			files = append(files, f)
		}
	}
	return files, nil
}

// series returns what a numbered file's name has in common with others of its
// series, such as the segments of a rendition. Numbers have five digits and
// more, unlike those that tell renditions apart.
func series(key string) (string, bool) {
	ext := path.Ext(key)
	name := strings.TrimSuffix(key, ext)
	stem := strings.TrimRight(name, "0123456789")
	return stem + ext, len(name)-len(stem) >= 5
}

// question is what the origin is asked.
type question struct {
	name, part  string // a file's path below its build, and what is asked for of it; empty: the file
	method, url string
	size        int64 // bytes that the answer has to have; 0: any
}

// ask asks the questions and notes what is wrong, until it is enough.
func (o *Origin) ask(ctx context.Context, questions []question, wrong *problems) {
	var mu sync.Mutex
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(originAtOnce)
	for _, q := range questions {
		g.Go(func() error {
			if ctx.Err() != nil {
				return nil
			}
			why := o.answer(ctx, q)
			if why == "" || ctx.Err() != nil {
				return nil
			}
			mu.Lock()
			defer mu.Unlock()
			if wrong.add(q.name, "the origin %s", why); len(wrong.first) >= originEnough {
				return errEnough
			}
			return nil
		})
	}
	_ = g.Wait() // what is wrong is noted
}

// errEnough ends a look.
var errEnough = errors.New("enough is wrong")

// answer says what is wrong with the origin's answer; empty if nothing is.
func (o *Origin) answer(ctx context.Context, q question) string {
	_, status, header, err := o.get(ctx, q.method, q.url, 0)
	of := ""
	if q.part != "" {
		of = " for its " + q.part
	}
	switch {
	case err != nil:
		return fmt.Sprintf("does not answer%s: %v", of, err)
	case status != http.StatusOK:
		return fmt.Sprintf("answers %d%s", status, of)
	}
	size, err := strconv.ParseInt(header.Get("Content-Length"), 10, 64)
	if q.size > 0 && err == nil && size != q.size {
		return fmt.Sprintf("has %d bytes, want %d", size, q.size)
	}
	return ""
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
