package sigv4

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"github.com/vodfleet/vodfleet/internal/localcloud/clock"
)

// signature is how a request is signed.
type signature struct {
	key, secret, service, region string
	at                           time.Time
}

func good(at time.Time) signature {
	return signature{AccessKey, SecretKey, "mediaconvert", Region, at}
}

func signed(t *testing.T, s signature, body string) *http.Request {
	t.Helper()
	req := httptest.NewRequest("POST", "/2017-08-29/jobs/a%2Fb%20c?status=DONE&order=a%2Bb", strings.NewReader(body))
	req.Header.Set("Content-Type", "application/json")
	sum := sha256.Sum256([]byte(body))
	creds := aws.Credentials{AccessKeyID: s.key, SecretAccessKey: s.secret}
	err := v4.NewSigner().SignHTTP(context.Background(), creds, req, hex.EncodeToString(sum[:]), s.service, s.region, s.at)
	if err != nil {
		t.Fatal(err)
	}
	return req
}

const differs = "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details."

func TestCheck(t *testing.T) {
	for _, tt := range []struct {
		name string
		sign func(*signature)
		then func(*http.Request) // what happens to the request on its way
		want string
	}{
		{"signed well", nil, nil, ""},
		{"a header that is not signed is added", nil, func(r *http.Request) { r.Header.Set("Via", "proxy") }, ""},
		{"not signed", nil, func(r *http.Request) { r.Header.Del("Authorization") }, "MissingAuthenticationTokenException: Request is missing Authentication Token"},
		{"an older signature", nil, func(r *http.Request) { r.Header.Set("Authorization", "AWS key:sum") }, "MissingAuthenticationTokenException: Request is missing Authentication Token"},
		{"no signature in it", nil, func(r *http.Request) {
			r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=a/b/c/d/aws4_request")
		}, "IncompleteSignatureException: Authorization header requires 'Signature' parameter. Authorization header requires 'SignedHeaders' parameter."},
		{"no date", nil, func(r *http.Request) { r.Header.Del("X-Amz-Date") }, "IncompleteSignatureException: Date must be in ISO-8601 'basic format'. Got ''."},
		{"another's key", func(s *signature) { s.key = "AKIAOTHER" }, nil, "UnrecognizedClientException: The security token included in the request is invalid."},
		{"a wrong secret", func(s *signature) { s.secret = "guess" }, nil, "InvalidSignatureException: " + differs},
		{"for another service", func(s *signature) { s.service = "s3" }, nil, "InvalidSignatureException: Credential should be scoped to correct service: 'mediaconvert'. "},
		{"for another region", func(s *signature) { s.region = "eu-west-1" }, nil, "InvalidSignatureException: Credential should be scoped to a valid region. "},
		{"the body changed", nil, func(r *http.Request) { r.Body = io.NopCloser(strings.NewReader("hullo")) }, "InvalidSignatureException: " + differs},
		{"the query changed", nil, func(r *http.Request) { r.URL.RawQuery += "&x=y" }, "InvalidSignatureException: " + differs},
		{"the path changed", nil, func(r *http.Request) { r.URL.Path += "x"; r.URL.RawPath += "x" }, "InvalidSignatureException: " + differs},
		{"the host changed", nil, func(r *http.Request) { r.Host = "elsewhere" }, "InvalidSignatureException: " + differs},
		{"a signed header changed", nil, func(r *http.Request) { r.Header.Set("Content-Type", "text/plain") }, "InvalidSignatureException: " + differs},
		{"old, but not too old", func(s *signature) { s.at = s.at.Add(-Window) }, nil, ""},
		{"too old", func(s *signature) { s.at = s.at.Add(-Window - time.Second) }, nil,
			"InvalidSignatureException: Signature expired: 19991231T235459Z is now earlier than 19991231T235500Z (20000101T000000Z - 5 min.)"},
		{"ahead, but not too far", func(s *signature) { s.at = s.at.Add(Window) }, nil, ""},
		{"too far ahead", func(s *signature) { s.at = s.at.Add(Window + time.Second) }, nil,
			"InvalidSignatureException: Signature not yet current: 20000101T000501Z is still later than 20000101T000500Z (20000101T000000Z + 5 min.)"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { // begins at 2000-01-01T00:00:00Z
				s := good(time.Now())
				if tt.sign != nil {
					tt.sign(&s)
				}
				req := signed(t, s, "hello")
				if tt.then != nil {
					tt.then(req)
				}

				got := ""
				if r := Check(req, clock.New(1), "mediaconvert"); r != nil {
					got = r.Error()
				}

				if got != tt.want {
					t.Errorf("Check = %q, want %q", got, tt.want)
				}
				if got == "" {
					if body, err := io.ReadAll(req.Body); err != nil || string(body) != "hello" {
						t.Errorf("after Check the body is %q, %v, want hello", body, err)
					}
				}
			})
		})
	}
}

func TestCheckSpeaksAsTheServiceDoes(t *testing.T) {
	req := httptest.NewRequest("GET", "/2020-05-31/distribution", nil)
	if r := Check(req, clock.New(1), "cloudfront"); r == nil || r.Code != "MissingAuthenticationToken" || r.Status != 403 {
		t.Errorf("Check = %+v, want 403 MissingAuthenticationToken", r)
	}
}

func TestCheckBoundsTheBody(t *testing.T) {
	req := signed(t, good(time.Now()), strings.Repeat("x", maxBody+1))
	if r := Check(req, clock.New(1), "mediaconvert"); r == nil || r.Status != http.StatusRequestEntityTooLarge {
		t.Errorf("Check = %v, want 413", r)
	}
}

func TestAge(t *testing.T) {
	for _, tt := range []struct {
		name   string
		rate   float64
		runs   time.Duration                // of the host's time, before the signature
		ago    time.Duration                // of the host's time, since the signature
		skewed func(*clock.Clock) time.Time // the date in it; nil: the host's
		want   time.Duration
	}{
		{"real time", 1, time.Hour, time.Minute, nil, time.Minute},
		{"fast, at once", 60, time.Hour, 0, nil, 0},
		{"fast, within the second", 60, time.Hour, time.Second, nil, 0},
		{"fast, after a while", 60, time.Hour, 7 * time.Second, nil, 6 * time.Minute},
		{"slow", 0.5, time.Hour, time.Minute, nil, 30 * time.Second},
		{"fast, by a client with the cloud's clock", 60, time.Hour, 2 * time.Second, (*clock.Clock).Now, 2 * time.Minute},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := clock.New(tt.rate)
				time.Sleep(tt.runs)
				date := time.Now()
				if tt.skewed != nil {
					date = tt.skewed(c)
				}
				date = date.UTC().Truncate(time.Second)
				time.Sleep(tt.ago)

				if got := Age(c, date); got != tt.want {
					t.Errorf("Age = %v, want %v", got, tt.want)
				}
			})
		})
	}
}

func FuzzParseAuthorization(f *testing.F) {
	f.Add("AWS4-HMAC-SHA256 Credential=k/20000101/us-east-1/s3/aws4_request, SignedHeaders=host;x-amz-date, Signature=00")
	f.Add("AWS4-HMAC-SHA256 Credential=,Signature=,SignedHeaders=")
	f.Add("AWS4-HMAC-SHA256 ,,,=")
	f.Add("Basic x")
	f.Fuzz(func(t *testing.T, header string) {
		a, missing := parseAuthorization(header)
		if a != nil && (missing != "" || a.signature == "" || len(a.headers) == 0) {
			t.Errorf("parseAuthorization(%q) = %+v, %q", header, a, missing)
		}
	})
}
