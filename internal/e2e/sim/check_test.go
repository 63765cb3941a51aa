package sim

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/vodfleet/vodfleet/internal/cloud"
	"github.com/vodfleet/vodfleet/internal/ledger"
	"github.com/vodfleet/vodfleet/tasks"
)

// verdict is what a history left of the promises.
type verdict struct {
	lost []string // work that nobody does, or that came to no end
	paid []string // jobs beyond one for each revision that completed
	half []string // what viewers could see and should not
	over []string // jobs beyond what may be in flight
}

func (v verdict) ok() bool { return len(v.lost)+len(v.paid)+len(v.half)+len(v.over) == 0 }

func (v verdict) String() string {
	var b strings.Builder
	for name, all := range map[string][]string{"lost": v.lost, "paid twice": v.paid, "half visible": v.half, "over the cap": v.over} {
		for _, s := range all {
			fmt.Fprintf(&b, "%s: %s\n", name, s)
		}
	}
	return b.String()
}

// finish ends the faults, lets time go on until nothing moves, and then graces
// pass. It returns what is left.
func (w *world) finish() verdict {
	w.faults, w.losesAck, w.pick, w.arrange, w.most = nil, nil, nil, nil, 1
	w.drain()
	for t := range w.unseen { // the next report
		w.queue.add(t, t.ID(), 0)
	}
	for range 3 {
		w.sooner("job board", rareEvery) // whatever an idle one has put off
		w.pass(16 * time.Minute)         // sweeps
		w.drain()
	}
	w.sweeps = w.sweeps[:1] // nothing is left to reconcile
	for range 5 {
		w.pass(grace)
		w.drain()
	}
	return w.check()
}

func (w *world) check() (v verdict) {
	if w.steps > maxSteps {
		v.lost = append(v.lost, fmt.Sprintf("no end after %d steps", maxSteps))
	}
	for _, e := range w.queue.live() {
		v.lost = append(v.lost, fmt.Sprintf("task %s is left, after %d failures, the last run: %v", e.id, e.failures, e.last))
	}
	for _, at := range w.sky.last {
		w.checkAsset(&v, at)
	}
	w.checkMarkers(&v)
	w.checkJobs(&v)
	if w.shared != nil {
		w.shared.check(&v)
	}
	v.half = slices.Concat(w.seen.half, w.seen.others, w.lives.wrong)
	return v
}

func (w *world) checkAsset(v *verdict, at cloud.Location) {
	r := w.record(at)
	if r == nil {
		v.lost = append(v.lost, fmt.Sprintf("%s has no record", at))
		return
	}
	lost := func(format string, args ...any) {
		v.lost = append(v.lost, fmt.Sprintf(format, args...)+" of "+at.Key+"\n"+history(r))
	}
	if r.Open() {
		lost("work is left")
	}
	if u := r.Unresolved(); len(u) != 0 {
		lost("a job may be running for builds %v", u)
	}
	is := w.sky.now(at)
	rejected := slices.ContainsFunc(r.Rejected, func(id string) bool { return id == tasks.Revision(is, profile.Digest()) })
	switch {
	case r.Removed != nil:
		for o := range w.mem.Store.List(context.Background(), output.Join("watch/"+r.Asset+"/"), "") {
			lost("the document %s, which is removed,", o.Key)
		}
		for o := range w.mem.Store.List(context.Background(), output.Join("media/"+r.Asset+"/"), "") {
			lost("the file %s, which is removed,", o.Key)
		}
	case is != "" && r.Wanted.Source != is && !rejected:
		lost("the source is %s and %s is wanted", is, r.Wanted.Source)
	case r.Failed() != nil && r.Failed().Class == "":
		lost("a failure without a class")
	}
	for _, n := range []int{r.Current, r.Previous} {
		if n != 0 && w.files(r.Asset, n) == 0 {
			lost("the files of build %d, which viewers may get,", n)
		}
	}
	for i := range r.Builds {
		b := &r.Builds[i]
		if n := w.files(r.Asset, b.Number); n != 0 && b.Number != r.Current && b.Number != r.Previous && b.State != ledger.Published {
			lost("%d files of build %d, long after its grace", n, b.Number)
		}
	}
	if r.Current != 0 {
		_, o, err := w.seen.read(output.Join("watch/" + r.Asset + "/playback.json"))
		if err != nil || o.Metadata["seq"] != strconv.Itoa(r.Seq) || o.Metadata["build"] != strconv.Itoa(r.Current) {
			lost("the entry shows switch %s of build %s, %v", o.Metadata["seq"], o.Metadata["build"], err)
		}
	}
}

// checkMarkers compares the markers with what the records need. A crash may
// leave a marker of a failure that is over, which reports pass over and Settle
// removes; it must never leave one missing.
func (w *world) checkMarkers(v *verdict) {
	ctx := context.Background()
	for m := range w.book.FailedMarkers(ctx) {
		rec, err := w.book.Get(ctx, m.Asset)
		if err != nil || rec.Failed() != nil && rec.Failed().Class == m.Class {
			continue
		}
		w.stale++
		if err := w.book.Settle(ctx, rec); err != nil {
			v.lost = append(v.lost, err.Error())
		}
	}
	var got, want []string
	for asset, err := range w.book.Open(ctx) {
		got = append(got, fmt.Sprint("open ", asset, err))
	}
	for m, err := range w.book.FailedMarkers(ctx) {
		got = append(got, fmt.Sprint("failed ", m.Class, m.Asset, err))
	}
	for _, at := range w.sky.last {
		r := w.record(at)
		if r == nil {
			continue
		}
		if r.Open() {
			want = append(want, fmt.Sprint("open ", r.Asset, nil))
		}
		if f := r.Failed(); f != nil {
			want = append(want, fmt.Sprint("failed ", f.Class, r.Asset, nil))
		}
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		v.lost = append(v.lost, fmt.Sprintf("markers are %q, and the records say %q", got, want))
	}
	for e, err := range w.book.DueBefore(ctx, time.Now().Add(1000*time.Hour)) {
		v.lost = append(v.lost, fmt.Sprintf("due entry %v is left, %v", e, err))
	}
}

// checkJobs counts what was paid for.
func (w *world) checkJobs(v *verdict) {
	paid := map[string][]string{} // by revision
	for _, j := range w.mem.Transcoder.Jobs() {
		if !j.State.Ended() {
			v.lost = append(v.lost, fmt.Sprintf("job %s is %s", j.ID, j.State))
		}
		if j.State != cloud.JobComplete {
			continue
		}
		rec, err := w.book.Get(context.Background(), j.Metadata["asset"])
		n, _ := strconv.Atoi(j.Metadata["build"])
		if err != nil || rec.Build(n) == nil || rec.Build(n).Job != j.ID {
			v.paid = append(v.paid, fmt.Sprintf("job %s of build %d is complete, and the ledger has another\n%s", j.ID, n, history(rec)))
			continue
		}
		switch b := rec.Build(n); {
		case b.State == ledger.Superseded, b.State == ledger.Retiring, b.State == ledger.Retired:
			// Wanted again, it is to be made again.
		case b.State == ledger.Failed && b.Failure.Stage == tasks.KindPublish:
			// Its files are not whole; ordered again, it is to be made again.
		default:
			paid[b.Revision.ID] = append(paid[b.Revision.ID], fmt.Sprintf("job %s of build %d (%s)", j.ID, n, b.State))
		}
	}
	for rev, jobs := range paid {
		if len(jobs) > 1 {
			v.paid = append(v.paid, fmt.Sprintf("revision %s: %v", rev, jobs))
		}
	}
}

// files counts what is below a build's prefix.
func (w *world) files(asset string, build int) (n int) {
	for range w.mem.Store.List(context.Background(), output.Join(fmt.Sprintf("media/%s/%d/", asset, build)), "") {
		n++
	}
	return n
}

func history(r *ledger.Record) string {
	if r == nil {
		return "no record"
	}
	var b strings.Builder
	for _, e := range r.History {
		fmt.Fprintf(&b, "    %s %s\n", e.At.Format("15:04:05"), e.What)
	}
	return b.String()
}

// paidJobs counts the jobs that completed.
func (w *world) paidJobs() (n int) {
	for _, j := range w.mem.Transcoder.Jobs() {
		if j.State == cloud.JobComplete {
			n++
		}
	}
	return n
}

// checkInFlight counts how many jobs ran at a time.
func (w *world) checkInFlight(v *verdict, most int) {
	jobs := w.mem.Transcoder.Jobs()
	for _, at := range jobs {
		var running []string
		for _, j := range jobs {
			if !j.Created.After(at.Created) && (j.Finished.IsZero() || j.Finished.After(at.Created)) {
				running = append(running, j.ID)
			}
		}
		if len(running) > most {
			v.over = append(v.over, fmt.Sprintf("%q at %s, and %d may be in flight", running, at.Created.Format(time.TimeOnly), most))
		}
	}
}
