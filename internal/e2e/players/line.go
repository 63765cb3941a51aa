package players

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Link is how fast a player gets what it plays. The zero Link is as fast as
// the machine.
type Link struct {
	After int // files of media that come at full speed before it narrows
	Rate  int // bytes a second from then on, of all files together; 0: no limit
}

// line is one player's way to the harness: an address of its own, so that what
// it asks for can be counted and slowed down.
type line struct {
	at     string // http://127.0.0.1:PORT
	server *http.Server
	done   sync.WaitGroup
	link   Link
	media  atomic.Int64 // files asked for
	turn   sync.Mutex   // held while a narrow link is taken

	pause  func(context.Context) error // what happens while the player waits
	paused atomic.Int64                // media at its end
}

// patience of a page that waits for what happens in its pause.
const longestPause = 2 * time.Minute

// line opens one. The caller closes it.
func (h *Harness) line(link Link, pause func(context.Context) error) (*line, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("open a line to the players: %w", err)
	}
	l := &line{at: "http://" + listener.Addr().String(), link: link, pause: pause}
	mux := http.NewServeMux()
	mux.Handle(pagePath, h.pages)
	mux.HandleFunc(pagePath+"pause", l.wait)
	mux.Handle("/", l.slowed(h.streams))
	l.server = &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	l.done.Go(func() { _ = l.server.Serve(listener) })
	return l, nil
}

func (l *line) close() {
	_ = l.server.Close()
	l.done.Wait()
}

// wait answers once what the pause is for has happened.
func (l *line) wait(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), longestPause)
	defer cancel()
	err := errors.New("no pause was asked for")
	if l.pause != nil {
		err = l.pause(ctx)
	}
	l.paused.Store(l.media.Load())
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
	}
}

// isMedia reports whether a path is not a manifest's.
func isMedia(path string) bool {
	for _, end := range []string{".m3u8", ".mpd", "/Manifest"} {
		if strings.HasSuffix(path, end) {
			return false
		}
	}
	return true
}

func (l *line) slowed(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if isMedia(r.URL.Path) && l.media.Add(1) > int64(l.link.After) && l.link.Rate > 0 {
			w = &narrow{w, r.Context(), l}
		}
		next.ServeHTTP(w, r)
	})
}

// narrow writes at the line's rate, a little at a time.
type narrow struct {
	http.ResponseWriter
	ctx  context.Context
	line *line
}

func (n *narrow) Write(p []byte) (written int, err error) {
	piece := max(1, n.line.link.Rate/50)
	for len(p) > 0 {
		part := p[:min(piece, len(p))]
		if err := n.take(len(part)); err != nil {
			return written, err
		}
		m, err := n.ResponseWriter.Write(part)
		written += m
		if err != nil {
			return written, err
		}
		if f, ok := n.ResponseWriter.(http.Flusher); ok {
			f.Flush()
		}
		p = p[m:]
	}
	return written, nil
}

// take waits until n bytes have passed, one answer after the other.
func (n *narrow) take(bytes int) error {
	n.line.turn.Lock()
	defer n.line.turn.Unlock()
	select {
	case <-n.ctx.Done():
		return context.Cause(n.ctx)
	case <-time.After(time.Duration(bytes) * time.Second / time.Duration(n.line.link.Rate)):
		return nil
	}
}
