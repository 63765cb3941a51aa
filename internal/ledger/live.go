package ledger

import (
	"slices"
	"strings"
	"time"
)

// LiveBy is [Record.Live] that says in the history what the caches were told,
// such as "its entries are invalidated".
func (r *Record) LiveBy(now time.Time, seq int, what string) error {
	if err := r.Live(now, seq); err != nil || what == "" {
		return err
	}
	last := &r.History[len(r.History)-1]
	last.What = clip(last.What+": "+what, maxText)
	return nil
}

// Waits says in the history what a removal waits for, or no longer does, with a
// detail. What was said before is [ErrUnchanged], whatever the detail.
func (r *Record) Waits(now time.Time, what, detail string) error {
	if r.Removed == nil {
		return r.refuse("note the wait of the removal of", 0, nil, "it is not removed")
	}
	said := func(e Event) bool { return !e.At.Before(r.Removed.At) && strings.HasPrefix(e.What, what) }
	if slices.ContainsFunc(r.History, said) {
		return ErrUnchanged
	}
	r.note(now, "%s: %s", what, detail)
	return nil
}
