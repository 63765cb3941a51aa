package players

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// Harness stands between the players and an edge. It passes everything through
// as it is, except that nothing is to be cached by Chromium and that a manifest
// of which one rendition is asked (the query parameter only) has no other, and
// serves the page that the browsers' players live in, so
// that page and streams have one origin.
type Harness struct {
	edge    *url.URL
	client  *http.Client
	pages   http.Handler // what the browsers' players live in
	streams http.Handler
	browser browser
}

const (
	only     = "vodfleet-only"
	pagePath = "/__player/"
	limit    = 4 << 20 // bytes of a manifest
)

//go:embed page
var page embed.FS

// scripts are the players' libraries.
var scripts = []string{"hls.min.js", "dash.all.min.js", "dash.mss.min.js"}

// Open makes ready a harness in front of edge, such as http://127.0.0.1:9080 or
// http://NAME.localhost:9080, for streams that live there. libraries is the
// folder with the players' libraries. It names what is not installed. Chromium
// is started when first needed. The caller closes the harness; the end of ctx
// ends Chromium, too. A harness is safe for concurrent use.
func Open(ctx context.Context, edge, libraries string) (*Harness, error) {
	upstream, err := url.Parse(edge)
	if err != nil {
		return nil, fmt.Errorf("open players: %w", err)
	}
	for _, file := range scripts {
		if _, err := os.Stat(filepath.Join(libraries, file)); err != nil {
			return nil, fmt.Errorf("open players: %w (run `make setup`)", err)
		}
	}
	if _, err := exec.LookPath("gst-launch-1.0"); err != nil {
		return nil, fmt.Errorf("open players: %w (install GStreamer 1.22 with its base, good, bad and libav plugins)", err)
	}
	h := &Harness{edge: upstream, client: &http.Client{Timeout: 30 * time.Second, Transport: local()}}
	h.browser.parent = ctx
	h.serve(libraries)
	return h, nil
}

// Close ends Chromium and waits until it has ended. Nothing may be played
// any more.
func (h *Harness) Close() { h.browser.stop() }

// local reaches names below localhost, which not every resolver knows (RFC
// 6761), on this machine.
func local() http.RoundTripper {
	dialer := &net.Dialer{Timeout: 10 * time.Second}
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		if host, port, err := net.SplitHostPort(address); err == nil && strings.HasSuffix(host, ".localhost") {
			address = net.JoinHostPort("127.0.0.1", port)
		}
		return dialer.DialContext(ctx, network, address)
	}
	return t
}

// serve makes the handlers of what lines lead to.
func (h *Harness) serve(libraries string) {
	own, err := fs.Sub(page, "page")
	if err != nil {
		panic(err) // the folder is embedded
	}
	mux := http.NewServeMux()
	mux.Handle(pagePath, http.StripPrefix(pagePath, http.FileServerFS(own)))
	mux.Handle(pagePath+"lib/", http.StripPrefix(pagePath+"lib/", http.FileServer(http.Dir(libraries))))
	h.pages = mux
	proxy := &httputil.ReverseProxy{
		Rewrite:        func(r *httputil.ProxyRequest) { r.SetURL(h.edge); r.Out.Host = h.edge.Host },
		ModifyResponse: noStore,
		Transport:      h.client.Transport,
		ErrorLog:       log.New(io.Discard, "", 0), // of players that leave
	}
	h.streams = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if id, asked := r.URL.Query()[only]; asked {
			h.serveOne(w, r, id[0])
			return
		}
		proxy.ServeHTTP(w, r)
	})
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

// path is a stream's on the edge, cut to one rendition unless id is empty. A
// path alone is one of the edge's.
func (h *Harness) path(address, id string) (string, error) {
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
	return u.EscapedPath() + query(u), nil
}

func query(u *url.URL) string {
	if u.RawQuery == "" {
		return ""
	}
	return "?" + u.RawQuery
}
