package awscloud_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/vodfleet/vodfleet/internal/cloud/awscloud"
)

// fake is an account whose answers a test writes. It has no network: it takes
// the requests where the SDK hands them over, and works in a bubble.
type fake struct {
	answer http.HandlerFunc

	mu       sync.Mutex
	requests []request
}

// request is one that was made.
type request struct {
	*http.Request
	body string
}

// Do answers a request.
func (f *fake) Do(r *http.Request) (*http.Response, error) {
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	var body []byte
	if r.Body != nil {
		body, _ = io.ReadAll(r.Body)
		r.Body.Close()
	}
	f.mu.Lock()
	f.requests = append(f.requests, request{r, string(body)})
	f.mu.Unlock()
	served := r.Clone(r.Context())
	served.Body = io.NopCloser(bytes.NewReader(body))
	w := httptest.NewRecorder()
	f.answer(w, served)
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	resp := w.Result()
	resp.Request = r
	return resp, nil
}

// last is the latest request.
func (f *fake) last() request {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.requests[len(f.requests)-1]
}

func (f *fake) count() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.requests)
}

// settings are the SDK's, of nothing but the test.
func settings(t testing.TB, attempts string) {
	for name, value := range map[string]string{
		"AWS_REGION": "eu-central-1", "AWS_ACCESS_KEY_ID": "AKIATEST", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_SESSION_TOKEN": "",
		"AWS_CA_BUNDLE": "", "AWS_CONFIG_FILE": "/dev/null", "AWS_SHARED_CREDENTIALS_FILE": "/dev/null", "AWS_EC2_METADATA_DISABLED": "true", "AWS_PROFILE": "",
		"AWS_MAX_ATTEMPTS": attempts, "AWS_ENDPOINT_URL": "", "AWS_ENDPOINT_URL_S3": "http://s3.test:9000",
		"AWS_ENDPOINT_URL_MEDIACONVERT": "http://mc.test:9001", "AWS_ENDPOINT_URL_CLOUDFRONT": "http://cf.test:9002",
	} {
		t.Setenv(name, value)
	}
}

// account returns a cloud over answers, without retries.
func account(t *testing.T, answer http.HandlerFunc) (*awscloud.Cloud, *fake) {
	t.Helper()
	settings(t, "1")
	return opened(t, answer)
}

func opened(t testing.TB, answer http.HandlerFunc) (*awscloud.Cloud, *fake) {
	t.Helper()
	f := &fake{answer: answer}
	c, err := awscloud.New(context.Background(), awscloud.Options{HTTP: f})
	if err != nil {
		t.Fatal(err)
	}
	return c, f
}

// says answers every request with a status and a body.
func says(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		io.WriteString(w, body)
	}
}
