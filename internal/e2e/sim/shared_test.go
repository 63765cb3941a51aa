package sim

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
	"github.com/vodfleet/vodfleet/internal/governor"
)

// shared is the Redis that the workers share beside the queue: a server in the
// bubble, by the bubble's clock.
type shared struct {
	w      *world
	mini   *miniredis.Miniredis
	rdb    *redis.Client
	loaded map[string]bool // scripts that it has
	opt    governor.Options
	look   *governor.Governor // without faults, for looking
	stats  *governor.Stats    // nil: something may have changed
}

func newShared(w *world, opt governor.Options) *shared {
	opt.Fleet = fleet
	s := &shared{w: w, mini: miniredis.NewMiniRedis(), loaded: map[string]bool{}, opt: opt}
	s.mini.ClockTTL(true)
	s.rdb = redis.NewClient(&redis.Options{
		Dialer:                   func(context.Context, string, string) (net.Conn, error) { return s.mini.Dial() },
		MaxRetries:               -1,
		ConnMaxIdleTime:          -1,
		DisableIdentity:          true,
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
	})
	s.rdb.AddHook(s)
	s.look = governor.New(s.rdb, s.opt)
	return s
}

func (s *shared) close() {
	_ = s.rdb.Close()
	s.mini.Close()
}

// governor is a process's own way to what is shared.
func (s *shared) governor() *governor.Governor { return governor.New(s.rdb, s.opt) }

// runKey is of the run that a context belongs to.
type runKey struct{}

// DialHook implements [redis.Hook].
func (s *shared) DialHook(next redis.DialHook) redis.DialHook { return next }

// ProcessHook makes each command of a run one of its calls.
func (s *shared) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		r, _ := ctx.Value(runKey{}).(*run)
		first := cmd.Name() == "evalsha" && !s.loaded[fmt.Sprint(cmd.Args()[1])] // the script follows
		if first {
			s.loaded[fmt.Sprint(cmd.Args()[1])] = true
		}
		if r == nil || first {
			return next(ctx, cmd)
		}
		_, err := do(r, "Redis."+cmd.Name(), keyOf(cmd), func() (struct{}, error) {
			s.stats = nil
			return struct{}{}, next(ctx, cmd)
		})
		if err != nil {
			cmd.SetErr(err)
		}
		return err
	}
}

// ProcessPipelineHook refuses: a governor's commands come one at a time.
func (s *shared) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		if ctx.Value(runKey{}) != nil {
			return errors.New("a pipeline, which this simulation does not know")
		}
		return next(ctx, cmds)
	}
}

// keyOf is the first key of a command, as a name for it.
func keyOf(cmd redis.Cmder) string {
	args, n := cmd.Args(), 1
	if cmd.Name() == "eval" || cmd.Name() == "evalsha" {
		n = 3
	}
	if len(args) <= n {
		return ""
	}
	return fmt.Sprint(args[n])
}

// numbers are what is shared now.
func (s *shared) numbers() governor.Stats {
	if s.stats == nil {
		stats, err := s.look.Stats(context.Background())
		if err != nil {
			s.w.t.Error(err)
		}
		s.stats = &stats
	}
	return *s.stats
}

// busy reports whether anybody holds, waits for or watches anything.
func (s *shared) busy() bool {
	n := s.numbers()
	return n.Watched+n.InFlight["live"]+n.InFlight["bulk"]+n.Waiting["live"]+n.Waiting["bulk"] > 0
}

// epoch reports whether submission is open.
func (s *shared) epoch() bool {
	e, err := s.look.Epoch(context.Background())
	if err != nil {
		s.w.t.Error(err)
	}
	return e != ""
}

// check compares what is held with nothing.
func (s *shared) check(v *verdict) {
	s.stats = nil
	n := s.numbers()
	for _, lane := range []string{"live", "bulk"} {
		if n.InFlight[lane] != 0 {
			v.lost = append(v.lost, fmt.Sprintf("%d rooms of the %s lane are held, and nothing is in flight", n.InFlight[lane], lane))
		}
		if n.Waiting[lane] != 0 {
			v.lost = append(v.lost, fmt.Sprintf("%d builds are in the %s line, and no task is left", n.Waiting[lane], lane))
		}
	}
	if n.Watched != 0 {
		v.lost = append(v.lost, fmt.Sprintf("%d jobs are watched, and none is running", n.Watched))
	}
	if !s.epoch() {
		v.lost = append(v.lost, "submission is closed: Redis has no epoch")
	}
}

// What a worker does, and how often.
const (
	callEvery  = 5 * time.Second // a second, but then nothing happens in most
	sweepEvery = 20 * time.Second
	rareEvery  = 5 * time.Minute
	idleEvery  = time.Hour // sweeps that see nothing: each 25 seconds, too
	hearEvery  = 20 * time.Second
	sweepLease = 15 * time.Second
	otherLease = 30 * time.Second
)
