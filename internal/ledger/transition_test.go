package ledger

import (
	"maps"
	"slices"
	"testing"
	"time"
)

// states are records whose build 1, of revision A, is in one state each.
var states = map[string]func(h *history) *history{
	"nothing":       func(h *history) *history { return h },
	"source failed": func(h *history) *history { return h.do(h.FailSource(h.now, src(revA), revA, badSource)) },
	"source gone":   func(h *history) *history { return h.do(h.FailSource(h.now, src(revA), revA, gone)) },
	"planned":       func(h *history) *history { return h.plan(revA) },
	"submitting":    func(h *history) *history { return h.plan(revA).do(h.Intend(h.now, 1, "token-1")) },
	"submitting, looked": func(h *history) *history {
		h = h.plan(revA).do(h.Intend(h.now, 1, "token-1"))
		return h.do(h.Looked(h.now, 1, h.now))
	},
	"submitting, refused": func(h *history) *history {
		h = h.plan(revA).do(h.Intend(h.now, 1, "token-1"))
		return h.do(h.Refused(h.now, 1, h.Build(1).Intent.At, "throttled"))
	},
	"submitting, renewed": func(h *history) *history {
		h = h.plan(revA).do(h.Intend(h.now, 1, "token-1"))
		h.do(h.Looked(h.now, 1, h.now)).do(h.Renew(h.now, 1, "token-1"))
		h.now = h.Build(1).Intent.At.Add(time.Minute)
		return h
	},
	"superseded refused": func(h *history) *history {
		h = h.plan(revA).do(h.Intend(h.now, 1, "token-1"))
		return h.do(h.Refused(h.now, 1, h.Build(1).Intent.At, "throttled")).do(h.Supersede(h.now, 1))
	},
	"failed publish": func(h *history) *history {
		return h.plan(revA).submit(1).do(h.Completed(h.now, 1)).do(h.FailBuild(h.now, 1, incomplete))
	},
	"failed publish again": func(h *history) *history {
		h = h.plan(revA).submit(1).do(h.Completed(h.now, 1)).do(h.FailBuild(h.now, 1, incomplete))
		return h.do(h.Redrive(h.now, respec)).do(h.FailBuild(h.now, 1, incomplete))
	},
	"failed, redriven": func(h *history) *history {
		return h.plan(revA).submit(1).do(h.FailBuild(h.now, 1, badSource)).do(h.Redrive(h.now, respec))
	},
	"source failed, redriven": func(h *history) *history {
		return h.do(h.FailSource(h.now, src(revA), revA, badSource)).do(h.Redrive(h.now, respec))
	},
	"quarantined by another profile": func(h *history) *history {
		return h.plan(revX).submit(1).do(h.FailBuild(h.now, 1, quarantined))
	},
	"rolled back": func(h *history) *history {
		return h.plan(revA).publish(1).plan(revB).publish(2).do(h.Rollback(h.now))
	},
	"rolled back, newer on its way": func(h *history) *history {
		return h.plan(revA).publish(1).plan(revB).publish(2).plan(revC).do(h.Rollback(h.now))
	},
	"transcoding": func(h *history) *history { return h.plan(revA).submit(1) },
	"transcoded":  func(h *history) *history { return h.plan(revA).submit(1).do(h.Completed(h.now, 1)) },
	"current":     func(h *history) *history { return h.plan(revA).publish(1) },
	"current, not live": func(h *history) *history {
		return h.plan(revA).submit(1).do(h.Completed(h.now, 1)).do(h.Switch(h.now, 1, outputs))
	},
	"previous": func(h *history) *history { return h.plan(revA).publish(1).plan(revB).publish(2) },
	"standing": func(h *history) *history { return h.plan(revA).publish(1).plan(revB).publish(2).plan(revC).publish(3) },
	"previous, wanted again": func(h *history) *history {
		h = h.plan(revA).publish(1).plan(revB).publish(2)
		return h.do(h.WantStanding(h.now, src(revA), revA, 1))
	},
	"standing, wanted again": func(h *history) *history {
		h = h.plan(revA).publish(1).plan(revB).publish(2).plan(revC).publish(3)
		return h.do(h.WantStanding(h.now, src(revA), revA, 1))
	},
	"failed":             func(h *history) *history { return h.plan(revA).submit(1).do(h.FailBuild(h.now, 1, badSource)) },
	"failed, gone":       func(h *history) *history { return h.plan(revA).submit(1).do(h.FailBuild(h.now, 1, gone)) },
	"failed unsubmitted": func(h *history) *history { return h.plan(revA).do(h.FailBuild(h.now, 1, badSource)) },
	"failed, others wanted": func(h *history) *history {
		return h.plan(revA).submit(1).do(h.FailBuild(h.now, 1, badSource)).plan(revB)
	},
	"superseded planned": func(h *history) *history { return h.plan(revA).do(h.Supersede(h.now, 1)) },
	"superseded submitting": func(h *history) *history {
		return h.plan(revA).do(h.Intend(h.now, 1, "token-1")).do(h.Supersede(h.now, 1))
	},
	"superseded transcoding": func(h *history) *history { return h.plan(revA).submit(1).do(h.Supersede(h.now, 1)) },
	"superseded transcoded": func(h *history) *history {
		return h.plan(revA).submit(1).do(h.Completed(h.now, 1)).do(h.Supersede(h.now, 1))
	},
	"superseded failed": func(h *history) *history {
		return h.plan(revA).submit(1).do(h.Supersede(h.now, 1)).do(h.FailBuild(h.now, 1, transient))
	},
	"retiring": func(h *history) *history {
		return h.plan(revA).publish(1).plan(revB).publish(2).plan(revC).publish(3).retiring(1)
	},
	"retired": func(h *history) *history {
		h = h.plan(revA).publish(1).plan(revB).publish(2).plan(revC).publish(3).retiring(1)
		return h.do(h.Retired(h.now, 1))
	},
	"failed, retiring": func(h *history) *history {
		return h.plan(revA).submit(1).do(h.FailBuild(h.now, 1, badSource)).retiring(1)
	},
	"removed": func(h *history) *history { return h.plan(revA).publish(1).do(h.Remove(h.now, "rights")) },
	"removed, shut": func(h *history) *history {
		return h.plan(revA).publish(1).do(h.Remove(h.now, "rights")).do(h.EntriesWritten(h.now, h.Seq))
	},
	"removed, files gone": func(h *history) *history {
		h = h.plan(revA).publish(1).do(h.Remove(h.now, "rights")).do(h.EntriesWritten(h.now, h.Seq))
		return h.do(h.Retired(h.now, 1)).do(h.Live(h.now, h.Seq))
	},
	"removed, done":          func(h *history) *history { return h.plan(revA).publish(1).remove() },
	"removed, nothing known": func(h *history) *history { return h.do(h.Remove(h.now, "rights")) },
	"removed while planned":  func(h *history) *history { return h.plan(revA).do(h.Remove(h.now, "rights")) },
	"removed while submitting": func(h *history) *history {
		return h.plan(revA).do(h.Intend(h.now, 1, "token-1")).do(h.Remove(h.now, "rights"))
	},
	"removed while transcoding": func(h *history) *history { return h.plan(revA).submit(1).do(h.Remove(h.now, "rights")) },
	"removed, job over": func(h *history) *history {
		return h.plan(revA).submit(1).do(h.Remove(h.now, "rights")).do(h.FailBuild(h.now, 1, transient))
	},
	"removed when failed": func(h *history) *history {
		return h.plan(revA).submit(1).do(h.FailBuild(h.now, 1, badSource)).do(h.Remove(h.now, "rights"))
	},
	"removed while replaced": func(h *history) *history {
		return h.plan(revA).publish(1).plan(revB).submit(2).do(h.Remove(h.now, "rights"))
	},
	"restored":          func(h *history) *history { return h.plan(revA).publish(1).remove().do(h.Restore(h.now)) },
	"restored, planned": func(h *history) *history { return h.plan(revA).publish(1).remove().do(h.Restore(h.now)).plan(revA) },
	"restored and shown": func(h *history) *history {
		return h.plan(revA).publish(1).remove().do(h.Restore(h.now)).plan(revA).publish(2)
	},
	"failed, restored": func(h *history) *history {
		h = h.plan(revA).submit(1).do(h.FailBuild(h.now, 1, quarantined)).do(h.Remove(h.now, "rights")).retiring(1)
		return h.do(h.Retired(h.now, 1)).do(h.Restore(h.now))
	},
	"failed, retired": func(h *history) *history {
		h = h.plan(revA).submit(1).do(h.FailBuild(h.now, 1, badSource)).retiring(1)
		return h.do(h.Retired(h.now, 1))
	},
}

// transitions are all there are, on build 1 or on revision A.
var transitions = map[string]func(r *Record, now time.Time) error{
	"plan": func(r *Record, now time.Time) error { _, err := r.Plan(now, src(revA), revA, spec, nil); return err },
	"plan D": func(r *Record, now time.Time) error {
		d := rev("D")
		_, err := r.Plan(now, src(d), d, spec, nil)
		return err
	},
	"replan":        func(r *Record, now time.Time) error { _, err := r.Replan(now, 1, spec); return err },
	"want":          func(r *Record, now time.Time) error { return r.WantStanding(now, src(revA), revA, 1) },
	"fail source":   func(r *Record, now time.Time) error { return r.FailSource(now, src(revA), revA, badSource) },
	"fail source D": func(r *Record, now time.Time) error { d := rev("D"); return r.FailSource(now, src(d), d, badSource) },
	"intend":        func(r *Record, now time.Time) error { return r.Intend(now, 1, "token-1") },
	"looked":        func(r *Record, now time.Time) error { return r.Looked(now, 1, now) },
	"looked early":  func(r *Record, now time.Time) error { return r.Looked(now, 1, start.Add(time.Hour+IntentGuard-1)) },
	"refused":       func(r *Record, now time.Time) error { return r.Refused(now, 1, start.Add(time.Hour), "throttled") },
	"renew":         func(r *Record, now time.Time) error { return r.Renew(now, 1, "token-1") },
	"redrive":       func(r *Record, now time.Time) error { return r.Redrive(now, respec) },
	"rollback":      func(r *Record, now time.Time) error { return r.Rollback(now) },
	"remove":        func(r *Record, now time.Time) error { return r.Remove(now, "rights") },
	"cleared":       func(r *Record, now time.Time) error { return r.Cleared(now) },
	"cleared early": func(r *Record, now time.Time) error { return r.Cleared(now.Add(-time.Hour)) },
	"restore":       func(r *Record, now time.Time) error { return r.Restore(now) },
	"submitted":     func(r *Record, now time.Time) error { return r.Submitted(now, 1, "job-1") },
	"submitted x":   func(r *Record, now time.Time) error { return r.Submitted(now, 1, "job-x") },
	"completed":     func(r *Record, now time.Time) error { return r.Completed(now, 1) },
	"fail":          func(r *Record, now time.Time) error { return r.FailBuild(now, 1, transient) },
	"supersede":     func(r *Record, now time.Time) error { return r.Supersede(now, 1) },
	"switch":        func(r *Record, now time.Time) error { return r.Switch(now, 1, outputs) },
	"fail switch":   func(r *Record, now time.Time) error { return r.FailSwitch(now, 1, transient) },
	"entries":       func(r *Record, now time.Time) error { return r.EntriesWritten(now, 1) },
	"live":          func(r *Record, now time.Time) error { return r.Live(now, 1) },
	"retiring":      func(r *Record, now time.Time) error { return r.Retiring(now, 1) },
	"retired":       func(r *Record, now time.Time) error { return r.Retired(now, 1) },
}

// TestTransitions tries every transition on every state.
func TestTransitions(t *testing.T) {
	for _, state := range slices.Sorted(maps.Keys(states)) {
		for _, transition := range slices.Sorted(maps.Keys(transitions)) {
			t.Run(state+"/"+transition, func(t *testing.T) {
				h := states[state](begin(t))
				want, ok := legal[state][transition]
				if !ok {
					want = "no"
				}
				got := outcome(t, h.Record, func(r *Record) error { return transitions[transition](r, h.now) })
				if got != want {
					t.Errorf("becomes %q, want %q", got, want)
				}
			})
		}
	}
}
