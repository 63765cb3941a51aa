package mediaconvert

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"github.com/vodfleet/vodfleet/internal/localcloud/model"
	"github.com/vodfleet/vodfleet/internal/localcloud/sigv4"
)

// send signs and sends a request of whatever content.
func (s *stand) send(t *testing.T, method, path, body string, at time.Time) (status int, kind, text string) {
	t.Helper()
	r := httptest.NewRequest(method, "http://mediaconvert.test/2017-08-29"+path, strings.NewReader(body))
	r.RequestURI = ""
	sum := sha256.Sum256([]byte(body))
	creds := aws.Credentials{AccessKeyID: sigv4.AccessKey, SecretAccessKey: sigv4.SecretKey}
	if err := v4.NewSigner().SignHTTP(context.Background(), creds, r, hex.EncodeToString(sum[:]), service, sigv4.Region, at); err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	s.service.Handler().ServeHTTP(w, r)
	return w.Code, w.Header().Get("X-Amzn-Errortype"), w.Body.String()
}

// captured is the body that the SDK sends for a job.
func captured(t *testing.T, s *stand) string {
	t.Helper()
	var body []byte
	c := direct{http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ = io.ReadAll(r.Body)
		r.Body = io.NopCloser(bytes.NewReader(body))
		s.service.Handler().ServeHTTP(w, r)
	})}
	in := jobInput("clip.mp4")
	in.ClientRequestToken = aws.String("base") // else the SDK makes one up
	in.Priority = aws.Int32(3)
	opts := s.Options()
	opts.HTTPClient = c
	if _, err := newClient(opts).CreateJob(t.Context(), in); err != nil {
		t.Fatal(err)
	}
	return edit(t, string(body), "clientRequestToken", nil) // so that it can be sent again
}

// mutation is one change that makes a valid document invalid.
type mutation struct {
	name string
	doc  string
}

// mutations makes, from a document valid by a shape, every document with one
// unknown member, one missing required member, or one value that breaks the
// type, enumeration, range, length or pattern of its shape.
func mutations(m *model.Model, shape string, doc any) []mutation {
	root := map[string]any{"": doc}
	var found []mutation
	try := func(name string, change, undo func()) {
		change()
		b, _ := json.Marshal(root[""])
		undo()
		found = append(found, mutation{name, string(b)})
	}
	var walk func(shape string, v any, at string, set func(any))
	walk = func(shape string, v any, at string, set func(any)) {
		s := m.Shapes[shape]
		swap := func(what string, bad any) { try(at+" "+what, func() { set(bad) }, func() { set(v) }) }
		switch o := v.(type) {
		case map[string]any:
			swap("is a list", []any{})
			if s.Type == "map" {
				for k := range o {
					walk(s.Value.Shape, o[k], at+"/"+k, func(n any) { o[k] = n })
				}
				return
			}
			try(at+" has an unknown member", func() { o["surprise"] = 1 }, func() { delete(o, "surprise") })
			for member, use := range s.Members {
				name := use.Name
				if name == "" {
					name = member
				}
				old, ok := o[name]
				if !ok {
					continue
				}
				if slices.Contains(s.Required, member) {
					try(at+"/"+name+" is missing", func() { delete(o, name) }, func() { o[name] = old })
				}
				walk(use.Shape, old, at+"/"+name, func(n any) { o[name] = n })
			}
		case []any:
			swap("is an object", map[string]any{})
			for i := range o {
				walk(s.Item.Shape, o[i], at+"/"+strconv.Itoa(i), func(n any) { o[i] = n })
			}
		default:
			swap("is an object", map[string]any{})
			if len(s.Enum) > 0 {
				swap("is not in the enumeration", "SURPRISE")
			}
			if s.Type == "string" {
				swap("is a number", 1)
				if s.Max != nil {
					swap("is too long", v.(string)+strings.Repeat("x", int(*s.Max)))
				}
				if s.Pattern != "" {
					swap("breaks the pattern", "\x00 %%%")
				}
				return
			}
			swap("is a string", "1")
			if s.Min != nil {
				swap("is below the range", *s.Min-1)
			}
			if s.Max != nil {
				swap("is above the range", *s.Max+1)
			}
			if s.Type == "integer" {
				swap("is a fraction", 1.5)
			}
		}
	}
	walk(shape, doc, "", func(n any) { root[""] = n })
	return found
}

func TestEveryMutationIsRefused(t *testing.T) {
	s := start(t, t.TempDir(), unlimited)
	base := captured(t, s)
	var doc any
	if err := json.Unmarshal([]byte(base), &doc); err != nil {
		t.Fatal(err)
	}
	all := mutations(model.MediaConvert(), "CreateJobRequest", doc)
	if len(all) < 180 {
		t.Fatalf("%d mutations", len(all))
	}
	for _, m := range all {
		status, kind, text := s.send(t, "POST", "/jobs", m.doc, time.Now())
		if status != 400 || kind != "BadRequestException" || !strings.Contains(text, `"message":"/`) {
			t.Errorf("%s: %d %s %s", m.name, status, kind, text)
		}
	}
	if n := len(s.service.Jobs()); n != 1 {
		t.Errorf("%d jobs, want 1", n)
	}
	if v := s.calls.Violations(); len(v) == 0 {
		t.Error("no violation noted")
	}
}

// edit sets the value at a path of names and indexes; nil deletes it.
func edit(t *testing.T, base, path string, value any) string {
	t.Helper()
	var doc any
	if err := json.Unmarshal([]byte(base), &doc); err != nil {
		t.Fatal(err)
	}
	parts := strings.Split(path, "/")
	at := doc
	for _, p := range parts[:len(parts)-1] {
		switch o := at.(type) {
		case map[string]any:
			at = o[p]
		case []any:
			n, _ := strconv.Atoi(p)
			at = o[n]
		}
	}
	last := parts[len(parts)-1]
	switch o := at.(type) {
	case map[string]any:
		o[last] = value
		if value == nil {
			delete(o, last)
		}
	case []any:
		n, _ := strconv.Atoi(last)
		o[n] = value
	default:
		t.Fatalf("no %s", path)
	}
	b, _ := json.Marshal(doc)
	return string(b)
}

func TestContradictionsAreRefused(t *testing.T) {
	s := start(t, t.TempDir(), unlimited)
	base := captured(t, s)
	const (
		cmaf  = "settings/outputGroups/0/outputGroupSettings/cmafGroupSettings/"
		first = "settings/outputGroups/0/outputs/0/"
		h264  = first + "videoDescription/codecSettings/h264Settings/"
		sound = "settings/outputGroups/0/outputs/1/audioDescriptions/0/"
	)
	for _, tt := range []struct {
		path   string
		value  any
		status int
		kind   string
		text   string // in the answer
	}{
		{cmaf + "fragmentLength", 3, 400, "BadRequestException", "Fragment length [3] must be a multiple of the GOP length [2]"},
		{cmaf + "segmentLength", 5, 400, "BadRequestException", "must be a multiple of fragment length [2]"},
		{cmaf + "destination", nil, 400, "BadRequestException", "destination is a required property"},
		{cmaf + "mpdProfile", "ON_DEMAND_PROFILE", 400, "BadRequestException", "requires segmentControl SINGLE_FILE"},
		{first + "containerSettings/container", "M3U8", 400, "BadRequestException", "Should match one of [CMFC]"},
		{first + "nameModifier", nil, 400, "BadRequestException", "nameModifier is a required property"},
		{first + "nameModifier", "_audio", 400, "BadRequestException", "unique within the output group"},
		{first + "nameModifier", "_$unknown$", 400, "BadRequestException", "unknown variable"},
		{first + "videoDescription/codecSettings/codec", "VP8", 400, "BadRequestException", "Codec VP8 is not supported in container CMFC"},
		{first + "videoDescription/height", 721, 400, "BadRequestException", "multiple of 2"},
		{h264 + "maxBitrate", nil, 400, "BadRequestException", "maxBitrate is required when rateControlMode is QVBR"},
		{h264 + "bitrate", 1000000, 400, "BadRequestException", "Should be left out when rateControlMode is QVBR"},
		{h264 + "gopSizeUnits", "AUTO", 400, "BadRequestException", "Should be left out when gopSizeUnits is AUTO"},
		{sound + "codecSettings/aacSettings/bitrate", 100000, 400, "BadRequestException", "is not a valid bitrate"},
		{sound + "codecSettings/aacSettings/sampleRate", 44000, 400, "BadRequestException", "Hz is not supported"},
		{sound + "audioSourceName", "Audio Selector 7", 400, "BadRequestException", "does not exist in input 0"},
		{"settings/outputGroups/1/outputGroupSettings/fileGroupSettings", nil, 400, "BadRequestException", "fileGroupSettings is a required property"},
		{"settings/inputs", []any{}, 400, "BadRequestException", "at least 1 items"},
		{"settings/inputs/0/fileInput", "s3://vod-in/", 400, "BadRequestException", "names no object"},
		{"role", "arn:aws:iam::1:user/me", 400, "BadRequestException", "is not the ARN of an IAM role"},
		{"userMetadata", map[string]any{"key": "späte Kopie"}, 400, "BadRequestException", "allowed characters"},
		{"clientRequestToken", strings.Repeat("x", 65), 400, "BadRequestException", "at most 64"},
		{"queue", "nobody", 404, "NotFoundException", "nobody"},
		{"jobTemplate", "nobody", 404, "NotFoundException", "nobody"},
		{"settings/inputs/0/inputClippings", []any{map[string]any{}}, 501, "NotImplementedException", "input clippings"},
		{first + "captionDescriptions", []any{map[string]any{}}, 501, "NotImplementedException", "captions"},
	} {
		status, kind, text := s.send(t, "POST", "/jobs", edit(t, base, tt.path, tt.value), time.Now())
		if status != tt.status || kind != tt.kind || !strings.Contains(text, tt.text) {
			t.Errorf("%s = %v: %d %s %s, want %d %s with %q", tt.path, tt.value, status, kind, text, tt.status, tt.kind, tt.text)
		}
	}
}

func TestBrokenRequests(t *testing.T) {
	s := start(t, t.TempDir(), unlimited)
	for _, tt := range []struct {
		method, path, body string
		age                time.Duration // of the signature
		want               string
	}{
		{"POST", "/jobs", `{"role":`, 0, "400 SerializationException"},
		{"POST", "/jobs", `[]`, 0, "400 BadRequestException"},
		{"POST", "/jobs", ``, 0, "400 BadRequestException"},
		{"POST", "/jobs", `{}{}`, 0, "400 SerializationException"},
		{"POST", "/jobs", strings.Repeat(" ", maxBody+1), 0, "413 RequestEntityTooLarge"},
		{"POST", "/jobs", strings.Repeat(`{"settings":`, 4000), 0, "400 SerializationException"},
		{"GET", "/jobs", ``, 6 * time.Minute, "403 InvalidSignatureException"},
		{"GET", "/jobs", ``, -6 * time.Minute, "403 InvalidSignatureException"},
		{"GET", "/jobs?status=DONE", ``, 0, "400 BadRequestException"},
		{"GET", "/jobs?maxResults=21", ``, 0, "400 BadRequestException"},
		{"GET", "/jobs?maxResults=x", ``, 0, "400 BadRequestException"},
		{"GET", "/jobs?nextToken=abc", ``, 0, "400 BadRequestException"},
		{"GET", "/jobs?queue=nobody", ``, 0, "404 NotFoundException"},
		{"GET", "/jobs/1-nobody", ``, 0, "404 NotFoundException"},
		{"GET", "/nothing", ``, 0, "404 UnknownOperationException"},
		{"GET", "/policy", ``, 0, "501 NotImplementedException"},
		{"GET", "/presets", ``, 0, "200 "},
		{"POST", "/endpoints", `{}`, 0, "200 "},
		{"POST", "/probe", `{"inputFiles":[{"fileUrl":"s3://vod-in/gone.mp4"}]}`, 0, "404 NotFoundException"},
		{"POST", "/probe", `{"inputFiles":[{"fileUrl":"file:///etc/passwd"}]}`, 0, "400 BadRequestException"},
		{"POST", "/probe", `{"inputFiles":[]}`, 0, "400 BadRequestException"},
	} {
		status, kind, text := s.send(t, tt.method, tt.path, tt.body, time.Now().Add(-tt.age))
		if got := fmt.Sprintf("%d %s", status, kind); got != tt.want {
			t.Errorf("%s %s: %s %s, want %s", tt.method, tt.path, got, text, tt.want)
		}
	}
}
