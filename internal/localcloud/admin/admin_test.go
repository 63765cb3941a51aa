package admin

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/vodfleet/vodfleet/internal/localcloud/calls"
	"github.com/vodfleet/vodfleet/internal/localcloud/clock"
	"github.com/vodfleet/vodfleet/internal/localcloud/mediaconvert"
)

func TestHandler(t *testing.T) {
	clk := clock.New(1)
	rec, err := calls.New(t.TempDir(), clk)
	if err != nil {
		t.Fatal(err)
	}
	ready := false
	limits := mediaconvert.Limits{Rate: new(2.0)}
	h := Handler(Config{Calls: rec, Clock: clk, Jobs: func() any { return []string{"a job"} }, Ready: func() bool { return ready },
		Invalidations: func() any { return []string{"a path"} },
		Limits:        func() mediaconvert.Limits { return limits },
		SetLimits: func(l mediaconvert.Limits) error {
			if *l.ConcurrentJobs < 0 {
				return errors.New("concurrentJobs below 0")
			}
			limits = l
			return nil
		}})
	rec.Count("s3", "PutObject", 200)
	rec.Violation("mediaconvert", "CreateJob", "/queue: missing")
	const signed = "AWS4-HMAC-SHA256 Credential=localcloud/20260301/us-east-1/sqs/aws4_request, SignedHeaders=host, Signature=0"
	for _, tt := range []struct {
		name, request, body, auth string
		status                    int
		want                      string // in the answer, spaces and newlines left out
	}{
		{"before it is ready", "GET /healthz", "", "", 503, `"starting"`},
		{"ready", "GET /healthz", "", "", 200, `"ok"`},
		{"calls", "GET /calls", "", "", 200, `{"s3.PutObject":{"200":1}}`},
		{"violations", "GET /violations", "", "", 200, `"what":"/queue:missing","count":1`},
		{"jobs", "GET /jobs", "", "", 200, `["ajob"]`},
		{"invalidations", "GET /invalidations", "", "", 200, `["apath"]`},
		{"no faults", "GET /faults", "", "", 200, `[]`},
		{"faults", "PUT /faults", `[{"api":"s3.GetObject","kind":"latency","rate":0.5,"latency_ms":20}]`, "", 200, `[{"api":"s3.GetObject","kind":"latency","rate":0.5,"latency_ms":20}]`},
		{"a wrong fault", "PUT /faults", `[{"api":"s3","kind":"flood","rate":1}]`, "", 400, `unknownkind\"flood\"`},
		{"a fault's unknown member", "PUT /faults", `[{"api":"s3","kind":"throttle","rate":1,"how":1}]`, "", 400, `unknownfield\"how\"`},
		{"no list", "PUT /faults", `{}`, "", 400, "wantalistof"},
		{"the faults stay", "GET /faults", "", "", 200, `"latency_ms":20`},
		{"faults end", "DELETE /faults", "", "", 200, `[]`},
		{"calls are forgotten", "DELETE /calls", "", "", 200, `{}`},
		{"violations too", "GET /violations", "", "", 200, `[]`},
		{"quotas", "GET /quotas", "", "", 200, `{"rate":2}`},
		{"other quotas", "PUT /quotas", `{"concurrentJobs":0}`, "", 200, `{"concurrentJobs":0}`},
		{"wrong quotas", "PUT /quotas", `{"concurrentJobs":-1}`, "", 400, `quotas:concurrentJobsbelow0`},
		{"quotas of nothing", "PUT /quotas", `{"jobs":1}`, "", 400, `want{rate,burst,concurrentJobs}`},
		{"clock", "GET /clock", "", "", 200, `"rate":1`},
		{"another service, query protocol", "POST /aws", "Action=ListQueues", signed, 501, "<Code>NotImplemented</Code><Message>Thelocalcloudhasnoservicesqs.</Message>"},
		{"and it is counted", "GET /calls", "", "", 200, `{"other.sqs":{"501":1}}`},
		{"reset by PUT", "PUT /calls", "", "", 200, `{}`},
		{"an unknown path", "GET /x", "", "", 404, "404"},
		{"a wrong method", "POST /jobs", "", "", 405, "MethodNotAllowed"},
	} {
		method, path, _ := strings.Cut(tt.request, " ")
		r := httptest.NewRequest(method, path, strings.NewReader(tt.body))
		if tt.auth != "" {
			r.Header.Set("Authorization", tt.auth)
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if got := strings.Join(strings.Fields(w.Body.String()), ""); w.Code != tt.status || !strings.Contains(got, tt.want) {
			t.Errorf("%s: %d %s, want %d %s", tt.name, w.Code, got, tt.status, tt.want)
		}
		ready = true
	}
	r := httptest.NewRequest(http.MethodPost, "/aws/", strings.NewReader("{}"))
	r.Header.Set("Content-Type", "application/x-amz-json-1.0")
	r.Header.Set("Authorization", signed)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if !strings.Contains(w.Body.String(), `"__type": "NotImplemented"`) {
		t.Errorf("another service, JSON protocol: %s", w.Body)
	}
}
