package smooth

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
)

// gated is a file whose reads wait.
type gated struct {
	io.ReaderAt
	gate  chan struct{}
	mu    sync.Mutex
	reads int
	fails error
}

func (g *gated) ReadAt(b []byte, at int64) (int, error) {
	<-g.gate
	g.mu.Lock()
	defer g.mu.Unlock()
	g.reads++
	if g.fails != nil {
		return 0, g.fails
	}
	return g.ReaderAt.ReadAt(b, at)
}

func TestOneReaderForMany(t *testing.T) {
	broken := errors.New("disk on fire")
	for _, fails := range []error{nil, broken} {
		synctest.Test(t, func(t *testing.T) {
			media := string(fragment(1, 1, 0, "aa"))
			g := &gated{ReaderAt: strings.NewReader(media), gate: make(chan struct{}), fails: fails}
			var c indexes
			ask := func(ctx context.Context) error {
				_, err := c.of(ctx, &File{ReaderAt: g, Closer: io.NopCloser(nil), ID: "v", Size: int64(len(media)), Header: http.Header{}})
				return err
			}
			var wg sync.WaitGroup
			for range 10 {
				wg.Go(func() {
					if err := ask(t.Context()); !errors.Is(err, fails) {
						t.Errorf("%v, want %v", err, fails)
					}
				})
			}
			synctest.Wait()
			gone, leave := context.WithCancel(t.Context())
			leave()
			if err := ask(gone); !errors.Is(err, context.Canceled) {
				t.Errorf("who is gone: %v", err)
			}
			close(g.gate)
			wg.Wait()
			if want := map[bool]int{true: 3, false: 1}[fails == nil]; g.reads != want || len(c.building) != 0 {
				t.Errorf("%d reads, want %d; %d are being read", g.reads, want, len(c.building))
			}
			g.fails = nil
			if err := ask(t.Context()); err != nil { // an error is not kept
				t.Error(err)
			}
		})
	}
}
