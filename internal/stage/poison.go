package stage

import (
	"context"
	"fmt"

	"github.com/vodfleet/vodfleet/internal/ledger"
	"github.com/vodfleet/vodfleet/internal/queue"
)

// maxCrashes is how often a task may cost its worker's life: by memory, or by
// whatever else its content makes a process do. The source is in quarantine
// then, and the failures of others are not spent on it.
const maxCrashes = 3

// poisoned reports whether the running task has cost too many workers.
func poisoned(ctx context.Context) bool { return queue.Crashes(ctx) >= maxCrashes }

// quarantine records why, and ends the task.
func quarantine(ctx context.Context, what string, record func(ledger.Failure) error) error {
	n := queue.Crashes(ctx)
	err := fmt.Errorf("%s: its worker died %d times at it", what, n)
	return end(err, record, ledger.Failure{
		Class: ledger.BadSource, Quarantine: true, Attempts: n,
		Message: fmt.Sprintf("the worker that handled it died %d times, by memory or by a crash: no other try before a new upload or a redrive", n),
	})
}
