package config

import (
	"fmt"
	"math"
	"testing"
	"time"
)

func TestGovernCheck(t *testing.T) {
	good := Govern{APIRate: 2, APIBurst: 100, Jobs: 220, Board: 20 * time.Second}
	for _, tt := range []struct {
		name   string
		change func(*Govern)
		want   string
	}{
		{"as by default", func(*Govern) {}, "<nil>"},
		{"a negative rate", func(g *Govern) { g.APIRate = -1 }, "api-rate -1: want 0 to 100000 a second"},
		{"no number", func(g *Govern) { g.APIRate = math.NaN() }, "api-rate NaN: want 0 to 100000 a second"},
		{"the account's own rate", func(g *Govern) { g.APIRate = 0 }, "<nil>"},
		{"no burst", func(g *Govern) { g.APIBurst = 0 }, "api-burst 0: want 1 to 1000000"},
		{"no jobs", func(g *Govern) { g.Jobs = 0 }, "jobs-in-flight 0: want 1 to 1000000"},
		{"all for live", func(g *Govern) { g.LiveJobs = 220 }, "live-jobs 220: want -1 to 219, fewer than the 220 jobs in flight"},
		{"none for live", func(g *Govern) { g.LiveJobs = -1 }, "<nil>"},
		{"a negative day", func(g *Govern) { g.DailyJobs = -1 }, "jobs-a-day -1: want 0 or more"},
		{"no interval", func(g *Govern) { g.Board = 0 }, "board-interval 0s: want 100ms to 1h"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g := good
			tt.change(&g)
			if got := fmt.Sprint(g.Check()); got != tt.want {
				t.Errorf("Check = %s, want %s", got, tt.want)
			}
		})
	}
}
