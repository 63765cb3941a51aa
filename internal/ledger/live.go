package ledger

import "time"

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
