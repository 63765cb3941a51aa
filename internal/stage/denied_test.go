package stage_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/hibiken/asynq"
	"github.com/vodfleet/vodfleet/internal/cloud"
	"github.com/vodfleet/vodfleet/internal/cloud/memcloud"
	"github.com/vodfleet/vodfleet/internal/ledger"
	"github.com/vodfleet/vodfleet/internal/queue"
	"github.com/vodfleet/vodfleet/internal/stage"
	"github.com/vodfleet/vodfleet/tasks"
)

var errExpiredToken = &cloud.Error{Op: "CreateJob", Object: "o", Kind: cloud.ErrDenied, Code: "ExpiredTokenException"}

// The account's gate closes for denials of two assets with nobody allowed in
// between, and for none of a host whose credentials are no good.
func TestWhoIsDenied(t *testing.T) {
	const shut = "shut account 5m0s"
	for _, tt := range []struct {
		name string
		runs []string // asset and answer
		shut int      // times that the gate closes
	}{
		{"one asset, again and again", []string{"a denied", "a denied", "a denied"}, 0},
		{"two assets", []string{"a denied", "b denied"}, 1},
		{"and the probe after them", []string{"a denied", "b denied", "b denied"}, 2},
		{"one allowed in between", []string{"a denied", "c allowed", "b denied"}, 0},
		{"one allowed after them", []string{"a denied", "b denied", "c allowed", "b denied"}, 1},
		{"credentials of this host", []string{"a credentials", "b credentials", "c denied"}, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w, g := newWorld(t, memcloud.Options{}), &governed{}
				w.submit.Governor = g
				builds := map[string]tasks.TranscodeSubmit{}
				for _, name := range []string{"a", "b", "c"} {
					w.mem.Store.Seed(cloud.Put{Location: cloud.Location{Bucket: "library", Key: name + ".mp4"}, Body: []byte(name)})
					w.must(w.ingest.Handle(t.Context(), tasks.Ingest{Bucket: "library", Key: name + ".mp4"}))
				}
				for _, task := range w.queue.tasks {
					if task, ok := task.(tasks.TranscodeSubmit); ok {
						for name := range map[string]bool{"a": true, "b": true, "c": true} {
							if task.Asset == tasks.AssetID("library", name+".mp4") {
								builds[name] = task
							}
						}
					}
				}
				for _, run := range tt.runs {
					name, answer, _ := strings.Cut(run, " ")
					w.mem.SetHooks(memcloud.Hooks{Before: func(op, _ string) error {
						switch {
						case op == "Transcoder.Submit" && answer == "denied":
							return cloud.ErrDenied
						case op == "Transcoder.Submit" && answer == "credentials":
							return errExpiredToken
						}
						return nil
					}})
					if err := w.submit.Handle(t.Context(), builds[name]); (err == nil) != (answer == "allowed") || queue.IsVerdict(err) {
						t.Errorf("%s: Handle = %v, want a failure that counts unless it is allowed", run, err)
					}
				}
				closed := len(slices.DeleteFunc(slices.Clone(g.said), func(s string) bool { return s != shut }))
				if closed != tt.shut {
					t.Errorf("the governor heard %q, want the account's gate closed %d times", g.said, tt.shut)
				}
			})
		})
	}
}

// A build whose job is denied time and again fails, and its task ends; one that
// only this host may not ask for is tried by others first.
func TestDeniedForGood(t *testing.T) {
	for _, tt := range []struct {
		err      error
		failures int
		ends     bool
	}{{cloud.ErrDenied, 4, false}, {cloud.ErrDenied, 5, true}, {errExpiredToken, 5, false}, {errExpiredToken, stage.MaxFailures, true}} {
		t.Run(fmt.Sprint(tt.err, tt.failures), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w, g := newWorld(t, memcloud.Options{}), &governed{}
				w.submit.Governor = g
				task := w.planned()
				w.mem.SetHooks(memcloud.Hooks{Before: func(op, _ string) error {
					if op == "Transcoder.Submit" {
						return tt.err
					}
					return nil
				}})
				w.queue.failures[task] = tt.failures
				if err, _ := w.run(task); errors.Is(err, asynq.SkipRetry) != tt.ends {
					t.Errorf("Handle = %v, want it to end: %v", err, tt.ends)
				}
				if slices.ContainsFunc(g.said, func(s string) bool { return strings.HasPrefix(s, "shut") }) {
					t.Errorf("the governor heard %q, want no gate closed", g.said)
				}
				if tt.ends {
					w.failed(ledger.Access)
				} else if is := w.record().Failed(); is != nil {
					t.Errorf("failure %+v, want none", is)
				}
			})
		})
	}
}
