package players

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"time"
)

// Harness stands between the players and an edge. It passes everything through
// as it is, except that nothing is to be cached by Chromium and that a manifest
// of which one rendition is asked (the query parameter only) has no other, and
// serves the page that the browsers' players live in, so
// that page and streams have one origin.
type Harness struct {
	edge    *url.URL
	at      string // http://127.0.0.1:PORT
	server  *http.Server
	done    sync.WaitGroup
	client  *http.Client
	browser browser
}

const (
	only     = "vodfleet-only"
	pagePath = "/__player/"
	limit    = 4 << 20 // bytes of a manifest
)

//go:embed page
var page embed.FS

// Open starts a harness in front of edge, such as http://127.0.0.1:9080, for
// streams that live there. libraries is the folder with hls.min.js and
// dash.all.min.js. It names what is not installed. Chromium is started when
// first needed. The caller closes the harness; the end of ctx ends Chromium,
// too.
func Open(ctx context.Context, edge, libraries string) (*Harness, error) {
	upstream, err := url.Parse(edge)
	if err != nil {
		return nil, fmt.Errorf("open players: %w", err)
	}
	for _, file := range []string{"hls.min.js", "dash.all.min.js"} {
		if _, err := os.Stat(filepath.Join(libraries, file)); err != nil {
			return nil, fmt.Errorf("open players: %w (run `make setup`)", err)
		}
	}
	if _, err := exec.LookPath("gst-launch-1.0"); err != nil {
		return nil, fmt.Errorf("open players: %w (install GStreamer 1.22 with its base, good, bad and libav plugins)", err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("open players: %w", err)
	}
	h := &Harness{edge: upstream, at: "http://" + listener.Addr().String(), client: &http.Client{Timeout: 30 * time.Second}}
	h.browser.parent = ctx
	h.server = &http.Server{Handler: h.handler(libraries), ReadHeaderTimeout: 10 * time.Second}
	h.done.Go(func() { _ = h.server.Serve(listener) })
	return h, nil
}

// Close ends Chromium and the proxy and waits until they have ended.
func (h *Harness) Close() {
	h.browser.stop()
	_ = h.server.Close()
	h.done.Wait()
}

func (h *Harness) handler(libraries string) http.Handler {
	own, err := fs.Sub(page, "page")
	if err != nil {
		panic(err) // the folder is embedded
	}
	proxy := &httputil.ReverseProxy{
		Rewrite:        func(r *httputil.ProxyRequest) { r.SetURL(h.edge); r.Out.Host = h.edge.Host },
		ModifyResponse: noStore,
	}
	mux := http.NewServeMux()
	mux.Handle(pagePath, http.StripPrefix(pagePath, http.FileServerFS(own)))
	mux.Handle(pagePath+"lib/", http.StripPrefix(pagePath+"lib/", http.FileServer(http.Dir(libraries))))
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		if id, asked := r.URL.Query()[only]; asked {
			h.serveOne(w, r, id[0])
			return
		}
		proxy.ServeHTTP(w, r)
	})
	return mux
}

// noStore keeps Chromium from answering for the edge.
func noStore(r *http.Response) error {
	r.Header.Set("Cache-Control", "no-store")
	return nil
}

// serveOne answers a manifest with one rendition.
func (h *Harness) serveOne(w http.ResponseWriter, r *http.Request, id string) {
	query := r.URL.Query()
	query.Del(only)
	upstream := *r.URL
	upstream.RawQuery = query.Encode()
	m, kind, err := h.manifest(r.Context(), h.edge.ResolveReference(&upstream).String())
	if err == nil {
		var text []byte
		if text, err = m.only(id); err == nil {
			w.Header().Set("Content-Type", kind)
			w.Header().Set("Cache-Control", "no-store")
			_, _ = w.Write(text)
			return
		}
	}
	http.Error(w, err.Error(), http.StatusBadGateway)
}

// manifest gets and takes apart the manifest at address.
func (h *Harness) manifest(ctx context.Context, address string) (m *manifest, contentType string, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, "", err
	}
	answer, err := h.client.Do(request)
	if err != nil {
		return nil, "", err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return nil, "", fmt.Errorf("get %s: %s", address, answer.Status)
	}
	text, err := io.ReadAll(io.LimitReader(answer.Body, limit+1))
	if err != nil {
		return nil, "", fmt.Errorf("get %s: %w", address, err)
	}
	if len(text) > limit {
		return nil, "", fmt.Errorf("get %s: larger than %d bytes", address, limit)
	}
	if m, err = parse(text); err != nil {
		return nil, "", fmt.Errorf("%s: %w", address, err)
	}
	return m, answer.Header.Get("Content-Type"), nil
}

// through is the address of a stream of the edge by way of the harness, cut to
// one rendition unless id is empty. A path alone is one of the edge's.
func (h *Harness) through(address, id string) (string, error) {
	u, err := url.Parse(address)
	if err != nil {
		return "", err
	}
	if u.Host != "" && u.Host != h.edge.Host {
		return "", errors.New(address + " is not on the edge " + h.edge.Host)
	}
	if id != "" {
		query := u.Query()
		query.Set(only, id)
		u.RawQuery = query.Encode()
	}
	return h.at + u.EscapedPath() + query(u), nil
}

func query(u *url.URL) string {
	if u.RawQuery == "" {
		return ""
	}
	return "?" + u.RawQuery
}
