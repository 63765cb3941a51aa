package governor

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

const (
	scopeAccount = "account"
	scopeSubmit  = "stage:transcode-submit"
)

// ScopeInvalidations is the scope of what costs by the path: no new
// invalidation is asked for while its gate is closed.
const ScopeInvalidations = "invalidations"

// Gate is a closed gate: nothing of its scope is submitted.
type Gate struct {
	Scope  string // "account", "invalidations", "profile:DIGEST", "stage:KIND" or "campaign:NAME"
	Reason string
	By     string    // who closed it by hand; empty if the fleet did
	Since  time.Time // when it was first closed
	Until  time.Time // when one probe may go through, or, closed by hand, when it opens; zero: when somebody opens it
	Shuts  int       // how often it was closed since then
	Probes int       // that went through since it was last closed
}

// Shut closes a gate for d because of what happened. Then one job is let
// through as a probe, and another after each further d, until one succeeds (see
// [Governor.Succeeded]) or somebody opens the gate. A repeat is harmless: it
// notes the newer reason, and the time runs anew. It fails for a scope of
// another form, and for d below one second or above a week it takes those.
func (g *Governor) Shut(ctx context.Context, scope, reason string, d time.Duration) error {
	return g.shut(ctx, scope, reason, "", min(max(d, time.Second), maxShut))
}

// maxShut is how long a gate may be closed for.
const maxShut = 7 * 24 * time.Hour

// ShutBy closes a gate by hand: for d no probe goes through and no success
// opens it, then it is open. With d zero it stays closed until somebody opens
// it. By must not be empty.
func (g *Governor) ShutBy(ctx context.Context, scope, reason, by string, d time.Duration) error {
	if by == "" {
		return errors.New("shut gate " + scope + ": by nobody")
	}
	if d > 0 {
		d = min(max(d, time.Second), maxShut)
	}
	return g.shut(ctx, scope, reason, by, max(d, 0))
}

func (g *Governor) shut(ctx context.Context, scope, reason, by string, d time.Duration) error {
	if err := checkScope(scope); err != nil {
		return fmt.Errorf("shut gate %q: %w", scope, err)
	}
	if err := scriptShut.Run(ctx, g.rdb, []string{keyGates}, scope, cut(reason, 1000), cut(by, 100), ms(d)).Err(); err != nil {
		return fmt.Errorf("shut gate %s: %w", scope, err)
	}
	return nil
}

func checkScope(scope string) error {
	kind, of, _ := strings.Cut(scope, ":")
	switch {
	case len(scope) > 200:
		return errors.New("longer than 200 bytes")
	case !utf8.ValidString(scope):
		return errors.New("not UTF-8")
	case scope == scopeAccount, scope == ScopeInvalidations:
		return nil
	case of != "" && slices.Contains([]string{"profile", "stage", "campaign"}, kind):
		return nil
	}
	return errors.New("no scope; want account, invalidations, profile:DIGEST, stage:KIND or campaign:NAME")
}

// cut bounds a text that somebody else wrote, and makes it one that JSON takes.
func cut(s string, n int) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	if len(s) <= n {
		return s
	}
	s = s[:n]
	for !utf8.ValidString(s) {
		s = s[:len(s)-1]
	}
	return s
}

// Open opens a gate, whoever closed it, and reports whether it was closed.
func (g *Governor) Open(ctx context.Context, scope string) (bool, error) {
	n, err := g.rdb.HDel(ctx, keyGates, scope).Result()
	if err != nil {
		return false, fmt.Errorf("open gate %s: %w", scope, err)
	}
	return n > 0, nil
}

// Gates lists the closed gates, by scope. Beside those that [Governor.Open]
// opens it tells what else keeps everything from being submitted, with the way
// out as the reason: "epoch" if Redis carries none, "quota" if there is none, to
// this governor's knowledge or to that of the worker that calls those waiting.
func (g *Governor) Gates(ctx context.Context) ([]Gate, error) {
	gates, _, err := g.gates(ctx)
	return gates, err
}

// gate is how scripts keep one.
type gate struct {
	Reason string  `json:"reason"`
	By     string  `json:"by"`
	Since  float64 `json:"since"` // milliseconds, as all times
	Ends   float64 `json:"ends"`  // 0: open end
	Shuts  float64 `json:"shuts"`
	Probes float64 `json:"probes"` // beside it scripts keep the probes themselves
}

// gates also returns the time by Redis's clock.
func (g *Governor) gates(ctx context.Context) ([]Gate, time.Time, error) {
	got, err := scriptGates.Run(ctx, g.rdb, []string{keyGates, keyEpoch, keyLimits}).Slice()
	if err != nil {
		return nil, time.Time{}, fmt.Errorf("list gates: %w", err)
	}
	now, known, ok := head(got)
	if !ok {
		return nil, time.Time{}, errors.New("list gates: the script's answer has another form")
	}
	var gates []Gate
	if !known {
		gates = append(gates, Gate{Scope: "epoch", Reason: "this Redis is new or has lost its keys; the reconciler opens submission once it has rebuilt the queue", Since: now})
	}
	switch {
	case g.share(CreateJob) == Rate{}, got[2] == "0":
		gates = append(gates, Gate{Scope: "quota", Reason: "the account's quota of CreateJob is zero; have AWS raise it", Since: now})
	case g.opt.InFlight == 0, got[3] == "0":
		gates = append(gates, Gate{Scope: "quota", Reason: "no job may be in flight; raise the limit", Since: now})
	}
	for pair := range slices.Chunk(got[4:], 2) {
		scope, _ := pair[0].(string)
		raw, _ := pair[len(pair)-1].(string)
		var k gate
		if err := json.Unmarshal([]byte(raw), &k); err != nil {
			return nil, time.Time{}, fmt.Errorf("list gates: gate %s: %w", scope, err)
		}
		one := Gate{Scope: scope, Reason: k.Reason, By: k.By, Since: timeMS(k.Since), Shuts: int(k.Shuts), Probes: int(k.Probes)}
		if k.Ends > 0 {
			one.Until = timeMS(k.Ends)
		}
		gates = append(gates, one)
	}
	slices.SortFunc(gates, func(a, b Gate) int { return cmp.Compare(a.Scope, b.Scope) })
	return gates, now, nil
}

// head reads the begin of the script's answer.
func head(got []any) (now time.Time, epoch, ok bool) {
	if len(got) < 4 || len(got)%2 != 0 {
		return time.Time{}, false, false
	}
	text, _ := got[0].(string)
	n, err := strconv.ParseInt(text, 10, 64)
	there, is := got[1].(int64)
	return time.UnixMilli(n), there == 1, err == nil && is
}

// Closed returns the first of scopes whose gate is closed and lets no probe
// through at this moment, and how long that is so; "" if there is none. It
// takes no probe. Campaigns and stages other than transcode-submit, whose gates
// [Governor.Admit] does not look at, ask for theirs by it. The wait for a gate
// that only somebody opens is ten minutes.
func (g *Governor) Closed(ctx context.Context, scopes ...string) (scope string, wait time.Duration, err error) {
	gates, now, err := g.gates(ctx)
	if err != nil {
		return "", 0, err
	}
	for _, scope := range scopes {
		i := slices.IndexFunc(gates, func(x Gate) bool { return x.Scope == scope })
		switch {
		case i < 0:
		case gates[i].Until.IsZero():
			return scope, 10 * time.Minute, nil
		case gates[i].Until.After(now):
			return scope, gates[i].Until.Sub(now), nil
		}
	}
	return "", 0, nil
}

// Succeeded tells that the job of a build is complete: the gates of the
// account, the profile and the submission that the fleet closed, and that let
// this build through as a probe since, open. That a job which was submitted
// before is complete says nothing of what a gate is closed for. A repeat is
// harmless.
func (g *Governor) Succeeded(ctx context.Context, profile, asset string, build int) error {
	err := scriptSucceeded.Run(ctx, g.rdb, []string{keyGates},
		member(asset, build), scopeAccount, scopeSubmit, scopeOf("profile", profile)).Err()
	if err != nil {
		return fmt.Errorf("open gates after the success of asset %s build %d: %w", asset, build, err)
	}
	return nil
}
