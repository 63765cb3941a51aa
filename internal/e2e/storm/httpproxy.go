package storm

import (
	"context"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"time"
)

// HTTPProxy passes requests of one worker to a service as they are, host and
// all, so that their signatures hold, and tells of each.
type HTTPProxy struct {
	URL    string
	server *httptest.Server
}

type callKey struct{}

// NewHTTPProxy listens on a free loopback port until Close.
func NewHTTPProxy(slot int, target string, names Names, hook Hook) (*HTTPProxy, error) {
	to, err := url.Parse(target)
	if err != nil {
		return nil, err
	}
	forward := &httputil.ReverseProxy{
		Transport: &http.Transport{
			DisableCompression:  true, // Accept-Encoding is signed
			MaxIdleConnsPerHost: 64, IdleConnTimeout: 30 * time.Second,
		},
		Rewrite: func(p *httputil.ProxyRequest) {
			p.Out.URL.Scheme, p.Out.URL.Host = to.Scheme, to.Host
			p.Out.URL.RawQuery = p.In.URL.RawQuery
			p.Out.Host = p.In.Host
			p.Out.Header.Del("Expect") // answered by this server
		},
		ModifyResponse: func(r *http.Response) error {
			c, _ := r.Request.Context().Value(callKey{}).(Call)
			c.After, c.Status, c.At = true, r.StatusCode, time.Now()
			if hook(c) != Pass {
				_, _ = io.Copy(io.Discard, r.Body) // the effect is whole, whatever the answer says
				_ = r.Body.Close()
				panic(http.ErrAbortHandler)
			}
			return nil
		},
		ErrorHandler: func(http.ResponseWriter, *http.Request, error) {
			panic(http.ErrAbortHandler) // as a connection that breaks
		},
		ErrorLog: log.New(io.Discard, "", 0),
	}
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c := Call{Slot: slot, At: time.Now()}
		c.Name, c.About = names(r)
		switch fate := hook(c); fate {
		case Drop:
			panic(http.ErrAbortHandler)
		case Throttle, Fail:
			refuse(w, r, fate)
			return
		}
		forward.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), callKey{}, c)))
	}))
	server.Config.ErrorLog = forward.ErrorLog
	server.Start()
	return &HTTPProxy{URL: server.URL, server: server}, nil
}

// Close ends the proxy and its connections.
func (p *HTTPProxy) Close() {
	p.server.CloseClientConnections()
	p.server.Close()
}

// refuse answers as the service does that is too busy, or has failed. The
// answer bears no date: it is not the cloud's, whose clock may be another.
func refuse(w http.ResponseWriter, r *http.Request, fate Fate) {
	_, _ = io.Copy(io.Discard, r.Body)
	w.Header()["Date"] = nil
	if strings.Contains(r.Header.Get("Authorization"), "/mediaconvert/") {
		status, kind := http.StatusTooManyRequests, "TooManyRequestsException"
		if fate == Fail {
			status, kind = http.StatusInternalServerError, "InternalServerErrorException"
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("X-Amzn-Errortype", kind)
		w.WriteHeader(status)
		fmt.Fprintf(w, `{"message":"%s"}`, http.StatusText(status))
		return
	}
	status, code, form := http.StatusServiceUnavailable, "SlowDown", "<Error><Code>%s</Code><Message>%s</Message></Error>"
	if fate == Fail {
		status, code = http.StatusInternalServerError, "InternalError"
	}
	if strings.Contains(r.Header.Get("Authorization"), "/cloudfront/") {
		form = "<ErrorResponse><Error><Type>Receiver</Type><Code>%s</Code><Message>%s</Message></Error></ErrorResponse>"
	}
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		fmt.Fprintf(w, form, code, http.StatusText(status))
	}
}
