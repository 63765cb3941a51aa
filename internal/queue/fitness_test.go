package queue

import (
	"strings"
	"testing"
	"time"

	"github.com/vodfleet/vodfleet/internal/queue/redistest"
)

func TestExamine(t *testing.T) {
	for _, tt := range []struct {
		name     string
		args     []string
		volatile bool
		want     []string // starts of the faults
	}{
		{"fit", []string{"--appendonly", "yes", "--maxmemory-policy", "noeviction"}, false, nil},
		{"evicts and forgets", []string{"--appendonly", "no", "--maxmemory-policy", "allkeys-lru"}, false, []string{"maxmemory-policy is allkeys-lru", "it keeps nothing on disk"}},
		{"forgets, allowed", []string{"--appendonly", "no"}, true, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			opt, err := ParseRedis(redistest.Start(t, tt.args...).URL())
			if err != nil {
				t.Fatal(err)
			}
			got, err := Examine(t.Context(), opt, tt.volatile)
			if err != nil || len(got.Faults) != len(tt.want) || got.Ahead.Abs() > time.Second {
				t.Fatalf("Examine = %+v, %v, want %q", got, err, tt.want)
			}
			for i, w := range tt.want {
				if f := got.Faults[i]; !strings.HasPrefix(f.What, w) || f.Fix == "" {
					t.Errorf("fault %+v, want %q and a fix", f, w)
				}
			}
		})
	}
	opt, err := ParseRedis("redis://127.0.0.1:1/0")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Examine(t.Context(), opt, false); err == nil {
		t.Error("a Redis that is not there is fit")
	}
}
