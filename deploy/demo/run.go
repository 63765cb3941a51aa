package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/vodfleet/vodfleet/internal/cloud"
	"github.com/vodfleet/vodfleet/internal/cloud/awscloud"
	"github.com/vodfleet/vodfleet/internal/e2e/clips"
	"github.com/vodfleet/vodfleet/internal/ledger"
	"github.com/vodfleet/vodfleet/internal/run"
)

// demo is one run.
type demo struct {
	root    string // folder of the repository
	dir     string // what is kept between runs
	library string // folder of the videos
	sample  bool   // it is the sample library
	wants   map[string]string
	once    bool

	ports  ports
	procs  *processes
	show   *screen
	out    io.Writer
	store  cloud.Store
	up     *uploader
	follow *follower

	assets map[string]*asset // by key
	known  map[string]video  // files as they were brought
}

// errUnfinished is the end of a demo in which something did not go as it should.
var errUnfinished = errors.New("not every asset ended as it should; see the table")

// Run runs the demo until ctx ends or, with ONCE=1, until all is done. It
// leaves nothing running.
func Run(ctx context.Context, _ []string, out io.Writer) (err error) {
	start := time.Now()
	d, err := prepare(out, start)
	if err != nil {
		return err
	}
	unlock, err := lock(d.dir)
	if err != nil {
		return err
	}
	defer unlock()
	d.procs = newProcesses(d.root, filepath.Join(d.dir, "log"))
	defer func() {
		d.show.end()
		d.show.say("stopping")
		err = errors.Join(err, d.procs.stop())
	}()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go d.guard(ctx, cancel)

	err = d.run(ctx)
	if cause := context.Cause(ctx); cause != nil && !errors.Is(cause, context.Canceled) {
		return cause
	}
	return err
}

// prepare finds the folders and the ports of this run.
func prepare(out io.Writer, start time.Time) (*demo, error) {
	root, err := os.Getwd()
	if err != nil {
		return nil, err
	}
	once := os.Getenv("ONCE")
	d := &demo{
		root: root, dir: filepath.Join(root, ".run", "demo"), out: out, show: newScreen(out, start),
		once: once != "" && once != "0", wants: map[string]string{}, assets: map[string]*asset{}, known: map[string]video{},
	}
	if d.library = os.Getenv("LIBRARY"); d.library == "" {
		d.sample, d.library = true, filepath.Join(d.dir, "library")
		for _, s := range clips.Library() {
			d.wants[s.Name] = "published"
			if s.Kind != clips.Whole {
				d.wants[s.Name] = "failed"
			}
		}
	} else if d.dir, d.library, err = ownLibrary(d.dir, d.library); err != nil {
		return nil, run.UsageError(err)
	}
	settle()
	for _, folder := range []string{"log", "cloud", "redis", "library"} {
		if err := os.MkdirAll(filepath.Join(d.dir, folder), 0o755); err != nil {
			return nil, err
		}
	}
	return d, nil
}

// lock takes the folder for this run alone.
func lock(dir string) (unlock func(), err error) {
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		f.Close()
		return nil, fmt.Errorf("demo in %s: another one runs there: %w", dir, err)
	}
	return func() { f.Close() }, nil
}

// guard ends the demo when one of its processes ends, or when whatever has
// started it is gone and nobody is left to press Ctrl-C.
func (d *demo) guard(ctx context.Context, cancel context.CancelCauseFunc) {
	parent := os.Getppid()
	tick := time.NewTicker(500 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case one := <-d.procs.died:
			cancel(one.ended())
			return
		case <-tick.C:
			if os.Getppid() != parent {
				cancel(errors.New("what started the demo has ended"))
				return
			}
		}
	}
}

func (d *demo) run(ctx context.Context) error {
	f, err := os.Open(filepath.Join(d.root, "Procfile"))
	if err != nil {
		return fmt.Errorf("run in the repository's root: %w", err)
	}
	defer f.Close()
	commands, err := parseProcfile(f)
	if err != nil {
		return err
	}
	p := d.newPass(ctx)
	p.produce(d.produce) // while the processes start
	defer p.stop()
	if err := d.start(ctx, commands); err != nil {
		return err
	}
	if err := p.run(ctx); err != nil {
		return err
	}
	if err := d.result(); d.once || err != nil && ctx.Err() != nil {
		return err
	}
	return d.stay(ctx)
}

// start starts the processes, what others need first.
func (d *demo) start(ctx context.Context, commands []entry) (err error) {
	file := filepath.Join(d.dir, "ports.json")
	if d.ports, err = pickPorts(recall(file), loopback); err != nil {
		return err
	}
	if err := d.ports.remember(file); err != nil {
		return err
	}
	vars := base(d.dir, d.ports)
	first := func(name string) bool { return name == "redis" || name == "localcloud" }
	for _, c := range commands {
		if first(c.name) {
			if err := d.procs.start(c.name, c.command, vars); err != nil {
				return err
			}
		}
	}
	d.show.say("Redis on %s, the local cloud on ports %d, %d, %d, %d, %d and %d", d.ports.addr("REDIS_PORT"),
		d.ports["S3_PORT"], d.ports["MEDIACONVERT_PORT"], d.ports["CLOUDFRONT_PORT"], d.ports["SQS_PORT"], d.ports["EDGE_PORT"], d.ports["ADMIN_PORT"])
	if err := await(ctx, "redis", func() bool { return pings(d.ports.addr("REDIS_PORT")) }); err != nil {
		return err
	}
	if err := await(ctx, "localcloud", func() bool { return healthy(d.ports.url("ADMIN_PORT")) }); err != nil {
		return err
	}
	d.show.ready = time.Now()
	more, err := cloudEnv(d.root, d.dir)
	if err != nil {
		return err
	}
	if err := d.connect(ctx, more); err != nil {
		return err
	}
	digest, err := furnish(ctx, d.store)
	if err != nil {
		return err
	}
	vars = append(append(vars, more...), "VODFLEET_PROFILE="+digest)
	if err := writeEnv(filepath.Join(d.dir, "env"), vars); err != nil {
		return err
	}
	for _, c := range commands {
		switch {
		case first(c.name):
		case c.name == "worker":
			for _, n := range []string{"1", "2"} {
				own := append(vars[:len(vars):len(vars)], "VODFLEET_ADMIN_ADDR="+d.ports.addr("WORKER_"+n+"_PORT"))
				if err := d.procs.start("worker-"+n, c.command, own); err != nil {
					return err
				}
			}
		default:
			if err := d.procs.start(c.name, c.command, vars); err != nil {
				return err
			}
		}
	}
	d.show.say("two workers, the enqueuer, the dashboard and the library page start")
	return nil
}

// connect makes the demo itself a client of the cloud.
func (d *demo) connect(ctx context.Context, vars []string) error {
	setenv(vars)
	aws, err := awscloud.New(ctx, awscloud.Options{})
	if err != nil {
		return err
	}
	d.store = aws.Store()
	if d.up, err = newUploader(ctx); err != nil {
		return err
	}
	d.follow = &follower{
		book:   ledger.New(d.store, cloud.Location{Bucket: ledgerBucket, Key: ledgerPrefix}),
		viewer: d.ports.url("EDGE_PORT"), admin: d.ports.url("ADMIN_PORT"),
		client: &http.Client{Timeout: 10 * time.Second}, show: d.show, moved: time.Now(),
	}
	return nil
}

// near is a path as it is written from the repository's root, where it is below.
func (d *demo) near(path string) string {
	if rel, err := filepath.Rel(d.root, path); err == nil && filepath.IsLocal(rel) {
		return rel
	}
	return path
}

// result prints the table and the addresses, and says whether all ended as it
// should.
func (d *demo) result() error {
	d.show.end()
	all := d.all()
	fmt.Fprintln(d.out)
	printTable(d.out, all, d.show)
	fmt.Fprintf(d.out, "\n  Library page  %s/library/index.html\n  asynqmon      %s/\n  Local cloud   %s/  (/calls, /jobs, /faults)\n  Logs          %s\n\n",
		d.ports.url("EDGE_PORT"), d.ports.url("DASHBOARD_PORT"), d.ports.url("ADMIN_PORT"), d.near(filepath.Join(d.dir, "log")))
	for _, a := range all {
		if !a.right() {
			return errUnfinished
		}
	}
	return nil
}
