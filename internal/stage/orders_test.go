package stage_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hibiken/asynq"
	"github.com/vodfleet/vodfleet/internal/cloud"
	"github.com/vodfleet/vodfleet/internal/cloud/memcloud"
	"github.com/vodfleet/vodfleet/internal/ledger"
	"github.com/vodfleet/vodfleet/internal/queue"
	"github.com/vodfleet/vodfleet/internal/stage"
	"github.com/vodfleet/vodfleet/tasks"
)

// An asset that failed is taken up where it failed, and pays only for what it
// has to make again. It may die at any call on its way.
func TestRedrive(t *testing.T) {
	for _, tt := range []struct {
		name   string
		fail   func(w *world)
		mend   func(w *world)
		next   string // task that is handed on
		build  int    // that is published
		jobs   int
		listed int // tasks given up before
	}{
		{"a source that was not media", func(w *world) {
			w.mem.Transcoder.SetMedia(source, cloud.Media{}, cloud.ErrInvalid)
		}, func(w *world) { w.mem.Transcoder.SetMedia(source, memcloud.DefaultMedia(), nil) }, "ingest", 1, 1, 1},
		{"a job that failed", func(w *world) { w.mem.Transcoder.FailNext(1040, "settings") }, func(*world) {}, "transcode-submit", 2, 2, 1},
		{"a job that failed in passing, too often", func(w *world) {
			for range 3 {
				w.mem.Transcoder.FailNext(3450, "busy")
			}
		}, func(w *world) { w.mem.Transcoder.FailNext(3450, "busy"); w.mem.Transcoder.FailNext(3450, "busy") }, "transcode-submit", 6, 6, 1},
		{"a quarantine", func(w *world) { w.mem.Transcoder.FailNext(1010, "no parser") }, func(*world) {}, "transcode-submit", 2, 2, 1},
		{"a request that was refused", func(w *world) {
			w.mem.SetHooks(memcloud.Hooks{Before: func(op, _ string) error {
				if op == "Transcoder.Submit" {
					return cloud.ErrInvalid
				}
				return nil
			}})
		}, func(w *world) { w.mem.SetHooks(memcloud.Hooks{}) }, "transcode-submit", 2, 1, 1},
		{"outputs that were not there", func(w *world) {
			w.mem.SetHooks(memcloud.Hooks{Before: func(op, at string) error {
				if op == "Store.Head" && strings.HasSuffix(at, ".mp4") && strings.Contains(at, "/media/") || op == "Store.List" && strings.Contains(at, "/media/") {
					return cloud.ErrDenied
				}
				return nil
			}})
			w.queue.worn = 40
		}, func(w *world) { w.mem.SetHooks(memcloud.Hooks{}); w.queue.worn = 0 }, "publish", 1, 1, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, memcloud.Options{})
				w.upload("one")
				tt.fail(w)
				w.ask()
				w.drain()
				if w.record().Status() != "failed" || len(w.queue.archived) != tt.listed {
					t.Fatalf("%s, given up: %q; want it failed\n%s", w.record().Status(), w.queue.archived, history(w.record()))
				}
				tt.mend(w)
				for try := range 3 { // the first dies before it hands on
					w.queue.before = func() {
						if try == 0 {
							panic(errCrash)
						}
					}
					_, crashed := w.guard(func() error {
						_, err := stage.Redrive(t.Context(), w.book, w.queue, w.asset())
						if _, refused := errors.AsType[*ledger.TransitionError](err); refused != (try > 0) || err != nil && !refused {
							t.Errorf("Redrive %d = %v", try+1, err)
						}
						return nil
					})
					if crashed != (try == 0) {
						t.Errorf("Redrive %d handed on: %v", try+1, !crashed)
					}
				}
				w.queue.before = nil
				if len(w.queue.tasks) != 1 || w.queue.tasks[0].Kind() != tt.next {
					t.Errorf("handed on %v, want %s", w.queue.ids(), tt.next)
				}
				w.drain()
				w.published(tt.build, 1)
				if n := len(w.mem.Transcoder.Jobs()); n != tt.jobs {
					t.Errorf("%d jobs, want %d", n, tt.jobs)
				}
				if _, err := stage.Redrive(t.Context(), w.book, w.queue, w.asset()); err == nil {
					t.Error("what is published is redriven")
				}
			})
		})
	}
}

// An asset under a profile that was not stored is redriven under that profile.
func TestRedriveUnderItsProfile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, memcloud.Options{})
		object := w.upload("one")
		const digest = "0123456789abcdef0123456789abcdef"
		w.must(w.queue.Enqueue(t.Context(), tasks.Ingest{Bucket: source.Bucket, Key: source.Key, Profile: digest, SourceVersion: tasks.SourceVersion(object.ETag, object.Size)}))
		w.drain()
		w.failed(ledger.Settings)
		_, err := stage.Redrive(t.Context(), w.book, w.queue, w.asset())
		w.must(err)
		if next, _ := w.queue.next(); next.(tasks.Ingest).Profile != digest {
			t.Errorf("handed on %+v, want it under its profile", next)
		}
	})
}

// A rollback is shown at once, although newer content is on its way, and no
// report undoes it.
func TestRollback(t *testing.T) {
	for _, newer := range []bool{false, true} {
		t.Run(fmt.Sprint("newer content on its way: ", newer), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, memcloud.Options{Run: func(cloud.JobSpec) time.Duration { return 3 * time.Hour }})
				w.become("one")
				w.become("two")
				if newer {
					w.upload("three")
					w.ask()
					w.until(3, ledger.Transcoding)
				}
				_, err := stage.Rollback(t.Context(), w.book, w.queue, w.asset())
				w.must(err)
				for w.record().LiveSeq < 3 {
					w.step()
				}
				if r := w.record(); r.Current != 1 || r.LiveSeq != 3 {
					t.Errorf("current %d, live switch %d, want 1 and 3: before the newer content is there", r.Current, r.LiveSeq)
				}
				if _, err := stage.Rollback(t.Context(), w.book, w.queue, w.asset()); err == nil {
					t.Error("a repeat goes forward again")
				}
				w.drain()
				if newer {
					w.published(3, 4)
					return
				}
				w.ask() // the next report, of the bytes that are there
				w.drain()
				w.published(1, 3)
				if _, err := w.book.Update(t.Context(), w.asset(), func(now time.Time, r *ledger.Record) error { return r.Accept(now, r.Rejected[0]) }); err != nil {
					t.Error(err)
				}
				w.ask()
				w.drain()
				w.published(2, 4)
				if n := len(w.mem.Transcoder.Jobs()); n != 2 {
					t.Errorf("%d jobs, want 2: a build that stands is switched to", n)
				}
			})
		})
	}
}

// Content that was rolled back from comes back while newer content is on its
// way: viewers keep what they were taken back to, and no work is left.
func TestRejectedContentComesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, memcloud.Options{})
		w.become("one")
		w.become("two")
		if _, err := stage.Rollback(t.Context(), w.book, w.queue, w.asset()); err != nil {
			t.Fatal(err)
		}
		w.drain()
		w.upload("three")
		w.ask()
		w.until(3, ledger.Transcoded)
		w.upload("two")
		w.drain()
		w.published(1, 3)
		if r := w.record(); r.Open() {
			t.Errorf("work is left: %s", r.Status())
		}
		w.become("three")
		w.published(4, 4)
	})
}

// Content that was to take the place of what viewers have is gone when it is
// looked at again: it has failed, and no work is left.
func TestGoneBeforeItIsLookedAtAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, memcloud.Options{})
		w.become("one")
		w.upload("two")
		w.ask()
		w.until(2, ledger.Transcoded)
		w.upload("three")
		w.step() // publish finds the source changed
		w.must(w.mem.Store.Delete(t.Context(), source.Bucket, source.Key))
		w.drain()
		w.failed(ledger.SourceGone)
		if r := w.record(); r.Open() || r.Current != 1 {
			t.Errorf("%s, current %d, want build 1 and no work left", r.Status(), r.Current)
		}
	})
}

// What kills its worker three times is put into quarantine, wherever it is, and
// its task ends.
func TestPoison(t *testing.T) {
	for _, at := range []ledger.State{"", ledger.Planned, ledger.Submitting, ledger.Transcoding, ledger.Transcoded} {
		t.Run("while "+string(at), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, memcloud.Options{Run: func(cloud.JobSpec) time.Duration { return time.Hour }})
				w.upload("one")
				w.ask()
				if at == ledger.Submitting {
					w.until(1, ledger.Planned)
					w.dieAt("Transcoder.Submit")
					task, _ := w.queue.next()
					w.run(task)
				} else if at != "" {
					w.until(1, at)
				}
				task, _ := w.queue.next()
				err := w.handle(queue.WithCrashes(t.Context(), 2), task)
				if errors.Is(err, asynq.SkipRetry) {
					t.Errorf("given up after two crashes: %v", err)
				}
				w = newWorld(t, memcloud.Options{Run: func(cloud.JobSpec) time.Duration { return time.Hour }})
				w.upload("one")
				w.ask()
				if at != "" && at != ledger.Submitting {
					w.until(1, at)
				} else if at == ledger.Submitting {
					w.until(1, ledger.Planned)
					w.dieAt("Transcoder.Submit")
					task, _ := w.queue.next()
					w.run(task)
				}
				task, _ = w.queue.next()
				err = w.handle(queue.WithCrashes(t.Context(), 3), task)
				if at == ledger.Submitting { // until it is certain that there is no job
					for began := time.Now(); !errors.Is(err, asynq.SkipRetry) && time.Since(began) < 10*time.Minute; time.Sleep(30 * time.Second) {
						err = w.handle(queue.WithCrashes(t.Context(), 3), task)
					}
				}
				if !errors.Is(err, asynq.SkipRetry) || !strings.Contains(err.Error(), "its worker died 3 times") {
					t.Errorf("Handle = %v after three crashes, want it given up", err)
				}
				w.failed(ledger.BadSource)
				if f := w.record().Failed(); !f.Quarantine || f.Stage != task.Kind() || f.Attempts != 3 {
					t.Errorf("failure %+v, want a quarantine by %s after 3", f, task.Kind())
				}
				for _, j := range w.mem.Transcoder.Jobs() {
					if !j.State.Ended() {
						t.Errorf("job %+v runs for a build that has failed", j)
					}
				}
				w.queue.tasks = nil
				w.ask()
				w.drain()
				w.failed(ledger.BadSource)
			})
		})
	}
}

// What kills its worker after the switch rests before it is tried again: it is
// not given up, as an asset that is open would get a new task with no crashes to
// its name, and it reads and writes nothing but to see that.
func TestPoisonAfterTheSwitch(t *testing.T) {
	for _, kind := range []string{tasks.KindPublish, tasks.KindInvalidateOrRename} {
		t.Run(kind, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, memcloud.Options{})
				w.become("one")
				w.upload("two")
				w.ask()
				w.until(2, ledger.Transcoded)
				w.mem.SetHooks(memcloud.Hooks{Before: func(op, _ string) error {
					if op == "Store.Put" && kind == tasks.KindPublish && w.record().Seq == 2 {
						panic(errCrash) // before an entry is written
					}
					return nil
				}})
				for range 10 {
					if r := w.record(); r.Seq == 2 && (kind == tasks.KindPublish || r.EntriesSeq == 2) {
						break
					}
					w.step()
				}
				w.mem.SetHooks(memcloud.Hooks{})
				task, _ := w.queue.next()
				if task.Kind() != kind {
					t.Fatalf("the task is %s, want %s", task.ID(), kind)
				}
				before := w.mem.Calls()
				err := w.handle(queue.WithCrashes(t.Context(), 3), task)
				if fmt.Sprint(err) != "not yet: it rests; again in 10m0s" || !queue.Rests(err) {
					t.Errorf("Handle = %v, want it to rest", err)
				}
				if after := w.mem.Calls(); after["Store.Put"] != before["Store.Put"] || !w.record().Open() {
					t.Errorf("calls %v, then %v; want nothing written, and the asset open", before, after)
				}
				w.drain()
				w.published(2, 2)
			})
		})
	}
}

// A job that was made before the worker died for the third time is paid for: it
// is not forgotten with its build.
func TestPoisonAfterTheJob(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, memcloud.Options{})
		w.upload("one")
		w.ask()
		w.until(1, ledger.Planned)
		task, _ := w.queue.next()
		w.mem.SetHooks(memcloud.Hooks{After: func(op, _ string) error {
			if op == "Transcoder.Submit" {
				panic(errCrash)
			}
			return nil
		}})
		if _, crashed := w.run(task); !crashed {
			t.Fatal("no job was asked for")
		}
		w.mem.SetHooks(memcloud.Hooks{})
		w.must(w.handle(queue.WithCrashes(t.Context(), 3), task))
		w.drain()
		w.published(1, 1)
		if n := len(w.mem.Transcoder.Jobs()); n != 1 {
			t.Errorf("%d jobs, want 1", n)
		}
	})
}

// A record that is corrupt, missing or of a newer version ends no task at once,
// and none in silence; it is left as it is.
func TestUnreadableRecords(t *testing.T) {
	record := func(w *world) cloud.Location {
		return cloud.Location{Bucket: "ledger", Key: "ledger/" + w.asset()[:2] + "/" + w.asset() + ".json"}
	}
	for _, tt := range []struct {
		name   string
		body   string // empty: there is none
		waits  bool
		ingest bool // makes another
	}{
		{"corrupt", "{", false, false},
		{"of another asset", `{"schema":1,"asset":"X"}`, false, false},
		{"missing", "", false, true},
		{"newer", `{"schema":3,"asset":7}`, true, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, memcloud.Options{})
				w.upload("one")
				w.ask()
				w.drain()
				if tt.body == "" {
					w.must(w.mem.Store.Delete(t.Context(), "ledger", record(w).Key))
				} else {
					w.mem.Store.Seed(cloud.Put{Location: record(w), Body: []byte(tt.body)})
				}
				for _, task := range []tasks.Task{
					tasks.Ingest{Bucket: source.Bucket, Key: source.Key},
					tasks.TranscodeSubmit{Asset: w.asset(), Build: 1},
					tasks.TranscodePoll{Asset: w.asset(), Build: 1},
					tasks.Publish{Asset: w.asset(), Build: 1},
					tasks.InvalidateOrRename{Asset: w.asset(), Seq: 1},
				} {
					if tt.ingest && task.Kind() == tasks.KindIngest {
						continue
					}
					for failures, given := range map[int]bool{0: false, 9: false, 10: true} {
						err := w.handle(queue.WithFailures(t.Context(), failures), task)
						switch {
						case tt.waits:
							if fmt.Sprint(err) != "not yet; again in 1m0s" {
								t.Errorf("%s = %v, want it to wait", task.Kind(), err)
							}
						case err == nil || errors.Is(err, asynq.SkipRetry) != given || !given && queue.IsVerdict(err):
							t.Errorf("%s after %d failures = %v, given up: want %v", task.Kind(), failures, err, given)
						}
					}
				}
				if tt.body == "" {
					return
				}
				body, _, err := w.mem.Store.Get(t.Context(), record(w), 1<<20)
				if err != nil || string(body) != tt.body {
					t.Errorf("the record is %s, %v; want it as it was", body, err)
				}
			})
		})
	}
}
