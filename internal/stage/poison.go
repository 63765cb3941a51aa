package stage

import (
	"context"
	"fmt"
	"time"

	"github.com/vodfleet/vodfleet/internal/ledger"
	"github.com/vodfleet/vodfleet/internal/queue"
	"go.uber.org/zap"
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

// restTime is how long a task rests that cost too many workers: viewers wait for
// what is left to do, and if it is not bad luck each try costs another worker.
const restTime = 10 * time.Minute

// rest keeps a task that cost too many workers, and whose switch is made, so
// that there is nothing of the asset that could have failed, and a successor
// would know of no crash. It is tried once each [restTime]: what merely had bad
// luck comes through, and what kills its worker kills no more than that.
func rest(ctx context.Context, log *zap.Logger, kind, asset string) error {
	log.Error("task rests before another try: its worker died time and again",
		zap.String("task", kind), zap.String("asset", asset), zap.Int("crashes", queue.Crashes(ctx)), zap.Duration("for", restTime))
	return queue.Rest(restTime)
}
