package main

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/vodfleet/vodfleet/internal/run"
)

type healthCmd struct {
	URL string `arg:"" help:"Where it says so, such as http://127.0.0.1:9464/readyz."`
}

func (healthCmd) Help() string {
	return `Asks once, for at most three seconds: images without a shell have nothing else
to ask with.

Examples:

  enqueuer health http://127.0.0.1:9464/readyz

Exit codes: 0 it is well, 1 it is not or does not answer, 2 wrong usage.`
}

func (c *healthCmd) Run(e *env) error {
	ctx, cancel := context.WithTimeout(e.ctx, 3*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.URL, nil)
	if err != nil {
		return run.UsageError(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf("health: %w", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("health: %s answers %s", c.URL, resp.Status)
	}
	return nil
}
