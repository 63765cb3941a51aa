package queue

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"
)

func TestSeldom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &seldom{every: time.Minute}
		var got []bool
		for _, step := range []struct {
			wait time.Duration
			key  string
		}{{0, "a"}, {0, "a"}, {0, "b"}, {59 * time.Second, "a"}, {time.Second, "a"}, {0, "a"}} {
			time.Sleep(step.wait)
			got = append(got, s.pass(step.key))
		}
		if want := "[true false true false true false]"; fmt.Sprint(got) != want {
			t.Errorf("passed %v, want %s", got, want)
		}
		for i := range 10 * maxSeldom {
			s.pass(fmt.Sprint(i))
		}
		if len(s.last) > maxSeldom {
			t.Errorf("%d keys are remembered, want at most %d", len(s.last), maxSeldom)
		}
	})
}

func TestAsynqLog(t *testing.T) {
	for _, tt := range []struct {
		name  string
		write func(l *asynqLog)
		want  string // level and detail of each line
	}{
		{"its own life is debug", func(l *asynqLog) { l.Info("Starting processing") }, "[debug Starting processing]"},
		{"warning", func(l *asynqLog) { l.Warn("Could not ", "move") }, "[warn Could not move]"},
		{"fatal ends nothing", func(l *asynqLog) { l.Fatal("odd") }, "[error odd]"},
		{"the same complaint", func(l *asynqLog) { l.Error("Dequeue error: EOF"); l.Error("Dequeue error: timeout") }, "[error Dequeue error: EOF]"},
		{"two complaints", func(l *asynqLog) { l.Error("a: 1"); l.Error("b: 1") }, "[error a: 1 error b: 1]"},
		{"told by the server", func(l *asynqLog) { l.Warn("Retry exhausted for task id=7") }, "[debug Retry exhausted for task id=7]"},
		{"an idle loop says nothing", func(l *asynqLog) { l.Debug("All queues are empty") }, "[]"},
		{"long and not UTF-8", func(l *asynqLog) { l.Info("\xff" + strings.Repeat("a", 3*maxErrorText)) }, "[debug ?" + strings.Repeat("a", maxErrorText-1) + "]"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			core, logs := observer.New(zapcore.DebugLevel)
			tt.write(newAsynqLog(zap.New(core)))
			var got []string
			for _, e := range logs.All() {
				if e.Message != "asynq" {
					t.Errorf("message %q is not constant", e.Message)
				}
				got = append(got, e.Level.String(), fmt.Sprint(e.ContextMap()["detail"]))
			}
			if fmt.Sprint(got) != tt.want {
				t.Errorf("logged %.100q… of %d, want %.100q… of %d", fmt.Sprint(got), len(fmt.Sprint(got)), tt.want, len(tt.want))
			}
		})
	}
}

func TestRedisLog(t *testing.T) {
	core, logs := observer.New(zapcore.DebugLevel)
	l := &redisLog{zap.New(core), &seldom{every: time.Hour}}
	for i := range 3 {
		l.Printf(t.Context(), "redis: dial %d: refused", i)
	}
	if all := logs.All(); len(all) != 1 || all[0].ContextMap()["detail"] != "redis: dial 0: refused" {
		t.Errorf("logged %v, want the first of three", all)
	}
}
