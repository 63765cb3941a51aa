package main

import (
	"context"
	"time"

	"github.com/vodfleet/vodfleet/internal/ledger"
	"github.com/vodfleet/vodfleet/internal/stage"
)

type rollbackCmd struct {
	orderFlags

	Undo bool `help:"Take what was rolled back from last for wanted content again, and have the source looked at."`
}

func (rollbackCmd) Help() string {
	return `Shows viewers the build before the current one again, by a switch like any
other: entries are written and invalidated by the fleet. The content that it
leaves is rejected, so that no report brings it back; newer content proceeds. It
is refused where there is no build to go back to, or its files are being deleted.
With --undo the rejected content is wanted again; its build is switched to if its
files are still there.

Examples:

  enqueuer rollback s3://library/films/one.mp4 --dry-run
  enqueuer rollback s3://library/films/one.mp4
  enqueuer rollback --undo s3://library/films/one.mp4

Exit codes: 0 done; 1 failed; 2 wrong usage; 3 some were refused: see why.`
}

func (c *rollbackCmd) Run(e *env) error {
	if c.Undo {
		return c.run(e, order{
			verb: "accepted again",
			may:  stage.AcceptLast,
			do: func(ctx context.Context, o orders, n named) (*ledger.Record, error) {
				return stage.Accept(ctx, o.book, o.queue, n.asset)
			},
		})
	}
	return c.run(e, order{
		verb: "rolled back",
		may:  func(now time.Time, r *ledger.Record) error { return r.Rollback(now) },
		do: func(ctx context.Context, o orders, n named) (*ledger.Record, error) {
			return stage.Rollback(ctx, o.book, o.queue, n.asset)
		},
	})
}
