package queue

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"
	"github.com/vodfleet/vodfleet/tasks"
	"go.uber.org/zap"
)

type crashesKey struct{}

// WithCrashes returns a context in which [Crashes] is n: for tests of handlers.
func WithCrashes(ctx context.Context, n int) context.Context {
	return context.WithValue(ctx, crashesKey{}, n)
}

// Crashes is how often the running task has lost its worker before this run:
// the process died, or its host, while the task was at work. A process that
// lives, and lost its lease because it stood still or Redis was away, does not
// count. Success ends the count, and so does [Permanent]; waits and failures do
// not. It is 0 outside a handler.
//
// A process runs one task at a time whose Crashes is not 0, so that one which
// kills its worker is told from those that died with it.
func Crashes(ctx context.Context) int {
	n, _ := ctx.Value(crashesKey{}).(int)
	return n
}

// How a run lost its lease.
const (
	died    = "died"
	stalled = "stalled" // its process lives, or it was not at work, or it has been judged
)

// lostTTL is how long the lost runs of a task are remembered.
const lostTTL = 45 * 24 * time.Hour

// lostKey is where the lost runs of a task are noted: a hash from Asynq's retry
// count at that run, which a lost run raises by one, to how it was lost. So the
// note is the same however many recoverers find the same lost run, and a run
// whose retry count is 0 need not look.
//
// Asynq's recoverer tells kind and payload alone. An ingest of an unknown source
// version shares its notes with others of the same object.
func lostKey(kind string, payload []byte) string {
	h := sha256.New()
	h.Write([]byte(kind + "\x00"))
	h.Write(payload)
	return "vodfleet:lost:" + hex.EncodeToString(h.Sum(nil)[:16])
}

// lostRuns are those of one task, by retry count.
type lostRuns map[string]string

// before counts the runs that were lost before Asynq's count was retried, and
// those of them whose worker died.
func (l lostRuns) before(retried int) (lost, crashes int) {
	for n, how := range l {
		if i, err := strconv.Atoi(n); err != nil || i < 0 || i >= retried {
			continue
		}
		lost++
		if how == died {
			crashes++
		}
	}
	return lost, crashes
}

// readLost takes the lost runs out of what Asynq has counted.
func (s *Server) readLost(ctx context.Context, r *run, payload []byte) error {
	if r.retried == 0 || s.redis == nil {
		return nil
	}
	key := lostKey(r.kind, payload)
	var all *redis.MapStringStringCmd
	_, err := s.redis.Pipelined(ctx, func(p redis.Pipeliner) error {
		all = p.HGetAll(ctx, key)
		p.Expire(ctx, key, lostTTL)
		return nil
	})
	if err != nil {
		return fmt.Errorf("read lost runs: %w", err)
	}
	r.lost = all.Val()
	lost, crashes := r.lost.before(r.retried)
	r.failures, r.crashes = r.retried-lost, crashes
	return nil
}

// atWorkField marks a suspect's run as begun, beside the lost runs. Without it a
// suspect that waited for its turn, but was in Asynq's hands when the worker died
// of another, would be taken for the culprit.
func atWorkField(retried int) string { return "at work:" + strconv.Itoa(retried) }

// begin notes that a suspect's run begins. The result ends the note.
func (s *Server) begin(ctx context.Context, r *run, payload []byte) (end func(), err error) {
	if r.crashes == 0 {
		return func() {}, nil
	}
	key, field := lostKey(r.kind, payload), atWorkField(r.retried)
	if err := s.redis.HSet(ctx, key, field, 1).Err(); err != nil {
		return nil, fmt.Errorf("note that a suspect is at work: %w", err)
	}
	return func() {
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
		defer cancel()
		if err := s.redis.HDel(ctx, key, field).Err(); err != nil {
			s.log.Warn("a suspect stays noted as at work", append(r.fields(""), zap.Error(err))...)
		}
	}, nil
}

// diedScript notes a lost run, once. Of a suspect, it is a crash only if the
// handler was at work.
//
// KEYS: lost. ARGV: retry count, field of the suspect at work, seconds to keep.
var diedScript = redis.NewScript(`
if redis.call("HEXISTS", KEYS[1], ARGV[1]) == 1 then return 0 end
local how = "` + died + `"
for _, before in ipairs(redis.call("HVALS", KEYS[1])) do
	if before == "` + died + `" and redis.call("HEXISTS", KEYS[1], ARGV[2]) == 0 then how = "` + stalled + `" end
end
redis.call("HSET", KEYS[1], ARGV[1], how)
redis.call("HDEL", KEYS[1], ARGV[2])
redis.call("EXPIRE", KEYS[1], ARGV[3])
return 1
`)

// settle forgets the crashes of a task that has come to an end, and one of one
// that rests. One that is given up may be revived, with Asynq's count of then.
func (s *Server) settle(r *run, payload []byte, o outcome, verdict error) {
	if len(r.lost) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	key := lostKey(r.kind, payload)
	var err error
	switch {
	case o == done:
		err = s.redis.Del(ctx, key).Err()
	case o == waits && Rests(verdict):
		for n, how := range r.lost {
			if how == died {
				err = s.redis.HSet(ctx, key, n, stalled).Err()
				break
			}
		}
	case o == givenUp:
		var all []any
		for n, how := range r.lost {
			if how == died {
				all = append(all, n, stalled)
			}
		}
		if len(all) == 0 {
			return
		}
		err = s.redis.HSet(ctx, key, all...).Err()
	}
	if err != nil {
		s.log.Warn("crashes of a task are not forgotten", append(r.fields(""), zap.Error(err))...)
	}
}

// delay is Asynq's question when a task that did not succeed shall run again.
// Asynq's recoverer asks too, and is heard of nowhere else: so this is where a
// lost worker is noted.
func (s *Server) delay(retried int, err error, t *asynq.Task) time.Duration {
	if isLost(err) && s.redis != nil {
		s.noteDied(retried, t)
	}
	return asynqDelay(retried, err, t)
}

func (s *Server) noteDied(retried int, t *asynq.Task) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	key := lostKey(t.Type(), t.Payload())
	first, err := diedScript.Run(ctx, s.redis, []string{key}, retried, atWorkField(retried), int(lostTTL.Seconds())).Bool()
	log := s.log.With(zap.String("kind", clean(t.Type(), 64)))
	if task, err := tasks.Decode(t.Type(), t.Payload()); err == nil {
		log = log.With(zap.String("task", task.ID()), zap.String("asset", tasks.AssetOf(task)))
	}
	switch {
	case err != nil:
		log.Warn("task lost its worker; it will count as a failure", zap.Error(err))
	case first:
		s.metrics.lost.WithLabelValues(label(t.Type())).Inc()
		log.Warn("task lost its worker and runs again")
	}
}

// maxStalled bounds the notes that wait for Redis to come back.
const maxStalled = 10_000

// noteStalled keeps for Redis that a run lost its lease while its process lives.
func (s *Server) noteStalled(r *run, payload []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.stalled) < maxStalled {
		s.stalled = append(s.stalled, stalledRun{lostKey(r.kind, payload), r.retried})
	}
}

type stalledRun struct {
	key     string
	retried int
}

// tellStalled writes the notes down. Those that Redis does not take are kept.
func (s *Server) tellStalled(ctx context.Context) error {
	s.mu.Lock()
	notes := s.stalled
	s.stalled = nil
	s.mu.Unlock()
	if len(notes) == 0 {
		return nil
	}
	_, err := s.redis.Pipelined(ctx, func(p redis.Pipeliner) error {
		for _, n := range notes {
			p.HSet(ctx, n.key, strconv.Itoa(n.retried), stalled)
			p.Expire(ctx, n.key, lostTTL)
		}
		return nil
	})
	if err != nil {
		s.mu.Lock()
		s.stalled = append(notes, s.stalled...)
		s.mu.Unlock()
		return fmt.Errorf("note stalled runs: %w", err)
	}
	return nil
}
