package reconcile

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"
)

// leases are leases in memory, by the clock.
type leases struct {
	mu    sync.Mutex
	owner map[string]string
	until map[string]time.Time
	away  bool // no answer
}

func newLeases() *leases { return &leases{owner: map[string]string{}, until: map[string]time.Time{}} }

// worker is one process's side of leases.
type worker struct {
	*leases
	name string
}

var errAway = errors.New("no answer")

func (w worker) Hold(_ context.Context, name string, ttl time.Duration) (bool, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.away {
		return false, errAway
	}
	if w.owner[name] != w.name && time.Now().Before(w.until[name]) {
		return false, nil
	}
	w.owner[name], w.until[name] = w.name, time.Now().Add(ttl)
	return true, nil
}

func (w worker) Drop(ctx context.Context, name string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if w.owner[name] == w.name {
		delete(w.until, name)
	}
	return nil
}

// One process of two is at work; when it stops the other is within one turn,
// and when it dies within the term of the lease.
func TestLead(t *testing.T) {
	for _, tt := range []struct {
		name string
		dies bool
		next time.Duration // at the most, until the other is at work
	}{
		{"stops", false, time.Second},
		{"dies", true, leaseTTL + time.Second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				all := newLeases()
				var mu sync.Mutex
				turns := map[string]int{}
				of := func(name string) int {
					synctest.Wait()
					mu.Lock()
					defer mu.Unlock()
					return turns[name]
				}
				run := func(name string, lease Lease) (stop context.CancelFunc) {
					ctx, cancel := context.WithCancel(t.Context())
					go func() {
						_ = lead(ctx, lease, "work", time.Second, zap.NewNop(), func(context.Context) error {
							mu.Lock()
							defer mu.Unlock()
							turns[name]++
							return nil
						})
					}()
					return cancel
				}
				first := Lease(worker{all, "first"})
				if tt.dies {
					first = undropped{worker{all, "first"}}
				}
				stop := run("first", first)
				synctest.Wait()
				defer run("second", worker{all, "second"})()
				time.Sleep(time.Minute + time.Millisecond)
				if first, second := of("first"), of("second"); first != 61 || second != 0 {
					t.Fatalf("turns %d and %d, want those of the first alone", first, second)
				}
				stop()
				time.Sleep(tt.next)
				if of("second") == 0 {
					t.Errorf("%v later nobody is at work", tt.next)
				}
			})
		})
	}
}

// undropped is the lease of a process that dies.
type undropped struct{ worker }

func (undropped) Drop(context.Context, string) error { return nil }

// Work that takes longer than a lease keeps it, and ends when it is lost.
func TestLeadLosesLease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all := newLeases()
		w := worker{all, "first"}
		ended := make(chan error, 1)
		go func() {
			ended <- turn(t.Context(), w, "work", func(ctx context.Context) error {
				<-ctx.Done()
				return context.Cause(ctx)
			})
		}()
		time.Sleep(5 * leaseTTL)
		if ok, _ := (worker{all, "second"}).Hold(t.Context(), "work", time.Second); ok || len(ended) != 0 {
			t.Fatal("the lease ended under the work")
		}
		all.mu.Lock()
		all.away = true
		all.mu.Unlock()
		time.Sleep(leaseTTL)
		if err := <-ended; !errors.Is(err, errLost) || !errors.Is(err, errAway) {
			t.Errorf("turn = %v, want that the lease was lost", err)
		}
	})
}

// epochs is the epoch of a Redis.
type epochs struct {
	mu  sync.Mutex
	at  string
	log func(string)
	err error
}

func (e *epochs) Epoch(context.Context) (string, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.at, e.err
}

func (e *epochs) Missed(context.Context) error {
	e.log("missed")
	return nil
}

func (e *epochs) SetEpoch(_ context.Context, epoch string) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.at = epoch
	e.log("epoch")
	return nil
}

// TestRecover: a Redis without an epoch gets every open asset's task, then the
// running jobs are counted, what events said is told to be lost, and then it
// gets an epoch; one with an epoch gets nothing.
func TestRecover(t *testing.T) {
	w := newWorld(t)
	for n := range 30 {
		w.record(n, planned)
	}
	w.seed(40, "{") // does not keep the fleet from going on
	w.marker(40, 1)
	var order []string
	tasks := func(what string) {
		order = append(order, what)
		if n := len(w.store.state); n != 30 {
			t.Errorf("%s with %d tasks, want 30", what, n)
		}
	}
	e := &epochs{log: tasks}
	w.r.Epoch, w.r.Sweep = e, func(context.Context) error { tasks("sweep"); return nil }
	for range 2 {
		if _, err := w.r.Recover(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if want := []string{"sweep", "missed", "epoch"}; !slices.Equal(order, want) || e.at == "" {
		t.Errorf("did %q, epoch %q, want %q, once", order, e.at, want)
	}
	was := e.at
	e.at = ""
	clear(w.store.state) // lost once more
	if ok, err := w.r.Recover(t.Context()); !ok || err != nil || e.at == was || len(w.store.state) != 30 {
		t.Errorf("Recover = %v, %v, epoch %q after %q, %d tasks", ok, err, e.at, was, len(w.store.state))
	}
	order, e.at = nil, ""
	if ok, err := w.r.Recover(t.Context()); !ok || err != nil || !slices.Equal(order, []string{"sweep", "epoch"}) {
		t.Errorf("Recover = %v, %v, did %q; want a Redis that has all tasks to have missed nothing", ok, err, order)
	}
}

// A record that this version cannot read keeps submission of the others closed
// neither by its marker nor by its running job.
func TestRecoverBesideUnreadable(t *testing.T) {
	for kind, body := range map[Kind]string{CorruptRecord: "{", NewerRecord: `{"schema":3}`} {
		t.Run(string(kind), func(t *testing.T) {
			w := newWorld(t)
			w.r.Transcoder = w.mem.Transcoder
			one := w.record(1, planned, intended, submitted)
			w.record(2, planned)
			id := w.job(one, 1, nil)
			w.seed(1, body)
			e := &epochs{log: func(string) {}}
			w.r.Epoch, w.r.Sweep = e, func(ctx context.Context) error {
				job, err := w.mem.Transcoder.Job(ctx, id)
				return errors.Join(err, w.r.Seen(ctx, job))
			}
			if ok, err := w.r.Recover(t.Context()); !ok || err != nil || e.at == "" {
				t.Errorf("Recover = %v, %v, epoch %q", ok, err, e.at)
			}
			if got := gather(t, w.r)["vodfleet_reconcile_found_total "+string(kind)]; got != 2 { // by its marker and by its job
				t.Errorf("%v found, want 2", got)
			}
			if job, err := w.mem.Transcoder.Job(t.Context(), id); err != nil || job.State.Ended() {
				t.Errorf("its job is %v, %v, want it left alone", job.State, err)
			}
		})
	}
}

// A recovery that cannot be whole is not tried again and again: ever later, at
// most as late as a pass comes, and at once the next time.
func TestRunRecoversEverLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		e := &epochs{log: func(string) {}}
		began := time.Now()
		var (
			mu     sync.Mutex
			mended bool
			at     []time.Duration
		)
		w.r.Epoch, w.r.Sweep = e, func(context.Context) error {
			mu.Lock()
			defer mu.Unlock()
			at = append(at, time.Since(began))
			if !mended {
				return errAway
			}
			return nil
		}
		go func() { _ = w.r.Run(t.Context()) }()
		time.Sleep(200 * time.Second)
		synctest.Wait()
		want := []time.Duration{0, 2, 6, 14, 30, 62, 122, 182}
		for i := range want {
			want[i] *= time.Second
		}
		mu.Lock()
		if !slices.Equal(at, want) {
			t.Errorf("tried at %v, want %v", at, want)
		}
		mended = true
		mu.Unlock()
		time.Sleep(time.Minute)
		synctest.Wait()
		e.mu.Lock()
		defer e.mu.Unlock()
		if e.at == "" {
			t.Error("no epoch a minute after what kept it away was mended")
		}
	})
}

// What keeps a pass from being whole keeps submission closed.
func TestRecoverFails(t *testing.T) {
	for name, hurt := range map[string]func(w *world, e *epochs){
		"the tasks cannot be listed": func(w *world, _ *epochs) { w.store.err = errAway },
		"the jobs cannot be counted": func(w *world, _ *epochs) { w.r.Sweep = func(context.Context) error { return errAway } },
		"the epoch cannot be read":   func(_ *world, e *epochs) { e.err = errAway },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.record(1, planned)
			e := &epochs{log: func(string) {}}
			w.r.Epoch = e
			hurt(w, e)
			if ok, err := w.r.Recover(t.Context()); ok || !errors.Is(err, errAway) || e.at != "" {
				t.Errorf("Recover = %v, %v, epoch %q, want none and why", ok, err, e.at)
			}
		})
	}
}

// Run recovers as soon as a Redis has no epoch, and makes a pass every so often.
func TestRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		e := &epochs{log: func(string) {}}
		w.r.Epoch, w.r.Lease, w.r.Every = e, worker{newLeases(), "one"}, time.Minute
		w.record(1, planned)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- w.r.Run(ctx) }()
		synctest.Wait()
		took := func() int {
			synctest.Wait()
			return len(w.store.took())
		}
		if n := took(); n != 1 || e.at == "" {
			t.Fatalf("at the start: %d tasks, epoch %q", n, e.at)
		}
		time.Sleep(10 * time.Second)
		w.store.mu.Lock()
		clear(w.store.state)
		w.store.mu.Unlock()
		time.Sleep(10 * time.Second)
		if n := took(); n != 0 {
			t.Errorf("%d tasks between two passes", n)
		}
		time.Sleep(time.Minute)
		if n := took(); n != 1 {
			t.Errorf("%d tasks after a minute, want 1", n)
		}
		w.store.mu.Lock()
		clear(w.store.state)
		w.store.mu.Unlock()
		e.mu.Lock()
		e.at = ""
		e.mu.Unlock()
		time.Sleep(lookEvery)
		if n := took(); n != 1 {
			t.Errorf("%d tasks after the epoch was lost, want 1 at once", n)
		}
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("Run = %v", err)
		}
	})
}

// What passes found is counted, by kind; what a dry run finds is not.
func TestMetrics(t *testing.T) {
	w := newWorld(t)
	w.record(1, planned)
	w.seed(2, "{")
	w.marker(2, 1)
	w.run(true)
	w.run(false)
	got := gather(t, w.r)
	for name, want := range map[string]float64{
		"vodfleet_reconcile_found_total no-task": 1, "vodfleet_reconcile_mended_total no-task": 1,
		"vodfleet_reconcile_found_total corrupt-record": 1, "vodfleet_reconcile_mended_total corrupt-record": 0,
		"vodfleet_reconcile_passes_total done": 1, "vodfleet_reconcile_passes_total failed": 0, "vodfleet_reconcile_open_assets": 2,
	} {
		if v, ok := got[name]; !ok || v != want {
			t.Errorf("%s is %v, %v, want %v", name, v, ok, want)
		}
	}
}
