package queue

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"
	"go.uber.org/zap"
)

// maxOffset is how far a host's clock may be from Redis's. Asynq writes leases
// by the clock of the worker, 30 seconds ahead and every 5 seconds, and ends
// them by the clock of another, 30 seconds late: with two clocks 54 seconds
// apart every task of the slow one is run a second time while it is at work.
// Two hosts that differ from Redis by no more than this are apart by less. The
// same clocks start scheduled tasks, so early or late by as much at most.
const maxOffset = 20 * time.Second

// errClock is a state that passes once the clock is set.
var errClock = errors.New("clocks differ")

// checkClock compares this host's clock with Redis's. It fails with [errClock]
// if they differ by more than [maxOffset].
func (s *Server) checkClock(ctx context.Context, client redis.UniversalClient) error {
	before := s.now()
	at, err := client.Time(ctx).Result()
	if err != nil {
		return fmt.Errorf("read redis's clock: %w", err)
	}
	offset := before.Add(s.now().Sub(before) / 2).Sub(at)
	s.metrics.offset.Set(offset.Seconds())
	if offset.Abs() <= maxOffset {
		return nil
	}
	way, by := "ahead of", offset.Abs().Round(time.Second)
	if offset < 0 {
		way = "behind"
	}
	return fmt.Errorf("this host's clock is %v %s redis's, want at most %v: set the one that is wrong: chronyc makestep: %w", by, way, maxOffset, errClock)
}

// tend does what is due beside the running tasks until ctx ends.
func (s *Server) tend(ctx context.Context) {
	woken := time.NewTicker(s.times.woken)
	defer woken.Stop()
	clock := time.NewTicker(time.Minute)
	defer clock.Stop()
	for {
		var err error
		select {
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
			defer cancel()
			_ = s.tellStalled(last) // what is lost by it is one wrong count
			return
		case <-woken.C:
			err = errors.Join(s.tellStalled(ctx), startWoken(ctx, s.redis))
		case <-clock.C:
			err = s.checkClock(ctx, s.redis)
		}
		if err != nil && ctx.Err() == nil && s.seldom.pass("tend") {
			s.log.Warn("queue is not tended", zap.Error(explain(err)))
		}
	}
}
