package queue

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/vodfleet/vodfleet/tasks"
)

// poison is the task whose handler kills its worker.
var poison = tasks.Publish{Asset: tasks.AssetID("library", "poison.mp4"), Build: 1}

const (
	crashingRedis = "VODFLEET_TEST_CRASHING_REDIS" // set in the worker's process alone
	crashingRuns  = "test:runs"                    // a list of "ID FAILURES CRASHES", by run
	besides       = 5                              // innocent tasks at work when the worker dies, at first
)

// TestCrashingWorker is the worker's process of TestPoisonTask; it is no test.
func TestCrashingWorker(t *testing.T) {
	url := os.Getenv(crashingRedis)
	if url == "" {
		return
	}
	go func() { // it does not outlive the test
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(3)
	}()
	opt, err := ParseRedis(url)
	if err != nil {
		t.Fatal(err)
	}
	client, err := Dial(opt)
	if err != nil {
		t.Fatal(err)
	}
	s, err := NewServer(Options{Redis: opt, Queues: []string{"publish"}, Concurrency: 16})
	if err != nil {
		t.Fatal(err)
	}
	s.times.check, s.times.forward, s.times.crowded = 5*time.Millisecond, 10*time.Millisecond, 0
	var innocent counter
	Handle(s, func(ctx context.Context, p tasks.Publish) error {
		client.RPush(ctx, crashingRuns, fmt.Sprint(p.ID(), " ", Failures(ctx), " ", Crashes(ctx)))
		switch {
		case p != poison:
			innocent.enter()
			defer innocent.leave()
			time.Sleep(100 * time.Millisecond) // work
			return nil
		case Crashes(ctx) >= 3:
			return Permanent(errors.New("its worker died three times"))
		}
		for began := time.Now(); innocent.overlap() < besides && time.Since(began) < 50*time.Millisecond; {
			time.Sleep(time.Millisecond)
		}
		return syscall.Kill(os.Getpid(), syscall.SIGKILL)
	})
	t.Fatal(s.Run(context.Background()))
}

// A task that kills its worker is found out after three of them, real processes
// that die by SIGKILL, and ends. Those that died beside it, and those that come
// later, are done, with no failure counted, and none is taken for the culprit.
func TestPoisonTask(t *testing.T) {
	f := newFixture(t)
	innocents := 0
	more := func() {
		for range besides {
			innocents++
			f.enqueue(tasks.Publish{Asset: asset, Build: innocents})
		}
	}
	f.enqueue(poison)
	deaths := 0
	for ; deaths < 10; deaths++ {
		more()
		if !f.worker() {
			break
		}
		for _, id := range f.raw.ZRange(t.Context(), "asynq:{publish}:lease", 0, -1).Val() { // two minutes pass
			f.raw.ZIncrBy(t.Context(), "asynq:{publish}:lease", -120, id)
		}
	}
	if deaths != 3 {
		t.Errorf("%d workers died, want 3", deaths)
	}

	runs, ended := 0, ""
	for _, line := range f.raw.LRange(t.Context(), crashingRuns, 0, -1).Val() {
		id, counts, _ := strings.Cut(line, " ")
		if runs++; id == poison.ID() {
			ended = counts
		} else if counts != "0 0" && counts != "0 1" { // beside the culprit once at most
			t.Errorf("run of an innocent task: %s, want no failure and one crash at most", line)
		}
	}
	if ended != "0 3" {
		t.Errorf("the last run of the culprit had failures and crashes %q, want 0 3", ended)
	}
	info, err := f.inspect.Look(t.Context(), "publish", poison.ID())
	if err != nil || info.State != "archived" || info.LastErr != "its worker died three times: skip retry for the task" {
		t.Errorf("Look = %+v, %v, want the culprit to be given up", info, err)
	}
	if l := f.lengths("publish"); l.Outstanding() != 0 || l.Archived != 1 {
		t.Errorf("lengths are %+v, want every innocent task done", l)
	}
	if runs < innocents+4 {
		t.Errorf("%d runs of %d tasks: nobody died beside the culprit", runs, innocents)
	}
}

// worker runs a worker's process until it has died, or has no task left.
func (f *fixture) worker() (died bool) {
	f.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^TestCrashingWorker$")
	cmd.Env = append(os.Environ(), crashingRedis+"="+f.redis.URL())
	hold, err := cmd.StdinPipe()
	if err != nil {
		f.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		f.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	defer func() {
		_ = hold.Close()
		if !died {
			<-ended
		}
	}()
	f.until("the worker dies or has no task left", func() bool {
		select {
		case err := <-ended:
			died = true
			if e, ok := errors.AsType[*exec.ExitError](err); !ok || e.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
				f.Fatalf("worker ended with %v, want SIGKILL", err)
			}
			return true
		default:
			return f.lengths("publish").Outstanding() == 0
		}
	})
	return died
}
