package storm

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/vodfleet/vodfleet/internal/cloud"
	"github.com/vodfleet/vodfleet/internal/e2e/lcproc"
	"github.com/vodfleet/vodfleet/internal/ledger"
	"github.com/vodfleet/vodfleet/tasks"
)

// World is what can be seen of a fleet from outside once it is at rest.
type World struct {
	Store   cloud.Store
	Ledger  cloud.Location
	Output  cloud.Location
	Library cloud.Location // all that is in it must have been dealt with
	Viewer  string         // URL before the output, without a final slash
	Jobs    []lcproc.Job

	Creates []Entry // calls for jobs that passed: Slot, About "ASSET:BUILD", At
	Stalls  []Entry // Slot, At of its end, Took
}

// Verdict is what the judge finds.
type Verdict struct {
	Assets     int
	Published  int
	Failed     map[string]int // by class
	Jobs       map[string]int // by status
	Adopted    int            // jobs canceled as duplicates, or of builds that were superseded
	Files      int            // named by entries, and looked for
	Explained  []string       // revisions paid for twice by a stall, with their timelines
	Violations []string
}

// maxTold bounds the violations that are told.
const maxTold = 50

// Judge looks at everything. An error means that it could not.
func (w *World) Judge(ctx context.Context) (*Verdict, error) {
	v := &Verdict{Failed: make(map[string]int), Jobs: make(map[string]int)}
	records, err := w.records(ctx, v)
	if err != nil {
		return nil, err
	}
	w.jobs(v, records)
	book := ledger.New(w.Store, w.Ledger)
	for asset, err := range book.Open(ctx) {
		if err != nil {
			return nil, err
		}
		v.wrong("asset %s has an open marker", asset)
	}
	if err := w.files(ctx, v, records); err != nil {
		return nil, err
	}
	slices.Sort(v.Violations)
	return v, nil
}

func (v *Verdict) wrong(format string, args ...any) {
	v.Violations = append(v.Violations, fmt.Sprintf(format, args...))
}

// records reads the record of every source, and says which has none or has not
// come to its end with what is in the library now.
func (w *World) records(ctx context.Context, v *Verdict) (map[string]*ledger.Record, error) {
	var sources []cloud.Object
	for o, err := range w.Store.List(ctx, w.Library, "") {
		if err != nil {
			return nil, err
		}
		sources = append(sources, o)
	}
	v.Assets = len(sources)
	book := ledger.New(w.Store, w.Ledger)
	records := make(map[string]*ledger.Record)
	var mu sync.Mutex
	err := each(sources, func(o cloud.Object) error {
		asset := tasks.AssetID(w.Library.Bucket, o.Key)
		rec, err := book.Get(ctx, asset)
		mu.Lock()
		defer mu.Unlock()
		switch {
		case errors.Is(err, cloud.ErrNotFound):
			v.wrong("asset %s is lost: %s has no record", asset, o.Key)
			return nil
		case errors.Is(err, ledger.ErrCorrupt), errors.Is(err, ledger.ErrNewer):
			v.wrong("asset %s: %v", asset, err)
			return nil
		case err != nil:
			return err
		}
		records[asset] = rec
		if got := tasks.SourceVersion(o.ETag, o.Size); rec.Wanted.Source != got {
			v.wrong("asset %s: the record is of source version %s, the library has %s", asset, rec.Wanted.Source, got)
		}
		switch f := rec.Failed(); {
		case rec.Open():
			v.wrong("asset %s is not at its end: %s", asset, rec.Status())
		case f != nil && !slices.Contains(ledger.Classes, f.Class):
			v.wrong("asset %s has failed with class %q", asset, f.Class)
		case f != nil:
			v.Failed[string(f.Class)]++
		case rec.Status() == "published":
			v.Published++
		default:
			v.wrong("asset %s is %s", asset, rec.Status())
		}
		return nil
	})
	return records, err
}

// jobs says what was paid for twice, and what nobody will use.
func (w *World) jobs(v *Verdict, records map[string]*ledger.Record) {
	paid := make(map[string][]lcproc.Job) // by asset and revision
	for _, j := range w.Jobs {
		v.Jobs[j.Status]++
		name := j.UserMetadata["asset"] + " revision " + j.UserMetadata["revision"]
		switch j.Status {
		case "COMPLETE":
			paid[name] = append(paid[name], j)
		case "CANCELED":
			v.Adopted++
		case "ERROR":
		default:
			v.wrong("asset %s: job %s is %s, and all is at rest", name, j.ID, j.Status)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(paid)) {
		if jobs := paid[name]; len(jobs) > 1 {
			timeline := w.timeline(name, jobs)
			if w.stalled(jobs) {
				v.Explained = append(v.Explained, timeline)
			} else {
				v.wrong("%s", timeline)
			}
		}
	}
	complete := make(map[string]bool)
	for _, jobs := range paid {
		for _, j := range jobs {
			complete[j.ID] = true
		}
	}
	for asset, rec := range records {
		if b := rec.Build(rec.Current); b != nil && !complete[b.Job] {
			v.wrong("asset %s: job %q of build %d, which viewers get, is not among those that are complete", asset, b.Job, b.Number)
		}
	}
}

// afterStall is how long after its end a stall may still show.
const afterStall = 15 * time.Second

// stalled reports whether one of the jobs was asked for by a worker that stood
// still around that time.
func (w *World) stalled(jobs []lcproc.Job) bool {
	for _, c := range w.creates(jobs) {
		for _, s := range w.Stalls {
			begin := s.At.Add(-time.Duration(s.Took * float64(time.Second)))
			if s.Slot == c.Slot && c.At.After(begin) && c.At.Before(s.At.Add(afterStall)) {
				return true
			}
		}
	}
	return false
}

// creates are the calls for the jobs.
func (w *World) creates(jobs []lcproc.Job) []Entry {
	var of []Entry
	for _, c := range w.Creates {
		if slices.ContainsFunc(jobs, func(j lcproc.Job) bool {
			return c.About == j.UserMetadata["asset"]+":"+j.UserMetadata["build"]
		}) {
			of = append(of, c)
		}
	}
	return of
}

func (w *World) timeline(name string, jobs []lcproc.Job) string {
	var b strings.Builder
	fmt.Fprintf(&b, "asset %s is paid for %d times:", name, len(jobs))
	for _, j := range jobs {
		fmt.Fprintf(&b, "\n  job %s, build %s, token %s: submitted %s", j.ID, j.UserMetadata["build"], j.Token, j.Submitted.Format(time.StampMilli))
		if j.Finished != nil {
			fmt.Fprintf(&b, ", complete %s", j.Finished.Format(time.StampMilli))
		}
		b.WriteString(" (the cloud's time)")
	}
	for _, c := range w.creates(jobs) {
		fmt.Fprintf(&b, "\n  worker %d was answered to its call at %s (the host's time)", c.Slot, c.At.Format(time.StampMilli))
		for _, s := range w.Stalls {
			if s.Slot == c.Slot {
				fmt.Fprintf(&b, "\n    and stood still for %.0f s until %s", s.Took, s.At.Format(time.StampMilli))
			}
		}
	}
	return b.String()
}

// files follows what leads to every published asset.
func (w *World) files(ctx context.Context, v *Verdict, records map[string]*ledger.Record) error {
	files := &listed{ctx: ctx, store: w.Store, root: w.Output, there: make(map[string]bool)}
	for o, err := range w.Store.List(ctx, w.Output, "") {
		if err != nil {
			return err
		}
		files.there[strings.TrimPrefix(o.Key, w.Output.Join("").Key)] = o.Size > 0
	}
	var mu sync.Mutex
	return each(slices.Collect(maps.Keys(records)), func(asset string) error {
		rec := records[asset]
		if rec.Current == 0 {
			return nil
		}
		viewer := &Viewer{Files: files, Base: w.Viewer}
		p, wrong, err := viewer.Asset(asset)
		mu.Lock()
		defer mu.Unlock()
		switch {
		case errors.Is(err, cloud.ErrNotFound):
			v.wrong("asset %s is published and has no playback.json", asset)
			return nil
		case err != nil:
			return err
		}
		v.Files = files.asked()
		for _, what := range wrong {
			v.wrong("asset %s: %s", asset, what)
		}
		if b := rec.Build(rec.Current); b == nil || p.Asset != asset || p.Build != rec.Current || p.Seq != rec.Seq || p.Revision != b.Revision.ID {
			v.wrong("asset %s: playback.json shows build %d at switch %d, the record has build %d at %d", asset, p.Build, p.Seq, rec.Current, rec.Seq)
		}
		return nil
	})
}

// listed are files of a listing, read from the store.
type listed struct {
	ctx   context.Context
	store cloud.Store
	root  cloud.Location
	there map[string]bool // and not empty

	mu sync.Mutex
	n  int
}

// maxManifest is the most bytes of a manifest that is read.
const maxManifest = 4 << 20

func (l *listed) Has(path string) (bool, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.n++
	return l.there[path], nil
}

func (l *listed) asked() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.n
}

func (l *listed) Read(path string) ([]byte, error) {
	body, _, err := l.store.Get(l.ctx, l.root.Join(path), maxManifest)
	return body, err
}

// each calls do for every item, some at once, and joins what failed.
func each[T any](items []T, do func(T) error) error {
	var (
		wg   sync.WaitGroup
		mu   sync.Mutex
		errs []error
		work = make(chan T)
	)
	for range 16 {
		wg.Go(func() {
			for x := range work {
				if err := do(x); err != nil {
					mu.Lock()
					errs = append(errs, err)
					mu.Unlock()
				}
			}
		})
	}
	for _, x := range items {
		work <- x
	}
	close(work)
	wg.Wait()
	if len(errs) > 3 {
		errs = append(errs[:3], fmt.Errorf("and %d more", len(errs)-3))
	}
	return errors.Join(errs...)
}
