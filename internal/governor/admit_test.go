package governor

import (
	"testing"
	"time"
)

// plenty is a quota that no test reaches.
var plenty = map[string]Rate{CreateJob: {PerSecond: 1000, Burst: 100_000}}

func TestAdmitRoom(t *testing.T) {
	f := newFixture(t, Options{InFlight: 4, Reserve: 1, Rates: plenty})
	for i, tt := range []struct {
		lane, asset string
		release     string // before
		want        time.Duration
	}{
		{"bulk", "a", "", 0},
		{"bulk", "b", "", 0},
		{"bulk", "a", "", 0}, // a repeat takes no room
		{"bulk", "c", "", 0},
		{"bulk", "d", "", 330 * time.Second}, // the fourth is reserved. As long as nothing ended, 4 are taken to in 10 minutes; told is twice that and 30 s
		{"live", "e", "", 0},
		{"live", "f", "", 330 * time.Second},
		{"live", "g", "", 630 * time.Second},
		{"bulk", "d", "a", 1230 * time.Second}, // two live ones stand before it; by now one ended in 5 minutes
		{"live", "g", "", 630 * time.Second},   // the room is f's
		{"live", "f", "", 0},
		{"live", "h", "b", 330 * time.Second},
		{"live", "g", "", 0},
		{"", "h", "e", 0}, // no lane is live
		{"bulk", "d", "f", 0},
	} {
		if tt.release != "" {
			f.release(tt.release)
		}
		if got := f.admit(tt.lane, tt.asset); got != tt.want {
			t.Errorf("step %d: %s %s waits %v, want %v", i, tt.lane, tt.asset, got, tt.want)
		}
	}
}

func TestAdmitTokens(t *testing.T) {
	// Nine tenths of two a second, burst 10: nine at once, then one each 556 ms.
	f := newFixture(t, Options{InFlight: 1000, Rates: map[string]Rate{CreateJob: {PerSecond: 2, Burst: 10}}})
	if got := f.admit("live", "first"); got != 0 { // a new bucket has a tenth
		t.Fatalf("first waits %v", got)
	}
	f.pass(time.Hour)
	for _, a := range []string{"a", "b", "c", "d", "e", "f", "g", "h", "i"} {
		if got := f.admit("bulk", a); got != 0 {
			t.Errorf("%s of the burst waits %v", a, got)
		}
	}
	for i, tt := range []struct {
		pass        time.Duration // before
		lane, asset string
		want        time.Duration
	}{
		{0, "bulk", "j", time.Second}, // 0.56 s; nobody waits for less than a second
		{0, "bulk", "k", 1112 * time.Millisecond},
		{0, "bulk", "l", 1667 * time.Millisecond},
		{0, "bulk", "k", 1112 * time.Millisecond}, // a repeat keeps its place
		{0, "live", "m", time.Second},             // before all of them
		{556 * time.Millisecond, "bulk", "j", time.Second},
		{0, "live", "m", 0},
		{556 * time.Millisecond, "bulk", "k", time.Second}, // the token is j's
		{0, "bulk", "j", 0},
		{556 * time.Millisecond, "bulk", "k", 0},
		{0, "bulk", "n", 1110 * time.Millisecond},
		{40 * time.Second, "bulk", "o", 0}, // l and n are late, and stand no longer
		{0, "bulk", "n", 0},
	} {
		f.pass(tt.pass)
		if got := f.admit(tt.lane, tt.asset); got != tt.want {
			t.Errorf("step %d: %s %s waits %v, want %v", i, tt.lane, tt.asset, got, tt.want)
		}
	}
}

// TestAdmitOtherLane shows that a build stands in one line only.
func TestAdmitOtherLane(t *testing.T) {
	f := newFixture(t, Options{InFlight: 1, Reserve: -1, Rates: plenty})
	f.admit("live", "a")
	f.admit("bulk", "b")
	f.admit("live", "b")
	f.release("a")
	if got := f.admit("live", "b"); got != 0 {
		t.Errorf("b waits %v", got)
	}
	f.release("b")
	if got := f.admit("bulk", "c"); got != 0 {
		t.Errorf("c waits %v, where nobody stands", got)
	}
	f.admit("bulk", "d")
	f.admit("live", "d")
	f.release("c")
	if got := f.admit("bulk", "e"); got == 0 {
		t.Error("e went before d")
	}
	if got, err := f.Stats(t.Context()); err != nil || got.Waiting["live"] != 1 || got.Waiting["bulk"] != 1 {
		t.Errorf("waiting: %v, %v", got.Waiting, err)
	}
}

// TestAdmitClock shows that a clock which is set back neither takes tokens nor
// keeps them away.
func TestAdmitClock(t *testing.T) {
	f := newFixture(t, Options{Rates: map[string]Rate{CreateJob: {PerSecond: 2, Burst: 30}}})
	f.admit("live", "a")
	f.pass(-time.Hour)
	if got := f.admit("live", "b"); got != 0 {
		t.Errorf("b waits %v", got)
	}
	f.admit("live", "c") // the last that there is
	f.pass(time.Second)
	if got := f.admit("live", "d"); got != 0 {
		t.Errorf("d waits %v a second later", got)
	}
}

func TestAdmitPerDay(t *testing.T) {
	f := newFixture(t, Options{InFlight: 100, PerDay: 3, Rates: plenty})
	for _, tt := range []struct {
		pass        time.Duration // before
		lane, asset string
		want        time.Duration
	}{
		{0, "bulk", "a", 0},
		{0, "bulk", "a", 0}, // a repeat counts once
		{0, "live", "b", 0},
		{0, "bulk", "c", 0},
		{0, "bulk", "d", 150 * time.Minute}, // until midnight
		{0, "live", "e", 150 * time.Minute},
		{149 * time.Minute, "live", "e", time.Minute},
		{time.Minute, "live", "e", 0},
		{0, "bulk", "d", 0},
		{0, "bulk", "f", 0},
		{0, "bulk", "g", 6 * time.Hour}, // 24, which nobody is told at once
	} {
		f.pass(tt.pass)
		if got := f.admit(tt.lane, tt.asset); got != tt.want {
			t.Errorf("%s %s waits %v, want %v", tt.lane, tt.asset, got, tt.want)
		}
		if tt.asset == "c" && tt.pass == 0 { // what ended still counts
			if _, err := f.Watch(t.Context(), "j1", "a", 1); err != nil {
				t.Fatal(err)
			}
			f.release("a")
		}
	}
}

func TestAdmitNothing(t *testing.T) {
	for _, tt := range []struct {
		name string
		opt  Options
		gate string
	}{
		{"no jobs in flight", Options{InFlight: -1}, "quota: no job may be in flight; raise the limit"},
		{"a quota of zero", Options{Rates: map[string]Rate{CreateJob: {}}}, "quota: the account's quota of CreateJob is zero; have AWS raise it"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := newFixture(t, tt.opt)
			for range 3 {
				if got := f.admit("live", "a"); got != 10*time.Minute {
					t.Errorf("waits %v, want 10m", got)
				}
				f.pass(10 * time.Minute)
			}
			gates, err := f.Gates(t.Context())
			if err != nil || len(gates) != 1 || gates[0].Scope+": "+gates[0].Reason != tt.gate {
				t.Errorf("Gates = %+v, %v, want %q", gates, err, tt.gate)
			}

			// Who was told of no quotas, such as a command, sees it once a worker was at work.
			outside := New(f.rdb, Options{Fleet: "f1"})
			if gates, err = outside.Gates(t.Context()); err != nil || len(gates) != 0 {
				t.Errorf("Gates = %+v, %v before a worker was at work", gates, err)
			}
			worker := Sweeper{Governor: f.Governor}
			if _, err := worker.Call(t.Context()); err != nil {
				t.Fatal(err)
			}
			if gates, err = outside.Gates(t.Context()); err != nil || len(gates) != 1 || gates[0].Scope+": "+gates[0].Reason != tt.gate {
				t.Errorf("Gates = %+v, %v for one outside, want %q", gates, err, tt.gate)
			}
			f.opt.InFlight = 1
			f.SetRate(CreateJob, DefaultRate)
			if _, err := worker.Call(t.Context()); err != nil {
				t.Fatal(err)
			}
			if gates, err = outside.Gates(t.Context()); err != nil || len(gates) != 0 {
				t.Errorf("Gates = %+v, %v after the quota was raised", gates, err)
			}
		})
	}
}

func TestAdmitWithoutEpoch(t *testing.T) {
	f := newFixture(t, Options{Rates: plenty})
	f.redis.FlushAll()
	if got := f.admit("live", "a"); got != 30*time.Second {
		t.Errorf("waits %v, want 30s", got)
	}
	if gates, err := f.Gates(t.Context()); err != nil || len(gates) != 1 || gates[0].Scope != "epoch" {
		t.Errorf("Gates = %+v, %v, want the epoch", gates, err)
	}
	if err := f.SetEpoch(t.Context(), "e2"); err != nil {
		t.Fatal(err)
	}
	if got, err := f.Epoch(t.Context()); got != "e2" || err != nil {
		t.Errorf("Epoch = %q, %v", got, err)
	}
	if got := f.admit("live", "a"); got != 0 {
		t.Errorf("waits %v, want 0", got)
	}
}

func TestAdmitWithoutRedis(t *testing.T) {
	f := newFixture(t, Options{})
	f.redis.Close()
	if wait, err := f.Admit(t.Context(), "live", "p1", "a", 1); err == nil || wait != 0 {
		t.Errorf("Admit = %v, %v, want an error", wait, err)
	}
}
