package awscloud_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vodfleet/vodfleet/internal/cloud"
)

const complete = `{"id":"1700000000000-abcdef","status":"COMPLETE","arn":"arn:aws:mediaconvert:eu-central-1:111122223333:jobs/1","createdAt":1785578400,
	"queue":"arn:aws:mediaconvert:eu-central-1:111122223333:queues/Default","role":"r","userMetadata":{"asset":"a1","build":"2"},
	"timing":{"submitTime":1785578400,"startTime":1785578410,"finishTime":1785578470},
	"messages":{"info":["i"],"warning":["the input has no audio"]},"warnings":[{"code":220001,"count":3}],
	"outputGroupDetails":[{"outputDetails":[{"durationInMs":9960},{"durationInMs":10021}]},{"outputDetails":[{}]}],
	"settings":{"outputGroups":[{"outputGroupSettings":{"type":"CMAF_GROUP_SETTINGS","cmafGroupSettings":{"destination":"s3://out/a $$b/video"}}},{}]}}`

func TestJobMapping(t *testing.T) {
	base := cloud.Job{ID: "1-a", Created: time.Unix(1785578400, 0).UTC()}
	for _, tt := range []struct {
		name string
		json string
		want cloud.Job
		err  error
	}{
		{"complete", complete, cloud.Job{
			ID: "1700000000000-abcdef", State: cloud.JobComplete, Percent: 100, Metadata: map[string]string{"asset": "a1", "build": "2"},
			Destination: cloud.Location{Bucket: "out", Key: "a $b/video"}, Queue: "arn:aws:mediaconvert:eu-central-1:111122223333:queues/Default",
			Created: base.Created, Started: base.Created.Add(10 * time.Second), Finished: base.Created.Add(70 * time.Second),
			Warnings: []string{"the input has no audio", "warning 220001, 3 times"}, Duration: 10021 * time.Millisecond,
		}, nil},
		{"progressing", `{"id":"1-a","status":"PROGRESSING","createdAt":1785578400,"jobPercentComplete":42,"currentPhase":"TRANSCODING"}`,
			cloud.Job{ID: "1-a", State: cloud.JobProgressing, Percent: 42, Created: base.Created}, nil},
		{"failed", `{"id":"1-a","status":"ERROR","createdAt":1785578400,"errorCode":1010,"errorMessage":"No parser found\nat all"}`,
			cloud.Job{ID: "1-a", State: cloud.JobFailed, ErrorCode: 1010, Message: "No parser found", Created: base.Created}, nil},
		{"canceled", `{"id":"1-a","status":"CANCELED","createdAt":1785578400,"settings":{"outputGroups":[{"outputGroupSettings":{"fileGroupSettings":{"destination":"elsewhere"}}}]}}`,
			cloud.Job{ID: "1-a", State: cloud.JobCanceled, Created: base.Created}, nil},
		{"a state to come", `{"id":"1-a","status":"PAUSED","createdAt":1785578400}`, cloud.Job{ID: "1-a", State: "PAUSED", Created: base.Created}, nil},
		{"no ID", `{"status":"COMPLETE"}`, cloud.Job{}, cloud.ErrUnavailable},
		{"null", `null`, cloud.Job{}, cloud.ErrUnavailable},
	} {
		c, _ := account(t, says(http.StatusOK, `{"job":`+tt.json+`}`))
		got, err := c.Transcoder().Job(t.Context(), "1-a")
		if !errors.Is(err, tt.err) || !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s: Job = %+v, %v\nwant %+v, %v", tt.name, got, err, tt.want, tt.err)
		}
	}
}

func TestListOnTheWireOfJobs(t *testing.T) {
	c, f := account(t, says(http.StatusOK, `{"jobs":[`+complete+`],"nextToken":"n/+="}`))
	page, err := c.Transcoder().List(t.Context(), cloud.JobQuery{State: cloud.JobComplete, Queue: "bulk", Oldest: true, Cursor: "c/+="})
	if err != nil || page.Next != "n/+=" || len(page.Jobs) != 1 || page.Jobs[0].Metadata["asset"] != "a1" {
		t.Errorf("List = %+v, %v", page, err)
	}
	q := f.last().URL.Query()
	if got := fmt.Sprint(q["status"], q["queue"], q["order"], q["nextToken"], q["maxResults"]); got != "[COMPLETE] [bulk] [ASCENDING] [c/+=] [20]" {
		t.Errorf("List asks with %s", got)
	}
	if _, err := c.Transcoder().List(t.Context(), cloud.JobQuery{State: cloud.JobComplete}); err != nil {
		t.Error(err)
	}
	if q := f.last().URL.Query(); q.Get("order") != "DESCENDING" || q.Has("queue") || q.Has("nextToken") {
		t.Errorf("List asks with %v", q)
	}
}

func TestCancelOfWhatHasEnded(t *testing.T) {
	for _, tt := range []struct {
		code   string
		status int
		state  string
		want   error
	}{
		{"ConflictException", 409, "CANCELED", nil},
		{"BadRequestException", 400, "CANCELED", nil},
		{"ConflictException", 409, "COMPLETE", cloud.ErrConflict},
		{"BadRequestException", 400, "ERROR", cloud.ErrConflict},
		{"BadRequestException", 400, "PROGRESSING", cloud.ErrInvalid},
		{"NotFoundException", 404, "", cloud.ErrNotFound},
	} {
		c, _ := account(t, func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodGet {
				fmt.Fprintf(w, `{"job":{"id":"1-a","status":%q}}`, tt.state)
				return
			}
			w.Header().Set("X-Amzn-ErrorType", tt.code)
			w.WriteHeader(tt.status)
		})
		if err := c.Transcoder().Cancel(t.Context(), "1-a"); !errors.Is(err, tt.want) {
			t.Errorf("Cancel answered %s of a job %s = %v, want %v", tt.code, tt.state, err, tt.want)
		}
	}
}

func TestProbeMapping(t *testing.T) {
	c, f := account(t, says(http.StatusOK, `{"probeResults":[{"container":{"format":"quicktime","duration":12.0125,"tracks":[
		{"index":1,"trackType":"video","codec":"HEVC","duration":12.012,"videoProperties":{"width":1920,"height":1080,"rotation":-90,"frameRate":{"numerator":30000,"denominator":1001}}},
		{"index":2,"trackType":"audio","codec":"AAC","duration":12.0125,"audioProperties":{"channels":2,"sampleRate":44100,"languageCode":"DEU"}},
		{"index":3,"trackType":"data","codec":"UNKNOWN","dataProperties":{"languageCode":"eng"}},
		{"index":4,"trackType":"video","codec":"MJPEG","videoProperties":{"width":-1,"frameRate":{"numerator":0,"denominator":0},"rotation":45}},
		{"index":5,"duration":1e30}]},
		"metadata":{"eTag":"\"abc\"","fileSize":5000000000,"mimeType":"video/quicktime"},"trackMappings":[{"videoTrackIndexes":[1]}]}]}`))
	at := cloud.Location{Bucket: "b", Key: "in/a b+%.mov"}
	got, err := c.Transcoder().Probe(t.Context(), at)
	want := cloud.Media{
		Container: "quicktime", Duration: 12012500 * time.Microsecond, Size: 5_000_000_000, ETag: "abc", Tracks: []cloud.Track{
			{Kind: cloud.TrackVideo, Index: 1, Codec: "HEVC", Duration: 12012 * time.Millisecond, Width: 1920, Height: 1080, Rotation: 270, FrameRate: cloud.Rational{Num: 30000, Den: 1001}},
			{Kind: cloud.TrackAudio, Index: 2, Codec: "AAC", Duration: 12012500 * time.Microsecond, Language: "deu", Channels: 2, SampleRate: 44100},
			{Kind: cloud.TrackData, Index: 3, Language: "eng"},
			{Kind: cloud.TrackVideo, Index: 4, Codec: "MJPEG", Width: -1},
			{Kind: cloud.TrackData, Index: 5},
		},
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("Probe = %+v, %v\nwant %+v", got, err, want)
	}
	if body := f.last().body; body != `{"inputFiles":[{"fileUrl":"s3://b/in/a b+%.mov"}]}` {
		t.Errorf("Probe asks %s", body)
	}
}

func TestProbeFailures(t *testing.T) {
	for _, tt := range []struct {
		name   string
		status int    // of the probe
		body   string // of the probe
		head   int    // status of the look at the object
		want   error
	}{
		{"refused, and there", 400, `{"message":"no parser found"}`, 200, cloud.ErrInvalid},
		{"refused, and gone", 400, `{"message":"no parser found"}`, 404, cloud.ErrNotFound},
		{"refused, and not ours to see", 400, `{}`, 403, cloud.ErrInvalid},
		{"not found", 404, `{}`, 200, cloud.ErrNotFound},
		{"forbidden", 403, `{}`, 200, cloud.ErrDenied},
		{"no results", 200, `{"probeResults":[]}`, 200, cloud.ErrInvalid},
		{"no container", 200, `{"probeResults":[{}]}`, 200, cloud.ErrInvalid},
		{"no tracks", 200, `{"probeResults":[{"container":{"format":"mp4"}}]}`, 200, cloud.ErrInvalid},
		{"not JSON", 200, `{"probeResults":[{"conta`, 200, cloud.ErrUnavailable},
		{"JSON of other types", 200, `{"probeResults":[{"container":{"tracks":[{"videoProperties":{"rotation":"x"}}]}}]}`, 200, nil},
	} {
		c, _ := account(t, func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodHead {
				w.WriteHeader(tt.head)
				return
			}
			w.WriteHeader(tt.status)
			io.WriteString(w, tt.body)
		})
		if _, err := c.Transcoder().Probe(t.Context(), cloud.Location{Bucket: "b", Key: "k"}); !errors.Is(err, tt.want) {
			t.Errorf("%s: Probe = %v, want %v", tt.name, err, tt.want)
		}
	}
}

func TestTemplate(t *testing.T) {
	answer, err := os.ReadFile(filepath.Join("testdata", "template-answer.json"))
	if err != nil {
		t.Fatal(err)
	}
	c, f := account(t, says(http.StatusOK, string(answer)))
	got, err := c.Transcoder().Template(t.Context(), "our house/style")
	want := cloud.JobSpec{Template: "our house/style", Groups: []cloud.OutputGroup{
		{Kind: cloud.GroupHLS, Segment: 4 * time.Second, Tiles: &cloud.Tiles{Every: 2 * time.Second, Width: 160, Columns: 4, Rows: 3}, Outputs: []cloud.Output{
			{NameModifier: "_hd", Video: &cloud.Video{Width: 1280, Height: 720, MaxBitrate: 3_000_000, Quality: 7, GOP: 2 * time.Second}, Audio: &cloud.Audio{Bitrate: 96_000, SampleRate: 48_000}},
		}},
		{Kind: cloud.GroupFile, Outputs: []cloud.Output{{NameModifier: "_web", Video: &cloud.Video{MaxBitrate: 2_000_000, SinglePass: true}}}},
	}}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("Template = %+v, %v\nwant %+v", got, err, want)
	}
	if path := f.last().URL.EscapedPath(); path != "/2017-08-29/jobTemplates/our%20house%2Fstyle" {
		t.Errorf("Template asks for %s", path)
	}
}

func TestTemplatesThatCannotBePublished(t *testing.T) {
	group := func(settings, outputs string) string {
		return `{"jobTemplate":{"name":"t","settings":{"outputGroups":[{"outputGroupSettings":{` + settings + `},"outputs":[` + outputs + `]}]}}}`
	}
	const (
		hls  = `"type":"HLS_GROUP_SETTINGS","hlsGroupSettings":{}`
		file = `"type":"FILE_GROUP_SETTINGS","fileGroupSettings":{}`
		jpeg = `"videoDescription":{"codecSettings":{"codec":"FRAME_CAPTURE","frameCaptureSettings":{"framerateNumerator":1,"framerateDenominator":5,"maxCaptures":2,"quality":80}}}`
	)
	for _, tt := range []struct {
		name, json, want string // want: of the error; empty for none
	}{
		{"captures", group(file, `{"containerSettings":{"container":"RAW"},`+jpeg+`}`), ""},
		{"no groups", `{"jobTemplate":{"name":"t","settings":{}}}`, "no output group"},
		{"a type without settings", group(`"type":"CMAF_GROUP_SETTINGS"`, ""), "output group 1: no settings of its type"},
		{"a type to come", group(`"type":"NEW_GROUP_SETTINGS"`, ""), "output group 1: no settings of its type"},
		{"a preset", group(hls, `{"preset":"System-Avc"}`), `output group 1: output 1: preset "System-Avc": what it makes is not told; put its settings into the template`},
		{"a container", group(file, `{"containerSettings":{"container":"MOV"}}`), `output group 1: output 1: container "MOV": want MP4, or RAW for frame captures`},
		{"no container", group(file, `{}`), `output group 1: output 1: container "": want MP4, or RAW for frame captures`},
		{"captures in MP4", group(file, `{"containerSettings":{"container":"MP4"},`+jpeg+`}`), `output group 1: output 1: container "MP4": want MP4, or RAW for frame captures`},
		{"an extension", group(file, `{"containerSettings":{"container":"MP4"},"extension":"m4v"}`), `output group 1: output 1: extension "m4v": want "mp4"`},
		{"no playlists", group(`"type":"HLS_GROUP_SETTINGS","hlsGroupSettings":{"outputSelection":"SEGMENTS_ONLY"}`, ""), "output group 1: segments without a playlist"},
		{"gzip", group(`"type":"HLS_GROUP_SETTINGS","hlsGroupSettings":{"manifestCompression":"GZIP"}`, ""), "output group 1: compressed playlists cannot be read"},
		{"no DASH", group(`"type":"CMAF_GROUP_SETTINGS","cmafGroupSettings":{"writeDashManifest":"DISABLED"}`, ""), "output group 1: without one of its two manifests: HLS and DASH are both published"},
	} {
		c, _ := account(t, says(http.StatusOK, tt.json))
		spec, err := c.Transcoder().Template(t.Context(), "t")
		if tt.want == "" {
			if want := (&cloud.FrameCapture{Every: 5 * time.Second, Max: 2, Quality: 80}); err != nil || !reflect.DeepEqual(spec.Groups[0].Outputs[0].Capture, want) {
				t.Errorf("%s: Template = %+v, %v", tt.name, spec, err)
			}
			continue
		}
		if want := "GetJobTemplate template t: invalid: " + tt.want; !errors.Is(err, cloud.ErrInvalid) || err.Error() != want {
			t.Errorf("%s: Template = %v\nwant %s", tt.name, err, want)
		}
	}
}

// TestTemplateIsReadNowAndThen counts the calls of many jobs by one template.
func TestTemplateIsReadNowAndThen(t *testing.T) {
	settings(t, "1")
	reads := 0
	answer := func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.URL.Path, "/jobTemplates/") {
			reads++
			io.WriteString(w, `{"jobTemplate":{"name":"t","settings":{"outputGroups":[{"outputGroupSettings":{"type":"FILE_GROUP_SETTINGS","fileGroupSettings":{}},"outputs":[{}]}]}}}`)
			return
		}
		io.WriteString(w, `{"job":{"id":"1-a","status":"SUBMITTED"}}`)
	}
	synctest.Test(t, func(t *testing.T) {
		c, _ := opened(t, answer)
		r := one()
		r.Spec.Template, r.Spec.Groups[0].Outputs = "t", nil
		for range 10 {
			if _, err := c.Transcoder().Submit(t.Context(), r); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Minute)
		}
		if reads != 2 {
			t.Errorf("the template was read %d times in ten minutes, want 2", reads)
		}
		r.Spec.Groups[0].Kind = cloud.GroupHLS
		_, err := c.Transcoder().Submit(t.Context(), r)
		wantError(t, "Submit of another kind", err, cloud.ErrInvalid, `CreateJob s3://b/in.mp4: invalid: template t: output group 1: is of kind "file", not "hls"`)
	})
}

func TestCDNMapping(t *testing.T) {
	c, f := account(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", "E2QWRUHAPOMQZL")
		if strings.HasSuffix(r.URL.Path, "/E1") {
			io.WriteString(w, `<Distribution><Id>E1</Id><DomainName>d1.cloudfront.net</DomainName><DistributionConfig><Enabled>true</Enabled></DistributionConfig></Distribution>`)
			return
		}
		status := map[string]string{http.MethodPost: "InProgress", http.MethodGet: "Completed"}[r.Method]
		fmt.Fprintf(w, `<Invalidation><Id>I1</Id><Status>%s</Status><CreateTime>2026-08-01T10:00:00.5Z</CreateTime></Invalidation>`, status)
	})
	d, err := c.CDN().Distribution(t.Context(), "E1")
	if want := (cloud.Distribution{ID: "E1", Domain: "d1.cloudfront.net", Enabled: true, ETag: "E2QWRUHAPOMQZL"}); err != nil || d != want {
		t.Errorf("Distribution = %+v, %v; want %+v", d, err, want)
	}
	created := time.Date(2026, 8, 1, 10, 0, 0, 5e8, time.UTC)
	i, err := c.CDN().Invalidate(t.Context(), "E1", "ref", []string{"/b&c", "/a/*"})
	if want := (cloud.Invalidation{ID: "I1", Created: created}); err != nil || i != want {
		t.Errorf("Invalidate = %+v, %v; want %+v", i, err, want)
	}
	if body := f.last().body; !strings.Contains(body, "<CallerReference>ref</CallerReference>") ||
		!strings.Contains(body, "<Items><Path>/a/*</Path><Path>/b&amp;c</Path></Items><Quantity>2</Quantity>") {
		t.Errorf("Invalidate asks %s", body)
	}
	i, err = c.CDN().Invalidation(t.Context(), "E1", "I1")
	if want := (cloud.Invalidation{ID: "I1", Created: created, Done: true}); err != nil || i != want {
		t.Errorf("Invalidation = %+v, %v; want %+v", i, err, want)
	}
}

// TestNoNames is of IDs that would ask for another thing altogether.
func TestNoNames(t *testing.T) {
	c, f := account(t, says(http.StatusOK, "{}"))
	_, job := c.Transcoder().Job(t.Context(), "")
	_, template := c.Transcoder().Template(t.Context(), "")
	_, distribution := c.CDN().Distribution(t.Context(), "")
	_, invalidation := c.CDN().Invalidation(t.Context(), "E1", "")
	_, invalidate := c.CDN().Invalidate(t.Context(), "", "ref", []string{"/a"})
	for name, err := range map[string]error{
		"Job": job, "Template": template, "Distribution": distribution, "Invalidation": invalidation, "Invalidate": invalidate,
		"Cancel": c.Transcoder().Cancel(t.Context(), ""),
	} {
		wantError(t, name+" of no name", err, cloud.ErrNotFound, "")
	}
	if f.count() != 0 {
		t.Errorf("%d requests were sent, the last for %s", f.count(), f.last().URL)
	}
}
