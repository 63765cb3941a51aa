package governor

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/redis/go-redis/v9"
	"go.uber.org/zap"
)

// checkServer sees that Redis was started again, or that another took over: it
// may have lost the last second of what events said, though it has the rest.
// The jobs of those are found by lists, which are read as if there were no
// events for ten minutes.
func (s *Sweeper) checkServer(ctx context.Context) error {
	info, err := s.Governor.rdb.Info(ctx, "server").Result()
	if _, forbidden := errors.AsType[redis.Error](err); forbidden {
		return nil // nor does it say
	}
	if err != nil {
		return fmt.Errorf("ask which run of redis this is: %w", err)
	}
	run := field(info, "run_id")
	if run == "" {
		return nil // it does not say
	}
	other, err := scriptServer.Run(ctx, s.Governor.rdb, []string{keyEvents}, run).Bool()
	if err != nil {
		return fmt.Errorf("note which run of redis this is: %w", err)
	}
	if other {
		s.Log.Warn("redis was started again or is another; the jobs are looked for in lists for a while", zap.String("run", run))
	}
	return nil
}

// field returns the value of a line "name:value" of Redis's INFO.
func field(info, name string) string {
	for line := range strings.Lines(info) {
		if value, ok := strings.CutPrefix(strings.TrimSpace(line), name+":"); ok {
			return value
		}
	}
	return ""
}
