package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/user"
	"slices"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/vodfleet/vodfleet/internal/config"
	"github.com/vodfleet/vodfleet/internal/governor"
	"github.com/vodfleet/vodfleet/internal/run"
	"github.com/vodfleet/vodfleet/tasks"
)

type gatesCmd struct {
	List  gatesListCmd  `cmd:"" default:"withargs" help:"List the closed gates."`
	Open  gatesOpenCmd  `cmd:"" help:"Open a gate, whoever closed it."`
	Close gatesCloseCmd `cmd:"" help:"Close a gate."`
}

func (gatesCmd) Help() string {
	return `While a gate is closed nothing of its scope is submitted; what is running goes
on. The fleet closes a gate itself where going on would only burn money or
requests, such as when a role is denied: then it lets one job through now and
again, and opens the gate when that succeeds. Scopes: account, profile:DIGEST,
stage:transcode-submit, and invalidations: that one the budget of a month closes
too, and whoever opens it then allows the budget once more. Other stages have no
gates: enqueuer pause holds them.

Examples:

  enqueuer gates
  enqueuer gates close account --reason "budget is spent" --for 12h
  enqueuer gates open account

Exit codes: 0 done, 1 failed, 2 wrong usage.`
}

// gate is a closed gate as people are told of it.
type gate struct {
	Scope  string     `json:"scope"`
	Reason string     `json:"reason"`
	By     string     `json:"by,omitempty"` // who closed it by hand
	Since  time.Time  `json:"since"`
	Until  *time.Time `json:"until,omitempty"` // when it opens, or lets the next probe through
	Shuts  int        `json:"shuts"`
	Probes int        `json:"probes"`
}

func gatesOf(all []governor.Gate) []gate {
	gates := []gate{} // never null as JSON
	for _, g := range all {
		one := gate{Scope: g.Scope, Reason: g.Reason, By: g.By, Since: g.Since.UTC(), Shuts: g.Shuts, Probes: g.Probes}
		if !g.Until.IsZero() {
			one.Until = new(g.Until.UTC())
		}
		gates = append(gates, one)
	}
	return gates
}

// until says when a gate opens, or may.
func (g gate) until() string {
	switch {
	case g.Scope == epochScope:
		return "until the queue is rebuilt"
	case g.Until == nil:
		return "until it is opened"
	case g.By != "":
		return "until " + stamp(*g.Until)
	default:
		return "next probe " + stamp(*g.Until)
	}
}

func printGates(w io.Writer, gates []gate) {
	t := newTable(w)
	t.AppendHeader(table.Row{"closed gate", "since", "until", "by", "reason"})
	for _, g := range gates {
		by := g.By
		if by == "" {
			by = "the fleet"
		}
		t.AppendRow(table.Row{plain(g.Scope), stamp(g.Since), g.until(), plain(by), plain(g.Reason)})
	}
	t.Render()
}

type gatesListCmd struct {
	config.Redis
	output
}

func (gatesListCmd) Help() string {
	return `Lists the closed gates: why each is closed, by whom, and when it opens or lets a
probe through.

Examples:

  enqueuer gates list
  enqueuer gates list --output json

Exit codes: 0 done, 1 failed, 2 wrong usage.`
}

// closedGates lists the closed gates.
func closedGates(ctx context.Context, r config.Redis) ([]gate, error) {
	g, err := openGovernor(r, "")
	if err != nil {
		return nil, err
	}
	defer g.Close()
	all, err := g.Gates(ctx)
	if err != nil {
		return nil, err
	}
	return gatesOf(all), nil
}

func (c *gatesListCmd) Run(e *env) error {
	gates, err := closedGates(e.ctx, c.Redis)
	if err != nil {
		return err
	}
	if c.json() {
		return printJSON(e.out, gates)
	}
	if len(gates) == 0 {
		fmt.Fprintln(e.out, "all gates are open")
		return nil
	}
	printGates(e.out, gates)
	return nil
}

type gatesOpenCmd struct {
	config.Redis
	Scope string `arg:"" help:"account, invalidations, profile:DIGEST, stage:KIND or campaign:NAME."`
}

func (gatesOpenCmd) Help() string {
	return `Opens a gate, whoever closed it. If its cause is not mended the fleet closes it
again. A repeat is harmless.

Examples:

  enqueuer gates open account
  enqueuer gates open profile:0123456789abcdef0123456789abcdef

Exit codes: 0 it is open, 1 failed, 2 wrong usage.`
}

func (c *gatesOpenCmd) Run(e *env) error {
	if err := checkScope(c.Scope); err != nil {
		return err
	}
	g, err := openGovernor(c.Redis, "")
	if err != nil {
		return err
	}
	defer g.Close()
	was, err := g.Open(e.ctx, c.Scope)
	if err != nil {
		return err
	}
	if was {
		fmt.Fprintf(e.out, "gate %s is open\n", plain(c.Scope))
	} else {
		fmt.Fprintf(e.out, "gate %s was open\n", plain(c.Scope))
	}
	return nil
}

type gatesCloseCmd struct {
	config.Redis
	Scope  string        `arg:"" help:"account, invalidations, profile:DIGEST or stage:transcode-submit."`
	Reason string        `required:"" help:"Why, for those who meet it." placeholder:"TEXT"`
	For    time.Duration `help:"How long it stays closed, at most a week; without it, until somebody opens it." placeholder:"D"`
}

func (gatesCloseCmd) Help() string {
	return `Closes a gate by hand: no probe goes through it and no success opens it, before
its time is over or somebody opens it. A repeat notes the newer reason and time.

Examples:

  enqueuer gates close account --reason "budget is spent"
  enqueuer gates close stage:transcode-submit --reason "deployment" --for 30m

Exit codes: 0 it is closed, 1 failed, 2 wrong usage.`
}

func (c *gatesCloseCmd) Run(e *env) error {
	if err := checkScope(c.Scope); err != nil {
		return err
	}
	if err := checkHeld(c.Scope); err != nil {
		return err
	}
	switch {
	case strings.TrimSpace(c.Reason) == "":
		return run.UsageError(errors.New("reason: empty; say why the gate is closed"))
	case c.For < 0 || c.For > maxClosed:
		return run.UsageError(fmt.Errorf("for %v: want at most %v, or nothing for no end", c.For, maxClosed))
	}
	g, err := openGovernor(c.Redis, "")
	if err != nil {
		return err
	}
	defer g.Close()
	if err := g.ShutBy(e.ctx, c.Scope, c.Reason, operator(), c.For); err != nil {
		return err
	}
	fmt.Fprintf(e.out, "gate %s is closed\n", plain(c.Scope))
	return nil
}

const maxClosed = 7 * 24 * time.Hour

// operator names who gives an order.
func operator() string {
	if u, err := user.Current(); err == nil && u.Username != "" {
		return u.Username
	}
	return "an operator"
}

// checkScope refuses what is no gate's scope.
func checkScope(scope string) error {
	kind, name, named := strings.Cut(scope, ":")
	switch {
	case scope == "account", scope == governor.ScopeInvalidations:
		return nil
	case kind == "stage" && slices.Contains(kinds(), name):
		return nil
	case kind == "stage":
		return run.UsageError(fmt.Errorf("scope %q: want a stage of %s", scope, strings.Join(kinds(), ", ")))
	case kind == "campaign" && named && name != "", kind == "profile" && profileDigest.MatchString(name):
		return nil
	case kind == "profile":
		return run.UsageError(fmt.Errorf("scope %q: want profile:DIGEST, with the 32 hex digits that enqueuer profile show and status tell", scope))
	case scope == epochScope:
		return run.UsageError(fmt.Errorf("scope %q: the fleet opens it by itself once its queue is rebuilt; enqueuer reconcile does that now", scope))
	}
	return run.UsageError(fmt.Errorf("scope %q: want account, invalidations, profile:DIGEST, stage:KIND or campaign:NAME", scope))
}

// epochScope is closed while Redis, which was emptied, is being filled again.
const epochScope = "epoch"

// checkHeld refuses scopes that exist, but whose gate would hold nothing back.
func checkHeld(scope string) error {
	switch kind, name, _ := strings.Cut(scope, ":"); {
	case kind == "campaign":
		return run.UsageError(fmt.Errorf("scope %q: campaigns have no gates; close account, profile:DIGEST or stage:%s", scope, tasks.KindTranscodeSubmit))
	case kind == "stage" && name != tasks.KindTranscodeSubmit && slices.Contains(kinds(), name):
		return run.UsageError(fmt.Errorf("scope %q: this stage has no gate; hold it by: enqueuer pause %s", scope, name))
	}
	return nil
}

// kinds are the stages in the order of the funnel.
func kinds() []string {
	return []string{tasks.KindIngest, tasks.KindTranscodeSubmit, tasks.KindTranscodePoll, tasks.KindPublish, tasks.KindInvalidateOrRename}
}
