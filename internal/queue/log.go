package queue

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// seldom lets each key pass once an interval, so that what goes on for hours
// does not fill the log.
type seldom struct {
	every time.Duration

	mu   sync.Mutex
	last map[string]time.Time
}

// maxSeldom bounds the keys that are remembered.
const maxSeldom = 256

func (s *seldom) pass(key string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	if at, seen := s.last[key]; seen && now.Sub(at) < s.every {
		return false
	}
	if s.last == nil || len(s.last) >= maxSeldom {
		s.last = make(map[string]time.Time)
	}
	s.last[key] = now
	return true
}

// asynqLog is Asynq's logger through zap. Asynq's notes on its own life are
// debug messages here, and its debug messages, several a second of an idle
// server, are dropped; of the same complaint one in ten seconds is logged.
type asynqLog struct {
	log    *zap.Logger
	seldom *seldom
}

func newAsynqLog(log *zap.Logger) *asynqLog {
	return &asynqLog{log, &seldom{every: 10 * time.Second}}
}

func (l *asynqLog) Debug(...any)      {}
func (l *asynqLog) Info(args ...any)  { l.write(zapcore.DebugLevel, args) }
func (l *asynqLog) Warn(args ...any)  { l.write(zapcore.WarnLevel, args) }
func (l *asynqLog) Error(args ...any) { l.write(zapcore.ErrorLevel, args) }

// Fatal does not end the process, whatever Asynq's interface says of it: that
// is a main's to do.
func (l *asynqLog) Fatal(args ...any) { l.write(zapcore.ErrorLevel, args) }

func (l *asynqLog) write(level zapcore.Level, args []any) {
	text := fmt.Sprint(args...)
	if strings.HasPrefix(text, "Retry exhausted") || strings.HasPrefix(text, "recovering from panic") {
		level = zapcore.DebugLevel // the server has logged the task with its error
	}
	if level > zapcore.DebugLevel && !l.seldom.pass(complaint(text)) {
		return
	}
	fields := []zap.Field{zap.String("detail", clean(text, maxErrorText))}
	if advice := advise(text); advice != "" {
		fields = append(fields, zap.String("advice", advice))
	}
	l.log.Log(level, "asynq", fields...)
}

// complaint is the part of a message before the first thing it names.
func complaint(text string) string {
	if i := strings.IndexAny(text, ":=["); i > 0 {
		return text[:i]
	}
	return clean(text, 80)
}

// LogRedis sends what the Redis client notes about its connections to log, for
// the whole process: its own way is standard error. Mains call it once.
func LogRedis(log *zap.Logger) {
	redis.SetLogger(&redisLog{log, &seldom{every: 10 * time.Second}})
}

type redisLog struct {
	log    *zap.Logger
	seldom *seldom
}

func (l *redisLog) Printf(_ context.Context, format string, args ...any) {
	if l.seldom.pass(format) {
		l.log.Warn("redis connection", zap.String("detail", clean(fmt.Sprintf(format, args...), maxErrorText)))
	}
}
