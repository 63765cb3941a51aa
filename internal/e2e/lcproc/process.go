// Package lcproc runs the local cloud's binary for tests: it builds it, starts
// it on free ports over a folder of the test, and asks its administration for
// the record that tests judge by. What is in the cloud is the test's business.
package lcproc

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// startTimeout bounds how long a cloud may take to serve, stopTimeout how long
// to stop in order.
const (
	startTimeout = 60 * time.Second
	stopTimeout  = 20 * time.Second
)

// Endpoints are the addresses of a cloud, as it notes them in endpoints.json.
type Endpoints struct {
	S3           string `json:"s3"`
	MediaConvert string `json:"mediaconvert"`
	CloudFront   string `json:"cloudfront"`
	SQS          string `json:"sqs"`
	Edge         string `json:"edge"`
	Mirror       string `json:"mirror"` // with --mirror-port=0: a web server that mirrors the output bucket
	IIS          string `json:"iis"`    // with --iis-port=0: one over it that behaves as Microsoft IIS
	Admin        string `json:"admin"`
	Other        string `json:"other"`
	Distribution string `json:"distribution"`
	OriginBucket string `json:"originBucket"`
	Role         string `json:"role"`
	EventsQueue  string `json:"eventsQueue"`  // URL
	UploadsQueue string `json:"uploadsQueue"` // URL
}

// Process is a local cloud that runs, or has been killed. Its methods fail the
// test when the cloud does not do as it is told; they are for one goroutine at
// a time.
type Process struct {
	Endpoints
	Dir    string // the cloud's state
	Binary string

	t     testing.TB
	flags []string
	cmd   *exec.Cmd
	log   *tail
	ended chan struct{} // closed once cmd has been waited for
}

// Start starts a cloud with these flags of `localcloud serve`, on free ports,
// over a new folder, and waits until it serves. The cloud is stopped at the
// end of the test, and its last words are logged if the test has failed.
func Start(t testing.TB, flags ...string) *Process {
	t.Helper()
	return StartIn(t, t.TempDir(), flags...)
}

// StartIn is Start over a folder of the caller's.
func StartIn(t testing.TB, dir string, flags ...string) *Process {
	t.Helper()
	p := &Process{Dir: dir, Binary: Build(t), t: t, flags: flags}
	t.Cleanup(func() {
		p.Stop()
		if t.Failed() {
			t.Logf("localcloud said last:\n%s", p.log)
		}
	})
	p.start("--s3-port=0", "--mediaconvert-port=0", "--cloudfront-port=0", "--sqs-port=0", "--edge-port=0", "--admin-port=0")
	return p
}

func (p *Process) start(ports ...string) {
	p.t.Helper()
	args := append(append([]string{"serve", "--stop-at-eof", "--dir", p.Dir}, ports...), p.flags...)
	_ = os.Remove(filepath.Join(p.Dir, "endpoints.json")) // of an earlier run
	p.log = new(tail)
	p.cmd = exec.Command(p.Binary, args...)
	p.cmd.Stdout, p.cmd.Stderr = p.log, p.log
	ownGroup(p.cmd)
	if _, err := p.cmd.StdinPipe(); err != nil { // ends with this process, however that ends
		p.t.Fatalf("start localcloud: %v", err)
	}
	if err := p.cmd.Start(); err != nil {
		p.t.Fatalf("start localcloud: %v", err)
	}
	p.ended = make(chan struct{})
	go func(cmd *exec.Cmd, ended chan struct{}) {
		_ = cmd.Wait() // Stop looks at the state
		close(ended)
	}(p.cmd, p.ended)
	deadline := time.Now().Add(startTimeout)
	for !p.serves() {
		select {
		case <-p.ended:
			p.t.Fatalf("localcloud ended at its start: %v\n%s", p.cmd.ProcessState, p.log)
		case <-time.After(20 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			p.Kill()
			p.t.Fatalf("localcloud does not serve after %v\n%s", startTimeout, p.log)
		}
	}
}

// serves reads where the cloud is and asks whether it is ready.
func (p *Process) serves() bool {
	b, err := os.ReadFile(filepath.Join(p.Dir, "endpoints.json"))
	if err != nil || json.Unmarshal(b, &p.Endpoints) != nil {
		return false
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, p.Admin+"/healthz", nil)
	if err != nil {
		return false
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return false
	}
	resp.Body.Close()
	return resp.StatusCode == http.StatusOK
}

// Kill ends the cloud as a power cut would. A cloud that has ended stays so.
func (p *Process) Kill() {
	p.t.Helper()
	if p.over() {
		return
	}
	killGroup(p.cmd)
	<-p.ended
}

// Stop ends the cloud in order and fails the test if it does not do so.
func (p *Process) Stop() {
	p.t.Helper()
	if p.over() {
		return
	}
	_ = p.cmd.Process.Signal(os.Interrupt) // it may have ended just now
	select {
	case <-p.ended:
		if !p.cmd.ProcessState.Success() {
			p.t.Errorf("localcloud stopped with %v\n%s", p.cmd.ProcessState, p.log)
		}
	case <-time.After(stopTimeout):
		p.t.Errorf("localcloud does not stop after %v\n%s", stopTimeout, p.log)
		p.Kill()
	}
}

func (p *Process) over() bool {
	if p.cmd == nil || p.ended == nil {
		return true
	}
	select {
	case <-p.ended:
		return true
	default:
		return false
	}
}

// Restart starts a cloud that has ended, or stops it first, over its folder
// and on its ports. Flags given replace the earlier ones.
func (p *Process) Restart(flags ...string) {
	p.t.Helper()
	p.Stop()
	if len(flags) > 0 {
		p.flags = flags
	}
	port := func(name, url string) string { return "--" + name + "-port=" + url[strings.LastIndexByte(url, ':')+1:] }
	p.flags = slices.Clone(p.flags)
	for i, f := range p.flags {
		for name, url := range map[string]string{"mirror": p.Mirror, "iis": p.IIS} {
			if url != "" && strings.HasPrefix(f, "--"+name+"-port=") {
				p.flags[i] = port(name, url)
			}
		}
	}
	p.start(port("s3", p.S3), port("mediaconvert", p.MediaConvert), port("cloudfront", p.CloudFront), port("sqs", p.SQS), port("edge", p.Edge), port("admin", p.Admin))
}

// Log returns what the cloud has said lately.
func (p *Process) Log() string { return p.log.String() }

// tail keeps the end of what is written to it.
type tail struct {
	mu sync.Mutex
	b  []byte
}

const tailSize = 64 << 10 // bytes

func (l *tail) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.b = append(l.b, b...)
	if over := len(l.b) - tailSize; over > 0 {
		l.b = bytes.Clone(l.b[over:])
	}
	return len(b), nil
}

func (l *tail) String() string {
	if l == nil {
		return ""
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return string(l.b)
}

var _ fmt.Stringer = (*tail)(nil)
