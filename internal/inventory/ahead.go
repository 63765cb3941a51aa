package inventory

import (
	"context"
	"io"
)

// Buffers of one [ahead]: it holds at most aheadDepth + 2 of them.
const (
	aheadSize  = 128 << 10 // bytes
	aheadDepth = 3
)

// ahead reads in a goroutine of its own what its reader will want. The
// goroutine ends with the stream or with the context.
type ahead struct {
	ctx  context.Context
	full chan chunk
	free chan []byte
	done chan struct{}
	buf  []byte // being read by the reader
	rest []byte // of buf
	err  error  // behind rest
}

// chunk is a filled buffer and the error that came behind it.
type chunk struct {
	text []byte
	err  error
}

func readAhead(ctx context.Context, r io.Reader) *ahead {
	a := &ahead{
		ctx:  ctx,
		full: make(chan chunk, aheadDepth),
		free: make(chan []byte, aheadDepth+2),
		done: make(chan struct{}),
	}
	for range cap(a.free) {
		a.free <- make([]byte, aheadSize)
	}
	go a.run(r)
	return a
}

// wait returns once the goroutine has ended; the context has to be first.
func (a *ahead) wait() { <-a.done }

func (a *ahead) run(r io.Reader) {
	defer close(a.done)
	for {
		var buf []byte
		select {
		case buf = <-a.free:
		case <-a.ctx.Done():
			return
		}
		n, err := fill(r, buf)
		select {
		case a.full <- chunk{buf[:n], err}:
		case <-a.ctx.Done():
			return
		}
		if err != nil {
			return
		}
	}
}

// fill reads until buf is full or r ends.
func fill(r io.Reader, buf []byte) (n int, err error) {
	for n < len(buf) && err == nil {
		var m int
		m, err = r.Read(buf[n:])
		n += m
	}
	return n, err
}

// Read implements [io.Reader].
func (a *ahead) Read(p []byte) (int, error) {
	for len(a.rest) == 0 {
		if a.err != nil {
			return 0, a.err
		}
		if a.buf != nil {
			a.free <- a.buf[:cap(a.buf)] // there is room for every buffer
			a.buf = nil
		}
		select {
		case c := <-a.full:
			a.buf, a.rest, a.err = c.text, c.text, c.err
		case <-a.ctx.Done():
			return 0, a.ctx.Err()
		}
	}
	n := copy(p, a.rest)
	a.rest = a.rest[n:]
	return n, nil
}
