package reconcile

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/vodfleet/vodfleet/internal/cloud"
	"github.com/vodfleet/vodfleet/internal/stage"
	"github.com/vodfleet/vodfleet/tasks"
	"go.uber.org/zap"
)

const (
	listsEvery = time.Hour     // a look through the lists of jobs; the sweep of the governor has the running ones before
	listsBack  = 2 * time.Hour // of the first look of a process
	listsSlack = 10 * time.Minute
	maxPages   = 2_000 // of 20 jobs, of one look: more than an hour's submissions at the default quota
)

// Seen judges a job of a list that no poll waits for, counts it and tells of
// it; see [stage.Stray]. It is what a sweep over running jobs calls. A repeat
// is harmless. A job whose record cannot be read is told and stays for whoever
// mends that, without an error: it runs and counts as any other.
func (r *Reconciler) Seen(ctx context.Context, job cloud.Job) error {
	report := newReport(false)
	err := r.judge(ctx, job, false, func(f Finding) {
		report.add(f, 1, boolInt(f.Mended))
		if f.Kind == CorruptRecord || f.Kind == NewerRecord {
			r.tellUnread(f)
		}
	})
	m := r.meters()
	for kind, n := range report.Found { // Stray has logged it
		m.found.WithLabelValues(string(kind)).Add(float64(n))
		m.mended.WithLabelValues(string(kind)).Add(float64(report.Mended[kind]))
	}
	return err
}

// jobKinds are what a job may turn out to be, as findings, and whether it is
// mended then.
var jobKinds = map[stage.Finding]struct {
	kind Kind
	mend bool
}{
	stage.JobAdopted:   {AdoptedJob, true},
	stage.JobDuplicate: {DuplicateJob, true},
	stage.JobPaid:      {PaidJob, false},
	stage.JobEnded:     {EndedJob, false},
	stage.JobUnknown:   {UnknownJob, false},
}

// stray returns what judges jobs. A dry one changes nothing.
func (r *Reconciler) stray(dry bool, found func(Finding)) *stage.Stray {
	s := &stage.Stray{Ledger: r.Ledger, Canceler: r.Transcoder, Next: r.Queue, Fleet: r.Fleet, Log: r.Log}
	if dry {
		s.Canceler, s.Next, s.Log = idle{}, idle{}, zap.NewNop()
	}
	s.Found = func(is stage.Finding, job cloud.Job) {
		if k, ok := jobKinds[is]; ok {
			found(Finding{
				Kind: k.kind, Job: job.ID, Asset: job.Metadata["asset"], Mended: k.mend && !dry,
				Why: fmt.Sprintf("build %s, %s", job.Metadata["build"], job.State),
			})
		}
	}
	return s
}

// idle does nothing, successfully.
type idle struct{}

func (idle) Cancel(context.Context, string) error                       { return nil }
func (idle) Enqueue(context.Context, tasks.Task) error                  { return nil }
func (idle) EnqueueIn(context.Context, tasks.Task, time.Duration) error { return nil }

// lists looks through the lists of jobs, in the order in which jobs move, for
// jobs of this fleet that are not where the ledger has them: once an hour, back
// to the look before.
func (p *pass) lists(ctx context.Context) error {
	now := p.Ledger.Now()
	since := now.Add(-listsBack)
	if last := p.Reconciler.jobs; !last.IsZero() {
		if !p.dry && now.Sub(last) < listsEvery {
			return nil
		}
		since = last.Add(-listsSlack)
	}
	pages, judged := 0, make(map[string]bool) // a job moves from list to list
	for _, state := range cloud.JobStates {
		query := cloud.JobQuery{State: state}
		for more := true; more && pages < maxPages; pages++ {
			page, err := p.Transcoder.List(ctx, query)
			if err != nil {
				return fmt.Errorf("reconcile: list %s jobs: %w", state, err)
			}
			p.report.Jobs += len(page.Jobs)
			n := len(page.Jobs)
			more = page.Next != "" && (n == 0 || !state.Ended() || !page.Jobs[n-1].Created.Before(since))
			page.Jobs = slices.DeleteFunc(page.Jobs, func(job cloud.Job) bool {
				return judged[job.ID] || state.Ended() && job.Created.Before(since)
			})
			for _, job := range page.Jobs {
				judged[job.ID] = true
			}
			if err := each(ctx, page.Jobs, p.judge); err != nil {
				return err
			}
			query.Cursor = page.Next
		}
	}
	if pages >= maxPages {
		p.Log.Warn("more jobs than one pass looks at", zap.Int("pages", pages), zap.Time("since", since))
	}
	if !p.dry {
		p.Reconciler.jobs = now
	}
	return nil
}

// judge judges one listed job. One whose record cannot be read stays for whoever
// mends that.
func (p *pass) judge(ctx context.Context, job cloud.Job) error {
	return p.Reconciler.judge(ctx, job, p.dry, p.found)
}

func (r *Reconciler) judge(ctx context.Context, job cloud.Job, dry bool, found func(Finding)) error {
	err := r.stray(dry, found).Handle(ctx, job)
	if kind := unreadable(err); kind != "" {
		found(Finding{Kind: kind, Asset: job.Metadata["asset"], Job: job.ID, Why: err.Error()})
		return nil
	}
	return err
}

// tellUnread logs a job whose record cannot be read. Each sweep meets all of
// them again, so only one is told at a time.
func (r *Reconciler) tellUnread(f Finding) {
	r.telling.Lock()
	defer r.telling.Unlock()
	if time.Since(r.toldUnread) < tellEvery {
		return
	}
	r.toldUnread = time.Now()
	r.Log.Warn("the record of a running job cannot be read", zap.String("kind", string(f.Kind)),
		zap.String("asset", f.Asset), zap.String("job", f.Job), zap.String("why", f.Why))
}
