package stage_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vodfleet/vodfleet/internal/cloud"
	"github.com/vodfleet/vodfleet/internal/cloud/memcloud"
	"github.com/vodfleet/vodfleet/internal/ledger"
	"github.com/vodfleet/vodfleet/internal/queue"
	"github.com/vodfleet/vodfleet/tasks"
)

func TestFirstPublication(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, memcloud.Options{})
		w.upload("one")
		w.ask()
		before := storeCalls(w.mem.Calls())

		w.drain()

		calls := w.mem.Calls()
		w.published(1, 1)
		r := w.record()
		if r.Open() || r.LiveSeq != 1 || r.Reference != "ref" {
			t.Errorf("record: open %v, live switch %d, reference %q, want closed, 1 and ref", r.Open(), r.LiveSeq, r.Reference)
		}
		if got := len(w.mem.Transcoder.Jobs()); got != 1 {
			t.Errorf("%d jobs, want 1", got)
		}
		if store := storeCalls(calls) - before; store > 30 {
			t.Errorf("%d calls of the store for a first publication, want at most 30: %v", store, calls)
		}
		if calls["Transcoder.Submit"] != 1 || calls["Transcoder.Probe"] != 1 {
			t.Errorf("calls %v, want one Submit and one Probe", calls)
		}
	})
}

func TestRepeatDoesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, memcloud.Options{})
		w.upload("one")
		w.ask()
		w.drain()
		before := w.record()

		w.ask()
		w.drain()

		if after := w.record(); after.Nonce != before.Nonce {
			t.Errorf("the record was written again: %v", after.History)
		}
		if got := len(w.mem.Transcoder.Jobs()); got != 1 {
			t.Errorf("%d jobs, want 1", got)
		}
	})
}

// New bytes are a new build, the viewer's URL switches, and only the build
// before the previous one goes, after its grace.
func TestReplacedTwice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, memcloud.Options{})
		for i, body := range []string{"one", "two", "three"} {
			w.upload(body)
			w.ask()
			w.drain()
			w.published(i+1, i+1)
		}
		entries := []string{"/a%20b/watch/" + w.asset() + "/master.m3u8", "/a%20b/watch/" + w.asset() + "/manifest.mpd"}
		if got, want := w.mem.CDN.Invalidated(distribution), append(slices.Clone(entries), entries...); !sameSet(got, want) {
			t.Errorf("invalidated %q, want the entries once for each replacement: %q", got, want)
		}
		if n := w.files(1); n == 0 {
			t.Fatal("the first build's files went before their grace")
		}
		time.Sleep(grace + time.Minute)
		if err := w.queue.Enqueue(t.Context(), tasks.InvalidateOrRename{Asset: w.asset(), Seq: 3}); err != nil {
			t.Fatal(err)
		}
		w.drain()
		if n := w.files(1); n != 0 {
			t.Errorf("%d files of build 1 are left after the grace", n)
		}
		if w.files(2) == 0 || w.files(3) == 0 {
			t.Errorf("files of builds 2 and 3: %d and %d, want some of each", w.files(2), w.files(3))
		}
		if s := w.record().Build(1).State; s != ledger.Retired {
			t.Errorf("build 1 is %s, want retired", s)
		}
	})
}

// A switch is live only once caches have forgotten the entries before it.
func TestLiveAfterInvalidation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, memcloud.Options{Invalidation: time.Hour})
		w.upload("one")
		w.ask()
		w.drain()
		w.upload("two")
		w.ask()
		for w.record().EntriesSeq != 2 {
			w.step()
		}
		task := tasks.InvalidateOrRename{Asset: w.asset(), Seq: 2}
		for range 3 {
			if err := w.invalidate.Handle(t.Context(), task); err == nil || !queue.IsVerdict(err) {
				t.Fatalf("Handle = %v while the invalidation is under way, want a wait", err)
			}
		}
		if r := w.record(); r.LiveSeq != 1 || !r.Open() {
			t.Errorf("live switch %d, open %v, want 1 and open", r.LiveSeq, r.Open())
		}
		time.Sleep(time.Hour)
		w.must(w.invalidate.Handle(t.Context(), task))
		if r := w.record(); r.LiveSeq != 2 || r.Open() {
			t.Errorf("live switch %d, open %v, want 2 and closed", r.LiveSeq, r.Open())
		}
		if got := w.mem.CDN.Invalidated(distribution); len(got) != 2 {
			t.Errorf("invalidated %q, want two paths once", got)
		}
	})
}

// A revision whose build is still there is switched to without transcoding.
func TestBackToTheFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, memcloud.Options{})
		for _, body := range []string{"one", "two", "one"} {
			w.upload(body)
			w.ask()
			w.drain()
		}
		w.published(1, 3)
		if got := len(w.mem.Transcoder.Jobs()); got != 2 {
			t.Errorf("%d jobs for A, B, A, want 2", got)
		}
	})
}

// The task of a build that is superseded before it was shown is lost with Redis,
// and what comes after has nothing to see to: its files get their term all the
// same.
func TestSupersededWithoutATask(t *testing.T) {
	for _, tt := range []struct {
		name   string
		bodies []string // of the source, one after the other; the task of the last but one is lost
		shown  int      // build
	}{
		{"before a first publication", []string{"one", "two"}, 2},
		{"before what is current came back", []string{"one", "two", "one"}, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, memcloud.Options{})
				lost := len(tt.bodies) - 1 // build
				for i, body := range tt.bodies {
					w.upload(body)
					w.ask()
					if i+1 == lost {
						w.until(lost, ledger.Transcoded)
						w.queue.tasks = nil
						continue
					}
					w.drain()
				}
				w.published(tt.shown, 1)
				w.age()
				if s := w.record().Build(lost).State; s != ledger.Retired {
					t.Errorf("build %d is %s after its grace, want retired", lost, s)
				}
			})
		})
	}
}

// While B is on its way, A comes back: A is current already and must stay.
func TestBackWhileTheNextIsInWork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, memcloud.Options{Run: func(cloud.JobSpec) time.Duration { return time.Hour }})
		w.upload("one")
		w.ask()
		w.drain()
		w.upload("two")
		w.ask()
		for range 3 { // ingest, submit, a look
			w.step()
		}
		if s := w.record().Build(2).State; s != ledger.Transcoding {
			t.Fatalf("build 2 is %s, want transcoding", s)
		}
		w.upload("one")
		w.ask()
		w.drain()
		w.published(1, 1)
		if s := w.mem.Transcoder.Jobs()[1].State; s != cloud.JobCanceled {
			t.Errorf("the superseded build's job is %s, want canceled", s)
		}
		time.Sleep(grace + time.Minute)
		w.must(w.invalidate.Handle(t.Context(), tasks.InvalidateOrRename{Asset: w.asset(), Seq: 1}))
		if s := w.record().Build(2).State; s != ledger.Retired {
			t.Errorf("build 2 is %s after its grace, want retired", s)
		}
	})
}

func TestSourceChangesOnTheWay(t *testing.T) {
	for _, tt := range []struct {
		name string
		runs int // tasks done before the change
		jobs int // in the end
		gone bool
	}{
		{"before submit", 1, 1, false},
		{"while it is transcoded", 2, 2, false},
		{"gone before submit", 1, 0, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, memcloud.Options{})
				w.upload("one")
				w.ask()
				for range tt.runs {
					w.step()
				}
				if tt.gone {
					w.must(w.mem.Store.Delete(t.Context(), source.Bucket, source.Key))
					w.drain()
					w.failed(ledger.SourceGone)
				} else {
					w.upload("two")
					w.drain()
					w.published(2, 1)
				}
				if got := len(w.mem.Transcoder.Jobs()); got != tt.jobs {
					t.Errorf("%d jobs, want %d", got, tt.jobs)
				}
			})
		})
	}
}

func TestSourcesThatFail(t *testing.T) {
	for _, tt := range []struct {
		name    string
		arrange func(w *world)
		class   ledger.Class
		words   string // that a person finds in the failure
	}{
		{"empty", func(w *world) { w.upload("") }, ledger.BadSource, "empty"},
		{"not a video", func(w *world) {
			w.upload("text")
			w.mem.Transcoder.SetMedia(source, cloud.Media{}, cloud.ErrInvalid)
		}, ledger.BadSource, "not a video"},
		{"never there", func(*world) {}, ledger.SourceGone, "gone"},
		{"archived", func(w *world) {
			w.upload("one")
			w.mem.Store.SetClass(source, "DEEP_ARCHIVE", false)
		}, ledger.Archived, "restore"},
		{"no track that can be used", func(w *world) {
			w.upload("one")
			w.mem.Transcoder.SetMedia(source, cloud.Media{Container: "mp4", Duration: time.Second, Tracks: []cloud.Track{{Kind: cloud.TrackData, Index: 1}}}, nil)
		}, ledger.BadSource, ""},
		{"bad bytes", func(w *world) {
			w.upload("one")
			w.mem.Transcoder.FailNext(1030, "no video frames")
		}, ledger.BadSource, "no video frames (MediaConvert error 1030)"},
		{"settings", func(w *world) {
			w.upload("one")
			w.mem.Transcoder.FailNext(1040, "codec")
		}, ledger.Settings, "codec"},
		{"role may not read", func(w *world) {
			w.upload("one")
			w.mem.Transcoder.FailNext(1404, "denied")
		}, ledger.Access, "role"},
		{"passing, too often", func(w *world) {
			w.upload("one")
			for range 3 {
				w.mem.Transcoder.FailNext(3450, "busy")
			}
		}, ledger.Transient, "3450"},
		{"internal errors time and again", func(w *world) {
			w.upload("one")
			for range 3 {
				w.mem.Transcoder.FailNext(1999, "internal")
			}
		}, ledger.BadSource, "1999"},
		{"too large", func(w *world) {
			w.upload("one")
			w.mem.Transcoder.FailNext(1507, "too many outputs")
		}, ledger.Capacity, "1507"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, memcloud.Options{})
				tt.arrange(w)
				w.ask()
				w.drain()
				w.failed(tt.class)
				if f := w.record().Failed(); !strings.Contains(f.Message, tt.words) {
					t.Errorf("message %q, want %q in it", f.Message, tt.words)
				}
				if len(w.queue.archived) != 1 {
					t.Errorf("archived %q, want one task", w.queue.archived)
				}

				w.ask() // a repeat tries nothing that failed for good again
				jobs := len(w.mem.Transcoder.Jobs())
				w.drain()
				if got := len(w.mem.Transcoder.Jobs()); got != jobs {
					t.Errorf("a repeat made %d more jobs", got-jobs)
				}
			})
		})
	}
}

func TestPassingFailureIsBuiltAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, memcloud.Options{})
		w.upload("one")
		w.mem.Transcoder.FailNext(3450, "try later")
		w.ask()
		w.drain()
		w.published(2, 1)
	})
}

func TestCanceledBySomebodyElse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, memcloud.Options{Run: func(cloud.JobSpec) time.Duration { return time.Hour }})
		w.upload("one")
		w.ask()
		w.step()
		w.step()
		w.must(w.mem.Transcoder.Cancel(t.Context(), w.record().Build(1).Job))
		w.drain()
		w.failed(ledger.Canceled)
	})
}

func TestOutputsThatAreNotThere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, memcloud.Options{})
		w.upload("one")
		w.ask()
		for w.record0() == nil || w.record0().Build(1) == nil || w.record0().Build(1).State != ledger.Transcoded {
			w.step()
		}
		lost := ""
		for o, err := range w.mem.Store.List(t.Context(), output.Join("media/"), "") {
			if err != nil {
				t.Fatal(err)
			}
			if strings.Contains(o.Key, "/cmaf/") && !strings.HasSuffix(o.Key, ".m3u8") && !strings.HasSuffix(o.Key, ".mpd") {
				lost = o.Key
			}
		}
		w.must(w.mem.Store.Delete(t.Context(), output.Bucket, lost))
		w.drain()
		w.failed(ledger.Incomplete)
		if w.visible() {
			t.Error("an incomplete build has entries")
		}
	})
}

func TestNotAllowed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, memcloud.Options{})
		w.ingest.Allowed = []cloud.Location{{Bucket: "library", Key: "films/a/"}}
		w.upload("one")
		w.ask()
		w.drain()
		if len(w.queue.archived) != 1 || !strings.Contains(w.queue.archived[0], "VODFLEET_SOURCES") {
			t.Errorf("archived %q, want one task that names the setting", w.queue.archived)
		}
		if _, err := w.book.Get(t.Context(), w.asset()); !errors.Is(err, cloud.ErrNotFound) {
			t.Errorf("record of a source that may not be read: %v", err)
		}
	})
}

// The process dies after each port call of the whole pipeline in turn. Whatever
// it was, the asset is published in the end, transcoded once, and nobody ever
// saw half of it.
func TestCrashAfterEveryCall(t *testing.T) {
	points := 0
	for n := 1; ; n++ {
		more := true
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, memcloud.Options{})
			w.upload("one")
			w.ask()
			crashed := w.crashAt(n)
			w.drain()
			if more = crashed(); !more {
				return
			}
			points++
			w.mem.SetHooks(memcloud.Hooks{})
			w.published(1, 1)
			if got := len(w.mem.Transcoder.Jobs()); got != 1 {
				t.Errorf("crash after call %d: %d jobs, want 1", n, got)
			}
		})
		if !more || t.Failed() {
			break
		}
	}
	t.Logf("%d crash points", points)
	if points < 20 {
		t.Errorf("%d crash points: the pipeline has more calls than that", points)
	}
}

// Every answer in turn is lost: the call was done, its caller gets an error.
func TestEveryAnswerLost(t *testing.T) {
	for n := 1; ; n++ {
		more := true
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, memcloud.Options{})
			w.upload("one")
			w.ask()
			calls := 0
			w.mem.SetHooks(memcloud.Hooks{After: func(string, string) error {
				if calls++; calls == n {
					return cloud.ErrUnavailable
				}
				return nil
			}})
			w.drain()
			if more = calls >= n; !more {
				return
			}
			w.mem.SetHooks(memcloud.Hooks{})
			w.published(1, 1)
			if got := len(w.mem.Transcoder.Jobs()); got != 1 {
				t.Errorf("answer %d lost: %d jobs, want 1", n, got)
			}
		})
		if !more || t.Failed() {
			return
		}
	}
}

// step runs the first task once.
func (w *world) step() {
	w.t.Helper()
	t, ok := w.queue.next()
	if !ok {
		w.t.Fatal("no task is left")
	}
	err, crashed := w.run(t)
	if err == nil && !crashed && !w.queue.again {
		w.queue.done(t)
		return
	}
	time.Sleep(15 * time.Second)
	w.queue.rotate()
}

// record0 is the record, or nil.
func (w *world) record0() *ledger.Record {
	r, err := w.book.Get(context.Background(), w.asset())
	if err != nil {
		return nil
	}
	return r
}

// published checks that viewers get a build after so many switches, all of it.
func (w *world) published(build, seq int) {
	w.t.Helper()
	r := w.record()
	if r.Current != build || r.Seq != seq || r.EntriesSeq != seq || r.Status() != "published" {
		w.t.Fatalf("record: %s, current %d, switch %d, entries %d; want published, %d, %d\n%s", r.Status(), r.Current, r.Seq, r.EntriesSeq, build, seq, history(r))
	}
	master := w.read("watch/" + r.Asset + "/master.m3u8")
	if want := fmt.Sprintf("media/%s/%d/", r.Asset, build); !strings.Contains(master, want) {
		w.t.Errorf("master.m3u8 has no %q:\n%s", want, master)
	}
	var doc struct{ Seq, Build int }
	if err := json.Unmarshal([]byte(w.read("watch/"+r.Asset+"/playback.json")), &doc); err != nil || doc.Seq != seq || doc.Build != build {
		w.t.Errorf("playback.json: %+v, %v, want switch %d, build %d", doc, err, seq, build)
	}
}

func (w *world) failed(class ledger.Class) {
	w.t.Helper()
	r := w.record()
	f := r.Failed()
	if r.Status() != "failed" || f == nil || f.Class != class || r.Open() {
		w.t.Fatalf("record: %s, %+v, want failed, %s\n%s", r.Status(), f, class, history(r))
	}
}

// visible reports whether viewers can see anything of the asset.
func (w *world) visible() bool {
	for range w.mem.Store.List(context.Background(), output.Join("watch/"), "") {
		return true
	}
	return false
}

// files counts a build's files.
func (w *world) files(build int) (n int) {
	for _, err := range w.mem.Store.List(context.Background(), output.Join(fmt.Sprintf("media/%s/%d/", w.asset(), build)), "") {
		w.must(err)
		n++
	}
	return n
}

func (w *world) read(path string) string {
	w.t.Helper()
	body, _, err := w.mem.Store.Get(context.Background(), output.Join(path), 1<<20)
	if err != nil {
		w.t.Fatal(err)
	}
	return string(body)
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func history(r *ledger.Record) string {
	var b strings.Builder
	for _, e := range r.History {
		fmt.Fprintln(&b, e.At.Format(time.TimeOnly), e.What)
	}
	return b.String()
}

func sameSet(a, b []string) bool {
	return slices.Equal(slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b)))
}

func storeCalls(calls map[string]int) (n int) {
	for op, k := range calls {
		if strings.HasPrefix(op, "Store.") {
			n += k
		}
	}
	return n
}
