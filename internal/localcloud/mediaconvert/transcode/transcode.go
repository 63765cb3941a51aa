// Package transcode carries out one job's settings: it looks at the input,
// encodes it once into a mezzanine, packs the mezzanine into each output group
// and writes the files to the cloud's objects. Package ffmpeg encodes, package
// pack lists; when jobs run and what the API says of them is left to package
// mediaconvert.
package transcode

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/vodfleet/vodfleet/internal/localcloud/ffmpeg"
	"github.com/vodfleet/vodfleet/internal/localcloud/mediaconvert/pack"
	"github.com/vodfleet/vodfleet/internal/localcloud/mediaconvert/settings"
	"github.com/vodfleet/vodfleet/internal/localcloud/objects"
)

// Task is one job to be carried out.
type Task struct {
	ID       string
	Settings *settings.Job
	Started  time.Time // for $dt$ in names
	Dir      string    // for temporary files: made, and removed with all in it
	Fail     *Failure  // not nil: what the job is to end with
}

// Phase is a job's phase as the API names it.
type Phase string

const (
	Probing     Phase = "PROBING"
	Transcoding Phase = "TRANSCODING"
	Uploading   Phase = "UPLOADING"
)

// Result is what a job has made.
type Result struct {
	Groups   []GroupResult
	Warnings []Warning
}

// GroupResult is what an output group has become.
type GroupResult struct {
	Playlists []string // s3:// URIs of the whole group's manifests
	Outputs   []OutputResult
}

// OutputResult is what an output has become.
type OutputResult struct {
	Duration      time.Duration
	Width, Height int      // pixels; 0 without video
	Files         []string // s3:// URIs that events list
}

// Warning is something to be told that did not fail the job.
type Warning struct {
	Code    int
	Message string
}

// Failure is a job's end in error, in the service's code and words (user
// guide, "MediaConvert error codes").
type Failure struct {
	Code    int
	Message string
}

func (f *Failure) Error() string { return fmt.Sprintf("%d: %s", f.Code, f.Message) }

func fail(code int, format string, args ...any) *Failure {
	return &Failure{code, fmt.Sprintf(format, args...)}
}

// internalCode is the code of errors of the service itself.
const internalCode = 1999

// Engine carries out tasks.
type Engine struct {
	Objects objects.Store
	Tools   ffmpeg.Tools
	Space   int64 // bytes that a task's temporary files may take
}

// Run carries out t. Progress tells the phase and the percentage of the whole.
// It fails with a [Failure] as the service would, or with the cause of ctx's
// end. A repeat writes the same files again.
func (e *Engine) Run(ctx context.Context, t Task, progress func(Phase, int)) (*Result, error) {
	if err := os.MkdirAll(t.Dir, 0o755); err != nil {
		return nil, fail(internalCode, "make work folder: %v", err)
	}
	defer os.RemoveAll(t.Dir)
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	go e.watchSpace(ctx, t.Dir, stop)

	progress(Probing, 0)
	in, err := e.input(ctx, t)
	if err != nil {
		return nil, cause(ctx, err)
	}
	if t.Fail != nil {
		return nil, t.Fail
	}
	p, err := newPlan(t, in.media)
	if err != nil {
		return nil, err
	}
	p.work.Input = in.path
	s := &studio{tools: e.Tools, dir: t.Dir, known: make(map[string]*pack.Track)}
	progress(Transcoding, 1)
	if len(p.work.Videos)+len(p.work.Audios)+len(p.work.Sheets)+len(p.work.Captures) > 0 {
		err = e.Tools.Encode(ctx, p.work, func(part float64) { progress(Transcoding, 1+int(part*84)) })
	}
	if err != nil {
		if _, ok := errors.AsType[*ffmpeg.ExitError](err); ok {
			err = fail(1030, "Unable to decode input file [%s]: [%s]", in.uri, ffmpeg.Complaint(err))
		}
		return nil, cause(ctx, err)
	}
	if err := e.tooLarge(t.Dir); err != nil { // of work that was done between two looks
		return nil, err
	}
	if err := unchanged(ctx, e.Objects, in); err != nil {
		return nil, cause(ctx, err)
	}
	defer s.close()
	if err := p.complete(s, in.uri); err != nil {
		return nil, cause(ctx, err)
	}
	progress(Uploading, 86)
	r, err := p.deliver(ctx, s, e.Objects, func(part float64) { progress(Uploading, 86+int(part*13)) })
	if err != nil {
		return nil, cause(ctx, err)
	}
	return r, nil
}

// cause makes err what the job ends with: the reason for which the work was
// stopped, a failure as it is, anything else an internal one.
func cause(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if _, ok := errors.AsType[*Failure](err); ok {
		return err
	}
	return fail(internalCode, "Unexpected error: %v", err)
}

// watchSpace stops the work when its folder takes more than it may.
func (e *Engine) watchSpace(ctx context.Context, dir string, stop context.CancelCauseFunc) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if err := e.tooLarge(dir); err != nil {
			stop(err)
			return
		}
	}
}

// tooLarge is the failure of a task whose folder takes more than it may.
func (e *Engine) tooLarge(dir string) error {
	if n := sizeOf(dir); n > e.Space {
		return fail(1050, "The job's temporary files take %d bytes, more than %d", n, e.Space)
	}
	return nil
}

func sizeOf(dir string) int64 {
	var total int64
	_ = filepath.WalkDir(dir, func(_ string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return nil // a file that went away meanwhile takes nothing
		}
		if info, err := d.Info(); err == nil && d.Name() != inputName {
			total += info.Size()
		}
		return nil
	})
	return total
}
