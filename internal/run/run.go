// Package run starts and ends a program: its signals, its exit code, and the
// order in which its parts stop. What the parts do is theirs.
package run

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

// Exit codes of vodfleet's programs.
const (
	OK         = 0
	Failed     = 1 // the command could not do its work; the message says why
	Usage      = 2 // wrong flags, arguments or environment: nothing was tried
	Unfinished = 3 // the command did its work, and some asset failed or was left

	Interrupted = 130 // by a signal, before the work was done
)

// Error is an error with an exit code.
type Error struct {
	Code int
	Err  error
}

func (e *Error) Error() string { return e.Err.Error() }
func (e *Error) Unwrap() error { return e.Err }

// UsageError marks err as the caller's mistake: exit code [Usage].
func UsageError(err error) error { return &Error{Usage, err} }

// Main runs f until it returns or the process gets SIGINT or SIGTERM, which
// cancels f's context; a second signal kills the process. It prints f's error
// on standard error and returns the exit code. A program that is asked to stop
// and does so in order returns nil; one that leaves work undone returns the
// context's error.
func Main(name string, f func(ctx context.Context, args []string, stdout io.Writer) error) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // from then on a second signal kills

	err := f(ctx, os.Args[1:], os.Stdout)
	if err == nil {
		return OK
	}
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		return Interrupted
	}
	fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Code
	}
	return Failed
}
