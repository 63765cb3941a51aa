package players

import (
	"encoding/xml"
	"fmt"
	"os"
	"regexp"
	"testing"
)

var presentation = regexp.MustCompile(`mediaPresentationDuration="[^"]*"`)

// exact gives a manifest of ffmpeg's the duration that its segments add up to.
// ffmpeg rounds it to a tenth of a second: where that is less than the media,
// dash.js takes the end for reached, seeks back and plays on.
func exact(t *testing.T, manifest string) {
	t.Helper()
	text, err := os.ReadFile(manifest)
	if err != nil {
		t.Fatal(err)
	}
	var mpd struct {
		Templates []struct {
			Timescale float64 `xml:"timescale,attr"`
			S         []struct {
				D float64 `xml:"d,attr"`
				R float64 `xml:"r,attr"`
			} `xml:"SegmentTimeline>S"`
		} `xml:"Period>AdaptationSet>Representation>SegmentTemplate"`
	}
	if err := xml.Unmarshal(text, &mpd); err != nil {
		t.Fatal(err)
	}
	longest := 0.0
	for _, template := range mpd.Templates {
		sum := 0.0
		for _, s := range template.S {
			sum += s.D * (1 + s.R) / template.Timescale
		}
		longest = max(longest, sum)
	}
	if longest == 0 {
		t.Fatalf("%s: no segments", manifest)
	}
	text = presentation.ReplaceAll(text, fmt.Appendf(nil, `mediaPresentationDuration="PT%.6fS"`, longest))
	if err := os.WriteFile(manifest, text, 0o600); err != nil {
		t.Fatal(err)
	}
}
