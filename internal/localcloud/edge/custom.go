package edge

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/vodfleet/vodfleet/internal/localcloud/cloudfront"
)

var errNotLoopback = errors.New("the local cloud reaches origins on this machine only")

// loopbackClient reaches custom origins on this machine, and no other. It
// follows no redirects, those are the viewer's business.
func loopbackClient() *http.Client {
	dialer := &net.Dialer{Timeout: 10 * time.Second}
	return &http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			DisableCompression:  true,
			MaxIdleConnsPerHost: 8,
			IdleConnTimeout:     5 * time.Second,
			DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
				host, port, err := net.SplitHostPort(addr)
				if err != nil {
					return nil, err
				}
				if host != "localhost" && !strings.HasSuffix(host, ".localhost") {
					if ip := net.ParseIP(host); ip == nil || !ip.IsLoopback() {
						return nil, errNotLoopback
					}
				} else {
					host = "127.0.0.1"
				}
				return dialer.DialContext(ctx, network, net.JoinHostPort(host, port))
			},
		},
	}
}

// hopHeaders belong to one connection and are never passed on.
var hopHeaders = []string{"Connection", "Keep-Alive", "Proxy-Authenticate", "Proxy-Authorization", "Te", "Trailer", "Transfer-Encoding", "Upgrade"}

// ask sends a request for q to its custom origin. The answer's body must be
// read and closed; it fails when the origin is silent for longer than its
// response time-out.
func (e *Edge) ask(ctx context.Context, q *request, method string, body io.Reader, extra http.Header) (*http.Response, error) {
	o := q.origin
	if o.HTTPSOnly {
		return nil, errors.New("the local cloud has no TLS to origins")
	}
	url := "http://" + net.JoinHostPort(o.Domain, strconv.Itoa(o.HTTPPort)) + o.Path + q.path
	var query []string
	for pair := range strings.SplitSeq(q.URL.RawQuery, "&") {
		name, _, _ := strings.Cut(pair, "=")
		if pair != "" && either(q, func(s cloudfront.Selection) bool { return s.Has(name, false) }, func(f cloudfront.Forward) cloudfront.Selection { return f.Query }) {
			query = append(query, pair)
		}
	}
	if len(query) > 0 {
		url += "?" + strings.Join(query, "&")
	}
	ctx, cancel := context.WithCancelCause(ctx)
	timer := time.AfterFunc(o.Read, func() { cancel(os.ErrDeadlineExceeded) })
	req, err := http.NewRequestWithContext(ctx, method, url, body)
	if err != nil {
		cancel(nil)
		return nil, err
	}
	e.addHeaders(req, q)
	maps.Copy(req.Header, extra)
	resp, err := e.client.Do(req)
	if err != nil {
		timer.Stop()
		if cause := context.Cause(ctx); cause != nil {
			err = cause
		}
		cancel(nil)
		return nil, err
	}
	resp.Body = &patientBody{resp.Body, timer, o.Read, cancel}
	for _, name := range hopHeaders {
		resp.Header.Del(name)
	}
	return resp, nil
}

// addHeaders gives a request what CloudFront sends to an origin: the headers
// and cookies that policies choose, and its own.
func (e *Edge) addHeaders(req *http.Request, q *request) {
	headers := func(f cloudfront.Forward) cloudfront.Selection { return f.Headers }
	for name, values := range q.Header {
		own := name == "Cookie" || name == "Range" || strings.HasPrefix(name, "If-") || slices.Contains(hopHeaders, name)
		if !own && either(q, func(s cloudfront.Selection) bool { return s.Has(name, true) }, headers) {
			req.Header[name] = slices.Clone(values)
		}
	}
	if either(q, func(s cloudfront.Selection) bool { return s.Has("Host", true) }, headers) {
		req.Host = q.Host
	}
	for _, c := range q.Cookies() {
		if either(q, func(s cloudfront.Selection) bool { return s.Has(c.Name, false) }, func(f cloudfront.Forward) cloudfront.Selection { return f.Cookies }) {
			req.AddCookie(c)
		}
	}
	if req.Header.Get("User-Agent") == "" {
		req.Header.Set("User-Agent", "Amazon CloudFront")
	}
	req.Header.Set("Via", via(strings.TrimSuffix(q.view.Domain, ".cloudfront.net")))
	if host, _, err := net.SplitHostPort(q.RemoteAddr); err == nil {
		req.Header.Add("X-Forwarded-For", host)
	}
	maps.Copy(req.Header, q.origin.Headers)
}

// patientBody ends a body whose origin goes silent.
type patientBody struct {
	io.ReadCloser
	timer  *time.Timer
	wait   time.Duration
	cancel context.CancelCauseFunc
}

func (b *patientBody) Read(p []byte) (int, error) {
	b.timer.Reset(b.wait)
	return b.ReadCloser.Read(p)
}

func (b *patientBody) Close() error {
	b.timer.Stop()
	b.cancel(nil)
	return b.ReadCloser.Close()
}

// fetchCustom reads an object of a custom origin. One above the limit has to
// be passed on instead, with the viewer's own range.
func (e *Edge) fetchCustom(ctx context.Context, q *request, kept *entry) *entry {
	if err := e.hold(ctx); err != nil {
		return failure(http.StatusServiceUnavailable, err.Error())
	}
	defer e.release()
	extra := make(http.Header)
	if kept != nil && kept.status == http.StatusOK {
		if tag := kept.header.Get("ETag"); tag != "" {
			extra.Set("If-None-Match", tag)
		} else if at := kept.header.Get("Last-Modified"); at != "" {
			extra.Set("If-Modified-Since", at)
		}
	}
	resp, err := e.ask(ctx, q, http.MethodGet, nil, extra)
	if err != nil {
		return originFailure(q, err)
	}
	defer resp.Body.Close()
	if resp.StatusCode == http.StatusNotModified && len(extra) == 0 {
		return failure(http.StatusBadGateway, "The origin answered that nothing was modified, and nothing had been asked.")
	}
	if resp.ContentLength > e.cfg.MaxObject {
		return &entry{status: resp.StatusCode, passed: true}
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, e.cfg.MaxObject+1))
	if err != nil {
		return originFailure(q, err)
	}
	if int64(len(body)) > e.cfg.MaxObject {
		return &entry{status: resp.StatusCode, passed: true}
	}
	resp.Header.Del("Content-Length")
	return &entry{status: resp.StatusCode, age: takeAge(resp.Header), header: resp.Header, body: body}
}

// takeAge takes out how old an answer was when it came, in seconds.
func takeAge(h http.Header) int64 {
	age, _ := deltaSeconds(h.Get("Age")) // none is 0
	h.Del("Age")
	return int64(age / time.Second)
}

func originFailure(q *request, err error) *entry {
	status := http.StatusBadGateway
	var timeout net.Error
	if errors.Is(err, os.ErrDeadlineExceeded) || errors.As(err, &timeout) && timeout.Timeout() {
		status = http.StatusGatewayTimeout
	}
	return failure(status, fmt.Sprintf("CloudFront wasn't able to connect to the origin %s: %v", q.origin.Domain, err))
}

// pass hands a request on and streams the answer, uncached. An S3 origin's
// large objects do not come here: they are files.
func (e *Edge) pass(w http.ResponseWriter, q *request) {
	extra := make(http.Header)
	for name, values := range q.Header {
		if name == "Range" || strings.HasPrefix(name, "If-") || name == "Content-Type" {
			extra[name] = values
		}
	}
	var body io.Reader
	if q.Method != http.MethodGet && q.Method != http.MethodHead && q.ContentLength != 0 {
		body = q.Body
	}
	resp, err := e.ask(q.Context(), q, q.Method, body, extra)
	if err != nil {
		writePlain(w, q.Request, originFailure(q, err))
		return
	}
	defer resp.Body.Close()
	h := w.Header()
	for k, v := range resp.Header {
		if k != "Via" {
			h[k] = v
		}
	}
	h.Set("X-Cache", resultMiss)
	if resp.StatusCode >= 400 {
		h.Set("X-Cache", resultError)
	}
	applyHeaders(h, q)
	w.WriteHeader(resp.StatusCode)
	_, _ = io.Copy(w, resp.Body) // either side may be gone
}
