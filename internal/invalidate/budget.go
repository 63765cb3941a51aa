package invalidate

import (
	"context"
	"fmt"
	"time"

	"github.com/vodfleet/vodfleet/internal/governor"
	"go.uber.org/zap"
)

// byBudget is who closes the gate when the month's budget is used up.
const byBudget = "the month's budget"

// used is what the month of a time has cost, in paths.
func (b *Batcher) used(now time.Time) int {
	if month(b.last.Created) != month(now) {
		return 0
	}
	return b.last.MonthPaths
}

// granted is what was allowed beyond the budget in the month of a time.
func (b *Batcher) granted(now time.Time) int {
	if month(b.last.Created) != month(now) {
		return 0
	}
	return b.last.Granted
}

// left is how many paths may be asked for, with so many allowed beyond the
// budget; below zero: any number.
func (b *Batcher) left(now time.Time, granted int) int {
	if b.Budget <= 0 {
		return -1
	}
	return max(b.Budget+granted-b.used(now), 0)
}

// choose says whom the next batch holds: none, if it is not time, or the gate is
// closed.
//
// Those with wildcards, which are removals, go before all others. They count for
// the month but are not held to its budget, nor by the gate that it closes: an
// operator has asked for each, and what was removed must not be seen for longer.
// A gate closed by hand holds them too.
//
// Where the budget of the month leaves nothing it closes the gate; once
// an operator has opened that, the budget is allowed once more. The gate that
// the budget closed opens by itself in the next month, or with a larger budget.
func (b *Batcher) choose(ctx context.Context, line governor.StaleLine) (members []member, granted int, err error) {
	now := b.Store.Now()
	granted = b.granted(now)
	r := room{flying: b.inFlight(), budget: b.left(now, granted), most: b.most}
	if f := plan(removals(line), room{flying: r.flying, budget: -1, most: r.most}); len(f.members) > 0 {
		shut, err := b.shut(ctx, line.Now)
		if err != nil || shut != nil && shut.By != byBudget {
			return nil, 0, err
		}
		return f.members, granted, nil
	}
	f := plan(line, r)
	if len(f.members) == 0 && f.short == 0 || b.Gates == nil {
		return f.members, granted, nil
	}
	shut, err := b.shut(ctx, line.Now)
	if err != nil {
		return nil, 0, err
	}
	if f.short == 0 {
		if shut != nil && shut.By == byBudget {
			if err := b.Gates.Ask(ctx, ""); err != nil { // it is no operator who opens it
				return nil, 0, err
			}
			if _, err := b.Gates.Open(ctx, governor.ScopeInvalidations); err != nil {
				return nil, 0, err
			}
			shut = nil
		}
		if shut != nil {
			return nil, 0, nil
		}
		return f.members, granted, nil
	}
	answer := fmt.Sprintf("%s %d", month(now), b.Budget+granted)
	was, err := b.Gates.Asked(ctx)
	switch {
	case err != nil:
		return nil, 0, err
	case shut == nil && was == answer: // and somebody opened it
		granted += b.Budget
		r.budget = b.left(now, granted)
		f = plan(line, r)
		b.Log.Warn("the budget of invalidations is allowed once more", zap.Int("granted", granted))
		return f.members, granted, nil
	case shut == nil:
		if err := b.refuseMore(ctx, now, granted, line.Count); err != nil {
			return nil, 0, err
		}
	case shut.By != byBudget || was == answer:
		return nil, 0, nil
	}
	return nil, 0, b.Gates.Ask(ctx, answer)
}

// removals is the line of those with wildcards, of which a part is read.
func removals(line governor.StaleLine) governor.StaleLine {
	all := governor.StaleLine{Now: line.Now, Count: len(line.Wild), First: line.Wild}
	if len(line.Wild) > 0 {
		all.Newest = line.Wild[len(line.Wild)-1].Since
	}
	return all
}

// shut returns the gate if it is closed.
func (b *Batcher) shut(ctx context.Context, now time.Time) (*governor.Gate, error) {
	if b.Gates == nil {
		return nil, nil
	}
	gates, err := b.Gates.Gates(ctx)
	if err != nil {
		return nil, err
	}
	for _, g := range gates {
		if g.Scope == governor.ScopeInvalidations && (g.Until.IsZero() || g.Until.After(now)) {
			return &g, nil
		}
	}
	return nil, nil
}

// refuseMore closes the gate.
func (b *Batcher) refuseMore(ctx context.Context, now time.Time, granted, waiting int) error {
	reason := fmt.Sprintf("%d of the %d paths that may be invalidated in %s are used, and %d assets wait: open this gate to allow %d more, or raise VODFLEET_INVALIDATION_BUDGET; next month they go on by themselves",
		b.used(now), b.Budget+granted, month(now), waiting, b.Budget)
	b.Log.Error("gate closes", zap.String("gate", governor.ScopeInvalidations), zap.String("reason", reason))
	return b.Gates.ShutBy(ctx, governor.ScopeInvalidations, reason, byBudget, 0)
}
