package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/vodfleet/vodfleet/internal/e2e/fleet"
)

// A Redis that cannot write to its disk refuses every write (MISCONF). Who asks
// is told, workers wait, and once there is room everything goes on.
func TestRedisDiskFull(t *testing.T) {
	t.Parallel()
	f := fleet.Start(t, fleet.Options{Cloud: quick})
	keys, assets := library(f, 6)
	worker := f.Worker()
	add(t, f, keys[:4]...)
	awaitWork(t, f, assets)
	opt, err := redis.ParseURL(f.Redis.URL())
	if err != nil {
		t.Fatal(err)
	}
	admin := redis.NewClient(opt)
	defer admin.Close()
	dir, err := admin.ConfigGet(t.Context(), "dir").Result()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir["dir"], "dump.rdb"), 0o755); err != nil { // a file cannot replace a folder
		t.Fatal(err)
	}
	if err := admin.ConfigSet(t.Context(), "save", "3600 1").Err(); err != nil {
		t.Fatal(err)
	}
	await(t, 30*time.Second, "Redis refuses to write", func() bool {
		_ = admin.BgSave(t.Context()).Err() // one may be under way, for the log
		err := admin.Set(t.Context(), "probe", 1, time.Second).Err()
		return err != nil && strings.HasPrefix(err.Error(), "MISCONF")
	})
	if out, code := f.Run("add", "s3://library/"+keys[4]); code != 1 || !strings.Contains(out, "MISCONF") || strings.Contains(out, "panic") {
		t.Errorf("add with a full disk exits %d: %s\nwant 1 and MISCONF", code, out)
	}
	time.Sleep(5 * time.Second)
	if err := admin.ConfigSet(t.Context(), "save", "").Err(); err != nil {
		t.Fatal(err)
	}
	add(t, f, keys[4:]...)
	published(t, f, recovery+30*time.Second, assets)
	if log := worker.Log(); strings.Contains(log, "panic") || !strings.Contains(log, "MISCONF") {
		t.Errorf("the worker says nothing of MISCONF, or panicked:\n%s", log)
	}
}
