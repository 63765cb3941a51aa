// Package sigv4 checks that requests are signed as AWS asks: by the account's
// key, over the whole request and its body, and not long ago in the cloud's
// time. It says what is wrong in AWS's words and leaves the wire format of
// the refusal to the service. S3 signatures are versitygw's to verify; S3
// takes [Age] alone from here.
//
// The rules are those of the AWS General Reference, Signature Version 4.
package sigv4

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"github.com/vodfleet/vodfleet/internal/localcloud/clock"
)

// The account's only credentials and its only region.
const (
	AccessKey = "localcloud"
	SecretKey = "localcloud-secret"
	Region    = "us-east-1"
)

// Window is how old a signature may be, or how far ahead of the cloud's clock.
const Window = 5 * time.Minute

// maxBody bounds the body of a request that is checked; no API that is
// checked here takes more.
const maxBody = 8 << 20

const timeFormat = "20060102T150405Z"

// Refusal says in a service's words why a request is not let in.
type Refusal struct {
	Status  int    // of HTTP
	Code    string // such as InvalidClientTokenId
	Message string
}

func (r *Refusal) Error() string { return r.Code + ": " + r.Message }

// Check returns nil if req is signed for service by the account's key within
// [Window] of clk's time. It reads req's body, at most 8 MiB, and leaves an
// equal one in its place. Services that answer XML (cloudfront) and services
// that answer JSON have codes of their own for the same fault.
func Check(req *http.Request, clk *clock.Clock, service string) *Refusal {
	say := wordsOf(service)
	auth, missing := parseAuthorization(req.Header.Get("Authorization"))
	if auth == nil {
		if missing == "" {
			return say.refuse(missingToken, "Request is missing Authentication Token")
		}
		return say.refuse(incomplete, "%s", missing)
	}
	date, err := time.Parse(timeFormat, req.Header.Get("X-Amz-Date"))
	if err != nil {
		return say.refuse(incomplete, "Date must be in ISO-8601 'basic format'. Got '%s'.", req.Header.Get("X-Amz-Date"))
	}
	if auth.key != AccessKey {
		return say.refuse(unknownKey, "The security token included in the request is invalid.")
	}
	if r := checkScope(say, auth, date, service); r != nil {
		return r
	}
	if r := checkAge(say, clk, date); r != nil {
		return r
	}
	return checkSignature(say, req, auth, date, service)
}

func checkScope(say words, auth *authorization, date time.Time, service string) *Refusal {
	switch {
	case auth.day != date.Format("20060102"):
		return say.refuse(mismatch, "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '%s' != '%s'.", auth.day, date.Format("20060102"))
	case auth.region != Region:
		return say.refuse(mismatch, "Credential should be scoped to a valid region. ")
	case auth.service != service:
		return say.refuse(mismatch, "Credential should be scoped to correct service: '%s'. ", service)
	}
	return nil
}

func checkAge(say words, clk *clock.Clock, date time.Time) *Refusal {
	now := clk.Now()
	switch age := Age(clk, date); {
	case age > Window:
		return say.refuse(mismatch, "Signature expired: %s is now earlier than %s (%s - 5 min.)",
			now.Add(-age).Format(timeFormat), now.Add(-Window).Format(timeFormat), now.Format(timeFormat))
	case age < -Window:
		return say.refuse(mismatch, "Signature not yet current: %s is still later than %s (%s + 5 min.)",
			now.Add(-age).Format(timeFormat), now.Add(Window).Format(timeFormat), now.Format(timeFormat))
	}
	return nil
}

// checkSignature signs what the client says it has signed and compares.
func checkSignature(say words, req *http.Request, auth *authorization, date time.Time, service string) *Refusal {
	if !slices.Contains(auth.headers, "host") {
		return say.refuse(mismatch, "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.")
	}
	hash, err := hashBody(req)
	if err != nil {
		return &Refusal{http.StatusRequestEntityTooLarge, "RequestEntityTooLarge", err.Error()}
	}
	again := &http.Request{Method: req.Method, URL: new(*req.URL), Host: req.Host, Header: make(http.Header)}
	for _, name := range auth.headers {
		switch name {
		case "host":
		case "content-length":
			again.ContentLength = req.ContentLength
		default:
			again.Header[http.CanonicalHeaderKey(name)] = slices.Clone(req.Header.Values(name))
		}
	}
	creds := aws.Credentials{AccessKeyID: AccessKey, SecretAccessKey: SecretKey}
	if err := v4.NewSigner().SignHTTP(context.Background(), creds, again, hash, service, Region, date); err != nil {
		return &Refusal{http.StatusInternalServerError, "InternalFailure", fmt.Sprintf("sign again: %v", err)}
	}
	want, _ := parseAuthorization(again.Header.Get("Authorization"))
	if want == nil || !slices.Equal(want.headers, auth.headers) || !hmac.Equal([]byte(want.signature), []byte(auth.signature)) {
		return say.refuse(mismatch, "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details.")
	}
	return nil
}

// hashBody returns the SHA-256 of req's body in hexadecimal digits.
func hashBody(req *http.Request) (string, error) {
	var body []byte
	if req.Body != nil {
		var err error
		if body, err = io.ReadAll(io.LimitReader(req.Body, maxBody+1)); err != nil {
			return "", fmt.Errorf("read body: %w", err)
		}
		if len(body) > maxBody {
			return "", fmt.Errorf("body is larger than %d bytes", maxBody)
		}
		req.Body = io.NopCloser(bytes.NewReader(body))
	}
	sum := sha256.Sum256(body)
	return hex.EncodeToString(sum[:]), nil
}

// authorization is what an Authorization header says.
type authorization struct {
	key, day, region, service string
	headers                   []string // signed, in the order given
	signature                 string
}

// parseAuthorization returns nil and what is missing; nil and nothing if the
// header is not a version 4 signature at all.
func parseAuthorization(header string) (*authorization, string) {
	params, ok := strings.CutPrefix(header, "AWS4-HMAC-SHA256 ")
	if !ok {
		return nil, ""
	}
	by := make(map[string]string, 3)
	for param := range strings.SplitSeq(params, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(param), "=")
		by[name] = value
	}
	var missing []string
	for _, name := range []string{"Credential", "Signature", "SignedHeaders"} {
		if by[name] == "" {
			missing = append(missing, "Authorization header requires '"+name+"' parameter.")
		}
	}
	if missing != nil {
		return nil, strings.Join(missing, " ")
	}
	scope := strings.Split(by["Credential"], "/")
	if len(scope) != 5 || scope[4] != "aws4_request" {
		return nil, "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term."
	}
	return &authorization{scope[0], scope[1], scope[2], scope[3], strings.Split(by["SignedHeaders"], ";"), by["Signature"]}, ""
}
