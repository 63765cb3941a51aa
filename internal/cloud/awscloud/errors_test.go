package awscloud_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/vodfleet/vodfleet/internal/cloud"
	"github.com/vodfleet/vodfleet/internal/cloud/awscloud"
)

var errs = []error{
	cloud.ErrNotFound, cloud.ErrPrecondition, cloud.ErrConflict, cloud.ErrDenied, cloud.ErrInvalid, cloud.ErrThrottled, cloud.ErrQuota, cloud.ErrUnavailable,
}

// wantError holds an error to one kind and to its text.
func wantError(t *testing.T, what string, err error, kind error, text string) {
	t.Helper()
	for _, k := range errs {
		if errors.Is(err, k) != (k == kind) {
			t.Errorf("%s = %v, want kind %v alone", what, err, kind)
			return
		}
	}
	if text != "" && err.Error() != text {
		t.Errorf("%s =\n\t%v\nwant\n\t%s", what, err, text)
	}
}

func TestS3Errors(t *testing.T) {
	body := func(code, message string) string {
		return "<Error><Code>" + code + "</Code><Message>" + message + "</Message><RequestId>R</RequestId></Error>"
	}
	for _, tt := range []struct {
		status int
		body   string
		kind   error
		text   string
	}{
		{404, body("NoSuchKey", "The specified key does not exist."), cloud.ErrNotFound, "GetObject s3://b/k: not found: NoSuchKey: The specified key does not exist."},
		{404, body("NoSuchBucket", ""), cloud.ErrNotFound, "GetObject s3://b/k: not found: NoSuchBucket"},
		{403, body("AccessDenied", "Access Denied"), cloud.ErrDenied, "GetObject s3://b/k: denied: AccessDenied: Access Denied"},
		{403, body("InvalidObjectState", "The operation is not valid for the object's storage class"), cloud.ErrInvalid, ""},
		{403, body("RequestTimeTooSkewed", ""), cloud.ErrDenied, ""},
		{400, body("ExpiredToken", "The provided token has expired."), cloud.ErrDenied, ""},
		{400, body("InvalidBucketName", ""), cloud.ErrInvalid, ""},
		{400, body("RequestTimeout", ""), cloud.ErrUnavailable, ""},
		{409, body("ConditionalRequestConflict", ""), cloud.ErrConflict, ""},
		{409, body("OperationAborted", ""), cloud.ErrConflict, ""},
		{412, body("PreconditionFailed", ""), cloud.ErrPrecondition, ""},
		{429, "", cloud.ErrThrottled, ""},
		{503, body("SlowDown", "Please reduce your request rate."), cloud.ErrThrottled, "GetObject s3://b/k: throttled: SlowDown: Please reduce your request rate."},
		{503, body("ServiceUnavailable", ""), cloud.ErrUnavailable, ""},
		{500, body("InternalError", ""), cloud.ErrUnavailable, ""},
		{502, "<html>bad gateway</html>", cloud.ErrUnavailable, ""},
		{301, body("PermanentRedirect", "The bucket must be addressed using the specified endpoint."), cloud.ErrInvalid, ""},
		{400, body("Unheard", "of"), cloud.ErrInvalid, "GetObject s3://b/k: invalid: Unheard: of"},
		{418, "", cloud.ErrInvalid, ""},
		// What refuses a signature shows all of it.
		{403, body("SignatureDoesNotMatch", "The signature does not match.\n\nThe Canonical String was\nx-amz-security-token:SECRET"), cloud.ErrDenied,
			"GetObject s3://b/k: denied: SignatureDoesNotMatch: The signature does not match."},
		{403, body("AccessDenied", "see https://b.s3/k?X-Amz-Signature=SECRET&amp;more"), cloud.ErrDenied, "GetObject s3://b/k: denied: AccessDenied: see https://b.s3/k?"},
		{400, body("InvalidArgument", strings.Repeat("long ", 1000)), cloud.ErrInvalid, "GetObject s3://b/k: invalid: InvalidArgument: " + strings.Repeat("long ", 60) + "…"},
	} {
		c, _ := account(t, says(tt.status, tt.body))
		_, _, err := c.Store().Get(t.Context(), cloud.Location{Bucket: "b", Key: "k"}, 10)
		wantError(t, fmt.Sprintf("Get answered %d %s", tt.status, tt.body[:min(len(tt.body), 60)]), err, tt.kind, tt.text)
	}
}

// TestHeadErrors is of answers without a body to bear a code.
func TestHeadErrors(t *testing.T) {
	for status, kind := range map[int]error{
		404: cloud.ErrNotFound, 403: cloud.ErrDenied, 400: cloud.ErrInvalid, 412: cloud.ErrPrecondition, 429: cloud.ErrThrottled, 500: cloud.ErrUnavailable, 503: cloud.ErrThrottled,
	} {
		c, _ := account(t, says(status, ""))
		_, err := c.Store().Head(t.Context(), cloud.Location{Bucket: "b", Key: "k"})
		wantError(t, fmt.Sprintf("Head answered %d", status), err, kind, "")
	}
}

// slow answers a HEAD as S3 does when it throttles.
type slow struct{}

func (slow) Do(r *http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: 503, Status: "503 Slow Down", Header: http.Header{}, Body: http.NoBody, Request: r}, nil
}

func TestHeadThrottled(t *testing.T) {
	settings(t, "1")
	c, err := awscloud.New(t.Context(), awscloud.Options{HTTP: slow{}})
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.Store().Head(t.Context(), cloud.Location{Bucket: "b", Key: "k"})
	wantError(t, "Head answered 503 Slow Down", err, cloud.ErrThrottled, "")
}

func TestMediaConvertErrors(t *testing.T) {
	for _, tt := range []struct {
		status int
		code   string
		kind   error
	}{
		{400, "BadRequestException", cloud.ErrInvalid}, {402, "ServiceQuotaExceededException", cloud.ErrQuota}, {403, "ForbiddenException", cloud.ErrDenied},
		{403, "AccessDeniedException", cloud.ErrDenied}, {404, "NotFoundException", cloud.ErrNotFound}, {409, "ConflictException", cloud.ErrConflict},
		{429, "TooManyRequestsException", cloud.ErrThrottled}, {429, "LimitExceededException", cloud.ErrThrottled},
		{500, "InternalServerErrorException", cloud.ErrUnavailable}, {504, "", cloud.ErrUnavailable},
		{403, "ExpiredTokenException", cloud.ErrDenied}, {402, "", cloud.ErrQuota}, {401, "", cloud.ErrDenied}, {408, "", cloud.ErrUnavailable},
	} {
		c, _ := account(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X-Amzn-ErrorType", tt.code)
			w.WriteHeader(tt.status)
			io.WriteString(w, `{"message":"/inputs/0: no"}`)
		})
		_, err := c.Transcoder().Job(t.Context(), "1-a")
		text := ""
		if tt.code != "" {
			text = fmt.Sprintf("GetJob job 1-a: %v: %s: /inputs/0: no", tt.kind, tt.code)
		}
		wantError(t, fmt.Sprintf("Job answered %d %s", tt.status, tt.code), err, tt.kind, text)
	}
}

func TestCloudFrontErrors(t *testing.T) {
	for _, tt := range []struct {
		status int
		code   string
		kind   error
	}{
		{404, "NoSuchDistribution", cloud.ErrNotFound}, {404, "NoSuchInvalidation", cloud.ErrNotFound}, {400, "InvalidationBatchAlreadyExists", cloud.ErrInvalid},
		{400, "TooManyInvalidationsInProgress", cloud.ErrQuota}, {400, "Throttling", cloud.ErrThrottled}, {503, "ServiceUnavailable", cloud.ErrUnavailable},
		{413, "BatchTooLarge", cloud.ErrInvalid}, {400, "InvalidArgument", cloud.ErrInvalid}, {403, "AccessDenied", cloud.ErrDenied}, {412, "PreconditionFailed", cloud.ErrPrecondition},
	} {
		c, _ := account(t, says(tt.status, "<ErrorResponse><Error><Type>Sender</Type><Code>"+tt.code+"</Code><Message>words</Message></Error><RequestId>R</RequestId></ErrorResponse>"))
		_, err := c.CDN().Invalidate(t.Context(), "E1", "ref", []string{"/a"})
		wantError(t, "Invalidate answered "+tt.code, err, tt.kind, fmt.Sprintf("CreateInvalidation distribution E1: %v: %s: words", tt.kind, tt.code))
	}
}

// broken fails every request.
type broken struct{ err error }

func (b broken) Do(*http.Request) (*http.Response, error) { return nil, b.err }

func TestNoAnswer(t *testing.T) {
	settings(t, "1")
	refused := &url.Error{Op: "Get", URL: "https://secret.test/?X-Amz-Signature=S", Err: &net.OpError{Op: "dial", Net: "tcp", Err: errors.New("connection refused")}}
	c, err := awscloud.New(t.Context(), awscloud.Options{HTTP: broken{refused}})
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.Store().Head(t.Context(), cloud.Location{Bucket: "b", Key: "k"})
	wantError(t, "Head", err, cloud.ErrUnavailable, "HeadObject s3://b/k: unavailable: dial tcp: connection refused")
	_, err = c.Transcoder().Submit(t.Context(), cloud.JobRequest{})
	wantError(t, "Submit of nothing", err, cloud.ErrInvalid, "")

	ended, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = c.Store().Head(ended, cloud.Location{Bucket: "b", Key: "k"})
	wantError(t, "Head", err, nil, "HeadObject s3://b/k: context canceled")
	if !errors.Is(err, context.Canceled) {
		t.Errorf("Head = %v, want %v", err, context.Canceled)
	}
}

// TestBrokenAnswers is of answers that end early, over a connection.
func TestBrokenAnswers(t *testing.T) {
	settings(t, "1")
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "1000")
		io.WriteString(w, "<ListBucketResult>")
	}))
	defer srv.Close()
	t.Setenv("AWS_ENDPOINT_URL", srv.URL)
	t.Setenv("AWS_ENDPOINT_URL_S3", "")
	c, err := awscloud.New(t.Context(), awscloud.Options{})
	if err != nil {
		t.Fatal(err)
	}
	at := cloud.Location{Bucket: "b", Key: "k"}
	_, _, err = c.Store().Get(t.Context(), at, 5000)
	wantError(t, "Get", err, cloud.ErrUnavailable, "GetObject s3://b/k: unavailable: unexpected EOF")
	r, _, err := c.Store().Open(t.Context(), at)
	if err != nil {
		t.Fatal(err)
	}
	_, err = io.Copy(io.Discard, r)
	wantError(t, "Read", err, cloud.ErrUnavailable, "GetObject s3://b/k: unavailable: unexpected EOF")
	r.Close()
	for _, err := range c.Store().List(t.Context(), at, "") {
		wantError(t, "List", err, cloud.ErrUnavailable, "")
	}
}

// TestKeysOverHTTP holds what a server is asked for to the key.
func TestKeysOverHTTP(t *testing.T) {
	settings(t, "1")
	var asked string
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { asked = r.RequestURI }))
	defer srv.Close()
	t.Setenv("AWS_ENDPOINT_URL_S3", srv.URL)
	c, err := awscloud.New(t.Context(), awscloud.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range keys {
		if _, err := c.Store().Head(t.Context(), cloud.Location{Bucket: "bucket", Key: key}); err != nil {
			t.Errorf("Head(%q) = %v", key, err)
		}
		if got, err := url.PathUnescape(asked); err != nil || got != "/bucket/"+key {
			t.Errorf("Head(%q) asks for %q", key, asked)
		}
	}
}

func TestNewWithoutRegion(t *testing.T) {
	settings(t, "1")
	t.Setenv("AWS_REGION", "")
	t.Setenv("AWS_DEFAULT_REGION", "")
	if _, err := awscloud.New(t.Context(), awscloud.Options{}); err == nil || err.Error() != "read AWS settings: no region: set AWS_REGION" {
		t.Errorf("New = %v", err)
	}
}
