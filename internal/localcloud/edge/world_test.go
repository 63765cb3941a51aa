package edge

import (
	"bytes"
	"context"
	"crypto/md5"
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vodfleet/vodfleet/internal/localcloud/cloudfront"
	"github.com/vodfleet/vodfleet/internal/localcloud/objects"
)

// world is an edge over objects, a distribution and a clock of the test's.
type world struct {
	*Edge
	view *cloudfront.View

	mu     sync.Mutex
	dir    string
	now    time.Time
	reads  int // of objects' contents
	broken error
	gate   chan struct{} // not nil: reads wait for it
	held   chan struct{} // gets one value for each read that waits
	stored map[string]object
	purges []cloudfront.Purge
}

type object struct {
	body, contentType, cacheControl string
	modified                        time.Time
}

// newWorld has one distribution over the bucket "out": watch/* goes by the
// origin's Cache-Control, media/* is kept for an hour, the rest for a minute.
func newWorld(t *testing.T, change ...func(*Config)) *world {
	t.Helper()
	methods := []string{"GET", "HEAD", "OPTIONS"}
	w := &world{dir: t.TempDir(), now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC), stored: make(map[string]object), held: make(chan struct{}, 100)}
	w.view = &cloudfront.View{
		ID: "E1", Domain: "d1.cloudfront.net", Enabled: true,
		Origins: map[string]cloudfront.Origin{"s3": {Bucket: "out", Headers: http.Header{}}},
		Errors:  map[int]cloudfront.ErrorResponse{},
		Behaviors: []cloudfront.Behavior{
			{Pattern: "watch/*", Origin: "s3", Methods: methods, Cache: cloudfront.CachePolicy{Max: 24 * time.Hour}},
			{Pattern: "media/*", Origin: "s3", Methods: methods, Cache: cloudfront.CachePolicy{Min: time.Second, Default: time.Hour, Max: 24 * time.Hour}},
			{Origin: "s3", Methods: methods, Cache: cloudfront.CachePolicy{Min: 10 * time.Second, Default: time.Minute, Max: time.Hour}},
		},
	}
	cfg := Config{Objects: w, Control: w, Clock: w}
	for _, c := range change {
		c(&cfg)
	}
	var err error
	if w.Edge, err = New(cfg); err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *world) Now() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

func (w *world) pass(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
}

func (w *world) Lookup(string) *cloudfront.View { return w.view }

func (w *world) Purges(since int) ([]cloudfront.Purge, int, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.purges[min(max(since, 0), len(w.purges)):], len(w.purges), since < 0
}

func (w *world) invalidate(paths ...string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.purges = append(w.purges, cloudfront.Purge{Distribution: "E1", Paths: paths, At: w.now})
}

func (w *world) put(key string, o object) {
	w.mu.Lock()
	defer w.mu.Unlock()
	o.modified = w.now
	w.stored[key] = o
}

func (w *world) info(bucket, key string) (object, objects.Info, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	o, ok := w.stored[key]
	switch {
	case w.broken != nil:
		return o, objects.Info{}, w.broken
	case bucket != "out" || !ok:
		return o, objects.Info{}, objects.ErrNotFound
	}
	sum := md5.Sum([]byte(o.body))
	return o, objects.Info{
		Size: int64(len(o.body)), ETag: hex.EncodeToString(sum[:]), ContentType: o.contentType, CacheControl: o.cacheControl,
		LastModified: o.modified, Metadata: map[string]string{"seq": "7"},
	}, nil
}

func (w *world) Get(_ context.Context, bucket, key string) (io.ReadCloser, objects.Info, error) {
	w.mu.Lock()
	w.reads++
	gate := w.gate
	w.mu.Unlock()
	o, info, err := w.info(bucket, key)
	if gate != nil {
		w.held <- struct{}{}
		<-gate
	}
	return io.NopCloser(strings.NewReader(o.body)), info, err
}

func (w *world) Open(_ context.Context, bucket, key string) (string, objects.Info, error) {
	o, info, err := w.info(bucket, key)
	if err != nil {
		return "", info, err
	}
	f, err := os.CreateTemp(w.dir, "object-*")
	if err != nil {
		return "", info, err
	}
	defer f.Close()
	_, err = f.WriteString(o.body)
	return f.Name(), info, err
}

func (w *world) Put(context.Context, string, string, string, io.Reader, int64) error { panic("no") }

func (w *world) Head(_ context.Context, bucket, key string) (objects.Info, error) {
	_, info, err := w.info(bucket, key)
	return info, err
}

func (w *world) Bucket(_ context.Context, bucket string) error {
	if bucket != "out" {
		return objects.ErrNotFound
	}
	return nil
}

// ask sends "METHOD /path" with headers "Name: value".
func (w *world) ask(request string, headers ...string) *httptest.ResponseRecorder {
	method, path, _ := strings.Cut(request, " ")
	r := httptest.NewRequest(method, path, bytes.NewReader(nil))
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Add(name, value)
	}
	rec := httptest.NewRecorder()
	w.Handler().ServeHTTP(rec, r)
	return rec
}

// short is how an answer was made: status, X-Cache's first word, Age.
func short(r *httptest.ResponseRecorder) string {
	result, _, _ := strings.Cut(r.Header().Get("X-Cache"), " ")
	s := http.StatusText(r.Code) + ", " + result
	if age := r.Header().Get("Age"); age != "" {
		s += ", " + age + " s"
	}
	return s
}
