package queue

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/hibiken/asynq"
)

var errPlain = errors.New("store is away")

func TestVerdicts(t *testing.T) {
	for _, tt := range []struct {
		name    string
		err     error
		text    string
		verdict bool
		failure bool // is counted
	}{
		{"nothing", nil, "<nil>", false, false},
		{"error", errPlain, "store is away", false, true},
		{"wait", NotYet(15 * time.Second), "not yet; again in 15s", true, false},
		{"no wait", NotYet(-1), "not yet; again at once", true, false},
		{"long wait", NotYet(1 << 62), "not yet; again in 720h0m0s", true, false},
		{"wrapped wait", fmt.Errorf("poll: %w", NotYet(time.Second)), "poll: not yet; again in 1s", true, false},
		{"permanent", Permanent(errPlain), "store is away: skip retry for the task", true, true},
		{"permanent nothing", Permanent(nil), "no reason given: skip retry for the task", true, true},
		{"wrapped permanent", fmt.Errorf("poll: %w", Permanent(errPlain)), "poll: store is away: skip retry for the task", true, true},
		{"lost lease", asynq.ErrLeaseExpired, "asynq: task lease expired", false, true}, // and taken out of the count again
		{"time-out", context.DeadlineExceeded, "context deadline exceeded", false, true},
		{"told wait", forRedis(NotYet(time.Second)), "not yet; again in 1s", true, false},
		{"told error", forRedis(errPlain), "store is away", false, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := fmt.Sprint(tt.err); got != tt.text {
				t.Errorf("text is %q, want %q", got, tt.text)
			}
			if got := IsVerdict(tt.err); got != tt.verdict {
				t.Errorf("IsVerdict = %v, want %v", got, tt.verdict)
			}
			if got := isFailure(tt.err); got != tt.failure {
				t.Errorf("isFailure = %v, want %v", got, tt.failure)
			}
		})
	}
	if err := Permanent(errPlain); !errors.Is(err, errPlain) || !errors.Is(err, asynq.SkipRetry) {
		t.Errorf("Permanent = %v, want it to wrap the error and SkipRetry", err)
	}
}

func TestRetryDelay(t *testing.T) {
	for _, tt := range []struct {
		name     string
		failures int
		err      error
		roll     float64
		want     time.Duration
	}{
		{"first", 0, errPlain, 0.5, 2 * time.Second},
		{"first, least", 0, errPlain, 0, 1600 * time.Millisecond},
		{"first, most", 0, errPlain, 1, 2400 * time.Millisecond},
		{"second", 1, errPlain, 0.5, 4 * time.Second},
		{"ninth", 8, errPlain, 0.5, 512 * time.Second},
		{"tenth is capped", 9, errPlain, 0.5, 10 * time.Minute},
		{"thirtieth, most", 29, errPlain, 1, 12 * time.Minute},
		{"millionth", 1_000_000, errPlain, 0.5, 10 * time.Minute},
		{"negative count", -1, errPlain, 0.5, 2 * time.Second},
		{"time-out", 0, context.DeadlineExceeded, 0.5, 2 * time.Second},
		{"wait has its own", 0, NotYet(90 * time.Second), 0, 90 * time.Second},
		{"wait after failures", 20, fmt.Errorf("poll: %w", NotYet(time.Hour)), 1, time.Hour},
		{"wait as Redis has it", 3, forRedis(NotYet(3 * time.Second)), 1, 3 * time.Second},
		{"lost lease", 5, asynq.ErrLeaseExpired, 1, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := retryDelay(tt.failures, tt.err, tt.roll); got != tt.want {
				t.Errorf("retryDelay = %v, want %v", got, tt.want)
			}
		})
	}
}

// Thirty failures in a row take about four hours, as handlers count on.
func TestRetryDelaySum(t *testing.T) {
	var sum time.Duration
	for n := range 30 {
		sum += retryDelay(n, errPlain, 0.5)
	}
	if sum < 3*time.Hour || sum > 5*time.Hour {
		t.Errorf("30 failures take %v", sum)
	}
}

// Asynq cuts times to whole seconds; a wait never ends early for it.
func TestAsynqDelay(t *testing.T) {
	for _, tt := range []struct{ wait, want time.Duration }{
		{0, 0},
		{time.Second, 2*time.Second - 1},
		{1500 * time.Millisecond, 2500*time.Millisecond - 1},
	} {
		if got := asynqDelay(0, NotYet(tt.wait), nil); got != tt.want {
			t.Errorf("asynqDelay of %v = %v, want %v", tt.wait, got, tt.want)
		}
	}
	seen := make(map[time.Duration]bool)
	for range 20 {
		seen[asynqDelay(5, errPlain, nil)] = true
	}
	if len(seen) < 2 {
		t.Error("20 failures wait equally long: no jitter")
	}
}

func TestFailures(t *testing.T) {
	if got := Failures(t.Context()); got != 0 {
		t.Errorf("outside a handler Failures = %d", got)
	}
	if got := Failures(WithFailures(t.Context(), 7)); got != 7 {
		t.Errorf("Failures = %d, want 7", got)
	}
}

func TestForRedis(t *testing.T) {
	if forRedis(nil) != nil {
		t.Error("success became an error")
	}
	for _, text := range []string{"key \xff\xfe gone", strings.Repeat("é", maxErrorText), "\xff" + strings.Repeat("a", 3*maxErrorText), "plain"} {
		got := forRedis(errors.New(text)).Error()
		if !utf8.ValidString(got) || len(got) > maxErrorText || got == "" {
			t.Errorf("forRedis(%.20q) = %d bytes, valid %v", text, len(got), utf8.ValidString(got))
		}
	}
	if got, want := forRedis(errors.New("key \xff gone")).Error(), "key ? gone"; got != want {
		t.Errorf("forRedis = %q, want %q", got, want)
	}
}
