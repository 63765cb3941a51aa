package calls

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vodfleet/vodfleet/internal/localcloud/clock"
	"github.com/vodfleet/vodfleet/internal/localcloud/journal"
)

func open(t *testing.T, dir string) *Recorder {
	t.Helper()
	r, err := New(dir, clock.New(1))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r
}

// service answers each request with the status in its query, or 200.
var service = http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
	io.Copy(io.Discard, req.Body)
	if req.URL.Query().Has("created") {
		w.WriteHeader(http.StatusCreated)
	}
	io.WriteString(w, "done")
})

func wrapped(r *Recorder) http.Handler {
	return r.Wrap("svc", func(req *http.Request) string { return strings.TrimPrefix(req.URL.Path, "/") },
		func(w http.ResponseWriter, _ *http.Request, throttle bool, status int) {
			if throttle {
				status = http.StatusTooManyRequests
			}
			http.Error(w, "refused", status)
		}, service)
}

func TestWrap(t *testing.T) {
	for _, tt := range []struct {
		name   string
		faults []Fault
		status int           // that the client gets, 0 for a connection that ends
		took   time.Duration // of the host's time
		counts map[string]int
		left   int // faults
	}{
		{"no fault", nil, 201, 0, map[string]int{"201": 1}, 0},
		{"throttled", []Fault{{API: "svc.Do", Kind: KindThrottle, Rate: 1}}, 429, 0, map[string]int{"429": 1}, 1},
		{"error", []Fault{{API: "svc", Kind: KindError, Rate: 1, Code: 503}}, 503, 0, map[string]int{"503": 1}, 1},
		{"error without a code", []Fault{{API: "*", Kind: KindError, Rate: 1}}, 500, 0, map[string]int{"500": 1}, 1},
		{"late", []Fault{{API: "svc.Do", Kind: KindLatency, Rate: 1, LatencyMS: 1500}}, 201, 1500 * time.Millisecond, map[string]int{"201": 1}, 1},
		{"done but not answered", []Fault{{API: "svc.Do", Kind: KindLostResponse, Rate: 1}}, 0, 0, map[string]int{"201": 1}, 1},
		{"late, then refused", []Fault{{API: "svc", Kind: KindLatency, Rate: 1, LatencyMS: 1000}, {API: "svc", Kind: KindThrottle, Rate: 1}}, 429, time.Second, map[string]int{"429": 1}, 2},
		{"a fault of another operation", []Fault{{API: "svc.Other", Kind: KindThrottle, Rate: 1}}, 201, 0, map[string]int{"201": 1}, 1},
		{"a fault of another service", []Fault{{API: "sv", Kind: KindThrottle, Rate: 1}}, 201, 0, map[string]int{"201": 1}, 1},
		{"a fault that does not hit", []Fault{{API: "svc", Kind: KindThrottle, Rate: 0.5}}, 201, 0, map[string]int{"201": 1}, 1},
		{"a fault that hits", []Fault{{API: "svc", Kind: KindThrottle, Rate: 0.6}}, 429, 0, map[string]int{"429": 1}, 1},
		{"a fault's last hit", []Fault{{API: "svc", Kind: KindThrottle, Rate: 1, Times: 1}}, 429, 0, map[string]int{"429": 1}, 0},
		{"a fault of jobs", []Fault{{Kind: KindFailJob, Rate: 1}}, 201, 0, map[string]int{"201": 1}, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			synctest.Test(t, func(t *testing.T) {
				r := open(t, dir)
				r.chance = func() float64 { return 0.5 }
				if err := r.SetFaults(tt.faults); err != nil {
					t.Fatal(err)
				}
				began := time.Now()

				status := serve(wrapped(r), httptest.NewRequest("POST", "/Do?created", strings.NewReader("x")))

				if status != tt.status || time.Since(began) != tt.took {
					t.Errorf("answer %d after %v, want %d after %v", status, time.Since(began), tt.status, tt.took)
				}
				if got, want := r.Counts(), map[string]map[string]int{"svc.Do": tt.counts}; !reflect.DeepEqual(got, want) {
					t.Errorf("Counts = %v, want %v", got, want)
				}
				if got := len(r.Faults()); got != tt.left {
					t.Errorf("%d faults are left, want %d", got, tt.left)
				}
			})
		})
	}
}

// serve returns the status h answers with, or 0 if it ends the connection.
func serve(h http.Handler, req *http.Request) (status int) {
	defer func() {
		if p := recover(); p == http.ErrAbortHandler {
			status = 0
		} else if p != nil {
			panic(p)
		}
	}()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, req)
	return w.Code
}

func TestWrapEndsTheConnectionOfALostResponse(t *testing.T) {
	r := open(t, t.TempDir())
	r.SetFaults([]Fault{{API: "svc", Kind: KindLostResponse, Rate: 1}})
	srv := httptest.NewServer(wrapped(r))
	defer srv.Close()

	resp, err := http.Post(srv.URL+"/Do", "text/plain", strings.NewReader("x"))

	if err == nil {
		resp.Body.Close()
		t.Fatalf("answer %s, want none", resp.Status)
	}
	if !errors.Is(err, io.EOF) {
		t.Errorf("error %v, want an EOF", err)
	}
}

func TestWrapCountsAPanicAs500(t *testing.T) {
	r := open(t, t.TempDir())
	h := r.Wrap("svc", func(*http.Request) string { return "Do" }, nil, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("no") }))
	func() {
		defer func() { recover() }()
		h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))
	}()
	if got, want := r.Counts(), (map[string]map[string]int{"svc.Do": {"500": 1}}); !reflect.DeepEqual(got, want) {
		t.Errorf("Counts = %v, want %v", got, want)
	}
}

func TestWrapAnswersByTheCloudsClock(t *testing.T) {
	for _, tt := range []struct {
		rate float64
		want map[string]string
	}{
		{1, map[string]string{"Date": "Sat, 01 Jan 2000 00:00:10 GMT", "Age": ""}},
		{60, map[string]string{"Date": "Sat, 01 Jan 2000 00:10:00 GMT", "Age": "0"}},
	} {
		dir := t.TempDir()
		synctest.Test(t, func(t *testing.T) { // begins at 2000-01-01T00:00:00Z
			r, err := New(dir, clock.New(tt.rate))
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			time.Sleep(10 * time.Second)
			w := httptest.NewRecorder()

			wrapped(r).ServeHTTP(w, httptest.NewRequest("GET", "/Do", nil))

			got := map[string]string{"Date": w.Header().Get("Date"), "Age": w.Header().Get("Age")}
			if !maps.Equal(got, tt.want) {
				t.Errorf("at rate %v: %v, want %v", tt.rate, got, tt.want)
			}
		})
	}
}

func TestRecordOutlivesTheProcess(t *testing.T) {
	dir := t.TempDir()
	r := open(t, dir)
	h := wrapped(r)
	for range 3 {
		serve(h, httptest.NewRequest("POST", "/Do?created", nil))
	}
	serve(h, httptest.NewRequest("GET", "/Look", nil))
	r.Violation("svc", "Do", "member X is unknown")
	r.Violation("svc", "Do", "member X is unknown")
	counts, violations := r.Counts(), r.Violations()
	if want := (map[string]map[string]int{"svc.Do": {"201": 3}, "svc.Look": {"200": 1}}); !reflect.DeepEqual(counts, want) {
		t.Fatalf("Counts = %v, want %v", counts, want)
	}
	if len(violations) != 1 || violations[0].Count != 2 {
		t.Fatalf("Violations = %v, want one, twice", violations)
	}

	// Not closed: the process was killed, in the middle of a line.
	f, err := os.OpenFile(filepath.Join(dir, "calls.jsonl"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	f.WriteString(`{"op":"svc.Do","st`)
	f.Close()

	for range 2 { // the second reads what the first wrote anew
		again := open(t, dir)
		if got := again.Counts(); !reflect.DeepEqual(got, counts) {
			t.Errorf("after a restart Counts = %v, want %v", got, counts)
		}
		if got := again.Violations(); !reflect.DeepEqual(got, violations) {
			t.Errorf("after a restart Violations = %v, want %v", got, violations)
		}
		again.Close()
	}

	again := open(t, dir)
	if err := again.Reset(); err != nil {
		t.Fatal(err)
	}
	again.Close()
	if got := open(t, dir); len(got.Counts())+len(got.Violations()) != 0 {
		t.Errorf("after a reset and a restart: %v, %v, want nothing", got.Counts(), got.Violations())
	}
}

func TestRecordIsWrittenAnewWhenItIsLong(t *testing.T) {
	dir := t.TempDir()
	r := open(t, dir)
	r.journal.Lines = maxLines
	for range 5 {
		r.Count("svc", "Do", 200)
	}
	if r.journal.Lines != 5 {
		t.Errorf("%d lines, want 5: one for the first, four after it", r.journal.Lines)
	}
	r.Close()
	if got := open(t, dir).Counts()["svc.Do"]["200"]; got != 5 {
		t.Errorf("after a restart %d calls, want 5", got)
	}
}

func TestFailJob(t *testing.T) {
	r := open(t, t.TempDir())
	if _, ok := r.FailJob("s3://b/k"); ok {
		t.Error("a job fails without a fault")
	}
	r.SetFaults([]Fault{{API: "mediaconvert.CreateJob", Kind: KindFailJob, Rate: 1, Code: 1404, Times: 1}})
	if code, ok := r.FailJob("s3://b/k"); !ok || code != 1404 {
		t.Errorf("FailJob = %d, %v, want 1404, true", code, ok)
	}
	if _, ok := r.FailJob("s3://b/k"); ok {
		t.Error("a second job fails of a fault for one")
	}
}

// By a seed, what becomes of a job is decided by its input: again and again,
// in whatever order, and in another process.
func TestFailJobBySeed(t *testing.T) {
	codes := []int{1010, 1040, 1401, 1999}
	one, two, other := open(t, t.TempDir()), open(t, t.TempDir()), open(t, t.TempDir())
	for r, seed := range map[*Recorder]uint64{one: 7, two: 7, other: 8} {
		if err := r.SetFaults([]Fault{{Kind: KindFailJob, Rate: 0.75, Codes: codes, Seed: seed}}); err != nil {
			t.Fatal(err)
		}
		r.chance = func() float64 { return 0.99 } // has no say
	}
	counts, differ := map[int]int{}, 0
	const n = 2000
	for i := range n {
		code, _ := one.FailJob(fmt.Sprint(i))
		counts[code]++
		if again, _ := one.FailJob(fmt.Sprint(i)); again != code {
			t.Errorf("input %d: %d, then %d", i, code, again)
		}
		if c, _ := other.FailJob(fmt.Sprint(i)); c != code {
			differ++
		}
	}
	for i := n - 1; i >= 0; i-- {
		code, _ := two.FailJob(fmt.Sprint(i))
		counts[code]--
	}
	for _, code := range append(codes, 0) {
		if counts[code] != 0 {
			t.Errorf("code %d: %d more in another process", code, counts[code])
		}
	}
	if differ < n/2 {
		t.Errorf("%d of %d fare otherwise by another seed", differ, n)
	}
	counts = map[int]int{}
	for i := range n {
		code, _ := one.FailJob(fmt.Sprint(i))
		counts[code]++
	}
	for code, want := range map[int]int{0: 500, 1010: 375, 1040: 375, 1401: 375, 1999: 375} {
		if got := counts[code]; got < want*8/10 || got > want*12/10 {
			t.Errorf("%d jobs of %d with code %d, want about %d", got, n, code, want)
		}
	}
}

func TestOddStatus(t *testing.T) {
	r := open(t, t.TempDir())
	if err := r.SetFaults([]Fault{{API: "mediaconvert.GetJob", Kind: KindOddStatus, Rate: 1, Times: 1}}); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		op   string
		want bool
	}{{"ListJobs", false}, {"GetJob", true}, {"GetJob", false}} {
		if got := r.OddStatus("mediaconvert", tt.op); got != tt.want {
			t.Errorf("OddStatus of %s = %v, want %v", tt.op, got, tt.want)
		}
	}
}

func TestSetFaultsRefuses(t *testing.T) {
	good := Fault{API: "svc", Kind: KindThrottle, Rate: 0.5}
	for _, tt := range []struct {
		name string
		f    Fault
		want string
	}{
		{"unknown kind", Fault{API: "svc", Kind: "flood", Rate: 1}, `fault 1: unknown kind "flood", want one of throttle, error, latency, lost-response, fail-job, odd-status`},
		{"no api", Fault{Kind: KindThrottle, Rate: 1}, "fault 1: throttle without an api"},
		{"no rate", Fault{API: "svc", Kind: KindThrottle}, "fault 1: throttle with rate 0, want above 0 and at most 1"},
		{"a rate above one", Fault{API: "svc", Kind: KindThrottle, Rate: 1.5}, "fault 1: throttle with rate 1.5, want above 0 and at most 1"},
		{"no latency", Fault{API: "svc", Kind: KindLatency, Rate: 1}, "fault 1: latency with latency_ms 0, want 1 to 600000"},
		{"latency of another kind", Fault{API: "svc", Kind: KindError, Rate: 1, LatencyMS: 1}, "fault 1: error with a latency_ms"},
		{"a status that is no error", Fault{API: "svc", Kind: KindError, Rate: 1, Code: 200}, "fault 1: error with code 200, want an HTTP status from 400 to 599"},
		{"a code of another kind", Fault{API: "svc", Kind: KindThrottle, Rate: 1, Code: 429}, "fault 1: throttle with a code"},
		{"a code below nought", Fault{Kind: KindFailJob, Rate: 1, Code: -1}, "fault 1: fail-job with code -1 below 0"},
		{"codes of another kind", Fault{API: "svc", Kind: KindError, Rate: 1, Codes: []int{1010}}, "fault 1: error with codes or a seed"},
		{"a seed of another kind", Fault{API: "svc", Kind: KindOddStatus, Rate: 1, Seed: 1}, "fault 1: odd-status with codes or a seed"},
		{"a code and codes", Fault{Kind: KindFailJob, Rate: 1, Code: 1010, Codes: []int{1020}}, "fault 1: fail-job with codes [1020], want them above 0 and no code beside them"},
		{"a code of none among codes", Fault{Kind: KindFailJob, Rate: 1, Codes: []int{1020, 0}}, "fault 1: fail-job with codes [1020 0], want them above 0 and no code beside them"},
		{"times below nought", Fault{API: "svc", Kind: KindThrottle, Rate: 1, Times: -1}, "fault 1: throttle with times -1 below 0"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := open(t, t.TempDir())
			r.SetFaults([]Fault{good})
			err := r.SetFaults([]Fault{good, tt.f})
			if err == nil || err.Error() != tt.want {
				t.Errorf("SetFaults = %v, want %s", err, tt.want)
			}
			if got := r.Faults(); !reflect.DeepEqual(got, []Fault{good}) {
				t.Errorf("after a refusal Faults = %v, want those before", got)
			}
		})
	}
}

func TestViolationsAreBounded(t *testing.T) {
	r := open(t, t.TempDir())
	for i := range maxViolations + 10 {
		r.Violation("svc", "Do", strings.Repeat("x", i))
	}
	if got := len(r.Violations()); got != maxViolations {
		t.Errorf("%d violations are kept, want %d", got, maxViolations)
	}
}

func FuzzReadJournal(f *testing.F) {
	f.Add(`{"op":"s3.GetObject","status":"200","n":3}` + "\n")
	f.Add(`{"violation":{"service":"s","operation":"o","what":"w","count":1,"first":"2000-01-01T00:00:00Z"}}` + "\n")
	f.Add("{}\n")
	f.Add(`{"op":"a","n":-1}` + "\n")
	f.Add(strings.Repeat("x", maxLine+1))
	f.Fuzz(func(t *testing.T, text string) {
		r := new(Recorder)
		r.clear()
		_ = journal.Read(strings.NewReader(text), maxLine, func(e entry) error {
			if err := e.check(); err != nil {
				return err
			}
			r.apply(e)
			return nil
		})
		if by, nameless := r.counts[""]; nameless {
			t.Errorf("calls of no operation: %v", by)
		}
	})
}
