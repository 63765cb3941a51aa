package main

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/vodfleet/vodfleet/internal/localcloud/endpoints"
)

// healthCmd asks the cloud of a folder whether it is well.
type healthCmd struct {
	Dir string `required:"" placeholder:"DIR" help:"The folder of the cloud."`
}

// Run asks once, for at most three seconds.
func (c *healthCmd) Run(ctx context.Context, _ console) error {
	e, err := endpoints.Read(c.Dir)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, e.Admin+"/healthz", nil)
	if err != nil {
		return fmt.Errorf("health: %w", err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf("health: %w", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("health: %s answers %s", req.URL, resp.Status)
	}
	return nil
}
