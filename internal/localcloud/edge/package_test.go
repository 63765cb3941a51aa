package edge

import (
	"bytes"
	"context"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"github.com/Eyevinn/mp4ff/mp4"

	"github.com/vodfleet/vodfleet/internal/localcloud/clock"
	"github.com/vodfleet/vodfleet/internal/localcloud/cloudfront"
	"github.com/vodfleet/vodfleet/internal/localcloud/mediaconvert/folder"
	"github.com/vodfleet/vodfleet/internal/localcloud/mediaconvert/settings"
	"github.com/vodfleet/vodfleet/internal/localcloud/mediaconvert/transcode"
	"github.com/vodfleet/vodfleet/internal/localcloud/origins"
)

// The parts of job settings.
const (
	h264    = `"codecSettings":{"codec":"H_264","h264Settings":{"rateControlMode":"QVBR","maxBitrate":1000000,"qvbrSettings":{"qvbrQualityLevel":7},"gopSize":2,"gopSizeUnits":"SECONDS","framerateControl":"INITIALIZE_FROM_SOURCE","parControl":"INITIALIZE_FROM_SOURCE"}}`
	large   = `"videoDescription":{"height":180,` + h264 + `}`
	small   = `"videoDescription":{"height":90,` + h264 + `}`
	speech  = `{"audioSourceName":"Audio Selector %d","languageCodeControl":"FOLLOW_INPUT","codecSettings":{"codec":"AAC","aacSettings":{"bitrate":96000,"codingMode":"CODING_MODE_2_0","sampleRate":%d}}}`
	poster  = `"videoDescription":{"height":90,"codecSettings":{"codec":"FRAME_CAPTURE","frameCaptureSettings":{"framerateNumerator":1,"framerateDenominator":1,"maxCaptures":1,"quality":80}}}`
	inputOf = `{"inputs":[{"fileInput":"s3://library/clip.mp4","audioSelectors":{"Audio Selector 1":{"tracks":[1]},"Audio Selector 2":{"tracks":[%d]}},"videoSelector":{}}],"outputGroups":[%s]}`
)

// smoothGroup is the settings of a Smooth Streaming group with outputs.
func smoothGroup(encoding string, outputs ...string) string {
	for i, o := range outputs {
		outputs[i] = fmt.Sprintf(`{"nameModifier":"_%d","containerSettings":{"container":"ISMV"},%s}`, i+1, o)
	}
	return fmt.Sprintf(`{"outputGroupSettings":{"type":"MS_SMOOTH_GROUP_SETTINGS","msSmoothGroupSettings":{"destination":"s3://out/base/v/a b","fragmentLength":2,"manifestEncoding":%q}},"outputs":[%s]}`, encoding, strings.Join(outputs, ","))
}

// heard is an output's sound, of tracks of the input.
func heard(rate int, tracks ...int) string {
	var list []string
	for _, n := range tracks {
		list = append(list, fmt.Sprintf(speech, n, rate))
	}
	return `"audioDescriptions":[` + strings.Join(list, ",") + `]`
}

// others are a picture and an HLS package beside it.
var others = fmt.Sprintf(`{"outputGroupSettings":{"type":"HLS_GROUP_SETTINGS","hlsGroupSettings":{"destination":"s3://out/base/v/hls/x","segmentLength":2,"minSegmentLength":0}},"outputs":[{"nameModifier":"_1","containerSettings":{"container":"M3U8"},%s,%s}]},
{"outputGroupSettings":{"type":"FILE_GROUP_SETTINGS","fileGroupSettings":{"destination":"s3://out/base/v/p"}},"outputs":[{"nameModifier":"_1","containerSettings":{"container":"RAW"},%s}]}`, large, heard(48000, 1), poster)

// transcoded makes files of a clip, by ffmpeg or without, below out/base/v.
func transcoded(t *testing.T, simulate bool, groups ...string) folder.Store {
	t.Helper()
	dir := t.TempDir()
	store := folder.Store(dir)
	for _, b := range []string{"library", "out"} {
		if err := os.Mkdir(filepath.Join(dir, b), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	clip, tracks := filepath.Join(dir, "library/clip.mp4"), 2
	var engine interface {
		Run(ctx context.Context, t transcode.Task, progress func(transcode.Phase, int)) (*transcode.Result, error)
	} = &transcode.Engine{Objects: store, Space: 1 << 30}
	if simulate {
		engine = &transcode.Simulator{Objects: store, Clock: clock.New(1e6)}
		tracks = 1
		if err := os.WriteFile(clip, []byte("\x00\x00\x00\x10ftypisom\x00\x00\x00\x00"), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if out, err := exec.CommandContext(t.Context(), "ffmpeg", "-v", "error", "-y", "-f", "lavfi", "-i", "testsrc2=s=320x180:r=24000/1001:d=5",
		"-f", "lavfi", "-i", "sine=d=5:r=44100", "-f", "lavfi", "-i", "sine=d=5:f=880:r=48000", "-map", "0", "-map", "1", "-map", "2",
		"-metadata:s:a:0", "language=eng", "-metadata:s:a:1", "language=deu", "-preset", "ultrafast", "-pix_fmt", "yuv420p", clip).CombinedOutput(); err != nil {
		t.Fatalf("make clip: %v: %s", err, out)
	}
	doc := fmt.Sprintf(inputOf, tracks, strings.Join(groups, ","))
	if !json.Valid([]byte(doc)) {
		t.Fatalf("not JSON: %s", doc)
	}
	s, err := settings.Decode([]byte(doc))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := engine.Run(t.Context(), transcode.Task{ID: "1-a", Settings: s, Dir: filepath.Join(dir, "work")}, func(transcode.Phase, int) {}); err != nil {
		t.Fatal(err)
	}
	return store
}

// client is a client manifest, as players read it.
type client struct {
	TimeScale uint64 `xml:"TimeScale,attr"`
	Duration  uint64 `xml:"Duration,attr"`
	Streams   []struct {
		Type     string `xml:"Type,attr"`
		Name     string `xml:"Name,attr"`
		Language string `xml:"Language,attr"`
		Count    int    `xml:"Chunks,attr"`
		Levels   int    `xml:"QualityLevels,attr"`
		URL      string `xml:"Url,attr"`
		Quality  []struct {
			Bitrate int `xml:"Bitrate,attr"`
		} `xml:"QualityLevel"`
		Chunks []struct {
			Number   int    `xml:"n,attr"`
			Time     uint64 `xml:"t,attr"`
			Duration uint64 `xml:"d,attr"`
		} `xml:"c"`
	} `xml:"StreamIndex"`
}

func readClient(t *testing.T, b []byte) (m client) {
	t.Helper()
	if bytes.HasPrefix(b, []byte("\xff\xfe")) {
		var units []uint16
		for i := 2; i+1 < len(b); i += 2 {
			units = append(units, uint16(b[i])|uint16(b[i+1])<<8)
		}
		b = []byte(strings.Replace(string(utf16.Decode(units)), "utf-16", "utf-8", 1))
	}
	if err := xml.Unmarshal(b, &m); err != nil {
		t.Fatalf("client manifest: %v\n%s", err, b)
	}
	return m
}

// smoothWorld is an edge over a store whose default behaviour has the flag.
func smoothWorld(t *testing.T, o cloudfront.Origin, change ...func(*Config)) *world {
	w := newWorld(t, change...)
	o.Headers = http.Header{}
	w.view.Origins["s3"] = o
	w.view.Behaviors = w.view.Behaviors[2:]
	w.view.Behaviors[0].Smooth = true
	return w
}

// custom serves h as a custom origin.
func custom(t *testing.T, h http.Handler) cloudfront.Origin {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	u, err := url.Parse(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	port, err := strconv.Atoi(u.Port())
	if err != nil {
		t.Fatal(err)
	}
	return cloudfront.Origin{Domain: "localhost", HTTPPort: port, Read: 5 * time.Second}
}

func mirrorOf(store folder.Store) origins.Config {
	return origins.Config{Objects: store, Bucket: "out", Now: time.Now}
}

// TestPackagesPlay asks for every chunk that client manifests list, of every
// level, and looks at what comes.
func TestPackagesPlay(t *testing.T) {
	if _, err := exec.LookPath("ffmpeg"); err != nil {
		t.Fatalf("%v (run `make setup`)", err)
	}
	for _, tt := range []struct {
		name     string
		simulate bool
		group    string
		streams  string // type, name, language, levels, chunks of each; all have the clip's length
	}{
		{"two rungs and two languages", false, smoothGroup("UTF8", large, small, heard(48000, 1), heard(48000, 2)), "video video  2 3, audio audio eng 1 3, audio audio_1 deu 1 3"},
		{"UTF-16", false, smoothGroup("UTF16", large, heard(44100, 1)), "video video  1 3, audio audio eng 1 3"},
		{"sound in the file of the pictures", false, smoothGroup("UTF8", large+","+heard(48000, 1), small+","+heard(48000, 1)), "video video  2 3, audio audio eng 1 3"},
		{"sound alone", false, smoothGroup("UTF8", heard(48000, 2)), "audio audio deu 1 3"},
		{"simulated", true, smoothGroup("UTF8", large, small, heard(44100, 1)), "video video  2 5, audio audio  1 5"},
		{"simulated, UTF-16, sound in the file of the pictures", true, smoothGroup("UTF16", large+","+heard(48000, 1)), "video video  1 5, audio audio  1 5"},
		{"simulated, sound alone", true, smoothGroup("UTF8", heard(48000, 1)), "audio audio  1 5"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			store := transcoded(t, tt.simulate, tt.group)
			for name, o := range map[string]cloudfront.Origin{"s3": {Bucket: "out"}, "mirror": custom(t, origins.Mirror(mirrorOf(store)))} {
				o.Path = "/base"
				w := smoothWorld(t, o, func(c *Config) { c.Objects = store })
				got := w.ask("GET /v/a%20b.ism/Manifest")
				if got.Code != 200 || got.Header().Get("Content-Type") != "text/xml" {
					t.Fatalf("%s: manifest is %d %s: %s", name, got.Code, got.Header().Get("Content-Type"), got.Body)
				}
				m := readClient(t, got.Body.Bytes())
				if m.TimeScale != 10_000_000 {
					t.Errorf("%s: time scale %d", name, m.TimeScale)
				}
				var streams []string
				for _, s := range m.Streams {
					streams = append(streams, fmt.Sprint(s.Type, " ", s.Name, " ", s.Language, " ", len(s.Quality), " ", len(s.Chunks)))
					if s.Count != len(s.Chunks) || s.Levels != len(s.Quality) {
						t.Errorf("%s: %s says %d chunks and %d levels of %d and %d", name, s.Name, s.Count, s.Levels, len(s.Chunks), len(s.Quality))
					}
					next := uint64(0)
					for _, c := range s.Chunks {
						if c.Time != next {
							t.Errorf("%s: chunk %d of %s at %d, want %d", name, c.Number, s.Name, c.Time, next)
						}
						next = c.Time + c.Duration
						for _, q := range s.Quality {
							path := strings.NewReplacer("{bitrate}", fmt.Sprint(q.Bitrate), "{start time}", fmt.Sprint(c.Time)).Replace(s.URL)
							checkFragment(t, w, "/v/a%20b.ism/"+path, s.Type, c.Time, c.Duration)
						}
					}
					length := map[bool]float64{true: 10, false: 5}[tt.simulate]
					if end := float64(next) / float64(m.TimeScale); next > m.Duration || end < length-0.1 || end > length+0.1 {
						t.Errorf("%s: %s ends after %v s of %d, want %v s", name, s.Name, end, m.Duration, length)
					}
				}
				if got := strings.Join(streams, ", "); got != tt.streams {
					t.Errorf("%s has %s, want %s", name, got, tt.streams)
				}
			}
		})
	}
}

// checkFragment asks for a fragment, which has to be one moof and its mdat, with
// the time and duration that the manifest says.
func checkFragment(t *testing.T, w *world, path, kind string, start, duration uint64) {
	t.Helper()
	got := w.ask("GET " + path)
	if got.Code != 200 || got.Header().Get("Content-Type") != kind+"/mp4" {
		t.Errorf("%s: %d %s %s", path, got.Code, got.Header().Get("Content-Type"), got.Body)
		return
	}
	f, err := mp4.DecodeFile(bytes.NewReader(got.Body.Bytes()))
	if err != nil || len(f.Segments) != 1 || len(f.Segments[0].Fragments) != 1 {
		t.Errorf("%s: %v, not one fragment", path, err)
		return
	}
	var told *mp4.TfxdData
	frag := f.Segments[0].Fragments[0]
	for _, b := range frag.Moof.Traf.Children {
		if u, ok := b.(*mp4.UUIDBox); ok && u.Tfxd != nil {
			told = u.Tfxd
		}
	}
	var sum uint64
	for _, r := range frag.Moof.Traf.Truns {
		sum += r.Duration(frag.Moof.Traf.Tfhd.DefaultSampleDuration)
	}
	if told == nil || told.FragmentAbsoluteTime != start || told.FragmentAbsoluteDuration != duration || sum != duration {
		t.Errorf("%s: tfxd %+v and samples of %d, want %d and %d", path, told, sum, start, duration)
	}
	if size := frag.Moof.Size() + frag.Mdat.Size(); size != uint64(got.Body.Len()) {
		t.Errorf("%s: %d bytes of %d are the fragment", path, size, got.Body.Len())
	}
}
