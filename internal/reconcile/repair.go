package reconcile

import (
	"context"
	"errors"
	"fmt"

	"github.com/vodfleet/vodfleet/internal/queue"
)

// repair mends the tasks that Asynq would leave to lie. All records are read
// only if one that cannot be read was listed: otherwise those alone that keep
// Asynq from recovering others.
func (p *pass) repair(ctx context.Context) error {
	records, rerr := p.Tasks.RepairRecords(ctx, len(p.unread) == 0, p.dry)
	p.repaired(UnreadableTask, records)
	orphans, oerr := p.Tasks.RepairOrphans(ctx, orphanGrace, p.dry)
	p.repaired(OrphanedTask, orphans)
	if err := errors.Join(rerr, oerr); err != nil {
		return fmt.Errorf("reconcile: %w", err)
	}
	return nil
}

// repaired notes what a repair found, by name as far as it names it.
func (p *pass) repaired(kind Kind, r queue.Repair) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, ref := range r.Sample {
		if r.Found == 0 {
			break
		}
		p.report.add(Finding{Kind: kind, Task: ref.ID, Why: "queue " + ref.Queue, Mended: r.Mended > 0}, 1, boolInt(r.Mended > 0))
		r.Found--
		r.Mended = max(r.Mended-1, 0)
	}
	if r.Found > 0 {
		p.report.add(Finding{Kind: kind, Why: fmt.Sprintf("%d more", r.Found), Mended: r.Mended > 0}, r.Found, r.Mended)
	}
}
