package awscloud_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vodfleet/vodfleet/internal/cloud"
	"github.com/vodfleet/vodfleet/internal/cloud/awscloud"
)

// one is a request that may be sent.
func one() cloud.JobRequest {
	return cloud.JobRequest{Token: "token-1", Role: "role", Spec: cloud.JobSpec{
		Input: cloud.Location{Bucket: "b", Key: "in.mp4"},
		Groups: []cloud.OutputGroup{{Package: "mp4", Kind: cloud.GroupFile, Destination: cloud.Location{Bucket: "b", Key: "out"},
			Outputs: []cloud.Output{{Video: &cloud.Video{Height: 720, MaxBitrate: 4_000_000, Quality: 8, GOP: 2 * time.Second}}}}},
	}}
}

// TestSubmitRetries holds all attempts of one Submit, however many the SDK is
// told to make, to the half of the token's minute, and to the token.
func TestSubmitRetries(t *testing.T) {
	for name, answer := range map[string]http.HandlerFunc{
		"throttled": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X-Amzn-ErrorType", "TooManyRequestsException")
			w.WriteHeader(http.StatusTooManyRequests)
		},
		"broken": says(http.StatusInternalServerError, ""),
		"silent": func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
		"late": func(w http.ResponseWriter, r *http.Request) {
			select {
			case <-time.After(20 * time.Second):
				w.WriteHeader(http.StatusBadGateway)
			case <-r.Context().Done():
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			settings(t, "100")
			synctest.Test(t, func(t *testing.T) {
				c, f := opened(t, answer)
				begun := time.Now()

				_, err := c.Transcoder().Submit(t.Context(), one())

				took := time.Since(begun)
				if !errors.Is(err, cloud.ErrUnavailable) && !errors.Is(err, cloud.ErrThrottled) || took > 30*time.Second || took < 20*time.Second {
					t.Errorf("Submit = %v after %v, want it given up within 30s", err, took)
				}
				if want := map[string]int{"throttled": 3, "broken": 3, "silent": 1, "late": 2}[name]; f.count() < want {
					t.Errorf("%d attempts, want at least %d", f.count(), want)
				}
				for _, r := range f.requests {
					if !strings.Contains(r.body, `"clientRequestToken":"token-1"`) {
						t.Errorf("an attempt sends %s", r.body)
					}
				}
			})
		})
	}
}

// TestCallsAreBounded is of a service that takes requests and says nothing.
func TestCallsAreBounded(t *testing.T) {
	settings(t, "3")
	synctest.Test(t, func(t *testing.T) {
		c, _ := opened(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
		at := cloud.Location{Bucket: "b", Key: "k"}
		for name, do := range map[string]func(context.Context) error{
			"Head": func(ctx context.Context) error { _, err := c.Store().Head(ctx, at); return err },
			"Get":  func(ctx context.Context) error { _, _, err := c.Store().Get(ctx, at, 1); return err },
			"Open": func(ctx context.Context) error { _, _, err := c.Store().Open(ctx, at); return err },
			"Put":  func(ctx context.Context) error { _, err := c.Store().Put(ctx, cloud.Put{Location: at}); return err },
			"Copy": func(ctx context.Context) error { _, err := c.Store().Copy(ctx, at, at, ""); return err },
			"List": func(ctx context.Context) error {
				for _, err := range c.Store().List(ctx, at, "") {
					return err
				}
				return nil
			},
			"Delete":       func(ctx context.Context) error { return c.Store().Delete(ctx, "b", "k") },
			"Submit":       func(ctx context.Context) error { _, err := c.Transcoder().Submit(ctx, one()); return err },
			"Job":          func(ctx context.Context) error { _, err := c.Transcoder().Job(ctx, "1-a"); return err },
			"Cancel":       func(ctx context.Context) error { return c.Transcoder().Cancel(ctx, "1-a") },
			"Probe":        func(ctx context.Context) error { _, err := c.Transcoder().Probe(ctx, at); return err },
			"Template":     func(ctx context.Context) error { _, err := c.Transcoder().Template(ctx, "t"); return err },
			"Distribution": func(ctx context.Context) error { _, err := c.CDN().Distribution(ctx, "E1"); return err },
			"Invalidation": func(ctx context.Context) error { _, err := c.CDN().Invalidation(ctx, "E1", "I1"); return err },
		} {
			begun := time.Now()
			if err := do(t.Context()); !errors.Is(err, cloud.ErrUnavailable) || !strings.Contains(err.Error(), "no answer in time") {
				t.Errorf("%s = %v, want %v", name, err, cloud.ErrUnavailable)
			}
			if took := time.Since(begun); took > 15*time.Minute {
				t.Errorf("%s took %v", name, took)
			}
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			if err := do(ctx); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%s with a second left = %v, want %v", name, err, context.DeadlineExceeded)
			}
			cancel()
		}
	})
}

// trickle is a body of which a part comes at once, and no more.
type trickle struct {
	part io.Reader
	ctx  context.Context
}

func (b trickle) Read(p []byte) (int, error) {
	if n, _ := b.part.Read(p); n > 0 {
		return n, nil
	}
	<-b.ctx.Done()
	return 0, b.ctx.Err()
}

func (trickle) Close() error { return nil }

type stalling struct{}

func (stalling) Do(r *http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: 200, Header: http.Header{"Etag": {`"e"`}, "Content-Length": {"1000"}}, Request: r,
		Body: trickle{strings.NewReader("part"), r.Context()}}, nil
}

func TestOpenStalls(t *testing.T) {
	settings(t, "1")
	synctest.Test(t, func(t *testing.T) {
		c, err := awscloud.New(t.Context(), awscloud.Options{HTTP: stalling{}})
		if err != nil {
			t.Fatal(err)
		}
		r, o, err := c.Store().Open(t.Context(), cloud.Location{Bucket: "b", Key: "k"})
		if err != nil || o.Size != 1000 {
			t.Fatalf("Open = %+v, %v", o, err)
		}
		time.Sleep(time.Hour) // a reader may take its time
		p := make([]byte, 100)
		if n, err := r.Read(p); string(p[:n]) != "part" || err != nil {
			t.Fatalf("Read = %q, %v", p[:n], err)
		}
		begun := time.Now()
		n, err := r.Read(p)
		if want := "GetObject s3://b/k: unavailable: no answer in time"; n != 0 || fmt.Sprint(err) != want || time.Since(begun) != time.Minute {
			t.Errorf("Read = %d, %v after %v; want %q after a minute", n, err, time.Since(begun), want)
		}
		if _, err := r.Read(p); !errors.Is(err, cloud.ErrUnavailable) {
			t.Errorf("Read once more = %v", err)
		}
		if err := r.Close(); err != nil {
			t.Errorf("Close = %v", err)
		}
	})
}

func TestNowFollowsAnswers(t *testing.T) {
	c, _ := account(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Date", "Sat, 01 Aug 2026 10:00:00 GMT")
		w.Header().Set("Age", "0")
		w.WriteHeader(http.StatusNotFound)
	})
	if d := time.Since(c.Store().Now()); d.Abs() > time.Minute {
		t.Errorf("before any answer it is %v off", d)
	}
	for name, do := range map[string]func() error{
		"Head":         func() error { _, err := c.Store().Head(t.Context(), cloud.Location{Bucket: "b", Key: "k"}); return err },
		"Job":          func() error { _, err := c.Transcoder().Job(t.Context(), "1-a"); return err },
		"Distribution": func() error { _, err := c.CDN().Distribution(t.Context(), "E1"); return err },
	} {
		if err := do(); !errors.Is(err, cloud.ErrNotFound) {
			t.Fatalf("%s = %v", name, err)
		}
		want := time.Date(2026, 8, 1, 10, 0, 0, 0, time.UTC)
		if got := c.Store().Now(); got.Before(want) || got.After(want.Add(time.Minute)) {
			t.Errorf("after %s it is %v, want %v", name, got, want)
		}
	}
}
