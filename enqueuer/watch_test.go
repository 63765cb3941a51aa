package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/vodfleet/vodfleet/internal/cloud"
	"github.com/vodfleet/vodfleet/internal/cloud/memcloud"
)

// remembered is what watch has written down.
func (s *stand) remembered() (p progress) {
	s.t.Helper()
	for o, err := range s.mem.Store.List(s.t.Context(), cloud.Location{Bucket: "ledger", Key: "fleet/watch/"}, "") {
		if err != nil {
			s.t.Fatal(err)
		}
		body, _, err := s.mem.Store.Get(s.t.Context(), o.Location, 1<<20)
		if err != nil {
			s.t.Fatal(err)
		}
		if err := json.Unmarshal(body, &p); err != nil {
			s.t.Fatal(err)
		}
	}
	return p
}

// A report is taken once, a refused one is remembered, and one that is not
// complete is left until it is.
func TestWatchRemembers(t *testing.T) {
	s := newStand(t)
	a, b := s.upload("a.mp4", "x"), s.upload("b.mp4", "x")
	s.report("2026-11-21T01-00Z", row(a))
	s.report("2026-11-22T01-00Z", row(a), row(b))
	s.put("reports", "inv/library/all/2026-11-22T01-00Z/manifest.checksum", []byte("0123"))
	s.report("2026-11-23T01-00Z", row(b))
	checksum := cloud.Location{Bucket: "reports", Key: "inv/library/all/2026-11-23T01-00Z/manifest.checksum"}
	good, _, err := s.mem.Store.Get(t.Context(), checksum, 100)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.mem.Store.Delete(t.Context(), checksum.Bucket, checksum.Key); err != nil {
		t.Fatal(err)
	}

	s.want(0, []string{"watch", "--once"})
	p := s.remembered()
	if got := s.enqueued(); got != 1 || p.Taken["inv/library/all/"] != "2026-11-22T01-00Z" || p.Counts.Rows != 1 || len(p.Refused) != 1 || !strings.Contains(p.Refused[0].Reason, "MD5") {
		t.Errorf("%d tasks and progress %+v, want 1, up to the refused report of the 22nd", got, p)
	}
	s.put(checksum.Bucket, checksum.Key, good)
	s.want(0, []string{"watch", "--once"})
	if got := s.enqueued(); got != 2 || s.remembered().Taken["inv/library/all/"] != "2026-11-23T01-00Z" {
		t.Errorf("%d tasks and progress %+v, want 2, up to the 23rd", got, s.remembered())
	}
	calls := s.mem.Calls()["Store.Get"]
	s.want(0, []string{"watch", "--once"})
	if got := s.mem.Calls()["Store.Get"] - calls; got > 3 {
		t.Errorf("%d reads where nothing is new, want at most 3", got)
	}
}

// Each configuration has its own last report.
func TestWatchConfigurations(t *testing.T) {
	s := newStand(t)
	a := s.upload("a.mp4", "x")
	s.report("2026-11-23T01-00Z", row(a))
	s.want(0, []string{"watch", "--once"})
	// A slower inventory completes an older report later.
	b := s.upload("b.mp4", "x")
	s.report("2026-11-22T01-00Z", row(b))
	for _, name := range []string{"manifest.json", "manifest.checksum"} {
		from := cloud.Location{Bucket: "reports", Key: "inv/library/all/2026-11-22T01-00Z/" + name}
		to := cloud.Location{Bucket: "reports", Key: "inv/library/slow/2026-11-22T01-00Z/" + name}
		if _, err := s.mem.Store.Copy(t.Context(), from, to, ""); err != nil {
			t.Fatal(err)
		}
	}
	s.want(0, []string{"watch", "--once"})
	p := s.remembered()
	if got := s.enqueued(); got != 2 || p.Taken["inv/library/slow/"] != "2026-11-22T01-00Z" || p.Taken["inv/library/all/"] != "2026-11-23T01-00Z" {
		t.Errorf("%d tasks and progress %+v, want 2 and both configurations", got, p)
	}
}

// Two watches that meet take every report, and both end well.
func TestWatchTwice(t *testing.T) {
	s := newStand(t)
	for day := range 6 {
		s.report(fmt.Sprintf("2026-11-2%dT01-00Z", day), row(s.upload(fmt.Sprint(day, ".mp4"), "x")))
	}
	meet := make(chan struct{}, 2)
	s.mem.SetHooks(memcloud.Hooks{Before: func(op, at string) error {
		if op == "Store.Put" && strings.Contains(at, "/watch/") {
			meet <- struct{}{}
			for range 50 {
				if len(meet) == 2 {
					break
				}
				time.Sleep(time.Millisecond) // for the other, which may have ended
			}
			defer func() { <-meet }()
		}
		return nil
	}})
	var watches sync.WaitGroup
	codes := make([]int, 2)
	for i := range codes {
		watches.Go(func() {
			e := env{ctx: t.Context(), out: new(strings.Builder), log: new(strings.Builder), store: func(context.Context) (cloud.Store, error) { return s.mem.Store, nil }}
			codes[i] = exit(e.run([]string{"watch", "--once"}))
		})
	}
	watches.Wait()
	if got := s.enqueued(); codes[0]+codes[1] != 0 || got != 6 || s.remembered().Taken["inv/library/all/"] != "2026-11-25T01-00Z" {
		t.Errorf("exit codes %v, %d tasks, progress %+v, want 0 and 0, 6, all", codes, got, s.remembered())
	}
}

func TestWatchRefuses(t *testing.T) {
	s := newStand(t)
	for _, tt := range []struct {
		args []string
		code int
		says string
	}{
		{[]string{"--every=0s"}, 2, "every 0s: want more than none"},
		{[]string{"--max-new=-1"}, 2, "max-new -1: want none or more"},
		{[]string{"--inventory=reports/inv"}, 2, `location "reports/inv": want s3://BUCKET/KEY`},
		{[]string{"--profile=/nowhere/p.yaml"}, 2, "/nowhere/p.yaml"},
		{[]string{"--profile=0123456789abcdef0123456789abcdef"}, 1, "profile 0123456789abcdef0123456789abcdef is not stored"},
		{[]string{"--admin-addr=nowhere:x"}, 1, "admin address"},
	} {
		s.want(tt.code, append([]string{"watch"}, tt.args...), tt.says)
	}
}

// Progress that cannot be read is told, with the way out, and stays as it is.
func TestWatchProgressCorrupt(t *testing.T) {
	s := newStand(t)
	s.report("2026-11-22T01-00Z", row(s.upload("a.mp4", "x")))
	s.want(0, []string{"watch", "--once"})
	for o, err := range s.mem.Store.List(t.Context(), cloud.Location{Bucket: "ledger", Key: "fleet/watch/"}, "") {
		if err != nil {
			t.Fatal(err)
		}
		s.put(o.Bucket, o.Key, []byte(`{"taken": 7`))
	}
	s.want(1, []string{"watch", "--once"}, "progress of watch in s3://ledger/fleet/watch/", "delete it to take every report again, which is safe")
}

// watch goes on where the cloud is down at first, and serves its health.
func TestWatchWaits(t *testing.T) {
	s := newStand(t)
	s.report("2026-11-22T01-00Z", row(s.upload("a.mp4", "x")))
	var calls atomic.Int32
	s.mem.SetHooks(memcloud.Hooks{Before: func(op, at string) error {
		if calls.Add(1) < 4 {
			return &cloud.Error{Op: op, Object: at, Kind: cloud.ErrUnavailable}
		}
		return nil
	}})
	l, err := net.Listen("tcp", "127.0.0.1:0") // a port that was free just now
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan int)
	go func() {
		_, code, _ := s.runIn(ctx, "watch", "--every=10ms", "--admin-addr", addr)
		done <- code
	}()
	deadline := time.Now().Add(10 * time.Second)
	for s.enqueued() != 1 && time.Now().Before(deadline) {
		time.Sleep(5 * time.Millisecond)
	}
	resp, err := http.Get("http://" + addr + "/readyz")
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Errorf("readyz = %v, %v, want 200", resp, err)
	} else {
		resp.Body.Close()
	}
	s.want(0, []string{"health", "http://" + addr + "/healthz"})
	cancel()
	if code := <-done; code != 0 || s.enqueued() != 1 {
		t.Errorf("watch exits %d, %d tasks, want 0 and 1:\n%s", code, s.enqueued(), &s.log)
	}
}
