package transcode

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/vodfleet/vodfleet/internal/localcloud/ffmpeg"
	"github.com/vodfleet/vodfleet/internal/localcloud/mediaconvert/pack"
)

// studio gives the media that an encode has left in a task's folder, in the
// containers that outputs ask for.
type studio struct {
	tools ffmpeg.Tools
	dir   string
	n     int // files made
	open  []*os.File
	known map[string]*pack.Track
}

// close lets go of the files that tracks read from.
func (s *studio) close() {
	for _, f := range s.open {
		f.Close()
	}
}

// next names a new file or folder.
func (s *studio) next(ext string) string {
	s.n++
	return filepath.Join(s.dir, fmt.Sprintf("m%d%s", s.n, ext))
}

// track reads a file of the mezzanine. Each call gives a copy of its own.
func (s *studio) track(path string) (*pack.Track, error) {
	if t := s.known[path]; t != nil {
		return new(*t), nil
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open track: %w", err)
	}
	s.open = append(s.open, f)
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("open track: %w", err)
	}
	t, err := pack.Open(f, info.Size())
	if err != nil {
		return nil, fmt.Errorf("open track %s: %w", filepath.Base(path), err)
	}
	s.known[path] = t
	return new(*t), nil
}

func (s *studio) ts(ctx context.Context, tracks []string, seconds int) ([]pack.Piece, error) {
	dir := s.next("")
	if err := os.Mkdir(dir, 0o755); err != nil {
		return nil, fmt.Errorf("segment: %w", err)
	}
	files, err := s.tools.TS(ctx, tracks, seconds, dir)
	if err != nil {
		return nil, err
	}
	var pieces []pack.Piece
	for _, f := range files {
		pieces = append(pieces, pack.Piece{Seconds: f.Seconds, Body: fileBody(f.Path, f.Size)})
	}
	return pieces, nil
}

func (s *studio) mp4(ctx context.Context, tracks []string) (pack.Body, error) {
	to := s.next(".mp4")
	if err := s.tools.MP4(ctx, tracks, to); err != nil {
		return pack.Body{}, err
	}
	return statBody(to)
}

func (s *studio) ismv(ctx context.Context, tracks []string, video bool, seconds int) (pack.Body, error) {
	to := s.next(".ismv")
	if err := s.tools.ISMV(ctx, tracks, video, seconds, to); err != nil {
		return pack.Body{}, err
	}
	return statBody(to)
}

// images returns the pictures of a series, in order, numbered from first.
func (s *studio) images(pattern string, first int) ([]pack.Body, error) {
	var list []pack.Body
	for n := first; ; n++ {
		b, err := statBody(fmt.Sprintf(pattern, n))
		if errors.Is(err, os.ErrNotExist) {
			return list, nil
		}
		if err != nil {
			return nil, err
		}
		list = append(list, b)
	}
}

func statBody(path string) (pack.Body, error) {
	info, err := os.Stat(path)
	if err != nil {
		return pack.Body{}, fmt.Errorf("look at output: %w", err)
	}
	return fileBody(path, info.Size()), nil
}

func fileBody(path string, size int64) pack.Body {
	return pack.Body{Size: size, Open: func() (io.ReadCloser, error) { return os.Open(path) }}
}
