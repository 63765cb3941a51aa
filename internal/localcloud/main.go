// Command localcloud is a cloud on this machine for vodfleet and its tests: S3,
// MediaConvert, CloudFront and SQS for the unmodified AWS SDK and CLI, with the
// events that the first two send to the last, an edge that
// viewers can play from, web servers for custom origins, and an administration that injects faults and keeps
// the record that tests judge by.
//
//	localcloud --dir DIR                 serve
//	eval "$(localcloud env --dir DIR)"   point this shell's AWS SDKs and CLI at it
//	localcloud inventory --dir DIR --bucket B --to s3://DEST/PREFIX
//
// It exits with 0 after an ordered stop, 1 when its work failed, and 2 when the
// command line is wrong.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"
)

// Exit codes.
const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 2
)

type cli struct {
	Serve     serveCmd     `cmd:"" default:"withargs" help:"Serve the cloud until SIGINT or SIGTERM (the default command)."`
	Env       envCmd       `cmd:"" help:"Print the export lines that point AWS SDKs and CLIs at a running cloud."`
	Inventory inventoryCmd `cmd:"" help:"Write an S3 Inventory report of a bucket, as S3 would."`
	Health    healthCmd    `cmd:"" help:"Ask a running cloud whether it is well: for container health checks."`
}

// usageError is the caller's mistake.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

// console is where a command speaks.
type console struct{ out, err io.Writer }

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // from then on a second signal kills
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	var c cli
	exited := -1
	parser, err := kong.New(&c,
		kong.Name("localcloud"),
		kong.Description("A cloud on this machine: S3, MediaConvert, CloudFront, SQS and an edge."),
		kong.Writers(stdout, stderr),
		kong.Exit(func(code int) { exited = code }),
		kong.BindTo(ctx, (*context.Context)(nil)),
		kong.Bind(console{stdout, stderr}),
	)
	if err != nil {
		fmt.Fprintln(stderr, "localcloud:", err)
		return exitFailed
	}
	parsed, err := parser.Parse(args)
	if exited >= 0 { // --help has been printed
		return exited
	}
	if err != nil {
		fmt.Fprintf(stderr, "localcloud: %v\nrun 'localcloud --help' for the flags\n", err)
		return exitUsage
	}
	if err := parsed.Run(); err != nil {
		fmt.Fprintln(stderr, "localcloud:", err)
		if _, ok := errors.AsType[usageError](err); ok {
			return exitUsage
		}
		return exitFailed
	}
	return exitOK
}
