package transcode

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/vodfleet/vodfleet/internal/localcloud/ffmpeg"
	"github.com/vodfleet/vodfleet/internal/localcloud/mediaconvert/rules"
	"github.com/vodfleet/vodfleet/internal/localcloud/objects"
)

// inputName is the name of the input in a task's folder.
const inputName = "input"

// input is a job's input.
type input struct {
	uri, bucket, key string
	path             string
	info             objects.Info
	media            *ffmpeg.Media
}

// input looks at the task's input and keeps hold of its bytes.
func (e *Engine) input(ctx context.Context, t Task) (*input, error) {
	in := &input{uri: t.Settings.Inputs[0].FileInput, path: filepath.Join(t.Dir, inputName)}
	in.bucket, in.key, _ = rules.SplitS3(in.uri)
	path, info, err := e.Objects.Open(ctx, in.bucket, in.key)
	if err != nil {
		return nil, jobFailure(in.uri, err)
	}
	in.info = info
	// The link keeps the bytes when the object is replaced meanwhile.
	if err := os.Link(path, in.path); err != nil {
		in.path = path
	}
	if in.media, err = e.look(ctx, in.path, info.Size); err != nil {
		return nil, jobFailure(in.uri, err)
	}
	return in, nil
}

// Source is what a look at an object tells.
type Source struct {
	Info  objects.Info
	Media *ffmpeg.Media
}

// Probe looks at an object. It fails with [objects.ErrNotFound] if it is not
// there, and with [ffmpeg.ErrNotMedia] if nothing in it can be seen or heard.
func (e *Engine) Probe(ctx context.Context, bucket, key string) (*Source, error) {
	path, info, err := e.Objects.Open(ctx, bucket, key)
	if err != nil {
		return nil, err
	}
	m, err := e.look(ctx, path, info.Size)
	if err != nil {
		return nil, err
	}
	return &Source{info, m}, nil
}

func (e *Engine) look(ctx context.Context, path string, size int64) (*ffmpeg.Media, error) {
	if size == 0 {
		return nil, fmt.Errorf("probe: %w (it has 0 bytes)", ffmpeg.ErrNotMedia)
	}
	return e.Tools.Probe(ctx, path)
}

// jobFailure words why an input cannot be opened or is no media.
func jobFailure(uri string, err error) error {
	switch {
	case errors.Is(err, objects.ErrNotFound):
		return fail(1404, "Unable to open input file [%s]: [Failed probe/open: [Can't read input stream: [Failed to read data: HeadObject failed: HTTP 404: not found]]]", uri)
	case !errors.Is(err, ffmpeg.ErrNotMedia):
		return err
	}
	why := strings.TrimPrefix(err.Error(), "probe: ")
	if strings.Contains(why, "moov atom not found") {
		return fail(1030, "Unable to open input file [%s]: [Failed probe/open: [The container is truncated or incomplete: %s]]", uri, why)
	}
	return fail(1010, "Unable to open input file [%s]: [Failed probe/open: [%s]]", uri, why)
}

// unchanged fails if the input is another one than at the job's start.
func unchanged(ctx context.Context, store objects.Store, in *input) error {
	now, err := store.Head(ctx, in.bucket, in.key)
	if err != nil {
		return jobFailure(in.uri, err)
	}
	if now.ETag != in.info.ETag || now.Size != in.info.Size {
		return fail(1076, "The input file [%s] changed while the job was reading it", in.uri)
	}
	return nil
}
