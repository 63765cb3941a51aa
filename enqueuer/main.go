// Command enqueuer feeds the fleet and steers it: single videos, inventory
// reports, and what operators ask about them.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/alecthomas/kong"
	"github.com/vodfleet/vodfleet/internal/cloud"
	"github.com/vodfleet/vodfleet/internal/queue"
	"github.com/vodfleet/vodfleet/internal/run"
	"go.uber.org/zap"
)

func main() {
	os.Exit(run.Main("enqueuer", Run))
}

// cli is the command line; a command is a file of this folder.
type cli struct {
	Add          addCmd          `cmd:"" help:"Enqueue one or more videos, ahead of bulk work."`
	Scan         scanCmd         `cmd:"" help:"Enqueue what is new or changed in one inventory report."`
	Watch        watchCmd        `cmd:"" help:"Scan inventory reports as they appear, and take uploads."`
	Status       statusCmd       `cmd:"" help:"Count assets by state, and tasks by queue."`
	Explain      explainCmd      `cmd:"" help:"Tell one asset's whole story."`
	Failures     failuresCmd     `cmd:"" help:"Group what has failed by its cause."`
	Redrive      redriveCmd      `cmd:"" help:"Send failed assets again."`
	Rollback     rollbackCmd     `cmd:"" help:"Show viewers the build before the current one again."`
	Remove       removeCmd       `cmd:"" help:"Take assets from viewers, and keep them away."`
	Restore      restoreCmd      `cmd:"" help:"Take removed assets back."`
	Reconcile    reconcileCmd    `cmd:"" help:"Find and mend what crashes leave behind."`
	Gates        gatesCmd        `cmd:"" help:"List, open and close gates."`
	Pause        pauseCmd        `cmd:"" help:"Have no further task of a stage started."`
	Resume       resumeCmd       `cmd:"" help:"Have the tasks of a stage started again."`
	Distribution distributionCmd `cmd:"" help:"Make a CloudFront distribution for the output, or adapt one."`
	Profile      profileCmd      `cmd:"" help:"Check, store and show profiles."`
	Library      libraryCmd      `cmd:"" help:"Write a page that lists and plays the library."`
	Dashboard    dashboardCmd    `cmd:"" help:"Serve asynqmon."`
	Doctor       doctorCmd       `cmd:"" help:"Check what the fleet needs around it, and mend the distribution."`
	Health       healthCmd       `cmd:"" help:"Ask a program whether it is well: for container health checks."`
}

const help = `Feed the fleet with videos and ask what became of them.

Settings are flags, or else VODFLEET_* environment variables. Credentials,
region, endpoints and retries of AWS are the AWS SDK's own (AWS_PROFILE,
AWS_REGION, AWS_ENDPOINT_URL_S3, AWS_MAX_ATTEMPTS, …).

Examples:

  enqueuer add --wait s3://library/films/one.mp4
  enqueuer scan --manifest s3://reports/inv/library/all/2026-11-22T01-00Z/manifest.json
  enqueuer watch --inventory s3://reports/inv --uploads https://sqs.eu-west-1.amazonaws.com/111122223333/vodfleet-uploads
  enqueuer status --output json
  enqueuer explain s3://library/films/one.mp4
  enqueuer failures
  enqueuer redrive --class access
  enqueuer dashboard --listen 127.0.0.1:8980

Exit codes: 0 done; 1 failed; 2 wrong usage, nothing was tried; 3 done, and an
asset failed or was left for later; 130 interrupted.`

// env is what every command gets.
type env struct {
	ctx   context.Context
	out   io.Writer
	log   io.Writer // of commands that go on
	store func(ctx context.Context) (cloud.Store, error)

	events func(ctx context.Context, queueURL string) (cloud.Events, error) // nil: of AWS

	transcoder func(ctx context.Context) (cloud.Transcoder, error)

	account func(ctx context.Context) (cloud.Inspector, error) // nil: AWS's

	cdn func(ctx context.Context) (cloud.CDN, error) // nil: AWS's
	in  io.Reader                                    // answers to questions; nil: standard input
}

// Run parses args and runs the command that they name.
func Run(ctx context.Context, args []string, out io.Writer) error {
	queue.LogRedis(zap.NewNop()) // a command's own error says it
	return (&env{ctx: ctx, out: out, log: os.Stderr, store: awsStore, transcoder: awsTranscoder}).run(args)
}

// parser returns the parser of the command line. It tells asked of a --help.
func parser(out io.Writer, asked *bool) (*kong.Kong, error) {
	return kong.New(&cli{}, kong.Name("enqueuer"), kong.Description(help), kong.Writers(out, out),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 100}),
		kong.Vars{"classes": classNames(), "stages": strings.Join(kinds(), ",")},
		kong.Exit(func(int) { *asked = true }))
}

func (e *env) run(args []string) error {
	asked := false
	k, err := parser(e.out, &asked)
	if err != nil {
		return fmt.Errorf("flags: %w", err)
	}
	if len(args) == 0 {
		args = []string{"--help"}
	}
	command, err := k.Parse(args)
	if asked {
		return nil
	}
	if err != nil {
		return run.UsageError(fmt.Errorf("%w; see enqueuer --help", err))
	}
	return command.Run(e)
}
