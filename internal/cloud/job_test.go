package cloud_test

import (
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"github.com/vodfleet/vodfleet/internal/cloud"
)

// The ledger keeps specs for as long as there are assets: a changed name would
// make the builds of old unreadable.
func TestJobSpecJSON(t *testing.T) {
	spec := cloud.JobSpec{
		Input: cloud.Location{Bucket: "in", Key: "a b.mp4"}, Template: "t", Audio: 2, Accelerate: true,
		Groups: []cloud.OutputGroup{{
			Package: "cmaf", Kind: cloud.GroupCMAF, Destination: cloud.Location{Bucket: "out", Key: "media/A/1/cmaf/video"},
			Segment: 6 * time.Second, Fragment: 2 * time.Second,
			Tiles: &cloud.Tiles{Every: time.Second, Width: 160, Columns: 5, Rows: 4},
			Outputs: []cloud.Output{{
				NameModifier: "_720p",
				Video:        &cloud.Video{Width: 1280, Height: 720, MaxBitrate: 4e6, Quality: 8, GOP: 2 * time.Second, SinglePass: true},
				Audio:        &cloud.Audio{Bitrate: 96000, SampleRate: 48000},
				Capture:      &cloud.FrameCapture{Width: 640, Height: 360, Every: time.Second, Max: 1, Quality: 80},
			}},
		}},
	}
	const want = `{"input":{"bucket":"in","key":"a b.mp4"},"template":"t","audio":2,"groups":[{"package":"cmaf","kind":"cmaf",` +
		`"destination":{"bucket":"out","key":"media/A/1/cmaf/video"},"segment_ns":6000000000,"fragment_ns":2000000000,` +
		`"tiles":{"every_ns":1000000000,"width":160,"columns":5,"rows":4},"outputs":[{"name_modifier":"_720p",` +
		`"video":{"width":1280,"height":720,"max_bitrate":4000000,"quality":8,"gop_ns":2000000000,"single_pass":true},` +
		`"audio":{"bitrate":96000,"sample_rate":48000},"capture":{"width":640,"height":360,"every_ns":1000000000,"max":1,"quality":80}}]}],"accelerate":true}`

	got, err := json.Marshal(spec)
	if err != nil || string(got) != want {
		t.Errorf("Marshal = %s, %v\nwant %s", got, err, want)
	}
	var back cloud.JobSpec
	if err := json.Unmarshal(got, &back); err != nil || !reflect.DeepEqual(back, spec) {
		t.Errorf("Unmarshal = %+v, %v\nwant %+v", back, err, spec)
	}
}
