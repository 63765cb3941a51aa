package mediaconvert

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/mediaconvert"
	"github.com/aws/aws-sdk-go-v2/service/mediaconvert/types"
)

func TestRealJob(t *testing.T) {
	if _, err := exec.LookPath("ffmpeg"); err != nil {
		t.Fatalf("%v (run `make setup`)", err)
	}
	s := start(t, t.TempDir(), unlimited, func(c *Config) { c.Simulate, c.Slots = false, 1 })
	for name, seconds := range map[string]int{"clip.mp4": 3, "long.mp4": 120} {
		if out, err := exec.CommandContext(t.Context(), "ffmpeg", "-v", "error", "-y", "-f", "lavfi", "-i", fmt.Sprint("testsrc2=s=320x240:r=24000/1001:d=", seconds),
			"-f", "lavfi", "-i", fmt.Sprint("sine=d=", seconds), "-preset", "ultrafast", "-pix_fmt", "yuv420p",
			filepath.Join(string(s.objects), "vod-in", name)).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	got, err := s.Probe(t.Context(), &sdk.ProbeInput{InputFiles: []types.ProbeInputFile{{FileUrl: aws.String("s3://vod-in/clip.mp4")}}})
	if err != nil {
		t.Fatal(err)
	}
	c := got.ProbeResults[0].Container
	v := c.Tracks[0].VideoProperties
	if c.Format != types.FormatMp4 || *v.Width != 320 || *v.FrameRate.Numerator != 24000 || c.Tracks[1].Codec != types.CodecAac || *c.Tracks[1].AudioProperties.Channels != 1 {
		t.Errorf("probe: %+v %+v", c, v)
	}

	in := jobInput("clip.mp4")
	in.Settings.OutputGroups[0].Outputs[0].VideoDescription.Height = aws.Int32(120)
	first, err := s.CreateJob(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	second, err := s.CreateJob(t.Context(), jobInput("long.mp4")) // it is to be canceled at work
	if err != nil {
		t.Fatal(err)
	}
	if j := s.wait(t, *first.Job.Id); j.Status != types.JobStatusComplete || *j.OutputGroupDetails[0].OutputDetails[0].VideoDetails.WidthInPx != 160 {
		t.Fatalf("job is %s: %v", j.Status, aws.ToString(j.ErrorMessage))
	}
	for s.service.Jobs()[1].Status == statusSubmitted {
		time.Sleep(time.Millisecond)
	}
	if _, err := s.CancelJob(t.Context(), &sdk.CancelJobInput{Id: second.Job.Id}); err != nil {
		t.Fatal(err)
	}
	s.stop()
	if work, _ := filepath.Glob(filepath.Join(s.service.files.dir, "work/*")); work != nil {
		t.Errorf("left at work: %v", work)
	}
	b, err := os.ReadFile(filepath.Join(string(s.objects), "vod-out/a1/1/cmaf/video_720p.m3u8"))
	if err != nil || !strings.Contains(string(b), "#EXTINF:3.003000,\nvideo_720p_000000001.cmfv\n#EXT-X-ENDLIST") {
		t.Errorf("playlist: %v\n%s", err, b)
	}
}

// BenchmarkSimulated is how many simulated jobs a second there can be.
func BenchmarkSimulated(b *testing.B) {
	s := start(b, b.TempDir(), unlimited, func(c *Config) { c.JobTime = [2]time.Duration{time.Millisecond, 2 * time.Millisecond} })
	n := 0
	for b.Loop() {
		n++
		in := jobInput("clip.mp4")
		for _, g := range in.Settings.OutputGroups {
			if c := g.OutputGroupSettings.CmafGroupSettings; c != nil {
				c.Destination = aws.String(fmt.Sprintf("s3://vod-out/%d/video", n))
			} else {
				g.OutputGroupSettings.FileGroupSettings.Destination = aws.String(fmt.Sprintf("s3://vod-out/%d/poster", n))
			}
		}
		if _, err := s.CreateJob(b.Context(), in); err != nil {
			b.Fatal(err)
		}
	}
	for _, j := range s.service.Jobs() {
		if got := s.wait(b, j.ID); got.Status != types.JobStatusComplete {
			b.Fatalf("job %s is %s: %s", j.ID, got.Status, aws.ToString(got.ErrorMessage))
		}
	}
	s.stop()
}
