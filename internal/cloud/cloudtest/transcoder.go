package cloudtest

import (
	"context"
	"fmt"
	"maps"
	"testing"
	"time"

	"github.com/vodfleet/vodfleet/internal/cloud"
)

// Transcoder checks a [cloud.Transcoder]. It puts sources and reads outputs
// through the same cloud's store.
func Transcoder(t *testing.T, run Run) {
	all(t, run, []check{
		{"a job runs to its end", jobRuns},
		{"a job's outputs have the names that are asked for", outputs},
		{"a job of sound alone", soundAlone},
		{"a job of a source that is not there", sourceGone},
		{"a job that fails", jobFails},
		{"a repeated token is the first job", tokenRepeat},
		{"a token is forgotten after a minute", tokenForgotten},
		{"a token is one request's", tokenConflict},
		{"a request is void five minutes after its time", requestExpires},
		{"requests that are not valid are refused", invalidRequests},
		{"a queue or template that is not there", notThere},
		{"a job that is not there", noJob},
		{"a job is forgotten after three months", jobForgotten},
		{"lists", lists},
		{"lists go over pages", jobPages},
		{"lists that are not valid are refused", invalidLists},
		{"cancel", cancels},
		{"cancel of a job that has ended", cancelEnded},
		{"probe", probe},
		{"probe of what is no source", probeFails},
		{"a template", templates},
		{"failures", transcoderFails},
	})
}

// source puts a video.
func (c *Cloud) source(t *testing.T, key string) cloud.Location {
	t.Helper()
	return c.put(t, key, string(c.Media)).Location
}

// request is a valid one for a small CMAF package and a poster in out/NAME.
func (c *Cloud) request(name string, source cloud.Location) cloud.JobRequest {
	out := c.at("out/" + name + "/")
	return cloud.JobRequest{
		Token: "token-" + name, Role: c.Role, Metadata: map[string]string{"check": name, "build": "1"},
		Spec: cloud.JobSpec{Input: source, Audio: 1, Groups: []cloud.OutputGroup{
			{
				Package: "cmaf", Kind: cloud.GroupCMAF, Destination: out.Join("cmaf/video"), Segment: 4 * time.Second, Fragment: 2 * time.Second,
				Tiles: &cloud.Tiles{Every: time.Second, Width: 80, Columns: 5, Rows: 5},
				Outputs: []cloud.Output{
					{NameModifier: "_144p", Video: &cloud.Video{Height: 144, MaxBitrate: 300_000, Quality: 7, GOP: 2 * time.Second}},
					{NameModifier: "_audio", Audio: &cloud.Audio{Bitrate: 96_000, SampleRate: 48_000}},
				},
			},
			{
				Package: "thumbs", Kind: cloud.GroupFile, Destination: out.Join("thumbs/poster"),
				Outputs: []cloud.Output{{Capture: &cloud.FrameCapture{Height: 144, Every: time.Second, Max: 2, Quality: 80}}},
			},
		}},
	}
}

// submit asks for a job that cannot but be taken.
func (c *Cloud) submit(t *testing.T, r cloud.JobRequest) cloud.Job {
	t.Helper()
	job, err := c.Transcoder.Submit(t.Context(), r)
	if err != nil || job.ID == "" {
		t.Fatalf("Submit(%s) = %+v, %v", r.Token, job, err)
	}
	return job
}

// ended waits for a job and checks that it only moves forward meanwhile.
func (c *Cloud) ended(t *testing.T, id string) cloud.Job {
	t.Helper()
	last := 0
	for range 1800 {
		job, err := c.Transcoder.Job(t.Context(), id)
		if err != nil {
			t.Fatalf("Job(%s) = %v", id, err)
		}
		at := 0
		for i, state := range cloud.JobStates {
			if state == job.State {
				at = i + 1
			}
		}
		if at < last || at == 0 || job.Percent < 0 || job.Percent > 100 {
			t.Fatalf("job %+v in %q after state %d of %v", job, job.State, last, cloud.JobStates)
		}
		if last = at; job.State.Ended() {
			return job
		}
		c.Sleep(time.Second)
	}
	t.Fatalf("job %s does not end", id)
	return cloud.Job{}
}

func jobRuns(t *testing.T, c *Cloud) {
	r := c.request("runs", c.source(t, "in/a b+c%20ü.mp4"))
	r.Priority = -3
	job := c.submit(t, r)
	if job.State != cloud.JobSubmitted && job.State != cloud.JobProgressing || !maps.Equal(job.Metadata, r.Metadata) || job.Queue == "" ||
		job.Destination != r.Spec.Groups[0].Destination || !c.near(job.Created, c.Store.Now()) || !job.Finished.IsZero() || job.ErrorCode != 0 {
		t.Errorf("Submit = %+v at %v, want a new job of %+v", job, c.Store.Now(), r)
	}
	got := c.ended(t, job.ID)
	if got.State != cloud.JobComplete || got.ID != job.ID || got.Percent != 100 || got.ErrorCode != 0 || got.Message != "" || got.Duration <= 0 ||
		!maps.Equal(got.Metadata, r.Metadata) || got.Destination != job.Destination || got.Queue != job.Queue || !got.Created.Equal(job.Created) ||
		got.Started.Before(got.Created.Add(-time.Second)) || got.Finished.Before(got.Started) {
		t.Errorf("Job = %+v, want the completed job of %+v", got, job)
	}
}

func outputs(t *testing.T, c *Cloud) {
	r := c.request("outputs", c.source(t, "in/v.mp4"))
	dir := c.at("out/outputs/")
	r.Spec.Groups = append(r.Spec.Groups,
		cloud.OutputGroup{
			Package: "hls", Kind: cloud.GroupHLS, Destination: dir.Join("hls/with $dollar$ and+space"), Segment: 4 * time.Second,
			Outputs: []cloud.Output{{
				NameModifier: "_144p", Audio: &cloud.Audio{Bitrate: 96_000, SampleRate: 48_000},
				Video: &cloud.Video{Height: 144, MaxBitrate: 300_000, Quality: 7, GOP: 2 * time.Second},
			}},
		},
		cloud.OutputGroup{
			Package: "dash", Kind: cloud.GroupDASH, Destination: dir.Join("dash/video"), Segment: 4 * time.Second, Fragment: 2 * time.Second,
			Outputs: r.Spec.Groups[0].Outputs,
		},
		cloud.OutputGroup{
			Package: "mp4", Kind: cloud.GroupFile, Destination: dir.Join("mp4/video"),
			Outputs: []cloud.Output{{NameModifier: "_144p", Video: r.Spec.Groups[0].Outputs[0].Video}},
		},
	)
	before := c.listed(t, "out/", "")
	if len(before) > 0 {
		t.Fatalf("there are outputs already: %q", before)
	}
	if job := c.ended(t, c.submit(t, r).ID); job.State != cloud.JobComplete {
		t.Fatalf("job %+v, want it complete", job)
	}
	for _, name := range []string{
		"cmaf/video.m3u8", "cmaf/video.mpd", "cmaf/video_144p.m3u8", "cmaf/video_audio.m3u8", "thumbs/poster.0000000.jpg", "thumbs/poster.0000001.jpg",
		"hls/with $dollar$ and+space.m3u8", "hls/with $dollar$ and+space_144p.m3u8", "dash/video.mpd", "mp4/video_144p.mp4",
	} {
		if o, err := c.Store.Head(t.Context(), dir.Join(name)); err != nil || o.Size == 0 {
			t.Errorf("output %s: %#v, %v", name, o, err)
		}
	}
}

func soundAlone(t *testing.T, c *Cloud) {
	r := c.request("sound", c.source(t, "in/v.mp4"))
	r.Spec.Groups = r.Spec.Groups[:1]
	r.Spec.Groups[0].Tiles = nil
	r.Spec.Groups[0].Outputs = r.Spec.Groups[0].Outputs[1:]
	if job := c.ended(t, c.submit(t, r).ID); job.State != cloud.JobComplete {
		t.Fatalf("job %+v, want it complete", job)
	}
	if _, err := c.Store.Head(t.Context(), c.at("out/sound/cmaf/video_audio.m3u8")); err != nil {
		t.Error(err)
	}
}

func sourceGone(t *testing.T, c *Cloud) {
	job, err := c.Transcoder.Submit(t.Context(), c.request("gone", c.at("in/none.mp4")))
	if err != nil {
		t.Fatalf("Submit = %v; a source is read when the job runs", err)
	}
	if got := c.ended(t, job.ID); got.State != cloud.JobFailed || got.ErrorCode == 0 || got.Message == "" || got.Finished.IsZero() {
		t.Errorf("Job = %+v, want it failed with a code and words", got)
	}
}

func jobFails(t *testing.T, c *Cloud) {
	if c.FailJob == nil {
		t.Skip("the backend cannot make a job fail")
	}
	c.FailJob(3450)
	job := c.submit(t, c.request("fails", c.source(t, "in/v.mp4")))
	if got := c.ended(t, job.ID); got.State != cloud.JobFailed || got.ErrorCode != 3450 {
		t.Errorf("Job = %+v, want it failed with 3450", got)
	}
	for key := range map[string]bool{"cmaf/video.m3u8": true, "cmaf/video.mpd": true} {
		_, err := c.Store.Head(t.Context(), c.at("out/fails/"+key))
		wantKind(t, "Head of an output of a failed job", err, cloud.ErrNotFound)
	}
}

func tokenRepeat(t *testing.T, c *Cloud) {
	r := c.request("repeat", c.source(t, "in/v.mp4"))
	first := c.submit(t, r)
	for range 8 { // maps may be written in another order each time
		if again := c.submit(t, r); again.ID != first.ID || !again.Created.Equal(first.Created) {
			t.Errorf("a repeat is %+v, want the first, %+v", again, first)
		}
	}
	other := r
	other.Token = "token-repeat2"
	if another := c.submit(t, other); another.ID == first.ID {
		t.Error("another token is the same job")
	}
}

func tokenForgotten(t *testing.T, c *Cloud) {
	c.patient(t, 2*time.Minute)
	r := c.request("forgotten", c.source(t, "in/v.mp4"))
	first := c.submit(t, r)
	c.Sleep(75 * time.Second)
	if again := c.submit(t, r); again.ID == first.ID {
		t.Error("a repeat after more than a minute is the first job")
	}
}

func tokenConflict(t *testing.T, c *Cloud) {
	r := c.request("conflict", c.source(t, "in/v.mp4"))
	c.submit(t, r)
	r.Spec.Groups[0].Outputs[0].Video.MaxBitrate = 400_000
	_, err := c.Transcoder.Submit(t.Context(), r)
	wantKind(t, "Submit of another request with the token", err, cloud.ErrConflict)
}

// requestExpires is of a run that was held up between its intent and its
// request: however late it goes on, nothing is made.
func requestExpires(t *testing.T, c *Cloud) {
	r := c.request("expires", c.source(t, "in/v.mp4"))
	r.At = c.Store.Now().Add(-4 * time.Minute)
	first := c.submit(t, r)
	if first.State.Ended() && first.State != cloud.JobComplete {
		t.Errorf("a request of four minutes ago is %+v", first)
	}
	r = c.request("expired", r.Spec.Input)
	r.At = c.Store.Now().Add(-6 * time.Minute)
	_, err := c.Transcoder.Submit(t.Context(), r)
	wantKind(t, "Submit as of six minutes ago", err, cloud.ErrExpired)
	c.settled(t, cloud.JobQuery{State: cloud.JobSubmitted}, "expired", 0)
	r.At = c.Store.Now()
	c.submit(t, r)
}

func invalidRequests(t *testing.T, c *Cloud) {
	source := c.source(t, "in/v.mp4")
	for name, spoil := range map[string]func(r *cloud.JobRequest){
		"no token":            func(r *cloud.JobRequest) { r.Token = "" },
		"a long token":        func(r *cloud.JobRequest) { r.Token = fmt.Sprintf("%065d", 1) },
		"no role":             func(r *cloud.JobRequest) { r.Role = "" },
		"priority":            func(r *cloud.JobRequest) { r.Priority = 51 },
		"metadata with a key": func(r *cloud.JobRequest) { r.Metadata = map[string]string{"key": "a/b c#d"} },
		"no groups":           func(r *cloud.JobRequest) { r.Spec.Groups = nil },
		"captures alone":      func(r *cloud.JobRequest) { r.Spec.Groups = r.Spec.Groups[1:] },
		"fragments and GOPs":  func(r *cloud.JobRequest) { r.Spec.Groups[0].Outputs[0].Video.GOP = 3 * time.Second },
		"quality":             func(r *cloud.JobRequest) { r.Spec.Groups[0].Outputs[0].Video.Quality = 11 },
		"an odd size":         func(r *cloud.JobRequest) { r.Spec.Groups[0].Outputs[0].Video.Height = 145 },
		"audio of no track":   func(r *cloud.JobRequest) { r.Spec.Audio = 0 },
		"an AAC bitrate":      func(r *cloud.JobRequest) { r.Spec.Groups[0].Outputs[1].Audio.Bitrate = 96_001 },
		"one destination":     func(r *cloud.JobRequest) { r.Spec.Groups[1].Destination = r.Spec.Groups[0].Destination },
	} {
		r := c.request("invalid", source)
		spoil(&r)
		_, err := c.Transcoder.Submit(t.Context(), r)
		wantKind(t, "Submit with "+name, err, cloud.ErrInvalid)
	}
}

func notThere(t *testing.T, c *Cloud) {
	r := c.request("queue", c.source(t, "in/v.mp4"))
	r.Queue = "none"
	_, err := c.Transcoder.Submit(t.Context(), r)
	wantKind(t, "Submit to a queue that is not there", err, cloud.ErrNotFound)
	r = c.request("template", r.Spec.Input)
	r.Spec.Template = "none"
	_, err = c.Transcoder.Submit(t.Context(), r)
	wantKind(t, "Submit by a template that is not there", err, cloud.ErrNotFound)
	_, err = c.Transcoder.Template(t.Context(), "none")
	wantKind(t, "Template that is not there", err, cloud.ErrNotFound)
}

func noJob(t *testing.T, c *Cloud) {
	_, err := c.Transcoder.Job(t.Context(), "1700000000000-abcdef")
	wantKind(t, "Job that is not there", err, cloud.ErrNotFound)
	wantKind(t, "Cancel of a job that is not there", c.Transcoder.Cancel(t.Context(), "1700000000000-abcdef"), cloud.ErrNotFound)
}

func jobForgotten(t *testing.T, c *Cloud) {
	c.patient(t, 91*24*time.Hour)
	job := c.submit(t, c.request("old", c.source(t, "in/v.mp4")))
	c.Sleep(80 * 24 * time.Hour)
	if _, err := c.Transcoder.Job(t.Context(), job.ID); err != nil {
		t.Errorf("Job after 80 days = %v", err)
	}
	c.Sleep(11 * 24 * time.Hour)
	_, err := c.Transcoder.Job(t.Context(), job.ID)
	wantKind(t, "Job after 91 days", err, cloud.ErrNotFound)
}

func transcoderFails(t *testing.T, c *Cloud) {
	r := c.request("failing", c.source(t, "in/v.mp4"))
	id := c.submit(t, r).ID
	fails(t, c, map[string]func(context.Context) error{
		"Submit": func(ctx context.Context) error { _, err := c.Transcoder.Submit(ctx, r); return err },
		"Job":    func(ctx context.Context) error { _, err := c.Transcoder.Job(ctx, id); return err },
		"List": func(ctx context.Context) error {
			_, err := c.Transcoder.List(ctx, cloud.JobQuery{State: cloud.JobSubmitted})
			return err
		},
		"Cancel":   func(ctx context.Context) error { return c.Transcoder.Cancel(ctx, id) },
		"Probe":    func(ctx context.Context) error { _, err := c.Transcoder.Probe(ctx, r.Spec.Input); return err },
		"Template": func(ctx context.Context) error { _, err := c.Transcoder.Template(ctx, "t"); return err },
	})
}
