package main

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/vodfleet/vodfleet/internal/cloud"
	"github.com/vodfleet/vodfleet/internal/cloud/memcloud"
	"github.com/vodfleet/vodfleet/internal/governor"
	"github.com/vodfleet/vodfleet/internal/ledger"
	"github.com/vodfleet/vodfleet/internal/reconcile"
	"github.com/vodfleet/vodfleet/internal/run"
	"go.uber.org/zap"
)

// touched is a lease that tells when it is first asked for: whatever looks
// after the fleet does so before anything else.
type touched chan struct{}

func (t touched) Hold(context.Context, string, time.Duration) (bool, error) {
	select {
	case t <- struct{}{}:
	default:
	}
	return false, nil
}

func (t touched) Drop(context.Context, string) error { return nil }

// deaf are events that tell when they are first asked for.
type deaf touched

func (d deaf) Receive(ctx context.Context, _ time.Duration) ([]cloud.Event, error) {
	_, _ = touched(d).Hold(ctx, "", 0)
	<-ctx.Done()
	return nil, ctx.Err()
}

func (d deaf) Done(context.Context, ...string) error { return nil }

// away is a Redis that tells when it is first asked, and does not answer.
type away touched

func (a away) DialHook(next redis.DialHook) redis.DialHook { return next }

func (a away) ProcessHook(redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, _ redis.Cmder) error {
		_, _ = touched(a).Hold(ctx, "", 0)
		return errors.New("no answer")
	}
}

func (a away) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}

// Nothing looks after a fleet whose Redis is not yet known to be fit: not to
// rebuild its queue, nor to read events that only it could note.
func TestWatchWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mem := memcloud.New(memcloud.Options{Buckets: []string{"ledger"}})
		book := ledger.New(mem.Store, cloud.Location{Bucket: "ledger"})
		all := map[string]touched{"due": make(touched, 1), "reconciler": make(touched, 1), "job board": make(touched, 1), "events": make(touched, 1)}
		rdb := redis.NewClient(&redis.Options{Addr: "127.0.0.1:1"})
		rdb.AddHook(away(all["job board"]))
		defer rdb.Close()
		w := &watch{
			board:  &governor.Sweeper{Governor: governor.New(rdb, governor.Options{Fleet: "fleet"}), Log: zap.NewNop()},
			events: deaf(all["events"]),
			lost:   &reconcile.Reconciler{Ledger: book, Lease: all["reconciler"], Log: zap.NewNop()},
			due:    &reconcile.Due{Ledger: book, Now: mem.Store.Now, Grace: time.Hour, Lease: all["due"], Log: zap.NewNop()},
		}
		var group run.Group
		ready := make(chan struct{})
		w.add(&group, ready)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- group.Run(ctx) }()
		time.Sleep(time.Hour)
		synctest.Wait()
		for name, lease := range all {
			if len(lease) != 0 {
				t.Errorf("%s works before all is ready", name)
			}
		}
		close(ready)
		synctest.Wait()
		for name, lease := range all {
			if len(lease) != 1 {
				t.Errorf("%s does not work once all is ready", name)
			}
		}
		cancel()
		if err := <-ended; err != nil && !errors.Is(err, context.Canceled) {
			t.Errorf("Run = %v", err)
		}
	})
}
