package queue

import "context"

type crashesKey struct{}

// WithCrashes returns a context in which [Crashes] is n: for tests of handlers.
func WithCrashes(ctx context.Context, n int) context.Context {
	return context.WithValue(ctx, crashesKey{}, n)
}

// Crashes is how often the running task has lost its worker before this run:
// the process died, or the host did, while it was at work. Success ends the
// count; waits and failures do not. It is 0 outside a handler.
//
// A process runs one task at a time whose Crashes is not 0, so that one which
// kills its worker is told from those that died with it.
func Crashes(ctx context.Context) int {
	n, _ := ctx.Value(crashesKey{}).(int)
	return n
}
