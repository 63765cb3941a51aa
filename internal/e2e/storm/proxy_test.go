package storm

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vodfleet/vodfleet/internal/queue/redistest"
)

// service counts the requests that have reached it, by method and path.
type service struct {
	mu  sync.Mutex
	got []string
}

func (s *service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.got = append(s.got, fmt.Sprintf("%s %s host=%s body=%s", r.Method, r.URL.RequestURI(), r.Host, body))
	w.Header().Set("Date", "Mon, 02 Mar 2026 10:00:00 GMT")
	w.WriteHeader(http.StatusCreated)
}

func (s *service) requests() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.got)
}

const job = `{"userMetadata":{"asset":"A1","build":"2"}}`

// A call that is dropped before it is sent never reaches the service; one
// whose answer is lost has had its effect.
func TestHTTPProxyFates(t *testing.T) {
	for _, tt := range []struct {
		name    string
		at      Point
		fate    Fate
		status  int // 0: no answer
		reached int
	}{
		{"nothing happens", Point{"Probe", false}, Drop, http.StatusCreated, 1},
		{"dropped before", Point{"CreateJob", false}, Drop, 0, 0},
		{"lost answer", Point{"CreateJob", true}, Drop, 0, 1},
		{"throttled", Point{"CreateJob", false}, Throttle, http.StatusTooManyRequests, 0},
		{"failed", Point{"CreateJob", false}, Fail, http.StatusInternalServerError, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			back := new(service)
			target := httptest.NewServer(back)
			defer target.Close()
			var met []string
			p, err := NewHTTPProxy(3, target.URL, MediaConvertNames, func(c Call) Fate {
				met = append(met, fmt.Sprintf("%d %s %s %d", c.Slot, c.Point(), c.About, c.Status))
				if c.Point() == tt.at {
					return tt.fate
				}
				return Pass
			})
			if err != nil {
				t.Fatal(err)
			}
			defer p.Close()
			req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, p.URL+"/2017-08-29/jobs?a=b%2Fc;d", strings.NewReader(job))
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=K/20260302/us-east-1/mediaconvert/aws4_request")
			status := 0
			if resp, err := http.DefaultClient.Do(req); err == nil {
				status = resp.StatusCode
				if got := resp.Header.Get("Date"); got != "" && got != "Mon, 02 Mar 2026 10:00:00 GMT" {
					t.Errorf("Date = %s, want the service's or none", got)
				}
				_ = resp.Body.Close()
			}
			if status != tt.status {
				t.Errorf("status %d, want %d", status, tt.status)
			}
			got := back.requests()
			if len(got) != tt.reached {
				t.Errorf("the service got %q, want %d", got, tt.reached)
			}
			for _, g := range got {
				if want := "POST /2017-08-29/jobs?a=b%2Fc;d host=" + strings.TrimPrefix(p.URL, "http://") + " body=" + job; g != want {
					t.Errorf("the service got %s\nwant %s", g, want)
				}
			}
			want := []string{"3 before CreateJob A1:2 0"}
			if tt.reached > 0 {
				want = append(want, "3 after CreateJob A1:2 201")
			}
			if !slices.Equal(met, want) {
				t.Errorf("the hook met %q, want %q", met, want)
			}
		})
	}
}

// victim is this test's own binary as a program that makes calls until it dies.
const victimEnv = "STORM_TEST_VICTIM"

func TestMain(m *testing.M) {
	if url := os.Getenv(victimEnv); url != "" {
		for i := range 1000 {
			resp, err := http.Post(url+fmt.Sprintf("/2017-08-29/jobs?%d", i), "application/json", strings.NewReader(job))
			if err == nil {
				_ = resp.Body.Close()
			}
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// A trap kills the program at exactly the call that it was set for: the third
// request is the last one, and has its effect only where the trap says so.
func TestKillAtCall(t *testing.T) {
	for _, after := range []bool{false, true} {
		t.Run(Point{"CreateJob", after}.String(), func(t *testing.T) {
			back := new(service)
			target := httptest.NewServer(back)
			defer target.Close()
			var (
				traps traps
				calls int
				p     *Process
				ready = make(chan struct{})
				dead  = make(chan struct{})
			)
			hook := func(c Call) Fate {
				<-ready
				if c.After != after { // set at the other half of a call, where it must not spring
					if calls++; calls == map[bool]int{false: 2, true: 3}[after] {
						traps.arm(Point{"CreateJob", after}, func(c Call) (Fate, bool) {
							defer close(dead)
							return Drop, p.Kill()
						})
					}
				}
				return traps.meet(c)
			}
			proxy, err := NewHTTPProxy(0, target.URL, MediaConvertNames, hook)
			if err != nil {
				t.Fatal(err)
			}
			defer proxy.Close()
			k, err := NewKeeper(t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			defer k.Close()
			self, err := os.Executable()
			if err != nil {
				t.Fatal(err)
			}
			p = k.Run("victim", []string{victimEnv + "=" + proxy.URL}, []string{self}, func(err error) { t.Error(err) })
			defer p.Stop()
			close(ready)
			<-dead
			want := 2
			if after {
				want = 3
			}
			if got := back.requests(); len(got) < want || !strings.Contains(got[want-1], fmt.Sprintf("?%d ", want-1)) ||
				len(got) > want && !strings.Contains(got[want], "?0 ") { // the next one is started already
				t.Errorf("the service got %q, want %d requests before the death", got, want)
			}
		})
	}
}

// What is killed or stalled comes back; what ends by itself is told.
func TestProcess(t *testing.T) {
	k, err := NewKeeper(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer k.Close()
	ends := make(chan error, 10)
	p := k.Run("sleeper", os.Environ(), []string{"sleep", "60"}, func(err error) { ends <- err })
	await(t, func() bool { return p.Kill() })
	var resume func()
	await(t, func() bool { r, ok := p.Stall(); resume = r; return ok })
	if p.Kill() {
		t.Error("a stalled program was killed")
	}
	resume()
	if !p.Kill() {
		t.Error("a program that goes on was not killed")
	}
	p.Stop()
	if p.Kill() {
		t.Error("a program that was stopped was killed")
	}
	select {
	case err := <-ends:
		t.Errorf("told of %v", err)
	default:
	}
	q := k.Run("ender", os.Environ(), []string{"false"}, func(err error) { ends <- err })
	defer q.Stop()
	if err := <-ends; err.Error() != "ender ended by itself: exit status 1" {
		t.Errorf("told of %v", err)
	}
}

// Should the driver die, so do its programs.
func TestWatchdog(t *testing.T) {
	sleep := exec.Command("sleep", "60")
	if err := sleep.Start(); err != nil {
		t.Fatal(err)
	}
	k, err := NewKeeper(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	k.tell("+", sleep.Process.Pid)
	k.Close() // as the end of this process would
	if err := sleep.Wait(); err == nil || err.Error() != "signal: killed" {
		t.Errorf("the program ended with %v, want it killed", err)
	}
}

func await(t *testing.T, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); !ok(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("it does not come")
		}
	}
}

// enqueue is a script with the keys of asynq's, which counts its runs.
const enqueue = `redis.call("INCR", KEYS[2]) return redis.call("SET", KEYS[1], ARGV[1])`

func TestRedisProxyFates(t *testing.T) {
	redis := redistest.Start(t)
	for _, tt := range []struct {
		name   string
		at     Point
		answer string
		effect string // of the script on its counter
	}{
		{"nothing happens", Point{"redis.done", true}, "+OK\r\n", "$1\r\n1\r\n"},
		{"dropped before", Point{"redis.enqueue", false}, "", "$-1\r\n"},
		{"lost answer", Point{"redis.enqueue", true}, "", "$1\r\n1\r\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if err := command(redis.Addr, "FLUSHALL"); err != nil {
				t.Fatal(err)
			}
			p, err := NewRedisProxy(1, redis.Addr, func(c Call) Fate {
				if c.Point() == tt.at && c.About == "publish" {
					return Drop
				}
				return Pass
			})
			if err != nil {
				t.Fatal(err)
			}
			defer p.Close()
			const first, counter = "asynq:{publish}:t:publish:A:1", "asynq:{publish}:pending"
			got := talk(t, p.Addr, "PING") // pipelined before it below, too
			if got != "+PONG\r\n" {
				t.Errorf("PING = %q", got)
			}
			if got := talk(t, p.Addr, "EVAL", enqueue, "2", first, counter, "x"); got != tt.answer {
				t.Errorf("EVAL = %q, want %q", got, tt.answer)
			}
			if got := talk(t, redis.Addr, "GET", counter); got != tt.effect {
				t.Errorf("counter = %q, want %q", got, tt.effect)
			}
		})
	}
}

// talk sends one command and returns the answer, "" if there is none.
func talk(t *testing.T, addr string, args ...string) string {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	var b strings.Builder
	fmt.Fprintf(&b, "*%d\r\n", len(args))
	for _, a := range args {
		fmt.Fprintf(&b, "$%d\r\n%s\r\n", len(a), a)
	}
	if _, err := io.WriteString(conn, b.String()); err != nil {
		t.Fatal(err)
	}
	v, err := readValue(bufio.NewReader(conn))
	if err != nil {
		return ""
	}
	return string(v.raw)
}

func TestRedisCall(t *testing.T) {
	const q = "asynq:{bulk-ingest}:"
	eval := func(keys []string, argv ...string) []string {
		return append(append([]string{"EVALSHA", "0123", fmt.Sprint(len(keys))}, keys...), argv...)
	}
	for _, tt := range []struct {
		args []string
		want string
	}{
		{eval([]string{q + "pending", q + "paused", q + "active", q + "lease"}), "redis.dequeue bulk-ingest"},
		{eval([]string{q + "active", q + "lease", q + "t:ingest:A", q + "processed:2026-01-01", q + "processed"}), "redis.done bulk-ingest"},
		{eval([]string{q + "t:ingest:A", q + "active", q + "lease", q + "retry", q + "failed"}, "id", "not yet"), "redis.retry bulk-ingest"},
		{eval([]string{q + "t:ingest:A", q + "active", q + "lease", q + "retry", q + "failed"}, "id", "… "+leaseLost+" …"), "redis.redeliver bulk-ingest"},
		{eval([]string{q + "t:ingest:A", q + "active", q + "lease", q + "archived"}), "redis.archive bulk-ingest"},
		{eval([]string{q + "active", q + "lease", q + "pending", q + "t:ingest:A"}), "redis.requeue bulk-ingest"},
		{eval([]string{q + "t:ingest:A", q + "pending"}), "redis.enqueue bulk-ingest"},
		{eval([]string{q + "t:ingest:A", q + "scheduled"}), "redis.schedule bulk-ingest"},
		{eval([]string{"vodfleet:{gov}:epoch"}), "redis.script "},
		{[]string{"flushall"}, "redis.FLUSHALL "},
		{[]string{"GET", "x"}, " "},
		{[]string{"EVALSHA", "0123", "-1", "x"}, " "},
		{[]string{"EVALSHA", "0123", "9", "x"}, " "},
		{nil, " "},
	} {
		name, queue := redisCall(tt.args)
		if got := name + " " + queue; got != tt.want {
			t.Errorf("redisCall(%q) = %q, want %q", tt.args, got, tt.want)
		}
	}
}

func TestS3Names(t *testing.T) {
	names := S3Names("ledger", "streams")
	for _, tt := range []struct{ method, url, want string }{
		{"PUT", "/ledger/fleet/ledger/AB/ABC.json?x-id=PutObject", "PutRecord ABC"},
		{"PUT", "/ledger/fleet/open/AB/ABC.12", "PutOpen ABC"},
		{"DELETE", "/ledger/fleet/open/AB/ABC.12", "DeleteOpen ABC"},
		{"PUT", "/ledger/fleet/failed/bad-source/AB/ABC.3", "PutFailed ABC"},
		{"PUT", "/ledger/fleet/due/2026-11-22T19/ABC.0102", "PutDue ABC"},
		{"GET", "/ledger/fleet/profiles/0123.yaml", "GetLedger "},
		{"GET", "/ledger?list-type=2&prefix=fleet%2Fopen%2F", "ListOpen "},
		{"PUT", "/streams/watch/ABC/playback.json", "PutEntry ABC"},
		{"GET", "/streams?list-type=2&prefix=media%2FABC%2F1%2F", "ListOutput ABC"},
		{"HEAD", "/library/films/a%20b.mp4", "HeadSource "},
	} {
		name, about := names(httptest.NewRequest(tt.method, tt.url, nil))
		if got := name + " " + about; got != tt.want {
			t.Errorf("%s %s is %q, want %q", tt.method, tt.url, got, tt.want)
		}
	}
}

func FuzzReadValue(f *testing.F) {
	for _, s := range []string{"+OK\r\n", "*2\r\n$3\r\nGET\r\n$1\r\nx\r\n", "%1\r\n+a\r\n:1\r\n", "*-1\r\n", "$-1\r\n", ">2\r\n+a\r\n+b\r\n", "|1\r\n+a\r\n+b\r\n:3\r\n", "*1000000\r\n"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, in string) {
		v, err := readValue(bufio.NewReader(strings.NewReader(in)))
		if err == nil && !strings.HasPrefix(in, string(v.raw)) {
			t.Errorf("read %q of %q", v.raw, in)
		}
	})
}
