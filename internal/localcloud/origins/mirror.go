// Package origins has web servers over a bucket, for distributions whose origin
// is not S3: one that mirrors the bucket, and one that behaves as Microsoft IIS
// with Smooth Streaming. What the edge makes of their answers is package edge's
// business.
package origins

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"path"
	"strings"
	"time"

	"github.com/vodfleet/vodfleet/internal/localcloud/objects"
)

// Config configures an origin. Objects, Bucket and Now are required.
type Config struct {
	Objects objects.Store
	Bucket  string
	Now     func() time.Time // the cloud's time
	Lag     time.Duration    // how much later than in the bucket an object is there, by the cloud's time
	Deleted *Deleted         // what of the bucket is still there; nil: nothing
}

// Mirror returns a web server that has the bucket's objects as its files.
func Mirror(c Config) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Server", "nginx")
		c.serve(w, r, entityTag)
	})
}

// serve answers with the object of the request's path, whole or a range of it.
func (c *Config) serve(w http.ResponseWriter, r *http.Request, tag func(objects.Info) string) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		refuse(w, r, http.StatusMethodNotAllowed)
		return
	}
	key, err := url.PathUnescape(strings.TrimPrefix(r.URL.EscapedPath(), "/"))
	if err != nil {
		refuse(w, r, http.StatusBadRequest)
		return
	}
	f, info, err := c.open(r.Context(), key)
	if err != nil {
		refuse(w, r, statusOf(err))
		return
	}
	defer f.Close()
	describe(w.Header(), info, tag)
	http.ServeContent(w, r, "", info.LastModified, f)
}

// open opens an object that has come through, or whose deletion has not. It
// fails with [objects.ErrNotFound].
func (c *Config) open(ctx context.Context, key string) (file, objects.Info, error) {
	if !fs.ValidPath(key) {
		return nil, objects.Info{}, objects.ErrNotFound
	}
	f, info, err := objects.OpenFile(ctx, c.Objects, c.Bucket, key)
	if err == nil && !c.late(info) {
		return f, info, nil
	}
	if err == nil {
		_ = f.Close() // only read
		err = fmt.Errorf("%s has not come through yet: %w", key, objects.ErrNotFound)
	}
	if k, ok := c.Deleted.open(c.Bucket, key); ok && !c.late(k.info) && errors.Is(err, objects.ErrNotFound) {
		return k, k.info, nil
	}
	return nil, objects.Info{}, err
}

// late reports whether an object has not come through yet.
func (c *Config) late(info objects.Info) bool {
	return c.Lag > 0 && c.Now().Before(info.LastModified.Add(c.Lag))
}

// describe sets the headers of a file's answer.
func describe(h http.Header, info objects.Info, tag func(objects.Info) string) {
	h.Set("Content-Type", "application/octet-stream")
	if info.ContentType != "" {
		h.Set("Content-Type", info.ContentType)
	}
	if info.CacheControl != "" {
		h.Set("Cache-Control", info.CacheControl)
	}
	h.Set("ETag", tag(info))
}

// entityTag is made as nginx makes it, of time and size, and of the content: an
// object may be replaced twice a second.
func entityTag(i objects.Info) string {
	return fmt.Sprintf(`"%x-%x-%.8s"`, i.LastModified.Unix(), i.Size, i.ETag)
}

func statusOf(err error) int {
	if errors.Is(err, objects.ErrNotFound) {
		return http.StatusNotFound
	}
	return http.StatusInternalServerError
}

// refuse answers with an error page.
func refuse(w http.ResponseWriter, r *http.Request, status int) {
	body := fmt.Sprintf("<html><head><title>%d %s</title></head><body><h1>%[1]d %[2]s</h1></body></html>\n", status, http.StatusText(status))
	h := w.Header()
	h.Set("Content-Type", "text/html")
	h.Set("Content-Length", fmt.Sprint(len(body)))
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		_, _ = w.Write([]byte(body)) // the client may be gone
	}
}

// extension is that of a path's last segment, in lower case.
func extension(p string) string { return strings.ToLower(path.Ext(p)) }
