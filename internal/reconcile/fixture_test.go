package reconcile

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/vodfleet/vodfleet/internal/cloud"
	"github.com/vodfleet/vodfleet/internal/cloud/memcloud"
	"github.com/vodfleet/vodfleet/internal/ledger"
	"github.com/vodfleet/vodfleet/internal/queue"
	"github.com/vodfleet/vodfleet/internal/stage"
	"github.com/vodfleet/vodfleet/tasks"
	"go.uber.org/zap"
)

// store is a Redis with tasks, as a pass sees it.
type store struct {
	mu       sync.Mutex
	state    map[queue.TaskRef]string // "pending", "archived", "unreadable", …
	hidden   map[queue.TaskRef]bool   // there, and missed by the listing
	orphans  []queue.TaskRef
	enqueued []string
	lookups  int
	full     int // repairs that read every record
	err      error
}

func newStore() *store {
	return &store{state: map[queue.TaskRef]string{}, hidden: map[queue.TaskRef]bool{}}
}

func (s *store) put(t tasks.Task, state string) { s.state[queue.Ref(t)] = state }

func (s *store) Tasks(context.Context) iter.Seq2[queue.Info, error] {
	return func(yield func(queue.Info, error) bool) {
		s.mu.Lock()
		all := maps.Clone(s.state)
		s.mu.Unlock()
		for ref, state := range all {
			if state == stateArchived || s.hidden[ref] {
				continue
			}
			if !yield(queue.Info{ID: ref.ID, Queue: ref.Queue, State: state, Unreadable: state == "unreadable"}, nil) {
				return
			}
		}
		if s.err != nil {
			yield(queue.Info{}, s.err)
		}
	}
}

func (s *store) Alive(_ context.Context, refs []queue.TaskRef) ([]bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	alive := make([]bool, len(refs))
	for i, ref := range refs {
		state, ok := s.state[ref]
		alive[i] = ok && state != stateArchived
	}
	return alive, nil
}

func (s *store) Look(_ context.Context, name, id string) (queue.Info, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lookups++
	state, ok := s.state[queue.TaskRef{Queue: name, ID: id}]
	if !ok {
		return queue.Info{}, queue.ErrNoTask
	}
	return queue.Info{ID: id, Queue: name, State: state, LastErr: "gave up"}, nil
}

func (s *store) Clear(_ context.Context, ref queue.TaskRef) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	archived := s.state[ref] == stateArchived
	if archived {
		delete(s.state, ref)
	}
	return archived, nil
}

func (s *store) RepairOrphans(_ context.Context, grace time.Duration, dry bool) (queue.Repair, error) {
	return repairOf(s.orphans, dry), nil
}

func (s *store) RepairRecords(_ context.Context, activeOnly, dry bool) (queue.Repair, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var found []queue.TaskRef
	for ref, state := range s.state {
		if state == "unreadable" && !activeOnly {
			found = append(found, ref)
			if !dry {
				delete(s.state, ref)
			}
		}
	}
	if !activeOnly {
		s.full++
	}
	return repairOf(found, dry), nil
}

func repairOf(refs []queue.TaskRef, dry bool) queue.Repair {
	r := queue.Repair{Found: len(refs), Sample: refs[:min(len(refs), 10)]}
	if !dry {
		r.Mended = r.Found
	}
	return r
}

func (s *store) Enqueue(_ context.Context, t tasks.Task) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	ref := queue.Ref(t)
	switch s.state[ref] {
	case "":
		s.state[ref] = "pending"
		s.enqueued = append(s.enqueued, ref.ID)
	case "unreadable":
		return errors.New("the task in the way cannot be read")
	}
	return nil
}

func (s *store) EnqueueIn(ctx context.Context, t tasks.Task, _ time.Duration) error {
	return s.Enqueue(ctx, t)
}

// took returns what was enqueued since it was asked before, in order.
func (s *store) took() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	ids := s.enqueued
	s.enqueued = nil
	slices.Sort(ids)
	return ids
}

// world is a reconciler over a cloud in memory.
type world struct {
	*testing.T
	mem   *memcloud.Cloud
	book  *ledger.Store
	store *store
	r     *Reconciler
}

func newWorld(t *testing.T) *world {
	mem := memcloud.New(memcloud.Options{Buckets: []string{"ledger", "in", "out"}})
	w := &world{T: t, mem: mem, book: ledger.New(mem.Store, cloud.Location{Bucket: "ledger"}), store: newStore()}
	w.r = &Reconciler{Ledger: w.book, Tasks: w.store, Queue: w.store, Fleet: "fleet", Log: zap.NewNop()}
	return w
}

// videos have the assets "00.mp4", "01.mp4", … in the order of their IDs.
func video(n int) (cloud.Location, string) {
	at := cloud.Location{Bucket: "in", Key: fmt.Sprintf("%02d.mp4", n)}
	return at, tasks.AssetID(at.Bucket, at.Key)
}

type step = func(now time.Time, r *ledger.Record) error

// record brings the record of a video forward by steps.
func (w *world) record(n int, steps ...step) *ledger.Record {
	w.Helper()
	at, asset := video(n)
	var rec *ledger.Record
	for _, s := range steps {
		var err error
		rec, err = w.book.Update(w.Context(), asset, func(now time.Time, r *ledger.Record) error {
			r.Location = at
			return s(now, r)
		})
		if err != nil {
			w.Fatal(err)
		}
	}
	return rec
}

func plan(content string) step {
	return func(now time.Time, r *ledger.Record) error {
		rev := ledger.Revision{ID: tasks.Revision(content, "profile"), Source: content, Profile: "profile"}
		_, err := r.Plan(now, ledger.Source{Version: content}, rev, func(build int) (cloud.JobSpec, error) {
			return cloud.JobSpec{Input: r.Location, Groups: []cloud.OutputGroup{{
				Package: "cmaf", Kind: cloud.GroupCMAF, Destination: cloud.Location{Bucket: "out", Key: fmt.Sprintf("media/%s/%d/cmaf/video", r.Asset, build)},
			}}}, nil
		}, nil)
		return err
	}
}

// The steps of build 1, in their order.
var (
	planned   = plan("one")
	intended  = func(now time.Time, r *ledger.Record) error { return r.Intend(now, 1, "token") }
	submitted = func(now time.Time, r *ledger.Record) error { return r.Submitted(now, 1, "job-"+r.Asset) }
	completed = func(now time.Time, r *ledger.Record) error { return r.Completed(now, 1) }
	switched  = func(now time.Time, r *ledger.Record) error { return r.Switch(now, 1, ledger.Outputs{Files: 1}) }
	written   = func(now time.Time, r *ledger.Record) error { return r.EntriesWritten(now, r.Seq) }
	alive     = func(now time.Time, r *ledger.Record) error { return r.Live(now, r.Seq) }
	broken    = func(now time.Time, r *ledger.Record) error {
		return r.FailBuild(now, 1, ledger.Failure{Class: ledger.BadSource, Message: "no video", Stage: tasks.KindTranscodePoll})
	}
)

// seed puts something where the record of a video would be.
func (w *world) seed(n int, body string) {
	_, asset := video(n)
	w.mem.Store.Seed(cloud.Put{Location: cloud.Location{Bucket: "ledger", Key: "ledger/" + asset[:2] + "/" + asset + ".json"}, Body: []byte(body)})
}

// marker puts a marker of open work.
func (w *world) marker(n, number int) {
	_, asset := video(n)
	w.mem.Store.Seed(cloud.Put{Location: cloud.Location{Bucket: "ledger", Key: fmt.Sprintf("open/%s/%s.%d", asset[:2], asset, number)}})
}

// run makes a pass, and fails the test if it fails.
func (w *world) run(dry bool) Report {
	w.Helper()
	report, err := w.r.Pass(w.Context(), dry)
	if err != nil {
		w.Fatal(err)
	}
	return report
}

// calls are the calls of the cloud since it was asked before.
func (w *world) calls() func() map[string]int {
	before := w.mem.Calls()
	return func() map[string]int {
		now := w.mem.Calls()
		for op, n := range before {
			if now[op] -= n; now[op] == 0 {
				delete(now, op)
			}
		}
		return now
	}
}

var _ stage.Queue = (*store)(nil)

func refOf(t tasks.Task) queue.TaskRef { return queue.Ref(t) }
