package ledger

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/vodfleet/vodfleet/internal/cloud"
	"github.com/vodfleet/vodfleet/internal/cloud/memcloud"
)

// TestRemoval follows a removal to its end and back, and tells at every step
// what the record says of it and as which version it is written.
func TestRemoval(t *testing.T) {
	h := begin(t).plan(revA).publish(1).plan(revB).submit(2)
	is := func(step, status string, open, removing bool, schema int) {
		t.Helper()
		if h.Status() != status || h.Open() != open || h.Removing() != removing || h.schema() != schema {
			t.Errorf("%s: %s, open %t, removing %t, schema %d; want %s, %t, %t, %d",
				step, h.Status(), h.Open(), h.Removing(), h.schema(), status, open, removing, schema)
		}
	}
	is("transcoding", "transcoding", true, false, 1)
	h.do(h.Remove(h.now, strings.Repeat("x", 600)))
	is("removed", "removing", true, true, 2)
	if n := h.Retirable(h.now, grace); len(n) != 0 {
		t.Errorf("builds %v may be deleted while entries name them", n)
	}
	if len(h.Removed.Reason) != maxReason {
		t.Errorf("a reason of %d bytes", len(h.Removed.Reason))
	}
	h.do(h.EntriesWritten(h.now, 2))
	if n := h.Retirable(h.now, grace); len(n) != 1 || n[0] != 1 {
		t.Errorf("builds %v may be deleted once entries are shut, want 1", n)
	}
	h.do(h.Retired(h.now, 1)).do(h.Live(h.now, 2)).do(h.Cleared(h.now))
	is("job running", "removing", true, false, 2)
	if err := h.Restore(h.now); err == nil {
		t.Error("restored while a job may be running")
	}
	h.do(h.FailBuild(h.now, 2, transient))
	is("job over", "removing", true, true, 2)
	h.retiring(2).do(h.Retired(h.now, 2))
	is("done", "removed", false, false, 2)
	h.do(h.Restore(h.now))
	is("restored", "superseded", true, false, 2)
	h.plan(revB).submit(3).do(h.Completed(h.now, 3)).do(h.Switch(h.now, 3, outputs))
	is("shown", "publishing", true, false, 1)
}

// TestRestoreAccepts takes what was rolled back from for wanted again.
func TestRestoreAccepts(t *testing.T) {
	h := begin(t).plan(revA).publish(1).plan(revB).publish(2).do(nil)
	h.do(h.Rollback(h.now)).remove()
	h.do(h.Restore(h.now)).plan(revB)
}

// TestRemovalIsNotForOlderWorkers stores a tombstone as a version that workers
// without removals leave alone, and everything else as one that they read.
func TestRemovalIsNotForOlderWorkers(t *testing.T) {
	mem := memcloud.New(memcloud.Options{Buckets: []string{"ledger"}})
	root := cloud.Location{Bucket: "ledger"}
	book := New(mem.Store, root)
	stored := func() string {
		body, _, err := mem.Store.Get(t.Context(), root.Join("ledger/"+asset[:2]+"/"+asset+".json"), MaxRecord)
		if err != nil {
			t.Fatal(err)
		}
		return string(body)
	}
	for _, step := range []struct {
		name   string
		change func(now time.Time, r *Record) error
		want   string
	}{
		{"planned", func(now time.Time, r *Record) error {
			r.Location = source
			_, err := r.Plan(now, src(revA), revA, spec, nil)
			return err
		}, `{"schema":1,`},
		{"removed", func(now time.Time, r *Record) error { return r.Remove(now, "rights") }, `{"schema":2,`},
		{"restored", func(now time.Time, r *Record) error { return r.Restore(now) }, `{"schema":1,`},
	} {
		if _, err := book.Update(context.Background(), asset, step.change); err != nil {
			t.Fatalf("%s: %v", step.name, err)
		}
		removed := 0
		for id, err := range book.Removed(t.Context()) {
			if removed++; err != nil || id != asset {
				t.Errorf("%s: marked as removed: %q, %v", step.name, id, err)
			}
		}
		if (removed == 1) != (step.name == "removed") {
			t.Errorf("%s: %d markers of a removal", step.name, removed)
		}
		for m := range book.FailedMarkers(t.Context()) {
			t.Errorf("%s: it is marked as failed, %+v", step.name, m)
		}
		if got := stored(); !strings.HasPrefix(got, step.want) {
			t.Errorf("%s: stored as %.40s…, want %s…", step.name, got, step.want)
		}
	}
}
