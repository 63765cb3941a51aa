package calls

import (
	"net/http"
	"time"
)

// Wrap returns next counted and with faults injected. op names the operation
// of a request ("CreateJob"); refuse answers in the service's own wire format,
// as throttled or with an HTTP status.
//
// Every answer bears the Date of the cloud's clock. Where that clock runs at
// another rate than the host's, or has come far ahead of it by an earlier run
// at such a rate, it bears an Age too: the SDKs then leave its
// Date out of their correction of the client's clock, so that they go on
// signing by the host's clock, which package sigv4 can convert. (AWS SDKs,
// clock skew correction: a Date that came through a cache is not trusted.)
func (r *Recorder) Wrap(service string, op func(*http.Request) string, refuse func(w http.ResponseWriter, req *http.Request, throttle bool, status int), next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		name := op(req)
		now := r.clk.Now()
		w.Header().Set("Date", now.Format(http.TimeFormat))
		if r.clk.Rate() != 1 || time.Until(now).Abs() > time.Minute {
			w.Header().Set("Age", "0")
		}
		answer := &recording{ResponseWriter: w}
		defer func() {
			p := recover()
			if p != nil && p != http.ErrAbortHandler && answer.code == 0 {
				answer.code = http.StatusInternalServerError
			}
			r.Count(service, name, answer.status(req))
			if p != nil {
				panic(p)
			}
		}()

		var lost bool
		for _, f := range r.roll(func(f Fault) bool {
			return f.Kind != KindFailJob && f.Kind != KindOddStatus && f.matches(service, name)
		}) {
			switch f.Kind {
			case KindLatency:
				if !wait(req, time.Duration(f.LatencyMS)*time.Millisecond) {
					panic(http.ErrAbortHandler)
				}
			case KindThrottle:
				refuse(answer, req, true, 0)
				return
			case KindError:
				status := f.Code
				if status == 0 {
					status = http.StatusInternalServerError
				}
				refuse(answer, req, false, status)
				return
			case KindLostResponse:
				lost = true
			}
		}
		if lost {
			answer.ResponseWriter = &discarding{header: make(http.Header)}
			next.ServeHTTP(answer, req)
			panic(http.ErrAbortHandler)
		}
		next.ServeHTTP(answer, req)
	})
}

// wait waits for d of the host's time and reports whether the client did too.
func wait(req *http.Request, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-req.Context().Done():
		return false
	}
}

// recording notes the status that is written through it.
type recording struct {
	http.ResponseWriter
	code int
}

// statusGone is counted for a request whose client was gone before its answer.
const statusGone = 499

func (w *recording) status(req *http.Request) int {
	switch {
	case w.code != 0:
		return w.code
	case req.Context().Err() != nil:
		return statusGone
	}
	return http.StatusOK
}

func (w *recording) WriteHeader(code int) {
	if w.code == 0 && code >= 200 {
		w.code = code
	}
	w.ResponseWriter.WriteHeader(code)
}

func (w *recording) Write(b []byte) (int, error) {
	if w.code == 0 {
		w.code = http.StatusOK
	}
	return w.ResponseWriter.Write(b)
}

// Unwrap lets [http.ResponseController] reach the connection.
func (w *recording) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// discarding is where an answer goes that nobody gets.
type discarding struct{ header http.Header }

func (w *discarding) Header() http.Header         { return w.header }
func (w *discarding) Write(b []byte) (int, error) { return len(b), nil }
func (w *discarding) WriteHeader(int)             {}
func (w *discarding) Flush()                      {}
