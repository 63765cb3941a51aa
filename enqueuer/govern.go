package main

import (
	"fmt"
	"io"

	"github.com/vodfleet/vodfleet/internal/config"
	"github.com/vodfleet/vodfleet/internal/governor"
	"github.com/vodfleet/vodfleet/internal/queue"
	"github.com/vodfleet/vodfleet/internal/run"
)

// governed is the fleet's governor, with its connection.
type governed struct {
	*governor.Governor
	io.Closer
}

// openGovernor returns the governor of the fleet's Redis. It goes by the least
// quotas that an account has; of none at all the workers tell it.
func openGovernor(r config.Redis, fleet string) (governed, error) {
	opt, err := queue.ParseRedis(r.RedisURL)
	if err != nil {
		return governed{}, run.UsageError(err)
	}
	client, err := queue.Dial(opt)
	if err != nil {
		return governed{}, fmt.Errorf("governor: %w", err)
	}
	return governed{governor.New(client, governor.Options{Fleet: fleet}), client}, nil
}
