package ledger

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/vodfleet/vodfleet/internal/cloud"
)

// An intent is renewed by one of the runs that meet it, and only once its job
// can come to be no more.
func TestRenew(t *testing.T) {
	const of = "asset " + asset + " build 1"
	h := begin(t).plan(revA)
	h.do(h.Intend(h.now, 1, "token-1"))
	at := h.Build(1).Intent.At
	for _, tt := range []struct {
		name string
		try  func() error
		want string
	}{
		{"renew at once", func() error { return h.Renew(at, 1, "t") }, "renew the intent of " + of + ": it is 0s old, and its job may come to be until 6m0s"},
		{"a look-up too early", func() error { return h.Looked(h.now, 1, at.Add(IntentGuard-time.Second)) }, "note the look-up of " + of + ": it began 5m59s after the intent, and counts from 6m0s"},
		{"renew without a look-up", func() error { return h.Renew(at.Add(time.Hour), 1, "t") }, "renew the intent of " + of + ": its job has not been looked for"},
		{"refusal of another intent", func() error { return h.Refused(h.now, 1, at.Add(time.Millisecond), "") }, "withdraw the intent of " + of + ": it has another intent"},
		{"a look-up in time", func() error { return h.Looked(h.now, 1, at.Add(IntentGuard)) }, "<nil>"},
		{"again", func() error { return h.Looked(h.now, 1, at.Add(time.Hour)) }, "unchanged"},
		{"no token", func() error { return h.Renew(at.Add(time.Hour), 1, "") }, "renew the intent of " + of + ` build 1: token "": want 1 to 64 ASCII characters`},
		{"renew", func() error { return h.Renew(at.Add(time.Hour), 1, "token-2") }, "<nil>"},
		{"the other run", func() error { return h.Renew(at.Add(time.Hour), 1, "token-2") }, "renew the intent of " + of + ": it is 0s old, and its job may come to be until 6m0s"},
		{"and counts what had no answer", func() error { return fmt.Errorf("%d", h.Build(1).Intent.Unanswered) }, "1"},
		{"refused", func() error { return h.Refused(h.now, 1, at.Add(time.Hour), "throttled") }, "<nil>"},
		{"renew what was refused", func() error { return h.Renew(at.Add(time.Hour), 1, "token-3") }, "<nil>"},
	} {
		if tt.name == "no token" {
			tt.want = "renew the intent of " + of + `: token "": want 1 to 64 ASCII characters`
		}
		if got := fmt.Sprint(tt.try()); got != tt.want {
			t.Errorf("%s: %s\nwant %s", tt.name, got, tt.want)
		}
	}
	if i := h.Build(1).Intent; i.Renewals != 2 || i.Unanswered != 0 || i.Refused || !i.Looked.IsZero() || i.Token != "token-3" {
		t.Errorf("intent %+v, want a young one, the third", i)
	}
}

// A failure that was redriven counts no more; what fails again does.
func TestRedriveStartsAgain(t *testing.T) {
	h := begin(t).plan(revA)
	for n := 1; n <= 3; n++ {
		h.submit(n).do(h.FailBuild(h.now, n, transient))
		if n < 3 {
			h.replan(n)
		}
	}
	if n := h.Attempts(revA); n != 3 {
		t.Fatalf("%d attempts, want 3", n)
	}
	h.do(h.Redrive(h.now, func(old Build, number int) (cloud.JobSpec, error) {
		if old.Number != 3 || number != 4 {
			t.Errorf("a spec is asked for build %d after %d, want 4 after 3", number, old.Number)
		}
		return *old.Spec, nil
	}))
	if h.Attempts(revA) != 0 || h.Failed() != nil || !h.Open() || h.Status() != "planned" {
		t.Errorf("redriven: %d attempts, %v, %s", h.Attempts(revA), h.Failed(), h.Status())
	}
	h.submit(4).do(h.FailBuild(h.now, 4, transient))
	if h.Attempts(revA) != 1 || h.Failed() == nil {
		t.Errorf("failed again: %d attempts, %v", h.Attempts(revA), h.Failed())
	}
	if err := h.Redrive(h.now, func(Build, int) (cloud.JobSpec, error) { return cloud.JobSpec{}, fmt.Errorf("no folder") }); err == nil || h.Failed() == nil {
		t.Errorf("Redrive = %v without a spec, want its error and nothing changed", err)
	}
}

// A quarantine is the file's: under no profile is it tried again, until it is
// redriven or other bytes come.
func TestQuarantine(t *testing.T) {
	h := begin(t).plan(revX).submit(1)
	h.do(h.FailBuild(h.now, 1, quarantined))
	if d := h.Decide(revA); d.Kind != KindFailed || d.Failure.Message != "no video" {
		t.Errorf("the same bytes under another profile: %+v, want failed", d)
	}
	if d := h.Decide(revB); d.Kind != KindNew {
		t.Errorf("other bytes: %+v, want new", d)
	}
	h.do(h.Redrive(h.now, respec))
	if d := h.Decide(revA); d.Kind != KindNew {
		t.Errorf("after a redrive: %+v, want new", d)
	}
	h = begin(t)
	h.do(h.FailSource(h.now, src(revA), revA, quarantined))
	if d := h.Decide(revX); d.Kind != KindFailed {
		t.Errorf("a source in quarantine under another profile: %+v, want failed", d)
	}
}

func TestRollback(t *testing.T) {
	h := begin(t).plan(revA).publish(1).plan(revB).publish(2)
	h.do(h.Rollback(h.now))
	if got, want := gist(h.Record), "A1* published, B2- published; wants A, 3/2/2"; got != want {
		t.Errorf("rolled back: %s, want %s", got, want)
	}
	if d := h.Decide(revB); d.Kind != KindRejected {
		t.Errorf("the next report: %+v, want rejected", d)
	}
	if err := h.Rollback(h.now); err == nil {
		t.Error("a repeat goes forward again")
	}
	h.do(h.EntriesWritten(h.now, 3)).do(h.Live(h.now, 3)).do(h.Accept(h.now, "revB"))
	if d := h.Decide(revB); d.Kind != KindStanding || d.Build != 2 {
		t.Errorf("accepted again: %+v, want its build standing", d)
	}
	if err := begin(t).plan(revA).publish(1).Rollback(start); fmt.Sprint(err) != "roll back asset "+asset+": it has no previous build" {
		t.Errorf("Rollback of a first publication = %v", err)
	}
	h = begin(t).plan(revA).publish(1).plan(revB).publish(2)
	for i := range maxRejected + 5 {
		h.Rejected = append(h.Rejected, fmt.Sprint("old", i))
	}
	h.do(h.Rollback(h.now))
	if n := len(h.Rejected); n != maxRejected || !slices.Contains(h.Rejected, "revB") {
		t.Errorf("%d revisions are remembered as rejected, want %d with the last", n, maxRejected)
	}
}
