package main

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vodfleet/vodfleet/internal/localcloud/endpoints"
)

// serving is a cloud that runs in this process: one at a time.
type serving struct {
	endpoints.Endpoints
	dir  string
	stop func() int // waits for the end; the exit code
}

func serve(t *testing.T, dir string, flags ...string) *serving {
	t.Helper()
	var said lines
	args := append([]string{"--dir", dir, "--s3-port=0", "--mediaconvert-port=0", "--cloudfront-port=0", "--sqs-port=0", "--edge-port=0", "--admin-port=0"}, flags...)
	ctx, cancel := context.WithCancel(context.Background())
	code := make(chan int, 1)
	go func() { code <- run(ctx, args, io.Discard, &said) }()
	s := &serving{dir: dir, stop: sync.OnceValue(func() int {
		cancel()
		return <-code
	})}
	t.Cleanup(func() { s.stop() })
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		if strings.Contains(said.String(), "localcloud: ready: ") {
			break
		}
		select {
		case c := <-code:
			code <- c
			t.Fatalf("it ended with %d: %s", c, said.String())
		default:
		}
		if time.Now().After(deadline) {
			t.Fatalf("it is not ready: %s", said.String())
		}
	}
	var err error
	if s.Endpoints, err = endpoints.Read(dir); err != nil {
		t.Fatal(err)
	}
	return s
}

type lines struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(b)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func get(t *testing.T, url string) (int, string) {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, _ := io.ReadAll(resp.Body)
	return resp.StatusCode, string(b)
}

// do runs another command.
func do(args ...string) (code int, stdout, stderr string) {
	var out, complaints bytes.Buffer
	code = run(context.Background(), args, &out, &complaints)
	return code, out.String(), complaints.String()
}

func TestServe(t *testing.T) {
	dir := t.TempDir()
	s := serve(t, dir, "--bucket", "library", "--bucket", "ledger:versioned", "--origin-bucket", "output", "--simulate", "--mirror-port=0", "--iis-port=0")
	if status, body := get(t, s.Admin+"/healthz"); status != 200 || !strings.Contains(body, `"ok"`) {
		t.Errorf("health = %d %s", status, body)
	}
	for name, tt := range map[string]struct {
		url    string
		status int
		want   string
	}{
		"s3 unsigned":           {s.S3, 403, "<Code>AccessDenied</Code>"},
		"cloudfront unsigned":   {s.CloudFront + "/2020-05-31/distribution", 403, "<Code>MissingAuthenticationToken</Code>"},
		"edge, nothing there":   {s.Edge + "/watch/x", 403, "<Code>AccessDenied</Code>"},
		"another service":       {s.Other, 501, "The local cloud has no service unsigned."},
		"jobs":                  {s.Admin + "/jobs", 200, "[]"},
		"an unknown admin path": {s.Admin + "/nope", 404, "404"},
	} {
		if status, body := get(t, tt.url); status != tt.status || !strings.Contains(body, tt.want) {
			t.Errorf("%s: %d %s, want %d %s", name, status, body, tt.status, tt.want)
		}
	}
	if code, _, stderr := do("serve", "--dir", dir, "--s3-port=0", "--mediaconvert-port=0", "--cloudfront-port=0", "--sqs-port=0", "--edge-port=0", "--admin-port=0"); code != 1 || !strings.Contains(stderr, "another localcloud serves from there") {
		t.Errorf("a second one over the folder ends with %d: %s", code, stderr)
	}

	code, out, _ := do("inventory", "--dir", dir, "--bucket", "library", "--to", "s3://output/inventory/", "--date", "2026-03-01T01-02Z")
	if want := "s3://output/inventory/library/all/2026-03-01T01-02Z/manifest.json\n"; code != 0 || out != want {
		t.Errorf("inventory ends with %d, %q, want %q", code, out, want)
	}
	if status, body := get(t, s.Edge+"/inventory/library/all/2026-03-01T01-02Z/manifest.json"); status != 200 || !strings.Contains(body, `"sourceBucket": "library"`) {
		t.Errorf("through the edge the manifest is %d %s", status, body)
	}
	for _, tt := range []struct {
		url    string
		status int
	}{
		{s.Mirror + "/inventory/library/all/2026-03-01T01-02Z/manifest.json", 200},
		{s.Mirror + "/inventory/library/all/2026-03-01T01-02Z/manifest.json/below", 404},
		{s.IIS + "/inventory/library/all/2026-03-01T01-02Z/manifest.json", 200},
		{s.IIS + "/inventory/library/x.ism/Manifest", 404},
	} {
		if status, body := get(t, tt.url); status != tt.status {
			t.Errorf("%s: %d %s, want %d", tt.url, status, body, tt.status)
		}
	}
	_, counts := get(t, s.Admin+"/calls")
	if !strings.Contains(counts, `"s3.PutObject"`) || !strings.Contains(counts, `"other.unsigned"`) {
		t.Errorf("calls = %s", counts)
	}
	if code, _, said := do("health", "--dir", dir); code != 0 {
		t.Errorf("health ends with %d: %s", code, said)
	}
	if code := s.stop(); code != 0 {
		t.Errorf("it ended with %d", code)
	}
	if code, _, said := do("health", "--dir", dir); code != 1 || !strings.Contains(said, "connection refused") {
		t.Errorf("after its end health ends with %d: %s", code, said)
	}
	if e, err := endpoints.Read(dir); err != nil || e.PID != 0 {
		t.Errorf("after its end the process is noted as %d, %v", e.PID, err)
	}

	s = serve(t, dir, "--bucket", "library", "--bucket", "ledger:versioned", "--origin-bucket", "output", "--simulate")
	if _, again := get(t, s.Admin+"/calls"); again != counts {
		t.Errorf("after a restart calls = %s, want %s", again, counts)
	}
	if status, _ := get(t, s.Edge+"/inventory/library/all/2026-03-01T01-02Z/manifest.json"); status != 200 {
		t.Errorf("after a restart the manifest is %d through the edge", status)
	}
}

func TestEnv(t *testing.T) {
	dir := t.TempDir()
	e := endpoints.Endpoints{
		S3: "http://127.0.0.1:1", MediaConvert: "http://127.0.0.1:2", CloudFront: "http://127.0.0.1:3", SQS: "http://127.0.0.1:6", EventsQueue: "http://127.0.0.1:6/1/events", Edge: "http://127.0.0.1:4",
		Admin: "http://127.0.0.1:5", Other: "http://127.0.0.1:5/aws", Distribution: "E1", OriginBucket: "o", Role: "arn:r",
		Mirror: "http://localhost:7", IIS: "http://localhost:8",
	}
	if err := endpoints.Write(dir, e); err != nil {
		t.Fatal(err)
	}
	const aws = `unset AWS_PROFILE AWS_SESSION_TOKEN
export AWS_ACCESS_KEY_ID=localcloud
export AWS_SECRET_ACCESS_KEY=localcloud-secret
export AWS_REGION=us-east-1
export AWS_DEFAULT_REGION=us-east-1
export AWS_EC2_METADATA_DISABLED=true
export AWS_ENDPOINT_URL=http://127.0.0.1:5/aws
export AWS_ENDPOINT_URL_S3=http://127.0.0.1:1
export AWS_ENDPOINT_URL_MEDIACONVERT=http://127.0.0.1:2
export AWS_ENDPOINT_URL_CLOUDFRONT=http://127.0.0.1:3
export AWS_ENDPOINT_URL_SQS=http://127.0.0.1:6
`
	const fleet = `export VODFLEET_DISTRIBUTION_ID=E1
export VODFLEET_VIEWER_URL=http://127.0.0.1:4
export VODFLEET_OUTPUT=s3://o
export VODFLEET_MEDIACONVERT_ROLE=arn:r
export VODFLEET_EVENTS_QUEUE_URL=http://127.0.0.1:6/1/events
export LOCALCLOUD_MIRROR_URL=http://localhost:7
export LOCALCLOUD_IIS_URL=http://localhost:8
`
	first := "# AWS as served from " + dir + "\n"
	comments := strings.ReplaceAll(fleet, "export", "#")
	for _, tt := range []struct {
		name string
		args []string
		want string
	}{
		{"aws", nil, first + aws + comments},
		{"vodfleet", []string{"--vodfleet"}, first + aws + fleet},
		{"by another host", []string{"--host", "cloud"}, first + strings.ReplaceAll(aws+comments, "127.0.0.1", "cloud")},
	} {
		if code, out, _ := do(append([]string{"env", "--dir", dir}, tt.args...)...); code != 0 || out != tt.want {
			t.Errorf("%s ends with %d:\n%s\nwant\n%s", tt.name, code, out, tt.want)
		}
	}
	if err := endpoints.WriteRules(filepath.Join(dir, "aws-data"), e); err != nil {
		t.Fatal(err)
	}
	if _, out, _ := do("env", "--dir", dir); !strings.Contains(out, "\nexport AWS_DATA_PATH="+filepath.Join(dir, "aws-data")+"\n") {
		t.Errorf("with rules written, env has no AWS_DATA_PATH:\n%s", out)
	}
}

func TestUsage(t *testing.T) {
	empty := t.TempDir()
	file := filepath.Join(empty, "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		args string
		code int
		want string // in what it says
	}{
		{"--help", 0, "Usage: localcloud"},
		{"", 2, "missing flags: --dir=DIR"},
		{"--nope", 2, "unknown flag --nope"},
		{"--dir " + empty + " --bucket a:b", 2, `bucket "a:b": want NAME or NAME:versioned`},
		{"--dir " + empty + " --mirror-lag=-1s", 2, "--mirror-lag -1s: want 0 or more"},
		{"--dir " + empty + " --clock-rate=0", 2, "--clock-rate 0: want above 0"},
		{"--dir " + empty + " --job-time=2m-1m", 2, `time "2m-1m": ends before it begins`},
		{"--dir " + empty + " --host 203.0.113.1 --s3-port=0", 1, "listen for s3 (--s3-port changes it)"},
		{"--dir " + file, 1, "serve from " + file},
		{"env --dir " + empty, 1, "no cloud has served from " + empty + " yet"},
		{"inventory --bucket b --to s3://d", 2, "--dir or --endpoint is missing"},
		{"inventory --dir " + empty + " --bucket b --to d", 2, `--to "d": want s3://BUCKET`},
		{"inventory --dir " + empty + " --bucket b --to s3://d --format ORC", 2, "--format ORC: not written yet; csv is"},
		{"inventory --dir " + empty + " --bucket b --to s3://d --format xml", 2, "--format xml: S3 has no such format"},
		{"inventory --dir " + empty + " --bucket b --to s3://d --date yesterday", 2, `--date "yesterday": want a time`},
		{"inventory --dir " + empty + " --bucket b --to s3://d", 1, "no cloud has served"},
	} {
		code, out, stderr := do(strings.Fields(tt.args)...)
		if code != tt.code || !strings.Contains(out+stderr, tt.want) {
			t.Errorf("localcloud %s: %d %s%s, want %d %s", tt.args, code, out, stderr, tt.code, tt.want)
		}
	}
}
