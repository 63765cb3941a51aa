package reconcile

import (
	"slices"
	"strings"
	"time"
)

// Kind is a kind of what a pass finds.
type Kind string

const (
	NoTask         Kind = "no-task"         // an open asset that no task works on: it gets its task
	ArchivedTask   Kind = "archived-task"   // an open asset whose task was given up: it gets a new one in its place
	OrphanedTask   Kind = "orphaned-task"   // an active task without a lease: it goes back to its queue
	UnreadableTask Kind = "unreadable-task" // a task that Asynq cannot decode: it is moved aside
	StaleMarker    Kind = "stale-marker"    // a marker of open work where none is left: it is removed
	Stuck          Kind = "stuck"           // an open asset whose record asks for no task: left alone
	CorruptRecord  Kind = "corrupt-record"  // left alone
	NewerRecord    Kind = "newer-record"    // of a newer version: left to the workers of that
	MissingRecord  Kind = "missing-record"  // a marker or tasks without a record: left alone
	AdoptedJob     Kind = "adopted-job"     // a job of an open intent: its task is set going to adopt it
	DuplicateJob   Kind = "duplicate-job"   // one too many, unfinished: it is canceled
	PaidJob        Kind = "paid-job"        // one too many, and complete
	EndedJob       Kind = "ended-job"       // one too many, failed or canceled: it costs nothing
	UnknownJob     Kind = "unknown-job"     // a job of this fleet that no record knows: left alone
)

// Kinds lists the kinds, in the order in which people are told of them.
var Kinds = []Kind{
	NoTask, ArchivedTask, OrphanedTask, UnreadableTask, StaleMarker, Stuck, CorruptRecord, NewerRecord, MissingRecord,
	AdoptedJob, DuplicateJob, PaidJob, EndedJob, UnknownJob,
}

// Finding is one thing that a pass found.
type Finding struct {
	Kind   Kind   `json:"kind"`
	Asset  string `json:"asset,omitempty"`
	Task   string `json:"task,omitempty"`
	Job    string `json:"job,omitempty"`
	Source string `json:"source,omitempty"` // URI, where the record told it
	Why    string `json:"why,omitempty"`    // where there is more to say than the kind does
	Mended bool   `json:"mended"`
}

// Report says what a pass found.
type Report struct {
	DryRun   bool          `json:"dry_run"`
	Open     int           `json:"open"`  // markers of open assets
	Tasks    int           `json:"tasks"` // live tasks
	Read     int           `json:"read"`  // records
	Jobs     int           `json:"jobs"`  // listed
	Found    map[Kind]int  `json:"found"`
	Mended   map[Kind]int  `json:"mended"`
	Findings []Finding     `json:"findings"` // the first 1,000
	Cut      bool          `json:"cut"`      // there was more than one pass looks at; the next one goes on there
	Took     time.Duration `json:"took_ns"`
}

// maxFindings bounds the findings that a report keeps; all are counted.
const maxFindings = 1000

func newReport(dry bool) Report {
	return Report{DryRun: dry, Found: map[Kind]int{}, Mended: map[Kind]int{}, Findings: []Finding{}}
}

// Total is how much was found and how much of it was mended.
func (r Report) Total() (found, mended int) {
	for _, n := range r.Found {
		found += n
	}
	for _, n := range r.Mended {
		mended += n
	}
	return found, mended
}

// found notes one finding.
func (p *pass) found(f Finding) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.report.add(f, 1, boolInt(f.Mended))
}

func (r *Report) add(f Finding, found, mended int) {
	if found == 0 {
		return
	}
	r.Found[f.Kind] += found
	r.Mended[f.Kind] += mended
	if len(r.Findings) < maxFindings {
		r.Findings = append(r.Findings, f)
	}
}

// sort puts the findings into an order that is the same for the same findings.
func (r *Report) sort() {
	slices.SortStableFunc(r.Findings, func(a, b Finding) int {
		if n := slices.Index(Kinds, a.Kind) - slices.Index(Kinds, b.Kind); n != 0 {
			return n
		}
		return strings.Compare(a.Asset+a.Task+a.Job, b.Asset+b.Task+b.Job)
	})
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}
