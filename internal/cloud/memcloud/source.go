package memcloud

import (
	"context"
	"errors"
	"time"

	"github.com/vodfleet/vodfleet/internal/cloud"
)

// Error codes of MediaConvert for jobs that cannot be made.
const (
	codeBadInput   = 1010 // it cannot be read as media
	codeNoInput    = 1404 // it is not there
	codeNoOutput   = 3404 // the outputs' bucket is not there
	codeBreakdown  = 1999
	defaultRunTime = 10 * time.Second
)

// probed is what the probe of one source answers.
type probed struct {
	media cloud.Media
	err   error
}

// SetMedia sets what a probe of at answers, and so whether jobs can read it.
// Another call replaces it.
func (t *Transcoder) SetMedia(at cloud.Location, m cloud.Media, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.media[at] = probed{m, err}
}

// SetProbe sets what probes answer for the sources that SetMedia does not
// name. f may ask [DefaultMedia]; it must not call a port.
func (t *Transcoder) SetProbe(f func(cloud.Location) (cloud.Media, error)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.probe = f
}

// DefaultMedia is what a probe tells of a source that nobody described: ten
// seconds of 1920x1080 at 25 frames a second with stereo sound, in MP4.
func DefaultMedia() cloud.Media {
	return cloud.Media{
		Container: "mp4", Duration: defaultRunTime,
		Tracks: []cloud.Track{
			{Kind: cloud.TrackVideo, Index: 1, Codec: "AVC", Duration: defaultRunTime, Width: 1920, Height: 1080, FrameRate: cloud.Rational{Num: 25, Den: 1}},
			{Kind: cloud.TrackAudio, Index: 2, Codec: "AAC", Duration: defaultRunTime, Channels: 2, SampleRate: 48000},
		},
	}
}

// Probe implements [cloud.Transcoder]. A source is media if it is there and
// not empty, unless [Transcoder.SetMedia] or [Transcoder.SetProbe] says
// otherwise.
func (t *Transcoder) Probe(ctx context.Context, source cloud.Location) (cloud.Media, error) {
	const op = "Transcoder.Probe"
	return call(ctx, t.c, op, source.String(), signature, func() (cloud.Media, error) {
		t.mu.Lock()
		defer t.mu.Unlock()
		return t.look(op, source)
	})
}

// look probes. t.mu is held.
func (t *Transcoder) look(op string, source cloud.Location) (cloud.Media, error) {
	o, err := t.c.Store.read(op, source)
	if err != nil {
		return cloud.Media{}, err
	}
	m := DefaultMedia()
	if p, ok := t.media[source]; ok {
		m, err = p.media, p.err
	} else if t.probe != nil {
		m, err = t.probe(source)
	} else if o.meta.Size == 0 {
		err = cloud.ErrInvalid
	}
	if err != nil {
		return cloud.Media{}, hooked(op, source.String(), err)
	}
	m.Size, m.ETag = o.meta.Size, o.meta.ETag
	return m, nil
}

// FailNext makes the next job that is submitted, after those that earlier
// calls took, end as ERROR with code.
func (t *Transcoder) FailNext(code int, message string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.failures = append(t.failures, failure{code, message})
}

// SetFail makes f decide the error code of each job that is submitted from now
// on; 0 lets it be. f must not call a port.
func (t *Transcoder) SetFail(f func(cloud.JobRequest) (code int, message string)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.fail = f
}

// outcome decides how a job ends. t.mu is held.
func (t *Transcoder) outcome(j *job) (cloud.Media, failure) {
	if j.failure.code != 0 {
		return cloud.Media{}, j.failure
	}
	m, err := t.look("Transcoder.run", j.request.Spec.Input)
	switch {
	case errors.Is(err, cloud.ErrNotFound):
		return m, failure{codeNoInput, "the input is not there"}
	case errors.Is(err, cloud.ErrInvalid):
		return m, failure{codeBadInput, "the input is not media"}
	case err != nil:
		return m, failure{codeBreakdown, err.Error()}
	}
	return m, failure{}
}
