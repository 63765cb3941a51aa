package stage_test

import (
	"context"
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
	"github.com/vodfleet/vodfleet/tasks"
)

// planned brings an asset to a planned build and returns its task.
func (w *world) planned() tasks.TranscodeSubmit {
	w.t.Helper()
	w.upload("one")
	w.ask()
	w.until(1, ledger.Planned)
	t, _ := w.queue.next()
	return t.(tasks.TranscodeSubmit)
}

// dieAt has the process die before a call of an operation, the first from now on.
func (w *world) dieAt(op string) {
	done := false
	w.mem.SetHooks(memcloud.Hooks{Before: func(is, _ string) error {
		if is == op && !done {
			done = true
			panic(errCrash)
		}
		return nil
	}})
}

// A run dies between its intent and its request. Nothing is asked for again
// before six minutes have passed and two look-ups have been made since then,
// a minute apart; then the request is signed as of the new intent.
func TestIntentWithoutJob(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, memcloud.Options{})
		task := w.planned()
		w.dieAt("Transcoder.Submit")
		if _, crashed := w.run(task); !crashed {
			t.Fatal("it did not come to its request")
		}
		intent := w.record().Build(1).Intent.At
		var passes []time.Duration // their beginnings, after the intent
		w.mem.SetHooks(memcloud.Hooks{Before: func(op, at string) error {
			if op == "Transcoder.List" && at == "jobs SUBMITTED" {
				passes = append(passes, time.Since(intent))
			}
			return nil
		}})
		var waits []string
		for range 20 {
			err, _ := w.run(task)
			if err == nil {
				break
			}
			wait := err.Error()[strings.LastIndex(err.Error(), "in ")+3:]
			d, perr := time.ParseDuration(wait)
			if perr != nil {
				t.Fatal(err)
			}
			waits = append(waits, wait)
			time.Sleep(d)
		}
		if got, want := fmt.Sprint(waits), "[30s 30s 1m0s 2m0s 2m0s 1m0s]"; got != want {
			t.Errorf("waits %s, want %s", got, want)
		}
		if got, want := fmt.Sprint(passes), "[0s 30s 1m0s 2m0s 4m0s 6m0s 7m0s]"; got != want {
			t.Errorf("looked for the job %s after the intent, want %s", got, want)
		}
		b := w.record().Build(1)
		r, _ := w.mem.Transcoder.Request(b.Job)
		if b.State != ledger.Transcoding || b.Intent.At.Sub(intent) != 7*time.Minute || !r.At.Equal(b.Intent.At) || b.Intent.Renewals != 1 {
			t.Errorf("build %+v with intent %+v, requested as of %v; want it transcoding, as of the intent seven minutes after the first", b, b.Intent, r.At)
		}
	})
}

// A service that answers neither yes nor no, such as one that finds a conflict
// each time, is asked for hours, and then somebody is told; a redrive asks on.
func TestNeitherYesNorNo(t *testing.T) {
	const maxUnanswered = 60
	for _, refusal := range []int{0, maxUnanswered / 2} { // a no in between begins the count anew
		t.Run(fmt.Sprint(refusal), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, memcloud.Options{})
				task := w.planned()
				asked := 0
				w.mem.SetHooks(memcloud.Hooks{Before: func(op, _ string) error {
					if op != "Transcoder.Submit" {
						return nil
					}
					asked++
					kind := cloud.ErrConflict
					if asked == refusal {
						kind = cloud.ErrThrottled
					}
					return &cloud.Error{Op: op, Object: "job", Kind: kind, Message: "no"}
				}})
				began := time.Now()
				for w.record().Failed() == nil {
					if time.Since(began) > 24*time.Hour {
						t.Fatalf("no failure after %d requests in a day", asked)
					}
					w.run(task)
					time.Sleep(time.Minute)
				}
				if f := w.record().Failed(); f.Class != ledger.Transient || f.Stage != tasks.KindTranscodeSubmit || f.Attempts != maxUnanswered || !strings.Contains(f.Message, "neither a yes nor a no") {
					t.Errorf("failure %+v", f)
				}
				if asked != maxUnanswered+refusal {
					t.Errorf("asked %d times, want %d", asked, maxUnanswered+refusal)
				}
			})
		})
	}
}

// A job that was made, and whose answer was lost, is found as soon as lists
// show it; if they show it late, within the guard all the same.
func TestLostAnswerIsAdopted(t *testing.T) {
	for _, lag := range []time.Duration{0, 20 * time.Second, 5 * time.Minute} {
		for _, end := range []string{"lost answer", "crash", "deadline"} {
			t.Run(fmt.Sprint(end, " ", lag), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					w := newWorld(t, memcloud.Options{ListLag: lag, Run: func(cloud.JobSpec) time.Duration { return time.Hour }})
					task := w.planned()
					w.mem.SetHooks(memcloud.Hooks{After: func(op, _ string) error {
						switch {
						case op != "Transcoder.Submit":
							return nil
						case end == "crash":
							panic(errCrash)
						case end == "deadline":
							return context.DeadlineExceeded
						}
						return cloud.ErrUnavailable
					}})
					err, crashed := w.run(task)
					if !crashed && (err == nil || !strings.Contains(err.Error(), "again in 30s")) {
						t.Errorf("Handle = %v, want it back in 30s", err)
					}
					w.until(1, ledger.Transcoding)
					if jobs := w.mem.Transcoder.Jobs(); len(jobs) != 1 || w.record().Build(1).Job != jobs[0].ID {
						t.Errorf("jobs %+v, want the one that was made", jobs)
					}
				})
			})
		}
	}
}

// A job that has ended by the time it is adopted gives its room back at once:
// the board takes a job with room for one that runs and was not seen yet, and
// its event may have come and gone.
func TestAdoptedJobThatHasEnded(t *testing.T) {
	for _, tt := range []struct {
		name  string
		takes time.Duration
		want  string // of what the governor heard
	}{
		{"it runs", time.Hour, "[admit live 1 admit live 1]"},
		{"it has ended", time.Second, "[admit live 1 admit live 1 release 1]"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w, g := newWorld(t, memcloud.Options{Run: func(cloud.JobSpec) time.Duration { return tt.takes }}), new(governed)
				w.submit.Governor = g
				task := w.planned()
				w.mem.SetHooks(memcloud.Hooks{After: func(op, _ string) error {
					if op == "Transcoder.Submit" {
						return cloud.ErrUnavailable
					}
					return nil
				}})
				w.run(task)
				time.Sleep(time.Minute)
				if err, _ := w.run(task); err != nil || w.record().Build(1).State != ledger.Transcoding {
					t.Errorf("Handle = %v, %s; want the job adopted", err, w.record().Build(1).State)
				}
				got := strings.ReplaceAll(fmt.Sprint(g.said), task.Profile[:4]+" ", "")
				if got != tt.want {
					t.Errorf("the governor heard %s, want %s", got, tt.want)
				}
			})
		})
	}
}

// Jobs that look like the intent's and are not are left alone.
func TestForgedJobs(t *testing.T) {
	for name, forge := range map[string]func(r *cloud.JobRequest){
		"of another fleet":      func(r *cloud.JobRequest) { r.Metadata["fleet"] = "other" },
		"of another asset":      func(r *cloud.JobRequest) { r.Metadata["asset"] = tasks.AssetID("library", "other.mp4") },
		"of another build":      func(r *cloud.JobRequest) { r.Metadata["build"] = "2" },
		"without metadata":      func(r *cloud.JobRequest) { r.Metadata = nil },
		"that writes elsewhere": func(r *cloud.JobRequest) { r.Spec.Groups[0].Destination.Key += "x" },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, memcloud.Options{Run: func(cloud.JobSpec) time.Duration { return time.Hour }})
				task := w.planned()
				w.dieAt("Transcoder.Submit")
				w.run(task)
				w.mem.SetHooks(memcloud.Hooks{})
				r := w.record()
				request := cloud.JobRequest{
					Token: "forged", Role: w.submit.Role, Spec: *r.Build(1).Spec,
					Metadata: map[string]string{"fleet": "test", "asset": r.Asset, "build": "1"},
				}
				request.Spec.Groups = append([]cloud.OutputGroup(nil), request.Spec.Groups...)
				forge(&request)
				forged, err := w.mem.Transcoder.Submit(t.Context(), request)
				w.must(err)
				w.until(1, ledger.Transcoding)
				if got := w.record().Build(1).Job; got == forged.ID {
					t.Error("the forged job was adopted")
				}
				if got := w.mem.Transcoder.Jobs()[0].State; got == cloud.JobCanceled {
					t.Error("the forged job was canceled")
				}
			})
		})
	}
}

// What the service refuses outright leaves nothing to look for.
func TestRefusedRequests(t *testing.T) {
	throttled := &cloud.Error{Op: "CreateJob", Object: "o", Kind: cloud.ErrThrottled, After: 7 * time.Second}
	for _, tt := range []struct {
		name     string
		err      error
		governor bool
		want     string // of the verdict
		shut     string
		class    ledger.Class
	}{
		{"throttled", cloud.ErrThrottled, false, "not yet; again in 15s", "", ""},
		{"throttled for a time", throttled, true, "not yet; again in 7s", "", ""},
		{"quota", cloud.ErrQuota, true, "not yet; again in 1m0s", "", ""},
		{"expired", cloud.ErrExpired, true, "not yet; again in 1s", "", ""},
		{"denied, ungoverned", cloud.ErrDenied, false, ": denied", "", ""},
		{"denied", cloud.ErrDenied, true, ": denied", "", ""},
		{"no such queue", cloud.ErrNotFound, true, ": not found", "", ""},
		{"invalid", cloud.ErrInvalid, true, "invalid: skip retry", "shut profile:%.4s 10m0s", ledger.Settings},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w, g := newWorld(t, memcloud.Options{}), &governed{}
				if tt.governor {
					w.submit.Governor = g
				}
				task := w.planned()
				w.mem.SetHooks(memcloud.Hooks{Before: func(op, _ string) error {
					if op == "Transcoder.Submit" {
						return tt.err
					}
					return nil
				}})
				err, _ := w.run(task)
				if err == nil || !strings.Contains(err.Error(), tt.want) {
					t.Errorf("Handle = %v, want %s", err, tt.want)
				}
				if tt.shut = strings.ReplaceAll(tt.shut, "%.4s", task.Profile[:4]); tt.shut != "" && !g.told(tt.shut) {
					t.Errorf("the governor heard %q, want %s", g.said, tt.shut)
				}
				if tt.governor && !g.told("release 1") {
					t.Errorf("the governor heard %q, want the room released", g.said)
				}
				if tt.class != "" {
					w.failed(tt.class)
					return
				}
				w.mem.SetHooks(memcloud.Hooks{})
				lists := w.mem.Calls()["Transcoder.List"]
				if err, _ = w.run(task); err != nil || w.record().Build(1).State != ledger.Transcoding {
					t.Errorf("the next run: %v, %s; want the job made at once", err, w.record().Build(1).State)
				}
				if got := w.mem.Calls()["Transcoder.List"] - lists; got != 0 {
					t.Errorf("%d lists were read for a job that cannot be", got)
				}
			})
		})
	}
}

// A refusal that cannot be noted is no license to ask again.
func TestRefusalThatIsNotNoted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, memcloud.Options{})
		task := w.planned()
		refused := false
		w.mem.SetHooks(memcloud.Hooks{Before: func(op, _ string) error {
			switch {
			case op == "Transcoder.Submit" && !refused:
				refused = true
				return cloud.ErrThrottled
			case op == "Store.Put" && refused:
				return cloud.ErrDenied
			}
			return nil
		}})
		w.queue.failures[task] = 100
		if err, _ := w.run(task); err == nil || errors.Is(err, asynq.SkipRetry) || w.record().Build(1).State != ledger.Submitting {
			t.Errorf("Handle = %v, want it tried again however many failures there were", err)
		}
		w.mem.SetHooks(memcloud.Hooks{})
		if err, _ := w.run(task); err == nil || !strings.Contains(err.Error(), "not yet") {
			t.Errorf("the next run = %v, want it to wait for a job that may be", err)
		}
	})
}

// A build that is superseded while its job is in no list yet is not given up
// before its job can come to be no more.
func TestSupersededWithAnOpenIntent(t *testing.T) {
	for _, made := range []bool{true, false} {
		t.Run(fmt.Sprint("its job was made: ", made), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, memcloud.Options{ListLag: 4 * time.Minute, Run: func(cloud.JobSpec) time.Duration { return time.Hour }})
				task := w.planned()
				w.mem.SetHooks(memcloud.Hooks{Before: func(op, _ string) error {
					if op == "Transcoder.Submit" && !made {
						panic(errCrash)
					}
					return nil
				}, After: func(op, _ string) error {
					if op == "Transcoder.Submit" {
						panic(errCrash)
					}
					return nil
				}})
				w.run(task)
				w.mem.SetHooks(memcloud.Hooks{})
				intent := w.record().Build(1).Intent.At
				w.upload("two")
				w.ask()
				w.queue.rotate()
				w.step()
				if got := w.record().Unresolved(); len(got) != 1 || !w.record().Open() {
					t.Fatalf("unresolved builds %v, open %v; want the first, and open", got, w.record().Open())
				}
				for w.record().Build(2).State != ledger.Transcoding { // the new content does not wait for it
					w.step()
				}
				if took := time.Since(intent); took > 3*time.Minute {
					t.Errorf("the new build waited %v for the old one", took)
				}
				for len(w.record().Unresolved()) > 0 {
					w.step()
				}
				if took := time.Since(intent); !made && took < ledger.IntentGuard {
					t.Errorf("the old build was given up %v after its intent", took)
				}
				if jobs := w.mem.Transcoder.Jobs(); made && jobs[0].State != cloud.JobCanceled {
					t.Errorf("the old build's job is %s, want canceled", jobs[0].State)
				}
				w.drain()
				w.published(2, 1)
			})
		})
	}
}

// Where there is no room nothing is read, and a place in line is kept.
func TestNoRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, g := newWorld(t, memcloud.Options{}), &governed{wait: 42 * time.Second}
		w.submit.Governor = g
		task := w.planned()
		before := w.mem.Calls()
		if err, _ := w.run(task); err == nil || err.Error() != "not yet; again in 42s" {
			t.Errorf("Handle = %v, want a wait of 42s", err)
		}
		if after := w.mem.Calls(); fmt.Sprint(after) != fmt.Sprint(before) {
			t.Errorf("calls %v, before %v: want none", after, before)
		}
		if want := fmt.Sprintf("[admit live %.4s 1]", task.Profile); fmt.Sprint(g.said) != want {
			t.Errorf("the governor heard %q, want %s", g.said, want)
		}
		g.wait = time.Hour // whoever waits long looks whether it has to
		if err, _ := w.run(task); err == nil || !strings.HasSuffix(err.Error(), "not yet; again in 1h0m0s") {
			t.Errorf("Handle = %v, want a wait of an hour", err)
		}
		if is := w.record().Build(1).State; is != ledger.Planned || w.mem.Calls()["Store.Put"] != before["Store.Put"] {
			t.Errorf("build %s, want it planned and nothing written", is)
		}
		g.err = errors.New("no Redis")
		if err, _ := w.run(task); err == nil || queue.IsVerdict(err) {
			t.Errorf("Handle = %v without a governor's answer, want a failure", err)
		}
		g.wait, g.err = 0, nil
		w.drain()
		w.published(1, 1)
	})
}

// What needs no room does not wait for it long: a job that was made is adopted,
// one that runs for nobody is canceled; and a job that is still to be made is
// not made without room, whatever was looked for before.
func TestNoRoomForWhatNeedsNone(t *testing.T) {
	for _, tt := range []struct {
		name  string
		made  bool // the job of the first run
		other bool // another source is wanted since
		state ledger.State
		jobs  string // their states
		err   string
	}{
		{"adopted", true, false, ledger.Transcoding, "[PROGRESSING]", "<nil>"},
		{"superseded", true, true, ledger.Superseded, "[CANCELED]", "<nil>"},
		{"not made", false, false, ledger.Submitting, "[]", "not yet; again in 6h0m0s"},
		{"not made and superseded", false, true, ledger.Superseded, "[]", "<nil>"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w, g := newWorld(t, memcloud.Options{Run: func(cloud.JobSpec) time.Duration { return time.Hour }}), &governed{}
				w.submit.Governor = g
				task := w.planned()
				lose := func(op, _ string) error {
					if op == "Transcoder.Submit" {
						return cloud.ErrUnavailable
					}
					return nil
				}
				if hooks := (memcloud.Hooks{After: lose}); tt.made {
					w.mem.SetHooks(hooks)
				} else {
					w.mem.SetHooks(memcloud.Hooks{Before: lose})
				}
				w.run(task)
				w.mem.SetHooks(memcloud.Hooks{})
				if tt.other {
					w.upload("two")
					w.must(w.ingest.Handle(t.Context(), tasks.Ingest{Bucket: source.Bucket, Key: source.Key}))
				}
				g.wait = 6 * time.Hour
				var err error
				for range 3 {
					time.Sleep(7 * time.Minute)
					if err, _ = w.run(task); err == nil {
						break
					}
				}
				states := []cloud.JobState{}
				for _, j := range w.mem.Transcoder.Jobs() {
					states = append(states, j.State)
				}
				r := w.record()
				if got := fmt.Sprint(err); !strings.HasSuffix(got, tt.err) || r.Build(1).State != tt.state || fmt.Sprint(states) != tt.jobs {
					t.Errorf("Handle = %s, build %s, jobs %v; want %s, %s, %s", got, r.Build(1).State, states, tt.err, tt.state, tt.jobs)
				}
				if n := r.Unresolved(); len(n) != 0 {
					t.Errorf("builds %v may have a job that runs for nobody", n)
				}
			})
		})
	}
}

// Live jobs are ahead of bulk ones, within MediaConvert's bounds.
func TestPriority(t *testing.T) {
	for _, tt := range []struct{ own, live, bulk int }{{0, 20, 0}, {-50, -30, -50}, {40, 50, 40}, {50, 50, 49}} {
		for lane, want := range map[tasks.Lane]int{tasks.Live: tt.live, "": tt.live, tasks.Bulk: tt.bulk} {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, memcloud.Options{})
				profile := w.profile(fmt.Sprintf("priority: %d\n", tt.own))
				w.upload("one")
				w.must(w.queue.Enqueue(t.Context(), tasks.Ingest{Bucket: source.Bucket, Key: source.Key, Profile: profile, Lane: lane}))
				w.drain()
				r, _ := w.mem.Transcoder.Request(w.record().Build(1).Job)
				if r.Priority != want {
					t.Errorf("priority %d of a profile with %d, lane %q; want %d", r.Priority, tt.own, lane, want)
				}
			})
		}
	}
}
