// Package smooth serves Microsoft Smooth Streaming out of files, as the edge of
// CloudFront and Microsoft IIS do: it reads players' URLs and server manifests
// (.ism), indexes the fragments of .ismv and .isma files, and finds what a URL
// asks for. Where the files are, and how answers look, it leaves to its callers.
// All that it reads is foreign: it is bounded, and nothing in it panics.
package smooth

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
)

// ErrNotFound is returned for what is not there: a file, a quality level, a
// fragment.
var ErrNotFound = errors.New("not found")

// Folder opens the files beside a server manifest, by paths from there that
// do not lead out of it. It fails with [ErrNotFound] for a file that is not there.
type Folder interface {
	Open(ctx context.Context, name string) (*File, error)
}

// File is an open file. Reads are ranged; Version changes with the content.
type File struct {
	io.ReaderAt
	io.Closer
	ID      string // names the file among all that a resolver reads
	Size    int64  // bytes
	Version string
	Header  http.Header // of an answer with the whole file
}

// Resolver finds what players ask for. Its zero value is ready, and safe for
// concurrent use.
type Resolver struct{ indexes indexes }

// Part is a file's bytes that answer a request. The caller closes the file.
type Part struct {
	*File
	Kind         string // video, audio or textstream; empty: the client manifest
	Offset, Size int64
}

// Reader reads the part.
func (p *Part) Reader() *io.SectionReader { return io.NewSectionReader(p.File, p.Offset, p.Size) }

// Resolve returns what answers a request over a folder. It fails with
// [ErrNotFound], or with the folder's own error, or where the files are not
// what a server could work by.
func (v *Resolver) Resolve(ctx context.Context, folder Folder, r Request) (*Part, error) {
	server, err := readServer(ctx, folder, r.Name)
	if err != nil {
		return nil, err
	}
	if r.Manifest {
		if server.Client == "" {
			return nil, fmt.Errorf("%s names no client manifest: %w", r.Name, ErrNotFound)
		}
		f, err := folder.Open(ctx, server.Client)
		if err != nil {
			return nil, fmt.Errorf("client manifest of %s: %w", r.Name, missing(server.Client, err))
		}
		return &Part{File: f, Size: f.Size}, nil
	}
	t, ok := server.Find(r)
	if !ok {
		return nil, fmt.Errorf("%s has no track %s of %d bits per second: %w", r.Name, r.Track, r.Bitrate, ErrNotFound)
	}
	f, err := folder.Open(ctx, t.File)
	if err != nil {
		return nil, fmt.Errorf("track %s of %s: %w", r.Track, r.Name, missing(t.File, err))
	}
	p, err := v.fragment(ctx, f, t, r.Time)
	if err != nil {
		_ = f.Close() // only read
		return nil, err
	}
	return p, nil
}

// missing keeps no more of a folder's error than that a file which a manifest
// names is not there: it is the manifest that is wrong, not the request.
func missing(name string, err error) error {
	if errors.Is(err, ErrNotFound) {
		err = ErrNotFound
	}
	return fmt.Errorf("%s: %w", name, err)
}

func (v *Resolver) fragment(ctx context.Context, f *File, t Track, time uint64) (*Part, error) {
	x, err := v.indexes.of(ctx, f)
	if err != nil {
		return nil, fmt.Errorf("index of %s: %w", t.File, err)
	}
	at, ok := x.Find(t.ID, time)
	if !ok {
		return nil, fmt.Errorf("%s has no fragment of track %d at %d: %w", t.File, t.ID, time, ErrNotFound)
	}
	return &Part{File: f, Kind: t.Kind, Offset: at.Offset, Size: at.Size}, nil
}

func readServer(ctx context.Context, folder Folder, name string) (*Server, error) {
	f, err := folder.Open(ctx, name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if f.Size > MaxServer {
		return nil, fmt.Errorf("%s has %d bytes, want at most %d", name, f.Size, MaxServer)
	}
	b := make([]byte, f.Size)
	if err := readAt(f, b, 0); err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	s, err := ParseServer(b)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return s, nil
}
