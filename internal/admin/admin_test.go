package admin

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"
)

func TestHandler(t *testing.T) {
	registry := prometheus.NewRegistry()
	registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "vodfleet_test"}, func() float64 { return 7 }))
	well := Check{"redis", func(context.Context) error { return nil }}
	ill := Check{"ledger", func(context.Context) error { return errors.New("head s3://ledger/ready: denied") }}
	for _, tt := range []struct {
		name, method, path string
		checks             []Check
		status             int
		says               string
	}{
		{"it runs", "GET", "/healthz", []Check{ill}, 200, "ok"},
		{"it is ready", "GET", "/readyz", []Check{well}, 200, "ok"},
		{"it is not ready", "GET", "/readyz", []Check{well, ill}, 503, "ledger: head s3://ledger/ready: denied"},
		{"metrics", "GET", "/metrics", nil, 200, "vodfleet_test 7"},
		{"nothing else", "GET", "/", nil, 404, ""},
		{"nothing is changed", "POST", "/healthz", nil, 405, ""},
	} {
		w := httptest.NewRecorder()
		Handler(registry, tt.checks...).ServeHTTP(w, httptest.NewRequest(tt.method, tt.path, nil))
		if w.Code != tt.status || !strings.Contains(w.Body.String(), tt.says) {
			t.Errorf("%s: %d %s, want %d %s", tt.name, w.Code, w.Body, tt.status, tt.says)
		}
	}
}

// A check that hangs makes the process unready; it does not hold the answer.
func TestReadyIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hangs := Check{"redis", func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }}
		w := httptest.NewRecorder()
		begun := time.Now()
		Handler(prometheus.NewRegistry(), hangs).ServeHTTP(w, httptest.NewRequest("GET", "/readyz", nil))
		if took := time.Since(begun); w.Code != 503 || took != 2*time.Second {
			t.Errorf("readyz answers %d after %v, want 503 after 2s", w.Code, took)
		}
	})
}

// A server that is stopped answers what it has begun to answer.
func TestServeDrains(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	begun, goOn := make(chan struct{}), make(chan struct{})
	h := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		close(begun)
		<-goOn
		_, _ = io.WriteString(w, "done")
	})
	ctx, stop := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- Serve(ctx, l, h, zap.NewNop()) }()
	answered := make(chan string, 1)
	go func() {
		resp, err := http.Get("http://" + l.Addr().String())
		if err != nil {
			answered <- err.Error()
			return
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			body = []byte(err.Error())
		}
		answered <- string(body)
	}()
	<-begun
	stop()
	close(goOn)
	if got := <-answered; got != "done" {
		t.Errorf("the running request was answered %q, want done", got)
	}
	if err := <-served; err != nil {
		t.Errorf("Serve = %v, want nil", err)
	}
	if _, err := net.Dial("tcp", l.Addr().String()); err == nil {
		t.Error("the address still takes connections")
	}
}

func TestServeFails(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if err := Serve(t.Context(), l, http.NotFoundHandler(), zap.NewNop()); err == nil || !strings.HasPrefix(err.Error(), "serve 127.0.0.1:") {
		t.Errorf("Serve = %v, want an error that names the address", err)
	}
}
