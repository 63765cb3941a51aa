package queue

import (
	"context"
	"errors"
	"time"

	"github.com/hibiken/asynq"
)

// Fault is one thing that keeps workers from running on a Redis.
type Fault struct {
	What string // what is so
	Fix  string // what mends it
}

// Fitness is what a Redis is like, as a worker's start sees it.
type Fitness struct {
	Faults []Fault       // nothing: workers run on it
	Ahead  time.Duration // of this host's clock before Redis's; below 0 it is behind
}

// MaxClockOffset is how far a host's clock may be from Redis's for a worker to
// run there.
const MaxClockOffset = maxOffset

// Examine looks at a Redis as a worker does before it starts, and changes
// nothing. An error says that it cannot be looked at.
func Examine(ctx context.Context, opt asynq.RedisConnOpt, allowVolatile bool) (f Fitness, err error) {
	client, err := Dial(opt)
	if err != nil {
		return f, err
	}
	defer func() { err = errors.Join(err, client.Close()) }()
	before := time.Now()
	at, err := client.Time(ctx).Result()
	if err != nil {
		return f, explain(err)
	}
	f.Ahead = before.Add(time.Since(before) / 2).Sub(at)
	err = checkRedis(ctx, client, allowVolatile)
	all, unfit := errors.AsType[unfits](err)
	if !unfit {
		return f, explain(err)
	}
	for _, u := range all {
		f.Faults = append(f.Faults, Fault{u.what, u.mend})
	}
	return f, nil
}
