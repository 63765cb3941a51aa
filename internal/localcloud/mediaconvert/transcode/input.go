package transcode

import (
	"context"
	"errors"
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
		return nil, inputFailure(in.uri, err)
	}
	in.info = info
	// The link keeps the bytes when the object is replaced meanwhile.
	_ = os.Remove(in.path)
	if err := os.Link(path, in.path); err != nil {
		in.path = path
	}
	if info.Size == 0 {
		return nil, fail(1010, "Unable to open input file [%s]: [Failed probe/open: [The input file is empty: it has 0 bytes]]", in.uri)
	}
	if in.media, err = e.Tools.Probe(ctx, in.path); err != nil {
		return nil, probeFailure(in.uri, err)
	}
	return in, nil
}

// inputFailure words why an input cannot be opened.
func inputFailure(uri string, err error) error {
	if errors.Is(err, objects.ErrNotFound) {
		return fail(1404, "Unable to open input file [%s]: [Failed probe/open: [Can't read input stream: [Failed to read data: HeadObject failed: HTTP 404: not found]]]", uri)
	}
	return err
}

// probeFailure words why an input is no media.
func probeFailure(uri string, err error) error {
	if !errors.Is(err, ffmpeg.ErrNotMedia) {
		return err
	}
	why := strings.TrimPrefix(err.Error(), "probe: ")
	if strings.Contains(why, "moov atom not found") {
		return fail(1030, "Unable to open input file [%s]: [Failed probe/open: [The container is truncated or incomplete: %s]]", uri, why)
	}
	return fail(1010, "Unable to open input file [%s]: [Failed probe/open: [%s]]", uri, why)
}

// unchanged fails if the input is another one than at the job's start.
func (e *Engine) unchanged(ctx context.Context, in *input) error {
	now, err := e.Objects.Head(ctx, in.bucket, in.key)
	if err != nil {
		return inputFailure(in.uri, err)
	}
	if now.ETag != in.info.ETag || now.Size != in.info.Size {
		return fail(1076, "The input file [%s] changed while the job was reading it", in.uri)
	}
	return nil
}
