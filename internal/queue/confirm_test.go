package queue

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/vodfleet/vodfleet/internal/queue/redistest"
	"github.com/vodfleet/vodfleet/tasks"
)

// What is confirmed is on the replica, and outlives the primary.
func TestConfirm(t *testing.T) {
	f := newFixture(t)
	replica := f.redis.StartReplica(t)
	if err := f.client.Confirm(t.Context(), 1, 5*time.Second); err != nil { // before the batch
		t.Fatal(err)
	}
	const batch = 200
	for n := range batch {
		f.enqueue(tasks.Publish{Asset: asset, Build: n + 1})
	}
	if err := f.client.Confirm(t.Context(), 1, 5*time.Second); err != nil {
		t.Errorf("Confirm = %v", err)
	}
	f.redis.Kill()
	client := dialTo(t, replica)
	if n := client.LLen(t.Context(), "asynq:{publish}:pending").Val(); n != batch {
		t.Errorf("%d tasks outlive the primary, want %d", n, batch)
	}
	// The replica takes over under the primary's address, as a service's endpoint does.
	f.client.redis = client
	if err := client.Do(t.Context(), "REPLICAOF", "NO", "ONE").Err(); err != nil {
		t.Fatal(err)
	}
	redistest.Start(t, "--replicaof", "127.0.0.1 "+replica.Port()).AwaitLink()
	err := f.client.Confirm(t.Context(), 1, 5*time.Second)
	if !errors.Is(err, ErrUnconfirmed) || !strings.Contains(err.Error(), "the primary has changed since the last batch") {
		t.Errorf("Confirm = %v, want the failover", err)
	}
	if err := f.client.Confirm(t.Context(), 1, 5*time.Second); err != nil { // the batch was enqueued again
		t.Errorf("Confirm = %v after the failover was told", err)
	}
}

// A replica that is away confirms nothing; what was enqueued stays.
func TestConfirmAway(t *testing.T) {
	f := newFixture(t)
	replica := f.redis.StartReplica(t)
	f.enqueue(publish)
	replica.Kill()
	for _, tt := range []struct {
		replicas int
		timeout  time.Duration
		want     string
	}{
		{0, 0, "<nil>"},
		{-1, 0, "<nil>"},
		{1, 100 * time.Millisecond, "confirm by 1 replicas: 0 have it after 100ms: not confirmed by replicas"},
		{1, 0, "confirm by 1 replicas: time-out of 0s, want a millisecond or more"}, // 0 is for ever to Redis
	} {
		if err := f.client.Confirm(t.Context(), tt.replicas, tt.timeout); fmt.Sprint(err) != tt.want {
			t.Errorf("Confirm(%d, %v) = %v, want %s", tt.replicas, tt.timeout, err, tt.want)
		}
	}
	if got := f.state(publish); got != "pending" {
		t.Errorf("task is %q, want it to stay", got)
	}
	replica.Restart()
	replica.AwaitLink()
	if err := f.client.Confirm(t.Context(), 1, 10*time.Second); err != nil {
		t.Errorf("Confirm = %v once the replica is back", err)
	}
	if err := f.client.Confirm(t.Context(), 2, 50*time.Millisecond); !errors.Is(err, ErrUnconfirmed) {
		t.Errorf("Confirm by two of one = %v", err)
	}
}
