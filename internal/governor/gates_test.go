package governor

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// list is the closed gates in short.
func (f *fixture) list() []string {
	f.t.Helper()
	gates, err := f.Gates(f.t.Context())
	if err != nil {
		f.t.Fatal(err)
	}
	var got []string
	for _, g := range gates {
		until := "opened"
		if !g.Until.IsZero() {
			until = g.Until.Sub(start).String()
		}
		got = append(got, fmt.Sprintf("%s %q by %q since %v until %s, %d shuts, %d probes", g.Scope, g.Reason, g.By, g.Since.Sub(start), until, g.Shuts, g.Probes))
	}
	return got
}

func TestGates(t *testing.T) {
	shut := func(scope, reason string, d time.Duration) func(*fixture) error {
		return func(f *fixture) error { return f.Shut(f.t.Context(), scope, reason, d) }
	}
	byHand := func(scope string, d time.Duration) func(*fixture) error {
		return func(f *fixture) error { return f.ShutBy(f.t.Context(), scope, "bills", "ann", d) }
	}
	admit := func(asset string, want time.Duration) func(*fixture) error {
		return func(f *fixture) error {
			if got := f.admit("live", asset); got != want {
				return fmt.Errorf("%s waits %v, want %v", asset, got, want)
			}
			return nil
		}
	}
	parked := func(asset string, least, most time.Duration) func(*fixture) error {
		return func(f *fixture) error {
			if got := f.admit("live", asset); got < least || got > most {
				return fmt.Errorf("%s waits %v, want %v to %v", asset, got, least, most)
			}
			return nil
		}
	}
	pass := func(d time.Duration) func(*fixture) error { return func(f *fixture) error { f.pass(d); return nil } }
	succeeded := func(asset string) func(*fixture) error {
		return func(f *fixture) error { return f.Succeeded(f.t.Context(), "p1", asset, 1) }
	}
	open := func(scope string, want bool) func(*fixture) error {
		return func(f *fixture) error {
			if was, err := f.Open(f.t.Context(), scope); was != want || err != nil {
				return fmt.Errorf("Open %s = %v, %v, want %v", scope, was, err, want)
			}
			return nil
		}
	}
	list := func(want ...string) func(*fixture) error {
		return func(f *fixture) error {
			if got := f.list(); !slices.Equal(got, want) {
				return fmt.Errorf("gates:\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
			return nil
		}
	}
	for _, tt := range []struct {
		name  string
		steps []func(*fixture) error
	}{
		{"the account's lets one through, and opens by its success", []func(*fixture) error{
			shut("account", "no role", 5*time.Minute),
			admit("a", 5*time.Minute), admit("b", 20*time.Minute),
			pass(4 * time.Minute), admit("a", time.Minute),
			succeeded("z"), // of a job from before
			list(`account "no role" by "" since 0s until 5m0s, 1 shuts, 0 probes`),
			pass(time.Minute), admit("a", 0), admit("b", 5*time.Minute), parked("a", 5*time.Minute, 6*time.Minute),
			list(`account "no role" by "" since 0s until 10m0s, 1 shuts, 1 probes`),
			succeeded("z"), // which says nothing of the probe
			list(`account "no role" by "" since 0s until 10m0s, 1 shuts, 1 probes`),
			succeeded("a"), admit("b", 0), list(),
		}},
		{"the probe fails", []func(*fixture) error{
			shut("account", "no role", 5*time.Minute), shut("account", "no role", 5*time.Minute),
			pass(5 * time.Minute), admit("a", 0), pass(time.Minute), shut("account", "no bucket", 5*time.Minute), succeeded("a"),
			list(`account "no bucket" by "" since 0s until 11m0s, 3 shuts, 0 probes`),
			pass(4 * time.Minute), admit("b", time.Minute),
		}},
		{"no probe ends: another goes", []func(*fixture) error{
			shut("stage:transcode-submit", "x", 5*time.Minute),
			pass(5 * time.Minute), admit("a", 0), pass(4 * time.Minute), admit("b", time.Minute), pass(time.Minute), admit("b", 0),
			succeeded("a"), list(), // the first one was only slow
		}},
		{"a profile's keeps no place in line", []func(*fixture) error{
			shut("profile:p1", "bad settings", 5*time.Minute), parked("a", 5*time.Minute, 6*time.Minute),
			func(f *fixture) error {
				if wait, err := f.Admit(f.t.Context(), "live", "p2", "b", 1); wait != 0 || err != nil {
					return fmt.Errorf("another profile waits %v, %w", wait, err)
				}
				return nil
			},
			pass(5 * time.Minute), admit("a", 0), parked("b", 5*time.Minute, 6*time.Minute), succeeded("a"), list(),
		}},
		{"by hand, for a time", []func(*fixture) error{
			byHand("account", time.Hour), shut("account", "no role", time.Minute),
			list(`account "bills" by "ann" since 0s until 1h0m0s, 1 shuts, 0 probes`),
			pass(59 * time.Minute), succeeded("a"), admit("a", time.Minute), pass(time.Minute), admit("a", 0), list(),
		}},
		{"by hand, until opened", []func(*fixture) error{
			shut("account", "no role", time.Minute), byHand("account", 0),
			list(`account "bills" by "ann" since 0s until opened, 2 shuts, 0 probes`),
			pass(24 * time.Hour), succeeded("a"), admit("a", 10*time.Minute), open("account", true), open("account", false), admit("a", 0), list(),
		}},
		{"what is no scope", []func(*fixture) error{
			func(f *fixture) error {
				for _, scope := range []string{"", "accounts", "account:1", "profile:", "profile", "asset:a", "campaign:\xff", "stage:" + strings.Repeat("x", 200)} {
					if err := f.Shut(f.t.Context(), scope, "", time.Minute); err == nil {
						return fmt.Errorf("%q was shut", scope)
					}
				}
				if err := f.ShutBy(f.t.Context(), "account", "", "", time.Minute); err == nil {
					return fmt.Errorf("shut by nobody")
				}
				return nil
			},
			list(),
		}},
		{"texts that others wrote", []func(*fixture) error{
			shut("campaign:spring \"1\"", "\xff{}\n", time.Minute),
			list(`campaign:spring "1" "` + "\uFFFD" + `{}\n" by "" since 0s until 1m0s, 1 shuts, 0 probes`),
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := newFixture(t, Options{Rates: plenty})
			for i, step := range tt.steps {
				if err := step(f); err != nil {
					t.Fatalf("step %d: %v", i, err)
				}
			}
		})
	}
}

func TestClosed(t *testing.T) {
	f := newFixture(t, Options{})
	for _, scope := range []string{"account", "campaign:c", "stage:ingest"} {
		if err := f.Shut(t.Context(), scope, "x", time.Minute); err != nil {
			t.Fatal(err)
		}
		f.pass(10 * time.Second)
	}
	for _, tt := range []struct {
		scopes []string
		want   string
		wait   time.Duration
	}{
		{nil, "", 0},
		{[]string{"campaign:d", "stage:publish"}, "", 0},
		{[]string{"campaign:d", "stage:ingest", "campaign:c"}, "stage:ingest", 50 * time.Second},
		{[]string{"account"}, "account", 30 * time.Second},
	} {
		if got, wait, err := f.Closed(t.Context(), tt.scopes...); got != tt.want || wait != tt.wait || err != nil {
			t.Errorf("Closed(%q) = %q, %v, %v, want %q, %v", tt.scopes, got, wait, err, tt.want, tt.wait)
		}
	}
	f.pass(time.Minute)
	if got, _, err := f.Closed(t.Context(), "account", "campaign:c"); got != "" || err != nil {
		t.Errorf("Closed = %q, %v where a probe may go through", got, err)
	}
}
