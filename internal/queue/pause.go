package queue

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// transient reports whether Redis may answer otherwise in a while: it cannot be
// reached, or says itself that it is not ready.
func transient(err error) bool {
	if e := redis.Error(nil); errors.As(err, &e) {
		word, _, _ := strings.Cut(e.Error(), " ")
		switch word {
		case "LOADING", "MASTERDOWN", "BUSY", "TRYAGAIN", "CLUSTERDOWN":
			return true
		}
		return false
	}
	return !errors.Is(err, errUnfit)
}

// pauseHook slows a client down while Redis refuses its scripts: out of memory,
// read-only after a failover, a permission withdrawn. Asynq asks again without
// a pause, as fast as Redis can refuse.
type pauseHook struct{}

// refusalPause is short against a lease and long against a refusal.
const refusalPause = 200 * time.Millisecond

func (pauseHook) DialHook(next redis.DialHook) redis.DialHook { return next }

func (pauseHook) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}

func (pauseHook) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		err := next(ctx, cmd)
		if refused(cmd.Name(), err) {
			select {
			case <-ctx.Done():
			case <-time.After(refusalPause):
			}
		}
		return err
	}
}

// refused reports whether a script could not run. Answers of scripts, such as
// NOT FOUND, are not refusals.
func refused(command string, err error) bool {
	if err == nil || errors.Is(err, redis.Nil) || command != "evalsha" && command != "eval" {
		return false
	}
	e := redis.Error(nil)
	return !errors.As(err, &e) || !strings.HasPrefix(e.Error(), "NOSCRIPT") && !strings.HasPrefix(e.Error(), "NOT FOUND")
}
