package admin

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/alicebob/miniredis/v2"
	"github.com/hibiken/asynq"
	"github.com/vodfleet/vodfleet/tasks"
)

// dashboard serves d over a Redis in memory with one task of ours and one of
// somebody else's, whose payload is "secret".
func dashboard(t *testing.T, d Dashboard) http.Handler {
	t.Helper()
	redis := asynq.RedisClientOpt{Addr: miniredis.RunT(t).Addr()}
	client := asynq.NewClient(redis)
	defer client.Close()
	ingest := tasks.Ingest{Bucket: "library", Key: "a b.mp4"}
	payload, err := tasks.Encode(ingest)
	if err != nil {
		t.Fatal(err)
	}
	for _, task := range []*asynq.Task{
		asynq.NewTask(ingest.Kind(), payload, asynq.Queue(ingest.Queue()), asynq.TaskID("ours")),
		asynq.NewTask("mail", []byte("secret"), asynq.Queue("ingest"), asynq.TaskID("theirs")),
		asynq.NewTask(tasks.KindIngest, []byte(`{"v":99,"bucket":"secret"}`), asynq.Queue("ingest"), asynq.TaskID("newer")),
	} {
		if _, err := client.Enqueue(task); err != nil {
			t.Fatal(err)
		}
	}
	d.Redis = redis
	h, closeUI := d.Handler()
	t.Cleanup(func() {
		if err := closeUI(); err != nil {
			t.Error(err)
		}
	})
	return h
}

// ask sends one request to a handler.
func ask(t *testing.T, h http.Handler, method, url string, header map[string]string) *http.Response {
	t.Helper()
	r := httptest.NewRequest(method, url, nil)
	for name, value := range header {
		if name == "Authorization" {
			user, password, _ := strings.Cut(value, ":")
			r.SetBasicAuth(user, password)
			continue
		}
		r.Header.Set(name, value)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result()
}

// Who may ask, and for what.
func TestDashboardAnswers(t *testing.T) {
	const home, pause = "http://127.0.0.1:8980/", "http://127.0.0.1:8980/api/queues/ingest:pause"
	open, locked := Dashboard{}, Dashboard{User: "ops", Password: "pass"}
	writable, both := Dashboard{Writable: true}, Dashboard{Writable: true, User: "ops", Password: "pass"}
	none := map[string]string{}
	credentials := map[string]string{"Authorization": "ops:pass"}
	for _, tt := range []struct {
		name        string
		d           Dashboard
		method, url string
		header      map[string]string
		want        int
	}{
		{"on loopback", open, "GET", home, none, 200},
		{"by name", open, "GET", "http://localhost:8980/", none, 200},
		{"over IPv6", open, "GET", "http://[::1]:8980/", none, 200},
		{"without a port", open, "GET", "http://127.0.0.1/", none, 200},
		{"by the name of a web page that points here", open, "GET", "http://evil.example:8980/", none, 403},
		{"by a name that begins alike", open, "GET", "http://127.0.0.1.evil.example/", none, 403},
		{"its tasks by such a name", open, "GET", "http://evil.example/api/queues/ingest/pending_tasks", none, 403},
		{"health by any name", open, "GET", "http://evil.example:8980/healthz", none, 200},
		{"no change where it only shows", open, "POST", pause, none, 405},
		{"a change where it may", writable, "POST", pause, none, 204},
		{"a change from its own page", writable, "POST", pause, map[string]string{"Origin": "http://127.0.0.1:8980", "Sec-Fetch-Site": "same-origin"}, 204},
		{"a change from another site", writable, "POST", pause, map[string]string{"Origin": "http://evil.example", "Sec-Fetch-Site": "cross-site"}, 403},
		{"a change from another port", writable, "POST", pause, map[string]string{"Origin": "http://127.0.0.1:9080"}, 403},
		{"deletion from another site", writable, "DELETE", "http://127.0.0.1/api/queues/ingest/pending_tasks/ours", map[string]string{"Sec-Fetch-Site": "cross-site"}, 403},
		{"without credentials", locked, "GET", home, none, 401},
		{"with others", locked, "GET", home, map[string]string{"Authorization": "ops:passs"}, 401},
		{"with another user", locked, "GET", home, map[string]string{"Authorization": "op:spass"}, 401},
		{"with no password", locked, "GET", home, map[string]string{"Authorization": "ops:"}, 401},
		{"with credentials", locked, "GET", home, credentials, 200},
		{"with credentials, by any name", locked, "GET", "http://vod.example/", credentials, 200},
		{"health without credentials", locked, "GET", "http://vod.example/healthz", none, 200},
		{"no change without credentials", both, "POST", pause, none, 401},
		{"a change with credentials", both, "POST", pause, credentials, 204},
		{"a change with credentials from another site", both, "POST", pause, map[string]string{"Authorization": "ops:pass", "Sec-Fetch-Site": "cross-site"}, 403},
	} {
		t.Run(tt.name, func(t *testing.T) {
			resp := ask(t, dashboard(t, tt.d), tt.method, tt.url, tt.header)
			if resp.StatusCode != tt.want {
				t.Errorf("%s %s answers %d, want %d", tt.method, tt.url, resp.StatusCode, tt.want)
			}
			if challenge := resp.Header.Get("WWW-Authenticate"); (challenge != "") != (tt.want == 401) {
				t.Errorf("it challenges with %q", challenge)
			}
			csp := resp.Header.Get("Content-Security-Policy")
			if tt.want == 200 && !strings.HasSuffix(tt.url, "/healthz") && !strings.Contains(csp, "default-src 'self'") {
				t.Errorf("the page may load what it likes: %q", csp)
			}
		})
	}
}

// Payloads of ours are in words; of what is in somebody else's nothing is said.
func TestDashboardPayloads(t *testing.T) {
	resp := ask(t, dashboard(t, Dashboard{}), "GET", "http://127.0.0.1/api/queues/ingest/pending_tasks", nil)
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`s3://library/`, `a b.mp4`, `task of 6 bytes: payload is broken`, `task of 26 bytes: payload is of a newer version`} {
		if !strings.Contains(string(body), want) {
			t.Errorf("the tasks lack %q:\n%s", want, body)
		}
	}
	if strings.Contains(string(body), "secret") {
		t.Errorf("the content of a foreign payload is shown:\n%s", body)
	}
}

func TestCheckListen(t *testing.T) {
	locked := Dashboard{User: "ops", Password: "pass"}
	for _, tt := range []struct {
		d    Dashboard
		addr string
		ok   bool
	}{
		{Dashboard{}, "127.0.0.1:8980", true},
		{Dashboard{}, "localhost:0", true},
		{Dashboard{}, "[::1]:8980", true},
		{Dashboard{}, ":8980", false},
		{Dashboard{}, "0.0.0.0:8980", false},
		{Dashboard{}, "[::]:8980", false},
		{Dashboard{}, "192.0.2.1:8980", false},
		{Dashboard{}, "vod.example:8980", false},
		{Dashboard{User: "ops"}, ":8980", false},
		{Dashboard{Password: "pass"}, ":8980", false},
		{locked, ":8980", true},
		{locked, "8980", false},
		{locked, "", false},
	} {
		if err := tt.d.CheckListen(tt.addr); (err == nil) != tt.ok {
			t.Errorf("%+v: CheckListen(%q) = %v, want ok %v", tt.d, tt.addr, err, tt.ok)
		}
	}
}
