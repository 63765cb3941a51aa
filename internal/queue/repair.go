package queue

import (
	"context"
	"errors"
	"time"
)

// Repair says what a repair found and did.
type Repair struct {
	Found  int       `json:"found"`
	Mended int       `json:"mended"`           // 0 in a dry run
	Sample []TaskRef `json:"sample,omitempty"` // of those found, at most 10
}

// RepairOrphans puts active tasks that have no lease back into their queues:
// Asynq recovers a task by its lease alone. A task is mended that has been seen
// without one for grace, counted from the first RepairOrphans that saw it, as
// its worker may be at work for all that. A dry run counts them and changes
// nothing. A repeat is harmless.
func (i *Inspector) RepairOrphans(ctx context.Context, grace time.Duration, dryRun bool) (Repair, error) {
	return Repair{}, errors.ErrUnsupported
}

// RepairRecords moves aside the records that Asynq cannot decode, in whatever
// state: one of them, with a lease that has ended, keeps Asynq from recovering
// any task of any queue. Their bytes are kept in the list vodfleet:dead-letters,
// the newest 1,000 of them. A dry run counts them and changes nothing. A repeat
// is harmless. It reads every record; with activeOnly those alone that can do
// harm now.
func (i *Inspector) RepairRecords(ctx context.Context, activeOnly, dryRun bool) (Repair, error) {
	return Repair{}, errors.ErrUnsupported
}

// Revive sets an archived task going again, its failures and crashes forgotten,
// and says whether it was archived. A repeat is harmless.
func (i *Inspector) Revive(ctx context.Context, ref TaskRef) (bool, error) {
	return false, errors.ErrUnsupported
}

// Clear deletes an archived task, so that its ID is free, and says whether it
// was archived. A repeat is harmless.
func (i *Inspector) Clear(ctx context.Context, ref TaskRef) (bool, error) {
	return false, errors.ErrUnsupported
}
