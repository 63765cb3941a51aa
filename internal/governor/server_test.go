package governor

import (
	"testing"

	"github.com/redis/go-redis/v9"
	"github.com/vodfleet/vodfleet/internal/queue/redistest"
	"go.uber.org/zap"
)

// TestServer shows that a Redis which was started again, with what it had, is
// not trusted to have heard every event.
func TestServer(t *testing.T) {
	server := redistest.StartIn(t, t.TempDir(), "--appendonly", "yes", "--appendfsync", "always")
	rdb := redis.NewClient(&redis.Options{Addr: server.Addr})
	t.Cleanup(func() { _ = rdb.Close() })
	s := &Sweeper{Governor: New(rdb, Options{}), Log: zap.NewNop()}
	missed := func() bool {
		t.Helper()
		if err := s.checkServer(t.Context()); err != nil {
			t.Fatal(err)
		}
		return rdb.HExists(t.Context(), keyEvents, "missed").Val()
	}
	for range 2 {
		if missed() {
			t.Error("events are doubted in the run that heard them")
		}
	}
	server.Kill()
	server.Restart()
	_ = rdb.Ping(t.Context()) // a connection may be of the server that is gone
	if !missed() {
		t.Error("events are trusted after redis was started again")
	}
}

func TestInfoField(t *testing.T) {
	const info = "# Server\r\nredis_version:7.0.15\r\nrun_id:abc\r\nrun:x\r\n"
	for name, want := range map[string]string{"run_id": "abc", "redis_version": "7.0.15", "id": "", "": ""} {
		if got := field(info, name); got != want {
			t.Errorf("field %q = %q, want %q", name, got, want)
		}
	}
}
