package main

import (
	"context"
	"fmt"

	"github.com/vodfleet/vodfleet/internal/config"
	"github.com/vodfleet/vodfleet/internal/queue"
)

type pauseCmd struct {
	config.Redis
	Stage string `arg:"" enum:"${stages}" help:"Stage to pause: ${enum}."`
}

func (pauseCmd) Help() string {
	return `Has no further task of a stage started, in any worker, until it is resumed. What
is running ends, and tasks may still be enqueued. A repeat is harmless.

Examples:

  enqueuer pause publish
  enqueuer status

Exit codes: 0 it is paused, 1 failed, 2 wrong usage.`
}

func (c *pauseCmd) Run(e *env) error {
	return onStage(e, c.Redis, c.Stage, (*queue.Inspector).Pause, "is paused")
}

type resumeCmd struct {
	config.Redis
	Stage string `arg:"" enum:"${stages}" help:"Stage to resume: ${enum}."`
}

func (resumeCmd) Help() string {
	return `Has the tasks of a stage started again after a pause. A repeat is harmless.

Examples:

  enqueuer resume publish

Exit codes: 0 it goes on, 1 failed, 2 wrong usage.`
}

func (c *resumeCmd) Run(e *env) error {
	return onStage(e, c.Redis, c.Stage, (*queue.Inspector).Resume, "goes on")
}

func onStage(e *env, r config.Redis, stage string, do func(i *queue.Inspector, ctx context.Context, kind string) error, now string) error {
	inspector, err := openInspector(r)
	if err != nil {
		return err
	}
	defer inspector.Close()
	if err := do(inspector, e.ctx, stage); err != nil {
		return err
	}
	fmt.Fprintf(e.out, "stage %s %s\n", stage, now)
	return nil
}
