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

// Link is how fast a player gets what it plays, all files together. The zero
// Link is as fast as the machine.
type Link struct {
	Wide   int // bytes a second at first
	After  int // bytes after which it narrows
	Narrow int // bytes a second from then on; 0: no limit at any time
}

// line is one player's way to the harness: an address of its own, so that what
// it asks for can be counted and slowed down.
type line struct {
	at     string // http://127.0.0.1:PORT
	server *http.Server
	done   sync.WaitGroup
	link   Link
	media  atomic.Int64 // files asked for

	turn   sync.Mutex // held while the link is taken
	passed int        // bytes
	free   time.Time  // when all that has passed is through

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
		if isMedia(r.URL.Path) {
			l.media.Add(1)
			if l.link.Narrow > 0 {
				w = &slow{w, r.Context(), l}
			}
		}
		next.ServeHTTP(w, r)
	})
}

// slow writes at the line's rate, a little at a time.
type slow struct {
	http.ResponseWriter
	ctx  context.Context
	line *line
}

func (s *slow) Write(p []byte) (written int, err error) {
	for len(p) > 0 {
		n, err := s.line.take(s.ctx, len(p))
		if err != nil {
			return written, err
		}
		m, err := s.ResponseWriter.Write(p[:n])
		written += m
		if err != nil {
			return written, err
		}
		if f, ok := s.ResponseWriter.(http.Flusher); ok {
			f.Flush()
		}
		p = p[m:]
	}
	return written, nil
}

// take waits until some of n bytes have passed, and returns how many: what
// passes in a fiftieth of a second, one answer after the other.
func (l *line) take(ctx context.Context, n int) (int, error) {
	l.turn.Lock()
	defer l.turn.Unlock()
	rate := l.link.Narrow
	if l.passed < l.link.After {
		rate = max(rate, l.link.Wide)
	}
	n = min(n, max(1, rate/50))
	l.passed += n
	const late = 100 * time.Millisecond // by which a machine at work wakes up, and which is made up for
	now := time.Now()
	if l.free.Before(now.Add(-late)) {
		l.free = now.Add(-late)
	}
	l.free = l.free.Add(time.Duration(n) * time.Second / time.Duration(rate))
	select {
	case <-ctx.Done():
		return 0, context.Cause(ctx)
	case <-time.After(l.free.Sub(now)):
		return n, nil
	}
}
