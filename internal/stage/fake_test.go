package stage_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/vodfleet/vodfleet/internal/cloud"
	"github.com/vodfleet/vodfleet/internal/stage"
	"github.com/vodfleet/vodfleet/tasks"
)

// governed notes what stages ask of a governor and a board, and answers as the
// test sets it.
type governed struct {
	wait    time.Duration // of Admit
	running bool          // of Look
	again   time.Duration
	err     error // of all calls
	said    []string
}

var (
	_ stage.Governor = (*governed)(nil)
	_ stage.Board    = (*governed)(nil)
)

func (g *governed) say(format string, args ...any) error {
	g.said = append(g.said, fmt.Sprintf(format, args...))
	return g.err
}

// told reports whether a call was made.
func (g *governed) told(call string) bool { return slices.Contains(g.said, call) }

func (g *governed) Admit(_ context.Context, lane, profile, _ string, build int) (time.Duration, error) {
	return g.wait, g.say("admit %s %.4s %d", lane, profile, build)
}

func (g *governed) Release(_ context.Context, _ string, build int) error {
	return g.say("release %d", build)
}

func (g *governed) Shut(_ context.Context, scope, _ string, d time.Duration) error {
	return g.say("shut %.12s %v", scope, d)
}

func (g *governed) Succeeded(_ context.Context, profile, _ string, _ int) error {
	return g.say("succeeded %.4s", profile)
}

func (g *governed) Watch(_ context.Context, job, _ string, build int) (bool, error) {
	fresh := !slices.ContainsFunc(g.said, func(s string) bool { return strings.HasPrefix(s, "watch "+job+" ") })
	return fresh, g.say("watch %s %d", job, build)
}

func (g *governed) Look(_ context.Context, job string) (bool, int, time.Duration, error) {
	return g.running, 50, g.again, g.say("look %s", job)
}

func (g *governed) Forget(_ context.Context, job string) error { return g.say("forget %s", job) }

// wakingQueue is a queue that can wake tasks.
type wakingQueue struct {
	*memQueue
	woken []string
}

func (q *wakingQueue) Wake(ctx context.Context, t tasks.Task) error {
	q.woken = append(q.woken, t.ID())
	return q.Enqueue(ctx, t)
}

// odd is a service whose jobs are in a state of a newer version.
type odd struct{ cloud.Transcoder }

func (o odd) Job(ctx context.Context, id string) (cloud.Job, error) {
	j, err := o.Transcoder.Job(ctx, id)
	j.State = "PAUSED"
	return j, err
}

// cancels is a [stage.Canceler].
type cancels func(id string) error

func (c cancels) Cancel(_ context.Context, id string) error { return c(id) }
