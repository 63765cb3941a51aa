package cloudtest

import (
	"testing"
	"time"

	"github.com/vodfleet/vodfleet/internal/cloud"
)

func probe(t *testing.T, c *Cloud) {
	at := c.source(t, "in/p r+o%20b$e.mp4")
	info, err := c.Store.Head(t.Context(), at)
	if err != nil {
		t.Fatal(err)
	}
	m, err := c.Transcoder.Probe(t.Context(), at)
	if err != nil {
		t.Fatalf("Probe = %v", err)
	}
	if m.Container != "mp4" || m.Duration < time.Second || m.Size != info.Size || m.ETag != "" && m.ETag != info.ETag {
		t.Errorf("Probe = %+v, want an MP4 of %d bytes with ETag %s", m, info.Size, info.ETag)
	}
	seen := map[cloud.TrackKind]int{}
	for i, track := range m.Tracks {
		seen[track.Kind]++
		switch {
		case track.Index != i+1 || track.Duration < time.Second || track.Codec == "":
			t.Errorf("track %d = %+v, want its index, codec and duration", i+1, track)
		case track.Kind == cloud.TrackVideo && (track.Codec != "AVC" || track.Width <= 0 || track.Height <= 0 || track.FrameRate.Float() < 1 || track.Rotation%90 != 0):
			t.Errorf("video track %+v", track)
		case track.Kind == cloud.TrackAudio && (track.Codec != "AAC" || track.Channels < 1 || track.SampleRate < 8000):
			t.Errorf("audio track %+v", track)
		}
	}
	if seen[cloud.TrackVideo] != 1 || seen[cloud.TrackAudio] != 1 {
		t.Errorf("Probe = %+v, want one track of picture and one of sound", m)
	}
}

func probeFails(t *testing.T, c *Cloud) {
	_, err := c.Transcoder.Probe(t.Context(), c.at("in/none.mp4"))
	wantKind(t, "Probe of nothing", err, cloud.ErrNotFound)
	_, err = c.Transcoder.Probe(t.Context(), c.put(t, "in/junk.mp4", string(c.Junk)).Location)
	wantKind(t, "Probe of what is not media", err, cloud.ErrInvalid)
	_, err = c.Transcoder.Probe(t.Context(), c.put(t, "in/empty.mp4", "").Location)
	wantKind(t, "Probe of an empty object", err, cloud.ErrInvalid)
}

func templates(t *testing.T, c *Cloud) {
	if c.AddTemplate == nil {
		t.Skip("the backend makes no templates")
	}
	made := c.request("made", c.source(t, "in/v.mp4"))
	tpl := made.Spec
	tpl.Input = cloud.Location{}
	c.AddTemplate("house style", tpl)
	got, err := c.Transcoder.Template(t.Context(), "house style")
	if err != nil || len(got.Groups) != 2 || got.Input != (cloud.Location{}) {
		t.Fatalf("Template = %+v, %v; want two groups and no input", got, err)
	}
	for i, g := range got.Groups {
		want := tpl.Groups[i]
		if g.Kind != want.Kind || len(g.Outputs) != len(want.Outputs) || g.Segment != want.Segment || g.Fragment != want.Fragment {
			t.Errorf("group %d = %+v, want %+v", i, g, want)
			continue
		}
		for n, o := range g.Outputs {
			w := want.Outputs[n]
			if o.NameModifier != w.NameModifier || (o.Video == nil) != (w.Video == nil) || (o.Audio == nil) != (w.Audio == nil) || (o.Capture == nil) != (w.Capture == nil) {
				t.Errorf("output %d of group %d = %+v, want %+v", n, i, o, w)
			}
		}
	}
	r := c.request("template", made.Spec.Input)
	r.Spec.Template = "house style"
	for i := range r.Spec.Groups {
		r.Spec.Groups[i] = cloud.OutputGroup{Package: r.Spec.Groups[i].Package, Kind: r.Spec.Groups[i].Kind, Destination: r.Spec.Groups[i].Destination}
	}
	job := c.submit(t, r)
	if got := c.ended(t, job.ID); got.State != cloud.JobComplete || got.Destination != r.Spec.Groups[0].Destination {
		t.Fatalf("job by a template %+v, want it complete and there", got)
	}
	for _, name := range []string{"cmaf/video.m3u8", "cmaf/video_144p.m3u8", "cmaf/video.mpd", "thumbs/poster.0000000.jpg"} {
		if _, err := c.Store.Head(t.Context(), c.at("out/template/"+name)); err != nil {
			t.Errorf("output by a template: %v", err)
		}
	}
	r.Token, r.Spec.Groups = "token-template2", r.Spec.Groups[:1]
	_, err = c.Transcoder.Submit(t.Context(), r)
	wantKind(t, "Submit by a template of more groups", err, cloud.ErrInvalid)
}
