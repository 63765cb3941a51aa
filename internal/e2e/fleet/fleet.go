// Package fleet runs a whole vodfleet for tests: real Redis, the local cloud's
// binary, and workers and enqueuers as processes of their own, which can be
// killed. What is put in and what must come out is the test's business.
package fleet

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/vodfleet/vodfleet/internal/cloud"
	"github.com/vodfleet/vodfleet/internal/cloud/awscloud"
	"github.com/vodfleet/vodfleet/internal/distribution"
	"github.com/vodfleet/vodfleet/internal/e2e/lcproc"
	"github.com/vodfleet/vodfleet/internal/ledger"
	"github.com/vodfleet/vodfleet/internal/queue"
	"github.com/vodfleet/vodfleet/internal/queue/redistest"
	"github.com/vodfleet/vodfleet/tasks"
)

// The buckets of every fleet.
const (
	Library = "library"
	Reports = "reports"
	Streams = "streams"
	Ledger  = "ledger"
)

// Inventory is where reports appear.
const Inventory = "s3://" + Reports + "/inventory"

// Options say how a fleet differs from the usual one.
type Options struct {
	Cloud []string // further flags of localcloud
	Env   []string // further settings, "NAME=value", which win
	Dir   string   // keeps what cloud, Redis and processes leave, for a later fleet there; empty: a folder of the test
}

// Fleet is a fleet without workers until some are started.
type Fleet struct {
	Cloud *lcproc.Process
	Redis *redistest.Server
	Store cloud.Store // of the cloud, as an ordinary client
	Book  *ledger.Store
	Queue *queue.Inspector

	t   testing.TB
	dir string
	env []string
}

// Start starts Redis and the cloud, and ends them with the test.
func Start(t testing.TB, o Options) *Fleet {
	t.Helper()
	build(t)
	flags := append([]string{
		"--bucket", Library, "--bucket", Reports, "--bucket", Ledger + ":versioned", "--bucket", Streams, "--origin-bucket", Streams,
	}, o.Cloud...)
	f := &Fleet{t: t, dir: o.Dir}
	if f.dir == "" {
		f.dir = t.TempDir()
	}
	f.Redis = redistest.StartIn(t, f.folder("redis"), "--appendonly", "yes", "--maxmemory-policy", "noeviction", "--save", "")
	f.Cloud = lcproc.StartIn(t, f.folder("cloud"), flags...)
	f.env = append(os.Environ(), f.Cloud.Env()...)
	f.env = append(f.env,
		"VODFLEET_REDIS_URL="+f.Redis.URL(), "VODFLEET_SOURCES="+Library, "VODFLEET_LEDGER=s3://"+Ledger+"/fleet",
		"VODFLEET_INVENTORY="+Inventory, "VODFLEET_WATCH_EVERY=1s", "VODFLEET_LOG_LEVEL=info")
	f.env = append(f.env, o.Env...)

	f.Store = f.Client().Store()
	if slices.Contains(o.Cloud, "--smooth") {
		f.policyFiles()
	}
	f.Book = ledger.New(f.Store, cloud.Location{Bucket: Ledger, Key: "fleet"})
	opt, err := queue.ParseRedis(f.Redis.URL())
	if err != nil {
		t.Fatal(err)
	}
	if f.Queue, err = queue.NewInspector(opt); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Queue.Close() })
	return f
}

// policyFiles puts what lets Smooth through at the distribution's root.
func (f *Fleet) policyFiles() {
	f.t.Helper()
	files, err := distribution.PolicyFiles(nil)
	if err != nil {
		f.t.Fatal(err)
	}
	for _, p := range files {
		if _, err := f.Store.Put(context.Background(), cloud.Put{Location: cloud.Location{Bucket: Streams, Key: p.Name}, Body: p.Body, ContentType: "text/xml"}); err != nil {
			f.t.Fatal(err)
		}
	}
}

// folder makes a folder of the fleet's.
func (f *Fleet) folder(name string) string {
	f.t.Helper()
	dir := filepath.Join(f.dir, name)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		f.t.Fatal(err)
	}
	return dir
}

// Environment returns what the fleet's processes are started with, for those
// that the test starts by itself.
func (f *Fleet) Environment() []string { return slices.Clone(f.env) }

// environment is held while the process's own environment is a cloud's: the SDK
// takes its settings from there, and fleets run side by side.
var environment sync.Mutex

// Client returns the cloud as an ordinary client has it, with further settings
// of the AWS SDK, "NAME=value".
func (f *Fleet) Client(settings ...string) *awscloud.Cloud {
	f.t.Helper()
	environment.Lock()
	defer environment.Unlock()
	for _, v := range append(f.Cloud.Env(), settings...) {
		name, value, _ := strings.Cut(v, "=")
		before, was := os.LookupEnv(name)
		if err := os.Setenv(name, value); err != nil { // t.Setenv refuses parallel tests
			f.t.Fatal(err)
		}
		defer func() {
			if was {
				_ = os.Setenv(name, before)
			} else {
				_ = os.Unsetenv(name)
			}
		}()
	}
	aws, err := awscloud.New(f.t.Context(), awscloud.Options{})
	if err != nil {
		f.t.Fatal(err)
	}
	return aws
}

var built sync.Mutex

// build brings bin/worker and bin/enqueuer up to date.
func build(t testing.TB) {
	t.Helper()
	built.Lock()
	defer built.Unlock()
	out, err := command(t, "go", "build", "-o", filepath.Join(lcproc.Root(), "bin")+"/", "./worker", "./enqueuer").CombinedOutput()
	if err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
}

func command(t testing.TB, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), name, args...)
	cmd.Dir = lcproc.Root()
	return cmd
}

// Process is a worker or an enqueuer at work.
type Process struct {
	Name string

	t    testing.TB
	cmd  *exec.Cmd
	log  string // path
	done chan struct{}
	err  error
}

// Worker starts a worker with further flags, and stops it with the test.
func (f *Fleet) Worker(flags ...string) *Process {
	f.t.Helper()
	return f.start("worker", append([]string{"--admin-addr", "127.0.0.1:0"}, flags...)...)
}

// Enqueuer starts an enqueuer's command that goes on, such as watch.
func (f *Fleet) Enqueuer(args ...string) *Process {
	f.t.Helper()
	return f.start("enqueuer", args...)
}

func (f *Fleet) start(binary string, args ...string) *Process {
	f.t.Helper()
	file, err := os.CreateTemp(f.dir, binary+"-*.log")
	if err != nil {
		f.t.Fatal(err)
	}
	defer file.Close()
	p := &Process{Name: binary, t: f.t, log: file.Name(), done: make(chan struct{})}
	p.cmd = command(f.t, filepath.Join(lcproc.Root(), "bin", binary), args...)
	p.cmd.Env, p.cmd.Stdout, p.cmd.Stderr = f.env, file, file
	if err := p.cmd.Start(); err != nil {
		f.t.Fatal(err)
	}
	go func() {
		defer close(p.done)
		p.err = p.cmd.Wait()
	}()
	f.t.Cleanup(func() {
		p.Kill()
		if f.t.Failed() {
			f.t.Logf("%s %s:\n%s", binary, strings.Join(args, " "), p.Log())
		}
	})
	return p
}

// Kill ends the process as kill -9 does. A repeat is safe.
func (p *Process) Kill() {
	_ = p.cmd.Process.Kill()
	<-p.done
}

// stopping is how long a process may take to drain.
const stopping = 45 * time.Second

// Stop asks the process to stop and fails the test unless it does so in order.
func (p *Process) Stop() {
	p.t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		p.t.Fatalf("stop %s: %v", p.Name, err)
	}
	select {
	case <-p.done:
	case <-time.After(stopping):
		p.t.Fatalf("stop %s: it goes on after %v\n%s", p.Name, stopping, p.Log())
	}
	if p.err != nil {
		p.t.Fatalf("stop %s: %v\n%s", p.Name, p.err, p.Log())
	}
}

// maxLog bounds what of a log is shown.
const maxLog = 20 << 10

// Log returns the end of what the process has said.
func (p *Process) Log() string {
	text, err := os.ReadFile(p.log)
	if err != nil {
		return err.Error()
	}
	return string(text[max(0, len(text)-maxLog):])
}

// Run runs an enqueuer's command to its end and returns its output and exit
// code. Standard error is in the output if withErrors.
func (f *Fleet) Run(args ...string) (out string, code int) {
	f.t.Helper()
	ctx, cancel := context.WithTimeout(f.t.Context(), 5*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, filepath.Join(lcproc.Root(), "bin", "enqueuer"), args...)
	var text bytes.Buffer
	cmd.Env, cmd.Stdout, cmd.Stderr, cmd.Dir = f.env, &text, &text, f.dir
	err := cmd.Run()
	if e, ok := errors.AsType[*exec.ExitError](err); ok {
		return text.String(), e.ExitCode()
	}
	if err != nil {
		f.t.Fatalf("run enqueuer %s: %v", strings.Join(args, " "), err)
	}
	return text.String(), 0
}

// Upload puts bytes into the library and returns the asset's ID.
func (f *Fleet) Upload(key string, body []byte) string {
	f.t.Helper()
	if _, err := f.Store.Put(f.t.Context(), cloud.Put{Location: cloud.Location{Bucket: Library, Key: key}, Body: body}); err != nil {
		f.t.Fatal(err)
	}
	return tasks.AssetID(Library, key)
}

// Report writes an inventory report of the library as it is.
func (f *Fleet) Report() {
	f.t.Helper()
	f.Cloud.Run("inventory", "--bucket", Library, "--to", Inventory, "--format", "csv")
}

// Await waits until every asset's record satisfies done, and returns them.
func (f *Fleet) Await(limit time.Duration, done func(*ledger.Record) bool, assets ...string) []*ledger.Record {
	f.t.Helper()
	deadline := time.Now().Add(limit)
	recs := make([]*ledger.Record, len(assets))
	for {
		left := 0
		for i, asset := range assets {
			if recs[i] != nil && done(recs[i]) {
				continue
			}
			rec, err := f.Book.Get(f.t.Context(), asset)
			switch {
			case err == nil:
				recs[i] = rec
			case errors.Is(err, cloud.ErrNotFound), cloud.Retryable(err):
			default:
				f.t.Fatal(err)
			}
			if recs[i] == nil || !done(recs[i]) {
				left++
			}
		}
		if left == 0 {
			return recs
		}
		if time.Now().After(deadline) {
			for i, asset := range assets {
				if recs[i] == nil || !done(recs[i]) {
					f.t.Errorf("asset %s after %v: %s", asset, limit, tell(recs[i]))
				}
			}
			f.t.FailNow()
		}
		time.Sleep(200 * time.Millisecond)
	}
}

// Ended reports whether nothing is left to do for a record.
func Ended(r *ledger.Record) bool { return !r.Open() }

func tell(r *ledger.Record) string {
	if r == nil {
		return "no record"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s, source %s", r.Status(), r.Location)
	for _, e := range r.History {
		fmt.Fprintf(&b, "\n  %s %s", e.At.Format(time.TimeOnly), e.What)
	}
	return b.String()
}
