package main

import (
	"context"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/alecthomas/kong"
	"github.com/vodfleet/vodfleet/internal/cloud"
	"github.com/vodfleet/vodfleet/internal/config"
	"github.com/vodfleet/vodfleet/internal/ledger"
	"github.com/vodfleet/vodfleet/internal/run"
	"github.com/vodfleet/vodfleet/internal/stage"
	"github.com/vodfleet/vodfleet/tasks"
	"go.uber.org/zap"
)

// flags are the worker's settings.
type flags struct {
	config.Redis
	config.Ledger
	config.Sources
	config.Viewer
	config.OriginKind
	config.Mirror
	config.Profile
	config.Transcode
	config.Govern
	config.Invalidate
	config.Grace
	config.Log

	Queues             []string `env:"VODFLEET_QUEUES" help:"Queues to serve, comma separated; all by default: ${queues}." placeholder:"QUEUE,…"`
	Concurrency        int      `env:"VODFLEET_CONCURRENCY" default:"16" help:"Tasks at work at a time in this process."`
	AdminAddr          string   `env:"VODFLEET_ADMIN_ADDR" default:"127.0.0.1:9464" help:"Address of /healthz, /readyz and /metrics." placeholder:"HOST:PORT"`
	AllowVolatileRedis bool     `env:"VODFLEET_ALLOW_VOLATILE_REDIS" help:"Run on a Redis without persistence and without a replica, which loses the queue with its process: for trying things out."`

	DrainTimeout time.Duration `env:"VODFLEET_DRAIN_TIMEOUT" default:"30s" help:"How long running tasks may finish after SIGTERM; the rest goes back to the queue. Give the process a longer grace than this."`
}

const help = `Run the fleet's tasks: ingest, transcode-submit, transcode-poll, publish and
invalidate-or-rename.

Settings are flags, or else VODFLEET_* environment variables. Credentials,
region, endpoints and retries of AWS are the AWS SDK's own (AWS_PROFILE,
AWS_REGION, AWS_ENDPOINT_URL_S3, AWS_MAX_ATTEMPTS, …).

Examples:

  worker                                     every queue, 16 tasks at a time
  worker --queues publish,transcode-poll     only these stages
  worker --concurrency 64 --admin-addr :9464

Exit codes: 0 stopped when asked to, 1 failed, 2 wrong usage.`

// profileDigest is what a worker takes for a profile: it never digests a file,
// because a fleet's machines may have different ones.
var profileDigest = regexp.MustCompile(`^[0-9a-f]{32}$`)

// parse reads the command line. A nil result without an error means that help
// was asked for.
func parse(args []string, out io.Writer) (*flags, error) {
	var f flags
	asked := false
	k, err := kong.New(&f, kong.Name("worker"), kong.Description(help), kong.Writers(out, out),
		kong.Vars{"queues": strings.Join(tasks.Queues(), ", ")},
		kong.ConfigureHelp(kong.HelpOptions{WrapUpperBound: 100}),
		kong.Exit(func(int) { asked = true }))
	if err != nil {
		return nil, fmt.Errorf("flags: %w", err)
	}
	_, err = k.Parse(args)
	if asked {
		return nil, nil
	}
	if err == nil {
		err = f.check()
	}
	if err != nil {
		return nil, run.UsageError(fmt.Errorf("%w; see worker --help", err))
	}
	return &f, nil
}

func (f *flags) check() error {
	if f.Concurrency < 1 || f.Concurrency > 1000 {
		return fmt.Errorf("concurrency %d: want 1 to 1000", f.Concurrency)
	}
	if f.Profile.Profile != "default" && !profileDigest.MatchString(f.Profile.Profile) {
		return fmt.Errorf("profile %q: a worker takes \"default\" or a stored profile's digest; store a file with `enqueuer profile put FILE`", f.Profile.Profile)
	}
	for _, q := range f.Queues {
		if !slices.Contains(tasks.Queues(), q) {
			return fmt.Errorf("queue %q: want some of %s", q, strings.Join(tasks.Queues(), ", "))
		}
	}
	if f.DrainTimeout <= 0 {
		return fmt.Errorf("drain-timeout %v: want more than none", f.DrainTimeout)
	}
	if err := f.Govern.Check(); err != nil {
		return err
	}
	if err := f.Invalidate.Check(); err != nil {
		return err
	}
	if f.Grace.Grace < 0 {
		return fmt.Errorf("grace %v: want none or more", f.Grace.Grace)
	}
	return config.CheckApart(f.Sources, f.Output, f.Ledger.Ledger)
}

// Waits between attempts to reach the ledger at the start.
const (
	firstWait = 200 * time.Millisecond
	longWait  = 5 * time.Second
)

// profiles opens the profiles beside the ledger. A ledger that does not answer
// is waited for, with a word in the log: no task could be done without it.
func (f *flags) profiles(ctx context.Context, log *zap.Logger, book *ledger.Store) (*stage.StoredProfiles, error) {
	for wait := firstWait; ; wait = min(2*wait, longWait) {
		p, err := stage.NewProfiles(ctx, book, f.profile())
		if err == nil || !cloud.Retryable(err) {
			return p, err
		}
		log.Warn("waiting for the ledger", zap.String("ledger", f.Ledger.Ledger.String()), zap.Error(err))
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(wait):
		}
	}
}

// profile is the digest of the default profile, empty for the built-in one.
func (f *flags) profile() string {
	if f.Profile.Profile == "default" {
		return ""
	}
	return f.Profile.Profile
}
