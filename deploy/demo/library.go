package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/vodfleet/vodfleet/internal/cloud"
	"github.com/vodfleet/vodfleet/internal/e2e/clips"
)

// video is a file of the library, whatever is in it.
type video struct {
	key      string // path below the library's folder, with slashes
	path     string
	size     int64 // bytes
	modified time.Time
}

// scan lists the files below dir, smallest first: those are soonest shown.
// Files that no bucket can hold come with the reason. A link to a file counts
// as the file; links to folders are not followed. Names that begin with a dot
// are the system's and are passed over.
func scan(dir string) (videos []video, refused map[string]string, err error) {
	refused = map[string]string{}
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil && path == dir:
			return err
		case path == dir:
			return nil
		case strings.HasPrefix(d.Name(), "."):
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		case d.IsDir() && err == nil:
			return nil
		}
		rel, _ := filepath.Rel(dir, path) // path lies below dir
		key := filepath.ToSlash(rel)
		if err != nil {
			refused[key] = err.Error()
			return nil
		}
		info, err := os.Stat(path)
		switch {
		case errors.Is(err, fs.ErrNotExist): // gone meanwhile, or a link to nothing
		case err != nil:
			refused[key] = err.Error()
		case !info.Mode().IsRegular():
		case !utf8.ValidString(key) || len(key) > cloud.MaxKey:
			refused[key] = fmt.Sprintf("a key of S3 is UTF-8 of at most %d bytes", cloud.MaxKey)
		default:
			videos = append(videos, video{key, path, info.Size(), info.ModTime()})
		}
		return nil
	})
	if err != nil {
		return nil, nil, fmt.Errorf("read the library %s: %w", dir, err)
	}
	slices.SortFunc(videos, func(a, b video) int {
		return cmp.Or(cmp.Compare(a.size, b.size), strings.Compare(a.key, b.key))
	})
	return videos, refused, nil
}

// makeSample makes what is missing of the sample library, and says of each clip
// when it is there. The ones that are quick to make come first.
func makeSample(ctx context.Context, dir string, made func(clips.Spec)) error {
	all := clips.Library()
	slices.SortStableFunc(all, func(a, b clips.Spec) int {
		return cmp.Compare(work(a), work(b))
	})
	for _, s := range all {
		if _, err := os.Stat(filepath.Join(dir, s.Name)); errors.Is(err, fs.ErrNotExist) {
			if _, err := clips.Make(ctx, dir, s); err != nil {
				return fmt.Errorf("sample library: %w", err)
			}
		}
		made(s)
	}
	return nil
}

// work is how many pixels a clip has. What is not a video comes last: nobody
// waits for it to play.
func work(s clips.Spec) float64 {
	if s.Kind != clips.Whole {
		return 1e15
	}
	return float64(s.Width*s.Height) * float64(s.Frames())
}
