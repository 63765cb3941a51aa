package awscloud_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/mediaconvert/types"
	"github.com/vodfleet/vodfleet/internal/cloud"
	"github.com/vodfleet/vodfleet/internal/media"
)

var update = flag.Bool("update", false, "write testdata from what the tests get")

func video(w, h, rotation int, fps cloud.Rational) cloud.Track {
	return cloud.Track{Kind: cloud.TrackVideo, Index: 1, Codec: "AVC", Duration: 90 * time.Second, Width: w, Height: h, Rotation: rotation, FrameRate: fps}
}

var (
	sound = cloud.Track{Kind: cloud.TrackAudio, Index: 2, Codec: "AAC", Duration: 90 * time.Second, Language: "eng", Channels: 2, SampleRate: 48000}
	film  = cloud.Rational{Num: 24000, Den: 1001}
	pal   = cloud.Rational{Num: 25, Den: 1}
)

// TestJobs holds what is sent for representative sources and profiles. The
// goldens are what the SDK's serializer wrote.
func TestJobs(t *testing.T) {
	smooth := cloud.JobSpec{
		Input: cloud.Location{Bucket: "library", Key: "in/film.mp4"}, Audio: 2, Accelerate: true,
		Groups: []cloud.OutputGroup{
			{
				Package: "smooth", Kind: cloud.GroupSmooth, Destination: cloud.Location{Bucket: "streams", Key: "media/A/1/smooth/video"}, Fragment: 2 * time.Second,
				Outputs: []cloud.Output{
					{
						NameModifier: "_720p", Audio: &cloud.Audio{Bitrate: 128_000, SampleRate: 44_100},
						Video: &cloud.Video{Height: 720, MaxBitrate: 4_000_000, Quality: 8, GOP: 2 * time.Second, SinglePass: true},
					},
					{NameModifier: "_auto", Video: &cloud.Video{Width: 640, MaxBitrate: 900_000, Quality: 7}},
				},
			},
			{
				Package: "dash", Kind: cloud.GroupDASH, Destination: cloud.Location{Bucket: "streams", Key: "a $ly/$fn$/video"}, Segment: 6 * time.Second, Fragment: 2 * time.Second,
				Outputs: []cloud.Output{{Video: &cloud.Video{Height: 720, MaxBitrate: 4_000_000, Quality: 8, GOP: time.Second}}},
			},
		},
	}
	for _, tt := range []struct {
		name    string
		profile string // YAML; empty for the default one
		source  cloud.Media
		spec    *cloud.JobSpec // in place of both
	}{
		{"landscape", "", cloud.Media{Container: "mp4", Tracks: []cloud.Track{video(1920, 1080, 0, film), sound}}, nil},
		{"portrait", "", cloud.Media{Container: "quicktime", Tracks: []cloud.Track{video(1920, 1080, 90, pal), sound}}, nil},
		{"silent", "", cloud.Media{Container: "mp4", Tracks: []cloud.Track{video(640, 480, 0, pal)}}, nil},
		{"audio-only", "packages: [cmaf, hls, mp4]", cloud.Media{Container: "mp4", Tracks: []cloud.Track{sound}}, nil},
		{"hls-mp4", "packages: [hls, mp4]\nsingle_pass: true", cloud.Media{Container: "matroska", Tracks: []cloud.Track{video(1280, 720, 0, pal), sound}}, nil},
		{"smooth", "packages: [cmaf, smooth]\nrenditions: [{short_side: 720}]\nthumbnails: off", cloud.Media{Container: "mp4", Tracks: []cloud.Track{video(1920, 1080, 0, film), sound}}, nil},
		{"smooth-audio-only", "packages: [smooth]", cloud.Media{Container: "mp4", Tracks: []cloud.Track{sound}}, nil},
		{"smooth-dash", "", cloud.Media{}, &smooth},
	} {
		t.Run(tt.name, func(t *testing.T) {
			spec := tt.spec
			if spec == nil {
				spec = new(planned(t, tt.profile, tt.source))
			}
			golden(t, tt.name, sent(t, *spec, nil))
		})
	}
}

// TestTemplateJob holds what is sent for a job template: all its settings, the
// ones we know nothing of too, at our destinations, beside its name.
func TestTemplateJob(t *testing.T) {
	tpl, err := os.ReadFile(filepath.Join("testdata", "template-answer.json"))
	if err != nil {
		t.Fatal(err)
	}
	spec := cloud.JobSpec{
		Input: cloud.Location{Bucket: "library", Key: "in/film.mp4"}, Template: "house", Audio: 3,
		Groups: []cloud.OutputGroup{
			{Package: "hls", Kind: cloud.GroupHLS, Destination: cloud.Location{Bucket: "streams", Key: "media/A/1/hls/video"}},
			{Package: "mp4", Kind: cloud.GroupFile, Destination: cloud.Location{Bucket: "streams", Key: "media/A/1/mp4/video"}},
		},
	}
	golden(t, "template", sent(t, spec, tpl))
}

// planned is the job that a profile makes of a source.
func planned(t *testing.T, yaml string, source cloud.Media) cloud.JobSpec {
	t.Helper()
	profile := media.Default()
	if yaml != "" {
		var err error
		if profile, err = media.Parse([]byte(yaml)); err != nil {
			t.Fatal(err)
		}
	}
	source.Duration = 90 * time.Second
	plan, err := profile.Plan(source)
	if err != nil {
		t.Fatal(err)
	}
	input := cloud.Location{Bucket: "library", Key: "in/a b+c%20ü?.mp4"}
	return profile.Spec(plan, input, media.BuildPrefix(cloud.Location{Bucket: "streams"}, "mfrggzdfmztwq2lknnwg23tpoa", 1))
}

// sent is the body of the CreateJob for spec. tpl answers for a template.
func sent(t *testing.T, spec cloud.JobSpec, tpl []byte) []byte {
	t.Helper()
	c, f := account(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			w.Write(tpl)
			return
		}
		w.WriteHeader(http.StatusCreated)
		fmt.Fprint(w, `{"job":{"id":"1700000000000-abcdef","status":"SUBMITTED"}}`)
	})
	job, err := c.Transcoder().Submit(t.Context(), cloud.JobRequest{
		Token: "token", Role: "arn:aws:iam::111122223333:role/vodfleet", Queue: "bulk", Priority: -10,
		Metadata: map[string]string{"vodfleet": "main", "asset": "mfrggzdfmztwq2lknnwg23tpoa", "build": "1"}, Spec: spec,
	})
	if err != nil || job.ID != "1700000000000-abcdef" || job.State != cloud.JobSubmitted {
		t.Fatalf("Submit = %+v, %v", job, err)
	}
	if r := f.last(); r.Method != http.MethodPost || r.URL.Path != "/2017-08-29/jobs" {
		t.Fatalf("%s %s", r.Method, r.URL.Path)
	}
	return []byte(f.last().body)
}

// golden compares a request's body with testdata, and holds it to the API.
func golden(t *testing.T, name string, body []byte) {
	t.Helper()
	var doc map[string]any
	if err := json.Unmarshal(body, &doc); err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b) // in the order of members' names
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(doc); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join("testdata", name+".json")
	if *update {
		if err := os.WriteFile(file, b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got := b.Bytes(); !bytes.Equal(got, want) {
		t.Errorf("the job is not that of %s: %s", file, difference(string(got), string(want)))
	}
	var stored map[string]any
	if err := json.Unmarshal(want, &stored); err != nil {
		t.Fatal(err)
	}
	settings, _ := stored["settings"].(map[string]any)
	for _, fault := range unlawful("settings", settings, reflect.TypeFor[types.JobSettings]()) {
		t.Error(fault)
	}
}

func difference(got, want string) string {
	g, w := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range min(len(g), len(w)) {
		if g[i] != w[i] {
			return fmt.Sprintf("line %d is\n\t%s\nwant\n\t%s", i+1, g[i], w[i])
		}
	}
	return fmt.Sprintf("%d lines, want %d", len(g), len(w))
}

// unlawful lists what of a JSON document is no member of the API's shape, or
// none of an enumeration's values.
func unlawful(at string, v any, shape reflect.Type) (faults []string) {
	for shape.Kind() == reflect.Pointer {
		shape = shape.Elem()
	}
	switch v := v.(type) {
	case map[string]any:
		for name, member := range v {
			where := at + "." + name
			if shape.Kind() == reflect.Map {
				faults = append(faults, unlawful(where, member, shape.Elem())...)
				continue
			}
			field, ok := shape.FieldByName(strings.ToUpper(name[:1]) + name[1:])
			if !ok {
				faults = append(faults, where+" is not a member of "+shape.Name())
				continue
			}
			faults = append(faults, unlawful(where, member, field.Type)...)
		}
	case []any:
		for i, item := range v {
			faults = append(faults, unlawful(fmt.Sprintf("%s[%d]", at, i), item, shape.Elem())...)
		}
	case string:
		values := reflect.Zero(shape).MethodByName("Values")
		if shape.Kind() != reflect.String || !values.IsValid() {
			return nil
		}
		known := values.Call(nil)[0]
		words := make([]string, known.Len())
		for i := range words {
			words[i] = known.Index(i).String()
		}
		if !slices.Contains(words, v) {
			faults = append(faults, fmt.Sprintf("%s is %q, want one of %q", at, v, words))
		}
	}
	return faults
}

// TestUnlawful shows that the goldens' check can fail.
func TestUnlawful(t *testing.T) {
	doc := map[string]any{
		"outputGroups": []any{map[string]any{"outputGroupSettings": map[string]any{"type": "NO_SETTINGS", "extra": 1.0}}},
		"inputs":       []any{map[string]any{"fileInput": "s3://b/k", "audioSelectors": map[string]any{"Audio Selector 1": map[string]any{"track": 1.0}}}},
	}
	got := unlawful("settings", doc, reflect.TypeFor[types.JobSettings]())
	slices.Sort(got)
	want := []string{
		"settings.inputs[0].audioSelectors.Audio Selector 1.track is not a member of AudioSelector",
		"settings.outputGroups[0].outputGroupSettings.extra is not a member of OutputGroupSettings",
		`settings.outputGroups[0].outputGroupSettings.type is "NO_SETTINGS", want one of ["HLS_GROUP_SETTINGS" "DASH_ISO_GROUP_SETTINGS" "FILE_GROUP_SETTINGS" "MS_SMOOTH_GROUP_SETTINGS" "CMAF_GROUP_SETTINGS"]`,
	}
	if !slices.Equal(got, want) {
		t.Errorf("unlawful = %q\nwant %q", got, want)
	}
}
