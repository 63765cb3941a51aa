package stage_test

import (
	"fmt"
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

// What follows from each of MediaConvert's error codes: the groups are those of
// "Job errors" in its user guide.
func TestJobErrors(t *testing.T) {
	for _, tt := range []struct {
		codes      []int
		class      ledger.Class
		quarantine bool
		shut       string // gate
		jobs       int
	}{
		{[]int{1010, 1020, 1021, 1030, 1075, 1076, 1092, 3400}, ledger.BadSource, true, "", 1},
		{[]int{1040, 1060, 1080}, ledger.Settings, false, "shut profile:%.4s 10m0s", 1},
		{[]int{1041, 1042, 1550}, ledger.Settings, false, "shut profile:%.4s 10m0s", 1}, // not accelerated: nothing to leave out
		{[]int{1401, 1432, 1433, 1434, 1515, 1091, 3401, 3403, 3404, 3457}, ledger.Access, false, "shut account 5m0s", 1},
		{[]int{1404, 1056}, ledger.Access, false, "shut account 5m0s", 1}, // the source is there
		{[]int{1050, 1507}, ledger.Capacity, false, "", 1},
		{[]int{1999}, ledger.BadSource, true, "", 3},
		{[]int{3408, 3450, 3451, 3999, 0, 7777}, ledger.Transient, false, "", 3},
	} {
		for _, code := range tt.codes {
			if code == 0 {
				continue // a job that fails without a code is memcloud's word for one that does not
			}
			t.Run(fmt.Sprint(code), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					w, g := newWorld(t, memcloud.Options{}), &governed{}
					w.submit.Governor, w.poll.Governor = g, g
					w.upload("one")
					w.mem.Transcoder.SetFail(func(cloud.JobRequest) (int, string) { return code, "words" })
					w.ask()
					w.drain()
					w.failed(tt.class)
					r := w.record()
					if f := r.Failed(); f.Quarantine != tt.quarantine || f.Code != code || !strings.Contains(f.Message, "words") {
						t.Errorf("failure %+v, want quarantine %v, the code and the words", f, tt.quarantine)
					}
					want := tt.shut
					if strings.Contains(want, "%") {
						want = fmt.Sprintf(want, r.Wanted.Profile)
					}
					if shut := strings.Contains(fmt.Sprint(g.said), "shut"); shut != (want != "") || shut && !g.told(want) {
						t.Errorf("the governor heard %q, want %q", g.said, want)
					}
					if n := len(w.mem.Transcoder.Jobs()); n != tt.jobs {
						t.Errorf("%d jobs, want %d", n, tt.jobs)
					}
					if !g.told(fmt.Sprintf("release %d", tt.jobs)) {
						t.Errorf("the governor heard %q, want the room released", g.said)
					}
					if tt.quarantine { // no profile tries these bytes again; other bytes are welcome
						w.mem.Transcoder.SetFail(nil)
						w.askFor(w.profile("packages: [mp4]\n"))
						w.drain()
						if n := len(w.mem.Transcoder.Jobs()); n != tt.jobs {
							t.Errorf("a source in quarantine was transcoded under another profile")
						}
						w.become("two")
						w.published(tt.jobs+1, 1)
					}
				})
			})
		}
	}
}

// A source whose bytes changed while they were read is looked at again; one that
// is gone is not the account's fault.
func TestAmbiguousJobErrors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, g := newWorld(t, memcloud.Options{}), &governed{}
		w.submit.Governor, w.poll.Governor = g, g
		w.upload("one")
		w.mem.Transcoder.FailNext(1404, "not found")
		w.ask()
		w.until(1, ledger.Transcoding)
		w.must(w.mem.Store.Delete(t.Context(), source.Bucket, source.Key))
		w.drain()
		w.failed(ledger.SourceGone)
		if f := w.record().Failed(); f.Quarantine || strings.Contains(fmt.Sprint(g.said), "shut") {
			t.Errorf("failure %+v, the governor heard %q; want no gate and no quarantine", f, g.said)
		}
	})
}

// A job that cannot be accelerated is made once more, as it is, and no gate
// closes for it.
func TestWithoutAcceleration(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, g := newWorld(t, memcloud.Options{}), &governed{}
		w.submit.Governor, w.poll.Governor = g, g
		w.upload("one")
		w.mem.Transcoder.SetFail(func(r cloud.JobRequest) (int, string) {
			if r.Spec.Accelerate {
				return 1041, "acceleration"
			}
			return 0, ""
		})
		w.askFor(w.profile("acceleration: on\n"))
		w.drain()
		w.published(2, 1)
		if jobs := w.mem.Transcoder.Jobs(); len(jobs) != 2 || strings.Contains(fmt.Sprint(g.said), "shut") {
			t.Errorf("%d jobs, the governor heard %q; want two and no gate", len(jobs), g.said)
		}
		// It is what cannot be mended that way.
		w.mem.Transcoder.SetFail(func(cloud.JobRequest) (int, string) { return 1041, "acceleration" })
		w.upload("two")
		w.askFor(w.profile("acceleration: on\n"))
		w.drain()
		w.failed(ledger.Settings)
		if jobs := w.mem.Transcoder.Jobs(); len(jobs) != 4 {
			t.Errorf("%d jobs, want two more", len(jobs))
		}
	})
}

// While the board sees the job run, a poll asks nobody; it reads the record
// where its next look is far, so that a superseded build's job does not run on.
func TestPollByTheBoard(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, memcloud.Options{Run: func(cloud.JobSpec) time.Duration { return time.Hour }})
		g := &governed{running: true, again: 20 * time.Second}
		w.poll.Board, w.poll.Governor, w.submit.Governor = g, g, g
		w.upload("one")
		w.ask()
		w.until(1, ledger.Transcoding)
		task, _ := w.queue.next()
		job := w.record().Build(1).Job
		look := func(again time.Duration, running bool, want string, reads, looks int) {
			t.Helper()
			g.again, g.running = again, running
			before := w.mem.Calls()
			err, _ := w.run(task)
			after := w.mem.Calls()
			if fmt.Sprint(err) != want || after["Store.Get"]-before["Store.Get"] != reads || after["Transcoder.Job"]-before["Transcoder.Job"] != looks {
				t.Errorf("Handle = %v with %v before and %v after, want %s, %d reads and %d looks", err, before, after, want, reads, looks)
			}
		}
		g.said = nil
		look(20*time.Second, true, "not yet; again in 20s", 0, 0)
		if want := fmt.Sprintf("[watch %s 1 look %s]", job, job); fmt.Sprint(g.said) != want {
			t.Errorf("the board heard %q, want %s", g.said, want)
		}
		look(5*time.Minute, true, "not yet; again in 5m0s", 1, 0)
		look(5*time.Minute, false, "not yet; again in 2s", 1, 1) // woken too early
		time.Sleep(61 * time.Minute)
		look(0, false, "<nil>", 1, 1)
		for _, want := range []string{"release 1", "forget " + job, fmt.Sprintf("succeeded %.4s", w.record().Wanted.Profile)} {
			if !g.told(want) {
				t.Errorf("heard %q, want %s", g.said, want)
			}
		}
		w.drain()
		w.published(1, 1)

		g.running, g.again = true, 5*time.Minute
		w.upload("two")
		w.ask()
		w.until(2, ledger.Transcoding)
		w.upload("three")
		w.ask()
		w.until(3, ledger.Transcoding)
		for range 3 {
			w.step()
		}
		if s := w.mem.Transcoder.Jobs()[1].State; s != cloud.JobCanceled {
			t.Errorf("the superseded build's job is %s, want canceled", s)
		}
	})
}

// An ingest that supersedes a build wakes that build's poll, which may sleep
// for long: its job runs for nobody.
func TestSupersededIsWoken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, memcloud.Options{Run: func(cloud.JobSpec) time.Duration { return time.Hour }})
		q := &wakingQueue{memQueue: w.queue}
		w.ingest.Next = q
		w.upload("one")
		w.ask()
		w.until(1, ledger.Transcoding)
		w.upload("two")
		w.must(w.ingest.Handle(t.Context(), tasks.Ingest{Bucket: source.Bucket, Key: source.Key}))
		if want := "[transcode-poll:" + w.asset() + ":1]"; fmt.Sprint(q.woken) != want {
			t.Errorf("woken %v, want %s", q.woken, want)
		}
	})
}

// A service that cannot be asked about a job tells nothing about it: the build
// is not given up, however long that lasts.
func TestJobThatCannotBeAsked(t *testing.T) {
	for kind, want := range map[error]string{
		cloud.ErrDenied: ": denied", cloud.ErrUnavailable: ": unavailable", cloud.ErrThrottled: "not yet; again in 15s",
	} {
		synctest.Test(t, func(t *testing.T) {
			w, g := newWorld(t, memcloud.Options{}), &governed{}
			w.poll.Governor = g
			w.upload("one")
			w.ask()
			w.until(1, ledger.Transcoding)
			task, _ := w.queue.next()
			w.mem.SetHooks(memcloud.Hooks{Before: func(op, _ string) error {
				if op == "Transcoder.Job" {
					return kind
				}
				return nil
			}})
			w.queue.failures[task] = 1000
			if err, _ := w.run(task); err == nil || !strings.HasSuffix(err.Error(), want) {
				t.Errorf("%v: Handle = %v, want %s", kind, err, want)
			}
			if g.told("shut account 5m0s") {
				t.Errorf("%v: the governor heard %q, want no gate closed for one asset", kind, g.said)
			}
			if kind == cloud.ErrDenied {
				w.deniedToo(g)
			}
			w.mem.SetHooks(memcloud.Hooks{})
			w.drain()
			w.published(1, 1)
		})
	}
}

// A poll that ends because its record is corrupt or gone is not watched for any
// more; as long as it is tried, it is.
func TestPollOfAnUnreadableRecord(t *testing.T) {
	for _, corrupt := range []bool{true, false} {
		for failures, forgets := range map[int]bool{9: false, 10: true} {
			synctest.Test(t, func(t *testing.T) {
				w, g := newWorld(t, memcloud.Options{}), &governed{}
				w.upload("one")
				w.ask()
				w.until(1, ledger.Transcoding)
				w.poll.Governor, w.poll.Board = g, g
				task, _ := w.queue.next()
				key := "ledger/" + w.asset()[:2] + "/" + w.asset() + ".json"
				if _, err := w.mem.Store.Head(t.Context(), cloud.Location{Bucket: "ledger", Key: key}); err != nil {
					t.Fatal(err)
				}
				if corrupt {
					w.mem.Store.Seed(cloud.Put{Location: cloud.Location{Bucket: "ledger", Key: key}, Body: []byte("{")})
				} else {
					w.must(w.mem.Store.Delete(t.Context(), "ledger", key))
				}
				w.queue.failures[task] = failures
				err, _ := w.run(task)
				job := task.(tasks.TranscodePoll).Job
				if err == nil || queue.IsVerdict(err) != forgets || g.told("forget "+job) != forgets {
					t.Errorf("corrupt %v, after %d failures: %v, the governor heard %q; want job %s forgotten: %v", corrupt, failures, err, g.said, job, forgets)
				}
			})
		}
	}
}

// deniedToo has the poll of another asset be denied.
func (w *world) deniedToo(g *governed) {
	w.t.Helper()
	other := tasks.AssetID("library", "other.mp4")
	w.mem.Store.Seed(cloud.Put{Location: cloud.Location{Bucket: "library", Key: "other.mp4"}, Body: []byte("other")})
	w.must(w.ingest.Handle(w.t.Context(), tasks.Ingest{Bucket: "library", Key: "other.mp4"}))
	w.must(w.submit.Handle(w.t.Context(), tasks.TranscodeSubmit{Asset: other, Build: 1}))
	if err := w.poll.Handle(w.t.Context(), tasks.TranscodePoll{Asset: other, Build: 1}); fmt.Sprint(err) != "not yet; again in 1m0s" || !g.told("shut account 5m0s") {
		w.t.Errorf("Handle = %v, the governor heard %q; want the account's gate closed, and a wait for it", err, g.said)
	}
}

// A state that this version does not know is no end.
func TestJobInAnUnknownState(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, memcloud.Options{})
		w.upload("one")
		w.ask()
		w.until(1, ledger.Transcoding)
		w.poll.Transcoder = odd{w.mem.Transcoder}
		time.Sleep(10 * time.Minute)
		task, _ := w.queue.next()
		if err, _ := w.run(task); fmt.Sprint(err) != "not yet; again in 30s" {
			t.Errorf("Handle = %v, want it to look again in 30s", err)
		}
		w.poll.Transcoder = w.mem.Transcoder
		w.drain()
		w.published(1, 1)
	})
}

// Breaking down is a file's fault where nothing else ever went wrong with it.
func TestMixedFailures(t *testing.T) {
	for _, tt := range []struct {
		codes      []int // of the jobs, one after the other
		class      ledger.Class
		quarantine bool
	}{
		{[]int{1999, 1999, 1999}, ledger.BadSource, true},
		{[]int{3450, 3451, 1999}, ledger.Transient, false},
		{[]int{1999, 1999, 3450}, ledger.Transient, false},
		{[]int{1999, 3450, 1999}, ledger.Transient, false},
	} {
		t.Run(fmt.Sprint(tt.codes), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w, left := newWorld(t, memcloud.Options{}), tt.codes
				w.upload("one")
				w.mem.Transcoder.SetFail(func(cloud.JobRequest) (int, string) {
					code := left[0]
					left = left[1:]
					return code, "words"
				})
				w.ask()
				w.drain()
				w.failed(tt.class)
				if f := w.record().Failed(); f.Quarantine != tt.quarantine || f.Attempts != len(tt.codes) {
					t.Errorf("failure %+v, want quarantine %v after %d attempts", f, tt.quarantine, len(tt.codes))
				}
			})
		})
	}
}
