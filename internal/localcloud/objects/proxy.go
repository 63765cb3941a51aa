package objects

import (
	"errors"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/vodfleet/vodfleet/internal/localcloud/sigv4"
)

// virtualDomain is the domain whose subdomains are buckets, as the SDKs make
// them of the endpoint http://localhost. Of an endpoint that is an IP address
// they use the path instead.
const virtualDomain = "localhost"

// maxSkew is how far S3 lets a signature's date be from its clock (S3 error
// code RequestTimeTooSkewed).
const maxSkew = 15 * time.Minute

// newProxy returns the proxy to the gateway at socket. What is signed goes
// through byte for byte: method, path, query, host and headers.
func newProxy(socket string) *httputil.ReverseProxy {
	return &httputil.ReverseProxy{
		Transport: &http.Transport{
			DialContext:         dial(socket),
			DisableCompression:  true, // it would change Accept-Encoding, which is signed
			MaxConnsPerHost:     maxConnections / 2,
			MaxIdleConnsPerHost: 64,
			IdleConnTimeout:     time.Minute,
		},
		Rewrite: func(p *httputil.ProxyRequest) {
			p.Out.URL.Scheme, p.Out.URL.Host = "http", "gateway"
			p.Out.URL.RawQuery = p.In.URL.RawQuery // the proxy drops what it cannot parse
			p.Out.Host = p.In.Host
			p.Out.Header.Del("Expect") // our server has answered it
		},
		ModifyResponse: func(r *http.Response) error {
			r.Header.Del("Date") // the cloud's clock is not the gateway's
			r.Header.Set("Server", "AmazonS3")
			return encodeListing(r)
		},
		ErrorHandler: func(w http.ResponseWriter, req *http.Request, err error) {
			if req.Context().Err() != nil || errors.Is(err, http.ErrAbortHandler) {
				panic(http.ErrAbortHandler) // nobody is there to be told
			}
			refuse(w, req, false, http.StatusInternalServerError)
		},
	}
}

// checkAge refuses signatures by keys that are not the account's, for which the
// gateway has no word of S3's, and those that are too old, or too far ahead, by
// the cloud's clock. The gateway checks all else of a signature, and the age once
// more by the host's clock.
func (s *Service) checkAge(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if key := signedBy(req); key != "" && key != sigv4.AccessKey {
			writeError(w, req, http.StatusForbidden, "InvalidAccessKeyId", "The AWS Access Key Id you provided does not exist in our records.")
			return
		}
		date, lifetime := signedAt(req)
		if date.IsZero() {
			next.ServeHTTP(w, req)
			return
		}
		switch age := sigv4.Age(s.clk, date); {
		case lifetime > 0 && age > lifetime:
			writeError(w, req, http.StatusForbidden, "AccessDenied", "Request has expired")
		case lifetime == 0 && age.Abs() > maxSkew:
			writeError(w, req, http.StatusForbidden, "RequestTimeTooSkewed", "The difference between the request time and the current time is too large.")
		default:
			next.ServeHTTP(w, req)
		}
	})
}

// signedBy returns the access key that a request names, or "".
func signedBy(req *http.Request) string {
	credential := ""
	if _, c, ok := strings.Cut(req.Header.Get("Authorization"), "Credential="); ok {
		credential = c
	} else if strings.Contains(req.URL.RawQuery, "X-Amz-Credential") {
		q, _ := url.ParseQuery(req.URL.RawQuery)
		credential = q.Get("X-Amz-Credential")
	}
	key, _, _ := strings.Cut(credential, "/")
	return key
}

// signedAt returns when a request says it was signed, and for how long a
// presigned one is good. The zero time stands for a request that does not say,
// or not legibly, which the gateway refuses in its own words.
func signedAt(req *http.Request) (date time.Time, lifetime time.Duration) {
	if req.Header.Get("Authorization") != "" {
		date, _ = time.Parse("20060102T150405Z", req.Header.Get("X-Amz-Date"))
		return date, 0
	}
	if !strings.Contains(req.URL.RawQuery, "X-Amz-Expires") {
		return time.Time{}, 0
	}
	q, _ := url.ParseQuery(req.URL.RawQuery)
	seconds, err := strconv.Atoi(q.Get("X-Amz-Expires"))
	if err != nil || seconds <= 0 || seconds > 7*24*3600 {
		return time.Time{}, 0
	}
	date, _ = time.Parse("20060102T150405Z", q.Get("X-Amz-Date"))
	return date, time.Duration(seconds) * time.Second
}
